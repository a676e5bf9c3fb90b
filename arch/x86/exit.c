// SPDX-License-Identifier: GPL-2.0
/* What an exit asks for: handled here, in a file of its own, or by userspace. */
#include <asm/debugreg.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include "backend.h"
#include "debug.h"
#include "emulate.h"
#include "irq.h"
#include "run.h"

int x86_internal_error(struct x86_vcpu *vcpu, u32 suberror)
{
	struct kvm_run *run = vcpu->vcpu.run;

	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->internal.suberror = suberror;
	run->internal.ndata = 0;
	return X86_RUN_EXIT;
}

/* Where the CPU does not tell the length of the instruction, its bytes do. */
static noinline int find_insn_len(struct x86_vcpu *vcpu)
{
	const struct x86_code *code;
	int r = x86_fetch_insn(vcpu, &code);

	return r ? x86_emul_done(vcpu, code, r) : X86_RUN_AGAIN;
}

int x86_skip_insn(struct x86_vcpu *vcpu)
{
	if (!vcpu->exit.insn_len) {
		int r = find_insn_len(vcpu);

		if (!vcpu->exit.insn_len)
			return r;
	}
	vcpu->rip += vcpu->exit.insn_len;
	vcpu->rflags &= ~X86_EFLAGS_RF;
	vcpu->intr_shadow = 0;
	if (unlikely(vcpu->vcpu.guest_debug & KVM_GUESTDBG_SINGLESTEP))
		return x86_exit_debug(vcpu, X86_TRAP_DB, DR6_RESERVED | DR_STEP);
	if (unlikely(vcpu->rflags & X86_EFLAGS_TF))
		x86_queue_debug(vcpu, DR_STEP);
	return X86_RUN_AGAIN;
}

static int handle_none(struct x86_vcpu *vcpu)
{
	vcpu->stat.irq_exits++;
	return X86_RUN_AGAIN;
}

/* The guest can take what waited for it. */
static int handle_irq_window(struct x86_vcpu *vcpu)
{
	vcpu->stat.irq_window_exits++;
	kvm_make_request(X86_REQ_EVENT, &vcpu->vcpu);
	return X86_RUN_AGAIN;
}

static int handle_nmi_window(struct x86_vcpu *vcpu)
{
	vcpu->stat.nmi_window_exits++;
	kvm_make_request(X86_REQ_EVENT, &vcpu->vcpu);
	return X86_RUN_AGAIN;
}

static int handle_fail_entry(struct x86_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->vcpu.run;

	run->exit_reason = KVM_EXIT_FAIL_ENTRY;
	run->fail_entry.hardware_entry_failure_reason = vcpu->exit.hw_reason;
	run->fail_entry.cpu = vcpu->vcpu.cpu;
	return X86_RUN_EXIT;
}

static int handle_unknown(struct x86_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->vcpu.run;

	x86_internal_error(vcpu, KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON);
	run->internal.ndata = 2;
	run->internal.data[0] = vcpu->exit.hw_reason;
	run->internal.data[1] = vcpu->vcpu.cpu;
	return X86_RUN_EXIT;
}

static int handle_shutdown(struct x86_vcpu *vcpu)
{
	/* The hardware leaves no defined state behind (APM 2, 15.14.3). */
	x86_vcpu_reset(vcpu, true);
	vcpu->vcpu.run->exit_reason = KVM_EXIT_SHUTDOWN;
	return X86_RUN_EXIT;
}

static int handle_exception(struct x86_vcpu *vcpu)
{
	const struct x86_exit *exit = &vcpu->exit;

	switch (exit->exception.vector) {
	case X86_TRAP_DB:
		return x86_handle_debug(vcpu);
	case X86_TRAP_BP:
		return x86_exit_debug(vcpu, X86_TRAP_BP, 0);
	case X86_TRAP_AC:
		x86_queue_exception_error(vcpu, X86_TRAP_AC, exit->exception.error_code);
		return X86_RUN_AGAIN;
	case X86_TRAP_UD:
		return x86_handle_ud(vcpu);
	default:
		return handle_unknown(vcpu);
	}
}

/* Delivering an event, the guest met MMIO: descriptors or stack stand there. */
static int delivery_failed(struct x86_vcpu *vcpu)
{
	const struct x86_exit *exit = &vcpu->exit;
	struct kvm_run *run = vcpu->vcpu.run;

	x86_internal_error(vcpu, KVM_INTERNAL_ERROR_DELIVERY_EV);
	run->internal.ndata = 4;
	run->internal.data[0] = exit->vectoring.vector | exit->vectoring.type << 8;
	run->internal.data[1] = exit->hw_reason;
	run->internal.data[2] = exit->npf.error_code;
	run->internal.data[3] = exit->npf.gpa;
	return X86_RUN_EXIT;
}

static int handle_npf(struct x86_vcpu *vcpu)
{
	const struct x86_exit *exit = &vcpu->exit;
	int r = x86_mmu_fault(vcpu, exit->npf.gpa, exit->npf.error_code);

	switch (r) {
	case X86_FAULT_RESUME:
		return X86_RUN_AGAIN;
	case X86_FAULT_EMULATE:
		if (exit->vectoring.type)
			return delivery_failed(vcpu);
		return x86_emulate(vcpu);
	case X86_FAULT_USER:
		return X86_RUN_EXIT;
	default:
		return r;
	}
}

static int handle_ud_insn(struct x86_vcpu *vcpu)
{
	x86_queue_ud(vcpu);
	return X86_RUN_AGAIN;
}

static int handle_hlt(struct x86_vcpu *vcpu)
{
	int r = x86_skip_insn(vcpu);

	vcpu->stat.halt_exits++;
	if (r != X86_RUN_AGAIN)
		return r;
	if (x86_irqchip_in_kernel(vcpu)) {
		vcpu->mp_state = KVM_MP_STATE_HALTED;
		return X86_RUN_AGAIN;
	}
	vcpu->vcpu.run->exit_reason = KVM_EXIT_HLT;
	return X86_RUN_EXIT;
}

/* Caches are of no concern to a guest, unless a device bypasses them. */
static int handle_wbinvd(struct x86_vcpu *vcpu)
{
	/* Of all CPUs: the vCPU may have been on any. */
	if (READ_ONCE(to_x86_vm(vcpu->vcpu.kvm)->noncoherent_dma))
		wbinvd_on_all_cpus();
	return x86_skip_insn(vcpu);
}

static int (*const handlers[X86_NR_EXITS])(struct x86_vcpu *vcpu) = {
	[X86_EXIT_NONE]		= handle_none,
	[X86_EXIT_FAIL_ENTRY]	= handle_fail_entry,
	[X86_EXIT_SHUTDOWN]	= handle_shutdown,
	[X86_EXIT_UNKNOWN]	= handle_unknown,
	[X86_EXIT_IRQ_WINDOW]	= handle_irq_window,
	[X86_EXIT_NMI_WINDOW]	= handle_nmi_window,
	[X86_EXIT_EXCEPTION]	= handle_exception,
	[X86_EXIT_CR]		= x86_handle_cr,
	[X86_EXIT_DR]		= x86_handle_dr,
	[X86_EXIT_NPF]		= handle_npf,
	[X86_EXIT_CPUID]	= x86_handle_cpuid,
	[X86_EXIT_HLT]		= handle_hlt,
	[X86_EXIT_IO]		= x86_handle_io,
	[X86_EXIT_MSR]		= x86_handle_msr,
	[X86_EXIT_HYPERCALL]	= x86_handle_hypercall,
	[X86_EXIT_RDPMC]	= x86_handle_rdpmc,
	[X86_EXIT_INVD]		= x86_skip_insn,
	[X86_EXIT_WBINVD]	= handle_wbinvd,
	[X86_EXIT_XSETBV]	= x86_handle_xsetbv,
	[X86_EXIT_MONITOR]	= x86_handle_mwait,
	[X86_EXIT_MWAIT]	= x86_handle_mwait,
	[X86_EXIT_PAUSE]	= x86_skip_insn,
	[X86_EXIT_UD_INSN]	= handle_ud_insn,
	[X86_EXIT_SMI]		= handle_none,
	[X86_EXIT_INIT]		= handle_none,
};

int x86_handle_exit(struct x86_vcpu *vcpu)
{
	u8 reason = vcpu->exit.reason;

	if (KVM_BUG_ON(reason >= X86_NR_EXITS, vcpu->vcpu.kvm))
		return -EIO;
	if (!handlers[reason])
		return handle_unknown(vcpu);
	return handlers[reason](vcpu);
}
