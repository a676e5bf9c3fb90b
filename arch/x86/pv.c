// SPDX-License-Identifier: GPL-2.0
/* What paravirtual guests ask for by MSR and hypercall; who may, by CPUID. */
#include <linux/kvm_para.h>

#include "cpuid.h"
#include "lapic.h"
#include "pv.h"
#include "pvclock.h"
#include "run.h"
#include "x86.h"

bool x86_pv_has(const struct x86_vcpu *vcpu, unsigned int feature)
{
	const struct kvm_cpuid_entry2 *entry;

	if (!vcpu->pv.enforce)
		return true;
	entry = x86_cpuid_find(vcpu, KVM_CPUID_FEATURES, 0);
	return entry && (entry->eax & BIT(feature));
}

/* The feature that brings a register. */
static int pv_msr_feature(u32 index)
{
	switch (index) {
	case MSR_KVM_WALL_CLOCK:
	case MSR_KVM_SYSTEM_TIME:
		return KVM_FEATURE_CLOCKSOURCE;
	case MSR_KVM_WALL_CLOCK_NEW:
	case MSR_KVM_SYSTEM_TIME_NEW:
		return KVM_FEATURE_CLOCKSOURCE2;
	case MSR_KVM_STEAL_TIME:
		return KVM_FEATURE_STEAL_TIME;
	case MSR_KVM_PV_EOI_EN:
		return KVM_FEATURE_PV_EOI;
	case MSR_KVM_ASYNC_PF_EN:
		return KVM_FEATURE_ASYNC_PF;
	case MSR_KVM_ASYNC_PF_INT:
	case MSR_KVM_ASYNC_PF_ACK:
		return KVM_FEATURE_ASYNC_PF_INT;
	case MSR_KVM_POLL_CONTROL:
		return KVM_FEATURE_POLL_CONTROL;
	default:
		return -EINVAL;
	}
}

static bool pv_msr_there(const struct x86_vcpu *vcpu, u32 index, bool host)
{
	int feature = pv_msr_feature(index);

	if (feature < 0 || !(X86_PV_FEATURES & BIT(feature)))
		return false;
	return host || x86_pv_has(vcpu, feature);
}

int x86_pv_get_msr(struct x86_vcpu *vcpu, u32 index, u64 *data, bool host)
{
	if (!pv_msr_there(vcpu, index, host))
		return -EINVAL;
	switch (index) {
	case MSR_KVM_WALL_CLOCK:
	case MSR_KVM_WALL_CLOCK_NEW:
		*data = vcpu->clock.wall_msr;
		return 0;
	case MSR_KVM_SYSTEM_TIME:
	case MSR_KVM_SYSTEM_TIME_NEW:
		*data = vcpu->clock.msr;
		return 0;
	case MSR_KVM_STEAL_TIME:
		*data = vcpu->pv.steal_msr;
		return 0;
	case MSR_KVM_PV_EOI_EN:
		*data = vcpu->pv.eoi_msr;
		return 0;
	case MSR_KVM_ASYNC_PF_EN:
	case MSR_KVM_ASYNC_PF_INT:
	case MSR_KVM_ASYNC_PF_ACK:
		*data = x86_apf_get_msr(vcpu, index);
		return 0;
	default:
		*data = vcpu->pv.poll_control;
		return 0;
	}
}

int x86_pv_set_msr(struct x86_vcpu *vcpu, u32 index, u64 data, bool host)
{
	if (!pv_msr_there(vcpu, index, host))
		return -EINVAL;
	switch (index) {
	case MSR_KVM_WALL_CLOCK:
	case MSR_KVM_WALL_CLOCK_NEW:
		return x86_clock_set_wall_msr(vcpu, data);
	case MSR_KVM_SYSTEM_TIME:
	case MSR_KVM_SYSTEM_TIME_NEW:
		return x86_clock_set_msr(vcpu, data);
	case MSR_KVM_STEAL_TIME:
		return x86_steal_set_msr(vcpu, data);
	case MSR_KVM_PV_EOI_EN:
		return x86_pv_eoi_set_msr(vcpu, data);
	case MSR_KVM_ASYNC_PF_EN:
	case MSR_KVM_ASYNC_PF_INT:
	case MSR_KVM_ASYNC_PF_ACK:
		return x86_apf_set_msr(vcpu, index, data);
	default:
		if (data & ~1ull)
			return -EINVAL;
		vcpu->pv.poll_control = data;
		return 0;
	}
}

void x86_pv_reset(struct x86_vcpu *vcpu)
{
	vcpu->clock.msr = 0;
	vcpu->pv.steal_msr = 0;
	vcpu->pv.eoi_msr = 0;
	x86_apf_reset(vcpu);
}

/* vCPUs whose APIC ids begin at @min, one a bit. */
static long pv_send_ipi(struct x86_vcpu *vcpu, unsigned long bitmap, u32 min, u64 icr)
{
	struct x86_irq irq = {
		.vector = icr & 0xff,
		.delivery = (icr >> 8) & 7,
	};
	unsigned int bit;
	long sent = 0;
	int r;

	if (irq.delivery != X86_DELIVER_FIXED && irq.delivery != X86_DELIVER_NMI)
		return -KVM_EINVAL;
	for_each_set_bit(bit, &bitmap, BITS_PER_LONG) {
		irq.dest = min + bit;
		r = x86_deliver_irq(to_x86_vm(vcpu->vcpu.kvm), vcpu->lapic, &irq);
		sent += max(r, 0);
	}
	return sent;
}

static long pv_send_ipis(struct x86_vcpu *vcpu, const unsigned long *args)
{
	unsigned int width = x86_in_64bit_code(vcpu) ? 64 : 32;
	long low, high;

	low = pv_send_ipi(vcpu, args[0], args[2], args[3]);
	if (low < 0)
		return low;
	high = pv_send_ipi(vcpu, args[1], args[2] + width, args[3]);
	return low + high;
}

/* Ends a HLT though the one who sleeps has interrupts off: it waits for a lock. */
static long pv_kick_vcpu(struct x86_vcpu *vcpu, u32 apic_id)
{
	struct kvm_vcpu *target = kvm_get_vcpu_by_id(vcpu->vcpu.kvm, apic_id);

	if (target) {
		WRITE_ONCE(to_x86(target)->pv.unhalted, true);
		kvm_make_request(X86_REQ_EVENT, target);
		kvm_vcpu_kick(target);
	}
	return 0;
}

/* The caller waits for somebody who has no CPU to wait on. */
static long pv_sched_yield(struct x86_vcpu *vcpu, u32 apic_id)
{
	struct kvm_vcpu *target = kvm_get_vcpu_by_id(vcpu->vcpu.kvm, apic_id);

	if (target && target != &vcpu->vcpu)
		kvm_vcpu_yield_to(target);
	return 0;
}

long x86_pv_hypercall(struct x86_vcpu *vcpu, unsigned long nr,
		      const unsigned long *args)
{
	switch (nr) {
	case KVM_HC_KICK_CPU:
		if (!vcpu->lapic || !x86_pv_has(vcpu, KVM_FEATURE_PV_UNHALT))
			return -KVM_ENOSYS;
		return pv_kick_vcpu(vcpu, args[1]);
	case KVM_HC_SEND_IPI:
		if (!vcpu->lapic || !x86_pv_has(vcpu, KVM_FEATURE_PV_SEND_IPI))
			return -KVM_ENOSYS;
		return pv_send_ipis(vcpu, args);
	case KVM_HC_SCHED_YIELD:
		if (!x86_pv_has(vcpu, KVM_FEATURE_PV_SCHED_YIELD))
			return -KVM_ENOSYS;
		return pv_sched_yield(vcpu, args[0]);
	default:
		return -KVM_ENOSYS;
	}
}
