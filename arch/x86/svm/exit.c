// SPDX-License-Identifier: GPL-2.0
/* From the VMCB's exit code to the neutral exit record (APM 2, appendix C). */
#include <linux/kernel.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/mce.h>
#include <asm/processor-flags.h>
#include <asm/segment.h>
#include <asm/ptrace.h>
#include <asm/traps.h>

#include "svm.h"

static void svm_exit_cr(struct x86_vcpu *vcpu, struct vmcb_control_area *control)
{
	struct x86_exit *exit = &vcpu->exit;
	u64 info = control->exit_info_1;

	exit->reg.nr = control->exit_code & 0xf;
	exit->reg.write = control->exit_code >= SVM_EXIT_WRITE_CR0;
	/* Bit 63: MOV, and then the register; other instructions the decoder knows. */
	exit->reg.gpr = boot_cpu_has(X86_FEATURE_DECODEASSISTS) && (info & BIT_ULL(63)) ?
			info & 0xf : 0xff;
}

static void svm_exit_dr(struct x86_vcpu *vcpu, struct vmcb_control_area *control)
{
	struct x86_exit *exit = &vcpu->exit;

	exit->reg.nr = control->exit_code & 0xf;
	exit->reg.write = control->exit_code >= SVM_EXIT_WRITE_DR0;
	exit->reg.gpr = boot_cpu_has(X86_FEATURE_DECODEASSISTS) ?
			control->exit_info_1 & 0xf : 0xff;
}

static void svm_exit_io(struct x86_vcpu *vcpu, struct vmcb_control_area *control)
{
	struct x86_exit *exit = &vcpu->exit;
	u32 info = control->exit_info_1;

	exit->io.port = info >> 16;
	exit->io.in = info & SVM_IOIO_TYPE_MASK;
	exit->io.string = info & SVM_IOIO_STR_MASK;
	exit->io.rep = info & SVM_IOIO_REP_MASK;
	/* One bit for each size: 1, 2, 4 bytes; 16, 32, 64 bits. */
	exit->io.size = (info & SVM_IOIO_SIZE_MASK) >> SVM_IOIO_SIZE_SHIFT;
	exit->io.addr_size = ((info & SVM_IOIO_ASIZE_MASK) >> SVM_IOIO_ASIZE_SHIFT) * 2;
	exit->io.seg = boot_cpu_has(X86_FEATURE_DECODEASSISTS) ? info >> 10 & 7 : 0xff;
	/* Every CPU gives the next RIP here. */
	exit->insn_len = control->exit_info_2 - vcpu->rip;
}

static void svm_exit_npf(struct x86_vcpu *vcpu, struct vmcb_control_area *control)
{
	struct x86_exit *exit = &vcpu->exit;

	exit->npf.gpa = control->exit_info_2;
	exit->npf.error_code = control->exit_info_1;
	if (!boot_cpu_has(X86_FEATURE_DECODEASSISTS))
		return;
	exit->nr_bytes = min_t(u8, control->insn_len & 0xf, X86_MAX_INSN_LEN);
	memcpy(exit->bytes, control->insn_bytes, exit->nr_bytes);
}

/* The guest is about to leave its NMI handler; see svm_prepare_nmi(). */
static void svm_exit_iret(struct x86_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	svm->iret_seen = true;
	svm->iret_rip = vcpu->rip;
}

/* The hardware's, not the guest's: the host handles it as if user code had met it. */
static void svm_machine_check(void)
{
#ifdef CONFIG_X86_MCE
	struct pt_regs regs = { .cs = __USER_CS, .flags = X86_EFLAGS_IF };

	do_machine_check(&regs);
#endif
}

static void svm_exit_exception(struct x86_vcpu *vcpu, struct vmcb_control_area *control)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct x86_exit *exit = &vcpu->exit;

	exit->exception.vector = control->exit_code - SVM_EXIT_EXCP_BASE;
	exit->exception.error_code = control->exit_info_1;
	exit->exception.cr2 = control->exit_info_2;
	exit->exception.dr6 = svm->vmcb->save.dr6;

	if (exit->exception.vector == X86_TRAP_MC) {
		svm_machine_check();
		exit->reason = X86_EXIT_NONE;
	}
	/* The step to an NMI was ours alone, unless more came with it. */
	if (exit->exception.vector == X86_TRAP_DB && svm->stepping) {
		svm->stepping = false;
		svm->vmcb->save.dr6 &= ~DR_STEP;
		svm->clean &= ~SVM_CLEAN_DR;
		if (!(exit->exception.dr6 & DR_TRAP_BITS))
			exit->reason = X86_EXIT_NMI_WINDOW;
	}
}

#define SVM_INSN(name)	\
	[SVM_EXIT_##name] = X86_EXIT_##name

static const u8 svm_reasons[] = {
	[SVM_EXIT_WRITE_CR4]	= X86_EXIT_CR,
	[SVM_EXIT_WRITE_CR8]	= X86_EXIT_CR,
	[SVM_EXIT_READ_DR0 ... SVM_EXIT_WRITE_DR7] = X86_EXIT_DR,
	[SVM_EXIT_EXCP_BASE ... SVM_EXIT_LAST_EXCP] = X86_EXIT_EXCEPTION,
	[SVM_EXIT_INTR]		= X86_EXIT_NONE,
	[SVM_EXIT_NMI]		= X86_EXIT_NONE,
	[SVM_EXIT_IRET]		= X86_EXIT_NONE,
	[SVM_EXIT_SMI]		= X86_EXIT_SMI,
	[SVM_EXIT_INIT]		= X86_EXIT_INIT,
	[SVM_EXIT_VINTR]	= X86_EXIT_IRQ_WINDOW,
	[SVM_EXIT_IOIO]		= X86_EXIT_IO,
	[SVM_EXIT_MSR]		= X86_EXIT_MSR,
	[SVM_EXIT_SHUTDOWN]	= X86_EXIT_SHUTDOWN,
	[SVM_EXIT_VMMCALL]	= X86_EXIT_HYPERCALL,
	[SVM_EXIT_NPF]		= X86_EXIT_NPF,
	SVM_INSN(CPUID), SVM_INSN(HLT), SVM_INSN(RDPMC), SVM_INSN(INVD),
	SVM_INSN(WBINVD), SVM_INSN(XSETBV), SVM_INSN(MONITOR), SVM_INSN(MWAIT),
	SVM_INSN(PAUSE),
	[SVM_EXIT_VMRUN] = X86_EXIT_UD_INSN,
	[SVM_EXIT_VMLOAD ... SVM_EXIT_SKINIT] = X86_EXIT_UD_INSN,
	[SVM_EXIT_INVLPGA]	= X86_EXIT_UD_INSN,
	[SVM_EXIT_RDPRU]	= X86_EXIT_UD_INSN,
	[SVM_EXIT_RSM]		= X86_EXIT_UD_INSN,
};

/*
 * The delivery of this event was cut short; whoever enters next delivers it
 * again. An INT n, INT3 or INTO of the guest comes again by itself, since RIP
 * still stands on it (APM 2, 15.7.2); CPUs that do not save the next RIP are
 * taken to have left it behind, and only the event can bring it back.
 */
static void svm_fill_vectoring(struct x86_event *event, struct vmcb_control_area *control)
{
	u32 info = control->exit_int_info;

	event->vector = info & SVM_EXITINTINFO_VEC_MASK;
	event->has_error = info & SVM_EXITINTINFO_VALID_ERR;
	event->error_code = event->has_error ? control->exit_int_info_err : 0;

	switch (info & SVM_EXITINTINFO_TYPE_MASK) {
	case SVM_EXITINTINFO_TYPE_NMI:
		event->type = X86_EVENT_NMI;
		break;
	case SVM_EXITINTINFO_TYPE_EXEPT:
		event->type = event->vector == X86_TRAP_BP || event->vector == X86_TRAP_OF ?
			      X86_EVENT_SOFT_EXCEPTION : X86_EVENT_EXCEPTION;
		/* There is no such: QEMU says so of a virtual interrupt. */
		if (event->vector >= NUM_EXCEPTION_VECTORS)
			event->type = X86_EVENT_INTERRUPT;
		break;
	case SVM_EXITINTINFO_TYPE_SOFT:
		event->type = boot_cpu_has(X86_FEATURE_NRIPS) ?
			      X86_EVENT_NONE : X86_EVENT_SOFT_INTERRUPT;
		break;
	default:
		event->type = X86_EVENT_INTERRUPT;
		break;
	}
}

static void svm_fill_details(struct x86_vcpu *vcpu, struct vmcb_control_area *control)
{
	switch (vcpu->exit.hw_reason) {
	case SVM_EXIT_WRITE_CR4:
	case SVM_EXIT_WRITE_CR8:
		svm_exit_cr(vcpu, control);
		break;
	case SVM_EXIT_READ_DR0 ... SVM_EXIT_WRITE_DR7:
		svm_exit_dr(vcpu, control);
		break;
	case SVM_EXIT_EXCP_BASE ... SVM_EXIT_LAST_EXCP:
		svm_exit_exception(vcpu, control);
		break;
	case SVM_EXIT_IOIO:
		svm_exit_io(vcpu, control);
		break;
	case SVM_EXIT_MSR:
		vcpu->exit.msr.write = control->exit_info_1;
		break;
	case SVM_EXIT_NPF:
		svm_exit_npf(vcpu, control);
		break;
	case SVM_EXIT_IRET:
		svm_exit_iret(vcpu);
		break;
	case SVM_EXIT_VINTR:
		/* The window has served; whoever needs another asks for it. */
		vcpu->want_irq_window = false;
		break;
	}
}

void svm_fill_exit(struct x86_vcpu *vcpu)
{
	struct vmcb_control_area *control = &to_svm(vcpu)->vmcb->control;
	struct x86_exit *exit = &vcpu->exit;
	u32 code = control->exit_code;

	exit->hw_reason = code;
	exit->hw_info[0] = control->exit_info_1;
	exit->hw_info[1] = control->exit_info_2;
	exit->isa = KVM_ISA_SVM;
	exit->nr_bytes = 0;
	exit->insn_len = 0;
	if (boot_cpu_has(X86_FEATURE_NRIPS) && control->next_rip)
		exit->insn_len = control->next_rip - vcpu->rip;
	exit->vectoring.type = X86_EVENT_NONE;
	if (unlikely(control->exit_int_info & SVM_EXITINTINFO_VALID))
		svm_fill_vectoring(&exit->vectoring, control);
	/* Also one whose delivery was cut short: it comes again from there. */
	exit->irq_taken = !to_svm(vcpu)->irq_window &&
			  (!(control->int_ctl & V_IRQ_MASK) ||
			   exit->vectoring.type == X86_EVENT_INTERRUPT);

	/* VMEXIT_INVALID is -1: beyond the table like all that is unknown. */
	if (unlikely(code >= ARRAY_SIZE(svm_reasons))) {
		exit->reason = code == (u32)SVM_EXIT_ERR ? X86_EXIT_FAIL_ENTRY :
							   X86_EXIT_UNKNOWN;
		return;
	}
	exit->reason = svm_reasons[code];
	svm_fill_details(vcpu, control);
}
