/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the nested page tables share with one another alone. */
#ifndef KVM_X86_MMU_TDP_H
#define KVM_X86_MMU_TDP_H

#include <kvm/hva.h>

#include "../x86.h"
#include "iter.h"
#include "spte.h"

/* The nested tables have the shape of the host's own (APM 2, 15.25.3). */
static inline int tdp_root_level(void)
{
	return pgtable_l5_enabled() ? 5 : 4;
}

/**
 * tdp_get_tables() - be ready to map or split
 * @tables: filled up to @nr
 * @nr: at most TDP_MAX_TABLES
 *
 * Return: 0 or -ENOMEM; what was got is kept.
 */
int tdp_get_tables(struct tdp_tables *tables, unsigned int nr);
void tdp_put_tables(struct tdp_tables *tables);

/**
 * tdp_link_table() - put a table below an entry that has none
 * @kvm: the VM
 * @iter: stands on the entry; if it is a large leaf, that is split
 * @tables: not empty
 *
 * Context: mmu_lock for reading or writing.
 * Return: whether the entry was still as @iter has it; @iter is current again.
 */
bool tdp_link_table(struct kvm *kvm, struct tdp_iter *iter, struct tdp_tables *tables);

/* Are there more tables than userspace allows? */
static inline bool tdp_over_limit(struct kvm *kvm)
{
	struct x86_mmu *mmu = &to_x86_vm(kvm)->mmu;
	unsigned long limit = READ_ONCE(mmu->limit);

	return limit && atomic_long_read(&mmu->nr_tables) + TDP_MAX_TABLES > limit;
}

/**
 * struct tdp_mapping - what a fault maps
 * @gfn: the frame
 * @nr: how many frames from there on, if not one: with a leaf each, in one table
 * @pfn: what stands behind the first
 * @c_bit: of an encrypted page, see spte_make_leaf()
 * @level: how large the mapping may be
 * @host_writable: the host lets the page be written
 * @writable: the guest may write without a further fault
 */
struct tdp_mapping {
	gfn_t gfn;
	unsigned int nr;
	kvm_pfn_t pfn;
	u64 c_bit;
	int level;
	bool host_writable;
	bool writable;
};

/**
 * tdp_map() - set leaves, and the tables above them
 * @kvm: the VM
 * @map: the mapping
 * @tables: enough for all levels
 *
 * Context: mmu_lock for reading; others may map at the same time.
 * Return: 0; -EEXIST if smaller mappings stand where a large one should.
 */
int tdp_map(struct kvm *kvm, const struct tdp_mapping *map, struct tdp_tables *tables);

/**
 * tdp_max_level() - how large a frame of a slot can be mapped
 * @slot: the slot
 * @gfn: a frame of it
 * @backing: page number, on the other side, of the slot's first frame
 * @order: log2 of the pages that stand there in one aligned piece around @gfn's
 */
int tdp_max_level(const struct kvm_memory_slot *slot, gfn_t gfn, u64 backing,
		  unsigned int order);

/* The same for what the owner maps; to be checked against the slot's notifier. */
static inline int tdp_max_host_level(const struct kvm_memory_slot *slot, gfn_t gfn)
{
	return tdp_max_level(slot, gfn, slot->hva >> PAGE_SHIFT,
			     kvm_host_order(kvm_slot_hva(slot, gfn)));
}

/* A walk under mmu_lock for reading that may last: lets others run in between. */
bool tdp_yield_read(struct kvm *kvm, struct tdp_iter *iter);

#endif
