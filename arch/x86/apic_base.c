// SPDX-License-Identifier: GPL-2.0
/* IA32_APIC_BASE and CR8. */
#include <asm/apicdef.h>
#include <asm/msr-index.h>

#include "apic_base.h"
#include "cpuid.h"
#include "lapic.h"

#define APIC_BASE_MODE	(MSR_IA32_APICBASE_ENABLE | X2APIC_ENABLE)
#define CR8_TPR		GENMASK_ULL(3, 0)

void x86_apic_base_reset(struct x86_vcpu *vcpu)
{
	vcpu->apic_base = APIC_DEFAULT_PHYS_BASE | MSR_IA32_APICBASE_ENABLE;
	if (!vcpu->vcpu.vcpu_id)
		vcpu->apic_base |= MSR_IA32_APICBASE_BSP;
}

u64 x86_get_cr8(struct x86_vcpu *vcpu)
{
	return vcpu->cr8;
}

int x86_set_cr8(struct x86_vcpu *vcpu, u64 cr8)
{
	if (cr8 & ~CR8_TPR)
		return -EINVAL;
	vcpu->cr8 = cr8;
	/* It may have held an interrupt back. */
	if (vcpu->lapic)
		kvm_make_request(X86_REQ_EVENT, &vcpu->vcpu);
	return 0;
}

/* APM 2, 16.9: from xAPIC to x2APIC; from either off; from off to xAPIC. */
static bool mode_can_follow(u64 old, u64 new)
{
	old &= APIC_BASE_MODE;
	new &= APIC_BASE_MODE;
	if (old == new || !new)
		return true;
	return (!old && new == MSR_IA32_APICBASE_ENABLE) ||
	       (old == MSR_IA32_APICBASE_ENABLE && new == APIC_BASE_MODE);
}

int x86_set_apic_base(struct x86_vcpu *vcpu, u64 base, bool host)
{
	u64 legal = GENMASK_ULL(vcpu->maxphyaddr - 1, PAGE_SHIFT) |
		    MSR_IA32_APICBASE_ENABLE | MSR_IA32_APICBASE_BSP;
	u64 old;

	if (!vcpu->cpuid || x86_guest_has(vcpu, X86_FEATURE_X2APIC))
		legal |= X2APIC_ENABLE;
	if ((base & ~legal) || (base & APIC_BASE_MODE) == X2APIC_ENABLE)
		return -EINVAL;
	if (!host && !mode_can_follow(vcpu->apic_base, base))
		return -EINVAL;
	old = vcpu->apic_base;
	/* Senders of interrupts read it. */
	WRITE_ONCE(vcpu->apic_base, base);
	lapic_base_changed(vcpu, old);
	return 0;
}
