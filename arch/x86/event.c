// SPDX-License-Identifier: GPL-2.0
/* Exceptions, NMIs, interrupts: what comes first, and when it can come. */
#include <asm/debugreg.h>
#include <asm/processor-flags.h>
#include <asm/segment.h>
#include <asm/trapnr.h>

#include "backend.h"
#include "irq.h"
#include "trace.h"

/* Exceptions */

/* Exceptions that make a double fault of one another (APM 2, table 8-3). */
static bool contributory(u8 vector)
{
	switch (vector) {
	case X86_TRAP_DE:
	case X86_TRAP_TS:
	case X86_TRAP_NP:
	case X86_TRAP_SS:
	case X86_TRAP_GP:
		return true;
	default:
		return false;
	}
}

static bool is_exception(const struct x86_event *event)
{
	return event->type == X86_EVENT_EXCEPTION;
}

/* The exception that is being delivered or waits, or -1. */
static int current_exception(const struct x86_vcpu *vcpu)
{
	if (vcpu->events.exception.pending)
		return vcpu->events.exception.vector;
	return is_exception(&vcpu->event) ? vcpu->event.vector : -1;
}

static void queue_exception(struct x86_vcpu *vcpu, struct x86_exception exception)
{
	struct x86_events *events = &vcpu->events;
	int first = current_exception(vcpu);
	bool both = first == X86_TRAP_PF ?
		    exception.vector == X86_TRAP_PF || contributory(exception.vector) :
		    first >= 0 && contributory(first) && contributory(exception.vector);

	kvm_make_request(X86_REQ_EVENT, &vcpu->vcpu);
	/* What was being delivered comes again, or is part of the double fault. */
	if (is_exception(&vcpu->event))
		vcpu->event.type = X86_EVENT_NONE;
	if (first == X86_TRAP_DF && (contributory(exception.vector) ||
				     exception.vector == X86_TRAP_PF)) {
		events->exception.pending = false;
		kvm_make_request(X86_REQ_TRIPLE_FAULT, &vcpu->vcpu);
		return;
	}
	if (both)
		exception = (struct x86_exception) {
			.vector = X86_TRAP_DF, .has_error = true };
	events->exception = exception;
	events->exception.pending = true;
}

void x86_queue_exception(struct x86_vcpu *vcpu, u8 vector)
{
	queue_exception(vcpu, (struct x86_exception) { .vector = vector });
}

void x86_queue_exception_error(struct x86_vcpu *vcpu, u8 vector, u32 error_code)
{
	queue_exception(vcpu, (struct x86_exception) {
		.vector = vector, .has_error = true, .error_code = error_code });
}

void x86_queue_page_fault(struct x86_vcpu *vcpu, u32 error_code, u64 cr2)
{
	queue_exception(vcpu, (struct x86_exception) {
		.vector = X86_TRAP_PF, .has_error = true, .error_code = error_code,
		.has_payload = true, .payload = cr2 });
}

void x86_queue_debug(struct x86_vcpu *vcpu, u64 dr6)
{
	queue_exception(vcpu, (struct x86_exception) {
		.vector = X86_TRAP_DB, .has_payload = true, .payload = dr6 });
}

void x86_queue_gp(struct x86_vcpu *vcpu)
{
	x86_queue_exception_error(vcpu, X86_TRAP_GP, 0);
}

void x86_queue_ud(struct x86_vcpu *vcpu)
{
	x86_queue_exception(vcpu, X86_TRAP_UD);
}

void x86_deliver_payload(struct x86_vcpu *vcpu)
{
	struct x86_exception *exception = &vcpu->events.exception;

	if (!exception->has_payload)
		return;
	exception->has_payload = false;
	if (exception->vector == X86_TRAP_PF) {
		x86_fetch(vcpu, X86_GROUP_CONTROL);
		vcpu->cr2 = exception->payload;
		x86_mark_dirty(vcpu, X86_GROUP_CONTROL);
	} else if (exception->vector == X86_TRAP_DB) {
		x86_fetch(vcpu, X86_GROUP_DEBUG);
		vcpu->dr6 = (vcpu->dr6 & ~(u64)DR_TRAP_BITS) | exception->payload;
		x86_mark_dirty(vcpu, X86_GROUP_DEBUG);
	}
}

/* Faults are restartable: RF keeps a breakpoint at RIP from firing again. */
static bool sets_rf(u8 vector)
{
	switch (vector) {
	case X86_TRAP_DB:
	case X86_TRAP_BP:
	case X86_TRAP_OF:
	case X86_TRAP_DF:
	case X86_TRAP_MC:
		return false;
	default:
		return true;
	}
}

static void inject_exception(struct x86_vcpu *vcpu)
{
	struct x86_exception *exception = &vcpu->events.exception;

	x86_deliver_payload(vcpu);
	if (sets_rf(exception->vector))
		vcpu->rflags |= X86_EFLAGS_RF;
	/* No error code is pushed in real mode. */
	x86_fetch(vcpu, X86_GROUP_CONTROL);
	vcpu->event = (struct x86_event) {
		.type = X86_EVENT_EXCEPTION,
		.vector = exception->vector,
		.has_error = exception->has_error && (vcpu->cr0 & X86_CR0_PE),
		.error_code = exception->error_code,
	};
	exception->pending = false;
	trace_kvm_inj_exception(vcpu->event.vector, vcpu->event.has_error,
				vcpu->event.error_code, false);
}

/* NMIs and interrupts */

void x86_queue_nmi(struct x86_vcpu *vcpu)
{
	atomic_add_unless(&vcpu->events.nmis, 1, X86_MAX_NMIS);
	kvm_make_request(X86_REQ_EVENT, &vcpu->vcpu);
	kvm_vcpu_kick(&vcpu->vcpu);
}

bool x86_nmi_allowed(struct x86_vcpu *vcpu)
{
	return !vcpu->nmi_masked && !vcpu->intr_shadow;
}

bool x86_event_wakes(struct x86_vcpu *vcpu)
{
	struct x86_events *events = &vcpu->events;

	if (events->exception.pending || vcpu->event.type || events->held.type)
		return true;
	if (atomic_read(&events->nmis) && !vcpu->nmi_masked)
		return true;
	return (vcpu->rflags & X86_EFLAGS_IF) && x86_irq_pending(vcpu);
}

static void inject_nmi(struct x86_vcpu *vcpu)
{
	if (!atomic_read(&vcpu->events.nmis))
		return;
	if (vcpu->event.type || !x86_nmi_allowed(vcpu)) {
		vcpu->want_nmi_window = true;
		return;
	}
	atomic_dec(&vcpu->events.nmis);
	vcpu->event = (struct x86_event) { .type = X86_EVENT_NMI, .vector = X86_TRAP_NMI };
	vcpu->nmi_masked = true;
	vcpu->stat.nmi_injections++;
	vcpu->want_nmi_window = atomic_read(&vcpu->events.nmis);
}

static void count_interrupt(struct x86_vcpu *vcpu, u8 vector)
{
	vcpu->stat.irq_injections++;
	trace_kvm_inj_virq(vector, false, false);
}

/*
 * The guest will take it as soon as it can. Not so a vector that may be an
 * exception's: if delivery is cut short, not every CPU tells the two apart.
 */
static void offer_interrupt(struct x86_vcpu *vcpu)
{
	int vector = x86_irq_peek(vcpu);

	if (vector < NUM_EXCEPTION_VECTORS) {
		vcpu->want_irq_window = x86_irq_pending(vcpu);
		return;
	}
	vcpu->offered_irq = vector;
	x86_irq_offer(vcpu, vector);
}

static void inject_interrupt(struct x86_vcpu *vcpu)
{
	int vector;

	x86_irq_watch_cr8(vcpu);
	if (vcpu->event.type) {
		vcpu->want_irq_window = x86_irq_pending(vcpu);
		return;
	}
	if (!x86_interrupt_allowed(vcpu)) {
		offer_interrupt(vcpu);
		return;
	}
	vector = x86_irq_ack(vcpu);
	if (vector == X86_NO_VECTOR)
		return;
	vcpu->event = (struct x86_event) { .type = X86_EVENT_INTERRUPT, .vector = vector };
	count_interrupt(vcpu, vector);
	/* Another one behind it? */
	vcpu->want_irq_window = x86_irq_pending(vcpu);
}

void x86_prepare_event(struct x86_vcpu *vcpu)
{
	struct x86_events *events = &vcpu->events;

	vcpu->want_irq_window = false;
	vcpu->want_nmi_window = false;

	if (events->exception.pending) {
		if (vcpu->event.type)
			events->held = vcpu->event;
		inject_exception(vcpu);
	} else if (!vcpu->event.type && events->held.type) {
		vcpu->event = events->held;
		events->held.type = X86_EVENT_NONE;
	}
	if (unlikely(vcpu->vcpu.guest_debug & KVM_GUESTDBG_BLOCKIRQ))
		return;
	inject_nmi(vcpu);
	inject_interrupt(vcpu);
}

void x86_settle_offered_irq(struct x86_vcpu *vcpu, bool taken)
{
	int vector = vcpu->offered_irq;

	vcpu->offered_irq = X86_NO_VECTOR;
	x86_irq_settle(vcpu, vector, taken);
	if (taken) {
		count_interrupt(vcpu, vector);
		/* Userspace gives one at a time: none is behind it. */
		if (!x86_irqchip_in_kernel(vcpu))
			return;
	}
	kvm_make_request(X86_REQ_EVENT, &vcpu->vcpu);
}

void x86_finish_event(struct x86_vcpu *vcpu)
{
	if (unlikely(vcpu->offered_irq != X86_NO_VECTOR))
		x86_settle_offered_irq(vcpu, vcpu->exit.irq_taken);
	/* Not delivered, or behind an exception that now is. */
	if (vcpu->exit.vectoring.type)
		vcpu->event = vcpu->exit.vectoring;
	else if (!vcpu->events.held.type)
		return;
	kvm_make_request(X86_REQ_EVENT, &vcpu->vcpu);
}
