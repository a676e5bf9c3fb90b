// SPDX-License-Identifier: GPL-2.0
/* Interrupts from userspace: KVM_INTERRUPT and KVM_NMI. */
#include "backend.h"
#include "irq.h"

bool x86_irqchip_in_kernel(struct x86_vcpu *vcpu)
{
	return false;
}

bool x86_irq_pending(struct x86_vcpu *vcpu)
{
	return vcpu->events.user_irq != X86_NO_VECTOR;
}

int x86_irq_ack(struct x86_vcpu *vcpu)
{
	int vector = vcpu->events.user_irq;

	vcpu->events.user_irq = X86_NO_VECTOR;
	return vector;
}

long x86_ioctl_interrupt(struct kvm_ioctl_args *args)
{
	struct x86_vcpu *vcpu = to_x86(args->vcpu);
	struct kvm_interrupt *interrupt = args->data;

	if (interrupt->irq > 255)
		return -EINVAL;
	if (x86_irqchip_in_kernel(vcpu))
		return -ENXIO;
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
