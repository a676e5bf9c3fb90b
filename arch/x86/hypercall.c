// SPDX-License-Identifier: GPL-2.0
/* VMMCALL: the calls of Documentation/virt/kvm/x86/hypercalls.rst. */
#include <linux/kvm_para.h>
#include <linux/mm.h>
#include <asm/msr-index.h>

#include <kvm/guest_io.h>

#include "backend.h"
#include "insn.h"
#include "regs.h"
#include "run.h"
#include "trace.h"
#include "walk.h"

/* The last byte of VMMCALL; of VMCALL, the call of Intel, it is all that differs. */
#define VMMCALL_LAST_BYTE	0xd9

bool x86_in_64bit_code(struct x86_vcpu *vcpu)
{
	x86_fetch(vcpu, X86_GROUP_CONTROL);
	x86_fetch_code(vcpu);
	return (vcpu->efer & EFER_LMA) && vcpu->seg[X86_CS].l;
}

static void set_result(struct x86_vcpu *vcpu, u64 result)
{
	vcpu->gpr[X86_RAX] = x86_in_64bit_code(vcpu) ? result : (u32)result;
}

static int complete_map_gpa_range(struct x86_vcpu *vcpu)
{
	set_result(vcpu, READ_ONCE(vcpu->vcpu.run->hypercall.ret));
	return x86_skip_insn(vcpu);
}

/* Whether memory is private is userspace's decision, which may refuse. */
static int map_gpa_range(struct x86_vcpu *vcpu, const unsigned long *args, bool wide)
{
	struct kvm_run *run = vcpu->vcpu.run;
	gfn_t gfn = gpa_to_gfn(args[0]);

	if (!(READ_ONCE(to_x86_vm(vcpu->vcpu.kvm)->exit_hypercalls) &
	      BIT(KVM_HC_MAP_GPA_RANGE)))
		return -KVM_ENOSYS;
	if (!PAGE_ALIGNED(args[0]) || gfn + args[1] <= gfn)
		return -KVM_EINVAL;

	run->exit_reason = KVM_EXIT_HYPERCALL;
	run->hypercall.nr = KVM_HC_MAP_GPA_RANGE;
	run->hypercall.args[0] = args[0];
	run->hypercall.args[1] = args[1];
	run->hypercall.args[2] = args[2];
	run->hypercall.flags = wide ? KVM_EXIT_HYPERCALL_LONG_MODE : 0;
	run->hypercall.ret = 0;
	vcpu->complete = complete_map_gpa_range;
	return 0;
}

int x86_handle_hypercall(struct x86_vcpu *vcpu)
{
	bool wide = x86_in_64bit_code(vcpu);
	unsigned long nr = vcpu->gpr[X86_RAX];
	unsigned long args[4] = {
		vcpu->gpr[X86_RBX], vcpu->gpr[X86_RCX],
		vcpu->gpr[X86_RDX], vcpu->gpr[X86_RSI],
	};
	long r;
	int i;

	if (!wide) {
		nr = (u32)nr;
		for (i = 0; i < ARRAY_SIZE(args); i++)
			args[i] = (u32)args[i];
	}
	vcpu->stat.hypercalls++;
	trace_kvm_hypercall(nr, args[0], args[1], args[2], args[3]);
	if (vcpu->cpl)
		r = -KVM_EPERM;
	else if (nr == KVM_HC_MAP_GPA_RANGE)
		r = map_gpa_range(vcpu, args, wide);
	else if (nr == KVM_HC_VAPIC_POLL_IRQ)
		r = 0;	/* the exit was all that it is for */
	else
		r = x86_pv_hypercall(vcpu, nr, args);

	if (vcpu->complete)
		return X86_RUN_EXIT;
	set_result(vcpu, r);
	return x86_skip_insn(vcpu);
}

/* With the rights of who runs there: it cannot write by this what it may not write. */
static bool patch_vmcall(struct x86_vcpu *vcpu, const struct x86_code *code)
{
	u32 access = X86_PF_WRITE | (x86_cpl(vcpu) == 3 ? X86_PF_USER : 0);
	static const u8 last = VMMCALL_LAST_BYTE;
	u64 la = vcpu->rip + code->insn.len - 1;
	struct x86_walk walk;

	if (code->mode != DECODE_64)
		la = (u32)(la + vcpu->seg[X86_CS].base);
	return !x86_walk(vcpu, la, access, &walk) &&
	       !kvm_write_guest(&vcpu->vcpu, walk.gpa, &last, sizeof(last));
}

/* A guest that was made for another vendor's CPUs comes again with the right call. */
int x86_handle_ud(struct x86_vcpu *vcpu)
{
	const struct x86_code *code = NULL;
	int r = EMUL_FAIL;

	if (x86_has_quirk(vcpu, KVM_X86_QUIRK_FIX_HYPERCALL_INSN))
		r = x86_fetch_insn(vcpu, &code);
	if (r < 0)
		return r;
	if (r == EMUL_OK && code->insn.op == OP_VMCALL && patch_vmcall(vcpu, code))
		return X86_RUN_AGAIN;
	/* The fetch may have queued what the CPU could not meet a moment ago. */
	if (r != EMUL_RETRY)
		x86_queue_ud(vcpu);
	return X86_RUN_AGAIN;
}
