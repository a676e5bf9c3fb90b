/* SPDX-License-Identifier: GPL-2.0 */
/* A walk over the entries of nested page tables, in order of guest frames. */
#ifndef KVM_X86_MMU_ITER_H
#define KVM_X86_MMU_ITER_H

#include <kvm/types.h>

#define TDP_MAX_LEVEL	5

/**
 * struct tdp_iter - a place in the walk
 * @tables: by level, the tables on the way to the entry
 * @root_level: level of the top table
 * @min_level: tables below it are not entered
 * @end: first frame behind the walk
 * @gfn: first frame of the entry, or of the walk in the first entry
 * @level: of the entry
 * @sptep: the entry, NULL when the walk is over
 * @spte: its value when the walk came here; who changes the entry keeps it
 *	current, so that the walk does not enter a table that is gone
 */
struct tdp_iter {
	u64 *tables[TDP_MAX_LEVEL + 1];
	int root_level;
	int min_level;
	gfn_t end;
	gfn_t gfn;
	int level;
	u64 *sptep;
	u64 spte;
};

/**
 * tdp_iter_start() - stand on the top entry of @start
 * @iter: the walk
 * @root: the top table
 * @root_level: its level
 * @min_level: the lowest level of interest
 * @start: first frame
 * @end: first frame behind; below the top table's span
 *
 * Context: RCU, or mmu_lock for writing; tables must not go while it lasts.
 */
void tdp_iter_start(struct tdp_iter *iter, u64 *root, int root_level, int min_level,
		    gfn_t start, gfn_t end);

/**
 * tdp_iter_next() - down into the entry's table, or on to the next entry
 * @iter: the walk
 */
void tdp_iter_next(struct tdp_iter *iter);

/**
 * tdp_iter_restart() - walk down to @iter->gfn from the top again
 * @iter: the walk, after the lock that it stands under was let go
 */
void tdp_iter_restart(struct tdp_iter *iter);

#define tdp_for_each(iter, root, root_level, min_level, start, end)	\
	for (tdp_iter_start(iter, root, root_level, min_level, start, end);	\
	     (iter)->sptep; tdp_iter_next(iter))

#endif
