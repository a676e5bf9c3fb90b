// SPDX-License-Identifier: GPL-2.0
/* Attribute ranges and bindings against plain models: an array, a frame each. */
#include <kunit/test.h>
#include <linux/prandom.h>

#include <kvm/memslot.h>

#include "../attributes.h"
#include "../gmem.h"

#define FRAMES		512
#define ROUNDS		1000
#define FAR		BIT_ULL(40)	/* somewhere in the middle of petabytes */

static gfn_t pick_range(struct rnd_state *rnd, gfn_t *start)
{
	u32 a = prandom_u32_state(rnd) % FRAMES, b = prandom_u32_state(rnd) % FRAMES;

	*start = min(a, b);
	return max(a, b);
}

static bool model_uniform(const u8 *model, gfn_t start, gfn_t last)
{
	while (start < last && model[start] == model[start + 1])
		start++;
	return start == last;
}

/* How many entries a tree needs whose neighbours all differ. */
static unsigned int model_entries(const u8 *model)
{
	unsigned int i, nr = 0;

	for (i = 0; i < FRAMES; i++)
		nr += model[i] && (!i || model[i] != model[i - 1]);
	return nr;
}

static unsigned int tree_entries(struct maple_tree *tree)
{
	unsigned long index = 0;
	unsigned int nr = 0;
	void *entry;

	mt_for_each(tree, entry, index, ULONG_MAX)
		nr++;
	return nr;
}

/* @base places the frames at 0, far away, or against the end of the numbers. */
static void check_attributes(struct kunit *test, gfn_t base)
{
	struct maple_tree *tree = attributes_alloc();
	gfn_t start, last, gfn;
	struct rnd_state rnd;
	u8 *model, value;
	int round;

	model = kunit_kzalloc(test, FRAMES, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, tree);
	KUNIT_ASSERT_NOT_NULL(test, model);
	prandom_seed_state(&rnd, 1);

	for (round = 0; round < ROUNDS; round++) {
		last = pick_range(&rnd, &start);
		value = prandom_u32_state(&rnd) % 3 * 8;
		KUNIT_ASSERT_EQ(test, attributes_store(tree, base + start, base + last, value), 0);
		memset(model + start, value, last - start + 1);

		last = pick_range(&rnd, &start);
		KUNIT_ASSERT_EQ(test, attributes_uniform(tree, base + start, base + last),
				model_uniform(model, start, last));
		gfn = prandom_u32_state(&rnd) % FRAMES;
		KUNIT_ASSERT_EQ(test, attributes_load(tree, base + gfn), model[gfn]);
	}
	KUNIT_EXPECT_EQ(test, tree_entries(tree), model_entries(model));
	attributes_free(tree);
}

static void attributes_match_model(struct kunit *test)
{
	check_attributes(test, 0);
	check_attributes(test, FAR);
	check_attributes(test, ULONG_MAX - FRAMES + 1);
}

/* A range of petabytes is one entry, and one hole in it makes two. */
static void attributes_are_ranges(struct kunit *test)
{
	struct maple_tree *tree = attributes_alloc();

	KUNIT_ASSERT_NOT_NULL(test, tree);
	KUNIT_EXPECT_TRUE(test, attributes_uniform(tree, 0, ULONG_MAX));
	KUNIT_ASSERT_EQ(test, attributes_store(tree, 0, ULONG_MAX, 8), 0);
	KUNIT_EXPECT_TRUE(test, attributes_uniform(tree, 0, ULONG_MAX));
	KUNIT_EXPECT_EQ(test, tree_entries(tree), 1);
	KUNIT_ASSERT_EQ(test, attributes_store(tree, FAR, FAR, 0), 0);
	KUNIT_EXPECT_EQ(test, tree_entries(tree), 2);
	KUNIT_EXPECT_TRUE(test, attributes_uniform(tree, 0, FAR - 1));
	KUNIT_EXPECT_FALSE(test, attributes_uniform(tree, 0, FAR));
	KUNIT_EXPECT_TRUE(test, attributes_uniform(tree, FAR, FAR));
	KUNIT_EXPECT_TRUE(test, attributes_uniform(tree, FAR + 1, ULONG_MAX));
	KUNIT_ASSERT_EQ(test, attributes_store(tree, FAR, FAR, 8), 0);
	KUNIT_EXPECT_EQ(test, tree_entries(tree), 1);
	KUNIT_ASSERT_EQ(test, attributes_store(tree, 0, ULONG_MAX, 0), 0);
	KUNIT_EXPECT_EQ(test, tree_entries(tree), 0);
	attributes_free(tree);
}

#define SLOTS	64

static bool model_free(struct kvm_memory_slot **model, unsigned long start, unsigned long last)
{
	while (start <= last)
		if (model[start++])
			return false;
	return true;
}

static void bindings_match_model(struct kunit *test)
{
	struct kvm_memory_slot **model, *slots, *slot;
	struct maple_tree bindings;
	unsigned long index;
	struct rnd_state rnd;
	gfn_t start, last;
	int round, r;

	model = kunit_kcalloc(test, FRAMES, sizeof(*model), GFP_KERNEL);
	slots = kunit_kcalloc(test, SLOTS, sizeof(*slots), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, model);
	KUNIT_ASSERT_NOT_NULL(test, slots);
	prandom_seed_state(&rnd, 2);
	mt_init(&bindings);

	for (round = 0; round < ROUNDS; round++) {
		slot = &slots[prandom_u32_state(&rnd) % SLOTS];
		if (slot->npages) {
			mtree_erase(&bindings, slot->gmem.index);
			for (index = 0; index < slot->npages; index++)
				model[slot->gmem.index + index] = NULL;
			slot->npages = 0;
			continue;
		}
		last = pick_range(&rnd, &start);
		last = min(last, start + 30);
		r = gmem_bind_range(&bindings, start, last - start + 1, slot);
		KUNIT_ASSERT_EQ(test, r, model_free(model, start, last) ? 0 : -EEXIST);
		if (r)
			continue;
		slot->gmem.index = start;
		slot->npages = last - start + 1;
		while (start <= last)
			model[start++] = slot;
		index = prandom_u32_state(&rnd) % FRAMES;
		KUNIT_ASSERT_PTR_EQ(test, mtree_load(&bindings, index), model[index]);
	}
	for (index = 0; index < FRAMES; index++)
		KUNIT_EXPECT_PTR_EQ(test, mtree_load(&bindings, index), model[index]);
	mtree_destroy(&bindings);
}

/* Which frames of a slot a hole takes away; some page of it is the slot's. */
static void bound_frames(struct kunit *test)
{
	struct kvm_memory_slot slot = { .base_gfn = 1000, .npages = 10 };
	struct gfn_range gfns;
	pgoff_t start, end;

	slot.gmem.index = 20;
	for (start = 0; start < 30; start++) {
		for (end = max(start + 1, 21UL); end < 40; end++) {
			gfns = gmem_bound_gfns(&slot, start, end);
			KUNIT_EXPECT_EQ(test, gfns.start, 1000 + max(start, 20UL) - 20);
			KUNIT_EXPECT_EQ(test, gfns.end, 1000 + min(end, 30UL) - 20);
		}
	}
	gfns = gmem_bound_gfns(&slot, 0, ULONG_MAX);
	KUNIT_EXPECT_EQ(test, gfns.start, 1000);
	KUNIT_EXPECT_EQ(test, gfns.end, 1010);
}

static struct kunit_case gmem_cases[] = {
	KUNIT_CASE(attributes_match_model),
	KUNIT_CASE(attributes_are_ranges),
	KUNIT_CASE(bindings_match_model),
	KUNIT_CASE(bound_frames),
	{}
};

static struct kunit_suite gmem_suite = {
	.name = "kvm-gmem",
	.test_cases = gmem_cases,
};

kunit_test_suite(gmem_suite);
