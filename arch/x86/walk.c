// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's own page tables: no paging, 32-bit, PAE, 4 and 5 levels (APM 2,
 * chapter 5). First down, then rights, then accessed and dirty bits: a walk
 * that faults leaves no trace.
 */
#include <linux/bitfield.h>
#include <linux/string.h>
#include <asm/cpufeature.h>
#include <asm/pgtable_types.h>
#include <asm/pkru.h>
#include <asm/processor-flags.h>

#include <kvm/guest_io.h>

#include "guest_cmpxchg.h"
#include "regs.h"
#include "walk.h"

#define MAX_LEVELS	5
#define ENTRY_PSE36	GENMASK(20, 13)	/* bits 39:32 of a 4 MiB page's address */

/**
 * struct walker - one walk
 * @vcpu: whose tables
 * @la: linear address
 * @access: what for
 * @wide: entries are 8 bytes
 * @lm: long mode
 * @top: the level that CR3 points to
 * @level: the level of @entry[], at last that of the mapping
 * @gpa: where the entries stand, by level
 * @entry: what they were
 * @common: bits that the entries of all levels have
 * @any: bits that the entry of some level has
 */
struct walker {
	struct x86_vcpu *vcpu;
	u64 la;
	u32 access;
	bool wide;
	bool lm;
	int top;
	int level;
	gpa_t gpa[MAX_LEVELS + 1];
	u64 entry[MAX_LEVELS + 1];
	u64 common;
	u64 any;
};

static int level_shift(const struct walker *w, int level)
{
	return PAGE_SHIFT + (w->wide ? 9 : 10) * (level - 1);
}

/* The four entries at the top of PAE paging have no rights and no accessed bit. */
static bool is_pdpte(const struct walker *w, int level)
{
	return level == 3 && !w->lm;
}

static bool is_leaf(const struct walker *w, u64 entry)
{
	if (w->level == 1)
		return true;
	if (!(entry & _PAGE_PSE) || is_pdpte(w, w->level))
		return false;
	return w->wide ? w->level <= 3 : w->vcpu->cr4 & X86_CR4_PSE;
}

static u64 reserved_wide(const struct walker *w, u64 entry)
{
	struct x86_vcpu *vcpu = w->vcpu;
	u64 rsvd = GENMASK_ULL(51, vcpu->maxphyaddr);

	if (!(vcpu->efer & EFER_NX))
		rsvd |= _PAGE_NX;
	if (!w->lm)
		rsvd |= GENMASK_ULL(62, 52);
	/* Bit 5 is reserved, too, but there are CPUs that set it as if for an access. */
	if (is_pdpte(w, w->level))
		return rsvd | _PAGE_NX | GENMASK_ULL(8, 6) | GENMASK_ULL(2, 1);
	if (w->level > 3 || (w->level == 3 && !boot_cpu_has(X86_FEATURE_GBPAGES)))
		return rsvd | _PAGE_PSE;
	/* Between the address of a large page and its PAT bit. */
	if (w->level > 1 && (entry & _PAGE_PSE))
		rsvd |= GENMASK_ULL(level_shift(w, w->level) - 1, 13);
	return rsvd;
}

static u64 reserved(const struct walker *w, u64 entry)
{
	if (w->wide)
		return reserved_wide(w, entry);
	return w->level == 2 && is_leaf(w, entry) ? BIT(21) : 0;
}

static int page_fault(const struct walker *w, struct x86_walk *walk, u32 why)
{
	const struct x86_vcpu *vcpu = w->vcpu;

	walk->error_code = why | (w->access & (X86_PF_WRITE | X86_PF_USER));
	/* APM 2, 8.4.2: only where fetches have rights of their own. */
	if ((w->access & X86_PF_INSTR) &&
	    ((w->wide && (vcpu->efer & EFER_NX)) || (vcpu->cr4 & X86_CR4_SMEP)))
		walk->error_code |= X86_PF_INSTR;
	return -EFAULT;
}

static u64 entry_table(const struct walker *w, u64 entry)
{
	return entry & (w->wide ? GENMASK_ULL(51, PAGE_SHIFT) : GENMASK_ULL(31, PAGE_SHIFT));
}

static u64 top_table(const struct walker *w)
{
	u64 cr3 = w->vcpu->cr3;

	return is_pdpte(w, w->top) ? cr3 & GENMASK_ULL(31, 5) : entry_table(w, cr3);
}

static int read_entry(struct walker *w, u64 table)
{
	unsigned int size = w->wide ? 8 : 4;
	u64 index = w->la >> level_shift(w, w->level) & (PAGE_SIZE / size - 1);

	w->gpa[w->level] = table + index * size;
	w->entry[w->level] = 0;
	if (kvm_read_guest(&w->vcpu->vcpu, w->gpa[w->level], &w->entry[w->level], size))
		return -EIO;
	return 0;
}

static int walk_down(struct walker *w, struct x86_walk *walk)
{
	u64 table = top_table(w), entry;

	w->common = ~0ULL;
	w->any = 0;
	for (w->level = w->top; ; w->level--) {
		if (read_entry(w, table))
			return -EIO;
		entry = w->entry[w->level];
		if (!(entry & _PAGE_PRESENT))
			return page_fault(w, walk, 0);
		if (entry & reserved(w, entry))
			return page_fault(w, walk, X86_PF_PROT | X86_PF_RSVD);
		if (!is_pdpte(w, w->level)) {
			w->common &= entry;
			w->any |= entry;
		}
		if (is_leaf(w, entry))
			return 0;
		table = entry_table(w, entry);
	}
}

/* Protection keys: of user pages in long mode, for data. */
static bool key_blocks(const struct walker *w, bool write)
{
	u64 entry = w->entry[w->level];
	u32 rights;

	if (!w->lm || !(w->vcpu->cr4 & X86_CR4_PKE) || (w->access & X86_PF_INSTR))
		return false;
	rights = w->vcpu->pkru >> ((entry >> _PAGE_BIT_PKEY_BIT0 & 15) * PKRU_BITS_PER_PKEY);
	if (rights & PKRU_AD_BIT)
		return true;
	return (rights & PKRU_WD_BIT) && write &&
	       ((w->access & X86_PF_USER) || (w->vcpu->cr0 & X86_CR0_WP));
}

static int check_rights(struct walker *w, struct x86_walk *walk)
{
	const struct x86_vcpu *vcpu = w->vcpu;
	bool user = w->access & X86_PF_USER, fetch = w->access & X86_PF_INSTR;
	bool write = w->access & X86_PF_WRITE, user_page = w->common & _PAGE_USER;
	bool denied = user && !user_page;

	if (write && !(w->common & _PAGE_RW))
		denied |= user || (vcpu->cr0 & X86_CR0_WP);
	if (fetch && w->wide && (w->any & _PAGE_NX))
		denied = true;
	if (!user && user_page && fetch)
		denied |= !!(vcpu->cr4 & X86_CR4_SMEP);
	else if (!user && user_page)
		denied |= (vcpu->cr4 & X86_CR4_SMAP) && !(vcpu->rflags & X86_EFLAGS_AC);
	if (denied)
		return page_fault(w, walk, X86_PF_PROT);
	if (user_page && key_blocks(w, write))
		return page_fault(w, walk, X86_PF_PROT | X86_PF_PK);
	return 0;
}

/* Accessed on the way, dirty at its end. */
static int mark_entries(struct walker *w)
{
	unsigned int size = w->wide ? 8 : 4;
	u64 old, new;
	int level, r;

	for (level = w->top; level >= w->level; level--) {
		if (is_pdpte(w, level))
			continue;
		old = w->entry[level];
		new = old | _PAGE_ACCESSED;
		if (level == w->level && (w->access & X86_PF_WRITE))
			new |= _PAGE_DIRTY;
		if (new == old)
			continue;
		r = x86_guest_cmpxchg(w->vcpu, w->gpa[level], &old, &new, size);
		/* In read-only memory they stay as they are. */
		if (r && r != -EROFS)
			return r;
		if (!r)
			w->entry[level] = new;
	}
	return 0;
}

static gpa_t mapping_gpa(const struct walker *w)
{
	u64 entry = w->entry[w->level], offset = BIT_ULL(level_shift(w, w->level)) - 1;
	gpa_t frame = entry_table(w, entry) & ~offset;

	if (!w->wide && w->level == 2)
		frame |= (u64)FIELD_GET(ENTRY_PSE36, entry) << 32;
	return frame | (w->la & offset);
}

static int walk_paging(struct walker *w, struct x86_walk *walk)
{
	int r = walk_down(w, walk);

	if (!r && !(w->access & X86_WALK_PEEK))
		r = check_rights(w, walk) ?: mark_entries(w);
	if (r)
		return r;
	walk->writable = w->common & _PAGE_RW;
	walk->user = w->common & _PAGE_USER;
	walk->gpa = mapping_gpa(w);
	return 0;
}

static void add_words(const struct walker *w, struct kvm_words *words)
{
	unsigned int size = w->wide ? 8 : 4;
	int level;

	for (level = w->top; level >= w->level; level--)
		kvm_words_add(&w->vcpu->vcpu, words, w->gpa[level], &w->entry[level], size);
}

int x86_walk_words(struct x86_vcpu *vcpu, u64 la, u32 access, struct x86_walk *walk,
		   struct kvm_words *words)
{
	struct walker w = { .vcpu = vcpu, .la = la, .access = access };
	int r;

	x86_fetch(vcpu, X86_GROUP_CONTROL);
	if (!(vcpu->cr0 & X86_CR0_PG)) {
		*walk = (struct x86_walk) { .gpa = la, .writable = true, .user = true };
		return 0;
	}
	w.lm = vcpu->efer & EFER_LMA;
	w.wide = vcpu->cr4 & X86_CR4_PAE;
	if (w.lm)
		w.top = vcpu->cr4 & X86_CR4_LA57 ? 5 : 4;
	else
		w.top = w.wide ? 3 : 2;
	r = walk_paging(&w, walk);
	if (!r && words)
		add_words(&w, words);
	return r;
}

int x86_walk(struct x86_vcpu *vcpu, u64 la, u32 access, struct x86_walk *walk)
{
	return x86_walk_words(vcpu, la, access, walk, NULL);
}

long x86_translate(struct kvm_ioctl_args *args)
{
	struct kvm_translation *tr = args->data;
	struct x86_walk walk;
	int r;

	r = x86_walk(to_x86(args->vcpu), tr->linear_address, X86_WALK_PEEK, &walk);
	*tr = (struct kvm_translation) {
		.linear_address = tr->linear_address,
		.physical_address = r ? ~0ULL : walk.gpa,
		.valid = !r,
		.writeable = !r && walk.writable,
		.usermode = !r && walk.user,
	};
	return 0;
}
