// SPDX-License-Identifier: GPL-2.0
/* KVM_GET_SUPPORTED_CPUID: the CPUID of the largest guest that we can run. */
#include <linux/cleanup.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/kvm_para.h>
#include <asm/processor.h>

#include "cpuid.h"

#define MAX_BASIC_LEAF		0x1f
#define MAX_EXTENDED_LEAF	0x80000021
#define MAX_CACHES		16

/**
 * struct cpuid_list - the answer as it grows
 * @entries: the leaves
 * @nent: those in use; goes on beyond @max
 * @max: room in @entries
 * @spill: takes what has no room
 */
struct cpuid_list {
	struct kvm_cpuid_entry2 *entries;
	unsigned int nent;
	unsigned int max;
	struct kvm_cpuid_entry2 spill;
};

static struct kvm_cpuid_entry2 *list_entry_new(struct cpuid_list *list, u32 function)
{
	struct kvm_cpuid_entry2 *entry =
		list->nent < list->max ? &list->entries[list->nent] : &list->spill;

	list->nent++;
	*entry = (struct kvm_cpuid_entry2){ .function = function };
	return entry;
}

/* What the host answers, its feature registers cut to what guests can have. */
static struct kvm_cpuid_entry2 *list_host(struct cpuid_list *list, u32 function)
{
	struct kvm_cpuid_entry2 *entry = list_entry_new(list, function);

	if (function <= cpuid_eax(function & 0x80000000))
		cpuid(function, &entry->eax, &entry->ebx, &entry->ecx, &entry->edx);
	x86_cpuid_caps_of(function, 0, X86_CPUID_EAX, &entry->eax);
	x86_cpuid_caps_of(function, 0, X86_CPUID_EBX, &entry->ebx);
	x86_cpuid_caps_of(function, 0, X86_CPUID_ECX, &entry->ecx);
	x86_cpuid_caps_of(function, 0, X86_CPUID_EDX, &entry->edx);
	return entry;
}

/* The same of a leaf with subleaves; its highest is known to be there. */
static struct kvm_cpuid_entry2 *
list_subleaf(struct cpuid_list *list, u32 function, u32 index)
{
	struct kvm_cpuid_entry2 *entry = list_entry_new(list, function);

	entry->index = index;
	entry->flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
	cpuid_count(function, index, &entry->eax, &entry->ebx, &entry->ecx, &entry->edx);
	x86_cpuid_caps_of(function, index, X86_CPUID_EAX, &entry->eax);
	x86_cpuid_caps_of(function, index, X86_CPUID_EBX, &entry->ebx);
	x86_cpuid_caps_of(function, index, X86_CPUID_ECX, &entry->ecx);
	x86_cpuid_caps_of(function, index, X86_CPUID_EDX, &entry->edx);
	return entry;
}

/* Cache leaves: one subleaf for each cache, until one has no type. */
static void list_caches(struct cpuid_list *list, u32 function)
{
	struct kvm_cpuid_entry2 *entry;
	u32 index = 0;

	do
		entry = list_subleaf(list, function, index++);
	while ((entry->eax & 0x1f) && index < MAX_CACHES);
}

static void list_features(struct cpuid_list *list)
{
	struct kvm_cpuid_entry2 *entry = list_subleaf(list, 0x7, 0);
	u32 max = min(entry->eax, 2);

	entry->eax = max;
	if (max >= 1) {
		entry = list_subleaf(list, 0x7, 1);
		entry->ebx = 0;
		entry->ecx = 0;
	}
	if (max >= 2) {
		entry = list_subleaf(list, 0x7, 2);
		entry->eax = 0;
		entry->ebx = 0;
		entry->ecx = 0;
	}
}

static void list_xsave(struct cpuid_list *list)
{
	struct kvm_cpuid_entry2 *entry;
	u32 i;

	if (!x86_can_have(X86_FEATURE_XSAVE))
		return;
	entry = list_subleaf(list, 0xd, 0);
	entry->eax = lower_32_bits(x86_xcr0_supported);
	entry->edx = upper_32_bits(x86_xcr0_supported);
	entry->ebx = x86_xsave_size;
	entry->ecx = entry->ebx;

	entry = list_subleaf(list, 0xd, 1);
	entry->ebx = entry->eax & BIT(X86_FEATURE_XSAVEC & 31) ?
		     x86_xstate_size(x86_xcr0_supported, true) : 0;
	/* IA32_XSS: no supervisor state. */
	entry->ecx = 0;
	entry->edx = 0;

	for (i = 2; i < 63; i++)
		if (x86_xcr0_supported & BIT_ULL(i))
			list_subleaf(list, 0xd, i);
}

static void list_basic(struct cpuid_list *list)
{
	struct kvm_cpuid_entry2 *entry = list_host(list, 0x0);
	u32 max = min(entry->eax, MAX_BASIC_LEAF);

	entry->eax = max;
	/* APIC id and number of threads are for userspace to say. */
	entry = list_host(list, 0x1);
	entry->ebx &= GENMASK(15, 8);

	if (boot_cpu_data.x86_vendor == X86_VENDOR_INTEL && max >= 0x4) {
		list_host(list, 0x2);
		list_caches(list, 0x4);
	}
	if (max >= 0x6) {
		entry = list_host(list, 0x6);
		entry->ebx = 0;
		entry->ecx = 0;
		entry->edx = 0;
	}
	if (max >= 0x7)
		list_features(list);
	if (max >= 0xd)
		list_xsave(list);
}

static void list_extended(struct cpuid_list *list)
{
	struct kvm_cpuid_entry2 *entry = list_host(list, 0x80000000);
	u32 i, max = min(entry->eax, MAX_EXTENDED_LEAF);

	entry->eax = max;
	/* Brand string, caches and TLBs as they are. */
	for (i = 0x80000001; i <= min(max, 0x80000006); i++)
		list_host(list, i);
	if (max >= 0x80000007) {
		entry = list_host(list, 0x80000007);
		entry->eax = 0;
		entry->ebx = 0;
		entry->ecx = 0;
	}
	if (max >= 0x80000008) {
		entry = list_host(list, 0x80000008);
		/* Nested page tables reach as far as the host's own. */
		entry->eax = (entry->eax & 0xff00) | boot_cpu_data.x86_phys_bits;
		entry->ecx = 0;
		entry->edx = 0;
	}
	if (max >= 0x80000019)
		list_host(list, 0x80000019);
	if (max >= 0x8000001a)
		list_host(list, 0x8000001a);
	if (max >= 0x8000001d && x86_can_have(X86_FEATURE_TOPOEXT))
		list_caches(list, 0x8000001d);
	if (max >= 0x80000021) {
		entry = list_host(list, 0x80000021);
		entry->ebx = 0;
		entry->ecx = 0;
		entry->edx = 0;
	}
}

/* Documentation/virt/kvm/x86/cpuid.rst */
static void list_kvm(struct cpuid_list *list)
{
	struct kvm_cpuid_entry2 *entry = list_entry_new(list, KVM_CPUID_SIGNATURE);
	u32 signature[3];

	memcpy(signature, KVM_SIGNATURE, sizeof(signature));
	entry->eax = KVM_CPUID_FEATURES;
	entry->ebx = signature[0];
	entry->ecx = signature[1];
	entry->edx = signature[2];

	entry = list_entry_new(list, KVM_CPUID_FEATURES);
	entry->eax = X86_PV_FEATURES;
}

long x86_get_supported_cpuid(struct kvm_ioctl_args *args)
{
	struct kvm_cpuid2 __user *user = (void __user *)args->arg;
	struct kvm_cpuid2 *header = args->data;
	struct kvm_cpuid_entry2 *entries __free(kvfree) = NULL;
	struct cpuid_list list = {};

	list.max = min(header->nent, X86_MAX_CPUID_ENTRIES);
	if (!list.max)
		return -E2BIG;
	entries = kvcalloc(list.max, sizeof(*entries), GFP_KERNEL_ACCOUNT);
	if (!entries)
		return -ENOMEM;
	list.entries = entries;

	list_basic(&list);
	list_kvm(&list);
	list_extended(&list);
	if (list.nent > list.max)
		return -E2BIG;
	if (copy_to_user(user->entries, entries, list.nent * sizeof(*entries)))
		return -EFAULT;
	header->nent = list.nent;
	return 0;
}

/* No instruction is emulated that the CPU lacks: the list is empty. */
long x86_get_emulated_cpuid(struct kvm_ioctl_args *args)
{
	struct kvm_cpuid2 *header = args->data;

	header->nent = 0;
	return 0;
}
