/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events on their way into the guest: exceptions, NMIs, interrupts.
 *
 * An event waits in struct x86_events until the guest can take it; then it
 * moves to x86_vcpu.event, which the next entry injects. From there it comes
 * back only if its delivery is cut short by an exit.
 */
#ifndef KVM_X86_EVENT_H
#define KVM_X86_EVENT_H

#include <linux/atomic.h>
#include <linux/types.h>

#include "exit.h"

struct x86_vcpu;

/* No interrupt is there; vectors are 0 to 255. */
#define X86_NO_VECTOR	(-1)

/* NMIs that wait: one in the handler, one behind it (APM 2, 8.2.3). */
#define X86_MAX_NMIS	2

/**
 * struct x86_exception - an exception that the guest is to have
 * @pending: it waits; the rest has a meaning
 * @has_error: it pushes @error_code
 * @has_payload: @payload becomes CR2 (#PF) or goes into DR6 (#DB) when it is
 *	injected, not before
 */
struct x86_exception {
	bool pending;
	u8 vector;
	bool has_error;
	bool has_payload;
	u32 error_code;
	u64 payload;
};

/**
 * struct x86_events - what waits to be injected
 * @exception: comes before all others
 * @held: an interrupt or NMI whose delivery led to an exception; comes after it
 * @nmis: NMIs that wait, 0 to X86_MAX_NMIS; any context may add
 * @user_irq: vector of KVM_INTERRUPT, or X86_NO_VECTOR
 */
struct x86_events {
	struct x86_exception exception;
	struct x86_event held;
	atomic_t nmis;
	int user_irq;
};

/**
 * x86_queue_exception() - the instruction at RIP raises an exception
 * @vcpu: the vCPU, by its own thread
 * @vector: one that pushes no error code
 *
 * A second exception makes a double fault of the first where the manual says
 * so (APM 2, 8.2.9), or a triple fault; else the second replaces it, and the
 * first will come again. The same holds for the variants below.
 */
void x86_queue_exception(struct x86_vcpu *vcpu, u8 vector);
void x86_queue_exception_error(struct x86_vcpu *vcpu, u8 vector, u32 error_code);
/* Page fault: @cr2 is where. */
void x86_queue_page_fault(struct x86_vcpu *vcpu, u32 error_code, u64 cr2);
/* Debug exception: @dr6 holds the bits that it sets. */
void x86_queue_debug(struct x86_vcpu *vcpu, u64 dr6);

/* #GP(0) and #UD, the two that emulation needs all the time. */
void x86_queue_gp(struct x86_vcpu *vcpu);
void x86_queue_ud(struct x86_vcpu *vcpu);

/**
 * x86_deliver_payload() - write the waiting exception's payload to CR2 or DR6
 * @vcpu: the vCPU, by its own thread; afterwards the exception has none
 */
void x86_deliver_payload(struct x86_vcpu *vcpu);

/**
 * x86_queue_nmi() - an NMI for the guest
 * @vcpu: the vCPU
 *
 * Context: any; kicks the vCPU.
 */
void x86_queue_nmi(struct x86_vcpu *vcpu);

/* Could the guest take an NMI at this instruction? */
bool x86_nmi_allowed(struct x86_vcpu *vcpu);

/* Does something wait that ends HLT? */
bool x86_event_wakes(struct x86_vcpu *vcpu);

/**
 * x86_prepare_event() - choose what the next entry injects
 * @vcpu: the vCPU, by its own thread
 *
 * Priorities: what was cut short, exceptions, NMI, interrupts. What has to
 * wait gets its window.
 */
void x86_prepare_event(struct x86_vcpu *vcpu);

/**
 * x86_settle_offered_irq() - what became of the interrupt that the guest could take
 * @vcpu: the vCPU, by its own thread; it was offered one
 * @taken: it was delivered; else it is where it was, and chosen anew
 */
void x86_settle_offered_irq(struct x86_vcpu *vcpu, bool taken);

/**
 * x86_finish_event() - after an exit: was the event delivered?
 * @vcpu: the vCPU; an event whose delivery the exit cut short is injected again
 */
void x86_finish_event(struct x86_vcpu *vcpu);

#endif
