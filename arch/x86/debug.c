// SPDX-License-Identifier: GPL-2.0
/* KVM_SET_GUEST_DEBUG, and the debug registers of the guest itself. */
#include <asm/debugreg.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include "backend.h"
#include "debug.h"
#include "run.h"

/* A debugger in userspace sees this exception, not the guest. */
int x86_exit_debug(struct x86_vcpu *vcpu, u8 vector, u64 dr6)
{
	struct kvm_run *run = vcpu->vcpu.run;

	x86_fetch_code(vcpu);
	run->exit_reason = KVM_EXIT_DEBUG;
	run->debug.arch = (struct kvm_debug_exit_arch) {
		.exception = vector,
		.pc = vcpu->seg[X86_CS].base + vcpu->rip,
		.dr6 = dr6,
		.dr7 = vcpu->vcpu.guest_debug & KVM_GUESTDBG_USE_HW_BP ?
		       vcpu->debug_dr7 : vcpu->dr7,
	};
	return X86_RUN_EXIT;
}

int x86_handle_debug(struct x86_vcpu *vcpu)
{
	u64 dr6 = vcpu->exit.exception.dr6;

	if (vcpu->vcpu.guest_debug & (KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_HW_BP)) {
		/* The hardware's copy goes back to what the guest had there. */
		x86_mark_dirty(vcpu, X86_GROUP_DEBUG);
		return x86_exit_debug(vcpu, X86_TRAP_DB, dr6);
	}
	/* The hardware has written DR6 already, and cleared DR7.GD where it does. */
	vcpu->dr6 = dr6;
	x86_queue_exception(vcpu, X86_TRAP_DB);
	return X86_RUN_AGAIN;
}

/*
 * The guest's first access to a debug register since the last exit. Let it do
 * this one and those that follow by itself, unless a debugger has them.
 */
int x86_handle_dr(struct x86_vcpu *vcpu)
{
	if (!(vcpu->vcpu.guest_debug & KVM_GUESTDBG_USE_HW_BP)) {
		vcpu->db_open = true;
		return X86_RUN_AGAIN;
	}
	return x86_internal_error(vcpu, KVM_INTERNAL_ERROR_EMULATION);
}

static int inject(struct x86_vcpu *vcpu, u32 control)
{
	if (vcpu->events.exception.pending)
		return -EBUSY;
	if (control & KVM_GUESTDBG_INJECT_DB)
		x86_queue_exception(vcpu, X86_TRAP_DB);
	else
		x86_queue_exception(vcpu, X86_TRAP_BP);
	return 0;
}

long x86_set_guest_debug(struct kvm_ioctl_args *args)
{
	struct x86_vcpu *vcpu = to_x86(args->vcpu);
	struct kvm_guest_debug *debug = args->data;
	u32 control = debug->control;
	int r;

	if (control & (KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP)) {
		r = inject(vcpu, control);
		if (r)
			return r;
	}
	if (!(control & KVM_GUESTDBG_ENABLE))
		control = 0;
	/* The guest's own single step does not survive a debugger's. */
	if ((args->vcpu->guest_debug ^ control) & KVM_GUESTDBG_SINGLESTEP)
		vcpu->rflags &= ~X86_EFLAGS_TF;

	args->vcpu->guest_debug = control;
	memcpy(vcpu->debug_db, debug->arch.debugreg, sizeof(vcpu->debug_db));
	vcpu->debug_dr7 = lower_32_bits(debug->arch.debugreg[7]) | DR7_FIXED_1;
	x86_mark_dirty(vcpu, X86_GROUP_DEBUG);
	x86_mark_dirty(vcpu, X86_GROUP_INTERCEPTS);
	return 0;
}
