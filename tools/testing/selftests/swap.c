// SPDX-License-Identifier: GPL-2.0
/* Guest memory that goes to swap and comes back, and the ageing that chooses it. */
/* machine: modules=zram */
#include <stdio.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "access.h"
#include "cgroup.h"
#include "files.h"
#include "swap.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21	/* younger than the C library */
#endif

#define PAGES	1024ULL
#define SIZE	(PAGES * PAGE)
#define GROUP	"kvm-aged"

FIXTURE(swap) {
	struct guest guest;
	struct vcpu *vcpu;
	uint64_t *memory;
};

/* A guest, and memory of small pages that it is to have. */
static void *begin(struct guest *guest)
{
	void *memory;

	guest_create(guest);
	access_start(guest, &guest->vcpu[0]);
	memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	madvise(memory, SIZE, MADV_NOHUGEPAGE);
	return memory;
}

FIXTURE_SETUP(swap)
{
	if (!swap_on())
		SKIP(return, "no zram");
	self->memory = begin(&self->guest);
	ASSERT_NE(self->memory, MAP_FAILED);
	self->vcpu = &self->guest.vcpu[0];
}

FIXTURE_TEARDOWN(swap)
{
	if (self->vcpu)
		guest_destroy(&self->guest);
}

static int run(struct vcpu *vcpu, bool write, uint64_t value, uint64_t pages, uint64_t *sum)
{
	return access_run(vcpu, (struct access){ write, AREA, value, PAGE, pages }, sum);
}

TEST_F_TIMEOUT(swap, pages_come_back, 120)
{
	uint64_t i, sum;

	guest_add_memory(&self->guest, 1, AREA, SIZE, self->memory, 0);
	ASSERT_EQ(run(self->vcpu, true, 1, PAGES, NULL), 0);
	ASSERT_EQ(madvise(self->memory, SIZE, MADV_PAGEOUT), 0);
	EXPECT_GE(swapped_pages(self->memory, SIZE), PAGES / 2);
	/* Read, then written, by the guest; read by us. */
	ASSERT_EQ(run(self->vcpu, false, 0, PAGES, &sum), 0);
	EXPECT_EQ(sum, PAGES * (PAGES + 1) / 2);
	ASSERT_EQ(run(self->vcpu, true, 5000, PAGES, NULL), 0);
	ASSERT_EQ(madvise(self->memory, SIZE, MADV_PAGEOUT), 0);
	EXPECT_GE(swapped_pages(self->memory, SIZE), PAGES / 2);
	ASSERT_EQ(run(self->vcpu, true, 5001, PAGES / 2, NULL), 0);
	for (i = 0; i < PAGES; i++)
		ASSERT_EQ(self->memory[i * PAGE / 8], 5000 + i + (i < PAGES / 2));
}

/*
 * The host has only read these pages, so that its page tables call them clean,
 * but they are writable: the guest's writes are all that makes them dirty.
 */
TEST_F_TIMEOUT(swap, what_only_the_guest_wrote, 120)
{
	uint64_t i, sum = 0;
	uint64_t *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(memory, MAP_FAILED);
	for (i = 0; i < PAGES; i++)
		sum += *(volatile uint64_t *)(memory + i * PAGE / 8);
	EXPECT_EQ(sum, 0);
	guest_add_memory(&self->guest, 1, AREA, SIZE, memory, 0);
	ASSERT_EQ(run(self->vcpu, false, 0, PAGES, &sum), 0);
	ASSERT_EQ(run(self->vcpu, true, 1, PAGES, NULL), 0);
	ASSERT_EQ(madvise(memory, SIZE, MADV_PAGEOUT), 0);
	ASSERT_EQ(run(self->vcpu, false, 0, PAGES, &sum), 0);
	EXPECT_EQ(sum, PAGES * (PAGES + 1) / 2);
	munmap(memory, SIZE);
}

/*
 * The guest goes on using one half of its memory, and nobody uses the other: only its
 * accessed bits can tell reclaim which is which. One half or the other, lest reclaim
 * be right by taking what came first, or last.
 */
FIXTURE(ageing) {
	struct guest guest;
	struct vcpu *vcpu;
	char *memory;
};

FIXTURE_VARIANT(ageing) {
	int half;
};

FIXTURE_VARIANT_ADD(ageing, first_half) { 0 };
FIXTURE_VARIANT_ADD(ageing, second_half) { 1 };

FIXTURE_SETUP(ageing)
{
	if (!swap_on())
		SKIP(return, "no zram");
	/* Of the variant before, whose process is gone. */
	cgroup_remove(GROUP);
	ASSERT_EQ(cgroup_create(GROUP), 0);
	ASSERT_EQ(cgroup_enter(GROUP), 0);
	self->memory = begin(&self->guest);
	ASSERT_NE(self->memory, MAP_FAILED);
	self->vcpu = &self->guest.vcpu[0];
	guest_add_memory(&self->guest, 1, AREA, SIZE, self->memory, 0);
}

FIXTURE_TEARDOWN(ageing)
{
	if (self->vcpu)
		guest_destroy(&self->guest);
}

TEST_F_TIMEOUT(ageing, what_the_guest_uses_stays, 120)
{
	struct access use = {
		false, AREA + variant->half * SIZE / 2, 0, PAGE, PAGES / 2,
	};
	char *halves[2] = { self->memory, self->memory + SIZE / 2 };
	size_t used = 0, idle = 0;
	int round;

	ASSERT_EQ(run(self->vcpu, true, 1, PAGES, NULL), 0);
	/* What is used comes back in each round, and counts each time. */
	for (round = 0; round < 200 && used + idle < PAGES / 4; round++) {
		ASSERT_EQ(access_run(self->vcpu, use, NULL), 0);
		/* Less than what was asked for is an error, and none of ours. */
		write_text("/sys/fs/cgroup/" GROUP "/memory.reclaim", "128K");
		used += swapped_pages(halves[variant->half], SIZE / 2);
		idle = swapped_pages(halves[!variant->half], SIZE / 2);
	}
	TH_LOG("%d rounds: %zu used and %zu idle pages swapped out", round, used, idle);
	EXPECT_GE(used + idle, PAGES / 4);
	EXPECT_LT(used * 8, idle);
}

TEST_HARNESS_MAIN
