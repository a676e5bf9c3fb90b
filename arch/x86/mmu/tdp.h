/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the nested page tables share with one another alone. */
#ifndef KVM_X86_MMU_TDP_H
#define KVM_X86_MMU_TDP_H

#include "../x86.h"
#include "iter.h"
#include "spte.h"

/* The nested tables have the shape of the host's own (APM 2, 15.25.3). */
static inline int tdp_root_level(void)
{
	return pgtable_l5_enabled() ? 5 : 4;
}

/**
 * tdp_get_tables() - be ready to map: enough empty tables for any fault
 * @cache: of the vCPU
 *
 * Return: 0 or -ENOMEM; what was got is kept.
 */
int tdp_get_tables(struct x86_mmu_vcpu *cache);
void tdp_put_tables(struct x86_mmu_vcpu *cache);

/**
 * tdp_map() - set a leaf, and the tables above it
 * @vcpu: the vCPU, after tdp_get_tables()
 * @gfn: guest frame
 * @level: enum pg_level
 * @spte: of spte_make_leaf()
 *
 * Context: mmu_lock for reading; others may map at the same time.
 */
void tdp_map(struct x86_vcpu *vcpu, gfn_t gfn, int level, u64 spte);

#endif
