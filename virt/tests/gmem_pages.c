// SPDX-License-Identifier: GPL-2.0
/*
 * The pages of a gmem inode against a plain model: what each page of it holds,
 * whatever folios they come in, and however those were split.
 */
#include <kunit/test.h>
#include <linux/falloc.h>
#include <linux/file.h>
#include <linux/highmem.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/prandom.h>

#include "../gmem.h"

#define HUGE_PAGES	BIT(PMD_ORDER)
#define PAGES		(4 * HUGE_PAGES + 3)	/* the last ones never in a huge folio */
#define ROUNDS		400
#define ABSENT		U64_MAX

static const struct file_operations storage_fops = {
	.owner		= THIS_MODULE,
	.fallocate	= gmem_fallocate,
};

struct storage {
	struct kvm *kvm;
	struct gmem_view view;
	struct gmem_inode *inode;
	struct file *file;
	u64 *model;	/* ABSENT, or the first word of the page */
};

static void storage_close(void *file)
{
	__fput_sync(file);
}

static int storage_init(struct kunit *test)
{
	struct storage *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	s->kvm = kunit_kzalloc(test, sizeof(*s->kvm), GFP_KERNEL);
	s->model = kunit_kcalloc(test, PAGES, sizeof(*s->model), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, s->kvm);
	KUNIT_ASSERT_NOT_NULL(test, s->model);
	memset64(s->model, ABSENT, PAGES);
	s->kvm->id = 42;
	s->view.kvm = s->kvm;
	s->inode = gmem_new_inode(PAGES << PAGE_SHIFT, 0, s->kvm->id);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, s->inode);
	s->file = gmem_new_file(s->inode, &s->view, &storage_fops);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, s->file);
	test->priv = s;
	return kunit_add_action_or_reset(test, storage_close, s->file);
}

static struct folio *storage_folio(struct storage *s, pgoff_t index)
{
	return filemap_get_folio(s->inode->inode.i_mapping, index);
}

static unsigned int storage_order(struct storage *s, pgoff_t index)
{
	struct folio *folio = storage_folio(s, index);
	unsigned int order = IS_ERR(folio) ? UINT_MAX : folio_order(folio);

	if (!IS_ERR(folio))
		folio_put(folio);
	return order;
}

/* The first word of a page, or ABSENT; the word is also the page's last. */
static u64 storage_load(struct kunit *test, pgoff_t index)
{
	struct folio *folio = storage_folio(test->priv, index);
	u64 value, *page;

	if (IS_ERR(folio))
		return ABSENT;
	page = kmap_local_page(folio_file_page(folio, index));
	value = page[0];
	KUNIT_EXPECT_EQ(test, page[PAGE_SIZE / sizeof(*page) - 1], value);
	kunmap_local(page);
	folio_put(folio);
	return value;
}

static void storage_store(struct kunit *test, pgoff_t index, u64 value)
{
	struct storage *s = test->priv;
	struct folio *folio = storage_folio(s, index);
	u64 *page;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, folio);
	page = kmap_local_page(folio_file_page(folio, index));
	page[0] = value;
	page[PAGE_SIZE / sizeof(*page) - 1] = value;
	kunmap_local(page);
	folio_put(folio);
	s->model[index] = value;
}

static int storage_call(struct storage *s, int mode, pgoff_t start, pgoff_t end)
{
	return vfs_fallocate(s->file, mode | FALLOC_FL_KEEP_SIZE, (loff_t)start << PAGE_SHIFT,
			     (loff_t)(end - start) << PAGE_SHIFT);
}

static void storage_allocate(struct kunit *test, pgoff_t start, pgoff_t end)
{
	struct storage *s = test->priv;

	KUNIT_ASSERT_EQ(test, storage_call(s, 0, start, end), 0);
	for (; start < end; start++)
		if (s->model[start] == ABSENT)
			s->model[start] = 0;
}

static void storage_punch(struct kunit *test, pgoff_t start, pgoff_t end)
{
	struct storage *s = test->priv;

	KUNIT_ASSERT_EQ(test, storage_call(s, FALLOC_FL_PUNCH_HOLE, start, end), 0);
	memset64(s->model + start, ABSENT, end - start);
}

static void storage_matches(struct kunit *test)
{
	struct storage *s = test->priv;
	unsigned long present = 0;
	pgoff_t index;

	for (index = 0; index < PAGES; index++) {
		KUNIT_ASSERT_EQ_MSG(test, storage_load(test, index), s->model[index],
				    "page %lu", index);
		present += s->model[index] != ABSENT;
	}
	KUNIT_EXPECT_EQ(test, s->inode->inode.i_mapping->nrpages, present);
}

static void stamp_all(struct kunit *test)
{
	pgoff_t index;

	storage_allocate(test, 0, PAGES);
	for (index = 0; index < PAGES; index++)
		storage_store(test, index, index + 1);
}

/* Each place where the edge of a hole can be: the rest keeps what it had. */
static void hole_splits_huge_folio(struct kunit *test)
{
	static const struct { pgoff_t start, end; bool second; } holes[] = {
		{ 0, 1 },
		{ HUGE_PAGES - 1, HUGE_PAGES },
		{ 7, 9 },
		{ HUGE_PAGES - 1, HUGE_PAGES + 1, .second = true },
		{ 1, 2 * HUGE_PAGES - 1, .second = true },
		{ 0, HUGE_PAGES },
		{ 0, HUGE_PAGES + 1, .second = true },
		{ 1, 2 * HUGE_PAGES },
	};
	struct storage *s = test->priv;
	pgoff_t index;
	int i;

	for (i = 0; i < ARRAY_SIZE(holes); i++) {
		stamp_all(test);
		KUNIT_EXPECT_EQ(test, storage_order(s, 0), PMD_ORDER);
		KUNIT_EXPECT_EQ(test, storage_order(s, HUGE_PAGES), PMD_ORDER);
		storage_punch(test, holes[i].start, holes[i].end);
		storage_matches(test);
		for (index = 0; index < HUGE_PAGES; index++)
			if (s->model[index] != ABSENT)
				KUNIT_ASSERT_EQ(test, storage_order(s, index), 0);
		for (index = HUGE_PAGES; index < 2 * HUGE_PAGES; index++)
			if (s->model[index] != ABSENT)
				KUNIT_ASSERT_EQ(test, storage_order(s, index),
						holes[i].second ? 0 : PMD_ORDER);
		KUNIT_EXPECT_EQ(test, storage_order(s, 2 * HUGE_PAGES), PMD_ORDER);
		storage_punch(test, 0, PAGES);
		KUNIT_EXPECT_EQ(test, s->inode->inode.i_mapping->nrpages, 0);
	}
}

/* A large folio comes only where none of its pages is there, and all are asked for. */
static void large_where_possible(struct kunit *test)
{
	struct storage *s = test->priv;

	storage_allocate(test, 1, 2 * HUGE_PAGES - 1);
	KUNIT_EXPECT_EQ(test, storage_order(s, 0), UINT_MAX);
	KUNIT_EXPECT_EQ(test, storage_order(s, 1), 0);
	KUNIT_EXPECT_EQ(test, storage_order(s, 15), 0);
	KUNIT_EXPECT_EQ(test, storage_order(s, 16), KVM_GMEM_CLUSTER_ORDER);
	KUNIT_EXPECT_EQ(test, storage_order(s, HUGE_PAGES - 1), KVM_GMEM_CLUSTER_ORDER);
	KUNIT_EXPECT_EQ(test, storage_order(s, 2 * HUGE_PAGES - 2), 0);
	storage_allocate(test, 0, PAGES);
	KUNIT_EXPECT_EQ(test, storage_order(s, 0), 0);
	KUNIT_EXPECT_EQ(test, storage_order(s, HUGE_PAGES), KVM_GMEM_CLUSTER_ORDER);
	KUNIT_EXPECT_EQ(test, storage_order(s, 2 * HUGE_PAGES), PMD_ORDER);
	KUNIT_EXPECT_EQ(test, storage_order(s, 3 * HUGE_PAGES), PMD_ORDER);
	KUNIT_EXPECT_EQ(test, storage_order(s, 4 * HUGE_PAGES), 0);
	storage_matches(test);
	storage_punch(test, 0, HUGE_PAGES);
	storage_allocate(test, 0, HUGE_PAGES);
	KUNIT_EXPECT_EQ(test, storage_order(s, 0), PMD_ORDER);
	storage_matches(test);
}

/* A folio that somebody holds cannot be split: its part of the hole is zeroes. */
static void hole_in_held_folio(struct kunit *test)
{
	struct storage *s = test->priv;
	struct folio *held;
	pgoff_t index;

	stamp_all(test);
	held = storage_folio(s, HUGE_PAGES);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, held);
	storage_punch(test, HUGE_PAGES - 2, HUGE_PAGES + 5);
	for (index = HUGE_PAGES; index < HUGE_PAGES + 5; index++)
		s->model[index] = 0;
	storage_matches(test);
	KUNIT_EXPECT_EQ(test, storage_order(s, HUGE_PAGES), PMD_ORDER);
	KUNIT_EXPECT_EQ(test, storage_order(s, 0), 0);

	/* A hole over all of it needs no split, and the holder keeps what he has. */
	storage_punch(test, HUGE_PAGES, 2 * HUGE_PAGES);
	storage_matches(test);
	KUNIT_EXPECT_NULL(test, folio_mapping(held));
	folio_put(held);
}

static void pages_match_model(struct kunit *test)
{
	struct storage *s = test->priv;
	struct rnd_state rnd;
	pgoff_t start, end;
	int round, i;

	prandom_seed_state(&rnd, 3);
	for (round = 0; round < ROUNDS; round++) {
		start = prandom_u32_state(&rnd) % PAGES;
		end = start + 1 + prandom_u32_state(&rnd) % (PAGES - start);
		if (round & 1)
			storage_allocate(test, start, end);
		else
			storage_punch(test, start, end);
		for (i = 0; i < 16; i++) {
			start = prandom_u32_state(&rnd) % PAGES;
			if (s->model[start] != ABSENT)
				storage_store(test, start, round * 16 + i + 1);
		}
		if (round % 16 == 0)
			storage_matches(test);
	}
	storage_matches(test);
}

static struct kunit_case gmem_pages_cases[] = {
	KUNIT_CASE(hole_splits_huge_folio),
	KUNIT_CASE(large_where_possible),
	KUNIT_CASE(hole_in_held_folio),
	KUNIT_CASE_SLOW(pages_match_model),
	{}
};

static struct kunit_suite gmem_pages_suite = {
	.name = "kvm-gmem-pages",
	.init = storage_init,
	.test_cases = gmem_pages_cases,
};

kunit_test_suite(gmem_pages_suite);
