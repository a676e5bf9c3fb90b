/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Statistics: plain numbers beside what they count, each written by one thread
 * or under one lock, read by anybody at any time.
 */
#ifndef KVM_STATS_H
#define KVM_STATS_H

#include <linux/kvm.h>
#include <linux/stringify.h>

#include <kvm/types.h>

/* What a number means; the unit of KVM_STAT_NS is the nanosecond. */
enum kvm_stat_kind {
	KVM_STAT_COUNT,		/* only grows */
	KVM_STAT_GAUGE,
	KVM_STAT_BOOL,
	KVM_STAT_NS,		/* only grows */
};

/**
 * struct kvm_stat_entry - one statistic
 * @name: as in-tree KVM calls it where the meaning is the same
 * @kind: enum kvm_stat_kind
 */
struct kvm_stat_entry {
	const char *name;
	u8 kind;
};

/**
 * struct kvm_stat_table - describes a structure that consists of u64 alone
 * @entries: in the order of its members
 * @nr: how many
 */
struct kvm_stat_table {
	const struct kvm_stat_entry *entries;
	unsigned int nr;
};

/* [KVM_STAT(...)]: the row of a member stands where the member stands. */
#define KVM_STAT(_type, _name, _kind)				\
	[offsetof(struct _type, _name) / sizeof(u64)] =		\
		{ .name = __stringify(_name), .kind = KVM_STAT_##_kind }

/* What the core counts of a VM. */
struct kvm_vm_stat {
	u64 vcpus;
	u64 remote_tlb_flush;
};

/* What the core counts of a vCPU; written by its own thread. */
struct kvm_vcpu_stat {
	u64 halt_successful_poll;
	u64 halt_attempted_poll;
	u64 halt_wakeup;
	u64 halt_poll_success_ns;
	u64 halt_poll_fail_ns;
	u64 halt_wait_ns;
	u64 blocking;
	u64 dirty_pages;	/* marked in the dirty log or the dirty ring */
};

/* The core's. */
extern const struct kvm_stat_table kvm_vm_stats;
extern const struct kvm_stat_table kvm_vcpu_stats;

/* The architecture's, and where the numbers of one VM or vCPU stand. */
extern const struct kvm_stat_table kvm_arch_vm_stats;
extern const struct kvm_stat_table kvm_arch_vcpu_stats;
const u64 *kvm_arch_vm_stat(struct kvm *kvm);
const u64 *kvm_arch_vcpu_stat(struct kvm_vcpu *vcpu);

/* KVM_GET_STATS_FD of a VM and of a vCPU. */
long kvm_ioctl_vm_stats_fd(struct kvm_ioctl_args *args);
long kvm_ioctl_vcpu_stats_fd(struct kvm_ioctl_args *args);

#endif
