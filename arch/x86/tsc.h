/* SPDX-License-Identifier: GPL-2.0 */
/* The guest's time-stamp counter. */
#ifndef KVM_X86_TSC_H
#define KVM_X86_TSC_H

#include "x86.h"

/*
 * Fraction bits of tsc_ratio, 0 where the hardware cannot scale. Set once by
 * the backend's probe.
 */
extern u8 x86_tsc_frac_bits;

/**
 * x86_guest_tsc() - what RDTSC answers in the guest
 * @vcpu: the vCPU, by its own thread
 * @host_tsc: when, by the host's counter
 */
u64 x86_guest_tsc(struct x86_vcpu *vcpu, u64 host_tsc);

/* kHz of the guest's counter. */
u32 x86_guest_tsc_khz(const struct x86_vcpu *vcpu);

void x86_tsc_create_vm(struct x86_vm *vm);
void x86_tsc_create_vcpu(struct x86_vcpu *vcpu);

int x86_tsc_get_msr(struct x86_vcpu *vcpu, u32 index, u64 *data, bool host);
int x86_tsc_set_msr(struct x86_vcpu *vcpu, u32 index, u64 data, bool host);
int x86_tsc_set_adjust(struct x86_vcpu *vcpu, u32 index, u64 data, bool host);

long x86_vm_set_tsc_khz(struct kvm_ioctl_args *args);
long x86_vm_get_tsc_khz(struct kvm_ioctl_args *args);
long x86_vcpu_set_tsc_khz(struct kvm_ioctl_args *args);
long x86_vcpu_get_tsc_khz(struct kvm_ioctl_args *args);

/* KVM_VCPU_TSC_CTRL on a vCPU file */
long x86_vcpu_has_attr(struct kvm_ioctl_args *args);
long x86_vcpu_get_attr(struct kvm_ioctl_args *args);
long x86_vcpu_set_attr(struct kvm_ioctl_args *args);

#endif
