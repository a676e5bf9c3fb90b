// SPDX-License-Identifier: GPL-2.0
/* Extended state: the size of an XSAVE area, XCR0, and its ioctls. */
#include <linux/uaccess.h>
#include <asm/fpu/types.h>
#include <asm/fpu/xcr.h>
#include <asm/processor.h>

#include "cpuid.h"
#include "xstate.h"

/* Legacy region and header, in every format (SDM 1, 13.4). */
#define XSAVE_FIXED_SIZE	offsetof(struct xregs_state, extended_state_area)

/* Where a component stands, by CPUID leaf 0xd. */
static struct {
	u32 size;
	u32 offset;
	bool aligned;	/* to 64 bytes, in the compacted format */
} xstates[XFEATURE_MAX] __ro_after_init;

void __init x86_xstate_init(void)
{
	u32 ecx, edx;
	int i;

	if (!boot_cpu_has(X86_FEATURE_XSAVE))
		return;
	for (i = FIRST_EXTENDED_XFEATURE; i < XFEATURE_MAX; i++) {
		cpuid_count(0xd, i, &xstates[i].size, &xstates[i].offset, &ecx, &edx);
		xstates[i].aligned = ecx & BIT(1);
	}
}

u32 x86_xstate_size(u64 xfeatures, bool compacted)
{
	unsigned long components = xfeatures & ~XFEATURE_MASK_FPSSE;
	u32 size = XSAVE_FIXED_SIZE;
	unsigned int i;

	for_each_set_bit(i, &components, XFEATURE_MAX) {
		if (!compacted)
			size = max(size, xstates[i].offset + xstates[i].size);
		else if (xstates[i].aligned)
			size = ALIGN(size, 64) + xstates[i].size;
		else
			size += xstates[i].size;
	}
	return size;
}

/* Components that come only together (SDM 1, 13.3). */
static bool xcr0_legal(u64 xcr0)
{
	u64 avx512 = xcr0 & XFEATURE_MASK_AVX512;

	if (!(xcr0 & XFEATURE_MASK_FP))
		return false;
	if ((xcr0 & XFEATURE_MASK_YMM) && !(xcr0 & XFEATURE_MASK_SSE))
		return false;
	return !avx512 ||
	       (avx512 == XFEATURE_MASK_AVX512 && (xcr0 & XFEATURE_MASK_YMM));
}

int x86_set_xcr(struct x86_vcpu *vcpu, u32 index, u64 value)
{
	if (index != XCR_XFEATURE_ENABLED_MASK)
		return -EINVAL;
	if ((value & ~vcpu->xcr0_allowed) || !xcr0_legal(value))
		return -EINVAL;
	vcpu->xcr0 = value;
	return 0;
}

long x86_get_xcrs(struct kvm_ioctl_args *args)
{
	struct kvm_xcrs *xcrs = args->data;

	xcrs->nr_xcrs = 1;
	xcrs->xcrs[0].xcr = XCR_XFEATURE_ENABLED_MASK;
	xcrs->xcrs[0].value = to_x86(args->vcpu)->xcr0;
	return 0;
}

long x86_set_xcrs(struct kvm_ioctl_args *args)
{
	struct x86_vcpu *vcpu = to_x86(args->vcpu);
	const struct kvm_xcrs *xcrs = args->data;
	unsigned int i;

	if (xcrs->nr_xcrs > KVM_MAX_XCRS)
		return -EINVAL;
	for (i = 0; i < xcrs->nr_xcrs; i++)
		if (xcrs->xcrs[i].xcr == XCR_XFEATURE_ENABLED_MASK)
			return x86_set_xcr(vcpu, XCR_XFEATURE_ENABLED_MASK,
					   xcrs->xcrs[i].value);
	return 0;
}

static bool is_xcomp_attr(const struct kvm_device_attr *attr)
{
	return !attr->flags && !attr->group && attr->attr == KVM_X86_XCOMP_GUEST_SUPP;
}

long x86_dev_has_attr(struct kvm_ioctl_args *args)
{
	return is_xcomp_attr(args->data) ? 0 : -ENXIO;
}

/* What a guest may have, before userspace asks the kernel for room for it. */
long x86_dev_get_attr(struct kvm_ioctl_args *args)
{
	const struct kvm_device_attr *attr = args->data;

	if (!is_xcomp_attr(attr))
		return -ENXIO;
	return put_user(x86_xcr0_supported, (u64 __user *)attr->addr);
}
