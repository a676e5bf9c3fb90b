/* SPDX-License-Identifier: GPL-2.0 */
/* Addresses on both sides of the machine boundary. */
#ifndef KVM_TYPES_H
#define KVM_TYPES_H

#include <linux/types.h>
#include <asm/page.h>

/*
 * gva: guest virtual    gpa: guest physical    gfn: guest frame number
 * hva: host virtual     hpa: host physical     pfn: host frame number
 */
typedef unsigned long gva_t;
typedef u64 gpa_t;
typedef u64 gfn_t;
typedef unsigned long hva_t;
typedef u64 hpa_t;
typedef u64 kvm_pfn_t;

struct kvm;
struct kvm_vcpu;
struct kvm_device;
struct kvm_ioctl_args;
struct kvm_enable_cap;
struct kvm_io_device;
struct kvm_memory_slot;

static inline gfn_t gpa_to_gfn(gpa_t gpa)
{
	return gpa >> PAGE_SHIFT;
}

static inline gpa_t gfn_to_gpa(gfn_t gfn)
{
	return (gpa_t)gfn << PAGE_SHIFT;
}

#endif
