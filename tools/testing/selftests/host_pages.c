// SPDX-License-Identifier: GPL-2.0
/* What the host does with its memory, the guest sees, and no more than that. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "access.h"

#define SIZE	(4 * LARGE)

FIXTURE(pages) {
	struct guest guest;
	struct vcpu *vcpu;
	uint64_t *memory;
};

FIXTURE_SETUP(pages)
{
	guest_create(&self->guest);
	self->vcpu = &self->guest.vcpu[0];
	access_start(&self->guest, self->vcpu);
	self->memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(self->memory, MAP_FAILED);
	guest_add_memory(&self->guest, 1, AREA, SIZE, self->memory, 0);
}

FIXTURE_TEARDOWN(pages)
{
	guest_destroy(&self->guest);
	munmap(self->memory, SIZE);
}

#define WORDS(bytes)	((bytes) / sizeof(uint64_t))
#define RUN(...)	access_run(self->vcpu, (struct access){ __VA_ARGS__ }, NULL)

TEST_F(pages, written_pages_are_the_hosts)
{
	uint64_t i;

	ASSERT_EQ(RUN(true, AREA, 1000, PAGE, SIZE / PAGE), 0);
	for (i = 0; i < SIZE / PAGE; i++)
		ASSERT_EQ(self->memory[WORDS(i * PAGE)], 1000 + i);
}

TEST_F(pages, absent_pages_read_zero)
{
	EXPECT_EQ(guest_read(self->vcpu, AREA), 0);
	self->memory[0] = 42;
	EXPECT_EQ(guest_read(self->vcpu, AREA), 42);
	guest_write(self->vcpu, AREA, 43);
	EXPECT_EQ(self->memory[0], 43);
}

TEST_F(pages, dontneed_drops_them)
{
	uint64_t i, sum;

	ASSERT_EQ(RUN(true, AREA, 1, PAGE, SIZE / PAGE), 0);
	ASSERT_EQ(madvise((char *)self->memory + PAGE, SIZE - 2 * PAGE, MADV_DONTNEED), 0);
	ASSERT_EQ(access_run(self->vcpu, (struct access){ false, AREA, 0, PAGE, SIZE / PAGE },
			     &sum), 0);
	EXPECT_EQ(sum, 1 + SIZE / PAGE);
	guest_write(self->vcpu, AREA + PAGE, 7);
	for (i = 2; i < SIZE / PAGE - 1; i++)
		ASSERT_EQ(self->memory[WORDS(i * PAGE)], 0);
	EXPECT_EQ(self->memory[WORDS(PAGE)], 7);
}

TEST_F(pages, unmapped_memory_is_a_memory_fault)
{
	guest_write(self->vcpu, AREA, 1);
	ASSERT_EQ(munmap(self->memory, PAGE), 0);
	EXPECT_EQ(RUN(false, AREA + 8, 0, 8, 1), EFAULT);
	EXPECT_EQ(self->vcpu->run->exit_reason, KVM_EXIT_MEMORY_FAULT);
	EXPECT_EQ(self->vcpu->run->memory_fault.gpa, AREA);
	EXPECT_EQ(self->vcpu->run->memory_fault.size, PAGE);
	EXPECT_EQ(self->vcpu->run->memory_fault.flags, 0);
	/* Memory that comes back is used. */
	ASSERT_EQ(mmap(self->memory, PAGE, PROT_READ | PROT_WRITE,
		       MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), self->memory);
	self->memory[1] = 5;
	EXPECT_EQ(access_continue(self->vcpu, NULL), 0);
	EXPECT_EQ(guest_read(self->vcpu, AREA + 8), 5);
}

TEST_F(pages, protection_is_respected)
{
	guest_write(self->vcpu, AREA, 1);
	ASSERT_EQ(mprotect(self->memory, PAGE, PROT_READ), 0);
	EXPECT_EQ(guest_read(self->vcpu, AREA), 1);
	EXPECT_EQ(RUN(true, AREA, 2, 8, 1), EFAULT);
	EXPECT_EQ(self->vcpu->run->exit_reason, KVM_EXIT_MEMORY_FAULT);
	EXPECT_EQ(self->memory[0], 1);
	ASSERT_EQ(mprotect(self->memory, PAGE, PROT_READ | PROT_WRITE), 0);
	EXPECT_EQ(access_continue(self->vcpu, NULL), 0);
	EXPECT_EQ(self->memory[0], 2);
}

/* What the owner's own keys keep from him his guest does not get either. */
TEST_F(pages, protection_keys)
{
	int key = pkey_alloc(0, PKEY_DISABLE_WRITE);

	if (key < 0)
		SKIP(return, "no protection keys");
	self->memory[0] = 42;
	ASSERT_EQ(pkey_mprotect(self->memory, SIZE, PROT_READ | PROT_WRITE, key), 0);
	EXPECT_EQ(guest_read(self->vcpu, AREA), 42);
	EXPECT_EQ(RUN(true, AREA, 1, 8, 1), EFAULT);
	EXPECT_EQ(RUN(true, AREA + PAGE, 1, 8, 1), EFAULT);

	ASSERT_EQ(pkey_set(key, 0), 0);
	EXPECT_EQ(access_continue(self->vcpu, NULL), 0);
	ASSERT_EQ(pkey_set(key, PKEY_DISABLE_ACCESS), 0);
	EXPECT_EQ(RUN(false, AREA + LARGE, 0, 8, 1), EFAULT);
}

TEST_F(pages, moved_memory)
{
	uint64_t *other = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(other, MAP_FAILED);
	other[0] = 99;
	guest_write(self->vcpu, AREA, 1);
	ASSERT_EQ(mremap(other, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, self->memory),
		  self->memory);
	EXPECT_EQ(guest_read(self->vcpu, AREA), 99);
	guest_write(self->vcpu, AREA, 100);
	EXPECT_EQ(self->memory[0], 100);
}

/* The child sees what was there at fork(), whatever the guest writes after. */
TEST_F(pages, fork_copies_on_write)
{
	int go[2], status;
	uint64_t i;
	char c;
	pid_t child;

	ASSERT_EQ(pipe(go), 0);
	ASSERT_EQ(RUN(true, AREA, 1, PAGE, 64), 0);
	child = fork();
	ASSERT_GE(child, 0);
	if (!child) {
		if (read(go[0], &c, 1) != 1)
			_exit(2);
		for (i = 0; i < 64; i++)
			if (self->memory[WORDS(i * PAGE)] != 1 + i)
				_exit(1);
		_exit(0);
	}
	ASSERT_EQ(RUN(true, AREA, 1000, PAGE, 64), 0);
	ASSERT_EQ(write(go[1], "", 1), 1);
	ASSERT_EQ(waitpid(child, &status, 0), child);
	EXPECT_EQ(status, 0);
	for (i = 0; i < 64; i++)
		EXPECT_EQ(self->memory[WORDS(i * PAGE)], 1000 + i);
}

/* A file's pages: private ones are copied, shared ones are the file's. */
TEST_F(pages, file_mappings)
{
	int fd = memfd_create("memory", 0);
	uint64_t word = 11;

	ASSERT_GE(fd, 0);
	ASSERT_EQ(ftruncate(fd, 2 * PAGE), 0);
	ASSERT_EQ(pwrite(fd, &word, 8, 0), 8);
	ASSERT_EQ(mmap(self->memory, PAGE, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_PRIVATE,
		       fd, 0), self->memory);
	ASSERT_EQ(mmap((char *)self->memory + PAGE, PAGE, PROT_READ | PROT_WRITE,
		       MAP_FIXED | MAP_SHARED, fd, PAGE), (char *)self->memory + PAGE);
	EXPECT_EQ(guest_read(self->vcpu, AREA), 11);
	guest_write(self->vcpu, AREA, 12);
	guest_write(self->vcpu, AREA + PAGE, 13);
	ASSERT_EQ(pread(fd, &word, 8, 0), 8);
	EXPECT_EQ(word, 11);
	ASSERT_EQ(pread(fd, &word, 8, PAGE), 8);
	EXPECT_EQ(word, 13);
	/* Truncated away: no page, and none that is still mapped. */
	ASSERT_EQ(ftruncate(fd, PAGE), 0);
	EXPECT_EQ(RUN(false, AREA + PAGE, 0, 8, 1), EFAULT);
	close(fd);
}

/* Same-page merging shares pages behind the guest's back; writing parts them. */
TEST_F(pages, merged_pages)
{
	FILE *run = fopen("/sys/kernel/mm/ksm/run", "w");
	long shared = 0;
	FILE *file;
	int tries;

	if (!run || system("cd /sys/kernel/mm/ksm;"
			   " echo 0 > sleep_millisecs; echo 10000 > pages_to_scan"))
		SKIP(return, "no KSM");
	ASSERT_EQ(RUN(true, AREA, 77, 8, 1), 0);
	ASSERT_EQ(RUN(true, AREA + PAGE, 77, 8, 1), 0);
	ASSERT_EQ(madvise(self->memory, 2 * PAGE, MADV_MERGEABLE), 0);
	fputs("1\n", run);
	fflush(run);
	for (tries = 0; !shared && tries < 3000; tries++) {
		usleep(20000);
		file = fopen("/sys/kernel/mm/ksm/pages_shared", "r");
		ASSERT_EQ(fscanf(file, "%ld", &shared), 1);
		fclose(file);
	}
	EXPECT_GT(shared, 0);
	EXPECT_EQ(guest_read(self->vcpu, AREA + PAGE), 77);
	guest_write(self->vcpu, AREA, 78);
	EXPECT_EQ(self->memory[0], 78);
	EXPECT_EQ(self->memory[WORDS(PAGE)], 77);
	fputs("2\n", run);
	fclose(run);
}

TEST_F(pages, compaction_moves_them)
{
	FILE *file = fopen("/proc/sys/vm/compact_memory", "w");
	uint64_t i, sum;

	if (!file)
		SKIP(return, "no compaction");
	ASSERT_EQ(RUN(true, AREA, 1, PAGE, SIZE / PAGE), 0);
	for (i = 0; i < 4; i++) {
		fputs("1\n", file);
		fflush(file);
		ASSERT_EQ(access_run(self->vcpu,
				     (struct access){ false, AREA, 0, PAGE, SIZE / PAGE },
				     &sum), 0);
		EXPECT_EQ(sum, (SIZE / PAGE) * (SIZE / PAGE + 1) / 2);
	}
	fclose(file);
}

/* A page with a memory error: SIGBUS with its address, as for a load by us. */
static siginfo_t got;

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	got = *info;
}

TEST_F(pages, poisoned_page)
{
	struct sigaction action = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO };

	guest_write(self->vcpu, AREA + PAGE, 1);
	sigaction(SIGBUS, &action, NULL);
	if (madvise((char *)self->memory + PAGE, PAGE, MADV_HWPOISON))
		SKIP(return, "no memory failure injection");
	EXPECT_EQ(RUN(false, AREA + PAGE, 0, 8, 1), EINTR);
	EXPECT_EQ(got.si_signo, SIGBUS);
	EXPECT_EQ(got.si_code, BUS_MCEERR_AR);
	EXPECT_EQ(got.si_addr, (char *)self->memory + PAGE);
}

/* After the return of the deletion nothing reaches the memory. */
TEST_F(pages, deleted_slot)
{
	struct kvm_userspace_memory_region region = { .slot = 1 };

	guest_write(self->vcpu, AREA, 1);
	ASSERT_EQ(ioctl(self->guest.vm, KVM_SET_USER_MEMORY_REGION, &region), 0);
	EXPECT_EQ(RUN(true, AREA, 2, 8, 1), -1);
	EXPECT_EQ(self->memory[0], 1);
}

TEST_F(pages, moved_slot)
{
	struct kvm_userspace_memory_region region = {
		.slot = 1, .guest_phys_addr = AREA + PAGE, .memory_size = SIZE,
		.userspace_addr = (uint64_t)self->memory,
	};

	ASSERT_EQ(RUN(true, AREA, 1, PAGE, 8), 0);
	ASSERT_EQ(ioctl(self->guest.vm, KVM_SET_USER_MEMORY_REGION, &region), 0);
	EXPECT_EQ(guest_read(self->vcpu, AREA + PAGE), 1);
	EXPECT_EQ(guest_read(self->vcpu, AREA + 8 * PAGE), 8);
	EXPECT_EQ(RUN(false, AREA, 0, 8, 1), -1);
}

TEST_F(pages, readonly_slot)
{
	uint64_t *rom = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	rom[0] = 5;
	guest_add_memory(&self->guest, 2, 2 * AREA, PAGE, rom, KVM_MEM_READONLY);
	EXPECT_EQ(guest_read(self->vcpu, 2 * AREA), 5);
	EXPECT_EQ(RUN(true, 2 * AREA, 6, 8, 1), -1);
	EXPECT_EQ(rom[0], 5);
	rom[0] = 7;
	munmap(rom, PAGE);
}

/* Memory that the kernel must not touch is not mapped into a guest either. */
TEST_F(pages, secret_memory)
{
	int fd = syscall(SYS_memfd_secret, 0);
	uint64_t *secret;

	if (fd < 0 || ftruncate(fd, PAGE))
		SKIP(return, "no secret memory");
	secret = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(secret, MAP_FAILED);
	secret[0] = 5;
	guest_add_memory(&self->guest, 2, 2 * AREA, PAGE, secret, 0);
	EXPECT_EQ(RUN(false, 2 * AREA, 0, 8, 1), EFAULT);
	EXPECT_EQ(self->vcpu->run->exit_reason, KVM_EXIT_MEMORY_FAULT);
	munmap(secret, PAGE);
	close(fd);
}

/* The same memory at two places; both see one page. */
TEST_F(pages, aliases)
{
	guest_add_memory(&self->guest, 2, 2 * AREA, SIZE, self->memory, 0);
	guest_write(self->vcpu, AREA + PAGE, 3);
	EXPECT_EQ(guest_read(self->vcpu, 2 * AREA + PAGE), 3);
	ASSERT_EQ(madvise(self->memory, SIZE, MADV_DONTNEED), 0);
	EXPECT_EQ(guest_read(self->vcpu, AREA + PAGE), 0);
	EXPECT_EQ(guest_read(self->vcpu, 2 * AREA + PAGE), 0);
}

TEST_HARNESS_MAIN
