// SPDX-License-Identifier: GPL-2.0
/*
 * Fails every allocation and every user copy of each memory ioctl, one at a
 * time: an error leaves things as they were, and the next attempt succeeds.
 */
/* machine: debug-only timeout=400 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "access.h"
#include "fail.h"

#define MAX_CHANCES	300
#define SIZE		(64 * PAGE)

struct op {
	struct guest guest;
	char *memory;
	uint64_t gpa;
	uint32_t flags;
	uint64_t size;
	uint64_t bits;
};

static int set_region(void *arg)
{
	struct op *op = arg;
	struct kvm_userspace_memory_region region = {
		.slot = 1, .flags = op->flags, .guest_phys_addr = op->gpa,
		.memory_size = op->size, .userspace_addr = (uint64_t)op->memory,
	};

	return ioctl(op->guest.vm, KVM_SET_USER_MEMORY_REGION, &region);
}

static int get_log(void *arg)
{
	struct op *op = arg;
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = &op->bits };

	return ioctl(op->guest.vm, KVM_GET_DIRTY_LOG, &log);
}

static int clear_log(void *arg)
{
	struct op *op = arg;
	struct kvm_clear_dirty_log log = {
		.slot = 1, .num_pages = 64, .dirty_bitmap = &op->bits,
	};

	return ioctl(op->guest.vm, KVM_CLEAR_DIRTY_LOG, &log);
}

static int pre_fault(void *arg)
{
	struct op *op = arg;
	struct kvm_pre_fault_memory range = { .gpa = op->gpa, .size = SIZE };

	return ioctl(op->guest.vcpu[0].fd, KVM_PRE_FAULT_MEMORY, &range);
}

static int run(void *arg)
{
	struct op *op = arg;

	return access_run(&op->guest.vcpu[0],
			  (struct access){ true, op->gpa, 1, PAGE, 64 }, NULL) ? -1 : 0;
}

FIXTURE(nth) {
	struct op op;
};

FIXTURE_SETUP(nth)
{
	struct op *op = &self->op;

	if (!fail_setup())
		SKIP(return, "no fault injection in this kernel");
	guest_create(&op->guest);
	access_start(&op->guest, &op->guest.vcpu[0]);
	op->memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	op->gpa = AREA;
	op->size = SIZE;
}

FIXTURE_TEARDOWN(nth)
{
	guest_destroy(&self->op.guest);
}

/*
 * @op with one more chance each time, until it gets through; how often it was
 * made to fail. -1 for an error that nobody expects.
 */
static int fail_each(struct op *op, int (*what)(void *))
{
	int nth, result, error, failed = 0;

	for (nth = 1; nth < MAX_CHANCES; nth++) {
		bool injected = fail_nth(nth, what, op, &result, &error);

		if (!result)
			return injected ? failed + 1 : failed;
		if (!injected || (error != ENOMEM && error != EFAULT))
			return -1;
		failed++;
	}
	return -1;
}

/* The same again must be no change, or must work: whatever state it left. */
TEST_F_TIMEOUT(nth, slots, 300)
{
	struct op *op = &self->op;
	int i;

	/* Create. */
	EXPECT_GE(fail_each(op, set_region), 1);
	EXPECT_EQ(run(op), 0);
	/* Move, overlapping and far. */
	for (i = 0; i < 4; i++) {
		op->gpa = AREA + (i % 2 ? 16 * PAGE : HUGE * i);
		EXPECT_GE(fail_each(op, set_region), 1);
		EXPECT_EQ(run(op), 0);
	}
	/* Log, and not. */
	op->flags = KVM_MEM_LOG_DIRTY_PAGES;
	EXPECT_GE(fail_each(op, set_region), 1);
	EXPECT_EQ(run(op), 0);
	EXPECT_GE(fail_each(op, get_log), 1);
	EXPECT_EQ(op->bits, ~0ULL);
	op->flags = 0;
	EXPECT_GE(fail_each(op, set_region), 0);
	/* Deletion needs no memory: only the copy of the arguments can fail. */
	op->size = 0;
	EXPECT_GE(fail_each(op, set_region), 1);
	EXPECT_EQ(set_region(op), -1);
	EXPECT_EQ(errno, EINVAL);
}

/* Not one bit is lost on the way. */
TEST_F_TIMEOUT(nth, logs, 300)
{
	struct kvm_enable_cap manual = {
		.cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, .args = { 1 },
	};
	struct op *op = &self->op;

	op->flags = KVM_MEM_LOG_DIRTY_PAGES;
	ASSERT_EQ(set_region(op), 0);
	ASSERT_EQ(run(op), 0);
	EXPECT_GE(fail_each(op, get_log), 1);
	EXPECT_EQ(op->bits, ~0ULL);

	kvm_ioctl_ok(op->guest.vm, KVM_ENABLE_CAP, &manual);
	ASSERT_EQ(run(op), 0);
	EXPECT_GE(fail_each(op, clear_log), 1);
	ASSERT_EQ(get_log(op), 0);
	EXPECT_EQ(op->bits, 0);
	ASSERT_EQ(run(op), 0);
	ASSERT_EQ(get_log(op), 0);
	EXPECT_EQ(op->bits, ~0ULL);
}

static int enable_ring(void *arg)
{
	struct op *op = arg;
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_DIRTY_LOG_RING_ACQ_REL, .args = { PAGE },
	};

	return ioctl(op->guest.vm, KVM_ENABLE_CAP, &cap);
}

static int reset_rings(void *arg)
{
	struct op *op = arg;

	return ioctl(op->guest.vm, KVM_RESET_DIRTY_RINGS, 0) < 0 ? -1 : 0;
}

/* A ring that was not enabled can be; to take entries back needs no memory. */
TEST_F_TIMEOUT(nth, rings, 300)
{
	struct op *op = &self->op;
	struct kvm_dirty_gfn *ring;

	guest_destroy(&op->guest);
	guest_create_vm(&op->guest, GUEST_MEM);
	EXPECT_GE(fail_each(op, enable_ring), 1);
	EXPECT_EQ(enable_ring(op), -1);
	EXPECT_EQ(errno, EINVAL);
	access_start(&op->guest, guest_add_vcpu(&op->guest, 0));
	ring = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, op->guest.vcpu[0].fd,
		    KVM_DIRTY_LOG_PAGE_OFFSET * PAGE);
	ASSERT_NE(ring, MAP_FAILED);

	op->flags = KVM_MEM_LOG_DIRTY_PAGES;
	EXPECT_GE(fail_each(op, set_region), 1);
	ASSERT_EQ(run(op), 0);
	EXPECT_EQ(ring[0].flags, KVM_DIRTY_GFN_F_DIRTY);
	ring[0].flags = KVM_DIRTY_GFN_F_RESET;
	EXPECT_EQ(fail_each(op, reset_rings), 0);
	EXPECT_EQ(ring[0].flags, 0);
	munmap(ring, PAGE);
}

TEST_F_TIMEOUT(nth, faults, 300)
{
	struct op *op = &self->op;
	uint64_t i;

	ASSERT_EQ(set_region(op), 0);
	/* Each starts anew, for a page table that is there is not asked for again. */
	EXPECT_GE(fail_each(op, pre_fault), 1);
	ASSERT_EQ(run(op), 0);
	for (i = 0; i < 64; i++)
		EXPECT_EQ(*(uint64_t *)(op->memory + i * PAGE), 1 + i);
}

TEST_HARNESS_MAIN
