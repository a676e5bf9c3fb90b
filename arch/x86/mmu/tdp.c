// SPDX-License-Identifier: GPL-2.0
/*
 * The nested page tables of a VM: map under mmu_lock for reading, with
 * cmpxchg; all that takes away under mmu_lock for writing.
 *
 * Who removes or restricts an entry flushes the TLBs before mmu_lock is let
 * go: an entry that is not there is nowhere cached either.
 */
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

/* A table that the hardware cannot reach, and all below it. Depth is bounded. */
static void tdp_free_tree(u64 *table, int level, bool readers)
{
	struct page *page = virt_to_page(table);
	unsigned int i;
	u64 spte;

	for (i = 0; level > PG_LEVEL_4K && i < SPTES_PER_TABLE; i++) {
		spte = READ_ONCE(table[i]);
		if (spte_is_table(spte, level))
			tdp_free_tree(spte_table(spte), level - 1, readers);
	}
	if (readers)
		call_rcu(&page->rcu_head, tdp_free_table_rcu);
	else
		tdp_free_table(page);
}

int tdp_get_tables(struct x86_mmu_vcpu *cache)
{
	while (cache->nr_tables < tdp_root_level() - 1) {
		cache->tables[cache->nr_tables] = tdp_alloc_table();
		if (!cache->tables[cache->nr_tables])
			return -ENOMEM;
		cache->nr_tables++;
	}
	return 0;
}

void tdp_put_tables(struct x86_mmu_vcpu *cache)
{
	while (cache->nr_tables)
		tdp_free_table(cache->tables[--cache->nr_tables]);
}

static void tdp_flush(struct kvm *kvm)
{
	kvm_make_all_request(kvm, KVM_REQ_TLB_FLUSH, true);
}

/* Map */

/* Puts an empty table below the entry; false if the entry changed meanwhile. */
static bool tdp_link_table(struct tdp_iter *iter, struct x86_mmu_vcpu *cache)
{
	struct page *table = cache->tables[cache->nr_tables - 1];
	u64 new = spte_make_table(table);

	/* Releases the zeroed table to other walkers, who depend on the entry. */
	if (!try_cmpxchg64(iter->sptep, &iter->spte, new))
		return false;
	iter->spte = new;
	cache->nr_tables--;
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

	if (spte_present(old) && spte_pfn(old) != spte_pfn(new))
		tdp_flush(kvm);
}

void tdp_map(struct x86_vcpu *vcpu, gfn_t gfn, int level, u64 spte)
{
	struct kvm *kvm = vcpu->vcpu.kvm;
	struct tdp_iter iter;

	lockdep_assert_held_read(&kvm->mem.mmu_lock);

	tdp_iter_start(&iter, to_x86_vm(kvm)->mmu.root, tdp_root_level(), level,
		       gfn, gfn + 1);
	while (iter.level > level) {
		if (!spte_is_table(iter.spte, iter.level) &&
		    !tdp_link_table(&iter, &vcpu->mmu))
			continue;
		tdp_iter_next(&iter);
	}
	tdp_set_leaf(kvm, &iter, spte);
}

/* Unmap */

/* A removal in progress: what must be done before its lock is let go, and after. */
struct tdp_removal {
	struct kvm *kvm;
	bool flush;
	struct list_head tables;
};

static void tdp_lock_removal(struct tdp_removal *removal)
{
	write_lock(&removal->kvm->mem.mmu_lock);
}

static void tdp_flush_removal(struct tdp_removal *removal)
{
	if (removal->flush)
		tdp_flush(removal->kvm);
	removal->flush = false;
}

/* The hardware has forgotten the tables; walkers under RCU may not have. */
static void tdp_unlock_removal(struct tdp_removal *removal)
{
	struct page *table, *next;

	tdp_flush_removal(removal);
	write_unlock(&removal->kvm->mem.mmu_lock);

	list_for_each_entry_safe(table, next, &removal->tables, lru)
		tdp_free_tree(page_address(table), page_private(table), true);
}

/* Lets others have the lock if they want it; false when the tables are gone. */
static bool tdp_yield(struct tdp_removal *removal, struct tdp_iter *iter)
{
	rwlock_t *lock = &removal->kvm->mem.mmu_lock;

	if (!need_resched() && !rwlock_needbreak(lock))
		return true;
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
	if (!spte_is_table(old, iter->level))
		return;
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
		.tables = LIST_HEAD_INIT(removal.tables),
	};
	struct tdp_iter iter;

	tdp_lock_removal(&removal);
	tdp_for_each(&iter, to_x86_vm(kvm)->mmu.root, tdp_root_level(), PG_LEVEL_4K,
		     start, end) {
		if (may_block && !tdp_yield(&removal, &iter))
			break;
		/* A table whole, a leaf also in part: its rest comes back by a fault. */
		if (spte_present(iter.spte) &&
		    (spte_is_leaf(iter.spte, iter.level) || tdp_iter_inside(&iter, start)))
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

	tdp_free_tree(root, tdp_root_level(), false);
}

void x86_mmu_create_vcpu(struct x86_vcpu *vcpu)
{
	/* No generation is ever this: nothing is remembered. */
	vcpu->mmu.mmio_generation = U64_MAX;
}

void x86_mmu_destroy_vcpu(struct x86_vcpu *vcpu)
{
	tdp_put_tables(&vcpu->mmu);
}
