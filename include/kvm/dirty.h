/* SPDX-License-Identifier: GPL-2.0 */
/* Which pages the guest, or the kernel for it, has written. */
#ifndef KVM_DIRTY_H
#define KVM_DIRTY_H

#include <linux/kvm.h>
#include <linux/rcupdate.h>

#include <kvm/types.h>

struct kvm_memory_slot;
struct vm_area_struct;
struct page;

/* Where the ring stands in the mapping of a vCPU file, in pages. */
#define KVM_DIRTY_RING_PGOFF		KVM_DIRTY_LOG_PAGE_OFFSET
#define KVM_DIRTY_RING_MAX_ENTRIES	65536

/*
 * Entries that are left when the ring counts as full: what one round in the
 * guest and one ioctl may still write.
 */
#define KVM_DIRTY_RING_RESERVED		64

/**
 * struct kvm_dirty_bitmap - the dirty log of a slot
 * @rcu: freed behind those who mark
 * @bits: one for each page of the slot
 */
struct kvm_dirty_bitmap {
	struct rcu_head rcu;
	unsigned long bits[];
};

/**
 * struct kvm_dirty_ring - the dirty ring of a vCPU
 * @entries: shared with userspace; what it writes there is not trusted
 * @size: entries, a power of two; 0 without a ring
 * @dirty: entries ever pushed, by the vCPU's thread with preemption off
 * @reset: entries ever taken back, under slots_lock
 */
struct kvm_dirty_ring {
	struct kvm_dirty_gfn *entries;
	u32 size;
	u32 dirty;
	u32 reset;
};

/**
 * kvm_mark_dirty() - a page of a slot was, or is about to be, written
 * @vcpu: the vCPU that the write is for, by its own thread
 * @slot: the slot
 * @gfn: a frame of it
 *
 * Call it after the write, or after the guest was allowed to write.
 *
 * Context: RCU, or mmu_lock; @slot stays.
 */
void kvm_mark_dirty(struct kvm_vcpu *vcpu, struct kvm_memory_slot *slot, gfn_t gfn);

/* Whether writes to the slot are to be noticed. */
bool kvm_slot_logs_dirty(const struct kvm_memory_slot *slot);

/**
 * kvm_dirty_ring_full() - must userspace take entries out before the guest runs?
 * @vcpu: the vCPU, on KVM_REQ_DIRTY_RING_FULL
 *
 * If so kvm_run says KVM_EXIT_DIRTY_RING_FULL, and the request stands again.
 */
bool kvm_dirty_ring_full(struct kvm_vcpu *vcpu);

int kvm_dirty_ring_create(struct kvm_vcpu *vcpu);
void kvm_dirty_ring_destroy(struct kvm_vcpu *vcpu);
struct page *kvm_dirty_ring_page(struct kvm_vcpu *vcpu, unsigned long pgoff);

/* Whether a mapping of the vCPU file is allowed: no private or executable ring. */
bool kvm_dirty_ring_may_map(struct kvm_vcpu *vcpu, struct vm_area_struct *vma);

/* What KVM_ENABLE_CAP does for dirty tracking; -EINVAL for other capabilities. */
int kvm_dirty_enable_cap(struct kvm *kvm, const struct kvm_enable_cap *cap);

long kvm_vm_get_dirty_log(struct kvm_ioctl_args *args);
long kvm_vm_clear_dirty_log(struct kvm_ioctl_args *args);
long kvm_vm_reset_dirty_rings(struct kvm_ioctl_args *args);

#endif
