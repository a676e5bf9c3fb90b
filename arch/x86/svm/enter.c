// SPDX-License-Identifier: GPL-2.0
/* A vCPU's place on a host CPU, and the way into the guest. */
#include <kunit/visibility.h>
#include <linux/context_tracking.h>
#include <linux/ftrace.h>
#include <linux/irqflags.h>
#include <linux/minmax.h>
#include <linux/kernel.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/nospec-branch.h>
#include <asm/processor-flags.h>
#include <asm/spec-ctrl.h>

#include "svm.h"

/* A breakpoint of DR7 is armed, for this task or for all. */
#define DR_ENABLED	(DR_LOCAL_ENABLE_MASK | DR_GLOBAL_ENABLE_MASK)

/* False if a reboot has switched SVM off; then svm_vmrun() finds out, too. */
static bool svm_save_host(hpa_t area)
{
	asm goto("1: vmsave %0\n\t"
		 _ASM_EXTABLE(1b, %l[off])
		 : : "a" (area) : "memory" : off);
	return true;
off:
	return false;
}

/* RDTSCP and RDPID read it in the guest, and in user space to learn the CPU. */
static void svm_write_tsc_aux(u64 value)
{
	if (this_cpu_read(svm_cpu.tsc_aux) == value)
		return;
	this_cpu_write(svm_cpu.tsc_aux, value);
	wrmsrl(MSR_TSC_AUX, value);
}

/* The TSC's rate for guests, 0 for the host's; that is not touched (APM 2, 15.30.5). */
static void svm_write_tsc_ratio(u64 ratio)
{
	ratio = ratio ?: SVM_TSC_RATIO_DEFAULT;
	if (!boot_cpu_has(X86_FEATURE_TSCRATEMSR) || this_cpu_read(svm_cpu.tsc_ratio) == ratio)
		return;
	this_cpu_write(svm_cpu.tsc_ratio, ratio);
	wrmsrl(MSR_AMD64_TSC_RATIO, ratio);
}

void svm_load(struct x86_vcpu *vcpu, int cpu)
{
	struct svm_cpu *here = this_cpu_ptr(&svm_cpu);
	struct svm_vcpu *svm = to_svm(vcpu);

	/* Another guest may have trained the branch predictors. */
	if (here->last_vcpu != svm->id) {
		here->last_vcpu = svm->id;
		indirect_branch_prediction_barrier();
	}
	/* Clean bits speak of what this CPU has seen (APM 2, 15.15.1). */
	if (svm->asid.cpu != cpu)
		svm->clean = 0;
	/* What VMLOAD brings back after each exit does not change while we are here. */
	svm->entry.host_pa = here->host_pa;
	svm_save_host(here->host_pa);
	svm_write_tsc_ratio(vcpu->tsc_ratio);
}

void svm_put(struct x86_vcpu *vcpu)
{
	svm_write_tsc_aux(this_cpu_read(svm_cpu.host_tsc_aux));
}

VISIBLE_IF_KUNIT void svm_prepare_asid(struct x86_vcpu *vcpu)
{
	struct svm_cpu *here = this_cpu_ptr(&svm_cpu);
	struct svm_vcpu *svm = to_svm(vcpu);
	struct vmcb_control_area *control = &svm->vmcb->control;
	int cpu = vcpu->vcpu.cpu;

	control->tlb_ctl = TLB_CONTROL_DO_NOTHING;
	if (likely(svm_asid_valid(&here->asids, &svm->asid, cpu) && !vcpu->flush_tlb))
		return;

	if (svm_asid_valid(&here->asids, &svm->asid, cpu) &&
	    boot_cpu_has(X86_FEATURE_FLUSHBYASID)) {
		control->tlb_ctl = TLB_CONTROL_FLUSH_ASID;
	} else {
		if (svm_asid_new(&here->asids, &svm->asid, cpu))
			control->tlb_ctl = TLB_CONTROL_FLUSH_ALL_ASID;
		control->asid = svm->asid.asid;
		svm->clean &= ~SVM_CLEAN_ASID;
	}
	vcpu->flush_tlb = false;
}

/* Events that enter with the guest (APM 2, 15.20). */
static void svm_inject(struct x86_vcpu *vcpu)
{
	static const u32 types[] = {
		[X86_EVENT_INTERRUPT]		= SVM_EVTINJ_TYPE_INTR,
		[X86_EVENT_NMI]			= SVM_EVTINJ_TYPE_NMI,
		[X86_EVENT_EXCEPTION]		= SVM_EVTINJ_TYPE_EXEPT,
		[X86_EVENT_SOFT_INTERRUPT]	= SVM_EVTINJ_TYPE_SOFT,
		[X86_EVENT_SOFT_EXCEPTION]	= SVM_EVTINJ_TYPE_EXEPT,
	};
	struct vmcb_control_area *control = &to_svm(vcpu)->vmcb->control;
	const struct x86_event *event = &vcpu->event;

	if (likely(!event->type)) {
		control->event_inj = 0;
		return;
	}
	control->event_inj = event->vector | types[event->type] | SVM_EVTINJ_VALID;
	if (event->has_error)
		control->event_inj |= SVM_EVTINJ_VALID_ERR;
	control->event_inj_err = event->error_code;
}

/*
 * A virtual interrupt of the highest priority, which the CPU delivers when the
 * guest lets it, or exits for. CR8 exits meanwhile: what the guest writes there
 * may hold the interrupt back, and some implementations do not bear it.
 */
static void svm_set_virq(struct x86_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct vmcb_control_area *control = &svm->vmcb->control;

	svm->irq_window = vcpu->want_irq_window;
	svm->virq = svm->irq_window || vcpu->offered_irq != X86_NO_VECTOR;
	control->int_ctl &= ~V_IRQ_INJECTION_BITS_MASK;
	if (svm->virq)
		control->int_ctl |= V_IRQ_MASK | V_INTR_PRIO_MASK | V_IGN_TPR_MASK;
	control->int_vector = max(vcpu->offered_irq, 0);
	svm_set_intercept(svm->vmcb, INTERCEPT_VINTR, svm->irq_window);
	svm_set_intercept(svm->vmcb, INTERCEPT_CR8_WRITE, svm->virq || vcpu->cr8_exits);
	svm->clean &= ~(SVM_CLEAN_TPR | SVM_CLEAN_INTERCEPTS);
}

/*
 * An NMI handler ends with IRET. The exit comes before that instruction, NMIs
 * may come in behind it: if one waits, a single step takes the guest there, as
 * it does behind the instruction that follows STI or MOV SS.
 */
static void svm_prepare_nmi(struct x86_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	bool watch = vcpu->nmi_masked && !svm->iret_seen;

	if (watch != svm->iret_exits) {
		svm_set_intercept(svm->vmcb, INTERCEPT_IRET, watch);
		svm->clean &= ~SVM_CLEAN_INTERCEPTS;
		svm->iret_exits = watch;
	}
	svm->stepping = vcpu->want_nmi_window && !watch &&
			!(vcpu->rflags & X86_EFLAGS_TF);
	if (svm->stepping)
		svm->vmcb->save.rflags |= X86_EFLAGS_TF;
}

static void svm_to_vmcb(struct x86_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct vmcb_control_area *control = &svm->vmcb->control;
	struct vmcb_save_area *save = &svm->vmcb->save;

	if (boot_cpu_has(X86_FEATURE_V_SPEC_CTRL))
		save->spec_ctrl = vcpu->spec_ctrl;
	save->rax = vcpu->gpr[X86_RAX];
	save->rsp = vcpu->gpr[X86_RSP];
	save->rip = vcpu->rip;
	save->rflags = vcpu->rflags;
	control->int_state = vcpu->intr_shadow ? SVM_INTERRUPT_SHADOW_MASK : 0;

	if ((control->int_ctl & V_TPR_MASK) != vcpu->cr8) {
		control->int_ctl = (control->int_ctl & ~V_TPR_MASK) | vcpu->cr8;
		svm->clean &= ~SVM_CLEAN_TPR;
	}
	if (vcpu->dirty)
		svm_flush_groups(vcpu);
	svm_inject(vcpu);
	if (unlikely(svm->virq || vcpu->want_irq_window || vcpu->offered_irq != X86_NO_VECTOR))
		svm_set_virq(vcpu);
	if (unlikely(vcpu->nmi_masked || svm->iret_exits || vcpu->want_nmi_window))
		svm_prepare_nmi(vcpu);
	svm_prepare_asid(vcpu);
	control->clean = svm->clean;
}

static void svm_finish_nmi(struct x86_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	bool returned = svm->iret_seen && vcpu->rip != svm->iret_rip;

	if (returned) {
		svm->iret_seen = false;
		vcpu->nmi_masked = false;
	}
	/* An IRET that is done has loaded the guest's own flags. */
	if (svm->stepping && !returned)
		vcpu->rflags &= ~X86_EFLAGS_TF;
	if (vcpu->want_nmi_window && !vcpu->nmi_masked)
		kvm_make_request(X86_REQ_EVENT, &vcpu->vcpu);
}

static void svm_from_vmcb(struct x86_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct vmcb_control_area *control = &svm->vmcb->control;
	struct vmcb_save_area *save = &svm->vmcb->save;

	vcpu->gpr[X86_RAX] = save->rax;
	vcpu->gpr[X86_RSP] = save->rsp;
	vcpu->rip = save->rip;
	vcpu->rflags = save->rflags;
	vcpu->cr8 = control->int_ctl & V_TPR_MASK;
	vcpu->intr_shadow = control->int_state & SVM_INTERRUPT_SHADOW_MASK ?
			    KVM_X86_SHADOW_INT_STI | KVM_X86_SHADOW_INT_MOV_SS : 0;
	vcpu->event.type = X86_EVENT_NONE;
	svm_fetch_code(vcpu);
	vcpu->cached = BIT(X86_GROUP_CODE);
	svm->clean = SVM_CLEAN_ALL;
	if (unlikely(svm->iret_seen || vcpu->want_nmi_window))
		svm_finish_nmi(vcpu);
}

/*
 * Debug registers: VMRUN switches DR6 and DR7. DR0 to DR3 are loaded where a
 * breakpoint is armed, or where the guest is let at them: that is after its
 * first access, and until the next exit.
 */
static void svm_load_debug(struct x86_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	bool ours = vcpu->vcpu.guest_debug & KVM_GUESTDBG_USE_HW_BP;
	const u64 *db = ours ? vcpu->debug_db : vcpu->db;

	if (vcpu->db_open != svm->db_open) {
		svm->db_open = vcpu->db_open;
		svm->vmcb->control.intercepts[INTERCEPT_DR] = svm->db_open ? 0 : SVM_ALL_DR;
		svm->clean &= ~SVM_CLEAN_INTERCEPTS;
	}
	if (likely(!svm->db_open && !ours && !(vcpu->dr7 & DR_ENABLED)))
		return;

	set_debugreg(db[0], 0);
	set_debugreg(db[1], 1);
	set_debugreg(db[2], 2);
	set_debugreg(db[3], 3);
}

static void svm_save_debug(struct x86_vcpu *vcpu)
{
	struct vmcb_save_area *save = &to_svm(vcpu)->vmcb->save;

	get_debugreg(vcpu->db[0], 0);
	get_debugreg(vcpu->db[1], 1);
	get_debugreg(vcpu->db[2], 2);
	get_debugreg(vcpu->db[3], 3);
	vcpu->dr6 = save->dr6;
	vcpu->dr7 = save->dr7;
	vcpu->db_open = false;
}

/*
 * In the guest interrupts are on, and RCU may look at this CPU as it does at
 * user space: nothing in between may be traced or use RCU.
 */
static noinstr bool svm_in_guest(struct svm_entry *entry)
{
	bool ran;

	instrumentation_begin();
	trace_hardirqs_on_prepare();
	lockdep_hardirqs_on_prepare();
	instrumentation_end();
	context_tracking_guest_enter();
	lockdep_hardirqs_on(CALLER_ADDR0);

	ran = svm_vmrun(entry);

	lockdep_hardirqs_off(CALLER_ADDR0);
	context_tracking_guest_exit();
	instrumentation_begin();
	trace_hardirqs_off_finish();
	instrumentation_end();
	return ran;
}

void svm_run(struct x86_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	svm_load_debug(vcpu);
	svm_to_vmcb(vcpu);
	if (boot_cpu_has(X86_FEATURE_RDTSCP))
		svm_write_tsc_aux(vcpu->tsc_aux);
	svm->entry.guest_spec_ctrl = vcpu->spec_ctrl;
	svm->entry.host_spec_ctrl = this_cpu_read(x86_spec_ctrl_current);

	if (unlikely(!svm_in_guest(&svm->entry))) {
		vcpu->exit = (struct x86_exit) { .reason = X86_EXIT_FAIL_ENTRY };
		return;
	}

	/* Kept by entry.S, or by the CPU. */
	if (unlikely(svm->entry.read_spec_ctrl))
		vcpu->spec_ctrl = boot_cpu_has(X86_FEATURE_V_SPEC_CTRL) ?
				  svm->vmcb->save.spec_ctrl : svm->entry.guest_spec_ctrl;
	if (unlikely(svm->db_open))
		svm_save_debug(vcpu);
	/* The exit left DR7 off, whatever the host had in it. */
	if (hw_breakpoint_active())
		hw_breakpoint_restore();
	svm_from_vmcb(vcpu);
	svm_fill_exit(vcpu);
}
