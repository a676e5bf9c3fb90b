/* SPDX-License-Identifier: GPL-2.0 */
/* IA32_APIC_BASE and CR8: there with and without a local APIC in the kernel. */
#ifndef KVM_X86_APIC_BASE_H
#define KVM_X86_APIC_BASE_H

#include "x86.h"

/* The value after RESET: xAPIC mode; vCPU 0 boots. */
void x86_apic_base_reset(struct x86_vcpu *vcpu);

u64 x86_get_cr8(struct x86_vcpu *vcpu);

/* Return: 0, or -EINVAL for reserved bits: #GP(0). */
int x86_set_cr8(struct x86_vcpu *vcpu, u64 cr8);

/**
 * x86_set_apic_base() - write IA32_APIC_BASE
 * @vcpu: the vCPU
 * @base: the value
 * @host: by userspace, which may go from any mode to any other
 *
 * Return: 0, or -EINVAL for reserved bits and modes that cannot follow.
 */
int x86_set_apic_base(struct x86_vcpu *vcpu, u64 base, bool host);

#endif
