// SPDX-License-Identifier: GPL-2.0
/*
 * The nested page tables of a VM: map under mmu_lock for reading, with
 * cmpxchg; all that takes away under mmu_lock for writing.
 *
 * Who removes or restricts an entry flushes the TLBs before mmu_lock is let
 * go: an entry that is not there is nowhere cached either.
 */
#include <linux/align.h>
#include <linux/atomic.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/vmstat.h>

#include "tdp.h"

/* Tables */

static struct page *tdp_alloc_table(void)
{
	struct page *table = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);

	if (table)
		mod_lruvec_page_state(table, NR_SECONDARY_PAGETABLE, 1);
	return table;
}

static void tdp_free_table(struct page *table)
{
	mod_lruvec_page_state(table, NR_SECONDARY_PAGETABLE, -1);
	__free_page(table);
}

static void tdp_free_table_rcu(struct rcu_head *rcu)
{
	tdp_free_table(container_of(rcu, struct page, rcu_head));
}

int tdp_get_tables(struct tdp_tables *tables, unsigned int nr)
{
	while (tables->nr < nr) {
		tables->page[tables->nr] = tdp_alloc_table();
		if (!tables->page[tables->nr])
			return -ENOMEM;
		tables->nr++;
	}
	return 0;
}

void tdp_put_tables(struct tdp_tables *tables)
{
	while (tables->nr)
		tdp_free_table(tables->page[--tables->nr]);
}

void kvm_arch_flush_tlbs(struct kvm *kvm)
{
	/* Two at once may count as one. */
	WRITE_ONCE(kvm->stat.remote_tlb_flush, kvm->stat.remote_tlb_flush + 1);
	kvm_make_all_request(kvm, KVM_REQ_TLB_FLUSH, true);
}

/* Levels */

int tdp_max_level(const struct kvm_memory_slot *slot, gfn_t gfn, u64 backing,
		  unsigned int order)
{
	int level = boot_cpu_has(X86_FEATURE_GBPAGES) ? PG_LEVEL_1G : PG_LEVEL_2M;
	gfn_t span, start;

	for (; level > PG_LEVEL_4K; level--) {
		span = spte_level_gfns(level);
		start = ALIGN_DOWN(gfn, span);
		/* All of it in the slot, and aligned alike on both sides. */
		if (spte_level_shift(level) <= order && start >= slot->base_gfn &&
		    start + span <= kvm_slot_end(slot) &&
		    IS_ALIGNED(slot->base_gfn ^ backing, span))
			break;
	}
	return level;
}

/* How many leaves of a level there are; vCPUs count at the same time. */
static void tdp_count_leaves(struct kvm *kvm, int level, long n)
{
	struct x86_vm_stat *stat = &to_x86_vm(kvm)->stat;
	u64 *const counts[] = {
		[PG_LEVEL_4K] = &stat->pages_4k,
		[PG_LEVEL_2M] = &stat->pages_2m,
		[PG_LEVEL_1G] = &stat->pages_1g,
	};

	atomic64_add(n, (atomic64_t *)counts[level]);
}

/* Map */

bool tdp_link_table(struct kvm *kvm, struct tdp_iter *iter, struct tdp_tables *tables)
{
	struct page *page = tables->page[tables->nr - 1];
	u64 old = iter->spte, new = spte_make_table(page);
	u64 *table = page_address(page);
	unsigned int i;

	for (i = 0; spte_present(old) && i < SPTES_PER_TABLE; i++)
		table[i] = spte_make_split(old, iter->level, i);
	/* Releases the table's entries to other walkers, who come by this entry. */
	if (!try_cmpxchg64(iter->sptep, &iter->spte, new)) {
		clear_page(table);
		return false;
	}
	iter->spte = new;
	tables->nr--;
	atomic_long_inc(&to_x86_vm(kvm)->mmu.nr_tables);
	if (spte_present(old)) {
		tdp_count_leaves(kvm, iter->level, -1);
		tdp_count_leaves(kvm, iter->level - 1, SPTES_PER_TABLE);
	}
	return true;
}

/*
 * Two vCPUs may map the same page with different rights: the greater stay,
 * since the host takes the mapping away before it lessens its own.
 */
static void tdp_set_leaf(struct kvm *kvm, struct tdp_iter *iter, u64 spte)
{
	u64 old, new;

	do {
		old = iter->spte;
		new = spte;
		if (spte_present(old) && spte_pfn(old) == spte_pfn(spte))
			new |= old & (SPTE_HOST_WRITABLE | SPTE_WRITABLE | SPTE_DIRTY);
		if (old == new)
			return;
	} while (!try_cmpxchg64(iter->sptep, &iter->spte, new));

	if (!spte_present(old))
		tdp_count_leaves(kvm, iter->level, 1);
	else if (spte_pfn(old) != spte_pfn(new))
		kvm_arch_flush_tlbs(kvm);
}

int tdp_map(struct kvm *kvm, const struct tdp_mapping *map, struct tdp_tables *tables)
{
	kvm_pfn_t pfn = ALIGN_DOWN(map->pfn, spte_level_gfns(map->level));
	struct tdp_iter iter;

	lockdep_assert_held_read(&kvm->mem.mmu_lock);

	tdp_iter_start(&iter, to_x86_vm(kvm)->mmu.root, tdp_root_level(), map->level,
		       map->gfn, map->gfn + map->nr);
	while (iter.level > map->level) {
		if (spte_is_table(iter.spte, iter.level) ||
		    tdp_link_table(kvm, &iter, tables))
			tdp_iter_down(&iter);
	}
	if (spte_is_table(iter.spte, iter.level))
		return -EEXIST;
	for (; iter.sptep; tdp_iter_next(&iter))
		tdp_set_leaf(kvm, &iter, spte_make_leaf(pfn++, map->c_bit, map->level,
							map->host_writable, map->writable));
	return 0;
}

/* Unmap */

/*
 * A table that the hardware cannot reach, and all below it: at most five
 * levels deep. @readers: walkers under RCU may still be in it.
 */
static void tdp_free_tree(struct kvm *kvm, u64 *table, int level, bool readers,
			  bool may_block)
{
	struct page *page = virt_to_page(table);
	unsigned int i, leaves = 0;
	u64 spte;

	for (i = 0; i < SPTES_PER_TABLE; i++) {
		spte = READ_ONCE(table[i]);
		if (spte_is_table(spte, level))
			tdp_free_tree(kvm, spte_table(spte), level - 1, readers, may_block);
		else
			leaves += spte_present(spte);
	}
	if (may_block && level > PG_LEVEL_4K)
		cond_resched();
	if (leaves)
		tdp_count_leaves(kvm, level, -(long)leaves);
	atomic_long_dec(&to_x86_vm(kvm)->mmu.nr_tables);
	if (readers)
		call_rcu(&page->rcu_head, tdp_free_table_rcu);
	else
		tdp_free_table(page);
}

/*
 * A removal in progress: what must be done before its lock is let go, and after.
 * Where that was last, @rested, there must be progress before it happens again:
 * vCPUs that fault all the time would not let it come to an end.
 */
struct tdp_removal {
	struct kvm *kvm;
	bool may_block;
	bool flush;
	gfn_t rested;
	struct list_head tables;
};

static void tdp_lock_removal(struct tdp_removal *removal)
	__acquires(&removal->kvm->mem.mmu_lock)
{
	write_lock(&removal->kvm->mem.mmu_lock);
}

static void tdp_flush_removal(struct tdp_removal *removal)
{
	if (removal->flush)
		kvm_arch_flush_tlbs(removal->kvm);
	removal->flush = false;
}

/* The hardware has forgotten the tables; walkers under RCU may not have. */
static void tdp_unlock_removal(struct tdp_removal *removal)
	__releases(&removal->kvm->mem.mmu_lock)
{
	struct page *table, *next;

	tdp_flush_removal(removal);
	write_unlock(&removal->kvm->mem.mmu_lock);

	list_for_each_entry_safe(table, next, &removal->tables, lru)
		tdp_free_tree(removal->kvm, page_address(table), page_private(table), true,
			      removal->may_block);
}

/* Lets others have the lock if they want it; false when the tables are gone. */
static bool tdp_yield(struct tdp_removal *removal, struct tdp_iter *iter)
{
	rwlock_t *lock = &removal->kvm->mem.mmu_lock;

	if (!removal->may_block || iter->gfn == removal->rested ||
	    (!need_resched() && !rwlock_needbreak(lock)))
		return true;
	removal->rested = iter->gfn;
	tdp_flush_removal(removal);
	cond_resched_rwlock_write(lock);
	tdp_iter_start(iter, to_x86_vm(removal->kvm)->mmu.root, iter->root_level,
		       iter->min_level, iter->gfn, iter->end);
	return iter->sptep;
}

/* The hardware may set bits of a leaf at any time: exchange, do not store. */
static void tdp_remove(struct tdp_removal *removal, struct tdp_iter *iter)
{
	u64 old = xchg(iter->sptep, 0);
	struct page *table;

	iter->spte = 0;
	removal->flush = true;
	if (!spte_is_table(old, iter->level)) {
		tdp_count_leaves(removal->kvm, iter->level, -1);
		return;
	}
	table = virt_to_page(spte_table(old));
	set_page_private(table, iter->level - 1);
	list_add(&table->lru, &removal->tables);
}

/* Whether all that the entry spans lies inside [@start, @end). */
static bool tdp_iter_inside(const struct tdp_iter *iter, gfn_t start)
{
	gfn_t span = spte_level_gfns(iter->level);

	return IS_ALIGNED(iter->gfn, span) && iter->gfn >= start &&
	       iter->gfn + span <= iter->end;
}

void kvm_arch_unmap(struct kvm *kvm, gfn_t start, gfn_t end, bool may_block)
{
	struct tdp_removal removal = {
		.kvm = kvm,
		.may_block = may_block,
		.rested = start,
		.tables = LIST_HEAD_INIT(removal.tables),
	};
	struct tdp_iter iter;

	tdp_lock_removal(&removal);
	tdp_for_each(&iter, to_x86_vm(kvm)->mmu.root, tdp_root_level(), PG_LEVEL_4K,
		     start, end) {
		if (tdp_iter_rests(&iter, start) && !tdp_yield(&removal, &iter))
			break;
		/* A table whole, a leaf also in part: its rest comes back by a fault. */
		if (spte_present(iter.spte) &&
		    (spte_is_leaf(iter.spte, iter.level) || tdp_iter_inside(&iter, start)))
			tdp_remove(&removal, &iter);
	}
	tdp_unlock_removal(&removal);
}

/* What was split for the log goes, where the host has it in one piece. */
void kvm_arch_stop_dirty_log(struct kvm_memory_slot *slot)
{
	struct tdp_removal removal = {
		.kvm = slot->kvm,
		.may_block = true,
		.rested = slot->base_gfn,
		.tables = LIST_HEAD_INIT(removal.tables),
	};
	struct tdp_iter iter;

	tdp_lock_removal(&removal);
	tdp_for_each(&iter, to_x86_vm(slot->kvm)->mmu.root, tdp_root_level(), PG_LEVEL_2M,
		     slot->base_gfn, kvm_slot_end(slot)) {
		if (!tdp_yield(&removal, &iter))
			break;
		if (spte_is_table(iter.spte, iter.level) &&
		    tdp_max_host_level(slot, iter.gfn) >= iter.level)
			tdp_remove(&removal, &iter);
	}
	tdp_unlock_removal(&removal);
}

/* Birth and death */

u64 x86_mmu_root(struct x86_vcpu *vcpu)
{
	return __sme_set(__pa(to_x86_vm(vcpu->vcpu.kvm)->mmu.root));
}

gfn_t kvm_arch_max_gfn(struct kvm *kvm)
{
	unsigned int bits = min_t(unsigned int, boot_cpu_data.x86_phys_bits,
				  PAGE_SHIFT + spte_level_shift(tdp_root_level() + 1));

	return gpa_to_gfn(BIT_ULL(bits)) - 1;
}

int x86_mmu_create(struct x86_vm *vm)
{
	struct page *root = tdp_alloc_table();

	if (!root)
		return -ENOMEM;
	vm->mmu.root = page_address(root);
	return 0;
}

void x86_mmu_destroy(struct x86_vm *vm)
{
	u64 *root = vm->mmu.root;

	/* The host's notifications find nothing from here on. */
	write_lock(&vm->kvm.mem.mmu_lock);
	vm->mmu.root = NULL;
	write_unlock(&vm->kvm.mem.mmu_lock);

	tdp_free_tree(&vm->kvm, root, tdp_root_level(), false, true);
}

/* Tables are cheap to make again: a guest that needs more than it may have starts anew. */
long x86_vm_set_nr_mmu_pages(struct kvm_ioctl_args *args)
{
	if (args->arg < TDP_MIN_LIMIT)
		return -EINVAL;
	WRITE_ONCE(to_x86_vm(args->kvm)->mmu.limit, args->arg);
	return 0;
}

void x86_mmu_create_vcpu(struct x86_vcpu *vcpu)
{
	/* No generation is ever this: nothing is remembered. */
	vcpu->mmu.mmio_generation = U64_MAX;
}

void x86_mmu_destroy_vcpu(struct x86_vcpu *vcpu)
{
	tdp_put_tables(&vcpu->mmu.tables);
}
