// SPDX-License-Identifier: GPL-2.0
/*
 * Walks over page tables of a guest, in every mode of paging: rights, error
 * codes, and what becomes of accessed and dirty bits. No CPU need have the mode.
 */
#include <kunit/test.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/mman.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>
#include <asm/pgtable_types.h>
#include <asm/processor-flags.h>

#include <kvm/memslot.h>

#include "../../../virt/core.h"
#include "../walk.h"
#include "../x86.h"
#include "fake.h"

#define MEMORY		(8 * PAGE_SIZE)	/* of the guest; a table's page is that of its level */
#define FRAME		0x80000000ULL	/* what is mapped: 1 GiB, no memory */
#define OFFSET		0x123

#define P		_PAGE_PRESENT
#define W		_PAGE_RW
#define U		_PAGE_USER
#define NX		_PAGE_NX
#define A		_PAGE_ACCESSED
#define D		_PAGE_DIRTY
#define PSE		_PAGE_PSE
#define KEY(n)		((u64)(n) << _PAGE_BIT_PKEY_BIT0)

#define READS		0
#define WRITES		X86_PF_WRITE
#define USER		X86_PF_USER
#define FETCHES		X86_PF_INSTR
#define PROT		X86_PF_PROT

struct mode {
	const char *name;
	int top;
	bool wide;
	u64 cr4, efer;
};

static const struct mode modes[] = {
	{ "32 bits", 2, false, X86_CR4_PSE, 0 },
	{ "PAE", 3, true, X86_CR4_PAE, EFER_NX },
	{ "4 levels", 4, true, X86_CR4_PAE, EFER_NX | EFER_LMA | EFER_LME },
	{ "5 levels", 5, true, X86_CR4_PAE | X86_CR4_LA57, EFER_NX | EFER_LMA | EFER_LME },
};

#define WP		1	/* CR0.WP */
#define AC		2	/* RFLAGS.AC */
#define ONLY_WIDE	4	/* 8-byte entries */
#define ONLY_LONG	8

/**
 * struct walk_case - one page, one access
 * @what: for the log
 * @access: as x86_walk() has it
 * @leaf: the entry that maps the page
 * @dir: rights of the entries above, U and W if 0
 * @cr4: beyond what the mode has
 * @flags: what else there is, and where the case makes sense
 * @pkru: the guest's PKRU
 * @error: of the page fault, or -1 if there must be none
 */
struct walk_case {
	const char *what;
	u32 access;
	u64 leaf, dir, cr4;
	u32 flags, pkru;
	int error;
};

static const struct walk_case walk_cases[] = {
	{ "user reads", USER, P | U, .error = -1 },
	{ "user writes", USER | WRITES, P | U | W, .error = -1 },
	{ "supervisor writes", WRITES, P | W, .error = -1 },
	{ "nothing there", USER | WRITES, U | W, .error = USER | WRITES },
	{ "nothing to fetch", USER | FETCHES, U, .flags = ONLY_WIDE, .error = USER | FETCHES },
	{ "user at a supervisor's page", USER, P | W, .error = PROT | USER },
	{ "a level is the supervisor's", USER, P | U | W, P | W, .error = PROT | USER },
	{ "user at a page to read", USER | WRITES, P | U, .error = PROT | USER | WRITES },
	{ "a level is to read", USER | WRITES, P | U | W, P | U, .error = PROT | USER | WRITES },
	{ "supervisor without WP", WRITES, P, .error = -1 },
	{ "supervisor with WP", WRITES, P, .flags = WP, .error = PROT | WRITES },
	{ "fetch", FETCHES, P, .error = -1 },
	{ "fetch from NX", FETCHES, P | NX, .flags = ONLY_WIDE, .error = PROT | FETCHES },
	{ "read from NX", READS, P | NX, .flags = ONLY_WIDE, .error = -1 },
	{ "address too large", READS, P | BIT_ULL(51), .flags = ONLY_WIDE,
	  .error = PROT | X86_PF_RSVD },

	{ "SMEP", FETCHES, P | U, .cr4 = X86_CR4_SMEP, .error = PROT | FETCHES },
	{ "SMEP is off", FETCHES, P | U, .error = -1 },
	{ "SMEP, a supervisor's page", FETCHES, P, .cr4 = X86_CR4_SMEP, .error = -1 },
	{ "SMEP, the user fetches", USER | FETCHES, P | U, .cr4 = X86_CR4_SMEP, .error = -1 },
	{ "SMEP, data", READS, P | U, .cr4 = X86_CR4_SMEP, .error = -1 },

	{ "SMAP", READS, P | U, .cr4 = X86_CR4_SMAP, .error = PROT },
	{ "SMAP, write", WRITES, P | U | W, .cr4 = X86_CR4_SMAP, .error = PROT | WRITES },
	{ "SMAP and AC", READS, P | U, .cr4 = X86_CR4_SMAP, .flags = AC, .error = -1 },
	{ "SMAP, a supervisor's page", READS, P, .cr4 = X86_CR4_SMAP, .error = -1 },
	{ "SMAP, the user reads", USER, P | U, .cr4 = X86_CR4_SMAP, .error = -1 },
	{ "SMAP, a fetch", FETCHES, P | U, .cr4 = X86_CR4_SMAP, .error = -1 },

	{ "key without access", USER, P | U | KEY(5), .cr4 = X86_CR4_PKE, .flags = ONLY_LONG,
	  .pkru = 1 << 10, .error = PROT | X86_PF_PK | USER },
	{ "the same for the supervisor", READS, P | U | KEY(5), .cr4 = X86_CR4_PKE,
	  .flags = ONLY_LONG, .pkru = 1 << 10, .error = PROT | X86_PF_PK },
	{ "another key", USER, P | U | KEY(4), .cr4 = X86_CR4_PKE, .flags = ONLY_LONG,
	  .pkru = 1 << 10, .error = -1 },
	{ "keys are off", USER, P | U | KEY(5), .flags = ONLY_LONG, .pkru = 1 << 10,
	  .error = -1 },
	{ "a supervisor's page has no key", READS, P | KEY(5), .cr4 = X86_CR4_PKE,
	  .flags = ONLY_LONG, .pkru = 1 << 10, .error = -1 },
	{ "nor has a fetch", USER | FETCHES, P | U | KEY(5), .cr4 = X86_CR4_PKE,
	  .flags = ONLY_LONG, .pkru = 1 << 10, .error = -1 },
	{ "key to read", USER | WRITES, P | U | W | KEY(15), .cr4 = X86_CR4_PKE,
	  .flags = ONLY_LONG, .pkru = 2U << 30, .error = PROT | X86_PF_PK | USER | WRITES },
	{ "key to read, a read", USER, P | U | W | KEY(15), .cr4 = X86_CR4_PKE,
	  .flags = ONLY_LONG, .pkru = 2U << 30, .error = -1 },
	{ "key to read, without WP", WRITES, P | U | W | KEY(15), .cr4 = X86_CR4_PKE,
	  .flags = ONLY_LONG, .pkru = 2U << 30, .error = -1 },
	{ "key to read, with WP", WRITES, P | U | W | KEY(15), .cr4 = X86_CR4_PKE,
	  .flags = ONLY_LONG | WP, .pkru = 2U << 30, .error = PROT | X86_PF_PK | WRITES },
};

struct guest {
	struct kvm *kvm;
	int fd;
	unsigned long hva;
	struct x86_vcpu *vcpu;
};

static int walk_init(struct kunit *test)
{
	struct kvm_userspace_memory_region region = { .memory_size = MEMORY };
	struct guest *guest = kunit_kzalloc(test, sizeof(*guest), GFP_KERNEL);
	struct kvm_ioctl_args args = { .data = &region };

	if (!fake_active())
		kunit_skip(test, "needs backend=fake");
	KUNIT_ASSERT_NOT_NULL(test, guest);
	guest->hva = kunit_vm_mmap(test, NULL, 0, MEMORY, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, 0);
	KUNIT_ASSERT_NE(test, 0, guest->hva);
	fake_reset();
	guest->fd = -1;
	guest->kvm = kvm_create_vm(KVM_X86_DEFAULT_VM);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, guest->kvm);
	test->priv = guest;
	region.userspace_addr = guest->hva;
	args.kvm = guest->kvm;
	KUNIT_ASSERT_EQ(test, 0, kvm_vm_set_memory(&args));
	guest->fd = kvm_create_vcpu(guest->kvm, 0);
	KUNIT_ASSERT_GE(test, guest->fd, 0);
	guest->vcpu = to_x86(kvm_get_vcpu(guest->kvm, 0));
	guest->vcpu->maxphyaddr = 40;
	return 0;
}

static void walk_exit(struct kunit *test)
{
	struct guest *guest = test->priv;

	if (!guest)
		return;
	if (guest->fd >= 0)
		close_fd(guest->fd);
	kvm_put(guest->kvm);
	/* Before the next test, not when this thread's work is done. */
	flush_delayed_fput();
}

static u64 la_index(int level)
{
	/* PAE has four entries at its top. */
	return level == 3 ? 2 : level * 17;
}

static u64 make_la(const struct mode *mode)
{
	u64 la = OFFSET;
	int level;

	for (level = 1; level <= mode->top; level++)
		la |= la_index(level) << (PAGE_SHIFT + (mode->wide ? 9 : 10) * (level - 1));
	return la;
}

static unsigned long entry_hva(const struct guest *guest, const struct mode *mode, int level)
{
	return guest->hva + level * PAGE_SIZE + la_index(level) * (mode->wide ? 8 : 4);
}

static void set_entry(struct kunit *test, const struct mode *mode, int level, u64 entry)
{
	unsigned long hva = entry_hva(test->priv, mode, level);

	KUNIT_ASSERT_EQ(test, 0, copy_to_user((void __user *)hva, &entry, mode->wide ? 8 : 4));
}

static u64 get_entry(struct kunit *test, const struct mode *mode, int level)
{
	unsigned long hva = entry_hva(test->priv, mode, level);
	u64 entry = 0;

	KUNIT_ASSERT_EQ(test, 0, copy_from_user(&entry, (void __user *)hva, mode->wide ? 8 : 4));
	return entry;
}

/* In PAE paging the entries at the top have no rights. */
static bool has_rights(const struct mode *mode, int level)
{
	return level != 3 || mode->top != 3;
}

/* Tables from the top to @leaf_level, and the vCPU's registers. */
static void make_tables(struct kunit *test, const struct mode *mode, int leaf_level,
			const struct walk_case *c)
{
	struct x86_vcpu *vcpu = ((struct guest *)test->priv)->vcpu;
	u64 dir = c->dir ?: P | W | U;
	int level;

	for (level = mode->top; level > leaf_level; level--)
		set_entry(test, mode, level,
			  (level - 1) * PAGE_SIZE | (has_rights(mode, level) ? dir : P));
	set_entry(test, mode, leaf_level, FRAME | c->leaf | (leaf_level > 1 ? PSE : 0));
	vcpu->cr0 = X86_CR0_PE | X86_CR0_PG | (c->flags & WP ? X86_CR0_WP : 0);
	vcpu->cr3 = mode->top * PAGE_SIZE;
	vcpu->cr4 = mode->cr4 | c->cr4;
	vcpu->efer = mode->efer;
	vcpu->rflags = X86_EFLAGS_FIXED | (c->flags & AC ? X86_EFLAGS_AC : 0);
	vcpu->pkru = c->pkru;
}

static int walk(struct kunit *test, u64 la, u32 access, struct x86_walk *walk)
{
	struct x86_vcpu *vcpu = ((struct guest *)test->priv)->vcpu;

	guard(mutex)(&vcpu->vcpu.mutex);
	return x86_walk(vcpu, la, access, walk);
}

/* A walk that succeeds marks every level it used, one that faults none. */
static void expect_marks(struct kunit *test, const struct mode *mode, int leaf_level,
			 const struct walk_case *c)
{
	u64 entry, marks;
	int level;

	for (level = mode->top; level >= leaf_level; level--) {
		entry = get_entry(test, mode, level);
		marks = c->error < 0 && has_rights(mode, level) ? A : 0;
		if (marks && level == leaf_level && (c->access & WRITES))
			marks |= D;
		KUNIT_EXPECT_EQ_MSG(test, entry & (A | D), marks, "%s, %s, level %d", mode->name,
				    c->what, level);
	}
}

static void one_walk(struct kunit *test, const struct mode *mode, int leaf_level,
		     const struct walk_case *c)
{
	u64 size = 1ULL << (PAGE_SHIFT + (mode->wide ? 9 : 10) * (leaf_level - 1));
	u64 la = make_la(mode);
	struct x86_walk result;
	int r;

	make_tables(test, mode, leaf_level, c);
	r = walk(test, la, c->access, &result);
	KUNIT_EXPECT_EQ_MSG(test, r, c->error < 0 ? 0 : -EFAULT, "%s, %s", mode->name, c->what);
	if (r)
		KUNIT_EXPECT_EQ_MSG(test, result.error_code, c->error, "%s, %s", mode->name,
				    c->what);
	else
		KUNIT_EXPECT_EQ_MSG(test, result.gpa, FRAME | (la & (size - 1)), "%s, %s",
				    mode->name, c->what);
	expect_marks(test, mode, leaf_level, c);
}

/* Is there a level with rights above that of the page? */
static bool has_dir(const struct mode *mode, int leaf_level)
{
	return leaf_level < (mode->top == 3 ? 2 : mode->top);
}

static bool makes_sense(const struct mode *mode, const struct walk_case *c, int leaf_level)
{
	return (!c->dir || has_dir(mode, leaf_level)) &&
	       (mode->wide || !(c->flags & ONLY_WIDE)) &&
	       ((mode->efer & EFER_LMA) || !(c->flags & ONLY_LONG));
}

static void rights(struct kunit *test)
{
	int i, j, level;

	for (i = 0; i < ARRAY_SIZE(modes); i++)
		for (j = 0; j < ARRAY_SIZE(walk_cases); j++)
			for (level = 1; level <= 2; level++)
				if (makes_sense(&modes[i], &walk_cases[j], level))
					one_walk(test, &modes[i], level, &walk_cases[j]);
}

static void a_gigabyte(struct kunit *test)
{
	static const struct walk_case c = { "1 GiB", USER | WRITES, P | U | W, .error = -1 };

	if (!boot_cpu_has(X86_FEATURE_GBPAGES))
		kunit_skip(test, "this CPU has no pages of 1 GiB");
	one_walk(test, &modes[2], 3, &c);
	one_walk(test, &modes[3], 3, &c);
}

/* Where they are reserved: between address and PAT of a large page, and at the top. */
static void reserved_bits(struct kunit *test)
{
	static const struct walk_case c = {
		"reserved", READS, P | BIT_ULL(21), .error = PROT | X86_PF_RSVD
	}, low = {
		"reserved", READS, P | BIT_ULL(13), .error = PROT | X86_PF_RSVD
	}, top = {
		"reserved", READS, P, .error = PROT | X86_PF_RSVD
	};

	one_walk(test, &modes[0], 2, &c);
	one_walk(test, &modes[1], 2, &low);
	one_walk(test, &modes[2], 2, &low);
	one_walk(test, &modes[2], 4, &top);
	one_walk(test, &modes[3], 5, &top);
}

/* Bits 39:32 of the address stand in bits 20:13 of the entry (APM 2, 5.2.4). */
static void pse36(struct kunit *test)
{
	static const struct walk_case c = { "PSE-36", READS, P | 0xa5ULL << 13, .error = -1 };
	struct x86_walk result;

	make_tables(test, &modes[0], 2, &c);
	KUNIT_ASSERT_EQ(test, 0, walk(test, make_la(&modes[0]), READS, &result));
	KUNIT_EXPECT_EQ(test, result.gpa, 0xa500000000ULL | FRAME |
			(make_la(&modes[0]) & (SZ_4M - 1)));
}

/* Who only looks needs no rights, and leaves no trace. */
static void a_peek(struct kunit *test)
{
	static const struct walk_case c = { "peek", X86_WALK_PEEK, P };
	const u32 access = USER | WRITES | X86_WALK_PEEK;
	struct x86_walk result;
	int i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		make_tables(test, &modes[i], 1, &c);
		KUNIT_ASSERT_EQ(test, 0, walk(test, make_la(&modes[i]), access, &result));
		KUNIT_EXPECT_EQ(test, result.gpa, FRAME | OFFSET);
		KUNIT_EXPECT_FALSE(test, result.user);
		expect_marks(test, &modes[i], 1, &c);
	}
}

static void tables_outside_of_memory(struct kunit *test)
{
	static const struct walk_case c = { "outside", READS, P };
	struct x86_walk result;

	make_tables(test, &modes[2], 1, &c);
	set_entry(test, &modes[2], 3, FRAME | P);
	KUNIT_EXPECT_EQ(test, -EIO, walk(test, make_la(&modes[2]), READS, &result));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(rights),
	KUNIT_CASE(a_gigabyte),
	KUNIT_CASE(reserved_bits),
	KUNIT_CASE(pse36),
	KUNIT_CASE(a_peek),
	KUNIT_CASE(tables_outside_of_memory),
	{}
};

static struct kunit_suite walk_suite = {
	.name = "kvm_walk",
	.init = walk_init,
	.exit = walk_exit,
	.test_cases = cases,
};

kunit_test_suite(walk_suite);
