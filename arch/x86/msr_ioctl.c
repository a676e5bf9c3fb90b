// SPDX-License-Identifier: GPL-2.0
/* KVM_GET_MSRS, KVM_SET_MSRS, and the lists of what they move. */
#include <linux/cleanup.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <asm/msr.h>

#include <kvm/ioctl.h>

#include "cpuid.h"
#include "msr.h"

/* Registers in one call; more than any list here holds. */
#define MAX_MSRS	256

/* So many need no allocation. */
#define FEW_MSRS	16

/*
 * Moves registers one by one, as far as it goes: -errno, or how many were moved.
 * Inlined, so that @move is no indirect call.
 */
static __always_inline long
move_msrs(struct kvm_ioctl_args *args, bool get,
	  int (*move)(struct kvm_vcpu *vcpu, struct kvm_msr_entry *entry))
{
	struct kvm_msr_entry few[FEW_MSRS] __uninitialized, *entries = few;
	struct kvm_msrs __user *user = (void __user *)args->arg;
	u32 i, nr = ((const struct kvm_msrs *)args->data)->nmsrs;
	size_t size = nr * sizeof(*entries);
	long r = -EFAULT;

	if (nr >= MAX_MSRS)
		return -E2BIG;
	if (nr > FEW_MSRS)
		entries = kmalloc(size, GFP_KERNEL_ACCOUNT);
	if (!entries)
		return -ENOMEM;
	if (kvm_words_from_user(entries, user->entries, size))
		goto out;
	for (i = 0; i < nr; i++)
		if (move(args->vcpu, &entries[i]))
			break;
	if (!get || !kvm_words_to_user(user->entries, entries, size))
		r = i;
out:
	if (entries != few)
		kfree(entries);
	return r;
}

static int get_msr(struct kvm_vcpu *vcpu, struct kvm_msr_entry *entry)
{
	return x86_get_msr(to_x86(vcpu), entry->index, &entry->data, true);
}

static int set_msr(struct kvm_vcpu *vcpu, struct kvm_msr_entry *entry)
{
	return x86_set_msr(to_x86(vcpu), entry->index, entry->data, true);
}

long x86_get_msrs(struct kvm_ioctl_args *args)
{
	return move_msrs(args, true, get_msr);
}

long x86_set_msrs(struct kvm_ioctl_args *args)
{
	return move_msrs(args, false, set_msr);
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

static int get_feature_msr(struct kvm_vcpu *vcpu, struct kvm_msr_entry *entry)
{
	return feature_msr(entry->index, &entry->data);
}

long x86_get_feature_msrs(struct kvm_ioctl_args *args)
{
	return move_msrs(args, true, get_feature_msr);
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
	unsigned int i, n = 0;

	for (msr = x86_msrs; msr < x86_msrs + x86_nr_msrs; msr++) {
		if (!(msr->flags & flag) || !x86_msr_possible(msr))
			continue;
		for (i = 0; i <= msr->more; i++, n++)
			if (indices)
				indices[n] = msr->first + i;
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
