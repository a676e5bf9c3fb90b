// SPDX-License-Identifier: GPL-2.0
/* A walk over the entries of nested page tables, in order of guest frames. */
#include <linux/align.h>
#include <linux/compiler.h>

#include "iter.h"
#include "spte.h"

static void tdp_iter_stand(struct tdp_iter *iter, int level)
{
	iter->level = level;
	iter->sptep = iter->tables[level] + spte_index(iter->gfn, level);
	iter->spte = READ_ONCE(*iter->sptep);
}

void tdp_iter_start(struct tdp_iter *iter, u64 *root, int root_level, int min_level,
		    gfn_t start, gfn_t end)
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

void tdp_iter_restart(struct tdp_iter *iter)
{
	tdp_iter_stand(iter, iter->root_level);
}

void tdp_iter_next(struct tdp_iter *iter)
{
	int level = iter->level;

	if (level > iter->min_level && spte_is_table(iter->spte, level)) {
		iter->tables[level - 1] = spte_table(iter->spte);
		tdp_iter_stand(iter, level - 1);
		return;
	}

	iter->gfn = ALIGN_DOWN(iter->gfn, spte_level_gfns(level)) + spte_level_gfns(level);
	if (iter->gfn >= iter->end) {
		iter->sptep = NULL;
		return;
	}
	/* Behind the last entry of a table the walk goes on above it. */
	while (level < iter->root_level && !spte_index(iter->gfn, level))
		level++;
	tdp_iter_stand(iter, level);
}
