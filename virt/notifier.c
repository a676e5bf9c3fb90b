// SPDX-License-Identifier: GPL-2.0
/* What the host's memory management tells us: one interval notifier a slot. */
#include <linux/mmu_notifier.h>

#include <kvm/arch.h>
#include <kvm/kvm.h>

#include "memory.h"
#include "range.h"

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
	write_unlock(&kvm->mem.mmu_lock);

	gfns = hva_range_to_gfns(slot->base_gfn, slot->npages, slot->hva,
				 (struct hva_range){ range->start, range->end });
	if (!gfn_range_empty(gfns))
		kvm_arch_unmap(kvm, gfns.start, gfns.end,
			       mmu_notifier_range_blockable(range));
	return true;
}

static const struct mmu_interval_notifier_ops kvm_notifier_ops = {
	.invalidate = kvm_invalidate,
};

int kvm_add_notifier(struct kvm_memory_slot *slot)
{
	return mmu_interval_notifier_insert(&slot->notifier, slot->kvm->mm, slot->hva,
					    slot->npages << PAGE_SHIFT,
					    &kvm_notifier_ops);
}

/* Waits for a running invalidation of the slot; mmu_lock must not be held. */
void kvm_remove_notifier(struct kvm_memory_slot *slot)
{
	mmu_interval_notifier_remove(&slot->notifier);
}
