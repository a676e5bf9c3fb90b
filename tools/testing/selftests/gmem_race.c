// SPDX-License-Identifier: GPL-2.0
/*
 * Everything at once: faults of two guests, holes, mappings in userspace, slots
 * that come and go, files that are closed and linked again, moves, and deaths.
 * What may go wrong is seen by KASAN and lockdep; here, that nothing else does.
 */
/* On one CPU: the emulator does not bear vCPUs that exit in parallel; see slots_running. */
/* machine: timeout=300 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "kselftest_harness.h"
#include "agent.h"
#include "gmem.h"

#define SLOT	3
#define GPA	0x40000000UL
#define SIZE	(2 * HUGE)
#define PAGES	(SIZE / PAGE)

struct stage {
	struct agent agent;
	unsigned long type;
	int vm, fd;
	uint8_t *mem;
	struct stage *other;	/* whose memory this one links */
	bool stop, pauses;
	long done, refused, wrong;
};

static bool stopped(struct stage *stage)
{
	return __atomic_load_n(&stage->stop, __ATOMIC_RELAXED);
}

static int bind(struct stage *stage)
{
	return set_gmem_slot(stage->vm, SLOT, GPA, SIZE, stage->mem, stage->fd, 0);
}

static void open_stage(struct stage *stage, unsigned long type, struct stage *other,
		       uint64_t flags)
{
	memset(stage, 0, sizeof(*stage));
	agent_create(&stage->agent, type, 1);
	stage->type = type;
	stage->vm = stage->agent.guest.vm;
	stage->other = other;
	stage->fd = other ? link_gmem(stage->vm, other->fd, flags) :
			    create_gmem(stage->vm, SIZE, flags);
	stage->mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void close_stage(struct stage *stage)
{
	agent_destroy(&stage->agent);
	munmap(stage->mem, SIZE);
	close(stage->fd);
}

static uint64_t pick(unsigned int *seed, uint64_t nr)
{
	return rand_r(seed) % nr;
}

/* A word holds its own address or, behind a hole, nothing. */
static void *guest_thread(void *arg)
{
	struct stage *stage = arg;
	unsigned int seed = 1;
	uint64_t offset, value;
	long accesses = 0;
	int r;

	while (!stopped(stage)) {
		offset = pick(&seed, PAGES) * PAGE;
		value = 0;
		if (pick(&seed, 2))
			r = agent_write(&stage->agent, 0, GPA + offset, offset);
		else
			r = agent_read(&stage->agent, 0, GPA + offset, &value);
		if (!r && (!value || value == offset))
			stage->done++;
		/* Without a slot it is MMIO; with a closed file, a memory fault. */
		else if (r == EFAULT || r == ECANCELED || r == EIO)
			stage->refused++;
		else
			stage->wrong++;
		if (r == EIO)
			break;
		/* A vCPU that never pauses cannot be moved. */
		if (stage->pauses && !(++accesses % 16))
			usleep(1000);
		if (r == ECANCELED)
			stage->agent.guest.vcpu[0].run->exit_reason = KVM_EXIT_MEMORY_FAULT;
	}
	return NULL;
}

static void *punch_thread(void *arg)
{
	struct stage *stage = arg;
	unsigned int seed = 2;
	uint64_t start, size;

	while (!stopped(stage)) {
		start = pick(&seed, PAGES);
		size = 1 + pick(&seed, PAGES - start);
		if (pick(&seed, 2))
			gmem_punch(stage->fd, start * PAGE, size * PAGE);
		else
			gmem_allocate(stage->fd, start * PAGE, size * PAGE);
	}
	return NULL;
}

static void *slot_thread(void *arg)
{
	struct stage *stage = arg;
	int fd;

	while (!stopped(stage)) {
		set_gmem_slot(stage->vm, SLOT, 0, 0, NULL, -1, 0);
		bind(stage);
		usleep(1000);
		/* The other way round: the file first, and perhaps the slot meanwhile. */
		close(stage->fd);
		set_gmem_slot(stage->vm, SLOT, 0, 0, NULL, -1, 0);
		fd = link_gmem(stage->vm, stage->other->fd, KVM_LINK_GUEST_MEMFD_SHARED);
		/* A fault may still hold the old file: then its last close is not over. */
		if (fd >= 0 && fd != stage->fd) {
			dup2(fd, stage->fd);
			close(fd);
		}
		bind(stage);
		usleep(1000);
	}
	return NULL;
}

static void *attribute_thread(void *arg)
{
	struct stage *stage = arg;
	unsigned int seed = 3;
	uint64_t start;

	while (!stopped(stage)) {
		start = pick(&seed, PAGES);
		set_private(stage->vm, GPA + start * PAGE,
			    (1 + pick(&seed, PAGES - start)) * PAGE, pick(&seed, 2));
	}
	return NULL;
}

FIXTURE(race) {
};

FIXTURE_SETUP(race)
{
}

FIXTURE_TEARDOWN(race)
{
}

#define SECONDS	8

static void run_threads(struct stage **stages, void *(**threads)(void *), int nr)
{
	pthread_t ids[8];
	int i;

	for (i = 0; i < nr; i++)
		pthread_create(&ids[i], NULL, threads[i], stages[i]);
	sleep(SECONDS);
	for (i = 0; i < nr; i++)
		__atomic_store_n(&stages[i]->stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < nr; i++)
		pthread_join(ids[i], NULL);
}

TEST_F_TIMEOUT(race, shared_by_two, 120)
{
	struct stage one, two, *stages[] = { &one, &two, &one, &two };
	void *(*threads[])(void *) = { guest_thread, guest_thread, punch_thread, slot_thread };

	open_stage(&one, KVM_X86_DEFAULT_VM, NULL, GMEM_SHARED);
	open_stage(&two, KVM_X86_DEFAULT_VM, &one, KVM_LINK_GUEST_MEMFD_SHARED);
	ASSERT_EQ(bind(&one), 0);
	ASSERT_EQ(bind(&two), 0);
	run_threads(stages, threads, 4);
	TH_LOG("%ld and %ld accesses, %ld refused", one.done, two.done, two.refused);
	EXPECT_EQ(one.wrong + two.wrong, 0);
	EXPECT_EQ(one.refused, 0);
	EXPECT_GT(one.done, 0);
	EXPECT_GT(two.done, 0);
	close_stage(&two);
	close_stage(&one);
}

TEST_F_TIMEOUT(race, private_and_shared, 120)
{
	struct stage one, *stages[] = { &one, &one, &one };
	void *(*threads[])(void *) = { guest_thread, punch_thread, attribute_thread };

	open_stage(&one, KVM_X86_SW_PROTECTED_VM, NULL, 0);
	ASSERT_EQ(bind(&one), 0);
	run_threads(stages, threads, 3);
	TH_LOG("%ld accesses", one.done);
	EXPECT_EQ(one.wrong + one.refused, 0);
	EXPECT_GT(one.done, 0);
	close_stage(&one);
}

/* While the source runs and holes are punched; it ends with EIO, when it is moved. */
TEST_F_TIMEOUT(race, moves, 120)
{
	struct stage *from = malloc(sizeof(*from)), *to;
	pthread_t guest, puncher;
	time_t start = time(NULL);
	long busy = 0;
	int i;

	open_stage(from, KVM_X86_DEFAULT_VM, NULL, GMEM_SHARED);
	ASSERT_EQ(bind(from), 0);
	for (i = 0; i < 30 && time(NULL) < start + 2 * SECONDS; i++) {
		to = malloc(sizeof(*to));
		open_stage(to, KVM_X86_DEFAULT_VM, from, 0);
		ASSERT_EQ(bind(to), 0);
		from->pauses = true;
		pthread_create(&guest, NULL, guest_thread, from);
		pthread_create(&puncher, NULL, punch_thread, from);
		usleep(20000);
		while (move_vm(to->vm, from->vm)) {
			ASSERT_EQ(errno, EBUSY);
			busy++;
		}
		pthread_join(guest, NULL);
		from->stop = true;
		pthread_join(puncher, NULL);
		EXPECT_EQ(from->wrong, 0);
		agent_store(&to->agent, GPA, 0);
		close_stage(from);
		free(from);
		from = to;
	}
	TH_LOG("%d moves, %ld times busy", i, busy);
	close_stage(from);
}

struct loser {
	struct stage *stage;
	unsigned int delay;
	bool slot;
};

/* Takes something away from one side, at some time or other. */
static void *lose_thread(void *arg)
{
	struct loser *loser = arg;
	struct stage *stage = loser->stage;

	for (unsigned int i = 0; i < loser->delay; i++)
		asm volatile("pause");
	if (loser->slot)
		set_gmem_slot(stage->vm, SLOT, 0, 0, NULL, -1, 0);
	else
		close(stage->fd);
	return NULL;
}

/*
 * A file is closed for the last time, or a slot deleted, on either side of a
 * move: it was before, and then the slots differ, or after.
 */
TEST_F_TIMEOUT(race, move_and_close, 120)
{
	struct stage from, to;
	struct loser loser;
	time_t start = time(NULL);
	long moved = 0, refused = 0;
	unsigned int seed = 4;
	pthread_t thread;
	int i, r;

	for (i = 0; i < 400 && time(NULL) < start + 2 * SECONDS; i++) {
		open_stage(&from, KVM_X86_SW_PROTECTED_VM, NULL, 0);
		ASSERT_EQ(bind(&from), 0);
		ASSERT_EQ(set_private(from.vm, GPA, SIZE, true), 0);
		agent_store(&from.agent, GPA, 0);
		open_stage(&to, KVM_X86_SW_PROTECTED_VM, &from, 0);
		ASSERT_EQ(bind(&to), 0);
		loser = (struct loser) {
			.stage = i & 1 ? &from : &to, .slot = i & 2, .delay = pick(&seed, 2000),
		};
		ASSERT_EQ(pthread_create(&thread, NULL, lose_thread, &loser), 0);
		for (unsigned int n = pick(&seed, 2000); n; n--)
			asm volatile("pause");
		r = move_vm(to.vm, from.vm) ? errno : 0;
		pthread_join(thread, NULL);
		EXPECT_TRUE(!r || r == EINVAL);
		/* All of it, or nothing. */
		EXPECT_EQ(set_private(from.vm, GPA, PAGE, true), r ? 0 : -1);
		if (loser.slot || loser.stage == &from)
			EXPECT_EQ(gmem_allocate(to.fd, 0, PAGE), r ? -1 : 0);
		if (loser.slot || loser.stage == &to)
			EXPECT_EQ(gmem_allocate(from.fd, 0, PAGE), r ? 0 : -1);
		moved += !r;
		refused += r == EINVAL;
		/* What was closed has a number that others may have by now. */
		if (!loser.slot)
			loser.stage->fd = -1;
		close_stage(&to);
		close_stage(&from);
	}
	TH_LOG("%ld moved, %ld refused", moved, refused);
	EXPECT_GT(moved, 0);
	EXPECT_GT(refused, 0);
}

/* A VMM is killed in the middle of it all; the other one's guest goes on. */
TEST_F_TIMEOUT(race, deaths, 120)
{
	struct stage one, two;
	pthread_t guest, puncher;
	int i, status;
	pid_t pid;

	open_stage(&one, KVM_X86_DEFAULT_VM, NULL, GMEM_SHARED);
	ASSERT_EQ(bind(&one), 0);
	pthread_create(&guest, NULL, guest_thread, &one);
	pthread_create(&puncher, NULL, punch_thread, &one);
	for (i = 0; i < 30; i++) {
		pid = fork();
		if (!pid) {
			open_stage(&two, KVM_X86_DEFAULT_VM, &one, KVM_LINK_GUEST_MEMFD_SHARED);
			bind(&two);
			guest_thread(&two);
			_exit(1);
		}
		usleep(50000);
		kill(pid, SIGKILL);
		ASSERT_EQ(waitpid(pid, &status, 0), pid);
		EXPECT_TRUE(WIFSIGNALED(status));
	}
	one.stop = true;
	pthread_join(guest, NULL);
	pthread_join(puncher, NULL);
	EXPECT_EQ(one.wrong + one.refused, 0);
	EXPECT_GT(one.done, 0);
	close_stage(&one);
}

TEST_HARNESS_MAIN
