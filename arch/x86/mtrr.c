// SPDX-License-Identifier: GPL-2.0
/*
 * MTRRs and PAT. Nested paging takes memory types from the host's tables, so
 * the guest's are only kept and checked (APM 2, 7.7 and 7.8).
 */
#include <asm/mtrr.h>

#include "msr.h"

/* UC, WC, WT, WP, WB; in the PAT also UC-, which is 7. */
#define MTRR_TYPES	(BIT(0) | BIT(1) | BIT(4) | BIT(5) | BIT(6))
#define PAT_TYPES	(MTRR_TYPES | BIT(7))

#define MTRR_DEF_FIXED_ENABLE	BIT_ULL(10)
#define MTRR_DEF_ENABLE		BIT_ULL(11)
#define MTRR_MASK_VALID		BIT_ULL(11)

static bool type_legal(u8 type, u32 types)
{
	return type < 8 && (types & BIT(type));
}

static bool all_bytes_legal(u64 data, u32 types)
{
	int shift;

	for (shift = 0; shift < 64; shift += 8)
		if (!type_legal(data >> shift, types))
			return false;
	return true;
}

bool x86_pat_legal(struct x86_vcpu *vcpu, u64 data)
{
	return all_bytes_legal(data, PAT_TYPES);
}

bool x86_mtrr_fixed_legal(struct x86_vcpu *vcpu, u64 data)
{
	return all_bytes_legal(data, MTRR_TYPES);
}

bool x86_mtrr_deftype_legal(struct x86_vcpu *vcpu, u64 data)
{
	return !(data & ~(0xff | MTRR_DEF_ENABLE | MTRR_DEF_FIXED_ENABLE)) &&
	       type_legal(data, MTRR_TYPES);
}

/* Base and mask alternate: type in the one, a valid bit in the other. */
int x86_mtrr_set_var(struct x86_vcpu *vcpu, u32 index, u64 data, bool host)
{
	u64 address = GENMASK_ULL(vcpu->maxphyaddr - 1, PAGE_SHIFT);
	u32 i = array_index_nospec(index - MTRRphysBase_MSR(0), 2 * X86_NR_VAR_MTRRS);

	if (i & 1) {
		if (data & ~(address | MTRR_MASK_VALID))
			return -EINVAL;
	} else if ((data & ~(address | 0xff)) || !type_legal(data, MTRR_TYPES)) {
		return -EINVAL;
	}
	vcpu->mtrr.var[i] = data;
	return 0;
}
