// SPDX-License-Identifier: GPL-2.0
/* guest_memfd as storage: what userspace sees of a file without any guest. */
/* machine: timeout=240 */
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>

#include "kselftest_harness.h"
#include "cgroup.h"
#include "files.h"
#include "gmem.h"

FIXTURE(gmem) {
	int vm;
};

FIXTURE_SETUP(gmem)
{
	self->vm = create_vm();
	ASSERT_GE(self->vm, 0);
}

FIXTURE_TEARDOWN(gmem)
{
	close(self->vm);
}

TEST_F(gmem, create_errors)
{
	struct kvm_create_guest_memfd create = { .size = PAGE };
	int bit, i;

	EXPECT_ERROR(create_gmem(self->vm, 0, 0), EINVAL);
	EXPECT_ERROR(create_gmem(self->vm, 1, 0), EINVAL);
	EXPECT_ERROR(create_gmem(self->vm, PAGE + 1, 0), EINVAL);
	EXPECT_ERROR(create_gmem(self->vm, -PAGE, 0), EINVAL);
	EXPECT_ERROR(create_gmem(self->vm, 1UL << 63, 0), EINVAL);
	for (bit = 2; bit < 64; bit++)
		EXPECT_ERROR(create_gmem(self->vm, PAGE, 1UL << bit), EINVAL);
	for (i = 0; i < 6; i++) {
		create.reserved[i] = 1;
		EXPECT_ERROR(ioctl(self->vm, KVM_CREATE_GUEST_MEMFD, &create), EINVAL);
		create.reserved[i] = 0;
	}
	EXPECT_ERROR(ioctl(self->vm, KVM_CREATE_GUEST_MEMFD, NULL), EFAULT);
}

/* Private memory begins its life private, whatever a VM asks. */
TEST_F(gmem, flags_of_private_vm)
{
	int vm = create_vm_of_type(KVM_X86_SW_PROTECTED_VM), fd;

	ASSERT_GE(vm, 0);
	EXPECT_ERROR(create_gmem(vm, PAGE, GMEM_SHARED), EINVAL);
	EXPECT_ERROR(create_gmem(vm, PAGE, GUEST_MEMFD_FLAG_INIT_SHARED), EINVAL);
	fd = create_gmem(vm, PAGE, GUEST_MEMFD_FLAG_MMAP);
	EXPECT_GE(fd, 0);
	close(fd);
	close(vm);
}

TEST_F(gmem, stat)
{
	int fd = create_gmem(self->vm, 3 * PAGE, 0);
	int other = create_gmem(self->vm, 3 * PAGE, 0);
	char link[64] = "", path[32];
	struct stat st;

	ASSERT_GE(fd, 0);
	ASSERT_GE(other, 0);
	ASSERT_EQ(fstat(fd, &st), 0);
	EXPECT_TRUE(S_ISREG(st.st_mode));
	EXPECT_EQ(st.st_size, 3 * PAGE);
	EXPECT_EQ(st.st_blksize, PAGE);
	EXPECT_EQ(st.st_blocks, 0);
	EXPECT_NE(gmem_inode_number(fd), gmem_inode_number(other));

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ASSERT_GT(readlink(path, link, sizeof(link) - 1), 0);
	EXPECT_STREQ(link, "anon_inode:[kvm-gmem]");

	EXPECT_ERROR(ftruncate(fd, PAGE), EINVAL);
	EXPECT_ERROR(fchmod(fd, 0777), EINVAL);
	EXPECT_ERROR(read(fd, link, 1), EINVAL);
	EXPECT_ERROR(write(fd, link, 1), EINVAL);
	EXPECT_ERROR(ioctl(fd, KVM_CHECK_EXTENSION, 0), ENOTTY);
	close(fd);
	close(other);
}

TEST_F(gmem, sparse_of_any_size)
{
	uint64_t size;
	int shift, fd;

	for (shift = 12; shift < 63; shift += 5) {
		size = 1UL << shift;
		fd = create_gmem(self->vm, size, 0);
		ASSERT_GE(fd, 0);
		EXPECT_EQ(gmem_allocate(fd, size - PAGE, PAGE), 0);
		EXPECT_EQ(gmem_used(fd), PAGE);
		EXPECT_EQ(gmem_punch(fd, 0, size), 0);
		EXPECT_EQ(gmem_used(fd), 0);
		close(fd);
	}
	fd = create_gmem(self->vm, (1UL << 63) - PAGE, 0);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(gmem_allocate(fd, (1UL << 63) - 2 * PAGE, PAGE), 0);
	close(fd);
}

TEST_F(gmem, fallocate_errors)
{
	static const int modes[] = {
		0, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE | FALLOC_FL_ZERO_RANGE,
		FALLOC_FL_ZERO_RANGE, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_INSERT_RANGE, FALLOC_FL_UNSHARE_RANGE,
	};
	int fd = create_gmem(self->vm, 4 * PAGE, 0);
	unsigned int i;

	ASSERT_GE(fd, 0);
	for (i = 0; i < ARRAY_SIZE(modes); i++)
		EXPECT_ERROR(fallocate(fd, modes[i], 0, PAGE), EOPNOTSUPP);
	EXPECT_ERROR(gmem_allocate(fd, 1, PAGE), EINVAL);
	EXPECT_ERROR(gmem_allocate(fd, 0, PAGE - 1), EINVAL);
	EXPECT_ERROR(gmem_allocate(fd, 0, 0), EINVAL);
	EXPECT_ERROR(gmem_allocate(fd, 0, 5 * PAGE), EINVAL);
	EXPECT_ERROR(gmem_allocate(fd, 4 * PAGE, PAGE), EINVAL);
	EXPECT_ERROR(gmem_allocate(fd, -PAGE, PAGE), EINVAL);
	EXPECT_ERROR(gmem_allocate(fd, 1UL << 62, PAGE), EINVAL);
	EXPECT_ERROR(gmem_allocate(fd, (1UL << 63) - PAGE, PAGE), EFBIG);
	EXPECT_ERROR(gmem_punch(fd, 0, PAGE + 1), EINVAL);
	EXPECT_ERROR(gmem_punch(fd, 8, PAGE), EINVAL);
	EXPECT_EQ(gmem_used(fd), 0);
	/* There is nothing to take away beyond the end. */
	EXPECT_EQ(gmem_punch(fd, 4 * PAGE, PAGE), 0);
	close(fd);
}

static void on_alarm(int nr)
{
}

/* What was allocated before the signal stays, and the rest can be asked for again. */
TEST_F(gmem, fallocate_signal)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct itimerval often = { { .tv_usec = 2000 }, { .tv_usec = 2000 } }, never = {};
	const uint64_t size = 128 * HUGE;
	int fd = create_gmem(self->vm, size, 0), r;

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	r = gmem_allocate(fd, 0, size) ? errno : 0;
	setitimer(ITIMER_REAL, &never, NULL);
	EXPECT_EQ(r, EINTR);
	EXPECT_LT(gmem_used(fd), size);
	EXPECT_EQ(gmem_allocate(fd, 0, size), 0);
	EXPECT_EQ(gmem_used(fd), size);
	close(fd);
}

/* Huge folios where the request covers them, small ones at its edges. */
TEST_F(gmem, allocate_counts_what_was_asked)
{
	int fd = create_gmem(self->vm, 8 * HUGE, 0);

	ASSERT_GE(fd, 0);
	EXPECT_EQ(gmem_allocate(fd, PAGE, PAGE), 0);
	EXPECT_EQ(gmem_used(fd), PAGE);
	EXPECT_EQ(gmem_allocate(fd, HUGE - PAGE, HUGE + 2 * PAGE), 0);
	EXPECT_EQ(gmem_used(fd), HUGE + 3 * PAGE);
	EXPECT_EQ(gmem_allocate(fd, 0, 8 * HUGE), 0);
	EXPECT_EQ(gmem_used(fd), 8 * HUGE);
	EXPECT_EQ(gmem_allocate(fd, 0, 8 * HUGE), 0);
	EXPECT_EQ(gmem_used(fd), 8 * HUGE);
	EXPECT_EQ(gmem_punch(fd, HUGE + PAGE, HUGE), 0);
	EXPECT_EQ(gmem_used(fd), 7 * HUGE);
	EXPECT_EQ(gmem_punch(fd, 0, 8 * HUGE), 0);
	EXPECT_EQ(gmem_used(fd), 0);
	close(fd);
}

/* A punched page reads as zero; its neighbours keep what they had. */
TEST_F_TIMEOUT(gmem, punch_zeroes, 120)
{
	int fd = create_gmem(self->vm, 2 * HUGE, GMEM_SHARED);
	uint8_t *mem = gmem_map(fd, 2 * HUGE);

	ASSERT_NE(mem, MAP_FAILED);
	memset(mem, 0x5a, 2 * HUGE);
	EXPECT_EQ(gmem_used(fd), 2 * HUGE);
	EXPECT_EQ(gmem_punch(fd, HUGE - 2 * PAGE, 5 * PAGE), 0);
	EXPECT_EQ(gmem_used(fd), 2 * HUGE - 5 * PAGE);
	EXPECT_TRUE(all_bytes(mem, 0x5a, HUGE - 2 * PAGE));
	EXPECT_TRUE(all_bytes(mem + HUGE - 2 * PAGE, 0, 5 * PAGE));
	EXPECT_TRUE(all_bytes(mem + HUGE + 3 * PAGE, 0x5a, HUGE - 3 * PAGE));
	EXPECT_EQ(gmem_used(fd), 2 * HUGE);
	munmap(mem, 2 * HUGE);
	close(fd);
}

/* A page that somebody has pinned cannot be taken out of its huge folio. */
TEST_F_TIMEOUT(gmem, punch_pinned, 120)
{
	int fd = create_gmem(self->vm, HUGE, GMEM_SHARED), pipes[2];
	uint8_t *mem = gmem_map(fd, HUGE);
	struct iovec iov = { mem + 7 * PAGE, PAGE };

	ASSERT_NE(mem, MAP_FAILED);
	memset(mem, 0x5a, HUGE);
	ASSERT_EQ(pipe(pipes), 0);
	ASSERT_EQ(vmsplice(pipes[1], &iov, 1, 0), PAGE);

	EXPECT_EQ(gmem_punch(fd, 3 * PAGE, 8 * PAGE), 0);
	EXPECT_TRUE(all_bytes(mem, 0x5a, 3 * PAGE));
	EXPECT_TRUE(all_bytes(mem + 3 * PAGE, 0, 8 * PAGE));
	EXPECT_TRUE(all_bytes(mem + 11 * PAGE, 0x5a, HUGE - 11 * PAGE));
	close(pipes[0]);
	close(pipes[1]);
	EXPECT_EQ(gmem_punch(fd, 0, HUGE), 0);
	EXPECT_EQ(gmem_used(fd), 0);
	munmap(mem, HUGE);
	close(fd);
}

TEST_F(gmem, mmap)
{
	int none = create_gmem(self->vm, PAGE, 0);
	int hidden = create_gmem(self->vm, PAGE, GUEST_MEMFD_FLAG_MMAP);
	int shared = create_gmem(self->vm, PAGE, GMEM_SHARED);
	uint8_t *mem;

	EXPECT_EQ(gmem_map(none, PAGE), MAP_FAILED);
	EXPECT_EQ(errno, ENODEV);
	mem = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, shared, 0);
	EXPECT_EQ(mem, MAP_FAILED);
	EXPECT_EQ(errno, EINVAL);

	/* Private memory may have an address, but no page is ever behind it. */
	mem = gmem_map(hidden, PAGE);
	ASSERT_NE(mem, MAP_FAILED);
	EXPECT_EQ(touch_sigbus(mem), BUS_ADRERR);
	EXPECT_EQ(gmem_used(hidden), 0);
	munmap(mem, PAGE);

	mem = gmem_map(shared, 2 * PAGE);
	ASSERT_NE(mem, MAP_FAILED);
	EXPECT_EQ(touch_sigbus(mem), 0);
	EXPECT_EQ(touch_sigbus(mem + PAGE), BUS_ADRERR);
	EXPECT_EQ(gmem_used(shared), PAGE);
	munmap(mem, 2 * PAGE);
	close(none);
	close(hidden);
	close(shared);
}

/* A mapping keeps the file, and the pages, after the descriptor is gone. */
TEST_F(gmem, mapping_keeps_pages)
{
	int fd = create_gmem(self->vm, HUGE, GMEM_SHARED);
	uint8_t *mem = gmem_map(fd, HUGE);

	ASSERT_NE(mem, MAP_FAILED);
	memset(mem, 0x5a, HUGE);
	close(fd);
	close(self->vm);
	EXPECT_TRUE(all_bytes(mem, 0x5a, HUGE));
	munmap(mem, HUGE);
	self->vm = create_vm();
}

/* Nobody reclaims, drops or moves the pages. */
TEST_F(gmem, survives_reclaim)
{
	int fd = create_gmem(self->vm, 2 * HUGE, GMEM_SHARED);
	uint8_t *mem = gmem_map(fd, 2 * HUGE);

	ASSERT_NE(mem, MAP_FAILED);
	memset(mem, 0x5a, 2 * HUGE);
	madvise(mem, 2 * HUGE, MADV_PAGEOUT);
	madvise(mem, 2 * HUGE, MADV_DONTNEED);
	EXPECT_EQ(write_text("/proc/sys/vm/drop_caches", "3"), 0);
	write_text("/proc/sys/vm/compact_memory", "1");
	EXPECT_EQ(gmem_used(fd), 2 * HUGE);
	EXPECT_TRUE(all_bytes(mem, 0x5a, 2 * HUGE));
	munmap(mem, 2 * HUGE);
	close(fd);
}

#define PAGEMAP_PFN	((1UL << 55) - 1)
#define KPF_UNEVICTABLE	18	/* Documentation/admin-guide/mm/pagemap.rst */

static uint64_t read64_at(const char *path, uint64_t index)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t value = 0;

	if (pread(fd, &value, sizeof(value), index * sizeof(value)) != sizeof(value))
		value = 0;
	close(fd);
	return value;
}

static uint64_t page_frame(const uint8_t *mem)
{
	return read64_at("/proc/self/pagemap", (uintptr_t)mem / PAGE) & PAGEMAP_PFN;
}

/* The kernel knows: it has them for unevictable, and compaction finds other pages to move. */
TEST_F(gmem, stays_where_it_is)
{
	const uint64_t size = 64 * PAGE;
	int fd = create_gmem(self->vm, size, GMEM_SHARED);
	uint8_t *mem = gmem_map(fd, size);
	uint64_t frames[64];
	int i;

	ASSERT_NE(mem, MAP_FAILED);
	memset(mem, 0x5a, size);
	if (!page_frame(mem))
		SKIP(return, "the kernel has no /proc/self/pagemap");
	for (i = 0; i < 64; i++)
		frames[i] = page_frame(mem + i * PAGE);
	/* From a CPU's list of new pages to the one that they stay on. */
	write_text("/proc/sys/vm/drop_caches", "3");
	write_text("/proc/sys/vm/compact_memory", "1");
	for (i = 0; i < 64; i++) {
		EXPECT_EQ(page_frame(mem + i * PAGE), frames[i]);
		EXPECT_TRUE(read64_at("/proc/kpageflags", frames[i]) >> KPF_UNEVICTABLE & 1);
	}
	munmap(mem, size);
	close(fd);
}

/* A broken page is lost for good and said so; its neighbours are not. */
TEST_F_TIMEOUT(gmem, hardware_poison, 120)
{
	int fd = create_gmem(self->vm, HUGE, GMEM_SHARED);
	uint8_t *mem = gmem_map(fd, HUGE);

	ASSERT_NE(mem, MAP_FAILED);
	memset(mem, 0x5a, HUGE);
	if (madvise(mem + 5 * PAGE, PAGE, MADV_HWPOISON) && errno == EINVAL)
		SKIP(return, "the kernel has no memory failure handling");
	EXPECT_EQ(touch_sigbus(mem + 5 * PAGE), BUS_MCEERR_AR);
	EXPECT_EQ(gmem_used(fd), HUGE);
	EXPECT_TRUE(all_bytes(mem, 0x5a, 5 * PAGE));
	EXPECT_TRUE(all_bytes(mem + 6 * PAGE, 0x5a, HUGE - 6 * PAGE));
	EXPECT_EQ(gmem_punch(fd, 0, HUGE), 0);
	EXPECT_EQ(touch_sigbus(mem + 5 * PAGE), 0);
	munmap(mem, HUGE);
	close(fd);
}

#define CGROUP	"gmem-test"

static long cgroup_bytes(void)
{
	return read_number("/sys/fs/cgroup/" CGROUP "/memory.current");
}

/* Who allocates pays, until the pages go. */
TEST(charged_to_the_allocator)
{
	int vm, fd, status;
	long before;
	pid_t pid;

	if (cgroup_create(CGROUP))
		SKIP(return, "no memory cgroup");
	vm = create_vm();
	fd = create_gmem(vm, 8 * HUGE, 0);
	ASSERT_GE(fd, 0);
	before = cgroup_bytes();
	pid = fork();
	if (!pid)
		_exit(cgroup_enter(CGROUP) || gmem_allocate(fd, 0, 8 * HUGE));
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	EXPECT_GE(cgroup_bytes() - before, 8 * HUGE);
	EXPECT_EQ(gmem_punch(fd, 0, 8 * HUGE), 0);
	EXPECT_LT(cgroup_bytes() - before, HUGE);
	close(fd);
	close(vm);
	cgroup_remove(CGROUP);
}

/* Beyond the limit of its group an allocation fails or the process is killed; the rest stays. */
TEST_F_TIMEOUT(gmem, limited_by_the_cgroup, 120)
{
	int vm, fd, status;
	pid_t pid;

	if (cgroup_create(CGROUP))
		SKIP(return, "no memory cgroup");
	ASSERT_EQ(write_text("/sys/fs/cgroup/" CGROUP "/memory.max", "8388608"), 0);
	vm = create_vm();
	fd = create_gmem(vm, 32 * HUGE, 0);
	ASSERT_GE(fd, 0);
	pid = fork();
	if (!pid)
		_exit(cgroup_enter(CGROUP) || !gmem_allocate(fd, 0, 32 * HUGE));
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_TRUE(status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
	EXPECT_LE(gmem_used(fd), 4 * HUGE);
	EXPECT_EQ(gmem_allocate(fd, 0, 32 * HUGE), 0);
	EXPECT_EQ(gmem_used(fd), 32 * HUGE);
	close(fd);
	close(vm);
	cgroup_remove(CGROUP);
}

TEST_HARNESS_MAIN
