// SPDX-License-Identifier: GPL-2.0
/* KVM_X86_SET_MSR_FILTER: bitmaps over ranges of MSRs. */
#include <linux/bitmap.h>
#include <linux/cleanup.h>
#include <linux/compat.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "msr_filter.h"

/* Registers of the x2APIC, which no filter covers. */
#define X2APIC_FIRST	0x800
#define X2APIC_LAST	0x8ff

/**
 * struct msr_range - one bitmap
 * @base: first register
 * @nr: how many
 * @access: KVM_MSR_FILTER_READ, KVM_MSR_FILTER_WRITE: what it speaks of
 * @allowed: a bit for each register, in the same allocation
 */
struct msr_range {
	u32 base;
	u32 nr;
	u32 access;
	unsigned long *allowed;
};

/**
 * struct x86_msr_filter - a filter; never changed once it is published
 * @rcu: readers may still walk a filter that was replaced
 * @deny: what no range speaks of is denied
 * @nr: ranges in use
 * @ranges: in the order of userspace: the first that matches decides
 */
struct x86_msr_filter {
	struct rcu_head rcu;
	bool deny;
	unsigned int nr;
	struct msr_range ranges[KVM_MSR_FILTER_MAX_RANGES];
};

static bool filter_allows(const struct x86_msr_filter *filter, u32 index, u32 access)
{
	const struct msr_range *range;

	for (range = filter->ranges; range < filter->ranges + filter->nr; range++)
		if (index - range->base < range->nr && (range->access & access))
			return test_bit(array_index_nospec(index - range->base, range->nr),
					range->allowed);
	return !filter->deny;
}

bool x86_msr_allowed(struct x86_vm *vm, u32 index, u32 access)
{
	const struct x86_msr_filter *filter;

	if (likely(!rcu_access_pointer(vm->msr_filter)))
		return true;
	if (index >= X2APIC_FIRST && index <= X2APIC_LAST)
		return true;
	guard(rcu)();
	filter = rcu_dereference(vm->msr_filter);
	return !filter || filter_allows(filter, index, access);
}

/* Bytes of all bitmaps, or -EINVAL. */
static long bitmaps_size(const struct kvm_msr_filter *from)
{
	const struct kvm_msr_filter_range *range;
	size_t one, all = 0;

	for (range = from->ranges; range < from->ranges + KVM_MSR_FILTER_MAX_RANGES; range++) {
		if (range->flags & ~KVM_MSR_FILTER_RANGE_VALID_MASK)
			return -EINVAL;
		if (range->nmsrs > KVM_MSR_FILTER_MAX_BITMAP_SIZE * BITS_PER_BYTE)
			return -EINVAL;
		one = bitmap_size(range->nmsrs);
		if (one > KVM_MSR_FILTER_MAX_BITMAP_SIZE)
			return -EINVAL;
		all += one;
	}
	return all;
}

static int copy_ranges(struct x86_msr_filter *filter, const struct kvm_msr_filter *from)
{
	unsigned long *bitmap = (unsigned long *)(filter + 1);
	const struct kvm_msr_filter_range *range;

	for (range = from->ranges; range < from->ranges + KVM_MSR_FILTER_MAX_RANGES; range++) {
		if (!range->nmsrs)
			continue;
		if (copy_from_user(bitmap, (u8 __user *)range->bitmap,
				   bitmap_size(range->nmsrs)))
			return -EFAULT;
		filter->ranges[filter->nr++] = (struct msr_range) {
			.base = range->base, .nr = range->nmsrs,
			.access = range->flags, .allowed = bitmap,
		};
		bitmap += BITS_TO_LONGS(range->nmsrs);
	}
	return 0;
}

/* NULL for a filter without ranges: there is none. */
static struct x86_msr_filter *filter_from_user(const struct kvm_msr_filter *from)
{
	struct x86_msr_filter *filter __free(kfree) = NULL;
	bool deny = from->flags & KVM_MSR_FILTER_DEFAULT_DENY;
	long size = bitmaps_size(from);
	int r;

	if (size < 0)
		return ERR_PTR(size);
	if (!size)
		return deny ? ERR_PTR(-EINVAL) : NULL;

	filter = kzalloc(sizeof(*filter) + size, GFP_KERNEL_ACCOUNT);
	if (!filter)
		return ERR_PTR(-ENOMEM);
	filter->deny = deny;
	r = copy_ranges(filter, from);
	return r ? ERR_PTR(r) : no_free_ptr(filter);
}

long x86_set_msr_filter(struct kvm_ioctl_args *args)
{
	struct x86_vm *vm = to_x86_vm(args->kvm);
	struct x86_msr_filter *filter, *old;

	filter = filter_from_user(args->data);
	if (IS_ERR(filter))
		return PTR_ERR(filter);

	old = rcu_replace_pointer(vm->msr_filter, filter,
				  lockdep_is_held(&args->kvm->lock));
	/* None is in the guest by the old one when we return. */
	kvm_make_all_request(args->kvm, X86_REQ_MSR_FILTER, true);
	if (old)
		kfree_rcu(old, rcu);
	return 0;
}

#ifdef CONFIG_COMPAT
struct filter_compat {
	u32 flags;
	struct {
		u32 flags;
		u32 nmsrs;
		u32 base;
		compat_uptr_t bitmap;
	} ranges[KVM_MSR_FILTER_MAX_RANGES];
};

static long set_msr_filter_compat(struct kvm_ioctl_args *args)
{
	const struct filter_compat *from = args->data;
	struct kvm_msr_filter filter = { .flags = from->flags };
	int i;

	for (i = 0; i < KVM_MSR_FILTER_MAX_RANGES; i++)
		filter.ranges[i] = (struct kvm_msr_filter_range) {
			.flags = from->ranges[i].flags,
			.nmsrs = from->ranges[i].nmsrs,
			.base = from->ranges[i].base,
			.bitmap = (__force u8 *)compat_ptr(from->ranges[i].bitmap),
		};
	args->data = &filter;
	return x86_set_msr_filter(args);
}

const struct kvm_ioctl x86_set_msr_filter_compat = {
	.cmd = _IOW(KVMIO, _IOC_NR(KVM_X86_SET_MSR_FILTER), struct filter_compat),
	.handler = set_msr_filter_compat, .lock = KVM_LOCK_VM,
	.flags = KVM_IOCTL_FIELD(struct filter_compat, flags),
	.allowed = KVM_MSR_FILTER_VALID_MASK,
};
#endif

void x86_msr_filter_destroy(struct x86_vm *vm)
{
	kfree(rcu_dereference_protected(vm->msr_filter, true));
}
