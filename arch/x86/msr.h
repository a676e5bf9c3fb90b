/* SPDX-License-Identifier: GPL-2.0 */
/* Model-specific registers: one table for guest, userspace, save and restore. */
#ifndef KVM_X86_MSR_H
#define KVM_X86_MSR_H

#include "x86.h"

/* Flags of struct x86_msr */
#define X86_MSR_SAVED		BIT(0)	/* listed by KVM_GET_MSR_INDEX_LIST */
#define X86_MSR_FEATURE		BIT(1)	/* and by KVM_GET_MSR_FEATURE_INDEX_LIST */
#define X86_MSR_READ_ONLY	BIT(2)	/* for the guest; userspace may write it */
#define X86_MSR_WRITE_ONLY	BIT(3)	/* for the guest; userspace reads zero */
#define X86_MSR_IGNORED		BIT(4)	/* what is written is forgotten */
#define X86_MSR_IRQCHIP		BIT(5)	/* there only with a local APIC in the kernel */

/**
 * struct x86_msr - a row: one register, or a run of them
 * @first: number of the first
 * @more: how many follow it
 * @features: CPUID bits (X86_FEATURE_*), any of which brings the register; the
 *	first 0 ends them, and a row without any is always there
 * @flags: X86_MSR_*
 * @groups: BIT(enum x86_group) that @offset stands in; 0 if always current
 * @offset: the value's place in struct x86_vcpu, u64 each; 0 if it has none
 * @legal: bits that may be set
 * @check: further condition on the value; may be NULL
 * @get: reads it; NULL reads @offset, or zero
 * @set: writes it, after @legal and @check; NULL writes @offset
 *
 * @get and @set return 0, or -EINVAL for #GP(0). @host is true for userspace.
 */
struct x86_msr {
	u32 first;
	u32 more;
	u16 features[4];
	u8 flags;
	u8 groups;
	u16 offset;
	u64 legal;
	bool (*check)(struct x86_vcpu *vcpu, u64 data);
	int (*get)(struct x86_vcpu *vcpu, u32 index, u64 *data, bool host);
	int (*set)(struct x86_vcpu *vcpu, u32 index, u64 data, bool host);
};

extern const struct x86_msr x86_msrs[];
extern const unsigned int x86_nr_msrs;

/**
 * x86_find_msr() - the row of a register
 * @index: its number
 *
 * Return: the row, or NULL for a register that no guest has.
 */
const struct x86_msr *x86_find_msr(u32 index);

/* Can a guest on this host have the registers of this row? */
bool x86_msr_possible(const struct x86_msr *msr);

/**
 * x86_get_msr() - read a register
 * @vcpu: the vCPU, by its own thread
 * @index: its number
 * @data: the value
 * @host: userspace asks, and sees what CPUID hides from the guest
 *
 * Return: 0; -ENOENT for a register that is not there; -EINVAL. Both are
 * #GP(0) for the guest.
 */
int x86_get_msr(struct x86_vcpu *vcpu, u32 index, u64 *data, bool host);
int x86_set_msr(struct x86_vcpu *vcpu, u32 index, u64 data, bool host);

/* Values of a new vCPU; x86_msr_reset() is part of it. */
void x86_msr_create_vcpu(struct x86_vcpu *vcpu);

/**
 * x86_msr_reset() - values after RESET
 * @vcpu: the vCPU
 */
void x86_msr_reset(struct x86_vcpu *vcpu);

/* mtrr.c */
bool x86_mtrr_fixed_legal(struct x86_vcpu *vcpu, u64 data);
bool x86_mtrr_deftype_legal(struct x86_vcpu *vcpu, u64 data);
bool x86_pat_legal(struct x86_vcpu *vcpu, u64 data);
int x86_mtrr_set_var(struct x86_vcpu *vcpu, u32 index, u64 data, bool host);

long x86_get_msrs(struct kvm_ioctl_args *args);
long x86_set_msrs(struct kvm_ioctl_args *args);
long x86_get_feature_msrs(struct kvm_ioctl_args *args);
long x86_get_msr_index_list(struct kvm_ioctl_args *args);
long x86_get_msr_feature_index_list(struct kvm_ioctl_args *args);

#endif
