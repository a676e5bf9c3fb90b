/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Entries of nested page tables (APM 2, 15.25): those of ordinary long-mode
 * paging, and every access of the guest counts as a user's.
 */
#ifndef KVM_X86_MMU_SPTE_H
#define KVM_X86_MMU_SPTE_H

#include <linux/bits.h>
#include <linux/mem_encrypt.h>
#include <linux/mm.h>
#include <asm/io.h>
#include <asm/pgtable_types.h>

#include <kvm/types.h>

#define SPTE_PRESENT		_PAGE_PRESENT
#define SPTE_WRITABLE		_PAGE_RW
#define SPTE_USER		_PAGE_USER
#define SPTE_ACCESSED		_PAGE_ACCESSED
#define SPTE_DIRTY		_PAGE_DIRTY
#define SPTE_LEAF		_PAGE_PSE	/* above level 1 */
#define SPTE_NX			_PAGE_NX

/* The host lets the page be written; WRITABLE may be set without asking it. */
#define SPTE_HOST_WRITABLE	BIT_ULL(9)

#define SPTE_ADDR_MASK		GENMASK_ULL(51, PAGE_SHIFT)

/* Levels are numbered as in enum pg_level: 1 maps 4 KiB, 2 2 MiB, 3 1 GiB. */
#define SPTE_LEVEL_BITS		9
#define SPTES_PER_TABLE		BIT(SPTE_LEVEL_BITS)

static inline unsigned int spte_level_shift(int level)
{
	return (level - 1) * SPTE_LEVEL_BITS;
}

/* Guest frames that one entry of @level spans. */
static inline gfn_t spte_level_gfns(int level)
{
	return 1ULL << spte_level_shift(level);
}

static inline unsigned int spte_index(gfn_t gfn, int level)
{
	return (gfn >> spte_level_shift(level)) & (SPTES_PER_TABLE - 1);
}

static inline bool spte_present(u64 spte)
{
	return spte & SPTE_PRESENT;
}

static inline bool spte_is_leaf(u64 spte, int level)
{
	return level == PG_LEVEL_4K || (spte & SPTE_LEAF);
}

/* A present entry that points to the next table. */
static inline bool spte_is_table(u64 spte, int level)
{
	return spte_present(spte) && !spte_is_leaf(spte, level);
}

static inline hpa_t spte_addr(u64 spte)
{
	return __sme_clr(spte & SPTE_ADDR_MASK);
}

static inline kvm_pfn_t spte_pfn(u64 spte)
{
	return spte_addr(spte) >> PAGE_SHIFT;
}

static inline u64 *spte_table(u64 spte)
{
	return __va(spte_addr(spte));
}

static inline u64 spte_make_table(struct page *table)
{
	return __sme_set(page_to_phys(table)) | SPTE_PRESENT | SPTE_WRITABLE |
	       SPTE_USER | SPTE_ACCESSED;
}

/*
 * A leaf. @c_bit: sme_me_mask, or 0 for memory that the host maps decrypted;
 * @host_writable: the host's mapping is writable; @writable: the guest may write
 * now, without a fault that the dirty log must see first.
 */
static inline u64 spte_make_leaf(kvm_pfn_t pfn, u64 c_bit, int level, bool host_writable,
				 bool writable)
{
	u64 spte = (pfn << PAGE_SHIFT) | c_bit | SPTE_PRESENT | SPTE_USER | SPTE_ACCESSED;

	if (level > PG_LEVEL_4K)
		spte |= SPTE_LEAF;
	if (host_writable)
		spte |= SPTE_HOST_WRITABLE;
	if (host_writable && writable)
		spte |= SPTE_WRITABLE | SPTE_DIRTY;
	return spte;
}

/* The entry at @index of the table that splits the large leaf @spte of @level. */
static inline u64 spte_make_split(u64 spte, int level, unsigned int index)
{
	u64 child = spte + ((u64)index << (PAGE_SHIFT + spte_level_shift(level - 1)));

	return level - 1 > PG_LEVEL_4K ? child : child & ~SPTE_LEAF;
}

#endif
