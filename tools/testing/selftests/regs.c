// SPDX-License-Identifier: GPL-2.0
/* KVM_{GET,SET}_{REGS,SREGS,SREGS2}: what is set is got, what is illegal is refused. */
#include <sys/ioctl.h>

#include "kselftest_harness.h"
#include "files.h"

#define CR0_PE		(1UL << 0)
#define CR0_ET		(1UL << 4)
#define CR0_NW		(1UL << 29)
#define CR0_CD		(1UL << 30)
#define CR0_PG		(1UL << 31)
#define CR4_PAE		(1UL << 5)
#define CR4_VMXE	(1UL << 13)
#define EFER_LME	(1UL << 8)
#define EFER_LMA	(1UL << 10)
#define EFER_SVME	(1UL << 12)

#define EXPECT_ERRNO(call, error) do {		\
	errno = 0;				\
	EXPECT_EQ(call, -1);			\
	EXPECT_EQ(errno, error);		\
} while (0)

FIXTURE(regs) {
	int vm, vcpu;
};

FIXTURE_SETUP(regs)
{
	self->vm = create_vm();
	ASSERT_GE(self->vm, 0);
	self->vcpu = create_vcpu(self->vm, 0);
	ASSERT_GE(self->vcpu, 0);
}

FIXTURE_TEARDOWN(regs)
{
	close(self->vcpu);
	close(self->vm);
}

/* Every byte another one, so that no two registers can be confused. */
static void fill(void *to, size_t size)
{
	for (size_t i = 0; i < size; i++)
		((unsigned char *)to)[i] = i + 1;
}

TEST_F(regs, regs_round_trip)
{
	struct kvm_regs set, got;

	fill(&set, sizeof(set));
	set.rflags = 0x246;
	ASSERT_EQ(ioctl(self->vcpu, KVM_SET_REGS, &set), 0);
	ASSERT_EQ(ioctl(self->vcpu, KVM_GET_REGS, &got), 0);
	EXPECT_EQ(memcmp(&set, &got, sizeof(set)), 0);
}

TEST_F(regs, rflags)
{
	static const int reserved[] = { 3, 5, 15, 22, 31, 32, 63 };
	struct kvm_regs regs;

	ASSERT_EQ(ioctl(self->vcpu, KVM_GET_REGS, &regs), 0);
	for (unsigned int i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
		regs.rflags = 2 | 1UL << reserved[i];
		EXPECT_ERRNO(ioctl(self->vcpu, KVM_SET_REGS, &regs), EINVAL);
	}
	/* The bit that is always set need not be given. */
	regs.rflags = 0;
	EXPECT_EQ(ioctl(self->vcpu, KVM_SET_REGS, &regs), 0);
	ASSERT_EQ(ioctl(self->vcpu, KVM_GET_REGS, &regs), 0);
	EXPECT_EQ(regs.rflags, 2);
}

static struct kvm_segment segment(int n)
{
	return (struct kvm_segment) {
		.base = 0x1000 * n, .limit = 0x10000 + n, .selector = 8 * n,
		.type = 3, .present = 1, .s = 1, .g = 0, .avl = n & 1,
	};
}

/* Long mode, with each segment and table another. */
static void fill_sregs(struct kvm_sregs *sregs)
{
	sregs->cs = segment(1);
	sregs->cs.type = 11;
	sregs->cs.l = 1;
	sregs->ds = segment(2);
	sregs->es = segment(3);
	sregs->fs = segment(4);
	sregs->gs = segment(5);
	sregs->ss = segment(6);
	sregs->tr = segment(7);
	sregs->tr.type = 11;
	sregs->tr.s = 0;
	sregs->ldt = segment(8);
	sregs->ldt.type = 2;
	sregs->ldt.s = 0;
	sregs->gdt = (struct kvm_dtable) { .base = 0x111000, .limit = 0x7f };
	sregs->idt = (struct kvm_dtable) { .base = 0x222000, .limit = 0xfff };
	sregs->cr0 = CR0_PE | CR0_PG | CR0_ET;
	sregs->cr2 = 0xdead000;
	sregs->cr3 = 0x1234000;
	sregs->cr4 = CR4_PAE;
	sregs->cr8 = 5;
	sregs->efer = EFER_LME | EFER_LMA;
}

TEST_F(regs, sregs_round_trip)
{
	struct kvm_sregs set, got;

	ASSERT_EQ(ioctl(self->vcpu, KVM_GET_SREGS, &set), 0);
	fill_sregs(&set);
	ASSERT_EQ(ioctl(self->vcpu, KVM_SET_SREGS, &set), 0);
	ASSERT_EQ(ioctl(self->vcpu, KVM_GET_SREGS, &got), 0);
	EXPECT_EQ(memcmp(&set, &got, sizeof(set)), 0);

	set.interrupt_bitmap[0x31 / 64] = 1UL << (0x31 % 64);
	ASSERT_EQ(ioctl(self->vcpu, KVM_SET_SREGS, &set), 0);
	ASSERT_EQ(ioctl(self->vcpu, KVM_GET_SREGS, &got), 0);
	EXPECT_EQ(memcmp(&set, &got, sizeof(set)), 0);
}

TEST_F(regs, sregs2_round_trip)
{
	struct kvm_sregs sregs;
	struct kvm_sregs2 set, got;

	ASSERT_EQ(ioctl(self->vcpu, KVM_GET_SREGS, &sregs), 0);
	fill_sregs(&sregs);
	memset(&set, 0, sizeof(set));
	memcpy(&set, &sregs, offsetof(struct kvm_sregs2, flags));
	ASSERT_EQ(ioctl(self->vcpu, KVM_SET_SREGS2, &set), 0);
	memset(&got, 0xff, sizeof(got));
	ASSERT_EQ(ioctl(self->vcpu, KVM_GET_SREGS2, &got), 0);
	EXPECT_EQ(memcmp(&set, &got, sizeof(set)), 0);

	set.flags = 2;
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_SET_SREGS2, &set), EINVAL);
	/* PDPTEs have a meaning in PAE paging alone. */
	set.flags = KVM_SREGS2_FLAGS_PDPTRS_VALID;
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_SET_SREGS2, &set), EINVAL);
	set.efer = 0;
	set.cs.l = 0;
	EXPECT_EQ(ioctl(self->vcpu, KVM_SET_SREGS2, &set), 0);
}

/* Each makes a legal state illegal; the state must be as before. */
static void cr0_high(struct kvm_sregs *s)	{ s->cr0 |= 1UL << 32; }
static void cr0_nw(struct kvm_sregs *s)		{ s->cr0 |= CR0_NW; }
static void cr0_pg_no_pe(struct kvm_sregs *s)	{ s->cr0 &= ~CR0_PE; }
static void cr3_high(struct kvm_sregs *s)	{ s->cr3 |= 1UL << 62; }
static void cr4_high(struct kvm_sregs *s)	{ s->cr4 |= 1UL << 32; }
static void cr4_reserved(struct kvm_sregs *s)	{ s->cr4 |= 1UL << 15; }
#define EFER_NONE	0

static void cr4_vmxe(struct kvm_sregs *s)	{ s->cr4 |= CR4_VMXE; }
static void cr4_no_pae(struct kvm_sregs *s)	{ s->cr4 &= ~CR4_PAE; }
static void cr8_high(struct kvm_sregs *s)	{ s->cr8 = 16; }
static void efer_reserved(struct kvm_sregs *s)	{ s->efer |= 1UL << 9; }
static void efer_svme(struct kvm_sregs *s)	{ s->efer |= EFER_SVME; }
static void efer_no_lma(struct kvm_sregs *s)	{ s->efer &= ~EFER_LMA; }
static void efer_no_lme(struct kvm_sregs *s)	{ s->efer &= ~EFER_LME; }
static void lma_no_pg(struct kvm_sregs *s)	{ s->cr0 &= ~CR0_PG; }
static void l_without_lma(struct kvm_sregs *s)	{ s->efer = EFER_NONE; }
static void l_and_db(struct kvm_sregs *s)	{ s->cs.db = 1; }
static void apic_x2_off(struct kvm_sregs *s)	{ s->apic_base = 0xfee00400; }
static void apic_reserved(struct kvm_sregs *s)	{ s->apic_base = 0xfee00801; }
static void apic_high(struct kvm_sregs *s)	{ s->apic_base = 1UL << 60 | 0x800; }

#define SPOIL(name)	{ #name, name }

static const struct {
	const char *what;
	void (*spoil)(struct kvm_sregs *sregs);
} illegal[] = {
	SPOIL(cr0_high), SPOIL(cr0_nw), SPOIL(cr0_pg_no_pe), SPOIL(cr3_high),
	SPOIL(cr4_high), SPOIL(cr4_reserved), SPOIL(cr4_vmxe), SPOIL(cr4_no_pae),
	SPOIL(cr8_high), SPOIL(efer_reserved), SPOIL(efer_svme), SPOIL(efer_no_lma),
	SPOIL(efer_no_lme), SPOIL(lma_no_pg), SPOIL(l_without_lma), SPOIL(l_and_db),
	SPOIL(apic_x2_off), SPOIL(apic_reserved), SPOIL(apic_high),
};

TEST_F(regs, illegal_sregs)
{
	struct kvm_sregs legal, sregs;

	ASSERT_EQ(ioctl(self->vcpu, KVM_GET_SREGS, &legal), 0);
	fill_sregs(&legal);
	ASSERT_EQ(ioctl(self->vcpu, KVM_SET_SREGS, &legal), 0);
	for (unsigned int i = 0; i < sizeof(illegal) / sizeof(illegal[0]); i++) {
		sregs = legal;
		/* Were any of it taken over, this would show. */
		sregs.cr2 = 0x777000;
		sregs.ds.base = 0x777;
		illegal[i].spoil(&sregs);
		EXPECT_EQ(ioctl(self->vcpu, KVM_SET_SREGS, &sregs), -1) {
			TH_LOG("%s", illegal[i].what);
		}
		EXPECT_EQ(errno, EINVAL);
		ASSERT_EQ(ioctl(self->vcpu, KVM_GET_SREGS, &sregs), 0);
		EXPECT_EQ(memcmp(&sregs, &legal, sizeof(legal)), 0) {
			TH_LOG("%s changed something", illegal[i].what);
		}
	}
}

/* CR4 bits are reserved that the guest's CPUID does not bring. */
TEST_F(regs, cr4_follows_cpuid)
{
	struct kvm_cpuid2 none = {};
	struct kvm_sregs sregs;

	ASSERT_EQ(ioctl(self->vcpu, KVM_GET_SREGS, &sregs), 0);
	sregs.cr4 |= 1UL << 18;
	ASSERT_EQ(ioctl(self->vcpu, KVM_SET_SREGS, &sregs), 0);
	ASSERT_EQ(ioctl(self->vcpu, KVM_SET_CPUID2, &none), 0);
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_SET_SREGS, &sregs), EINVAL);
	sregs.cr4 &= ~(1UL << 18);
	EXPECT_EQ(ioctl(self->vcpu, KVM_SET_SREGS, &sregs), 0);
}

TEST_F(regs, faults)
{
	static const unsigned int cmds[] = {
		KVM_GET_REGS, KVM_SET_REGS, KVM_GET_SREGS, KVM_SET_SREGS,
		KVM_GET_SREGS2, KVM_SET_SREGS2,
	};

	for (unsigned int i = 0; i < sizeof(cmds) / sizeof(cmds[0]); i++)
		EXPECT_ERRNO(ioctl(self->vcpu, cmds[i], NULL), EFAULT);
}

TEST_HARNESS_MAIN
