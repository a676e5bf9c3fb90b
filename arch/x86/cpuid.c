// SPDX-License-Identifier: GPL-2.0
/* The CPUID of one vCPU: set, sorted, looked up. */
#include <linux/cleanup.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/uaccess.h>
#include <asm/fpu/types.h>
#include <asm/kvm_para.h>
#include <asm/msr-index.h>

#include "cpuid.h"
#include "regs.h"

/* "Genu", of GenuineIntel */
#define VENDOR_INTEL_EBX	0x756e6547

/* Look up */

/* Position in @order of the first entry of @function, or of what follows it. */
static unsigned int cpuid_lower_bound(const struct x86_cpuid *cpuid, u32 function)
{
	unsigned int low = 0, high = cpuid->nent, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (cpuid->entries[cpuid->order[mid]].function < function)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct kvm_cpuid_entry2 *
x86_cpuid_find(const struct x86_vcpu *vcpu, u32 function, u32 index)
{
	const struct x86_cpuid *cpuid = vcpu->cpuid;
	const struct kvm_cpuid_entry2 *entry;
	unsigned int i;

	if (!cpuid)
		return NULL;
	for (i = cpuid_lower_bound(cpuid, function); i < cpuid->nent; i++) {
		entry = &cpuid->entries[cpuid->order[array_index_nospec(i, cpuid->nent)]];
		if (entry->function != function)
			return NULL;
		if (!(entry->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) ||
		    entry->index == index)
			return entry;
	}
	return NULL;
}

static void set_bits(u32 *reg, u32 bits, bool on)
{
	*reg = on ? *reg | bits : *reg & ~bits;
}

/* What in a leaf follows the vCPU's state. */
static void cpuid_now(struct x86_vcpu *vcpu, struct kvm_cpuid_entry2 *entry)
{
	switch (entry->function) {
	case 0x1:
		x86_fetch(vcpu, X86_GROUP_CONTROL);
		set_bits(&entry->ecx, BIT(X86_FEATURE_OSXSAVE & 31),
			 vcpu->cr4 & X86_CR4_OSXSAVE);
		set_bits(&entry->edx, BIT(X86_FEATURE_APIC & 31),
			 vcpu->apic_base & MSR_IA32_APICBASE_ENABLE);
		if (!x86_has_quirk(vcpu, KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT))
			set_bits(&entry->ecx, BIT(X86_FEATURE_MWAIT & 31),
				 vcpu->misc_enable & MSR_IA32_MISC_ENABLE_MWAIT);
		break;
	case 0x7:
		x86_fetch(vcpu, X86_GROUP_CONTROL);
		if (entry->index == 0)
			set_bits(&entry->ecx, BIT(X86_FEATURE_OSPKE & 31),
				 vcpu->cr4 & X86_CR4_PKE);
		break;
	case KVM_CPUID_FEATURES:
		/* A guest that halts by itself nobody could wake. */
		if (READ_ONCE(to_x86_vm(vcpu->vcpu.kvm)->disabled_exits) &
		    KVM_X86_DISABLE_EXITS_HLT)
			set_bits(&entry->eax, BIT(KVM_FEATURE_PV_UNHALT), false);
		break;
	case 0xd:
		if (entry->index == 0)
			entry->ebx = x86_xstate_size(vcpu->xcr0, false);
		else if (entry->index == 1 &&
			 (entry->eax & BIT(X86_FEATURE_XSAVEC & 31)))
			entry->ebx = x86_xstate_size(vcpu->xcr0, true);
		break;
	}
}

/* Any subleaf of these exists, and tells the x2APIC id. */
static bool cpuid_topology(struct x86_vcpu *vcpu, struct kvm_cpuid_entry2 *out)
{
	const struct kvm_cpuid_entry2 *first;

	if (out->function != 0xb && out->function != 0x1f)
		return false;
	first = x86_cpuid_find(vcpu, out->function, 1);
	if (!first)
		return false;
	out->ecx = out->index & 0xff;
	out->edx = first->edx;
	return true;
}

/*
 * Beyond the highest leaf, CPUs of AMD answer zeros and those of Intel what
 * the highest basic leaf answers (SDM volume 2A, CPUID).
 */
static const struct kvm_cpuid_entry2 *
cpuid_out_of_range(struct x86_vcpu *vcpu, u32 function, u32 index)
{
	const struct kvm_cpuid_entry2 *max, *basic = x86_cpuid_find(vcpu, 0, 0);
	u32 base = function & 0x80000000;

	if (!basic || basic->ebx != VENDOR_INTEL_EBX)
		return NULL;
	if ((function & 0xf0000000) == KVM_CPUID_SIGNATURE)
		base = KVM_CPUID_SIGNATURE;
	max = x86_cpuid_find(vcpu, base, 0);
	if (max && function <= max->eax)
		return NULL;
	return x86_cpuid_find(vcpu, basic->eax, index);
}

void x86_cpuid(struct x86_vcpu *vcpu, u32 function, u32 index,
	       struct kvm_cpuid_entry2 *out)
{
	const struct kvm_cpuid_entry2 *entry = x86_cpuid_find(vcpu, function, index);

	*out = (struct kvm_cpuid_entry2){ .function = function, .index = index };
	if (!entry) {
		if (cpuid_topology(vcpu, out))
			return;
		entry = cpuid_out_of_range(vcpu, function, index);
		if (!entry)
			return;
	}
	*out = *entry;
	cpuid_now(vcpu, out);
}

bool x86_cpuid_insn(struct x86_vcpu *vcpu)
{
	struct kvm_cpuid_entry2 entry;

	if (unlikely(vcpu->misc_features & MSR_MISC_FEATURES_ENABLES_CPUID_FAULT) &&
	    x86_cpl(vcpu))
		return false;

	x86_cpuid(vcpu, vcpu->gpr[X86_RAX], vcpu->gpr[X86_RCX], &entry);
	vcpu->gpr[X86_RAX] = entry.eax;
	vcpu->gpr[X86_RBX] = entry.ebx;
	vcpu->gpr[X86_RCX] = entry.ecx;
	vcpu->gpr[X86_RDX] = entry.edx;
	return true;
}

/* Set and get */

static int compare_order(const void *a, const void *b, const void *priv)
{
	const struct kvm_cpuid_entry2 *entries = priv;
	u8 i = *(const u8 *)a, j = *(const u8 *)b;

	if (entries[i].function != entries[j].function)
		return entries[i].function < entries[j].function ? -1 : 1;
	return i - j;
}

static struct x86_cpuid *cpuid_from_user(struct kvm_cpuid_entry2 __user *user,
					 unsigned int nent)
{
	struct x86_cpuid *cpuid;
	unsigned int i;

	cpuid = kvmalloc(struct_size(cpuid, entries, nent) + nent, GFP_KERNEL_ACCOUNT);
	if (!cpuid)
		return ERR_PTR(-ENOMEM);
	cpuid->nent = nent;
	cpuid->order = (u8 *)&cpuid->entries[nent];
	if (copy_from_user(cpuid->entries, user, nent * sizeof(*user))) {
		kvfree(cpuid);
		return ERR_PTR(-EFAULT);
	}
	for (i = 0; i < nent; i++)
		cpuid->order[i] = i;
	sort_r(cpuid->order, nent, 1, compare_order, NULL, cpuid->entries);
	return cpuid;
}

/* Linear addresses have 48 or 57 bits; the backend supports no other width. */
static int cpuid_check(const struct x86_vcpu *with)
{
	const struct kvm_cpuid_entry2 *entry = x86_cpuid_find(with, 0x80000008, 0);
	u8 virt = entry ? entry->eax >> 8 : 0;

	return virt == 0 || virt == 48 || virt == 57 ? 0 : -EINVAL;
}

/* After the first run the guest relies on what it saw: it may be set again, not changed. */
static int cpuid_check_same(struct x86_vcpu *vcpu, const struct x86_cpuid *cpuid)
{
	struct kvm_cpuid_entry2 old, new;
	unsigned int i;

	if (!vcpu->cpuid || cpuid->nent != vcpu->cpuid->nent)
		return -EINVAL;
	for (i = 0; i < cpuid->nent; i++) {
		old = vcpu->cpuid->entries[i];
		new = cpuid->entries[i];
		cpuid_now(vcpu, &old);
		cpuid_now(vcpu, &new);
		if (memcmp(&old, &new, offsetof(struct kvm_cpuid_entry2, padding)))
			return -EINVAL;
	}
	return 0;
}

static u8 cpuid_maxphyaddr(const struct x86_vcpu *vcpu)
{
	const struct kvm_cpuid_entry2 *entry = x86_cpuid_find(vcpu, 0x80000008, 0);
	u8 bits = entry ? entry->eax & 0xff : 36;

	return clamp_t(u8, bits, 32, 52);
}

static u64 cpuid_xcr0(const struct x86_vcpu *vcpu)
{
	const struct kvm_cpuid_entry2 *entry = x86_cpuid_find(vcpu, 0xd, 0);
	u64 mask = entry ? entry->eax | (u64)entry->edx << 32 : 0;

	return (mask & x86_xcr0_supported) | XFEATURE_MASK_FP;
}

/* All that is derived from CPUID, in one place. */
static void cpuid_apply(struct x86_vcpu *vcpu)
{
	x86_cpuid_guest_caps(vcpu);
	vcpu->maxphyaddr = cpuid_maxphyaddr(vcpu);
	vcpu->xcr0_allowed = cpuid_xcr0(vcpu);
	vcpu->cr4_allowed = x86_cr4_allowed(vcpu->caps);
	x86_mark_dirty(vcpu, X86_GROUP_INTERCEPTS);
}

long x86_set_cpuid2(struct kvm_ioctl_args *args)
{
	struct kvm_cpuid2 __user *user = (void __user *)args->arg;
	struct x86_vcpu *vcpu = to_x86(args->vcpu);
	struct kvm_cpuid2 *header = args->data;
	struct x86_cpuid *cpuid, *old = vcpu->cpuid;
	int r;

	if (header->nent > X86_MAX_CPUID_ENTRIES)
		return -E2BIG;
	cpuid = cpuid_from_user(user->entries, header->nent);
	if (IS_ERR(cpuid))
		return PTR_ERR(cpuid);

	if (vcpu->has_run) {
		r = cpuid_check_same(vcpu, cpuid);
		kvfree(cpuid);
		return r;
	}

	vcpu->cpuid = cpuid;
	r = cpuid_check(vcpu);
	if (r) {
		vcpu->cpuid = old;
		kvfree(cpuid);
		return r;
	}
	kvfree(old);
	cpuid_apply(vcpu);
	return 0;
}

long x86_get_cpuid2(struct kvm_ioctl_args *args)
{
	struct kvm_cpuid2 __user *user = (void __user *)args->arg;
	struct x86_vcpu *vcpu = to_x86(args->vcpu);
	struct kvm_cpuid2 *header = args->data;
	struct kvm_cpuid_entry2 entry;
	unsigned int i, nent = vcpu->cpuid ? vcpu->cpuid->nent : 0;

	if (header->nent < nent)
		return -E2BIG;
	for (i = 0; i < nent; i++) {
		entry = vcpu->cpuid->entries[i];
		cpuid_now(vcpu, &entry);
		if (copy_to_user(&user->entries[i], &entry, sizeof(entry)))
			return -EFAULT;
	}
	header->nent = nent;
	return 0;
}

void x86_cpuid_create(struct x86_vcpu *vcpu)
{
	vcpu->maxphyaddr = boot_cpu_data.x86_phys_bits;
	vcpu->xcr0_allowed = XFEATURE_MASK_FP;
	vcpu->cr4_allowed = x86_cr4_allowed(x86_caps);
}

void x86_cpuid_destroy(struct x86_vcpu *vcpu)
{
	kvfree(vcpu->cpuid);
}
