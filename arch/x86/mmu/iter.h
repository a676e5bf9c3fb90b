/* SPDX-License-Identifier: GPL-2.0 */
/* A walk over the entries of nested page tables, in order of guest frames. */
#ifndef KVM_X86_MMU_ITER_H
#define KVM_X86_MMU_ITER_H

#include <linux/align.h>
#include <linux/compiler.h>

#include "spte.h"

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

static inline void tdp_iter_stand(struct tdp_iter *iter, int level)
{
	iter->level = level;
	iter->sptep = iter->tables[level] + spte_index(iter->gfn, level);
	iter->spte = READ_ONCE(*iter->sptep);
}

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
static inline void tdp_iter_start(struct tdp_iter *iter, u64 *root, int root_level,
				  int min_level, gfn_t start, gfn_t end)
{
	iter->tables[root_level] = root;
	iter->root_level = root_level;
	iter->min_level = min_level;
	iter->gfn = start;
	iter->end = end;
	iter->sptep = NULL;
	if (root && start < end)
		tdp_iter_stand(iter, root_level);
}

/**
 * tdp_iter_down() - into the table that the entry points to
 * @iter: the walk
 */
static inline void tdp_iter_down(struct tdp_iter *iter)
{
	iter->tables[iter->level - 1] = spte_table(iter->spte);
	tdp_iter_stand(iter, iter->level - 1);
}

/**
 * tdp_iter_next() - down into the entry's table, or on to the next entry
 * @iter: the walk
 */
static inline void tdp_iter_next(struct tdp_iter *iter)
{
	gfn_t span = spte_level_gfns(iter->level);
	int level = iter->level;

	if (level > iter->min_level && spte_is_table(iter->spte, level)) {
		tdp_iter_down(iter);
		return;
	}

	iter->gfn = ALIGN_DOWN(iter->gfn, span) + span;
	if (iter->gfn >= iter->end) {
		iter->sptep = NULL;
		return;
	}
	/* Behind the last entry of a table the walk goes on above it. */
	while (level < iter->root_level && !spte_index(iter->gfn, level))
		level++;
	tdp_iter_stand(iter, level);
}

/**
 * tdp_iter_rests() - is this a place to let others have the lock?
 * @iter: the walk
 * @start: where it began
 *
 * Asking at each of thousands of entries would cost more than the rest.
 */
static inline bool tdp_iter_rests(const struct tdp_iter *iter, gfn_t start)
{
	return iter->gfn != start && !spte_index(iter->gfn, PG_LEVEL_4K);
}

#define tdp_for_each(iter, root, root_level, min_level, start, end)	\
	for (tdp_iter_start(iter, root, root_level, min_level, start, end);	\
	     (iter)->sptep; tdp_iter_next(iter))

#endif
