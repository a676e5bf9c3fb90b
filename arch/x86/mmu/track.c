// SPDX-License-Identifier: GPL-2.0
/*
 * What the guest has read and written: the hardware's accessed bits for the
 * host's page ageing, write protection for the dirty log. Faults go on
 * meanwhile: all is done under mmu_lock for reading.
 */
#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/cleanup.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>

#include "tdp.h"

bool kvm_arch_age(struct kvm *kvm, gfn_t start, gfn_t end, bool clear)
{
	struct tdp_iter iter;
	bool young = false;

	guard(read_lock)(&kvm->mem.mmu_lock);
	tdp_for_each(&iter, to_x86_vm(kvm)->mmu.root, tdp_root_level(), PG_LEVEL_4K,
		     start, end) {
		if (!spte_present(iter.spte) || !spte_is_leaf(iter.spte, iter.level) ||
		    !(iter.spte & SPTE_ACCESSED))
			continue;
		young = true;
		if (!clear)
			break;
		/* Only this bit: the hardware may set others now. */
		clear_bit(_PAGE_BIT_ACCESSED, (unsigned long *)iter.sptep);
	}
	return young;
}

bool tdp_yield_read(struct kvm *kvm, struct tdp_iter *iter)
{
	if (!need_resched() && !rwlock_needbreak(&kvm->mem.mmu_lock))
		return true;
	cond_resched_rwlock_read(&kvm->mem.mmu_lock);
	tdp_iter_start(iter, to_x86_vm(kvm)->mmu.root, iter->root_level, iter->min_level,
		       iter->gfn, iter->end);
	return iter->sptep;
}

/* Tables for splitting; @iter then stands at the top again. */
static int tdp_refill(struct kvm *kvm, struct tdp_iter *iter, struct tdp_tables *tables)
{
	int r;

	read_unlock(&kvm->mem.mmu_lock);
	r = tdp_get_tables(tables, TDP_MAX_TABLES);
	read_lock(&kvm->mem.mmu_lock);
	tdp_iter_start(iter, to_x86_vm(kvm)->mmu.root, iter->root_level, iter->min_level,
		       iter->gfn, iter->end);
	return r;
}

/* The leaf, if it still is one: split, or no longer writable. */
static void tdp_protect_leaf(struct kvm *kvm, struct tdp_iter *iter,
			     struct tdp_tables *tables)
{
	while (spte_present(iter->spte) && spte_is_leaf(iter->spte, iter->level)) {
		if (iter->level > PG_LEVEL_4K && tables->nr) {
			if (tdp_link_table(kvm, iter, tables))
				return;
			continue;
		}
		if (!(iter->spte & SPTE_WRITABLE) ||
		    try_cmpxchg64(iter->sptep, &iter->spte,
				  iter->spte & ~(u64)(SPTE_WRITABLE | SPTE_DIRTY)))
			return;
	}
}

static bool eager_page_split = true;
module_param(eager_page_split, bool, 0644);
MODULE_PARM_DESC(eager_page_split, "large mappings are split when the dirty log begins, not by the first write");

/*
 * Large leaves are split, so that one page is logged and not 512. Without
 * memory for that, or where it is not wanted, they are protected whole, and the
 * next write splits them with the vCPU's own tables.
 */
static void tdp_protect(struct kvm *kvm, gfn_t start, gfn_t end, struct tdp_tables *tables)
{
	bool split = READ_ONCE(eager_page_split) && !tdp_over_limit(kvm);
	struct tdp_iter iter;

	tdp_for_each(&iter, to_x86_vm(kvm)->mmu.root, tdp_root_level(), PG_LEVEL_4K,
		     start, end) {
		if (tdp_iter_rests(&iter, start) && !tdp_yield_read(kvm, &iter))
			break;
		if (!spte_present(iter.spte) || !spte_is_leaf(iter.spte, iter.level))
			continue;
		if (iter.level > PG_LEVEL_4K && !tables->nr && split)
			split = !tdp_refill(kvm, &iter, tables) && !tdp_over_limit(kvm);
		tdp_protect_leaf(kvm, &iter, tables);
	}
}

void kvm_arch_start_dirty_log(struct kvm_memory_slot *slot, bool protect)
{
	struct kvm *kvm = slot->kvm;
	struct tdp_tables tables = {};

	/* Faults that did not see the flag have mapped what they map. */
	write_lock(&kvm->mem.mmu_lock);
	write_unlock(&kvm->mem.mmu_lock);
	if (!protect)
		return;

	read_lock(&kvm->mem.mmu_lock);
	tdp_protect(kvm, slot->base_gfn, kvm_slot_end(slot), &tables);
	read_unlock(&kvm->mem.mmu_lock);
	tdp_put_tables(&tables);
	kvm_arch_flush_tlbs(kvm);
}

void kvm_arch_write_protect(struct kvm_memory_slot *slot, gfn_t base,
			    const unsigned long *mask, unsigned long nbits)
{
	struct kvm *kvm = slot->kvm;
	struct tdp_tables tables = {};
	unsigned long start, end;

	read_lock(&kvm->mem.mmu_lock);
	for_each_set_bitrange(start, end, mask, nbits) {
		cond_resched_rwlock_read(&kvm->mem.mmu_lock);
		tdp_protect(kvm, base + start, base + end, &tables);
	}
	read_unlock(&kvm->mem.mmu_lock);
	tdp_put_tables(&tables);
}
