// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of the TSC's arithmetic, which the test machine's CPU has no use for. */
#include <kunit/test.h>
#include <linux/prandom.h>

#include "../tsc.h"

#define FRAC_BITS	32
#define MAX_RATIO	((1ULL << 40) - 1)
#define ROUNDS		10000

#define SEED		1

/* Numbers of any width, and often the extremes. */
static u64 any(struct rnd_state *rnd)
{
	u64 val = (u64)prandom_u32_state(rnd) << 32 | prandom_u32_state(rnd);

	switch (prandom_u32_state(rnd) % 8) {
	case 0:
		return ~0ULL;
	case 1:
		return BIT_ULL(val % 64);
	default:
		return val >> prandom_u32_state(rnd) % 64;
	}
}

/* Long multiplication, bit by bit. */
static unsigned __int128 times(u64 a, u64 b)
{
	unsigned __int128 sum = 0;
	int i;

	for (i = 0; i < 64; i++)
		if (b & BIT_ULL(i))
			sum += (unsigned __int128)a << i;
	return sum;
}

static void scale_is_a_product(struct kunit *test)
{
	struct rnd_state rnd;
	u64 tsc, ratio;
	int i;

	prandom_seed_state(&rnd, SEED);
	for (i = 0; i < ROUNDS; i++) {
		tsc = any(&rnd);
		ratio = any(&rnd) & MAX_RATIO ?: 1;
		KUNIT_ASSERT_EQ_MSG(test, (u64)(times(tsc, ratio) >> FRAC_BITS),
				    x86_tsc_scale(tsc, ratio, FRAC_BITS),
				    "%llx by %llx", tsc, ratio);
	}
	KUNIT_EXPECT_EQ(test, 12345, x86_tsc_scale(12345, 0, FRAC_BITS));
	KUNIT_EXPECT_EQ(test, ~0ULL, x86_tsc_scale(~0ULL, 1ULL << FRAC_BITS, FRAC_BITS));
}

/* The largest number whose product with the host's rate is not above the guest's. */
static void ratio_is_a_quotient(struct kunit *test)
{
	unsigned __int128 rate, below, above;
	u32 khz, host_khz;
	struct rnd_state rnd;
	u64 ratio;
	int i, r;

	prandom_seed_state(&rnd, SEED);
	for (i = 0; i < ROUNDS; i++) {
		khz = (u32)any(&rnd) ?: 1;
		host_khz = (u32)any(&rnd) ?: 1;
		r = x86_tsc_ratio(khz, host_khz, FRAC_BITS, MAX_RATIO, &ratio);
		rate = (unsigned __int128)khz << FRAC_BITS;
		below = times(host_khz, ratio);
		above = below + host_khz;
		if (r) {
			/* Beyond what the hardware takes, and only then. */
			KUNIT_ASSERT_EQ(test, -EINVAL, r);
			KUNIT_ASSERT_TRUE_MSG(test, rate < host_khz ||
					      rate >= times(host_khz, MAX_RATIO + 1),
					      "%u on %u", khz, host_khz);
		} else if (ratio) {
			KUNIT_ASSERT_LE(test, ratio, MAX_RATIO);
			KUNIT_ASSERT_TRUE_MSG(test, below <= rate && rate < above,
					      "%u on %u: %llx", khz, host_khz, ratio);
		} else {
			KUNIT_ASSERT_LE_MSG(test, abs((s64)khz - host_khz) * 4000,
					    (s64)host_khz, "%u on %u", khz, host_khz);
		}
	}
}

static void rates_at_the_edges(struct kunit *test)
{
	u64 ratio;

	/* 250 parts in a million are no difference, 251 are one. */
	KUNIT_EXPECT_EQ(test, 0, x86_tsc_ratio(1000250, 1000000, FRAC_BITS, MAX_RATIO, &ratio));
	KUNIT_EXPECT_EQ(test, 0, ratio);
	KUNIT_EXPECT_EQ(test, 0, x86_tsc_ratio(999749, 1000000, FRAC_BITS, MAX_RATIO, &ratio));
	KUNIT_EXPECT_EQ(test, 4293889259, ratio);
	KUNIT_EXPECT_EQ(test, 0, x86_tsc_ratio(1000000, 2000000, FRAC_BITS, MAX_RATIO, &ratio));
	KUNIT_EXPECT_EQ(test, BIT_ULL(31), ratio);
	/* Eight bits before the point. */
	KUNIT_EXPECT_EQ(test, 0, x86_tsc_ratio(255000000, 1000000, FRAC_BITS, MAX_RATIO, &ratio));
	KUNIT_EXPECT_EQ(test, 255ULL << 32, ratio);
	KUNIT_EXPECT_EQ(test, -EINVAL,
			x86_tsc_ratio(256000000, 1000000, FRAC_BITS, MAX_RATIO, &ratio));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			x86_tsc_ratio(U32_MAX, 1000000, FRAC_BITS, MAX_RATIO, &ratio));
	KUNIT_EXPECT_EQ(test, 0, x86_tsc_ratio(1, U32_MAX, FRAC_BITS, MAX_RATIO, &ratio));
	KUNIT_EXPECT_EQ(test, 1, ratio);
	KUNIT_EXPECT_EQ(test, -EINVAL, x86_tsc_ratio(0, 1000000, FRAC_BITS, MAX_RATIO, &ratio));
	/* A CPU that cannot scale has one rate. */
	KUNIT_EXPECT_EQ(test, 0, x86_tsc_ratio(1000000, 1000000, 0, 0, &ratio));
	KUNIT_EXPECT_EQ(test, -EINVAL, x86_tsc_ratio(2000000, 1000000, 0, 0, &ratio));
}

static struct kunit_case tsc_cases[] = {
	KUNIT_CASE(scale_is_a_product),
	KUNIT_CASE(ratio_is_a_quotient),
	KUNIT_CASE(rates_at_the_edges),
	{}
};

static struct kunit_suite tsc_suite = {
	.name = "kvm_x86_tsc",
	.test_cases = tsc_cases,
};

kunit_test_suite(tsc_suite);
