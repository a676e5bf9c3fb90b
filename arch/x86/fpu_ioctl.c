// SPDX-License-Identifier: GPL-2.0
/* The guest's FPU registers as userspace sees them: FXSAVE and XSAVE images. */
#include <linux/bits.h>
#include <linux/cleanup.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <asm/fpu/api.h>
#include <asm/fpu/types.h>
#include <asm/processor.h>

#include <kvm/ioctl.h>

#include "cpuid.h"
#include "xstate.h"

/* APM 1, 4.2.2; every CPU in question has bit 6, denormals are zeros. */
#define MXCSR_RESERVED	GENMASK(31, 16)

static void fpu_to_user(const struct fxregs_state *fx, struct kvm_fpu *fpu)
{
	memcpy(fpu->fpr, fx->st_space, sizeof(fpu->fpr));
	fpu->fcw = fx->cwd;
	fpu->fsw = fx->swd;
	fpu->ftwx = fx->twd;
	fpu->last_opcode = fx->fop;
	fpu->last_ip = fx->rip;
	fpu->last_dp = fx->rdp;
	memcpy(fpu->xmm, fx->xmm_space, sizeof(fpu->xmm));
	fpu->mxcsr = fx->mxcsr;
}

/* Components in their initial state are not written by XSAVE: others know what that is. */
static noinline_for_stack void initial_fpu_to_user(struct x86_vcpu *vcpu, struct kvm_fpu *fpu)
{
	struct {
		struct fxregs_state fx;
		struct xstate_header header;
	} __aligned(64) area;

	fpu_copy_guest_fpstate_to_uabi(&vcpu->fpu, &area, sizeof(area),
				       XFEATURE_MASK_FPSSE, 0);
	fpu_to_user(&area.fx, fpu);
}

/* The legacy region alone, which stands first in every format. */
long x86_get_fpu(struct kvm_ioctl_args *args)
{
	struct x86_vcpu *vcpu = to_x86(args->vcpu);
	const struct xregs_state *xsave = &vcpu->fpu.fpstate->regs.xsave;

	if (boot_cpu_has(X86_FEATURE_XSAVE) &&
	    (xsave->header.xfeatures & XFEATURE_MASK_FPSSE) == XFEATURE_MASK_FPSSE)
		fpu_to_user(&xsave->i387, args->data);
	else
		initial_fpu_to_user(vcpu, args->data);
	return 0;
}

long x86_set_fpu(struct kvm_ioctl_args *args)
{
	struct xregs_state *xsave = &to_x86(args->vcpu)->fpu.fpstate->regs.xsave;
	const struct kvm_fpu *fpu = args->data;
	struct fxregs_state *fx = &xsave->i387;

	if (fpu->mxcsr & MXCSR_RESERVED)
		return -EINVAL;
	memcpy(fx->st_space, fpu->fpr, sizeof(fpu->fpr));
	fx->cwd = fpu->fcw;
	fx->swd = fpu->fsw;
	fx->twd = fpu->ftwx;
	fx->fop = fpu->last_opcode;
	fx->rip = fpu->last_ip;
	fx->rdp = fpu->last_dp;
	memcpy(fx->xmm_space, fpu->xmm, sizeof(fpu->xmm));
	fx->mxcsr = fpu->mxcsr;
	/* What is clear here would be loaded as its initial value. */
	if (boot_cpu_has(X86_FEATURE_XSAVE))
		xsave->header.xfeatures |= XFEATURE_MASK_FPSSE;
	return 0;
}

/* All that the guest may use, also where it has not switched it on in XCR0. */
static u64 uabi_xfeatures(const struct x86_vcpu *vcpu)
{
	return vcpu->xcr0_allowed | XFEATURE_MASK_FPSSE;
}

/* An area of all 4 KiB is mostly empty: what no component uses is not moved. */
static u32 area_size(u64 xfeatures)
{
	return min_t(u32, x86_xstate_size(xfeatures, false), sizeof(struct kvm_xsave));
}

long x86_get_xsave(struct kvm_ioctl_args *args)
{
	struct x86_vcpu *vcpu = to_x86(args->vcpu);
	u64 xfeatures = uabi_xfeatures(vcpu);
	u32 size = area_size(xfeatures);
	void __user *user = (void __user *)args->arg;
	void *area __free(kfree) = kmalloc(size, GFP_KERNEL_ACCOUNT);

	if (!area)
		return -ENOMEM;
	/* Without XSAVE the kernel leaves most of the header as it was. */
	if (!boot_cpu_has(X86_FEATURE_XSAVE))
		memset(area, 0, size);
	fpu_copy_guest_fpstate_to_uabi(&vcpu->fpu, area, size, xfeatures, vcpu->pkru);
	if (kvm_words_to_user(user, area, size) ||
	    clear_user(user + size, sizeof(struct kvm_xsave) - size))
		return -EFAULT;
	return 0;
}

/* Components that we do not know are refused before they are looked at. */
long x86_set_xsave(struct kvm_ioctl_args *args)
{
	struct x86_vcpu *vcpu = to_x86(args->vcpu);
	u32 size = min_t(u32, x86_xsave_size, sizeof(struct kvm_xsave));
	void *area __free(kfree) = kmalloc(size, GFP_KERNEL_ACCOUNT);

	if (!area)
		return -ENOMEM;
	if (kvm_words_from_user(area, (void __user *)args->arg, size))
		return -EFAULT;
	return fpu_copy_uabi_to_guest_fpstate(&vcpu->fpu, area, x86_xcr0_supported,
					      &vcpu->pkru);
}
