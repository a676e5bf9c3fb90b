// SPDX-License-Identifier: GPL-2.0
/*
 * Memory attributes: one entry per range of frames that are alike, however
 * long. Neighbours that are alike are one entry, so that a range is uniform if
 * and only if one entry, or one gap, covers it. Absence of an entry is 0.
 */
#include <linux/cleanup.h>
#include <linux/maple_tree.h>
#include <linux/slab.h>

#include <kvm/arch.h>
#include <kvm/attributes.h>
#include <kvm/ioctl.h>
#include <kvm/kvm.h>

#include "attributes.h"
#include "range.h"

static void *attributes_to_entry(u64 attributes)
{
	return attributes ? xa_mk_value(attributes) : NULL;
}

static u64 entry_to_attributes(void *entry)
{
	return entry ? xa_to_value(entry) : 0;
}

struct maple_tree *attributes_alloc(void)
{
	struct maple_tree *tree = kmalloc(sizeof(*tree), GFP_KERNEL_ACCOUNT);

	if (tree)
		mt_init_flags(tree, MT_FLAGS_USE_RCU);
	return tree;
}

void attributes_free(struct maple_tree *tree)
{
	if (!tree)
		return;
	/* No reader is left; and 6.12 frees a tree in RCU mode wrongly. */
	mt_clear_in_rcu(tree);
	mtree_destroy(tree);
	kfree(tree);
}

u64 attributes_load(struct maple_tree *tree, gfn_t gfn)
{
	return entry_to_attributes(mtree_load(tree, gfn));
}

/* Whether all frames have these attributes already. */
static bool attributes_are(struct maple_tree *tree, gfn_t start, gfn_t last, u64 attributes)
{
	MA_STATE(mas, tree, start, start);

	guard(rcu)();
	return entry_to_attributes(mas_walk(&mas)) == attributes && mas.last >= last;
}

bool attributes_uniform(struct maple_tree *tree, gfn_t start, gfn_t last)
{
	MA_STATE(mas, tree, start, start);

	guard(rcu)();
	mas_walk(&mas);
	return mas.last >= last;
}

/* The range with its neighbours that have the same attributes. */
static void attributes_extend(struct maple_tree *tree, gfn_t *start, gfn_t *last, void *entry)
{
	MA_STATE(mas, tree, 0, 0);

	guard(rcu)();
	if (*start) {
		mas_set(&mas, *start - 1);
		if (mas_walk(&mas) == entry)
			*start = mas.index;
	}
	if (*last != ULONG_MAX) {
		mas_set(&mas, *last + 1);
		if (mas_walk(&mas) == entry)
			*last = mas.last;
	}
}

int attributes_store(struct maple_tree *tree, gfn_t start, gfn_t last, u64 attributes)
{
	void *entry = attributes_to_entry(attributes);

	attributes_extend(tree, &start, &last, entry);
	return mtree_store_range(tree, start, last, entry, GFP_KERNEL_ACCOUNT);
}

u64 kvm_attributes_supported(const struct kvm *kvm)
{
	return !kvm || kvm_arch_has_private_mem(kvm) ? KVM_MEMORY_ATTRIBUTE_PRIVATE : 0;
}

/*
 * The tree appears once, empty, and is exchanged only while no vCPU runs: a
 * reader that still sees none sees what the frames were a moment earlier.
 */
static struct maple_tree *kvm_attributes(const struct kvm *kvm)
{
	/* Pairs with the release in kvm_set_attributes(). */
	return smp_load_acquire(&kvm->mem.attributes);
}

bool kvm_gfn_is_private(const struct kvm *kvm, gfn_t gfn)
{
	struct maple_tree *tree = kvm_attributes(kvm);

	return tree && (attributes_load(tree, gfn) & KVM_MEMORY_ATTRIBUTE_PRIVATE);
}

bool kvm_attributes_uniform(const struct kvm *kvm, gfn_t start, gfn_t end)
{
	struct maple_tree *tree = kvm_attributes(kvm);

	return !tree || attributes_uniform(tree, start, end - 1);
}

static int kvm_set_attributes(struct kvm *kvm, gfn_t start, gfn_t end, u64 attributes)
{
	struct maple_tree *tree = kvm->mem.attributes;
	int r;

	lockdep_assert_held(&kvm->mem.slots_lock);

	if (!tree && !attributes)
		return 0;
	if (!tree) {
		tree = attributes_alloc();
		if (!tree)
			return -ENOMEM;
		/* Pairs with kvm_attributes(). */
		smp_store_release(&kvm->mem.attributes, tree);
	}
	if (attributes_are(tree, start, end - 1, attributes))
		return 0;
	r = attributes_store(tree, start, end - 1, attributes);
	/* Faults look at the tree under mmu_lock, which this takes after the store. */
	if (!r)
		kvm_arch_unmap(kvm, start, end, true);
	return r;
}

long kvm_vm_set_memory_attributes(struct kvm_ioctl_args *args)
{
	const struct kvm_memory_attributes *set = args->data;

	if (set->attributes & ~kvm_attributes_supported(args->kvm))
		return -EINVAL;
	if (!range_is_pages(set->address, set->size))
		return -EINVAL;

	guard(mutex)(&args->kvm->mem.slots_lock);
	return kvm_set_attributes(args->kvm, gpa_to_gfn(set->address),
				  gpa_to_gfn(set->address + set->size), set->attributes);
}

void kvm_attributes_destroy(struct kvm *kvm)
{
	attributes_free(kvm->mem.attributes);
}
