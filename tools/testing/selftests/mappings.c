// SPDX-License-Identifier: GPL-2.0
/* Large pages, mappings of plain frames, ageing, and faulting in beforehand. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "access.h"
#include "vmstat.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25	/* younger than the C library */
#endif

FIXTURE(map) {
	struct guest guest;
	struct vcpu *vcpu;
	uint64_t large;
};

FIXTURE_SETUP(map)
{
	guest_create(&self->guest);
	self->vcpu = &self->guest.vcpu[0];
	access_start(&self->guest, self->vcpu);
	self->large = kvm_stat(self->guest.vm, "pages_2m");
}

FIXTURE_TEARDOWN(map)
{
	guest_destroy(&self->guest);
}

#define RUN(...)	access_run(self->vcpu, (struct access){ __VA_ARGS__ }, NULL)
#define LARGE_PAGES()	(kvm_stat(self->guest.vm, "pages_2m") - self->large)

static char *hugetlb(size_t size)
{
	char *memory;

	if (system("echo 16 > /proc/sys/vm/nr_hugepages"))
		return NULL;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	return memory == MAP_FAILED ? NULL : memory;
}

TEST_F(map, hugetlb_2m)
{
	char *memory = hugetlb(4 * LARGE);

	if (!memory)
		SKIP(return, "no huge pages");
	guest_add_memory(&self->guest, 1, AREA, 4 * LARGE, memory, 0);
	ASSERT_EQ(RUN(true, AREA, 1, LARGE, 4), 0);
	EXPECT_EQ(LARGE_PAGES(), 4);
	EXPECT_EQ(*(uint64_t *)(memory + 3 * LARGE), 4);
	/* One goes, and comes back empty. */
	ASSERT_EQ(madvise(memory, LARGE, MADV_DONTNEED), 0);
	EXPECT_EQ(LARGE_PAGES(), 3);
	EXPECT_EQ(guest_read(self->vcpu, AREA), 0);
	munmap(memory, 4 * LARGE);
}

/* Known bug 14: ends that are not aligned, or not alike on both sides. */
TEST_F(map, known_bug_14_slots_that_are_not_aligned)
{
	char *memory = hugetlb(4 * LARGE);

	if (!memory)
		SKIP(return, "no huge pages");
	/* Two whole large pages between half ones. */
	guest_add_memory(&self->guest, 1, AREA + LARGE / 2, 3 * LARGE, memory + LARGE / 2, 0);
	ASSERT_EQ(RUN(true, AREA + LARGE / 2, 1, PAGE, 3 * 512), 0);
	EXPECT_EQ(LARGE_PAGES(), 2);
	/* The same memory one page further: no large page fits. */
	guest_add_memory(&self->guest, 2, 2 * AREA, 2 * LARGE, memory + PAGE * 512 + PAGE, 0);
	ASSERT_EQ(RUN(true, 2 * AREA, 1, PAGE, 1024), 0);
	EXPECT_EQ(LARGE_PAGES(), 2);
	munmap(memory, 4 * LARGE);
}

/* Pages that become one large page are mapped as one. */
TEST_F(map, collapsed_pages)
{
	char *all = mmap(NULL, 2 * LARGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *memory = (char *)(((uintptr_t)all + LARGE - 1) & -LARGE);

	madvise(memory, LARGE, MADV_NOHUGEPAGE);
	guest_add_memory(&self->guest, 1, AREA, LARGE, memory, 0);
	ASSERT_EQ(RUN(true, AREA, 1, PAGE, 512), 0);
	EXPECT_EQ(LARGE_PAGES(), 0);
	madvise(memory, LARGE, MADV_HUGEPAGE);
	if (madvise(memory, LARGE, MADV_COLLAPSE))
		SKIP(return, "no collapse");
	EXPECT_EQ(guest_read(self->vcpu, AREA + 7 * PAGE), 8);
	EXPECT_EQ(LARGE_PAGES(), 1);
	/* And taken apart again when one of them goes. */
	ASSERT_EQ(madvise(memory + PAGE, PAGE, MADV_DONTNEED), 0);
	EXPECT_EQ(guest_read(self->vcpu, AREA + PAGE), 0);
	EXPECT_EQ(guest_read(self->vcpu, AREA + 511 * PAGE), 512);
	EXPECT_EQ(LARGE_PAGES(), 0);
}

/* A device's memory; the larger of what the PCI devices here have. */
static char *map_device(int prot, size_t *size)
{
	DIR *dir = opendir("/sys/bus/pci/devices");
	char *memory = NULL, path[512];
	struct dirent *entry;
	int fd, bar;
	off_t n;

	while (dir && !memory && (entry = readdir(dir))) {
		for (bar = 0; !memory && bar < 6; bar++) {
			snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource%d",
				 entry->d_name, bar);
			fd = open(path, O_RDWR);
			if (fd < 0)
				continue;
			n = lseek(fd, 0, SEEK_END);
			memory = n < 1 << 20 ? MAP_FAILED :
				 mmap(NULL, n, prot, MAP_SHARED, fd, 0);
			if (memory == MAP_FAILED)
				memory = NULL;
			*size = n;
			close(fd);
		}
	}
	if (dir)
		closedir(dir);
	return memory;
}

/* Known bug 5, CVE-2021-22543: frames without a count, and their protection. */
TEST_F(map, known_bug_5_pfnmap)
{
	size_t size;
	char *memory = map_device(PROT_READ | PROT_WRITE, &size);

	if (!memory)
		SKIP(return, "no device with memory");
	guest_add_memory(&self->guest, 1, AREA, size, memory, 0);
	guest_write(self->vcpu, AREA + 5 * PAGE, 0x1234);
	EXPECT_EQ(*(volatile uint64_t *)(memory + 5 * PAGE), 0x1234);
	ASSERT_EQ(munmap(memory, size), 0);
	EXPECT_EQ(RUN(true, AREA + 5 * PAGE, 1, 8, 1), EFAULT);
	EXPECT_EQ(self->vcpu->run->exit_reason, KVM_EXIT_MEMORY_FAULT);
}

/* The kernel maps the clock's data for everybody, as frames, to be read. */
static void *find_vvar(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long start = 0;
	char line[256];

	while (maps && fgets(line, sizeof(line), maps))
		if (strstr(line, "[vvar]"))
			sscanf(line, "%lx", &start);
	if (maps)
		fclose(maps);
	return (void *)start;
}

TEST_F(map, pfnmap_that_may_only_be_read)
{
	void *vvar = find_vvar();

	if (!vvar)
		SKIP(return, "no vvar");
	guest_add_memory(&self->guest, 1, AREA, PAGE, vvar, 0);
	EXPECT_EQ(RUN(false, AREA, 0, 8, 1), 0);
	EXPECT_EQ(RUN(true, AREA, 1, 8, 1), EFAULT);
	EXPECT_EQ(self->vcpu->run->exit_reason, KVM_EXIT_MEMORY_FAULT);
}

/* Known bug 6, CVE-2022-1158: the guest's page tables in such memory. */
TEST_F(map, known_bug_6_page_tables_in_a_pfnmap)
{
	struct kvm_sregs sregs;
	size_t size;
	char *memory = map_device(PROT_READ | PROT_WRITE, &size);

	if (!memory)
		SKIP(return, "no device with memory");
	memcpy(memory, self->guest.mem + GUEST_PML4, 6 * PAGE);
	((uint64_t *)memory)[0] = (AREA + PAGE) | 7;
	for (int i = 0; i < 4; i++)
		((uint64_t *)memory)[512 + i] = (AREA + (2 + i) * PAGE) | 7;
	guest_add_memory(&self->guest, 1, AREA, size, memory, 0);
	vcpu_get_sregs(self->vcpu, &sregs);
	sregs.cr3 = AREA;
	vcpu_set_sregs(self->vcpu, &sregs);
	guest_write(self->vcpu, GUEST_MEM - 8, 77);
	EXPECT_EQ(*(uint64_t *)(self->guest.mem + GUEST_MEM - 8), 77);
	munmap(memory, size);
}

static int idle_bit(int file, uint64_t pfn, bool set)
{
	uint64_t word;

	if (set) {
		word = 1ULL << pfn % 64;
		return pwrite(file, &word, 8, pfn / 64 * 8) != 8;
	}
	if (pread(file, &word, 8, pfn / 64 * 8) != 8)
		return -1;
	return word >> pfn % 64 & 1;
}

/* The host's ageing sees that the guest uses a page. */
TEST_F(map, ageing)
{
	int idle = open("/sys/kernel/mm/page_idle/bitmap", O_RDWR);
	int pagemap = open("/proc/self/pagemap", O_RDONLY);
	uint64_t *memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t pfn;

	if (idle < 0)
		SKIP(return, "no idle page tracking");
	madvise(memory, PAGE, MADV_NOHUGEPAGE);
	guest_add_memory(&self->guest, 1, AREA, PAGE, memory, 0);
	guest_write(self->vcpu, AREA, 1);
	ASSERT_EQ(pread(pagemap, &pfn, 8, (uint64_t)memory / PAGE * 8), 8);
	pfn &= (1ULL << 55) - 1;
	ASSERT_EQ(idle_bit(idle, pfn, true), 0);
	EXPECT_EQ(idle_bit(idle, pfn, false), 1);
	/* Some other memory, so that the translation is not cached. */
	ASSERT_EQ(RUN(true, AREA, 1, 8, 1), 0);
	EXPECT_EQ(idle_bit(idle, pfn, false), 0);
	close(idle);
	close(pagemap);
}

/* KVM_SET_NR_MMU_PAGES: a guest that needs more page tables goes on with fewer. */
TEST_F(map, limit_of_page_tables)
{
	const uint64_t places = 200;
	uint64_t sum, mapped = kvm_stat(self->guest.vm, "pages_4k");
	char *memory = mmap(NULL, places * LARGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	EXPECT_EQ(ioctl(self->guest.vm, KVM_CHECK_EXTENSION, KVM_CAP_MMU_SHADOW_CACHE_CONTROL), 1);
	EXPECT_EQ(ioctl(self->guest.vm, KVM_SET_NR_MMU_PAGES, 63), -1);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(ioctl(self->guest.vm, KVM_GET_NR_MMU_PAGES, 0), -1);
	EXPECT_EQ(errno, ENOTTY);
	ASSERT_EQ(ioctl(self->guest.vm, KVM_SET_NR_MMU_PAGES, 64), 0);
	madvise(memory, places * LARGE, MADV_NOHUGEPAGE);
	guest_add_memory(&self->guest, 1, AREA, places * LARGE, memory, 0);
	/* Each has a table of its own. */
	ASSERT_EQ(RUN(true, AREA, 1, LARGE, places), 0);
	EXPECT_LT(kvm_stat(self->guest.vm, "pages_4k"), mapped + 64);
	ASSERT_EQ(access_run(self->vcpu, (struct access){ false, AREA, 0, LARGE, places },
			     &sum), 0);
	EXPECT_EQ(sum, places * (places + 1) / 2);
	munmap(memory, places * LARGE);
}

static int pre_fault(struct vcpu *vcpu, uint64_t *gpa, uint64_t *size)
{
	struct kvm_pre_fault_memory range = { .gpa = *gpa, .size = *size };
	int r = ioctl(vcpu->fd, KVM_PRE_FAULT_MEMORY, &range) ? errno : 0;

	*gpa = range.gpa;
	*size = range.size;
	return r;
}

TEST_F(map, pre_fault)
{
	struct kvm_pre_fault_memory range = { .gpa = AREA, .size = PAGE, .flags = 1 };
	struct kvm_userspace_memory_region gone = { .slot = 1 };
	uint64_t gpa = AREA, size = 8 * PAGE, before;

	guest_add_memory(&self->guest, 1, AREA, 16 * PAGE, NULL, 0);
	before = kvm_stat(self->guest.vm, "pages_4k");
	EXPECT_EQ(pre_fault(self->vcpu, &gpa, &size), 0);
	EXPECT_EQ(gpa, AREA + 8 * PAGE);
	EXPECT_EQ(size, 0);
	EXPECT_GE(kvm_stat(self->guest.vm, "pages_4k"), before + 8);

	/* Into what is not there: as far as it goes, then the error. */
	size = 16 * PAGE;
	EXPECT_EQ(pre_fault(self->vcpu, &gpa, &size), 0);
	EXPECT_EQ(gpa, AREA + 16 * PAGE);
	EXPECT_EQ(size, 8 * PAGE);
	EXPECT_EQ(pre_fault(self->vcpu, &gpa, &size), ENOENT);

	EXPECT_EQ(ioctl(self->vcpu->fd, KVM_PRE_FAULT_MEMORY, &range), -1);
	EXPECT_EQ(errno, EINVAL);
	gpa = AREA + 1;
	size = PAGE;
	EXPECT_EQ(pre_fault(self->vcpu, &gpa, &size), EINVAL);
	gpa = -PAGE;
	size = 2 * PAGE;
	EXPECT_EQ(pre_fault(self->vcpu, &gpa, &size), EINVAL);
	gpa = AREA;
	size = 0;
	EXPECT_EQ(pre_fault(self->vcpu, &gpa, &size), EINVAL);

	/* A slot that went, and a vCPU that has not run since: it returns. */
	ASSERT_EQ(ioctl(self->guest.vm, KVM_SET_USER_MEMORY_REGION, &gone), 0);
	size = PAGE;
	EXPECT_EQ(pre_fault(self->vcpu, &gpa, &size), ENOENT);
}

/* Known bug 10, CVE-2021-47639: munmap() while everything is being unmapped. */
static void *toggle_slot(void *data)
{
	struct guest *guest = data;
	struct kvm_userspace_memory_region region = {
		.slot = 2, .guest_phys_addr = 2 * AREA, .memory_size = GUEST_MEM,
		.userspace_addr = (uint64_t)guest->mem,
	};
	int i;

	for (i = 0; i < 400; i++) {
		region.memory_size = i % 2 ? 0 : GUEST_MEM;
		kvm_ioctl_ok(guest->vm, KVM_SET_USER_MEMORY_REGION, &region);
	}
	return NULL;
}

TEST_F_TIMEOUT(map, known_bug_10_unmapped_while_slots_go, 60)
{
	char *memory = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t thread;
	int i;

	guest_add_memory(&self->guest, 1, AREA, 64 * PAGE, memory, 0);
	pthread_create(&thread, NULL, toggle_slot, &self->guest);
	for (i = 0; i < 200; i++) {
		ASSERT_EQ(RUN(true, AREA, i + 1, PAGE, 64), 0);
		ASSERT_EQ(*(uint64_t *)memory, i + 1);
		ASSERT_EQ(madvise(memory, 64 * PAGE, MADV_DONTNEED), 0);
		ASSERT_EQ(guest_read(self->vcpu, AREA + 63 * PAGE), 0);
	}
	pthread_join(thread, NULL);
}

TEST_HARNESS_MAIN
