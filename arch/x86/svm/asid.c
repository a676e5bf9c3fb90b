// SPDX-License-Identifier: GPL-2.0
/*
 * ASIDs (APM 2, 15.16): given out in order; when a CPU has no more it flushes
 * its TLB and starts again, and every vCPU on it takes a new one.
 */
#include "asid.h"

void svm_asid_init_pool(struct svm_asid_pool *pool, u32 nr)
{
	/*
	 * Generations go on where they stood: vCPUs that were here before the
	 * CPU went away own nothing when it comes back. The first use flushes:
	 * who had SVM before us may have left something.
	 */
	pool->generation++;
	pool->max = nr - 1;
	pool->next = nr;
}

bool svm_asid_new(struct svm_asid_pool *pool, struct svm_asid *asid, int cpu)
{
	bool flush = pool->next > pool->max;

	if (flush) {
		pool->generation++;
		pool->next = 1;
	}
	asid->generation = pool->generation;
	asid->cpu = cpu;
	asid->asid = pool->next++;
	return flush;
}
