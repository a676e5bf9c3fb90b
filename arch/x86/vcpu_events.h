/* SPDX-License-Identifier: GPL-2.0 */
/* State that is no register: waiting events, debug registers, run state. */
#ifndef KVM_X86_VCPU_EVENTS_H
#define KVM_X86_VCPU_EVENTS_H

#include "x86.h"

void x86_events_to_user(struct x86_vcpu *vcpu, struct kvm_vcpu_events *events);

/* Return: 0, or -EINVAL, and nothing has changed. */
int x86_events_from_user(struct x86_vcpu *vcpu, const struct kvm_vcpu_events *events);

/**
 * x86_saved_interrupt() - the vector of the interrupt on its way into the guest
 * @vcpu: the vCPU
 *
 * Return: it, or X86_NO_VECTOR.
 */
int x86_saved_interrupt(const struct x86_vcpu *vcpu);

/* Put it back on its way; X86_NO_VECTOR for none. */
void x86_restore_interrupt(struct x86_vcpu *vcpu, int vector);

long x86_get_vcpu_events(struct kvm_ioctl_args *args);
long x86_set_vcpu_events(struct kvm_ioctl_args *args);
long x86_get_debugregs(struct kvm_ioctl_args *args);
long x86_set_debugregs(struct kvm_ioctl_args *args);
long x86_get_mp_state(struct kvm_ioctl_args *args);
long x86_set_mp_state(struct kvm_ioctl_args *args);

#endif
