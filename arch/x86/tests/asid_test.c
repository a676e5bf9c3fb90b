// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of the ASIDs: never two owners of one in the same generation. */
#include <kunit/test.h>

#include "../svm/asid.h"

static void first_use_flushes(struct kunit *test)
{
	struct svm_asid_pool pool = {};
	struct svm_asid asid = {};

	svm_asid_init_pool(&pool, 4);
	/* A vCPU that never ran owns none, whatever CPU it looks at. */
	KUNIT_EXPECT_FALSE(test, svm_asid_valid(&pool, &asid, 0));
	KUNIT_EXPECT_TRUE(test, svm_asid_new(&pool, &asid, 0));
	KUNIT_EXPECT_TRUE(test, svm_asid_valid(&pool, &asid, 0));
	KUNIT_EXPECT_EQ(test, 1, asid.asid);
}

static void each_once_then_flush(struct kunit *test)
{
	struct svm_asid_pool pool = {};
	struct svm_asid a = {}, b = {}, c = {}, d = {};

	svm_asid_init_pool(&pool, 4);
	svm_asid_new(&pool, &a, 0);
	KUNIT_EXPECT_FALSE(test, svm_asid_new(&pool, &b, 0));
	KUNIT_EXPECT_FALSE(test, svm_asid_new(&pool, &c, 0));
	KUNIT_EXPECT_EQ(test, 2, b.asid);
	KUNIT_EXPECT_EQ(test, 3, c.asid);
	/* The fourth begins a generation, and takes the ASID of the first. */
	KUNIT_EXPECT_TRUE(test, svm_asid_new(&pool, &d, 0));
	KUNIT_EXPECT_EQ(test, a.asid, d.asid);
	KUNIT_EXPECT_FALSE(test, svm_asid_valid(&pool, &a, 0));
	KUNIT_EXPECT_FALSE(test, svm_asid_valid(&pool, &c, 0));
	KUNIT_EXPECT_TRUE(test, svm_asid_valid(&pool, &d, 0));
}

static void an_asid_belongs_to_a_cpu(struct kunit *test)
{
	struct svm_asid_pool here = {}, there = {};
	struct svm_asid asid = {};

	svm_asid_init_pool(&here, 8);
	svm_asid_init_pool(&there, 8);
	svm_asid_new(&here, &asid, 0);
	svm_asid_new(&there, &asid, 1);
	KUNIT_EXPECT_FALSE(test, svm_asid_valid(&here, &asid, 0));
	KUNIT_EXPECT_TRUE(test, svm_asid_valid(&there, &asid, 1));
}

/* A CPU that went away and came back honours nothing from before. */
static void reenabled_cpu_starts_anew(struct kunit *test)
{
	struct svm_asid_pool pool = {};
	struct svm_asid before = {}, after = {};

	svm_asid_init_pool(&pool, 8);
	svm_asid_new(&pool, &before, 0);
	svm_asid_init_pool(&pool, 8);
	KUNIT_EXPECT_FALSE(test, svm_asid_valid(&pool, &before, 0));
	KUNIT_EXPECT_TRUE(test, svm_asid_new(&pool, &after, 0));
	KUNIT_EXPECT_FALSE(test, svm_asid_valid(&pool, &before, 0));
}

static struct kunit_case asid_cases[] = {
	KUNIT_CASE(first_use_flushes),
	KUNIT_CASE(each_once_then_flush),
	KUNIT_CASE(an_asid_belongs_to_a_cpu),
	KUNIT_CASE(reenabled_cpu_starts_anew),
	{}
};

static struct kunit_suite asid_suite = {
	.name = "kvm_svm_asid",
	.test_cases = asid_cases,
};

kunit_test_suite(asid_suite);
