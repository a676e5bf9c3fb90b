/* SPDX-License-Identifier: GPL-2.0 */
/* Which MSRs the guest may touch, and which accesses userspace wants to see. */
#ifndef KVM_X86_MSR_FILTER_H
#define KVM_X86_MSR_FILTER_H

#include "x86.h"

/**
 * x86_msr_allowed() - does the VM's filter let the guest do this?
 * @vm: the VM
 * @index: number of the MSR
 * @access: KVM_MSR_FILTER_READ or KVM_MSR_FILTER_WRITE
 *
 * Context: any. A backend that lets the guest access an MSR without an exit
 * asks this first, again on each X86_REQ_MSR_FILTER.
 */
bool x86_msr_allowed(struct x86_vm *vm, u32 index, u32 access);

/* When the last reference to the VM is gone. */
void x86_msr_filter_destroy(struct x86_vm *vm);

long x86_set_msr_filter(struct kvm_ioctl_args *args);

/* The same from a 32-bit caller, whose pointers make it another ioctl. */
extern const struct kvm_ioctl x86_set_msr_filter_compat;

#endif
