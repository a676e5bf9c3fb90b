/* SPDX-License-Identifier: GPL-2.0 */
/* A guest that writes a word to each of many pages. */
#ifndef TOUCHER_H
#define TOUCHER_H

#include "kvm.h"

#define PAGE		4096UL
#define LARGE		(512 * PAGE)
#define TOUCHER_SLOT	1
#define TOUCHER_AREA	(512 * LARGE)

struct toucher {
	struct guest guest;
};

void toucher_create(struct toucher *toucher);
void toucher_destroy(struct toucher *toucher);

/* New memory at a multiple of 2 MiB, empty, with an madvise(); one at a time. */
uint8_t *toucher_memory(size_t size, int advice);
void toucher_drop_memory(void);

/* The slot at TOUCHER_AREA. */
void toucher_set_slot(struct toucher *toucher, void *memory, size_t size, uint32_t flags);

/* What toucher_run() does next: @nr writes, @stride apart, from @offset of the area on. */
void toucher_order(struct toucher *toucher, uint64_t offset, uint64_t nr, uint64_t stride);
void toucher_run(struct toucher *toucher);

#endif
