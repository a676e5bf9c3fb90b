// SPDX-License-Identifier: GPL-2.0
/* A page of 1 GiB; a debug kernel would take minutes over so much memory. */
/* machine: mem=4096 append=hugepagesz=1G append=hugepages=1 stock-only */
#include <linux/mman.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "access.h"
#include "vmstat.h"

static void set_slot(struct guest *guest, char *memory, uint32_t flags)
{
	struct kvm_userspace_memory_region region = {
		.slot = 1, .flags = flags, .guest_phys_addr = AREA, .memory_size = HUGE,
		.userspace_addr = (uint64_t)memory,
	};

	kvm_ioctl_ok(guest->vm, KVM_SET_USER_MEMORY_REGION, &region);
}

TEST(is_mapped_in_one_piece)
{
	struct guest guest;
	uint64_t before;
	char *memory;

	memory = mmap(NULL, HUGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_HUGE_1GB, -1, 0);
	if (memory == MAP_FAILED)
		SKIP(return, "no page of 1 GiB");
	guest_create(&guest);
	access_start(&guest, &guest.vcpu[0]);
	before = kvm_stat(guest.vm, "pages_1g");
	set_slot(&guest, memory, 0);
	guest_write(&guest.vcpu[0], AREA + HUGE - 8, 5);
	EXPECT_EQ(before + 1, kvm_stat(guest.vm, "pages_1g"));
	EXPECT_EQ(5, *(uint64_t *)(memory + HUGE - 8));
	/* The dirty log needs it in small ones, and its end in one again. */
	set_slot(&guest, memory, KVM_MEM_LOG_DIRTY_PAGES);
	EXPECT_EQ(before, kvm_stat(guest.vm, "pages_1g"));
	guest_write(&guest.vcpu[0], AREA, 6);
	EXPECT_EQ(6, *(uint64_t *)memory);
	EXPECT_EQ(5, guest_read(&guest.vcpu[0], AREA + HUGE - 8));
	set_slot(&guest, memory, 0);
	EXPECT_EQ(6, guest_read(&guest.vcpu[0], AREA));
	EXPECT_EQ(before + 1, kvm_stat(guest.vm, "pages_1g"));
	guest_destroy(&guest);
	munmap(memory, HUGE);
}

TEST_HARNESS_MAIN
