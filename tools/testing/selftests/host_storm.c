// SPDX-License-Identifier: GPL-2.0
/*
 * The host changes the guest's memory under running vCPUs. Each counts in a word
 * of its own in every page; a write that went to a page which was no longer the
 * guest's would be missing in the end.
 */
/* machine: smp=2 modules=zram append=numa=fake=2 timeout=240 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/mempolicy.h>

#include "kselftest_harness.h"
#include "access.h"
#include "files.h"
#include "swap.h"

/* Younger than the C library. */
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif
#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE	101
#endif

#define NR_VCPUS	2
#define PAGES		512ULL
#define SIZE		(PAGES * PAGE)
#define WORDS		(PAGE / 8)

/* Adds one to a word of each page; then says so. */
GUEST_CODE64(count,
	"1: out %al, $0x10\n"
	"   mov %rdi, %rsi\n"
	"   mov %rbx, %rcx\n"
	"2: incq (%rsi)\n"
	"   add $4096, %rsi\n"
	"   dec %rcx\n"
	"   jnz 2b\n"
	"   jmp 1b\n");

struct counter {
	struct vcpu *vcpu;
	volatile bool *stop;
	uint64_t rounds;
	int error;
	pthread_t thread;
};

FIXTURE(storm) {
	struct guest guest;
	char *all;
	uint64_t *memory;
	volatile bool stop;
	struct counter counter[NR_VCPUS];
};

/* What the host does, and how often; each returns false if it cannot be done here. */

static bool swap_out(uint64_t *memory, int round)
{
	return !madvise(memory, SIZE, MADV_PAGEOUT);
}

static bool move_a_page(uint64_t *memory, int round)
{
	return !madvise(memory + round * 8 % PAGES * WORDS, PAGE, MADV_SOFT_OFFLINE) ||
	       errno == EBUSY || errno == EIO;
}

/* All of it to another node. */
static bool change_node(uint64_t *memory, int round)
{
	unsigned long nodes = 1UL << round % 2;

	return !syscall(SYS_mbind, memory, SIZE, MPOL_BIND, &nodes, 8 * sizeof(nodes),
			MPOL_MF_MOVE);
}

static bool compact(uint64_t *memory, int round)
{
	return !write_text("/proc/sys/vm/compact_memory", "1");
}

static bool protect(uint64_t *memory, int round)
{
	return !mprotect(memory, SIZE, PROT_READ) && !usleep(500) &&
	       !mprotect(memory, SIZE, PROT_READ | PROT_WRITE);
}

/* A child has the memory as it was: it does not see what the guest counts. */
static bool share_with_child(uint64_t *memory, int round)
{
	uint64_t i, sum[2] = {};
	pid_t child = fork();
	int status;

	if (!child) {
		for (round = 0; round < 2; round++) {
			for (i = 0; i < PAGES; i++)
				sum[round] += memory[i * WORDS] + memory[i * WORDS + 1];
			usleep(2000);
		}
		_exit(sum[0] != sum[1]);
	}
	return child > 0 && waitpid(child, &status, 0) == child && !status;
}

static bool move_away_and_back(uint64_t *memory, int round)
{
	void *other = mremap(memory, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
			     (char *)memory + 2 * SIZE);

	usleep(500);
	return other != MAP_FAILED &&
	       mremap(other, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, memory) == memory;
}

/* Pages become one large page, and are pages again when one is protected alone. */
static bool collapse(uint64_t *memory, int round)
{
	madvise(memory, SIZE, MADV_HUGEPAGE);
	if (madvise(memory, SIZE, MADV_COLLAPSE) && errno != EAGAIN && errno != EBUSY)
		return false;
	usleep(500);
	return !mprotect(memory + WORDS, PAGE, PROT_READ) &&
	       !mprotect(memory + WORDS, PAGE, PROT_READ | PROT_WRITE);
}

/* Pages count alike, so that many are the same for a moment. */
static bool merge(uint64_t *memory, int round)
{
	if (round)
		return !usleep(5000);
	return !madvise(memory, SIZE, MADV_MERGEABLE) &&
	       !write_text("/sys/kernel/mm/ksm/sleep_millisecs", "0") &&
	       !write_text("/sys/kernel/mm/ksm/pages_to_scan", "2000") &&
	       !write_text("/sys/kernel/mm/ksm/run", "1");
}

FIXTURE_VARIANT(storm) {
	bool (*change)(uint64_t *memory, int round);
	int rounds;
};

FIXTURE_VARIANT_ADD(storm, swap) { swap_out, 20 };
FIXTURE_VARIANT_ADD(storm, migration) { move_a_page, 20 };
FIXTURE_VARIANT_ADD(storm, numa) { change_node, 20 };
FIXTURE_VARIANT_ADD(storm, compaction) { compact, 10 };
FIXTURE_VARIANT_ADD(storm, protection) { protect, 50 };
FIXTURE_VARIANT_ADD(storm, copy_on_write) { share_with_child, 20 };
FIXTURE_VARIANT_ADD(storm, mremap) { move_away_and_back, 50 };
FIXTURE_VARIANT_ADD(storm, large_pages) { collapse, 30 };
FIXTURE_VARIANT_ADD(storm, merging) { merge, 40 };

FIXTURE_SETUP(storm)
{
	int i;

	guest_create(&self->guest);
	guest_load(&self->guest, count);
	/* At a multiple of its size, with room behind it. */
	self->all = mmap(NULL, 4 * SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(self->all, MAP_FAILED);
	self->memory = (uint64_t *)(((uintptr_t)self->all + SIZE - 1) & -SIZE);
	madvise(self->memory, SIZE, MADV_NOHUGEPAGE);
	guest_add_memory(&self->guest, 1, AREA, SIZE, self->memory, 0);
	for (i = 0; i < NR_VCPUS; i++) {
		struct kvm_regs regs;

		self->counter[i] = (struct counter){ .stop = &self->stop };
		self->counter[i].vcpu = i ? guest_add_vcpu(&self->guest, i) : &self->guest.vcpu[0];
		vcpu_long_mode(&self->guest, self->counter[i].vcpu);
		vcpu_run_until(self->counter[i].vcpu, KVM_EXIT_IO);
		vcpu_get_regs(self->counter[i].vcpu, &regs);
		regs.rdi = AREA + 8 * i;
		regs.rbx = PAGES;
		vcpu_set_regs(self->counter[i].vcpu, &regs);
	}
}

FIXTURE_TEARDOWN(storm)
{
	write_text("/sys/kernel/mm/ksm/run", "2");
	guest_destroy(&self->guest);
	munmap(self->all, 4 * SIZE);
}

/* Memory that is not there, or protected, right now: again. */
static void *count_on(void *data)
{
	struct counter *c = data;

	while (!*c->stop && !c->error) {
		if (ioctl(c->vcpu->fd, KVM_RUN, 0)) {
			if (errno != EFAULT && errno != EINTR)
				c->error = errno;
		} else if (c->vcpu->run->exit_reason != KVM_EXIT_IO) {
			c->error = -1;
		} else {
			c->rounds++;
		}
	}
	/* To the end of the round. */
	while (!c->error && ioctl(c->vcpu->fd, KVM_RUN, 0))
		if (errno != EFAULT && errno != EINTR)
			c->error = errno;
	c->rounds++;
	return NULL;
}

TEST_F_TIMEOUT(storm, no_write_is_lost, 200)
{
	int i, round;
	uint64_t p;

	if (variant->change == swap_out && !swap_on())
		SKIP(return, "no zram");
	if (variant->change == change_node && access("/sys/devices/system/node/node1", F_OK))
		SKIP(return, "only one node");
	for (i = 0; i < NR_VCPUS; i++)
		ASSERT_EQ(pthread_create(&self->counter[i].thread, NULL, count_on,
					 &self->counter[i]), 0);
	for (round = 0; round < variant->rounds; round++) {
		usleep(1000);
		if (!variant->change(self->memory, round))
			break;
	}
	self->stop = true;
	for (i = 0; i < NR_VCPUS; i++)
		pthread_join(self->counter[i].thread, NULL);
	TH_LOG("%d changes, %llu and %llu rounds of the guest", round,
	       (unsigned long long)self->counter[0].rounds,
	       (unsigned long long)self->counter[1].rounds);
	ASSERT_EQ(round, variant->rounds);
	for (i = 0; i < NR_VCPUS; i++) {
		ASSERT_EQ(self->counter[i].error, 0);
		for (p = 0; p < PAGES; p++)
			ASSERT_EQ(self->memory[p * WORDS + i], self->counter[i].rounds);
	}
}

TEST_HARNESS_MAIN
