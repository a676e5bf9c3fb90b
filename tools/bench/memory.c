// SPDX-License-Identifier: GPL-2.0
/*
 * What a page costs: to fault it in, and to take it away when the host says so.
 * A fault is a whole one, from the guest's write to the next instruction.
 */
#include <string.h>
#include <sys/mman.h>

/* First: noreturn, which bench.h defines, is an attribute there. */
#include "kvm.h"
#include "bench.h"
#include "toucher.h"
#include "vmstat.h"

#define NR_PAGES	1024
#define SMALL		(NR_PAGES * PAGE)
#define NR_LARGE	32
#define NR_OTHERS	1000

static struct toucher toucher;
static uint8_t *mem;

/* A guest with @size bytes of new memory in pages of one size. */
static void begin(size_t size, int advice)
{
	mem = toucher_memory(size, advice);
	toucher_create(&toucher);
	toucher_set_slot(&toucher, mem, size, 0);
}

static void end(void)
{
	toucher_destroy(&toucher);
	toucher_drop_memory();
}

static void begin_absent(void)
{
	begin(SMALL, MADV_NOHUGEPAGE);
	toucher_order(&toucher, 0, NR_PAGES, PAGE);
}

static void begin_present(void)
{
	begin_absent();
	memset(mem, 1, SMALL);
}

static void begin_large(void)
{
	begin(NR_LARGE * LARGE, MADV_HUGEPAGE);
	memset(mem, 1, NR_LARGE * LARGE);
	toucher_order(&toucher, 0, NR_LARGE, LARGE);
}

static void drop(void *start, size_t size)
{
	if (madvise(start, size, MADV_DONTNEED))
		die("MADV_DONTNEED");
}

static void begin_again(void)
{
	begin_absent();
	toucher_run(&toucher);
	drop(mem, SMALL);
	toucher_order(&toucher, 0, NR_PAGES, PAGE);
}

static void touch(void)
{
	toucher_run(&toucher);
}

static void end_large(void)
{
	if (kvm_stat(toucher.guest.vm, "pages_2m") < NR_LARGE)
		die("pages_2m");
	end();
}

static void pre_fault(void)
{
	struct kvm_pre_fault_memory range = { .gpa = TOUCHER_AREA, .size = SMALL };

	if (ioctl(toucher.guest.vcpu[0].fd, KVM_PRE_FAULT_MEMORY, &range) || range.size)
		die("KVM_PRE_FAULT_MEMORY");
}

/* The host alone: what of the figures above is not ours. */
static void begin_host(void)
{
	mem = toucher_memory(SMALL, MADV_NOHUGEPAGE);
}

static void touch_by_host(void)
{
	int i;

	for (i = 0; i < NR_PAGES; i++)
		*(volatile uint8_t *)(mem + i * PAGE) = 1;
}

static void end_host(void)
{
	toucher_drop_memory();
}

static void begin_host_present(void)
{
	begin_host();
	touch_by_host();
}

/* Take away */

static void begin_mapped(void)
{
	begin_present();
	toucher_run(&toucher);
}

/* One page, and another call for the next. */
static void drop_each(void)
{
	int i;

	for (i = 0; i < NR_PAGES; i++)
		drop(mem + i * PAGE, PAGE);
}

static void drop_all(void)
{
	drop(mem, SMALL);
}

/* Other VMs of this process, each with a slot somewhere else. */
static void make_others(void)
{
	static int others[NR_OTHERS];
	struct kvm_userspace_memory_region region = { .memory_size = PAGE };
	char *memory;
	int i;

	if (others[0])
		return;
	memory = mmap(NULL, NR_OTHERS * PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		die("mmap");
	for (i = 0; i < NR_OTHERS; i++) {
		others[i] = ioctl(toucher.guest.kvm, KVM_CREATE_VM, 0);
		region.userspace_addr = (uint64_t)memory + i * PAGE;
		if (others[i] < 0 || ioctl(others[i], KVM_SET_USER_MEMORY_REGION, &region))
			die("other VMs");
	}
}

static void begin_mapped_among(void)
{
	begin_mapped();
	make_others();
}

/* Aims are parts of what is the module's: not of the 7,229 ns of the host's own fault. */
const struct bench memory_benches[] = {
	{ "fault-4k-present", "ns", 5, NR_PAGES, begin_present, touch, end,
	  .reference = 3238, .aim = 1943 },
	{ "fault-4k-absent", "ns", 5, NR_PAGES, begin_absent, touch, end,
	  .reference = 11209, .aim = 9617 },
	{ "fault-4k-again", "ns", 5, NR_PAGES, begin_again, touch, end },
	{ "fault-2m-present", "ns", 5, NR_LARGE, begin_large, touch, end_large,
	  .reference = 5180, .aim = 3108 },
	{ "pre-fault-4k-present", "ns", 5, NR_PAGES, begin_present, pre_fault, end },
	{ "pre-fault-4k-absent", "ns", 5, NR_PAGES, begin_absent, pre_fault, end },
	{ "host-fault-4k", "ns", 5, NR_PAGES, begin_host, touch_by_host, end_host },

	{ "host-drop-page", "ns", 5, NR_PAGES, begin_host_present, drop_each, end_host },
	{ "drop-page", "ns", 5, NR_PAGES, begin_mapped, drop_each, end },
	{ "drop-1024-pages", "ns", 5, NR_PAGES, begin_mapped, drop_all, end },
	{ "drop-page-among-1000", "ns", 5, NR_PAGES, begin_mapped_among, drop_each, end },

	{ }
};
