// SPDX-License-Identifier: GPL-2.0
/*
 * Control registers and EFER: which values are legal (APM 2, chapter 3 and
 * 15.5.1), and what writing them does.
 */
#include <linux/kernel.h>
#include <asm/msr-index.h>

#include "cpuid.h"
#include "regs.h"

#define CR4_ALWAYS							\
	(X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE |		\
	 X86_CR4_PSE | X86_CR4_PAE | X86_CR4_MCE | X86_CR4_PGE |	\
	 X86_CR4_PCE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT)

/* Changes of these bits make cached translations wrong. */
#define CR0_PAGING	(X86_CR0_PG | X86_CR0_WP)
#define CR4_PAGING							\
	(X86_CR4_PSE | X86_CR4_PAE | X86_CR4_PGE | X86_CR4_SMEP |	\
	 X86_CR4_SMAP | X86_CR4_PCIDE | X86_CR4_PKE | X86_CR4_LA57)

u64 x86_cr4_allowed(const u32 *caps)
{
	static const struct {
		u16 feature;
		u32 bit;
	} optional[] = {
		{ X86_FEATURE_UMIP,	X86_CR4_UMIP },
		{ X86_FEATURE_LA57,	X86_CR4_LA57 },
		{ X86_FEATURE_FSGSBASE,	X86_CR4_FSGSBASE },
		{ X86_FEATURE_PCID,	X86_CR4_PCIDE },
		{ X86_FEATURE_XSAVE,	X86_CR4_OSXSAVE },
		{ X86_FEATURE_SMEP,	X86_CR4_SMEP },
		{ X86_FEATURE_SMAP,	X86_CR4_SMAP },
		{ X86_FEATURE_PKU,	X86_CR4_PKE },
	};
	u64 allowed = CR4_ALWAYS;
	int i;

	for (i = 0; i < ARRAY_SIZE(optional); i++)
		if (caps[optional[i].feature / 32] & BIT(optional[i].feature & 31))
			allowed |= optional[i].bit;
	return allowed;
}

static u64 efer_allowed(const u32 *caps)
{
	u64 allowed = EFER_SCE;

	if (caps[CPUID_8000_0001_EDX] & BIT(X86_FEATURE_LM & 31))
		allowed |= EFER_LME | EFER_LMA;
	if (caps[CPUID_8000_0001_EDX] & BIT(X86_FEATURE_NX & 31))
		allowed |= EFER_NX;
	if (caps[CPUID_8000_0001_EDX] & BIT(X86_FEATURE_FXSR_OPT & 31))
		allowed |= EFER_FFXSR;
	if (caps[CPUID_8000_0021_EAX] & BIT(X86_FEATURE_AUTOIBRS & 31))
		allowed |= EFER_AUTOIBRS;
	return allowed;
}

bool x86_efer_legal(u64 efer)
{
	return !(efer & ~efer_allowed(x86_caps));
}

bool x86_is_canonical(struct x86_vcpu *vcpu, u64 la)
{
	unsigned int bits;

	x86_fetch(vcpu, X86_GROUP_CONTROL);
	bits = vcpu->cr4 & X86_CR4_LA57 ? 57 : 48;
	return sign_extend64(la, bits - 1) == la;
}

static bool cr0_legal(u64 cr0)
{
	if (upper_32_bits(cr0))
		return false;
	if ((cr0 & X86_CR0_PG) && !(cr0 & X86_CR0_PE))
		return false;
	return !(cr0 & X86_CR0_NW) || (cr0 & X86_CR0_CD);
}

static u64 cr3_reserved(struct x86_vcpu *vcpu)
{
	return ~GENMASK_ULL(vcpu->maxphyaddr - 1, 0);
}

static void control_changed(struct x86_vcpu *vcpu, bool flush)
{
	x86_mark_dirty(vcpu, X86_GROUP_CONTROL);
	vcpu->flush_tlb |= flush;
}

/* EFER.LMA after a change of CR0.PG; -EINVAL where long mode cannot begin or end. */
static int long_mode_follows_pg(struct x86_vcpu *vcpu, u64 cr0, u64 *efer)
{
	bool pg = cr0 & X86_CR0_PG;

	x86_fetch(vcpu, X86_GROUP_SEGMENTS);
	*efer = vcpu->efer;
	if (!(vcpu->efer & EFER_LME) || pg == !!(vcpu->cr0 & X86_CR0_PG))
		return 0;
	if (vcpu->seg[X86_CS].l || (pg && !(vcpu->cr4 & X86_CR4_PAE)))
		return -EINVAL;
	*efer ^= EFER_LMA;
	return 0;
}

int x86_set_cr0(struct x86_vcpu *vcpu, u64 cr0)
{
	u64 efer;

	x86_fetch(vcpu, X86_GROUP_CONTROL);
	cr0 |= X86_CR0_ET;
	if (!cr0_legal(cr0) || long_mode_follows_pg(vcpu, cr0, &efer))
		return -EINVAL;
	if (!(cr0 & X86_CR0_PG) && (vcpu->cr4 & X86_CR4_PCIDE))
		return -EINVAL;

	control_changed(vcpu, (cr0 ^ vcpu->cr0) & CR0_PAGING);
	vcpu->cr0 = cr0;
	vcpu->efer = efer;
	return 0;
}

int x86_set_cr3(struct x86_vcpu *vcpu, u64 cr3)
{
	bool keep = false;

	x86_fetch(vcpu, X86_GROUP_CONTROL);
	if (vcpu->cr4 & X86_CR4_PCIDE) {
		keep = cr3 & X86_CR3_PCID_NOFLUSH;
		cr3 &= ~X86_CR3_PCID_NOFLUSH;
	}
	if ((vcpu->efer & EFER_LMA) && (cr3 & cr3_reserved(vcpu)))
		return -EINVAL;
	control_changed(vcpu, !keep);
	vcpu->cr3 = cr3;
	return 0;
}

int x86_set_cr4(struct x86_vcpu *vcpu, u64 cr4)
{
	u64 changed;

	x86_fetch(vcpu, X86_GROUP_CONTROL);
	changed = cr4 ^ vcpu->cr4;
	if (cr4 & ~vcpu->cr4_allowed)
		return -EINVAL;
	if ((vcpu->efer & EFER_LMA) &&
	    (!(cr4 & X86_CR4_PAE) || (changed & X86_CR4_LA57)))
		return -EINVAL;
	if ((changed & cr4 & X86_CR4_PCIDE) &&
	    (!(vcpu->efer & EFER_LMA) || (vcpu->cr3 & X86_CR3_PCID_MASK)))
		return -EINVAL;

	control_changed(vcpu, changed & CR4_PAGING);
	vcpu->cr4 = cr4;
	return 0;
}

int x86_set_efer(struct x86_vcpu *vcpu, u64 efer)
{
	x86_fetch(vcpu, X86_GROUP_CONTROL);
	/* LMA is the CPU's to write. */
	efer = (efer & ~EFER_LMA) | (vcpu->efer & EFER_LMA);
	if (efer & ~efer_allowed(vcpu->cpuid ? vcpu->caps : x86_caps))
		return -EINVAL;
	if (((efer ^ vcpu->efer) & EFER_LME) && (vcpu->cr0 & X86_CR0_PG))
		return -EINVAL;

	control_changed(vcpu, (efer ^ vcpu->efer) & (EFER_NX | EFER_LMA));
	vcpu->efer = efer;
	return 0;
}

int x86_check_control(struct x86_vcpu *vcpu, const struct kvm_sregs2 *sregs)
{
	bool long_mode = (sregs->efer & EFER_LME) && (sregs->cr0 & X86_CR0_PG);

	if (!cr0_legal(sregs->cr0) || (sregs->cr4 & ~vcpu->cr4_allowed) ||
	    !x86_efer_legal(sregs->efer) || (sregs->cr8 & ~X86_CR8_TPR))
		return -EINVAL;
	if (long_mode != !!(sregs->efer & EFER_LMA))
		return -EINVAL;
	if (!long_mode)
		return sregs->cs.l ? -EINVAL : 0;
	if (!(sregs->cr4 & X86_CR4_PAE) || (sregs->cr3 & cr3_reserved(vcpu)))
		return -EINVAL;
	return sregs->cs.l && sregs->cs.db ? -EINVAL : 0;
}
