// SPDX-License-Identifier: GPL-2.0
/* A halted vCPU: spin a little, then sleep. */
#include <linux/ktime.h>
#include <linux/moduleparam.h>
#include <linux/rcuwait.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>

#include "backend.h"
#include "irq.h"
#include "lapic.h"
#include "run.h"

/* Nanoseconds: the longest spin, and how it begins. */
static unsigned int halt_poll_ns = 200000;
module_param(halt_poll_ns, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns, "longest time that a halted vCPU spins before it sleeps");

#define POLL_START_NS	10000

static bool x86_halt_ends(struct x86_vcpu *vcpu)
{
	return x86_event_wakes(vcpu) || READ_ONCE(vcpu->pv.unhalted);
}

/* A vCPU that waits for SIPI hears nothing else. */
static bool x86_wakes(struct x86_vcpu *vcpu)
{
	if (lapic_has_events(vcpu->lapic))
		return true;
	return vcpu->mp_state == KVM_MP_STATE_HALTED && x86_halt_ends(vcpu);
}

/* Does the vCPU stay halted? */
static bool x86_asleep(struct x86_vcpu *vcpu)
{
	return !x86_wakes(vcpu) && !kvm_request_pending(&vcpu->vcpu) &&
	       !signal_pending(current);
}

/* Returns whether something came before the time was over, or another wants the CPU. */
static bool x86_poll(struct x86_vcpu *vcpu, ktime_t until)
{
	while (x86_asleep(vcpu)) {
		if (!single_task_running() || need_resched() ||
		    ktime_after(ktime_get(), until))
			return false;
		cpu_relax();
	}
	return true;
}

/*
 * A sleep shorter than the limit would have been worth a longer spin, a long
 * one says that the spin was in vain.
 */
static void x86_adapt_poll(struct x86_vcpu *vcpu, ktime_t slept)
{
	unsigned int limit = READ_ONCE(halt_poll_ns);

	if (slept > limit)
		vcpu->poll_ns = 0;
	else
		vcpu->poll_ns = min(limit, max(2 * vcpu->poll_ns, POLL_START_NS));
}

/* Spins if the last sleeps say that it is worth it; true if that was enough. */
static bool x86_halt_poll(struct x86_vcpu *vcpu)
{
	struct kvm_vcpu_stat *stat = &vcpu->vcpu.stat;
	ktime_t start = ktime_get();
	bool woken;
	s64 ns;

	/* The guest may spin by itself. */
	if (!vcpu->poll_ns || !vcpu->pv.poll_control)
		return false;
	woken = x86_poll(vcpu, ktime_add_ns(start, vcpu->poll_ns));
	ns = ktime_to_ns(ktime_sub(ktime_get(), start));
	stat->halt_attempted_poll++;
	if (woken) {
		stat->halt_successful_poll++;
		stat->halt_poll_success_ns += ns;
	} else {
		stat->halt_poll_fail_ns += ns;
	}
	return woken;
}

/* The thread's FPU and place go to others meanwhile, by the preempt notifier. */
static void x86_halt_sleep(struct x86_vcpu *vcpu)
{
	struct kvm_vcpu_stat *stat = &vcpu->vcpu.stat;
	ktime_t start = ktime_get(), slept;

	WRITE_ONCE(stat->blocking, 1);
	rcuwait_wait_event(&vcpu->vcpu.wait, !x86_asleep(vcpu), TASK_INTERRUPTIBLE);
	WRITE_ONCE(stat->blocking, 0);
	slept = ktime_sub(ktime_get(), start);
	stat->halt_wait_ns += ktime_to_ns(slept);
	x86_adapt_poll(vcpu, slept);
}

int x86_block(struct x86_vcpu *vcpu)
{
	if (!x86_halt_poll(vcpu))
		x86_halt_sleep(vcpu);
	if (vcpu->mp_state == KVM_MP_STATE_HALTED && x86_halt_ends(vcpu)) {
		vcpu->vcpu.stat.halt_wakeup++;
		WRITE_ONCE(vcpu->pv.unhalted, false);
		vcpu->mp_state = KVM_MP_STATE_RUNNABLE;
	}
	return X86_RUN_AGAIN;
}
