// SPDX-License-Identifier: GPL-2.0
/* KVM_RUN: the loop between userspace and the guest. */
#include <linux/context_tracking.h>
#include <linux/entry-kvm.h>
#include <linux/irqflags.h>
#include <linux/jiffies.h>
#include <linux/rcupdate.h>
#include <linux/vtime.h>
#include <asm/fpu/api.h>
#include <asm/nospec-branch.h>
#include <asm/processor-flags.h>

#include "backend.h"
#include "irq.h"
#include "lapic.h"
#include "run.h"
#include "sync_regs.h"
#include "trace.h"
#include "work.h"

/* What others asked of this vCPU; X86_RUN_AGAIN unless userspace must know. */
static int x86_handle_requests(struct x86_vcpu *vcpu)
{
	struct kvm_vcpu *kv = &vcpu->vcpu;

	if (kvm_check_request(KVM_REQ_VM_DEAD, kv))
		return -EIO;
	if (kvm_check_request(KVM_REQ_DIRTY_RING_FULL, kv) && kvm_dirty_ring_full(kv))
		return X86_RUN_EXIT;
	if (kvm_check_request(X86_REQ_TRIPLE_FAULT, kv)) {
		kv->run->exit_reason = KVM_EXIT_SHUTDOWN;
		return X86_RUN_EXIT;
	}
	if (kvm_check_request(X86_REQ_MSR_FILTER, kv) &&
	    x86_backend_call(filter_msrs)(vcpu)) {
		kvm_make_request(X86_REQ_MSR_FILTER, kv);
		return -ENOMEM;
	}
	/* It woke the vCPU or kept it awake: that was all. */
	kvm_check_request(KVM_REQ_UNBLOCK, kv);
	if (kvm_check_request(KVM_REQ_TLB_FLUSH, kv)) {
		vcpu->flush_tlb = true;
		vcpu->stat.tlb_flush++;
	}
	if (kvm_check_request(X86_REQ_INTERCEPTS, kv))
		x86_mark_dirty(vcpu, X86_GROUP_INTERCEPTS);
	if (kvm_check_request(X86_REQ_CLOCK_UPDATE, kv))
		x86_clock_update(vcpu);
	if (kvm_check_request(X86_REQ_STEAL_UPDATE, kv))
		x86_steal_update(vcpu);
	if (kvm_check_request(X86_REQ_APF_READY, kv))
		x86_apf_deliver(vcpu);
	if (kvm_check_request(X86_REQ_EVENT, kv)) {
		x86_pv_eoi_settle(vcpu);
		x86_prepare_event(vcpu);
		x86_pv_eoi_offer(vcpu);
		vcpu->stat.req_event++;
	}
	if (kvm_check_request(X86_REQ_IOAPIC_EOI_EXIT, kv)) {
		kv->run->exit_reason = KVM_EXIT_IOAPIC_EOI;
		kv->run->eoi.vector = lapic_take_eoi_exit(vcpu);
		return X86_RUN_EXIT;
	}
	return X86_RUN_AGAIN;
}

/* Time in the guest is the guest's, and a quiescent state of RCU. */
static void x86_account_enter(struct x86_vcpu *vcpu)
{
	vtime_account_guest_enter();
	/* RCU looks at each tick, and the tick ends the guest: one a tick is enough. */
	if (!context_tracking_enabled_this_cpu() &&
	    time_after(jiffies, vcpu->rcu_noted)) {
		vcpu->rcu_noted = jiffies;
		rcu_virt_note_context_switch();
	}
}

static void x86_account_leave(void)
{
	/* The tick that ended the guest must see PF_VCPU. */
	local_irq_enable();
	local_irq_disable();
	vtime_account_guest_exit();
}

/* KVM_GUESTDBG_SINGLESTEP: the guest's own TF is lost, as the API has it. */
static void x86_step_enter(struct x86_vcpu *vcpu)
{
	if (unlikely(vcpu->vcpu.guest_debug & KVM_GUESTDBG_SINGLESTEP))
		vcpu->rflags |= X86_EFLAGS_TF;
}

static void x86_step_leave(struct x86_vcpu *vcpu)
{
	if (unlikely(vcpu->vcpu.guest_debug & KVM_GUESTDBG_SINGLESTEP))
		vcpu->rflags &= ~X86_EFLAGS_TF;
}

/*
 * Into the guest and out, unless somebody wants this vCPU's attention.
 * Returns whether the guest ran.
 */
static bool x86_enter(struct x86_vcpu *vcpu)
{
	struct kvm_vcpu *kv = &vcpu->vcpu;
	bool stay;

	preempt_disable();
	local_irq_disable();
	WRITE_ONCE(kv->mode, IN_GUEST_MODE);
	/*
	 * Pairs with the cmpxchg() in kvm_vcpu_exiting(): either we see the
	 * request, or who made it sees us in the guest and sends an interrupt,
	 * which waits for VMRUN.
	 */
	smp_mb();
	stay = kvm_request_pending(kv) || xfer_to_guest_mode_work_pending() ||
	       READ_ONCE(kv->mode) == EXITING_GUEST_MODE;
	if (likely(!stay)) {
		trace_kvm_entry(kv->vcpu_id, vcpu->rip);
		x86_fpu_enter(vcpu);
		x86_account_enter(vcpu);
		x86_step_enter(vcpu);
		x86_backend_call(run)(vcpu);
		x86_step_leave(vcpu);
		x86_fpu_leave(vcpu);
	}
	/*
	 * Later requests need no interrupt. Pairs with nothing: a kick that still
	 * sees us inside sends one for no purpose.
	 */
	WRITE_ONCE(kv->mode, OUTSIDE_GUEST_MODE);
	if (likely(!stay))
		x86_account_leave();
	local_irq_enable();
	vcpu->pv.between_insns = true;
	preempt_enable();
	vcpu->pv.between_insns = false;
	return !stay;
}

/* An exit that userspace asked for with request_interrupt_window: now, or when the CPU says. */
static bool x86_user_irq_window(struct x86_vcpu *vcpu)
{
	if (likely(!READ_ONCE(vcpu->vcpu.run->request_interrupt_window)) ||
	    !x86_wants_user_irq(vcpu))
		return false;
	if (!vcpu->event.type && x86_interrupt_allowed(vcpu))
		return true;
	vcpu->want_irq_window = true;
	return false;
}

/* Of an entry that did not come to be. */
static inline void take_offer_back(struct x86_vcpu *vcpu)
{
	if (unlikely(vcpu->offered_irq != X86_NO_VECTOR))
		x86_settle_offered_irq(vcpu, false);
}

static int x86_run_once(struct x86_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->vcpu.run;
	int r;

	take_offer_back(vcpu);
	if (unlikely(__xfer_to_guest_mode_work_pending())) {
		vcpu->pv.between_insns = true;
		r = x86_guest_work();
		vcpu->pv.between_insns = false;
		if (r) {
			vcpu->stat.signal_exits++;
			return r;
		}
	}
	if (unlikely(lapic_has_events(vcpu->lapic)))
		lapic_take_events(vcpu);
	if (unlikely(vcpu->mp_state != KVM_MP_STATE_RUNNABLE)) {
		r = x86_block(vcpu);
		if (r != X86_RUN_AGAIN)
			return r;
	}
	if (kvm_request_pending(&vcpu->vcpu)) {
		r = x86_handle_requests(vcpu);
		if (r != X86_RUN_AGAIN)
			return r;
	}
	if (unlikely(vcpu->mp_state != KVM_MP_STATE_RUNNABLE))
		return X86_RUN_AGAIN;
	if (unlikely(x86_user_irq_window(vcpu))) {
		run->exit_reason = KVM_EXIT_IRQ_WINDOW_OPEN;
		return X86_RUN_EXIT;
	}
	if (!x86_enter(vcpu))
		return X86_RUN_AGAIN;
	vcpu->stat.exits++;
	x86_finish_event(vcpu);
	x86_pv_eoi_settle(vcpu);
	trace_kvm_exit(vcpu->vcpu.vcpu_id, vcpu->rip, &vcpu->exit);
	return x86_handle_exit(vcpu);
}

static int x86_run_loop(struct x86_vcpu *vcpu)
{
	int r;

	x86_fpu_load(vcpu);
	do {
		r = x86_run_once(vcpu);
	} while (r == X86_RUN_AGAIN);
	take_offer_back(vcpu);
	x86_pv_eoi_settle(vcpu);
	x86_fpu_put(vcpu);
	/* Before user space runs: it must not be steered by what the guest left. */
	if (cpu_feature_enabled(X86_FEATURE_IBPB_EXIT_TO_USER))
		this_cpu_write(x86_ibpb_exit_to_user, true);
	return r;
}

/* Finish what the last KVM_RUN left to userspace. */
static int x86_complete(struct x86_vcpu *vcpu)
{
	int (*complete)(struct x86_vcpu *vcpu) = vcpu->complete;

	if (!complete)
		return X86_RUN_AGAIN;
	vcpu->complete = NULL;
	return complete(vcpu);
}

/* What userspace's interrupt controllers need to know, or its copy of the kernel's. */
static void x86_report(struct x86_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->vcpu.run;

	run->if_flag = !!(vcpu->rflags & X86_EFLAGS_IF);
	run->flags = 0;
	run->cr8 = vcpu->cr8;
	run->apic_base = vcpu->apic_base;
	run->ready_for_interrupt_injection =
		to_x86_vm(vcpu->vcpu.kvm)->chips.pic ||
		(x86_interrupt_allowed(vcpu) && !vcpu->event.type &&
		 x86_wants_user_irq(vcpu));
}

static int x86_take_cr8(struct x86_vcpu *vcpu)
{
	u64 cr8 = READ_ONCE(vcpu->vcpu.run->cr8);

	if (x86_irqchip_in_kernel(vcpu))
		return 0;
	if (cr8 > 15)
		return -EINVAL;
	vcpu->cr8 = cr8;
	return 0;
}

static int x86_run(struct x86_vcpu *vcpu, bool sync)
{
	struct kvm_vcpu *kv = &vcpu->vcpu;
	int r = 0;

	if (unlikely(sync))
		r = x86_sync_from_run(vcpu);
	if (!r)
		r = x86_take_cr8(vcpu);
	if (r)
		return r;
	vcpu->has_run = true;
	r = x86_complete(vcpu);
	if (r == X86_RUN_AGAIN && kv->wants_to_run) {
		kv->run->exit_reason = KVM_EXIT_UNKNOWN;
		r = x86_run_loop(vcpu);
		if (r == -EINTR)
			kv->run->exit_reason = KVM_EXIT_INTR;
	} else if (r == X86_RUN_AGAIN) {
		/* Userspace finishes an exit by this, and looks at it afterwards. */
		r = -EINTR;
	}
	x86_report(vcpu);
	if (unlikely(sync))
		x86_sync_to_run(vcpu);
	trace_kvm_userspace_exit(kv->vcpu_id, kv->run->exit_reason, r);
	return r;
}

/*
 * immediate_exit with nothing to finish and no registers to move, by whoever
 * wants to be sure that an exit is complete: nothing needs the vCPU loaded.
 */
static int x86_decline(struct x86_vcpu *vcpu)
{
	int r = x86_take_cr8(vcpu);

	if (r)
		return r;
	x86_report(vcpu);
	trace_kvm_userspace_exit(vcpu->vcpu.vcpu_id, vcpu->vcpu.run->exit_reason, -EINTR);
	return -EINTR;
}

int kvm_arch_vcpu_run(struct kvm_vcpu *kv)
{
	struct x86_vcpu *vcpu = to_x86(kv);
	bool sync = x86_wants_sync(kv->run);
	int r;

	if (!kv->wants_to_run && !vcpu->complete && !sync)
		return x86_decline(vcpu);
	kvm_vcpu_load(kv);
	r = x86_run(vcpu, sync);
	kvm_vcpu_put(kv);
	return r;
}
