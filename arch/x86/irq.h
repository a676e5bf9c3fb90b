/* SPDX-License-Identifier: GPL-2.0 */
/* Interrupts as the run loop sees them: is one there, and which. */
#ifndef KVM_X86_IRQ_H
#define KVM_X86_IRQ_H

#include <asm/processor-flags.h>

#include "x86.h"

/* Does an interrupt wait that the vCPU's interrupt controllers would deliver? */
bool x86_irq_pending(struct x86_vcpu *vcpu);

/**
 * x86_irq_ack() - take the interrupt of the highest priority
 * @vcpu: the vCPU, about to inject it
 *
 * Return: the vector, or X86_NO_VECTOR if there is none.
 */
int x86_irq_ack(struct x86_vcpu *vcpu);

/* Could the guest take one at this instruction? */
static inline bool x86_interrupt_allowed(const struct x86_vcpu *vcpu)
{
	return (vcpu->rflags & X86_EFLAGS_IF) && !vcpu->intr_shadow;
}

/**
 * x86_irq_peek() - which interrupt x86_irq_ack() would take
 * @vcpu: the vCPU, by its own thread
 *
 * Return: the vector; X86_NO_VECTOR if there is none, or it is the PIC's, which
 * may change its mind.
 */
int x86_irq_peek(struct x86_vcpu *vcpu);

/**
 * x86_irq_offer() - the CPU is given what x86_irq_peek() showed
 * @vcpu: the vCPU, by its own thread
 * @vector: the vector; if it is requested again, that is another interrupt, which the
 *	guest, that may have taken this one, has not seen
 */
void x86_irq_offer(struct x86_vcpu *vcpu, u8 vector);

/* The CPU has delivered it, or not: then it is requested as it was. */
void x86_irq_settle(struct x86_vcpu *vcpu, u8 vector, bool taken);

/* Are the interrupt controllers in the kernel? Else userspace has them. */
static inline bool x86_irqchip_in_kernel(const struct x86_vcpu *vcpu)
{
	return vcpu->lapic;
}

/**
 * x86_irq_watch_cr8() - exit on writes of CR8 that matter to who has the local APIC
 * @vcpu: the vCPU, by its own thread
 */
void x86_irq_watch_cr8(struct x86_vcpu *vcpu);

/* Would the vCPU take a vector by KVM_INTERRUPT, if the guest allowed interrupts? */
bool x86_wants_user_irq(struct x86_vcpu *vcpu);

long x86_ioctl_interrupt(struct kvm_ioctl_args *args);
long x86_ioctl_nmi(struct kvm_ioctl_args *args);

#endif
