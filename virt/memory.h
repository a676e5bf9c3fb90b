/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of guest memory share with one another alone. */
#ifndef KVM_MEMORY_H
#define KVM_MEMORY_H

#include <kvm/kvm.h>
#include <kvm/memslot.h>

/*
 * The dirty log of a slot that is made or thrown away; and of one that is in
 * force, under slots_lock.
 */
int kvm_alloc_dirty_log(struct kvm_memory_slot *slot);
void kvm_free_dirty_log(struct kvm_memory_slot *slot);
int kvm_start_dirty_log(struct kvm_memory_slot *slot);
void kvm_stop_dirty_log(struct kvm_memory_slot *slot);

void kvm_dirty_ring_push(struct kvm_vcpu *vcpu, const struct kvm_memory_slot *slot,
			 unsigned long offset);

/* Joins a slot to the host's memory notifications, and takes it out again. */
int kvm_add_notifier(struct kvm_memory_slot *slot);
void kvm_remove_notifier(struct kvm_memory_slot *slot);

/* The VM's share of struct kvm_mm: taken with the first slot, given back at death. */
int kvm_get_mm(struct kvm *kvm);
void kvm_put_mm(struct kvm *kvm);

#endif
