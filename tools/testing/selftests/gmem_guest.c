// SPDX-License-Identifier: GPL-2.0
/* What a guest sees of guest_memfd: private, shared, punched, closed, linked, moved. */
/* machine: timeout=240 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "agent.h"
#include "gmem.h"
#include "vmstat.h"

#define SLOT	3
#define GPA	0x40000000UL
#define SIZE	(2 * HUGE)
#define PRIVATE	KVM_MEMORY_EXIT_FLAG_PRIVATE

/* A guest with a slot that shows a guest_memfd. */
struct side {
	struct agent agent;
	int vm, fd;
	uint8_t *mem;	/* the shared side of the slot */
};

static void open_side(struct side *side, unsigned long type, uint64_t flags)
{
	agent_create(&side->agent, type, 1);
	side->vm = side->agent.guest.vm;
	side->fd = flags == ~0UL ? -1 : create_gmem(side->vm, SIZE, flags);
	side->mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static int bind(struct side *side, uint64_t gpa)
{
	return set_gmem_slot(side->vm, SLOT, gpa, SIZE, side->mem, side->fd, 0);
}

static void close_side(struct side *side)
{
	agent_destroy(&side->agent);
	munmap(side->mem, SIZE);
	close(side->fd);
}

static uint64_t *at(struct side *side, uint64_t offset)
{
	return (uint64_t *)(side->mem + offset);
}

#define LOAD(side, offset)	agent_load(&(side)->agent, GPA + (offset))
#define STORE(side, offset, v)	agent_store(&(side)->agent, GPA + (offset), v)

#define EXPECT_FAULT(side, offset, error, flags) do {			\
	uint64_t __value = 0;						\
	EXPECT_EQ(agent_read(&(side)->agent, 0, GPA + (offset), &__value), error); \
	EXPECT_TRUE(agent_saw_memory_fault(&(side)->agent, GPA + (offset), flags)); \
} while (0)

FIXTURE(private) {
	struct side side;
};

FIXTURE_SETUP(private)
{
	open_side(&self->side, KVM_X86_SW_PROTECTED_VM, 0);
	ASSERT_EQ(bind(&self->side, GPA), 0);
}

FIXTURE_TEARDOWN(private)
{
	close_side(&self->side);
}

/* Two memories behind one address; each keeps what it has. */
TEST_F(private, and_shared)
{
	struct side *side = &self->side;
	int i;

	STORE(side, 8, 0x1111);
	EXPECT_EQ(*at(side, 8), 0x1111);
	EXPECT_EQ(gmem_used(side->fd), 0);
	ASSERT_EQ(set_private(side->vm, GPA, SIZE, true), 0);
	EXPECT_EQ(LOAD(side, 8), 0);
	STORE(side, 8, 0x2222);
	EXPECT_EQ(*at(side, 8), 0x1111);
	EXPECT_EQ(gmem_used(side->fd), HUGE);
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(set_private(side->vm, GPA, PAGE, false), 0);
		EXPECT_EQ(LOAD(side, 8), 0x1111);
		ASSERT_EQ(set_private(side->vm, GPA, PAGE, true), 0);
		EXPECT_EQ(LOAD(side, 8), 0x2222);
	}
}

/* Every second page shared, in the midst of what had been one large mapping. */
TEST_F(private, mixed)
{
	struct side *side = &self->side;
	uint64_t offset;

	ASSERT_EQ(set_private(side->vm, GPA, SIZE, true), 0);
	for (offset = 0; offset < SIZE; offset += PAGE) {
		STORE(side, offset, ~offset);
		*at(side, offset) = offset;
	}
	for (offset = PAGE; offset < SIZE; offset += 2 * PAGE)
		ASSERT_EQ(set_private(side->vm, GPA + offset, PAGE, false), 0);
	for (offset = 0; offset < SIZE; offset += PAGE)
		EXPECT_EQ(LOAD(side, offset), offset / PAGE % 2 ? offset : ~offset);
	ASSERT_EQ(set_private(side->vm, GPA, SIZE, true), 0);
	for (offset = 0; offset < SIZE; offset += PAGE)
		EXPECT_EQ(LOAD(side, offset), ~offset);
	ASSERT_EQ(set_private(side->vm, GPA, SIZE, false), 0);
	for (offset = 0; offset < SIZE; offset += PAGE)
		EXPECT_EQ(LOAD(side, offset), offset);
}

/* CVE-2024-26991: attributes beyond the ends of slots that end anywhere. */
TEST_F(private, cve_2024_26991_unaligned_ends)
{
	struct side *side = &self->side;
	uint64_t gpa = GPA + 0x10000000 + 3 * PAGE, size = HUGE + 5 * PAGE, offset;
	int fd = create_gmem(side->vm, size, 0);
	uint8_t *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_EQ(set_gmem_slot(side->vm, SLOT + 1, gpa, size, mem, fd, 0), 0);
	ASSERT_EQ(set_private(side->vm, gpa & -HUGE, 4 * HUGE, true), 0);
	for (offset = 0; offset < size; offset += PAGE)
		agent_store(&side->agent, gpa + offset, ~offset);
	ASSERT_EQ(set_private(side->vm, 0, 1UL << 40, true), 0);
	ASSERT_EQ(set_private(side->vm, 0, GPA, false), 0);
	ASSERT_EQ(set_private(side->vm, gpa - PAGE, 2 * PAGE, false), 0);
	ASSERT_EQ(set_private(side->vm, gpa + size - PAGE, 2 * PAGE, false), 0);
	for (offset = 0; offset < size; offset += PAGE)
		EXPECT_EQ(agent_load(&side->agent, gpa + offset),
			  !offset || offset == size - PAGE ? 0 : ~offset);
	close(fd);
	munmap(mem, size);
}

TEST_F(private, no_guest_memfd)
{
	struct side *side = &self->side;
	uint8_t *mem = guest_add_memory(&side->agent.guest, SLOT + 1, GPA + SIZE, PAGE, NULL, 0);

	agent_store(&side->agent, GPA + SIZE, 1);
	ASSERT_EQ(set_private(side->vm, GPA + SIZE, PAGE, true), 0);
	EXPECT_FAULT(side, SIZE + 24, EFAULT, PRIVATE);
	EXPECT_EQ(*(uint64_t *)mem, 1);
	ASSERT_EQ(set_private(side->vm, GPA + SIZE, PAGE, false), 0);
	EXPECT_EQ(agent_load(&side->agent, GPA + SIZE), 1);
}

/* No slot at all: private memory is never MMIO. */
TEST_F(private, no_slot)
{
	struct side *side = &self->side;

	ASSERT_EQ(set_private(side->vm, GPA + SIZE, PAGE, true), 0);
	EXPECT_FAULT(side, SIZE, EFAULT, PRIVATE);
	ASSERT_EQ(set_gmem_slot(side->vm, SLOT, 0, 0, NULL, -1, 0), 0);
	ASSERT_EQ(set_private(side->vm, GPA, PAGE, true), 0);
	EXPECT_FAULT(side, 0, EFAULT, PRIVATE);
}

TEST_F(private, punch)
{
	struct side *side = &self->side;

	ASSERT_EQ(set_private(side->vm, GPA, SIZE, true), 0);
	STORE(side, 0, 1);
	STORE(side, PAGE, 2);
	STORE(side, HUGE, 3);
	EXPECT_EQ(gmem_punch(side->fd, PAGE, PAGE), 0);
	EXPECT_EQ(LOAD(side, 0), 1);
	EXPECT_EQ(LOAD(side, PAGE), 0);
	EXPECT_EQ(LOAD(side, HUGE), 3);
	EXPECT_EQ(gmem_punch(side->fd, 0, SIZE), 0);
	EXPECT_EQ(gmem_used(side->fd), 0);
	EXPECT_EQ(LOAD(side, 0), 0);
	EXPECT_EQ(LOAD(side, HUGE), 0);
}

/* Part of a file, not from its beginning. */
TEST_F(private, offset)
{
	struct side *side = &self->side;
	uint64_t gpa = GPA + SIZE;
	int fd = create_gmem(side->vm, SIZE, 0);

	ASSERT_EQ(set_gmem_slot(side->vm, SLOT + 1, gpa, 4 * PAGE, side->mem, fd, HUGE), 0);
	ASSERT_EQ(set_gmem_slot(side->vm, SLOT + 2, gpa + HUGE, 4 * PAGE, side->mem, fd, PAGE), 0);
	ASSERT_EQ(set_private(side->vm, gpa, SIZE, true), 0);
	agent_store(&side->agent, gpa + PAGE, 1);
	agent_store(&side->agent, gpa + HUGE + PAGE, 2);
	EXPECT_EQ(gmem_punch(fd, HUGE, PAGE), 0);
	EXPECT_EQ(gmem_punch(fd, HUGE + 2 * PAGE, HUGE - 2 * PAGE), 0);
	EXPECT_EQ(gmem_punch(fd, 0, 2 * PAGE), 0);
	EXPECT_EQ(gmem_punch(fd, 3 * PAGE, HUGE - 3 * PAGE), 0);
	EXPECT_EQ(agent_load(&side->agent, gpa + PAGE), 1);
	EXPECT_EQ(agent_load(&side->agent, gpa + HUGE + PAGE), 2);
	EXPECT_EQ(gmem_punch(fd, HUGE + PAGE, PAGE), 0);
	EXPECT_EQ(gmem_punch(fd, 2 * PAGE, PAGE), 0);
	EXPECT_EQ(agent_load(&side->agent, gpa + PAGE), 0);
	EXPECT_EQ(agent_load(&side->agent, gpa + HUGE + PAGE), 0);
	close(fd);
}

/*
 * Pages come in blocks, of which a fault maps more than the one that was asked
 * for: never what is not in the slot, and never what stands elsewhere in it.
 */
TEST_F(private, blocks_across_the_edge)
{
	struct side *side = &self->side;
	uint64_t gpa = GPA + SIZE, i;
	/* Too small for 2 MiB at once. */
	int fd = create_gmem(side->vm, 64 * PAGE, 0);

	/* Aligned as the file is, but from the fifth page on; and not aligned alike. */
	ASSERT_EQ(set_gmem_slot(side->vm, SLOT + 1, gpa + 4 * PAGE, 8 * PAGE, side->mem, fd,
				4 * PAGE), 0);
	ASSERT_EQ(set_gmem_slot(side->vm, SLOT + 2, gpa + HUGE, 32 * PAGE, side->mem, fd,
				21 * PAGE), 0);
	ASSERT_EQ(set_private(side->vm, gpa, SIZE, true), 0);
	agent_store(&side->agent, gpa + 6 * PAGE, 6);
	EXPECT_FAULT(side, gpa - GPA + 3 * PAGE, EFAULT, PRIVATE);
	EXPECT_FAULT(side, gpa - GPA + 12 * PAGE, EFAULT, PRIVATE);
	/* From the end, so that the blocks do not happen to stand in order in memory. */
	for (i = 32; i-- > 0;)
		agent_store(&side->agent, gpa + HUGE + i * PAGE, 100 + i);
	EXPECT_EQ(agent_load(&side->agent, gpa + 6 * PAGE), 6);
	EXPECT_EQ(gmem_punch(fd, 21 * PAGE, PAGE), 0);
	EXPECT_EQ(agent_load(&side->agent, gpa + HUGE), 0);
	/* Through a slot that is aligned it must be what it was. */
	ASSERT_EQ(set_gmem_slot(side->vm, SLOT + 2, 0, 0, NULL, -1, 0), 0);
	ASSERT_EQ(set_gmem_slot(side->vm, SLOT + 2, gpa + HUGE, 48 * PAGE, side->mem, fd,
				16 * PAGE), 0);
	for (i = 1; i < 32; i++)
		EXPECT_EQ(agent_load(&side->agent, gpa + HUGE + (5 + i) * PAGE), 100 + i);
	close(fd);
}

/* Small mappings give way to a large one, and none of them is left behind. */
TEST_F(private, large_again)
{
	struct side *side = &self->side;
	unsigned long small = kvm_stat(side->vm, "pages_4k");

	ASSERT_EQ(set_private(side->vm, GPA, SIZE, true), 0);
	STORE(side, 0, 1);
	if (kvm_stat(side->vm, "pages_2m") == 0)
		SKIP(return, "no large pages");
	ASSERT_EQ(set_private(side->vm, GPA, PAGE, false), 0);
	STORE(side, PAGE, 2);
	ASSERT_EQ(set_private(side->vm, GPA, PAGE, true), 0);
	STORE(side, 2 * PAGE, 3);
	EXPECT_EQ(LOAD(side, 0), 1);
	EXPECT_EQ(LOAD(side, PAGE), 2);
	EXPECT_GT(kvm_stat(side->vm, "pages_2m"), 0);
	EXPECT_EQ(kvm_stat(side->vm, "pages_4k"), small);
}

/* The last close while the slot is there: unmapped, and every access says so. */
TEST_F(private, closed)
{
	struct side *side = &self->side;
	int copy, others[200];
	unsigned int i;

	ASSERT_EQ(set_private(side->vm, GPA, SIZE, true), 0);
	STORE(side, 0, 1);
	STORE(side, HUGE, 2);
	copy = dup(side->fd);
	close(side->fd);
	EXPECT_EQ(LOAD(side, 0), 1);
	close(copy);
	/* One of them is made of the memory that the file was. */
	for (i = 0; i < ARRAY_SIZE(others); i++)
		others[i] = open("/dev/null", O_RDONLY);
	EXPECT_FAULT(side, 0, EFAULT, PRIVATE);
	EXPECT_FAULT(side, HUGE, EFAULT, PRIVATE);
	EXPECT_FAULT(side, PAGE, EFAULT, PRIVATE);

	/* The shared side is still there. */
	ASSERT_EQ(set_private(side->vm, GPA, PAGE, false), 0);
	STORE(side, 0, 3);
	EXPECT_EQ(*at(side, 0), 3);

	ASSERT_EQ(set_private(side->vm, GPA, PAGE, true), 0);
	EXPECT_EQ(set_gmem_slot(side->vm, SLOT, 0, 0, NULL, -1, 0), 0);
	side->fd = create_gmem(side->vm, SIZE, 0);
	ASSERT_EQ(bind(side, GPA), 0);
	EXPECT_EQ(LOAD(side, 0), 0);
}

static int pre_fault(struct side *side, uint64_t *gpa, uint64_t *size)
{
	struct kvm_pre_fault_memory range = { .gpa = *gpa, .size = *size };
	int r = ioctl(side->agent.guest.vcpu[0].fd, KVM_PRE_FAULT_MEMORY, &range) ? errno : 0;

	*gpa = range.gpa;
	*size = range.size;
	return r;
}

#define EXPECT_PRE_FAULT(side, from, length, error, left) do {	\
	uint64_t __gpa = (from), __size = (length);		\
	EXPECT_EQ(pre_fault(side, &__gpa, &__size), error);	\
	EXPECT_EQ(__size, left);				\
	EXPECT_EQ(__gpa, (from) + (length) - (left));		\
} while (0)

/* KVM_PRE_FAULT_MEMORY allocates and maps what the guest then finds there. */
TEST_F(private, pre_fault)
{
	struct side *side = &self->side;
	struct guest *guest = &side->agent.guest;
	uint64_t faults;

	/* What the agent itself touches is mapped now. */
	EXPECT_EQ(LOAD(side, 0), 0);
	/* Shared: the slot's other side. */
	EXPECT_PRE_FAULT(side, GPA, SIZE, 0, 0UL);
	EXPECT_EQ(gmem_used(side->fd), 0);
	ASSERT_EQ(set_private(side->vm, GPA, SIZE, true), 0);
	EXPECT_PRE_FAULT(side, GPA + PAGE, PAGE, 0, 0UL);
	EXPECT_EQ(gmem_used(side->fd), HUGE);
	EXPECT_PRE_FAULT(side, GPA, SIZE, 0, 0UL);
	EXPECT_EQ(gmem_used(side->fd), SIZE);
	faults = kvm_stat(guest->vcpu[0].fd, "pf_taken");
	EXPECT_EQ(LOAD(side, 0), 0);
	STORE(side, SIZE - 8, 5);
	EXPECT_EQ(kvm_stat(guest->vcpu[0].fd, "pf_taken"), faults);

	/* Mixed, page by page, each from where it belongs. */
	ASSERT_EQ(set_private(side->vm, GPA + PAGE, PAGE, false), 0);
	*at(side, PAGE) = 7;
	EXPECT_PRE_FAULT(side, GPA, SIZE, 0, 0UL);
	faults = kvm_stat(guest->vcpu[0].fd, "pf_taken");
	EXPECT_EQ(LOAD(side, PAGE), 7);
	EXPECT_EQ(LOAD(side, 2 * PAGE), 0);
	EXPECT_EQ(LOAD(side, SIZE - 8), 5);
	EXPECT_EQ(kvm_stat(guest->vcpu[0].fd, "pf_taken"), faults);

	/* As far as the slot, then as far as there is a file. */
	ASSERT_EQ(set_private(side->vm, GPA, 2 * SIZE, true), 0);
	EXPECT_PRE_FAULT(side, GPA, SIZE + PAGE, 0, PAGE);
	EXPECT_PRE_FAULT(side, GPA + SIZE, PAGE, EFAULT, PAGE);
	close(side->fd);
	EXPECT_PRE_FAULT(side, GPA, SIZE, EFAULT, SIZE);
	side->fd = -1;
}

/* Not before it is moved. */
TEST_F(private, pre_fault_of_a_link)
{
	struct side to;

	open_side(&to, KVM_X86_SW_PROTECTED_VM, ~0UL);
	to.fd = link_gmem(to.vm, self->side.fd, 0);
	ASSERT_EQ(bind(&to, GPA), 0);
	ASSERT_EQ(set_private(self->side.vm, GPA, SIZE, true), 0);
	ASSERT_EQ(set_private(to.vm, GPA, SIZE, true), 0);
	EXPECT_PRE_FAULT(&to, GPA, SIZE, EFAULT, SIZE);
	EXPECT_EQ(gmem_used(to.fd), 0);
	ASSERT_EQ(move_vm(to.vm, self->side.vm), 0);
	EXPECT_PRE_FAULT(&to, GPA, SIZE, 0, 0UL);
	EXPECT_EQ(gmem_used(to.fd), SIZE);
	close_side(&to);
}

FIXTURE(shared) {
	struct side side;
};

FIXTURE_SETUP(shared)
{
	open_side(&self->side, KVM_X86_DEFAULT_VM, GMEM_SHARED);
	munmap(self->side.mem, SIZE);
	self->side.mem = gmem_map(self->side.fd, SIZE);
	ASSERT_NE(self->side.mem, MAP_FAILED);
	ASSERT_EQ(bind(&self->side, GPA), 0);
}

FIXTURE_TEARDOWN(shared)
{
	close_side(&self->side);
}

/* Guest and userspace see the same pages, whoever touches them first. */
TEST_F(shared, both_ways)
{
	struct side *side = &self->side;
	uint64_t offset;

	for (offset = 0; offset < SIZE; offset += PAGE) {
		STORE(side, offset, offset + 1);
		EXPECT_EQ(*at(side, offset), offset + 1);
		*at(side, offset + 8) = offset + 2;
		EXPECT_EQ(LOAD(side, offset + 8), offset + 2);
	}
	EXPECT_EQ(gmem_used(side->fd), SIZE);
	EXPECT_EQ(gmem_punch(side->fd, PAGE, HUGE), 0);
	EXPECT_EQ(LOAD(side, 0), 1);
	EXPECT_EQ(LOAD(side, PAGE), 0);
	EXPECT_EQ(*at(side, HUGE), 0);
	EXPECT_EQ(*at(side, HUGE + PAGE), HUGE + PAGE + 1);
}

/* What is mapped with the page that is touched first stands in its place. */
TEST_F(shared, block_around_a_page)
{
	struct side *side = &self->side;
	uint64_t i;

	/* With this page there the file has no room for a block of 2 MiB. */
	ASSERT_EQ(gmem_allocate(side->fd, 0, PAGE), 0);
	for (i = 16; i < 32; i++)
		*at(side, i * PAGE) = i;
	EXPECT_EQ(LOAD(side, 23 * PAGE), 23);
	for (i = 16; i < 32; i++)
		EXPECT_EQ(LOAD(side, i * PAGE), i);
}

/* The mapping in userspace is not what the guest's pages come from. */
TEST_F(shared, without_mapping)
{
	struct side *side = &self->side;

	STORE(side, 0, 1);
	ASSERT_EQ(munmap(side->mem, SIZE), 0);
	EXPECT_EQ(LOAD(side, 0), 1);
	STORE(side, HUGE, 2);
	side->mem = gmem_map(side->fd, SIZE);
	EXPECT_EQ(*at(side, HUGE), 2);
	close(side->fd);
	EXPECT_EQ(LOAD(side, 0), 1);
	munmap(side->mem, SIZE);
	EXPECT_FAULT(side, 0, EFAULT, 0);
	side->fd = -1;
}

/* A broken page: the guest's access ends with EHWPOISON; its neighbours live on. */
TEST_F(shared, hardware_poison)
{
	struct side *side = &self->side;

	STORE(side, 0, 1);
	STORE(side, PAGE, 2);
	if (madvise(side->mem + PAGE, PAGE, MADV_HWPOISON) && errno == EINVAL)
		SKIP(return, "the kernel has no memory failure handling");
	EXPECT_FAULT(side, PAGE, EHWPOISON, 0);
	EXPECT_EQ(LOAD(side, 0), 1);
	EXPECT_EQ(LOAD(side, 2 * PAGE), 0);
	EXPECT_EQ(gmem_punch(side->fd, PAGE, PAGE), 0);
	EXPECT_EQ(LOAD(side, PAGE), 0);
}

/* The same where only the file knows of the guest: the address of the slot is elsewhere. */
TEST_F(shared, hardware_poison_behind_a_slot)
{
	struct side *side = &self->side;
	uint64_t gpa = GPA + SIZE;
	int fd = create_gmem(side->vm, HUGE, GMEM_SHARED);
	uint8_t *map = gmem_map(fd, HUGE);
	uint8_t *mem = mmap(NULL, HUGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(map, MAP_FAILED);
	ASSERT_EQ(set_gmem_slot(side->vm, SLOT + 1, gpa, HUGE, mem, fd, 0), 0);
	agent_store(&side->agent, gpa, 1);
	agent_store(&side->agent, gpa + PAGE, 2);
	*(volatile uint8_t *)(map + PAGE) = 3;
	if (madvise(map + PAGE, PAGE, MADV_HWPOISON) && errno == EINVAL)
		SKIP(return, "the kernel has no memory failure handling");
	EXPECT_FAULT(side, SIZE + PAGE, EHWPOISON, 0);
	EXPECT_EQ(agent_load(&side->agent, gpa), 1);
	munmap(map, HUGE);
	munmap(mem, HUGE);
	close(fd);
}

/* Two live VMs, each at its own address, pass messages through one page. */
TEST_F(shared, between_two_vms)
{
	struct side *one = &self->side, two;
	uint64_t elsewhere = GPA + 0x20000000, i;

	open_side(&two, KVM_X86_DEFAULT_VM, ~0UL);
	two.fd = link_gmem(two.vm, one->fd, KVM_LINK_GUEST_MEMFD_SHARED);
	ASSERT_GE(two.fd, 0);
	ASSERT_EQ(bind(&two, elsewhere), 0);

	for (i = 1; i < 200; i++) {
		STORE(one, i * 64, i);
		ASSERT_EQ(agent_load(&two.agent, elsewhere + i * 64), i);
		agent_store(&two.agent, elsewhere + HUGE + i * 64, ~i);
		ASSERT_EQ(LOAD(one, HUGE + i * 64), ~i);
	}

	/* A hole of the owner's is one in both. */
	EXPECT_EQ(gmem_punch(one->fd, 0, HUGE), 0);
	EXPECT_EQ(agent_load(&two.agent, elsewhere + 64), 0);
	EXPECT_ERROR(gmem_punch(two.fd, 0, HUGE), EPERM);

	/* The other dies in the middle; then the owner of a second. */
	close_side(&two);
	EXPECT_EQ(LOAD(one, HUGE + 64), ~1UL);
	open_side(&two, KVM_X86_DEFAULT_VM, ~0UL);
	two.fd = link_gmem(two.vm, one->fd, KVM_LINK_GUEST_MEMFD_SHARED);
	ASSERT_EQ(bind(&two, elsewhere), 0);
	close_side(one);
	EXPECT_EQ(agent_load(&two.agent, elsewhere + HUGE + 64), ~1UL);
	close_side(&two);
	open_side(one, KVM_X86_DEFAULT_VM, 0);
}

/* The owner closes its file; the other VM goes on with the pages. */
TEST_F(shared, owner_closes)
{
	struct side *one = &self->side, two;

	STORE(one, 0, 1);
	open_side(&two, KVM_X86_DEFAULT_VM, ~0UL);
	two.fd = link_gmem(two.vm, one->fd, KVM_LINK_GUEST_MEMFD_SHARED);
	ASSERT_EQ(bind(&two, GPA), 0);
	munmap(one->mem, SIZE);
	close(one->fd);
	EXPECT_FAULT(one, 0, EFAULT, 0);
	EXPECT_EQ(LOAD(&two, 0), 1);
	close_side(&two);
	open_side(one, KVM_X86_DEFAULT_VM, 0);
}

/* Private memory and its attributes go over to another VM, byte for byte. */
TEST_F(private, moved)
{
	struct side *from = &self->side, to;
	uint64_t offset;

	ASSERT_EQ(set_private(from->vm, GPA, SIZE, true), 0);
	for (offset = 0; offset < SIZE; offset += PAGE)
		STORE(from, offset, offset + 1);
	ASSERT_EQ(set_private(from->vm, GPA + PAGE, PAGE, false), 0);

	open_side(&to, KVM_X86_SW_PROTECTED_VM, ~0UL);
	to.fd = link_gmem(to.vm, from->fd, 0);
	ASSERT_EQ(bind(&to, GPA), 0);

	/* Not before it is moved, whatever the attributes. */
	*at(&to, 0) = 77;
	EXPECT_EQ(LOAD(&to, 0), 77);
	ASSERT_EQ(set_private(to.vm, GPA + HUGE, PAGE, true), 0);
	EXPECT_FAULT(&to, HUGE, EFAULT, PRIVATE);

	ASSERT_EQ(move_vm(to.vm, from->vm), 0);
	for (offset = 0; offset < SIZE; offset += PAGE)
		EXPECT_EQ(LOAD(&to, offset), offset == PAGE ? 0 : offset + 1);
	ASSERT_EQ(set_private(to.vm, GPA + PAGE, PAGE, true), 0);
	EXPECT_EQ(LOAD(&to, PAGE), PAGE + 1);
	munmap(from->mem, SIZE);
	close(from->fd);
	EXPECT_EQ(LOAD(&to, HUGE), HUGE + 1);
	STORE(&to, HUGE, 5);
	close_side(&to);
	open_side(from, 0, 0);
}

/* A shared link sees at once, and through it a move changes nothing. */
TEST_F(shared, moved)
{
	struct side *from = &self->side, to, third;

	STORE(from, 0, 1);
	open_side(&to, KVM_X86_DEFAULT_VM, ~0UL);
	open_side(&third, KVM_X86_DEFAULT_VM, ~0UL);
	to.fd = link_gmem(to.vm, from->fd, 0);
	third.fd = link_gmem(third.vm, from->fd, KVM_LINK_GUEST_MEMFD_SHARED);
	ASSERT_EQ(bind(&to, GPA), 0);
	ASSERT_EQ(bind(&third, GPA), 0);
	EXPECT_EQ(LOAD(&third, 0), 1);
	EXPECT_FAULT(&to, 0, EFAULT, 0);
	ASSERT_EQ(move_vm(to.vm, from->vm), 0);
	EXPECT_EQ(LOAD(&to, 0), 1);
	STORE(&to, 0, 2);
	EXPECT_EQ(LOAD(&third, 0), 2);
	EXPECT_EQ(gmem_punch(to.fd, 0, PAGE), 0);
	EXPECT_EQ(LOAD(&third, 0), 0);
	close_side(&to);
	close_side(&third);
	munmap(from->mem, SIZE);
	close(from->fd);
	open_side(from, 0, 0);
}

/* KVM_HC_MAP_GPA_RANGE with what is in RBX, RCX, RDX; then its result is in RAX. */
GUEST_CODE64(map_range,
	     "1:	mov	$12, %eax\n"
	     "	vmmcall\n"
	     "	out	%al, $0x80\n"
	     "	jmp	1b\n");

static uint64_t map_range(struct vcpu *vcpu, uint64_t gpa, uint64_t npages, uint64_t attributes)
{
	struct kvm_regs regs;

	vcpu_get_regs(vcpu, &regs);
	regs.rbx = gpa;
	regs.rcx = npages;
	regs.rdx = attributes;
	vcpu_set_regs(vcpu, &regs);
	if (vcpu_run(vcpu) != KVM_EXIT_IO)
		return 1;
	vcpu_get_regs(vcpu, &regs);
	return regs.rax;
}

/* The guest asks for private memory; userspace hears of it, and answers. */
TEST_F(private, hypercall)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_EXIT_HYPERCALL };
	struct guest *guest = &self->side.agent.guest;
	struct vcpu *vcpu = &guest->vcpu[0];
	struct kvm_run *run = vcpu->run;
	struct kvm_regs regs;

	guest_load(guest, map_range);
	EXPECT_EQ(ioctl(guest->vm, KVM_CHECK_EXTENSION, cap.cap), 1 << 12);
	EXPECT_EQ(map_range(vcpu, GPA, 1, 0x10), -1000UL);
	cap.args[0] = 1 << 11;
	EXPECT_ERROR(ioctl(guest->vm, KVM_ENABLE_CAP, &cap), EINVAL);
	cap.args[0] = 1 << 12;
	ASSERT_EQ(ioctl(guest->vm, KVM_ENABLE_CAP, &cap), 0);
	EXPECT_EQ(map_range(vcpu, GPA + 1, 1, 0x10), -22UL);
	EXPECT_EQ(map_range(vcpu, GPA, 0, 0x10), -22UL);
	EXPECT_EQ(map_range(vcpu, GPA, ~0UL, 0x10), -22UL);

	EXPECT_EQ(map_range(vcpu, GPA, 3, 0x10), 1);
	EXPECT_EQ(run->exit_reason, KVM_EXIT_HYPERCALL);
	EXPECT_EQ(run->hypercall.nr, 12);
	EXPECT_EQ(run->hypercall.args[0], GPA);
	EXPECT_EQ(run->hypercall.args[1], 3);
	EXPECT_EQ(run->hypercall.args[2], 0x10);
	EXPECT_EQ(run->hypercall.flags, KVM_EXIT_HYPERCALL_LONG_MODE);
	run->hypercall.ret = 0x1234567890;
	vcpu_run_until(vcpu, KVM_EXIT_IO);
	vcpu_get_regs(vcpu, &regs);
	EXPECT_EQ(regs.rax, 0x1234567890);
}

TEST_HARNESS_MAIN
