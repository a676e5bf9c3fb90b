// SPDX-License-Identifier: GPL-2.0
/* Slots that show a guest_memfd, and memory attributes: what is taken and refused. */
/* machine: timeout=120 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

#include "kselftest_harness.h"
#include "gmem.h"

#define SLOT	3
#define GPA	0x100000000UL

FIXTURE(slots) {
	int vm;
	int fd;
	uint8_t *mem;	/* the shared side of all slots */
};

FIXTURE_SETUP(slots)
{
	self->vm = create_vm_of_type(KVM_X86_SW_PROTECTED_VM);
	ASSERT_GE(self->vm, 0);
	self->fd = create_gmem(self->vm, 16 * PAGE, 0);
	ASSERT_GE(self->fd, 0);
	self->mem = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(self->mem, MAP_FAILED);
}

FIXTURE_TEARDOWN(slots)
{
	munmap(self->mem, 16 * PAGE);
	close(self->fd);
	close(self->vm);
}

#define BIND(slot, gpa, size, fd, offset) \
	set_gmem_slot(self->vm, slot, gpa, size, self->mem, fd, offset)
#define DELETE(slot) set_gmem_slot(self->vm, slot, 0, 0, self->mem, -1, 0)

TEST_F(slots, capabilities)
{
	int vm = create_vm_of_type(KVM_X86_DEFAULT_VM), dev = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	EXPECT_EQ(ioctl(self->vm, KVM_CHECK_EXTENSION, KVM_CAP_GUEST_MEMFD), 1);
	EXPECT_EQ(ioctl(dev, KVM_CHECK_EXTENSION, KVM_CAP_GUEST_MEMFD_FLAGS), GMEM_SHARED);
	EXPECT_EQ(ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_GUEST_MEMFD_FLAGS), GMEM_SHARED);
	EXPECT_EQ(ioctl(self->vm, KVM_CHECK_EXTENSION, KVM_CAP_GUEST_MEMFD_FLAGS),
		  GUEST_MEMFD_FLAG_MMAP);
	EXPECT_EQ(ioctl(dev, KVM_CHECK_EXTENSION, KVM_CAP_MEMORY_ATTRIBUTES),
		  KVM_MEMORY_ATTRIBUTE_PRIVATE);
	EXPECT_EQ(ioctl(self->vm, KVM_CHECK_EXTENSION, KVM_CAP_MEMORY_ATTRIBUTES),
		  KVM_MEMORY_ATTRIBUTE_PRIVATE);
	EXPECT_EQ(ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_MEMORY_ATTRIBUTES), 0);
	close(dev);
	close(vm);
}

/* Known bug 13: offsets near 2^63; gmem_failnth fails what it allocates. */
TEST_F(slots, known_bug_13_bind_errors)
{
	int other = create_vm_of_type(KVM_X86_SW_PROTECTED_VM);
	int fd = create_gmem(other, 16 * PAGE, 0);
	static const uint64_t offsets[] = {
		1, PAGE - 1, 16 * PAGE, 15 * PAGE + 1, 1UL << 63, (1UL << 63) - PAGE,
		-PAGE, -1UL, -2 * PAGE,
	};
	unsigned int i;

	ASSERT_GE(fd, 0);
	EXPECT_ERROR(BIND(SLOT, GPA, PAGE, -1, 0), EBADF);
	EXPECT_ERROR(BIND(SLOT, GPA, PAGE, 1000, 0), EBADF);
	EXPECT_ERROR(BIND(SLOT, GPA, PAGE, self->vm, 0), EINVAL);
	EXPECT_ERROR(BIND(SLOT, GPA, PAGE, 0, 0), EINVAL);
	EXPECT_ERROR(BIND(SLOT, GPA, PAGE, fd, 0), EINVAL);
	for (i = 0; i < ARRAY_SIZE(offsets); i++)
		EXPECT_ERROR(BIND(SLOT, GPA, PAGE, self->fd, offsets[i]), EINVAL);
	EXPECT_ERROR(BIND(SLOT, GPA, 17 * PAGE, self->fd, 0), EINVAL);
	EXPECT_ERROR(BIND(SLOT, GPA, 2 * PAGE, self->fd, 15 * PAGE), EINVAL);

	/* Nothing of all that was left behind. */
	EXPECT_EQ(BIND(SLOT, GPA, 16 * PAGE, self->fd, 0), 0);
	close(fd);
	close(other);
}

TEST_F(slots, flags)
{
	struct kvm_userspace_memory_region2 region = {
		.slot = SLOT, .guest_phys_addr = GPA, .memory_size = PAGE,
		.userspace_addr = (uint64_t)self->mem, .guest_memfd = self->fd,
	};

	region.flags = KVM_MEM_GUEST_MEMFD | KVM_MEM_READONLY;
	EXPECT_ERROR(ioctl(self->vm, KVM_SET_USER_MEMORY_REGION2, &region), EINVAL);
	region.flags = KVM_MEM_GUEST_MEMFD | KVM_MEM_LOG_DIRTY_PAGES;
	EXPECT_ERROR(ioctl(self->vm, KVM_SET_USER_MEMORY_REGION2, &region), EINVAL);
	/* The first form has no room for a descriptor. */
	region.flags = KVM_MEM_GUEST_MEMFD;
	EXPECT_ERROR(ioctl(self->vm, KVM_SET_USER_MEMORY_REGION, &region), EINVAL);
	EXPECT_EQ(ioctl(self->vm, KVM_SET_USER_MEMORY_REGION2, &region), 0);
}

TEST_F(slots, bound_once)
{
	uint64_t offset, size;

	EXPECT_EQ(BIND(SLOT, GPA, 4 * PAGE, self->fd, 4 * PAGE), 0);
	for (offset = 0; offset < 12 * PAGE; offset += PAGE) {
		for (size = PAGE; offset + size <= 16 * PAGE; size += PAGE) {
			if (offset + size <= 4 * PAGE || offset >= 8 * PAGE)
				continue;
			EXPECT_ERROR(BIND(SLOT + 1, 2 * GPA, size, self->fd, offset), EEXIST);
		}
	}
	EXPECT_EQ(BIND(SLOT + 1, 2 * GPA, 4 * PAGE, self->fd, 0), 0);
	EXPECT_EQ(BIND(SLOT + 2, 3 * GPA, 8 * PAGE, self->fd, 8 * PAGE), 0);
	EXPECT_EQ(DELETE(SLOT), 0);
	EXPECT_EQ(BIND(SLOT + 3, 4 * GPA, 4 * PAGE, self->fd, 4 * PAGE), 0);
	EXPECT_ERROR(BIND(SLOT, GPA, PAGE, self->fd, 7 * PAGE), EEXIST);
}

/* CVE-2025-68810: a slot that shows a guest_memfd can be deleted, nothing else. */
TEST_F(slots, cve_2025_68810_toggle_guest_memfd)
{
	struct kvm_userspace_memory_region2 region = {
		.slot = SLOT, .guest_phys_addr = GPA, .memory_size = 4 * PAGE,
		.userspace_addr = (uint64_t)self->mem, .guest_memfd = self->fd,
		.flags = KVM_MEM_GUEST_MEMFD,
	};

	ASSERT_EQ(ioctl(self->vm, KVM_SET_USER_MEMORY_REGION2, &region), 0);
	EXPECT_ERROR(ioctl(self->vm, KVM_SET_USER_MEMORY_REGION2, &region), EINVAL);
	region.flags = 0;
	EXPECT_ERROR(ioctl(self->vm, KVM_SET_USER_MEMORY_REGION2, &region), EINVAL);
	region.flags = KVM_MEM_GUEST_MEMFD;
	region.guest_phys_addr = 2 * GPA;
	EXPECT_ERROR(ioctl(self->vm, KVM_SET_USER_MEMORY_REGION2, &region), EINVAL);
	close(self->fd);
	EXPECT_EQ(DELETE(SLOT), 0);

	/* Nor can a plain slot get one. */
	self->fd = create_gmem(self->vm, 16 * PAGE, 0);
	region.flags = 0;
	ASSERT_EQ(ioctl(self->vm, KVM_SET_USER_MEMORY_REGION2, &region), 0);
	region.flags = KVM_MEM_GUEST_MEMFD;
	region.guest_memfd = self->fd;
	EXPECT_ERROR(ioctl(self->vm, KVM_SET_USER_MEMORY_REGION2, &region), EINVAL);
}

TEST_F(slots, close_before_delete)
{
	EXPECT_EQ(BIND(SLOT, GPA, 8 * PAGE, self->fd, 0), 0);
	EXPECT_EQ(BIND(SLOT + 1, 2 * GPA, 8 * PAGE, self->fd, 8 * PAGE), 0);
	close(self->fd);
	EXPECT_EQ(DELETE(SLOT), 0);
	self->fd = create_gmem(self->vm, 16 * PAGE, 0);
	EXPECT_EQ(BIND(SLOT, GPA, 16 * PAGE, self->fd, 0), 0);
	EXPECT_EQ(DELETE(SLOT + 1), 0);
}

static int set_attributes(int vm, uint64_t address, uint64_t size, uint64_t attributes)
{
	struct kvm_memory_attributes set = {
		.address = address, .size = size, .attributes = attributes,
	};

	return ioctl(vm, KVM_SET_MEMORY_ATTRIBUTES, &set);
}

#define PRIVATE	KVM_MEMORY_ATTRIBUTE_PRIVATE

TEST_F(slots, attribute_errors)
{
	struct kvm_memory_attributes set = { .size = PAGE, .attributes = PRIVATE };
	int vm = create_vm_of_type(KVM_X86_DEFAULT_VM), bit;

	for (bit = 0; bit < 64; bit++) {
		if (1UL << bit != PRIVATE)
			EXPECT_ERROR(set_attributes(self->vm, 0, PAGE, 1UL << bit), EINVAL);
		set.flags = 1UL << bit;
		EXPECT_ERROR(ioctl(self->vm, KVM_SET_MEMORY_ATTRIBUTES, &set), EINVAL);
	}
	EXPECT_ERROR(set_attributes(self->vm, 0, 0, PRIVATE), EINVAL);
	EXPECT_ERROR(set_attributes(self->vm, 1, PAGE, PRIVATE), EINVAL);
	EXPECT_ERROR(set_attributes(self->vm, 0, PAGE + 1, PRIVATE), EINVAL);
	EXPECT_ERROR(set_attributes(self->vm, -PAGE, 2 * PAGE, PRIVATE), EINVAL);
	EXPECT_ERROR(set_attributes(self->vm, PAGE, -PAGE, PRIVATE), EINVAL);
	EXPECT_ERROR(ioctl(self->vm, KVM_SET_MEMORY_ATTRIBUTES, NULL), EFAULT);

	/* Memory of an ordinary VM has none; that none can be set is no error. */
	EXPECT_ERROR(set_attributes(vm, 0, PAGE, PRIVATE), EINVAL);
	EXPECT_EQ(set_attributes(vm, 0, PAGE, 0), 0);
	close(vm);
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* CVE-2025-38506: a range of terabytes takes no time, with or without holes in it. */
TEST_F(slots, cve_2025_38506_terabytes)
{
	const uint64_t huge = 1UL << 50;
	double start = seconds();
	uint64_t gpa;
	int i;

	for (i = 0; i < 100; i++) {
		ASSERT_EQ(set_attributes(self->vm, 0, huge, PRIVATE), 0);
		ASSERT_EQ(set_attributes(self->vm, PAGE, huge - 2 * PAGE, 0), 0);
	}
	for (gpa = 0; gpa < 1000 * HUGE; gpa += HUGE)
		ASSERT_EQ(set_attributes(self->vm, gpa + PAGE, PAGE, PRIVATE), 0);
	for (i = 0; i < 100; i++)
		ASSERT_EQ(set_attributes(self->vm, 0, huge, i & 1 ? PRIVATE : 0), 0);
	/* In-tree KVM needs minutes for one of them. */
	EXPECT_LT(seconds() - start, 60);
}

struct race {
	int vm;
	bool stop;
	uint8_t *mem;
};

static void *delete_and_bind(void *arg)
{
	struct race *race = arg;

	/* The descriptor comes and goes: any answer will do. */
	while (!__atomic_load_n(&race->stop, __ATOMIC_RELAXED)) {
		set_gmem_slot(race->vm, SLOT, GPA, 4 * PAGE, race->mem, 900, 0);
		set_gmem_slot(race->vm, SLOT, 0, 0, race->mem, -1, 0);
	}
	return NULL;
}

/* CVE-2025-40274: the file is closed for the last time while its slot is deleted. */
TEST_F_TIMEOUT(slots, cve_2025_40274_close_and_delete, 60)
{
	struct race race = { .vm = self->vm, .mem = self->mem };
	double start = seconds();
	pthread_t thread;
	int i, fd;

	ASSERT_EQ(pthread_create(&thread, NULL, delete_and_bind, &race), 0);
	for (i = 0; i < 3000 && seconds() < start + 15; i++) {
		fd = create_gmem(self->vm, 4 * PAGE, 0);
		ASSERT_GE(fd, 0);
		ASSERT_EQ(dup2(fd, 900), 900);
		close(fd);
		if (i & 1)
			sched_yield();
		gmem_punch(900, 0, 4 * PAGE);
		close(900);
	}
	__atomic_store_n(&race.stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(pthread_join(thread, NULL), 0);
}

TEST_HARNESS_MAIN
