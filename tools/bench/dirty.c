// SPDX-License-Identifier: GPL-2.0
/* The dirty log of 1 GiB, of which the guest writes every page, and the dirty ring. */
#include <string.h>
#include <sys/mman.h>

/* First: noreturn, which bench.h defines, is an attribute there. */
#include "kvm.h"
#include "bench.h"
#include "toucher.h"

#define SIZE		(512 * LARGE)
#define NR_PAGES	(SIZE / PAGE)

static struct toucher toucher;
static uint8_t *mem;
static uint64_t bits[NR_PAGES / 64];

static void order(void)
{
	toucher_order(&toucher, 0, NR_PAGES, PAGE);
}

/* All of it is mapped, in large pages, before the log begins. */
static void begin(uint64_t protect)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, .args = { protect },
	};

	mem = toucher_memory(SIZE, MADV_HUGEPAGE);
	memset(mem, 1, SIZE);
	toucher_create(&toucher);
	kvm_ioctl_ok(toucher.guest.vm, KVM_ENABLE_CAP, &cap);
	toucher_set_slot(&toucher, mem, SIZE, 0);
	toucher_order(&toucher, 0, SIZE / LARGE, LARGE);
	toucher_run(&toucher);
}

static void start(void)
{
	toucher_set_slot(&toucher, mem, SIZE, KVM_MEM_LOG_DIRTY_PAGES);
}

static void stop(void)
{
	toucher_set_slot(&toucher, mem, SIZE, 0);
}

static void write_all(void)
{
	toucher_run(&toucher);
}

static void get(void)
{
	struct kvm_dirty_log log = { .slot = TOUCHER_SLOT, .dirty_bitmap = bits };

	kvm_ioctl_ok(toucher.guest.vm, KVM_GET_DIRTY_LOG, &log);
}

static void clear(void)
{
	struct kvm_clear_dirty_log log = {
		.slot = TOUCHER_SLOT, .num_pages = NR_PAGES, .dirty_bitmap = bits,
	};

	kvm_ioctl_ok(toucher.guest.vm, KVM_CLEAR_DIRTY_LOG, &log);
}

/* Each row takes up where the one above has left the guest. */

static void begin_log(void)
{
	begin(0);
}

static void begin_write(void)
{
	begin(0);
	start();
	order();
}

static void begin_get(void)
{
	begin_write();
	write_all();
}

static void begin_manual(void)
{
	begin(KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE);
	start();
	order();
	write_all();
}

static void begin_clear(void)
{
	begin_manual();
	get();
}

static void end(void)
{
	toucher_destroy(&toucher);
	toucher_drop_memory();
}

/* What was got must be what was written, or a figure says nothing. */
static void end_get(void)
{
	if (bits[0] != ~0UL || bits[NR_PAGES / 64 - 1] != ~0UL)
		die("dirty bits");
	end();
}

const struct bench dirty_benches[] = {
	{ "dirty-start-page", "ns", 1, NR_PAGES, begin_log, start, end },
	{ "dirty-first-write", "ns", 1, NR_PAGES, begin_write, write_all, end,
	  .reference = 1670, .aim = 835 },
	{ "dirty-get-page", "ns", 1, NR_PAGES, begin_get, get, end_get,
	  .reference = 162, .aim = 81 },
	{ "dirty-get-page-manual", "ns", 1, NR_PAGES, begin_manual, get, end_get },
	{ "dirty-clear-page", "ns", 1, NR_PAGES, begin_clear, clear, end_get,
	  .reference = 162, .aim = 81 },
	{ "dirty-stop-page", "ns", 1, NR_PAGES, begin_get, stop, end },

	{ }
};
