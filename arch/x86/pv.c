// SPDX-License-Identifier: GPL-2.0
/* Steal time, IPIs and wake-ups by hypercall, control of halt polling. */
#include <linux/kvm_para.h>
#include <linux/sched.h>

#include <kvm/guest_io.h>

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
	default:
		*data = vcpu->pv.poll_control;
		return 0;
	}
}

static u64 steal_waited(void)
{
#ifdef CONFIG_SCHED_INFO
	return current->sched_info.run_delay;
#else
	return 0;
#endif
}

static int steal_set_msr(struct x86_vcpu *vcpu, u64 data)
{
	if (data & KVM_STEAL_RESERVED_MASK)
		return -EINVAL;
	vcpu->pv.steal_msr = data;
	vcpu->pv.steal_seen = steal_waited();
	if (data & KVM_MSR_ENABLED)
		kvm_make_request(X86_REQ_STEAL_UPDATE, &vcpu->vcpu);
	return 0;
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
		return steal_set_msr(vcpu, data);
	default:
		if (data & ~1ull)
			return -EINVAL;
		vcpu->pv.poll_control = data;
		return 0;
	}
}

void x86_steal_update(struct x86_vcpu *vcpu)
{
	gpa_t gpa = vcpu->pv.steal_msr & KVM_STEAL_VALID_BITS;
	u64 waited = steal_waited();
	struct kvm_steal_time st;

	if (!(vcpu->pv.steal_msr & KVM_MSR_ENABLED) ||
	    kvm_read_guest(&vcpu->vcpu, gpa, &st, sizeof(st)))
		return;
	/* Odd while it changes; the guest may have left it so. */
	st.version = (st.version | 1) + (st.version & 1 ? 2 : 0);
	if (kvm_write_guest(&vcpu->vcpu, gpa + offsetof(struct kvm_steal_time, version),
			    &st.version, sizeof(st.version)))
		return;
	/* Pairs with the guest's barriers around its reads of the version. */
	smp_wmb();
	st.steal += waited - vcpu->pv.steal_seen;
	vcpu->pv.steal_seen = waited;
	kvm_write_guest(&vcpu->vcpu, gpa, &st.steal, sizeof(st.steal));
	/* Pairs with the guest's barriers around its reads of the version. */
	smp_wmb();
	st.version++;
	kvm_write_guest(&vcpu->vcpu, gpa + offsetof(struct kvm_steal_time, version),
			&st.version, sizeof(st.version));
}

void x86_pv_load(struct x86_vcpu *vcpu)
{
	if (vcpu->pv.steal_msr & KVM_MSR_ENABLED)
		kvm_make_request(X86_REQ_STEAL_UPDATE, &vcpu->vcpu);
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
	default:
		return -KVM_ENOSYS;
	}
}
