/* SPDX-License-Identifier: GPL-2.0 */
/* Ranges of guest frames and host addresses: built and checked in one place. */
#ifndef KVM_RANGE_H
#define KVM_RANGE_H

#include <linux/align.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/overflow.h>

#include <kvm/types.h>

/* Half open: @end is the first that is no longer inside. */
struct gfn_range {
	gfn_t start;
	gfn_t end;
};

struct hva_range {
	hva_t start;
	hva_t end;
};

static inline bool gfn_range_empty(struct gfn_range range)
{
	return range.start >= range.end;
}

/* Whether [@addr, @addr + @size) is whole pages and does not wrap. */
static inline bool range_is_pages(u64 addr, u64 size)
{
	u64 end;

	return PAGE_ALIGNED(addr) && PAGE_ALIGNED(size) && size &&
	       !check_add_overflow(addr, size, &end);
}

/*
 * The guest frames of a slot, @npages from @base on, backed at @hva, whose
 * host addresses touch [@range.start, @range.end). Empty where they do not meet.
 */
static inline struct gfn_range hva_range_to_gfns(gfn_t base, unsigned long npages,
						 hva_t hva, struct hva_range range)
{
	hva_t last = hva + ((npages << PAGE_SHIFT) - 1);
	struct gfn_range gfns = {};

	if (range.start >= range.end || range.end <= hva || range.start > last)
		return gfns;
	gfns.start = base + ((max(range.start, hva) - hva) >> PAGE_SHIFT);
	gfns.end = base + ((min(range.end - 1, last) - hva) >> PAGE_SHIFT) + 1;
	return gfns;
}

#endif
