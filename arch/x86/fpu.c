// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's FPU. The kernel keeps its registers in a struct fpu_guest beside
 * the thread's own, switches both with the thread, and knows which are loaded.
 */
#include <linux/cache.h>
#include <asm/cpufeature.h>
#include <asm/fpu/api.h>
#include <asm/fpu/xcr.h>
#include <asm/pkru.h>

#include "backend.h"
#include "run.h"

static u64 host_xcr0 __read_mostly;
static u64 host_xss __read_mostly;

void x86_fpu_init(void)
{
	if (boot_cpu_has(X86_FEATURE_OSXSAVE))
		host_xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);
	if (boot_cpu_has(X86_FEATURE_XSAVES))
		rdmsrl(MSR_IA32_XSS, host_xss);
}

int x86_fpu_create(struct x86_vcpu *vcpu)
{
	if (!fpu_alloc_guest_fpstate(&vcpu->fpu))
		return -ENOMEM;
	vcpu->xcr0 = XFEATURE_MASK_FP;
	return 0;
}

void x86_fpu_destroy(struct x86_vcpu *vcpu)
{
	fpu_free_guest_fpstate(&vcpu->fpu);
}

/* CR4 is current without a fetch: writing it exits. */
static inline bool has_own_xcr0(struct x86_vcpu *vcpu)
{
	return (vcpu->cr4 & X86_CR4_OSXSAVE) && vcpu->xcr0 != host_xcr0;
}

static __always_inline bool has_own_pkru(struct x86_vcpu *vcpu)
{
	return cpu_feature_enabled(X86_FEATURE_OSPKE) &&
	       ((vcpu->cr4 & X86_CR4_PKE) || (vcpu->xcr0 & XFEATURE_MASK_PKRU));
}

void x86_fpu_enter(struct x86_vcpu *vcpu)
{
	if (unlikely(test_thread_flag(TIF_NEED_FPU_LOAD)))
		switch_fpu_return();
	if (unlikely(has_own_xcr0(vcpu)))
		xsetbv(XCR_XFEATURE_ENABLED_MASK, vcpu->xcr0);
	/* Guests have no supervisor states: XSAVES must not write the host's. */
	if (host_xss)
		wrmsrl(MSR_IA32_XSS, 0);
	if (has_own_pkru(vcpu)) {
		vcpu->host_pkru = rdpkru();
		if (vcpu->pkru != vcpu->host_pkru)
			wrpkru(vcpu->pkru);
	}
}

void x86_fpu_leave(struct x86_vcpu *vcpu)
{
	if (has_own_pkru(vcpu)) {
		vcpu->pkru = rdpkru();
		if (vcpu->pkru != vcpu->host_pkru)
			wrpkru(vcpu->host_pkru);
	}
	if (host_xss)
		wrmsrl(MSR_IA32_XSS, host_xss);
	/* The guest's own XSETBV exits: no other value can be there. */
	if (unlikely(has_own_xcr0(vcpu)))
		xsetbv(XCR_XFEATURE_ENABLED_MASK, host_xcr0);
}
