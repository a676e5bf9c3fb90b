// SPDX-License-Identifier: GPL-2.0
/*
 * guest_memfd: files, pages, faults of private memory, attributes, link, move.
 * Debian's in-tree module has no VM whose memory can be private: its figures are
 * of the same module with that option, tools/testing/machine/kernel intree.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* First: noreturn, which bench.h defines, is an attribute there. */
#include "gmem.h"
#include "kvm.h"
#include "bench.h"

#define SLOT	3
#define GPA	0x40000000UL
#define MIB	(1UL << 20)
#define FILES	100

/* Touches RCX pages, RDX bytes apart, from RSI on. */
GUEST_CODE64(touch,
	     "1:	movb	$1, (%rsi)\n"
	     "	add	%rdx, %rsi\n"
	     "	dec	%rcx\n"
	     "	jnz	1b\n"
	     "	out	%al, $0x80\n"
	     "	jmp	1b\n");

/* Below 2 MiB: pages of 4 KiB only. */
#define SMALL		(2 * MIB - PAGE)
#define NR_SMALL	(SMALL / PAGE)
#define LARGE		(64 * MIB)
#define NR_LARGE	(LARGE / HUGE)

static struct guest guest, source;
static uint8_t *mem;
static int fd, source_fd;

/* Whether the module can do it at all */

static bool has(unsigned int cap, long bits)
{
	int dev = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	bool yes = ioctl(dev, KVM_CHECK_EXTENSION, cap) & bits;

	close(dev);
	return yes;
}

static bool can_be_private(void)
{
	return has(KVM_CAP_GUEST_MEMFD, 1) && has(KVM_CAP_VM_TYPES, 1 << KVM_X86_SW_PROTECTED_VM);
}

static bool can_link(void)
{
	return can_be_private() && has(KVM_CAP_LINK_GUEST_MEMFD, 1);
}

/* A guest */

static void guest_open(void)
{
	struct vcpu *vcpu;

	memset(&guest, 0, sizeof(guest));
	guest.kvm = kvm_must(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm", __FILE__, __LINE__);
	guest.vm = kvm_ioctl_ok(guest.kvm, KVM_CREATE_VM, KVM_X86_SW_PROTECTED_VM);
	guest.size = GUEST_MEM;
	guest.mem = guest_add_memory(&guest, 0, 0, GUEST_MEM, NULL, 0);
	guest_load(&guest, touch);
	vcpu = guest_add_vcpu(&guest, 0);
	vcpu_set_supported_cpuid(&guest, vcpu);
	vcpu_long_mode(&guest, vcpu);
}

static void guest_touch(uint64_t gpa, uint64_t nr, uint64_t step)
{
	struct kvm_regs regs;

	vcpu_get_regs(&guest.vcpu[0], &regs);
	regs.rsi = gpa;
	regs.rcx = nr;
	regs.rdx = step;
	vcpu_set_regs(&guest.vcpu[0], &regs);
	vcpu_run_out(&guest.vcpu[0], NULL);
}

static int new_file(uint64_t size)
{
	return kvm_must(create_gmem(guest.vm, size, 0), "create", __FILE__, __LINE__);
}

static void bind(int file, uint64_t size)
{
	fd = file;
	kvm_must(set_gmem_slot(guest.vm, SLOT, GPA, size, mem, fd, 0), "slot", __FILE__, __LINE__);
}

static void make_private(uint64_t size, bool private)
{
	kvm_must(set_private(guest.vm, GPA, size, private), "attributes", __FILE__, __LINE__);
}

/* With a slot that shows a new file. */
static void open_with(uint64_t size)
{
	if (!mem)
		mem = mmap(NULL, LARGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	guest_open();
	bind(new_file(size), size);
}

static void end(void)
{
	guest_destroy(&guest);
	close(fd);
}

static void begin_small(void)
{
	open_with(SMALL);
	make_private(SMALL, true);
	/* What the guest's own memory needs. */
	guest_touch(0x8000, 1, PAGE);
}

static void begin_large(void)
{
	open_with(LARGE);
	make_private(LARGE, true);
	guest_touch(0x8000, 1, PAGE);
}

static void begin_shared(void)
{
	begin_large();
	make_private(LARGE, false);
}

static void run_small(void)
{
	guest_touch(GPA, NR_SMALL, PAGE);
}

static void run_large(void)
{
	guest_touch(GPA, NR_LARGE, HUGE);
}

static void run_large_in_pages(void)
{
	guest_touch(GPA, LARGE / PAGE, PAGE);
}

/* Allocated and never touched. */
static void begin_small_allocated(void)
{
	begin_small();
	gmem_allocate(fd, 0, SMALL);
}

/* Touched before, and not mapped any more. */
static void begin_small_unmapped(void)
{
	begin_small();
	run_small();
	make_private(SMALL, false);
	make_private(SMALL, true);
}

static void begin_large_unmapped(void)
{
	begin_large();
	run_large();
	make_private(LARGE, false);
	make_private(LARGE, true);
}

static void begin_small_mapped(void)
{
	begin_small();
	run_small();
}

/* In pages of 4 KiB the other module needs every page touched. */
static void begin_large_mapped(void)
{
	begin_large();
	run_large_in_pages();
}

/* Files and pages */

static void create_and_close(void)
{
	int i;

	for (i = 0; i < FILES; i++)
		close(create_gmem(guest.vm, 16 * MIB, 0));
}

/* A file with an inode and a dentry of its own, and nothing else. */
static void create_and_close_memfd(void)
{
	int i;

	for (i = 0; i < FILES; i++)
		close(memfd_create("", 0));
}

static void begin_16m(void)
{
	guest_open();
	fd = new_file(16 * MIB);
}

static void begin_16m_allocated(void)
{
	begin_16m();
	gmem_allocate(fd, 0, 16 * MIB);
}

static void allocate_16m(void)
{
	gmem_allocate(fd, 0, 16 * MIB);
}

static void punch_16m(void)
{
	gmem_punch(fd, 0, 16 * MIB);
}

static void punch_large(void)
{
	gmem_punch(fd, 0, LARGE);
}

static uint8_t to_clear[MIB];

/* As the kernel clears a page where the CPU is said to do it fast. */
static void clear_1m(void)
{
	unsigned long size = MIB;
	void *to = to_clear;

	asm volatile("rep stosb" : "+D" (to), "+c" (size) : "a" (0) : "memory");
}

/* Attributes */

static void large_to_private(void)
{
	make_private(LARGE, true);
}

static void large_to_shared(void)
{
	make_private(LARGE, false);
}

static void page_to_shared(void)
{
	make_private(PAGE, false);
}

/* There and back again, and the guest touches the page each time. */
static void toggle_page(void)
{
	make_private(PAGE, false);
	guest_touch(GPA, 1, PAGE);
	make_private(PAGE, true);
	guest_touch(GPA, 1, PAGE);
}

/* Link and move */

static void begin_link(void)
{
	guest_open();
	source = guest;
	source_fd = new_file(16 * MIB);
	guest_open();
}

static void run_link(void)
{
	fd = link_gmem(guest.vm, source_fd, 0);
}

static void end_link(void)
{
	end();
	guest_destroy(&source);
	close(source_fd);
}

static void begin_move(uint64_t size)
{
	open_with(size);
	make_private(size, true);
	guest_touch(GPA, size / PAGE, PAGE);
	source = guest;
	source_fd = fd;
	guest_open();
	run_link();
	bind(fd, size);
}

static void begin_move_4m(void)
{
	begin_move(4 * MIB);
}

static void begin_move_64m(void)
{
	begin_move(64 * MIB);
}

static void run_move(void)
{
	kvm_must(move_vm(guest.vm, source.vm), "move", __FILE__, __LINE__);
}

#define PRIVATE .possible = can_be_private
#define LINKED	.possible = can_link

const struct bench gmem_benches[] = {
	/* Parts of what follows that are the kernel's and the CPU's, whichever the module. */
	{ "clear-1mib", "us", 4, .run = clear_1m },
	{ "memfd-create-close", "ns", 8, FILES, .run = create_and_close_memfd },
	{ "gmem-create-close", "ns", 8, FILES, guest_open, create_and_close, end,
	  .reference = 6205, .aim = 3103, PRIVATE },
	{ "gmem-fallocate-16mib", "us", 8, 1, begin_16m, allocate_16m, end,
	  .reference = 25100, .aim = 12550, PRIVATE },
	{ "gmem-punch-16mib", "us", 8, 1, begin_16m_allocated, punch_16m, end,
	  .reference = 5800, .aim = 580, PRIVATE },
	{ "gmem-fault-4k-absent", "ns", 4, NR_SMALL, begin_small, run_small, end,
	  .reference = 13680, .aim = 6840, PRIVATE },
	{ "gmem-fault-4k-allocated", "ns", 4, NR_SMALL, begin_small_allocated, run_small, end,
	  .reference = 7564, .aim = 3782, PRIVATE },
	{ "gmem-fault-4k-unmapped", "ns", 4, NR_SMALL, begin_small_unmapped, run_small, end,
	  PRIVATE },
	{ "gmem-touch-64mib-absent", "us", 2, 1, begin_large, run_large_in_pages, end, PRIVATE },
	{ "gmem-fault-2m-unmapped", "ns", 2, NR_LARGE, begin_large_unmapped, run_large, end,
	  PRIVATE },
	{ "gmem-private-64mib", "us", 8, 1, begin_shared, large_to_private, end,
	  .reference = 15000, .aim = 1500, PRIVATE },
	{ "gmem-shared-64mib-mapped", "us", 2, 1, begin_large_mapped, large_to_shared, end,
	  .reference = 17700, .aim = 1770, PRIVATE },
	{ "gmem-page-to-shared", "ns", 4, 1, begin_small_allocated, page_to_shared, end, PRIVATE },
	{ "gmem-page-to-shared-mapped", "ns", 4, 1, begin_small_mapped, page_to_shared, end,
	  PRIVATE },
	{ "gmem-toggle-mapped-page", "ns", 4, 2, begin_small_unmapped, toggle_page, end,
	  .reference = 13479, .aim = 6740, PRIVATE },
	{ "gmem-punch-64mib-mapped", "us", 2, 1, begin_large_mapped, punch_large, end,
	  .reference = 36000, .aim = 3600, PRIVATE },
	{ "gmem-link", "ns", 8, 1, begin_link, run_link, end_link, LINKED },
	{ "gmem-move-4mib", "ns", 4, 1, begin_move_4m, run_move, end_link, LINKED },
	{ "gmem-move-64mib", "ns", 2, 1, begin_move_64m, run_move, end_link, LINKED },

	{ }
};
