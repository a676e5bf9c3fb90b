// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of the entries of nested page tables, and of the walk over them. */
#include <kunit/test.h>
#include <linux/prandom.h>

#include "../mmu/iter.h"
#include "../mmu/spte.h"
#include "../mmu/tdp.h"

/* Entries */

static void leaves_say_what_they_were_made_of(struct kunit *test)
{
	kvm_pfn_t pfn = 0x12345600;
	int level, bits;
	u64 spte;

	for (level = PG_LEVEL_4K; level <= PG_LEVEL_1G; level++) {
		for (bits = 0; bits < 4; bits++) {
			spte = spte_make_leaf(ALIGN_DOWN(pfn, spte_level_gfns(level)), 0,
					      level, bits & 1, bits & 2);
			KUNIT_EXPECT_TRUE(test, spte_present(spte));
			KUNIT_EXPECT_TRUE(test, spte_is_leaf(spte, level));
			KUNIT_EXPECT_FALSE(test, spte_is_table(spte, level));
			KUNIT_EXPECT_EQ(test, spte_pfn(spte),
					ALIGN_DOWN(pfn, spte_level_gfns(level)));
			KUNIT_EXPECT_EQ(test, !!(spte & SPTE_HOST_WRITABLE), bits & 1);
			/* Never more than the host allows. */
			KUNIT_EXPECT_EQ(test, !!(spte & SPTE_WRITABLE), bits == 3);
			/* Every access of the guest is a user's (APM 2, 15.25.5). */
			KUNIT_EXPECT_TRUE(test, spte & SPTE_USER);
			KUNIT_EXPECT_EQ(test, !!(spte & SPTE_LEAF), level > PG_LEVEL_4K);
		}
	}
	KUNIT_EXPECT_FALSE(test, spte_present(0));
	KUNIT_EXPECT_FALSE(test, spte_is_table(0, PG_LEVEL_2M));
}

static void halves_of_a_split_are_the_whole(struct kunit *test)
{
	kvm_pfn_t pfn = spte_level_gfns(PG_LEVEL_1G) * 3;
	u64 large, small;
	unsigned int i;
	int level;

	for (level = PG_LEVEL_2M; level <= PG_LEVEL_1G; level++) {
		large = spte_make_leaf(pfn, 0, level, true, level == PG_LEVEL_2M);
		for (i = 0; i < SPTES_PER_TABLE; i++) {
			small = spte_make_split(large, level, i);
			KUNIT_EXPECT_TRUE(test, spte_is_leaf(small, level - 1));
			KUNIT_EXPECT_EQ(test, spte_pfn(small),
					pfn + i * spte_level_gfns(level - 1));
			KUNIT_EXPECT_EQ(test, !!(small & SPTE_LEAF), level - 1 > PG_LEVEL_4K);
			KUNIT_EXPECT_EQ(test, small & SPTE_WRITABLE, large & SPTE_WRITABLE);
			KUNIT_EXPECT_EQ(test, small & SPTE_HOST_WRITABLE,
					large & SPTE_HOST_WRITABLE);
		}
	}
}

/* Who splits a large leaf that somebody else changes has an empty table again. */
static void lost_split_leaves_no_trace(struct kunit *test)
{
	u64 seen = spte_make_leaf(spte_level_gfns(PG_LEVEL_2M), 0, PG_LEVEL_2M, true, true);
	u64 entry = seen & ~SPTE_WRITABLE;
	struct tdp_iter iter = { .level = PG_LEVEL_2M, .sptep = &entry, .spte = seen };
	struct tdp_tables tables = {};

	KUNIT_ASSERT_EQ(test, tdp_get_tables(&tables, 1), 0);
	KUNIT_EXPECT_FALSE(test, tdp_link_table(NULL, &iter, &tables));
	KUNIT_EXPECT_EQ(test, iter.spte, entry);
	KUNIT_EXPECT_EQ(test, tables.nr, 1);
	KUNIT_EXPECT_NULL(test, memchr_inv(page_address(tables.page[0]), 0, PAGE_SIZE));
	tdp_put_tables(&tables);
}

/*
 * This machine encrypts nothing: any bit will do. What the host maps decrypted, a
 * device's memory, must not be decrypted on the way to the guest.
 */
static void encryption_is_the_hosts(struct kunit *test)
{
	const u64 c_bit = BIT_ULL(47), pfn = 0x12345600;
	u64 plain, encrypted;
	int level;

	for (level = PG_LEVEL_4K; level <= PG_LEVEL_2M; level++) {
		plain = spte_make_leaf(pfn, 0, level, true, true);
		encrypted = spte_make_leaf(pfn, c_bit, level, true, true);
		KUNIT_EXPECT_EQ(test, plain & c_bit, 0);
		KUNIT_EXPECT_EQ(test, encrypted, plain | c_bit);
	}
	KUNIT_EXPECT_EQ(test, spte_make_split(encrypted, PG_LEVEL_2M, 7),
			spte_make_split(plain, PG_LEVEL_2M, 7) | c_bit);
}

/* Known bug 14: slots whose ends are not aligned, or not alike on both sides. */
static void level_stays_inside_the_slot(struct kunit *test)
{
	const unsigned int large = PMD_SHIFT - PAGE_SHIFT;
	struct kvm_memory_slot slot = { .base_gfn = 0x3ff, .npages = 0x402 };

	/* Frames 0x3ff, then two times 2 MiB, then 0x800. */
	KUNIT_EXPECT_EQ(test, tdp_max_level(&slot, 0x3ff, 0x3ff, large), PG_LEVEL_4K);
	KUNIT_EXPECT_EQ(test, tdp_max_level(&slot, 0x400, 0x3ff, large), PG_LEVEL_2M);
	KUNIT_EXPECT_EQ(test, tdp_max_level(&slot, 0x7ff, 0x3ff, large), PG_LEVEL_2M);
	KUNIT_EXPECT_EQ(test, tdp_max_level(&slot, 0x800, 0x3ff, large), PG_LEVEL_4K);
	KUNIT_EXPECT_EQ(test, tdp_max_level(&slot, 0x400, 0x3fe, large), PG_LEVEL_4K);
	KUNIT_EXPECT_EQ(test, tdp_max_level(&slot, 0x400, 0x3ff, large - 1), PG_LEVEL_4K);
	slot.npages = 0x401;
	KUNIT_EXPECT_EQ(test, tdp_max_level(&slot, 0x600, 0x3ff, large), PG_LEVEL_2M);
	slot.npages = 0x400;
	KUNIT_EXPECT_EQ(test, tdp_max_level(&slot, 0x600, 0x3ff, large), PG_LEVEL_4K);
}

/* The walk */

#define NR_TABLES	64
#define ROOT_LEVEL	4

/* Tables of a tree that is built at random; entry 0 is the root. */
struct tree {
	struct page *page[NR_TABLES];
	int nr;
	struct rnd_state rnd;
};

static u64 *tree_table(struct tree *tree, int i)
{
	return page_address(tree->page[i]);
}

/* A leaf or nothing at each index of a table; below some, a further table. */
static void tree_fill(struct kunit *test, struct tree *tree, int i, int level)
{
	u64 *table = tree_table(tree, i);
	int k, child;

	for (k = 0; k < 24; k++) {
		u32 at = prandom_u32_state(&tree->rnd) % SPTES_PER_TABLE;

		if (spte_present(table[at]))
			continue;
		if (level <= PG_LEVEL_1G && prandom_u32_state(&tree->rnd) % 2) {
			table[at] = spte_make_leaf(0, 0, level, true, true);
		} else if (level > PG_LEVEL_4K && tree->nr < NR_TABLES) {
			child = tree->nr++;
			table[at] = spte_make_table(tree->page[child]);
			tree_fill(test, tree, child, level - 1);
		}
	}
}

/* How many leaves meet [start, end): counted entry by entry, from the top. */
static unsigned long tree_count(u64 *table, int level, gfn_t base, gfn_t start, gfn_t end)
{
	gfn_t span = spte_level_gfns(level), gfn = base;
	unsigned long n = 0;
	int i;

	for (i = 0; i < SPTES_PER_TABLE; i++, gfn += span) {
		if (gfn + span <= start || gfn >= end)
			continue;
		if (spte_is_table(table[i], level))
			n += tree_count(spte_table(table[i]), level - 1, gfn, start, end);
		else
			n += spte_present(table[i]);
	}
	return n;
}

static void walk_meets_every_leaf_once(struct kunit *test)
{
	struct tree *tree = test->priv;
	gfn_t all = spte_level_gfns(ROOT_LEVEL + 1), start, end, last;
	struct tdp_iter iter;
	unsigned long n;
	int i;

	tree_fill(test, tree, 0, ROOT_LEVEL);
	for (i = 0; i < 200; i++) {
		start = prandom_u32_state(&tree->rnd) * 16ULL % all;
		end = i % 4 ? min(all, start + (1ULL << (i % 37))) : all;
		n = 0;
		last = 0;
		tdp_for_each(&iter, tree_table(tree, 0), ROOT_LEVEL, PG_LEVEL_4K, start, end) {
			KUNIT_ASSERT_GE(test, iter.gfn, max(last, start));
			KUNIT_ASSERT_LT(test, iter.gfn, end);
			last = iter.gfn;
			if (spte_present(iter.spte) && spte_is_leaf(iter.spte, iter.level))
				n++;
		}
		KUNIT_EXPECT_EQ(test, n, tree_count(tree_table(tree, 0), ROOT_LEVEL, 0,
						    start, end));
	}
}

static void walk_of_nothing(struct kunit *test)
{
	struct tree *tree = test->priv;
	struct tdp_iter iter;
	int n = 0;

	tdp_for_each(&iter, NULL, ROOT_LEVEL, PG_LEVEL_4K, 0, 100)
		n++;
	tdp_for_each(&iter, tree_table(tree, 0), ROOT_LEVEL, PG_LEVEL_4K, 100, 100)
		n++;
	KUNIT_EXPECT_EQ(test, n, 0);
	/* An empty tree of four levels is one entry a 512 GiB. */
	tdp_for_each(&iter, tree_table(tree, 0), ROOT_LEVEL, PG_LEVEL_4K, 5,
		     spte_level_gfns(ROOT_LEVEL) + 1)
		n++;
	KUNIT_EXPECT_EQ(test, n, 2);
}

static void walk_stops_above_the_least_level(struct kunit *test)
{
	struct tree *tree = test->priv;
	struct tdp_iter iter;

	tree_fill(test, tree, 0, ROOT_LEVEL);
	tdp_for_each(&iter, tree_table(tree, 0), ROOT_LEVEL, PG_LEVEL_2M, 0,
		     spte_level_gfns(ROOT_LEVEL + 1))
		KUNIT_ASSERT_GE(test, iter.level, PG_LEVEL_2M);
}

static void tree_exit(struct kunit *test)
{
	struct tree *tree = test->priv;
	int i;

	for (i = 0; tree && i < NR_TABLES && tree->page[i]; i++)
		__free_page(tree->page[i]);
}

static int tree_init(struct kunit *test)
{
	struct tree *tree = kunit_kzalloc(test, sizeof(*tree), GFP_KERNEL);
	int i;

	test->priv = tree;
	for (i = 0; tree && i < NR_TABLES; i++) {
		tree->page[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (!tree->page[i])
			return -ENOMEM;
	}
	if (!tree)
		return -ENOMEM;
	tree->nr = 1;
	prandom_seed_state(&tree->rnd, 4711);
	return 0;
}

static struct kunit_case mmu_cases[] = {
	KUNIT_CASE(leaves_say_what_they_were_made_of),
	KUNIT_CASE(halves_of_a_split_are_the_whole),
	KUNIT_CASE(lost_split_leaves_no_trace),
	KUNIT_CASE(encryption_is_the_hosts),
	KUNIT_CASE(level_stays_inside_the_slot),
	KUNIT_CASE(walk_meets_every_leaf_once),
	KUNIT_CASE(walk_of_nothing),
	KUNIT_CASE(walk_stops_above_the_least_level),
	{}
};

static struct kunit_suite mmu_suite = {
	.name = "kvm_mmu",
	.init = tree_init,
	.exit = tree_exit,
	.test_cases = mmu_cases,
};

kunit_test_suite(mmu_suite);
