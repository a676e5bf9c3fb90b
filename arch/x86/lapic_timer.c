// SPDX-License-Identifier: GPL-2.0
/*
 * The timer of the local APIC: an hrtimer that puts the vector into IRR right
 * in its interrupt. The vCPU that is running leaves the guest by that very
 * interrupt, one that sleeps is woken.
 */
#include <linux/math64.h>
#include <linux/timekeeping.h>
#include <asm/apicdef.h>
#include <asm/tsc.h>

#include "lapic.h"
#include "tsc.h"
#include "x86.h"

/* No guest gets periodic interrupts faster than this, in ns. */
#define LAPIC_MIN_PERIOD	(200 * NSEC_PER_USEC)

/* The longest the timer sleeps, in cycles: days. Then it looks again. */
#define LAPIC_MAX_SLEEP		BIT_ULL(50)
/* No deadline is farther than this, in cycles: decades. */
#define LAPIC_MAX_CYCLES	BIT_ULL(60)

enum lapic_timer_mode lapic_timer_mode(const struct x86_lapic *apic)
{
	return (READ_ONCE(apic->lvt[LVT_TIMER]) >> 17) & 3;
}

static u32 lapic_divisor(u32 tdcr)
{
	u32 code = (tdcr & 3) | ((tdcr >> 1) & 4);

	/* 2, 4, ... 128, and then 1 (APM 2, 16.4.1). */
	return 1u << ((code + 1) & 7);
}

u64 lapic_timer_period(u32 tmict, u32 tdcr, u32 bus_cycle_ns)
{
	u64 tick = (u64)lapic_divisor(tdcr) * bus_cycle_ns;
	u64 period;

	return check_mul_overflow(tick, tmict, &period) ? KTIME_MAX :
		min_t(u64, period, KTIME_MAX);
}

static u32 lapic_bus_cycle_ns(const struct x86_lapic *apic)
{
	return to_x86_vm(apic->vcpu->vcpu.kvm)->chips.bus_cycle_ns;
}

static u64 lapic_tick_ns(const struct x86_lapic *apic)
{
	return lapic_timer_period(1, apic->timer.tdcr, lapic_bus_cycle_ns(apic));
}

static void lapic_timer_arm(struct x86_lapic *apic, ktime_t expires)
{
	hrtimer_start(&apic->timer.hrtimer, expires, HRTIMER_MODE_ABS_HARD);
}

static void lapic_timer_disarm(struct x86_lapic *apic)
{
	hrtimer_cancel(&apic->timer.hrtimer);
	apic->timer.expires = 0;
	apic->timer.period = 0;
	apic->timer.deadline = 0;
}

static u64 lapic_cycles_to_ns(const struct x86_lapic *apic, u64 cycles)
{
	/* Up: not a nanosecond early. */
	return mul_u64_u64_div_u64(min(cycles, LAPIC_MAX_SLEEP), USEC_PER_SEC,
				   tsc_khz) + 1;
}

static enum hrtimer_restart lapic_timer_fire(struct hrtimer *hrtimer)
{
	struct x86_lapic *apic = container_of(hrtimer, struct x86_lapic, timer.hrtimer);
	struct lapic_timer *timer = &apic->timer;
	u64 now;

	switch (lapic_timer_mode(apic)) {
	case LAPIC_TSC_DEADLINE:
		/* The two clocks disagree in the last digits. */
		now = rdtsc();
		if (now < timer->host_deadline) {
			now = lapic_cycles_to_ns(apic, timer->host_deadline - now);
			hrtimer_forward_now(hrtimer, now);
			return HRTIMER_RESTART;
		}
		WRITE_ONCE(timer->deadline, 0);
		lapic_local(apic, LVT_TIMER);
		return HRTIMER_NORESTART;
	case LAPIC_PERIODIC:
		lapic_local(apic, LVT_TIMER);
		/* From when it was due, so that nothing adds up. */
		hrtimer_forward_now(hrtimer, max_t(u64, timer->period, LAPIC_MIN_PERIOD));
		return HRTIMER_RESTART;
	default:
		lapic_local(apic, LVT_TIMER);
		return HRTIMER_NORESTART;
	}
}

/* Count to the end of @first ns, then, if periodic, from TMICT. */
static void lapic_count(struct x86_lapic *apic, u64 first)
{
	struct lapic_timer *timer = &apic->timer;
	ktime_t now = ktime_get();

	timer->period = lapic_timer_period(timer->tmict, timer->tdcr,
					   lapic_bus_cycle_ns(apic));
	if (lapic_timer_mode(apic) == LAPIC_PERIODIC)
		first = max_t(u64, first, LAPIC_MIN_PERIOD);
	timer->expires = ktime_add_safe(now, first);
	lapic_timer_arm(apic, timer->expires);
}

void lapic_timer_start(struct x86_lapic *apic, u32 tmict)
{
	struct lapic_timer *timer = &apic->timer;

	if (lapic_timer_mode(apic) == LAPIC_TSC_DEADLINE)
		return;
	lapic_timer_disarm(apic);
	timer->tmict = tmict;
	if (tmict)
		lapic_count(apic, lapic_timer_period(tmict, timer->tdcr,
						     lapic_bus_cycle_ns(apic)));
}

void lapic_timer_resume(struct x86_lapic *apic, u32 left)
{
	lapic_timer_disarm(apic);
	if (lapic_timer_mode(apic) == LAPIC_TSC_DEADLINE || !apic->timer.tmict)
		return;
	/* A one-shot that has expired does not start again. */
	if (!left && lapic_timer_mode(apic) == LAPIC_ONESHOT)
		return;
	left = left ?: apic->timer.tmict;
	lapic_count(apic, lapic_timer_period(left, apic->timer.tdcr,
					     lapic_bus_cycle_ns(apic)));
}

u32 lapic_timer_left(const struct x86_lapic *apic)
{
	const struct lapic_timer *timer = &apic->timer;
	s64 left;

	if (!timer->expires)
		return 0;
	left = ktime_to_ns(ktime_sub(timer->expires, ktime_get()));
	if (left <= 0) {
		if (lapic_timer_mode(apic) != LAPIC_PERIODIC || !timer->period)
			return 0;
		left = timer->period - (u64)-left % timer->period;
	}
	return min_t(u64, div64_u64(left, lapic_tick_ns(apic)), timer->tmict);
}

void lapic_timer_set_divisor(struct x86_lapic *apic, u32 tdcr)
{
	u32 left = lapic_timer_left(apic);

	apic->timer.tdcr = tdcr & 0xb;
	/* What is left is counted at the new pace. */
	if (left)
		lapic_timer_resume(apic, left);
}

u64 lapic_get_tsc_deadline(struct x86_vcpu *vcpu)
{
	struct x86_lapic *apic = vcpu->lapic;

	if (!apic || lapic_timer_mode(apic) != LAPIC_TSC_DEADLINE)
		return 0;
	return READ_ONCE(apic->timer.deadline);
}

void lapic_set_tsc_deadline(struct x86_vcpu *vcpu, u64 deadline)
{
	struct x86_lapic *apic = vcpu->lapic;
	u64 host_now, guest_now, cycles;

	if (!apic || lapic_timer_mode(apic) != LAPIC_TSC_DEADLINE)
		return;
	lapic_timer_disarm(apic);
	if (!deadline)
		return;

	x86_fetch(vcpu, X86_GROUP_TSC);
	host_now = rdtsc();
	guest_now = x86_guest_tsc(vcpu, host_now);
	if (deadline <= guest_now) {
		lapic_local(apic, LVT_TIMER);
		return;
	}
	/* The guest's cycles may be of another length than the host's. */
	cycles = min(deadline - guest_now, LAPIC_MAX_CYCLES);
	cycles = mul_u64_u64_div_u64(cycles, tsc_khz, x86_guest_tsc_khz(vcpu));
	apic->timer.deadline = deadline;
	apic->timer.host_deadline = host_now + cycles;
	lapic_timer_arm(apic, ktime_add_ns(ktime_get(), lapic_cycles_to_ns(apic, cycles)));
}

void lapic_tsc_changed(struct x86_vcpu *vcpu)
{
	u64 deadline = lapic_get_tsc_deadline(vcpu);

	if (deadline)
		lapic_set_tsc_deadline(vcpu, deadline);
}

void lapic_timer_init(struct x86_lapic *apic)
{
	hrtimer_init(&apic->timer.hrtimer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
	apic->timer.hrtimer.function = lapic_timer_fire;
}

void lapic_timer_stop(struct x86_lapic *apic)
{
	lapic_timer_disarm(apic);
}
