// SPDX-License-Identifier: GPL-2.0
/* Interrupts from userspace: KVM_INTERRUPT and KVM_NMI. */
#include "backend.h"
#include "irq.h"
#include "lapic.h"

bool x86_irq_pending(struct x86_vcpu *vcpu)
{
	if (vcpu->lapic)
		return lapic_pending(vcpu);
	return vcpu->events.user_irq != X86_NO_VECTOR;
}

int x86_irq_ack(struct x86_vcpu *vcpu)
{
	int vector = vcpu->events.user_irq;

	if (vcpu->lapic)
		return lapic_ack(vcpu);
	vcpu->events.user_irq = X86_NO_VECTOR;
	return vector;
}

int x86_irq_peek(struct x86_vcpu *vcpu)
{
	return vcpu->lapic ? lapic_peek(vcpu->lapic) : vcpu->events.user_irq;
}

void x86_irq_offer(struct x86_vcpu *vcpu, u8 vector)
{
	if (vcpu->lapic)
		lapic_offer(vcpu->lapic, vector);
}

void x86_irq_settle(struct x86_vcpu *vcpu, u8 vector, bool taken)
{
	if (vcpu->lapic)
		lapic_settle(vcpu->lapic, vector, taken);
	else if (taken)
		vcpu->events.user_irq = X86_NO_VECTOR;
}

void x86_irq_watch_cr8(struct x86_vcpu *vcpu)
{
	bool watch = !vcpu->lapic || lapic_cr8_threshold(vcpu);

	if (watch == vcpu->cr8_exits)
		return;
	vcpu->cr8_exits = watch;
	x86_mark_dirty(vcpu, X86_GROUP_INTERCEPTS);
}

bool x86_wants_user_irq(struct x86_vcpu *vcpu)
{
	if (!vcpu->lapic)
		return vcpu->events.user_irq == X86_NO_VECTOR;
	return !to_x86_vm(vcpu->vcpu.kvm)->chips.pic && lapic_wants_extint(vcpu);
}

long x86_ioctl_interrupt(struct kvm_ioctl_args *args)
{
	struct x86_vcpu *vcpu = to_x86(args->vcpu);
	struct kvm_interrupt *interrupt = args->data;

	if (interrupt->irq > 255)
		return -EINVAL;
	/* In split mode it is the PIC that is userspace's. */
	if (vcpu->lapic)
		return to_x86_vm(args->kvm)->chips.pic ? -ENXIO :
		       lapic_take_extint(vcpu, interrupt->irq);
	if (vcpu->events.user_irq != X86_NO_VECTOR)
		return -EEXIST;
	vcpu->events.user_irq = interrupt->irq;
	kvm_make_request(X86_REQ_EVENT, args->vcpu);
	return 0;
}

long x86_ioctl_nmi(struct kvm_ioctl_args *args)
{
	x86_queue_nmi(to_x86(args->vcpu));
	return 0;
}
