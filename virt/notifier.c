// SPDX-License-Identifier: GPL-2.0
/*
 * What the host's memory management tells us, and asks.
 *
 * It tells each slot of changes to the host's mappings through an interval
 * notifier. It asks whether pages were used through an ordinary notifier, for
 * interval notifiers do not know that question: one for all VMs of a process,
 * with a tree of their slots, so that the answer too costs O(log n).
 */
#include <linux/cleanup.h>
#include <linux/mmu_notifier.h>
#include <linux/slab.h>

#include <kvm/arch.h>
#include <kvm/kvm.h>

#include "memory.h"
#include "range.h"

static struct gfn_range kvm_slot_gfns(const struct kvm_memory_slot *slot,
				      hva_t start, hva_t end)
{
	return hva_range_to_gfns(READ_ONCE(slot->base_gfn), slot->npages, slot->hva,
				 (struct hva_range){ start, end });
}

/* Changes */

/*
 * The host is about to change its mappings of a part of the slot. The number
 * is set first: a fault that looked before cannot map after the unmapping,
 * and one that begins now waits for the end of the change.
 */
static bool kvm_invalidate(struct mmu_interval_notifier *notifier,
			   const struct mmu_notifier_range *range, unsigned long seq)
{
	struct kvm_memory_slot *slot =
		container_of(notifier, struct kvm_memory_slot, notifier);
	struct kvm *kvm = slot->kvm;
	struct gfn_range gfns;

	write_lock(&kvm->mem.mmu_lock);
	mmu_interval_set_seq(notifier, seq);
	/* A slot that has moved meanwhile is mapped in one place, and that is known here. */
	gfns = kvm_slot_gfns(slot, range->start, range->end);
	write_unlock(&kvm->mem.mmu_lock);

	if (!gfn_range_empty(gfns))
		kvm_arch_unmap(kvm, gfns.start, gfns.end,
			       mmu_notifier_range_blockable(range));
	return true;
}

static const struct mmu_interval_notifier_ops kvm_slot_notifier_ops = {
	.invalidate = kvm_invalidate,
};

/* Age */

/**
 * struct kvm_mm - what the VMs of one process share
 * @notifier: counts the VMs
 * @lock: taken under the host's page table locks; mmu_lock is taken under it
 * @slots: by host address, under @lock
 */
struct kvm_mm {
	struct mmu_notifier notifier;
	rwlock_t lock;
	struct rb_root_cached slots;
};

static int kvm_mm_age(struct mmu_notifier *notifier, unsigned long start,
		      unsigned long end, bool clear)
{
	struct kvm_mm *mm = container_of(notifier, struct kvm_mm, notifier);
	struct interval_tree_node *node;
	struct kvm_memory_slot *slot;
	struct gfn_range gfns;
	bool young = false;

	read_lock(&mm->lock);
	for (node = interval_tree_iter_first(&mm->slots, start, end - 1); node;
	     node = interval_tree_iter_next(node, start, end - 1)) {
		slot = container_of(node, struct kvm_memory_slot, age_node);
		gfns = kvm_slot_gfns(slot, start, end);
		young |= kvm_arch_age(slot->kvm, gfns.start, gfns.end, clear);
	}
	read_unlock(&mm->lock);
	return young;
}

/*
 * The TLBs are not flushed: a page that is used on through an old translation
 * looks older than it is, which costs a fault at worst.
 */
static int kvm_mm_clear_young(struct mmu_notifier *notifier, struct mm_struct *mm,
			      unsigned long start, unsigned long end)
{
	return kvm_mm_age(notifier, start, end, true);
}

static int kvm_mm_test_young(struct mmu_notifier *notifier, struct mm_struct *mm,
			     unsigned long address)
{
	return kvm_mm_age(notifier, address, address + 1, false);
}

static struct mmu_notifier *kvm_mm_alloc(struct mm_struct *mm)
{
	struct kvm_mm *new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);

	if (!new)
		return ERR_PTR(-ENOMEM);
	rwlock_init(&new->lock);
	new->slots = RB_ROOT_CACHED;
	return &new->notifier;
}

static void kvm_mm_free(struct mmu_notifier *notifier)
{
	kfree(container_of(notifier, struct kvm_mm, notifier));
}

static const struct mmu_notifier_ops kvm_mm_notifier_ops = {
	.clear_flush_young	= kvm_mm_clear_young,
	.clear_young		= kvm_mm_clear_young,
	.test_young		= kvm_mm_test_young,
	.alloc_notifier		= kvm_mm_alloc,
	.free_notifier		= kvm_mm_free,
};

int kvm_get_mm(struct kvm *kvm)
{
	struct mmu_notifier *notifier;

	lockdep_assert_held(&kvm->mem.slots_lock);

	if (kvm->mem.mm)
		return 0;
	notifier = mmu_notifier_get(&kvm_mm_notifier_ops, kvm->mm);
	if (IS_ERR(notifier))
		return PTR_ERR(notifier);
	kvm->mem.mm = container_of(notifier, struct kvm_mm, notifier);
	return 0;
}

void kvm_put_mm(struct kvm *kvm)
{
	if (kvm->mem.mm)
		mmu_notifier_put(&kvm->mem.mm->notifier);
}

/* Slots come and go */

int kvm_add_notifier(struct kvm_memory_slot *slot)
{
	unsigned long size = slot->npages << PAGE_SHIFT;
	struct kvm_mm *mm = slot->kvm->mem.mm;
	int r;

	r = mmu_interval_notifier_insert(&slot->notifier, slot->kvm->mm, slot->hva,
					 size, &kvm_slot_notifier_ops);
	if (r)
		return r;
	slot->age_node.start = slot->hva;
	slot->age_node.last = slot->hva + size - 1;
	write_lock(&mm->lock);
	interval_tree_insert(&slot->age_node, &mm->slots);
	write_unlock(&mm->lock);
	return 0;
}

/* Waits for a running invalidation of the slot; mmu_lock must not be held. */
void kvm_remove_notifier(struct kvm_memory_slot *slot)
{
	struct kvm_mm *mm = slot->kvm->mem.mm;

	write_lock(&mm->lock);
	interval_tree_remove(&slot->age_node, &mm->slots);
	write_unlock(&mm->lock);
	mmu_interval_notifier_remove(&slot->notifier);
}
