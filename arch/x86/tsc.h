/* SPDX-License-Identifier: GPL-2.0 */
/* The guest's time-stamp counter. */
#ifndef KVM_X86_TSC_H
#define KVM_X86_TSC_H

#include "x86.h"

/*
 * What the hardware takes for a tsc_ratio: its fraction bits, 0 where it cannot
 * scale, and the largest. Set once by the backend's probe.
 */
extern u8 x86_tsc_frac_bits;
extern u64 x86_tsc_max_ratio;

/**
 * x86_tsc_scale() - the host's counter at another rate
 * @tsc: the counter; the result wraps as the hardware's does
 * @ratio: fixed point; 0 is the host's own rate
 * @frac_bits: of @ratio
 */
u64 x86_tsc_scale(u64 tsc, u64 ratio, u8 frac_bits);

/**
 * x86_tsc_ratio() - the ratio for a rate
 * @khz: the guest's
 * @host_khz: the host's
 * @frac_bits: of the ratio, 0 where the hardware cannot scale
 * @max: the largest that the hardware takes
 * @ratio: rounded down; 0 for the host's own rate, or nearly that
 *
 * Return: 0, or -EINVAL for a rate that cannot be had.
 */
int x86_tsc_ratio(u32 khz, u32 host_khz, u8 frac_bits, u64 max, u64 *ratio);

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
