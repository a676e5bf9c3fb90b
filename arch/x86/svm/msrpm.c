// SPDX-License-Identifier: GPL-2.0
/*
 * MSR permission maps (APM 2, 15.11): two bits for each MSR, read and write,
 * set for an exit. One map serves every vCPU that asks for nothing special.
 */
#include <linux/bitmap.h>
#include <linux/gfp.h>
#include <linux/mem_encrypt.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <asm/msr-index.h>

#include "../msr_filter.h"
#include "svm.h"

#define MSRPM_ORDER	1
#define MSRPM_SIZE	(PAGE_SIZE << MSRPM_ORDER)

static void *default_msrpm;

/* What VMRUN and VMLOAD switch, the guest may use as it likes. */
static const u32 guest_msrs[] = {
	MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SYSCALL_MASK,
	MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE,
	MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP,
};

/* The first of the MSR's two bits, or -1 where the map has none: always an exit. */
static int msrpm_bit(u32 msr)
{
	static const u32 bases[] = { 0, 0xc0000000, 0xc0010000 };
	int i;

	for (i = 0; i < ARRAY_SIZE(bases); i++)
		if (msr >= bases[i] && msr - bases[i] < SZ_8K)
			return (i * SZ_8K + (msr - bases[i])) * 2;
	return -1;
}

static void msrpm_set(void *map, u32 msr, bool read, bool write)
{
	int bit = msrpm_bit(msr);

	if (bit < 0)
		return;
	__assign_bit(bit, map, read);
	__assign_bit(bit + 1, map, write);
}

int svm_msrpm_init(void)
{
	int i;

	default_msrpm = (void *)__get_free_pages(GFP_KERNEL, MSRPM_ORDER);
	if (!default_msrpm)
		return -ENOMEM;
	memset(default_msrpm, 0xff, MSRPM_SIZE);
	for (i = 0; i < ARRAY_SIZE(guest_msrs); i++)
		msrpm_set(default_msrpm, guest_msrs[i], false, false);
	return 0;
}

void svm_msrpm_exit(void)
{
	free_pages((unsigned long)default_msrpm, MSRPM_ORDER);
}

hpa_t svm_msrpm_pa(struct svm_vcpu *svm)
{
	return __sme_pa(svm->msrpm ?: default_msrpm);
}

int svm_set_msr_exits(struct x86_vcpu *vcpu, u32 msr, bool read, bool write)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	if (!svm->msrpm) {
		svm->msrpm = (void *)__get_free_pages(GFP_KERNEL_ACCOUNT, MSRPM_ORDER);
		if (!svm->msrpm)
			return -ENOMEM;
		memcpy(svm->msrpm, default_msrpm, MSRPM_SIZE);
	}
	msrpm_set(svm->msrpm, msr, read, write);
	svm->vmcb->control.msrpm_base_pa = svm_msrpm_pa(svm);
	svm->clean &= ~SVM_CLEAN_IOPM;
	return 0;
}

/* Of an MSR that is the guest's, what the filter denies exits. */
static int svm_filter_msr(struct x86_vcpu *vcpu, u32 msr, bool exits_by_default)
{
	struct x86_vm *vm = to_x86_vm(vcpu->vcpu.kvm);
	bool read = !x86_msr_allowed(vm, msr, KVM_MSR_FILTER_READ);
	bool write = !x86_msr_allowed(vm, msr, KVM_MSR_FILTER_WRITE);

	if (!to_svm(vcpu)->msrpm && read == exits_by_default && write == exits_by_default)
		return 0;
	return svm_set_msr_exits(vcpu, msr, read, write);
}

int svm_filter_msrs(struct x86_vcpu *vcpu)
{
	int i, r;

	for (i = 0; i < ARRAY_SIZE(guest_msrs); i++) {
		r = svm_filter_msr(vcpu, guest_msrs[i], false);
		if (r)
			return r;
	}
	if (!vcpu->owns_spec_ctrl)
		return 0;
	r = svm_filter_msr(vcpu, MSR_IA32_SPEC_CTRL, true);
	/* Also where the filter makes it exit again: what stands there is the guest's. */
	to_svm(vcpu)->entry.read_spec_ctrl = !r;
	return r;
}

void svm_msrpm_free(struct svm_vcpu *svm)
{
	free_pages((unsigned long)svm->msrpm, MSRPM_ORDER);
}
