// SPDX-License-Identifier: GPL-2.0
/* KVM_SET_USER_MEMORY_REGION and its second form: what they take and refuse. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <linux/kvm.h>

#include "kselftest_harness.h"

#define PAGE	4096ULL
#define MEMORY	(64 * PAGE)

FIXTURE(slots) {
	int kvm;
	int vm;
	char *memory;
};

FIXTURE_VARIANT(slots) {
	bool second;
};

FIXTURE_VARIANT_ADD(slots, region) { .second = false };
FIXTURE_VARIANT_ADD(slots, region2) { .second = true };

FIXTURE_SETUP(slots)
{
	self->kvm = open("/dev/kvm", O_RDWR);
	ASSERT_GE(self->kvm, 0);
	self->vm = ioctl(self->kvm, KVM_CREATE_VM, 0);
	ASSERT_GE(self->vm, 0);
	self->memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(self->memory, MAP_FAILED);
}

FIXTURE_TEARDOWN(slots)
{
	munmap(self->memory, MEMORY);
	close(self->vm);
	close(self->kvm);
}

struct region {
	uint32_t slot, flags;
	uint64_t gpa, size;
	const void *memory;
};

/* 0, or the errno. */
static int set_region(int vm, bool second, struct region r)
{
	struct kvm_userspace_memory_region one = {
		.slot = r.slot, .flags = r.flags, .guest_phys_addr = r.gpa,
		.memory_size = r.size, .userspace_addr = (uint64_t)r.memory,
	};
	struct kvm_userspace_memory_region2 two = {
		.slot = r.slot, .flags = r.flags, .guest_phys_addr = r.gpa,
		.memory_size = r.size, .userspace_addr = (uint64_t)r.memory,
	};

	/* Whatever stands in the reserved fields: QEMU does not clear them. */
	memset(two.pad2, 0xff, sizeof(two.pad2));
	if (second)
		return ioctl(vm, KVM_SET_USER_MEMORY_REGION2, &two) ? errno : 0;
	return ioctl(vm, KVM_SET_USER_MEMORY_REGION, &one) ? errno : 0;
}

#define SET(...) set_region(self->vm, variant->second, (struct region){ __VA_ARGS__ })

TEST_F(slots, capabilities)
{
	EXPECT_EQ(ioctl(self->vm, KVM_CHECK_EXTENSION, KVM_CAP_NR_MEMSLOTS), 32764);
	EXPECT_EQ(ioctl(self->vm, KVM_CHECK_EXTENSION, KVM_CAP_MULTI_ADDRESS_SPACE), 1);
	EXPECT_EQ(ioctl(self->vm, KVM_CHECK_EXTENSION, KVM_CAP_USER_MEMORY), 1);
	EXPECT_EQ(ioctl(self->vm, KVM_CHECK_EXTENSION, KVM_CAP_USER_MEMORY2), 1);
	EXPECT_EQ(ioctl(self->vm, KVM_CHECK_EXTENSION, KVM_CAP_READONLY_MEM), 1);
	EXPECT_EQ(ioctl(self->vm, KVM_CHECK_EXTENSION, KVM_CAP_SYNC_MMU), 1);
}

TEST_F(slots, create_move_delete)
{
	EXPECT_EQ(SET(0, 0, 0, 4 * PAGE, self->memory), 0);
	/* The same again is no change. */
	EXPECT_EQ(SET(0, 0, 0, 4 * PAGE, self->memory), 0);
	EXPECT_EQ(SET(0, 0, 2 * PAGE, 4 * PAGE, self->memory), 0);
	EXPECT_EQ(SET(1, 0, 0, 2 * PAGE, self->memory), 0);
	EXPECT_EQ(SET(2, 0, 6 * PAGE, PAGE, self->memory), 0);
	EXPECT_EQ(SET(0, 0, 1024 * PAGE, 4 * PAGE, self->memory), 0);
	EXPECT_EQ(SET(3, 0, 2 * PAGE, 4 * PAGE, self->memory), 0);
	EXPECT_EQ(SET(0, 0, 0, 0, NULL), 0);
	EXPECT_EQ(SET(0, 0, 0, 0, NULL), EINVAL);
}

TEST_F(slots, overlap)
{
	ASSERT_EQ(SET(0, 0, 16 * PAGE, 16 * PAGE, self->memory), 0);
	ASSERT_EQ(SET(1, 0, 64 * PAGE, 16 * PAGE, self->memory), 0);
	EXPECT_EQ(SET(2, 0, 16 * PAGE, 16 * PAGE, self->memory), EEXIST);
	EXPECT_EQ(SET(2, 0, 15 * PAGE, 2 * PAGE, self->memory), EEXIST);
	EXPECT_EQ(SET(2, 0, 31 * PAGE, PAGE, self->memory), EEXIST);
	EXPECT_EQ(SET(2, 0, 0, 64 * PAGE, self->memory), EEXIST);
	EXPECT_EQ(SET(1, 0, 20 * PAGE, 16 * PAGE, self->memory), EEXIST);
	EXPECT_EQ(SET(1, 0, 63 * PAGE, 16 * PAGE, self->memory), 0);
	EXPECT_EQ(SET(2, 0, 15 * PAGE, PAGE, self->memory), 0);
	EXPECT_EQ(SET(3, 0, 32 * PAGE, PAGE, self->memory), 0);
}

TEST_F(slots, no_change_of_size_memory_or_kind)
{
	ASSERT_EQ(SET(0, 0, 0, 4 * PAGE, self->memory), 0);
	EXPECT_EQ(SET(0, 0, 0, 5 * PAGE, self->memory), EINVAL);
	EXPECT_EQ(SET(0, 0, 0, 4 * PAGE, self->memory + PAGE), EINVAL);
	EXPECT_EQ(SET(0, KVM_MEM_READONLY, 0, 4 * PAGE, self->memory), EINVAL);
}

TEST_F(slots, bad_flags)
{
	uint32_t bit;

	for (bit = 1U << 3; bit; bit <<= 1)
		EXPECT_EQ(SET(0, bit, 0, PAGE, self->memory), EINVAL);
	EXPECT_EQ(SET(0, KVM_MEM_GUEST_MEMFD, 0, PAGE, self->memory), EINVAL);
	EXPECT_EQ(SET(0, KVM_MEM_READONLY, 0, PAGE, self->memory), 0);
}

TEST_F(slots, bad_addresses)
{
	EXPECT_EQ(SET(0, 0, 1, PAGE, self->memory), EINVAL);
	EXPECT_EQ(SET(0, 0, 0, PAGE + 1, self->memory), EINVAL);
	EXPECT_EQ(SET(0, 0, 0, PAGE, self->memory + 8), EINVAL);
	EXPECT_EQ(SET(0, 0, 0, PAGE, (void *)(1ULL << 63)), EINVAL);
	EXPECT_EQ(SET(0, 0, 0, PAGE, (void *)-PAGE), EINVAL);
	EXPECT_EQ(SET(0, 0, 0, 1ULL << 62, self->memory), EINVAL);
	EXPECT_EQ(SET(0, 0, -PAGE, PAGE, self->memory), EINVAL);
	EXPECT_EQ(SET(0, 0, -PAGE, 2 * PAGE, self->memory), EINVAL);
	EXPECT_EQ(SET(0, 0, 1ULL << 52, PAGE, self->memory), EINVAL);
	EXPECT_EQ(SET(0, 0, (1ULL << 52) - PAGE, 2 * PAGE, self->memory), EINVAL);
	EXPECT_EQ(SET(0, 0, 0, 1ULL << 43, NULL), EINVAL);
}

TEST_F(slots, bad_ids)
{
	EXPECT_EQ(SET(32763, 0, 0, PAGE, self->memory), 0);
	EXPECT_EQ(SET(32764, 0, PAGE, PAGE, self->memory), EINVAL);
	EXPECT_EQ(SET(65535, 0, PAGE, PAGE, self->memory), EINVAL);
	EXPECT_EQ(SET(1 << 16, 0, PAGE, PAGE, self->memory), EINVAL);
	EXPECT_EQ(SET(UINT32_MAX, 0, PAGE, PAGE, self->memory), EINVAL);
}

TEST_F(slots, bad_pointer)
{
	EXPECT_EQ(ioctl(self->vm, variant->second ? KVM_SET_USER_MEMORY_REGION2 :
						    KVM_SET_USER_MEMORY_REGION, 8), -1);
	EXPECT_EQ(errno, EFAULT);
}

/* The memory may go before the slot, and the slot before the memory. */
TEST_F(slots, memory_that_goes)
{
	ASSERT_EQ(SET(0, 0, 0, MEMORY, self->memory), 0);
	ASSERT_EQ(munmap(self->memory, MEMORY), 0);
	EXPECT_EQ(SET(0, 0, 0, 0, NULL), 0);
	EXPECT_EQ(SET(0, 0, 0, MEMORY, self->memory), 0);
}

/* Every slot that there can be, over one page; both ioctls end in the same. */
FIXTURE(every) {
	int kvm;
	int vm;
	char *memory;
};

FIXTURE_SETUP(every)
{
	self->kvm = open("/dev/kvm", O_RDWR);
	self->vm = ioctl(self->kvm, KVM_CREATE_VM, 0);
	ASSERT_GE(self->vm, 0);
	self->memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
}

FIXTURE_TEARDOWN(every)
{
	munmap(self->memory, PAGE);
	close(self->vm);
	close(self->kvm);
}

#undef SET
#define SET(...) set_region(self->vm, true, (struct region){ __VA_ARGS__ })

TEST_F_TIMEOUT(every, slot, 300)
{
	uint64_t i;

	for (i = 0; i < 32764; i++)
		ASSERT_EQ(SET(i, 0, 2 * i * PAGE, PAGE, self->memory), 0);
	ASSERT_EQ(SET(0, 0, 2 * PAGE, PAGE, self->memory), EEXIST);
	for (i = 0; i < 32764; i += 2)
		ASSERT_EQ(SET(i, 0, 0, 0, NULL), 0);
	for (i = 0; i < 32764; i += 2)
		ASSERT_EQ(SET(i, 0, (2 * i + 1) * PAGE, PAGE, self->memory), 0);
}

TEST_HARNESS_MAIN
