/* SPDX-License-Identifier: GPL-2.0 */
/* Address space identifiers: handed out by each CPU for itself. */
#ifndef KVM_SVM_ASID_H
#define KVM_SVM_ASID_H

#include <linux/types.h>

/**
 * struct svm_asid_pool - one CPU's ASIDs
 * @generation: counts the flushes of the whole TLB; an ASID of an older one is
 *	no longer its owner's
 * @next: the next to give out in this generation
 * @max: the last that the CPU has; 0 is the host's
 */
struct svm_asid_pool {
	u64 generation;
	u32 next;
	u32 max;
};

/**
 * struct svm_asid - what a vCPU was given
 * @generation: of the pool, at that time; 0 is older than any
 * @cpu: the pool's CPU
 * @asid: the identifier
 */
struct svm_asid {
	u64 generation;
	int cpu;
	u32 asid;
};

void svm_asid_init_pool(struct svm_asid_pool *pool, u32 nr);

/**
 * svm_asid_new() - an ASID with no translation under it
 * @pool: this CPU's
 * @asid: who gets it
 * @cpu: this CPU
 *
 * Context: preemption off.
 * Return: whether the whole TLB must be flushed at the next entry.
 */
bool svm_asid_new(struct svm_asid_pool *pool, struct svm_asid *asid, int cpu);

static inline bool svm_asid_valid(const struct svm_asid_pool *pool,
				  const struct svm_asid *asid, int cpu)
{
	return asid->generation == pool->generation && asid->cpu == cpu;
}

#endif
