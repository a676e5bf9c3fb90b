// SPDX-License-Identifier: GPL-2.0
/*
 * End of interrupt without an exit (Documentation/virt/kvm/x86/msr.rst): while
 * the end has no consequence but the local APIC's own, the guest is offered a
 * bit in its memory. It clears the bit instead of writing EOI; the next exit,
 * whatever its reason, looks what became of the offer and takes it back.
 */
#include <linux/kvm_para.h>

#include <kvm/guest_io.h>

#include "lapic.h"
#include "pv.h"
#include "x86.h"

static gpa_t pv_eoi_gpa(const struct x86_vcpu *vcpu)
{
	return vcpu->pv.eoi_msr & ~(u64)KVM_MSR_ENABLED;
}

int x86_pv_eoi_set_msr(struct x86_vcpu *vcpu, u64 data)
{
	if (!IS_ALIGNED(data & ~(u64)KVM_MSR_ENABLED, 4))
		return -EINVAL;
	vcpu->pv.eoi_msr = data;
	return 0;
}

void x86_pv_eoi_offer(struct x86_vcpu *vcpu)
{
	static const u8 offer = KVM_PV_EOI_ENABLED;

	if (!(vcpu->pv.eoi_msr & KVM_MSR_ENABLED) || !lapic_eoi_is_silent(vcpu))
		return;
	if (!kvm_write_guest(&vcpu->vcpu, pv_eoi_gpa(vcpu), &offer, sizeof(offer)))
		vcpu->pv.eoi_offered = true;
}

void x86_pv_eoi_settle_slow(struct x86_vcpu *vcpu)
{
	static const u8 no_offer = KVM_PV_EOI_DISABLED;
	gpa_t gpa = pv_eoi_gpa(vcpu);
	u8 byte;

	vcpu->pv.eoi_offered = false;
	/* Without the memory the guest has no way to have ended it. */
	if (kvm_read_guest(&vcpu->vcpu, gpa, &byte, sizeof(byte)))
		return;
	if (byte & KVM_PV_EOI_ENABLED)
		kvm_write_guest(&vcpu->vcpu, gpa, &no_offer, sizeof(no_offer));
	else
		lapic_eoi(vcpu->lapic);
}
