/* SPDX-License-Identifier: GPL-2.0 */
/* The guest's extended state: XSAVE areas and XCR0. */
#ifndef KVM_X86_XSTATE_H
#define KVM_X86_XSTATE_H

#include "x86.h"

/* Sizes and offsets of XSAVE components; once, at load. */
void x86_xstate_init(void);

/**
 * x86_set_xcr() - XSETBV
 * @vcpu: the vCPU
 * @index: ECX
 * @value: EDX:EAX
 *
 * Return: 0, or -EINVAL: #GP(0). CPL and CR4.OSXSAVE are the caller's to check.
 */
int x86_set_xcr(struct x86_vcpu *vcpu, u32 index, u64 value);

long x86_get_fpu(struct kvm_ioctl_args *args);
long x86_set_fpu(struct kvm_ioctl_args *args);
long x86_get_xsave(struct kvm_ioctl_args *args);
long x86_set_xsave(struct kvm_ioctl_args *args);
long x86_get_xcrs(struct kvm_ioctl_args *args);
long x86_set_xcrs(struct kvm_ioctl_args *args);

/* KVM_X86_XCOMP_GUEST_SUPP, an attribute of /dev/kvm */
long x86_dev_has_attr(struct kvm_ioctl_args *args);
long x86_dev_get_attr(struct kvm_ioctl_args *args);

#endif
