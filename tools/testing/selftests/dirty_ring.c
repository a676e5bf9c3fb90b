// SPDX-License-Identifier: GPL-2.0
/* The dirty ring: entries, back-pressure, and a userspace that writes nonsense. */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <asm/kvm_para.h>

#include "kselftest_harness.h"
#include "access.h"

#define PAGES	2048ULL
#define SIZE	(PAGES * PAGE)
#define SLOT	1
#define ENTRIES	512
#define RESERVED	64
#define OFFSET	(KVM_DIRTY_LOG_PAGE_OFFSET * PAGE)

FIXTURE(ring) {
	struct guest guest;
	struct vcpu *vcpu;
	char *memory;
	struct kvm_dirty_gfn *ring;
};

static int enable(int vm, uint64_t bytes)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_DIRTY_LOG_RING_ACQ_REL, .args = { bytes },
	};

	return ioctl(vm, KVM_ENABLE_CAP, &cap) ? errno : 0;
}

FIXTURE_SETUP(ring)
{
	guest_create_vm(&self->guest, GUEST_MEM);
	ASSERT_EQ(enable(self->guest.vm, ENTRIES * sizeof(*self->ring)), 0);
	self->vcpu = guest_add_vcpu(&self->guest, 0);
	access_start(&self->guest, self->vcpu);
	self->memory = guest_add_memory(&self->guest, SLOT, AREA, SIZE, NULL,
					KVM_MEM_LOG_DIRTY_PAGES);
	self->ring = mmap(NULL, ENTRIES * sizeof(*self->ring), PROT_READ | PROT_WRITE,
			  MAP_SHARED, self->vcpu->fd, OFFSET);
	ASSERT_NE(self->ring, MAP_FAILED);
}

FIXTURE_TEARDOWN(ring)
{
	munmap(self->ring, ENTRIES * sizeof(*self->ring));
	guest_destroy(&self->guest);
}

#define RUN(...)	access_run(self->vcpu, (struct access){ __VA_ARGS__ }, NULL)
#define RESET()		ioctl(self->guest.vm, KVM_RESET_DIRTY_RINGS, 0)

TEST_F(ring, capability)
{
	int max = ioctl(self->guest.vm, KVM_CHECK_EXTENSION, KVM_CAP_DIRTY_LOG_RING);
	struct guest other;

	EXPECT_EQ(max, 65536 * sizeof(struct kvm_dirty_gfn));
	EXPECT_EQ(ioctl(self->guest.vm, KVM_CHECK_EXTENSION, KVM_CAP_DIRTY_LOG_RING_ACQ_REL),
		  max);
	/* Twice, or with vCPUs. */
	EXPECT_EQ(enable(self->guest.vm, PAGE), EINVAL);
	guest_create_vm(&other, GUEST_MEM);
	EXPECT_EQ(enable(other.vm, 0), EINVAL);
	EXPECT_EQ(enable(other.vm, PAGE / 2), EINVAL);
	EXPECT_EQ(enable(other.vm, 3 * PAGE), EINVAL);
	EXPECT_EQ(enable(other.vm, 2 * max), E2BIG);
	EXPECT_EQ(enable(other.vm, 1ULL << 63), E2BIG);
	guest_add_vcpu(&other, 0);
	EXPECT_EQ(enable(other.vm, PAGE), EINVAL);
	guest_destroy(&other);
}

TEST_F(ring, no_private_or_executable_mapping)
{
	EXPECT_EQ(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, self->vcpu->fd, OFFSET), MAP_FAILED);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, self->vcpu->fd, OFFSET),
		  MAP_FAILED);
	EXPECT_EQ(errno, EINVAL);
}

TEST_F(ring, no_bitmap_beside_it)
{
	uint64_t bits[PAGES / 64];
	struct kvm_dirty_log log = { .slot = SLOT, .dirty_bitmap = bits };

	EXPECT_EQ(ioctl(self->guest.vm, KVM_GET_DIRTY_LOG, &log), -1);
	EXPECT_EQ(errno, ENXIO);
}

TEST_F(ring, entries_in_order)
{
	uint64_t i;

	ASSERT_EQ(RUN(true, AREA + 2 * PAGE, 0, 3 * PAGE, 10), 0);
	for (i = 0; i < 10; i++) {
		EXPECT_EQ(self->ring[i].flags, KVM_DIRTY_GFN_F_DIRTY);
		EXPECT_EQ(self->ring[i].slot, SLOT);
		EXPECT_EQ(self->ring[i].offset, 2 + 3 * i);
	}
	EXPECT_EQ(self->ring[10].flags, 0);
	EXPECT_EQ(RESET(), 0);

	/* Three of them are taken; the fifth does not count before the fourth. */
	for (i = 0; i < 5; i++)
		if (i != 3)
			self->ring[i].flags = KVM_DIRTY_GFN_F_RESET;
	EXPECT_EQ(RESET(), 3);
	EXPECT_EQ(self->ring[0].flags, 0);
	ASSERT_EQ(RUN(true, AREA + 2 * PAGE, 0, PAGE, 1), 0);
	EXPECT_EQ(self->ring[10].flags, KVM_DIRTY_GFN_F_DIRTY);
	EXPECT_EQ(self->ring[10].offset, 2);
	/* What was not taken back is not told again. */
	ASSERT_EQ(RUN(true, AREA + 11 * PAGE, 0, PAGE, 1), 0);
	EXPECT_EQ(self->ring[11].flags, 0);
}

/* A page may come twice: the write that filled the ring is repeated after it. */
static void take(struct kvm_dirty_gfn *ring, bool *seen)
{
	int i;

	for (i = 0; i < ENTRIES; i++) {
		if (ring[i].flags != KVM_DIRTY_GFN_F_DIRTY)
			continue;
		seen[ring[i].offset] = true;
		ring[i].flags = KVM_DIRTY_GFN_F_RESET;
	}
}

TEST_F(ring, full)
{
	uint64_t i, rounds = 0;
	bool seen[PAGES] = {};
	int r;

	r = RUN(true, AREA, 1, PAGE, PAGES);
	while (r == -1) {
		ASSERT_EQ(self->vcpu->run->exit_reason, KVM_EXIT_DIRTY_RING_FULL);
		/* As long as nobody takes entries out the guest stands. */
		ASSERT_EQ(access_continue(self->vcpu, NULL), -1);
		ASSERT_EQ(self->vcpu->run->exit_reason, KVM_EXIT_DIRTY_RING_FULL);
		take(self->ring, seen);
		ASSERT_GE(RESET(), ENTRIES - RESERVED);
		rounds++;
		r = access_continue(self->vcpu, NULL);
	}
	ASSERT_EQ(r, 0);
	take(self->ring, seen);
	for (i = 0; i < PAGES; i++)
		ASSERT_TRUE(seen[i]);
	EXPECT_GE(rounds, PAGES / ENTRIES);
}

TEST_F(ring, nonsense_does_no_harm)
{
	uint64_t i, round;

	for (round = 0; round < 8; round++) {
		ASSERT_EQ(RUN(true, AREA, 0, PAGE, 16), 0);
		for (i = 0; i < ENTRIES; i++) {
			self->ring[i].flags = 0xffffffff;
			self->ring[i].slot = i % 3 ? 0xffffffff : SLOT;
			self->ring[i].offset = i % 5 ? ~0ULL >> (i % 64) : PAGES + i;
		}
		EXPECT_GE(RESET(), 0);
	}
	/* It works on. */
	for (i = 0; i < ENTRIES; i++)
		self->ring[i].flags = KVM_DIRTY_GFN_F_RESET;
	EXPECT_GE(RESET(), 0);
	EXPECT_EQ(RUN(true, AREA + 100 * PAGE, 0, PAGE, 16), 0);
}

GUEST_CODE64(writes_all,
	"1: mov $0x40000000, %esi\n"
	"2: lock incl (%rsi); add $0x1000, %esi; cmp $0x40800000, %esi; jb 2b; jmp 1b");

static void *run_on(void *fd)
{
	return (void *)(long)(ioctl((long)fd, KVM_RUN, 0) ? errno : 0);
}

/*
 * Known bug 21, CVE-2022-1263: an entry was pushed into a ring that was gone. Everything is
 * closed while the guest writes, and on its way out its steal time is written, too. It ends
 * when its code goes.
 */
TEST_F(ring, known_bug_21_closed_while_it_runs)
{
	for (int round = 0; round < 4; round++) {
		volatile struct kvm_dirty_gfn *first;
		struct guest guest;
		struct vcpu *vcpu;
		pthread_t thread;
		void *error;

		guest_create_vm(&guest, GUEST_MEM);
		ASSERT_EQ(enable(guest.vm, 8 * ENTRIES * sizeof(*first)), 0);
		vcpu = guest_add_vcpu(&guest, 0);
		guest_load(&guest, writes_all);
		vcpu_long_mode(&guest, vcpu);
		guest_add_memory(&guest, SLOT, AREA, SIZE, self->memory, KVM_MEM_LOG_DIRTY_PAGES);
		ASSERT_EQ(vcpu_set_msr(vcpu, MSR_KVM_STEAL_TIME, AREA | KVM_MSR_ENABLED), 1);
		first = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, vcpu->fd, OFFSET);
		ASSERT_NE(first, MAP_FAILED);
		ASSERT_EQ(pthread_create(&thread, NULL, run_on, (void *)(long)vcpu->fd), 0);
		while (!first->flags)
			sched_yield();
		/* The mapping holds the file. */
		munmap((void *)first, PAGE);
		usleep(round * 400);
		guest_destroy(&guest);
		pthread_join(thread, &error);
		EXPECT_EQ((long)error, EFAULT);
	}
}

TEST_HARNESS_MAIN
