// SPDX-License-Identifier: GPL-2.0
/* Machine-check registers (APM 2, chapter 9), and machine checks from userspace. */
#include <linux/slab.h>
#include <asm/mce.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include "mce.h"

/* A bank is four registers, in this order of their numbers. */
enum { BANK_CTL, BANK_STATUS, BANK_ADDR, BANK_MISC, BANK_REGS };

#define MCE_CAP_SUPPORTED	(MCG_CTL_P | MCG_SER_P)

static unsigned int nr_banks(const struct x86_vcpu *vcpu)
{
	return vcpu->mce.cap & MCG_BANKCNT_MASK;
}

int x86_mce_set_status(struct x86_vcpu *vcpu, u32 index, u64 data, bool host)
{
	if (!host && data)
		return -EINVAL;
	vcpu->mce.status = data;
	return 0;
}

int x86_mce_get_ctl(struct x86_vcpu *vcpu, u32 index, u64 *data, bool host)
{
	if (!(vcpu->mce.cap & MCG_CTL_P) && !host)
		return -EINVAL;
	*data = vcpu->mce.ctl;
	return 0;
}

int x86_mce_set_ctl(struct x86_vcpu *vcpu, u32 index, u64 data, bool host)
{
	if (!(vcpu->mce.cap & MCG_CTL_P))
		return host && !data ? 0 : -EINVAL;
	if (data && data != ~0ULL)
		return -EINVAL;
	vcpu->mce.ctl = data;
	return 0;
}

/* The place of a bank's register, or NULL beyond the last bank. */
static u64 *bank_register(struct x86_vcpu *vcpu, u32 index)
{
	u32 i = index - MSR_IA32_MC0_CTL, nr = nr_banks(vcpu) * BANK_REGS;

	return i < nr ? &vcpu->mce.banks[array_index_nospec(i, nr)] : NULL;
}

int x86_mce_get_bank(struct x86_vcpu *vcpu, u32 index, u64 *data, bool host)
{
	u64 *reg = bank_register(vcpu, index);

	if (!reg)
		return -EINVAL;
	*data = *reg;
	return 0;
}

/* All or nothing; but kernels mask single faulty sources: bits 0 and 10. */
static bool bank_ctl_legal(u64 data)
{
	return !data || (data | BIT_ULL(0) | BIT_ULL(10)) == ~0ULL;
}

int x86_mce_set_bank(struct x86_vcpu *vcpu, u32 index, u64 data, bool host)
{
	u64 *reg = bank_register(vcpu, index);

	if (!reg)
		return -EINVAL;
	switch ((index - MSR_IA32_MC0_CTL) % BANK_REGS) {
	case BANK_CTL:
		if (!bank_ctl_legal(data))
			return -EINVAL;
		break;
	case BANK_STATUS:
		/* Clearing only, unless HWCR.McStatusWrEn is set. */
		if (!host && data && !(vcpu->hwcr & BIT_ULL(18)))
			return -EINVAL;
		break;
	}
	*reg = data;
	return 0;
}

void x86_mce_destroy(struct x86_vcpu *vcpu)
{
	kfree(vcpu->mce.banks);
}

long x86_get_mce_cap_supported(struct kvm_ioctl_args *args)
{
	*(u64 *)args->data = MCE_CAP_SUPPORTED;
	return 0;
}

long x86_setup_mce(struct kvm_ioctl_args *args)
{
	struct x86_vcpu *vcpu = to_x86(args->vcpu);
	u64 cap = *(u64 *)args->data, *banks;
	unsigned int i, nr = cap & MCG_BANKCNT_MASK;

	if (!nr || nr > X86_MAX_MCE_BANKS)
		return -EINVAL;
	if (cap & ~(MCE_CAP_SUPPORTED | MCG_BANKCNT_MASK | MCG_EXT_CNT_MASK))
		return -EINVAL;

	banks = kcalloc(nr * BANK_REGS, sizeof(*banks), GFP_KERNEL_ACCOUNT);
	if (!banks)
		return -ENOMEM;
	for (i = 0; i < nr; i++)
		banks[i * BANK_REGS + BANK_CTL] = ~0ULL;
	kfree(vcpu->mce.banks);
	vcpu->mce = (struct x86_mce){
		.cap = cap, .banks = banks, .ctl = cap & MCG_CTL_P ? ~0ULL : 0,
	};
	return 0;
}

/* The guest sees the error, or that there was one more than it can see. */
static void log_error(u64 *bank, const struct kvm_x86_mce *mce)
{
	bool full = bank[BANK_STATUS] & MCI_STATUS_VAL;

	/* An error that must be seen overwrites one that was corrected. */
	if (full && (!(mce->status & MCI_STATUS_UC) ||
		     (bank[BANK_STATUS] & MCI_STATUS_UC))) {
		bank[BANK_STATUS] |= MCI_STATUS_OVER;
		return;
	}
	bank[BANK_STATUS] = mce->status | (full ? MCI_STATUS_OVER : 0);
	bank[BANK_ADDR] = mce->addr;
	bank[BANK_MISC] = mce->misc;
}

/* A machine check inside a machine check, or before the guest can take any. */
static bool cannot_take(struct x86_vcpu *vcpu)
{
	x86_fetch(vcpu, X86_GROUP_CONTROL);
	return (vcpu->mce.status & MCG_STATUS_MCIP) || !(vcpu->cr4 & X86_CR4_MCE);
}

long x86_set_mce(struct kvm_ioctl_args *args)
{
	struct x86_vcpu *vcpu = to_x86(args->vcpu);
	const struct kvm_x86_mce *mce = args->data;
	unsigned int nr = nr_banks(vcpu);
	u64 *bank;

	if (mce->bank >= nr || !(mce->status & MCI_STATUS_VAL))
		return -EINVAL;
	bank = &vcpu->mce.banks[array_index_nospec(mce->bank, nr) * BANK_REGS];

	if (!(mce->status & MCI_STATUS_UC)) {
		log_error(bank, mce);
		return 0;
	}
	/* Switched off: for all banks, or for this one. */
	if (((vcpu->mce.cap & MCG_CTL_P) && vcpu->mce.ctl != ~0ULL) ||
	    bank[BANK_CTL] != ~0ULL)
		return 0;
	if (cannot_take(vcpu)) {
		kvm_make_request(X86_REQ_TRIPLE_FAULT, args->vcpu);
		return 0;
	}
	log_error(bank, mce);
	vcpu->mce.status = mce->mcg_status;
	x86_queue_exception(vcpu, X86_TRAP_MC);
	return 0;
}
