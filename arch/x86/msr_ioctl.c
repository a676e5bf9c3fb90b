// SPDX-License-Identifier: GPL-2.0
/* KVM_GET_MSRS, KVM_SET_MSRS, and the lists of what they move. */
#include <linux/cleanup.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <asm/msr.h>

#include "cpuid.h"
#include "msr.h"

/* Registers in one call; more than any list here holds. */
#define MAX_MSRS	256

static struct kvm_msr_entry *entries_from_user(struct kvm_ioctl_args *args)
{
	struct kvm_msrs __user *user = (void __user *)args->arg;
	const struct kvm_msrs *header = args->data;

	if (header->nmsrs >= MAX_MSRS)
		return ERR_PTR(-E2BIG);
	return memdup_array_user(user->entries, header->nmsrs, sizeof(*user->entries));
}

static int entries_to_user(struct kvm_ioctl_args *args, struct kvm_msr_entry *entries)
{
	struct kvm_msrs __user *user = (void __user *)args->arg;
	const struct kvm_msrs *header = args->data;

	return copy_to_user(user->entries, entries, header->nmsrs * sizeof(*entries)) ?
		-EFAULT : 0;
}

long x86_get_msrs(struct kvm_ioctl_args *args)
{
	struct kvm_msr_entry *entries __free(kfree) = entries_from_user(args);
	const struct kvm_msrs *header = args->data;
	unsigned int i;

	if (IS_ERR(entries))
		return PTR_ERR(entries);
	for (i = 0; i < header->nmsrs; i++)
		if (x86_get_msr(to_x86(args->vcpu), entries[i].index,
				&entries[i].data, true))
			break;
	return entries_to_user(args, entries) ?: i;
}

long x86_set_msrs(struct kvm_ioctl_args *args)
{
	struct kvm_msr_entry *entries __free(kfree) = entries_from_user(args);
	const struct kvm_msrs *header = args->data;
	unsigned int i;

	if (IS_ERR(entries))
		return PTR_ERR(entries);
	for (i = 0; i < header->nmsrs; i++)
		if (x86_set_msr(to_x86(args->vcpu), entries[i].index,
				entries[i].data, true))
			break;
	return i;
}

/* What the host has of a register that describes the CPU. */
static int feature_msr(u32 index, u64 *data)
{
	switch (index) {
	case MSR_IA32_UCODE_REV:
		return rdmsrl_safe(index, data);
	case MSR_PLATFORM_INFO:
		*data = MSR_PLATFORM_INFO_CPUID_FAULT;
		return 0;
	case MSR_AMD64_DE_CFG:
		*data = boot_cpu_has(X86_FEATURE_LFENCE_RDTSC) ?
			MSR_AMD64_DE_CFG_LFENCE_SERIALIZE : 0;
		return 0;
	default:
		return -ENOENT;
	}
}

long x86_get_feature_msrs(struct kvm_ioctl_args *args)
{
	struct kvm_msr_entry *entries __free(kfree) = entries_from_user(args);
	const struct kvm_msrs *header = args->data;
	unsigned int i;

	if (IS_ERR(entries))
		return PTR_ERR(entries);
	for (i = 0; i < header->nmsrs; i++)
		if (feature_msr(entries[i].index, &entries[i].data))
			break;
	return entries_to_user(args, entries) ?: i;
}

void x86_msr_create_vcpu(struct x86_vcpu *vcpu)
{
	feature_msr(MSR_IA32_UCODE_REV, &vcpu->ucode_rev);
	feature_msr(MSR_PLATFORM_INFO, &vcpu->platform_info);
	feature_msr(MSR_AMD64_DE_CFG, &vcpu->de_cfg);
	x86_msr_reset(vcpu);
}

/* Numbers of all rows with @flag, into @indices or, if it is NULL, only counted. */
static unsigned int list_msrs(u8 flag, u32 *indices)
{
	const struct x86_msr *msr;
	unsigned int n = 0;
	u32 index;

	for (msr = x86_msrs; msr < x86_msrs + x86_nr_msrs; msr++) {
		if (!(msr->flags & flag) || !x86_msr_possible(msr))
			continue;
		index = msr->first;
		do {
			if (indices)
				indices[n] = index;
			n++;
		} while (index++ < msr->last);
	}
	return n;
}

/* The number that there are goes out even where they do not fit. */
static long msr_list_to_user(struct kvm_ioctl_args *args, u8 flag)
{
	struct kvm_msr_list __user *user = (void __user *)args->arg;
	u32 *indices __free(kfree) = NULL;
	unsigned int room, n = list_msrs(flag, NULL);

	if (get_user(room, &user->nmsrs) || put_user(n, &user->nmsrs))
		return -EFAULT;
	if (room < n)
		return -E2BIG;
	indices = kmalloc_array(n, sizeof(*indices), GFP_KERNEL_ACCOUNT);
	if (!indices)
		return -ENOMEM;
	list_msrs(flag, indices);
	return copy_to_user(user->indices, indices, n * sizeof(*indices)) ? -EFAULT : 0;
}

long x86_get_msr_index_list(struct kvm_ioctl_args *args)
{
	return msr_list_to_user(args, X86_MSR_SAVED);
}

long x86_get_msr_feature_index_list(struct kvm_ioctl_args *args)
{
	return msr_list_to_user(args, X86_MSR_FEATURE);
}
