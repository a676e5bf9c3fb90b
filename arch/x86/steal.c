// SPDX-License-Identifier: GPL-2.0
/*
 * Steal time: the guest reads in its memory how long each vCPU waited for a
 * CPU, and whether it waits right now (Documentation/virt/kvm/x86/msr.rst).
 */
#include <linux/kvm_para.h>
#include <linux/sched.h>

#include <kvm/guest_io.h>

#include "guest_cmpxchg.h"
#include "pv.h"
#include "x86.h"

static gpa_t steal_gpa(const struct x86_vcpu *vcpu, size_t member)
{
	return (vcpu->pv.steal_msr & KVM_STEAL_VALID_BITS) + member;
}

static u64 steal_waited(void)
{
#ifdef CONFIG_SCHED_INFO
	return current->sched_info.run_delay;
#else
	return 0;
#endif
}

int x86_steal_set_msr(struct x86_vcpu *vcpu, u64 data)
{
	if (data & KVM_STEAL_RESERVED_MASK)
		return -EINVAL;
	vcpu->pv.steal_msr = data;
	vcpu->pv.steal_seen = steal_waited();
	/* As far as we know: the guest may come from another host. */
	vcpu->pv.preempted = true;
	if (data & KVM_MSR_ENABLED)
		kvm_make_request(X86_REQ_STEAL_UPDATE, &vcpu->vcpu);
	return 0;
}

static int steal_write_version(struct x86_vcpu *vcpu, u32 version)
{
	gpa_t gpa = steal_gpa(vcpu, offsetof(struct kvm_steal_time, version));

	return kvm_write_guest(&vcpu->vcpu, gpa, &version, sizeof(version));
}

/*
 * While we waited, another vCPU may have left us the flush of our TLB, instead
 * of an interrupt. Whoever asks from now on finds that we run, and sends it.
 */
static void steal_runs(struct x86_vcpu *vcpu)
{
	static const u8 waits = KVM_VCPU_PREEMPTED, runs;
	gpa_t gpa = steal_gpa(vcpu, offsetof(struct kvm_steal_time, preempted));

	vcpu->pv.preempted = false;
	if (!x86_guest_cmpxchg(vcpu, gpa, &waits, &runs, sizeof(runs)))
		return;
	kvm_write_guest(&vcpu->vcpu, gpa, &runs, sizeof(runs));
	vcpu->flush_tlb = true;
	vcpu->stat.tlb_flush++;
}

void x86_steal_update(struct x86_vcpu *vcpu)
{
	u64 waited = steal_waited();
	struct kvm_steal_time st;

	if (!(vcpu->pv.steal_msr & KVM_MSR_ENABLED))
		return;
	if (vcpu->pv.preempted)
		steal_runs(vcpu);
	if (waited == vcpu->pv.steal_seen ||
	    kvm_read_guest(&vcpu->vcpu, steal_gpa(vcpu, 0), &st, sizeof(st)))
		return;
	/* Odd while it changes; the guest may have left it so. */
	st.version = (st.version | 1) + (st.version & 1 ? 2 : 0);
	if (steal_write_version(vcpu, st.version))
		return;
	/* Pairs with the guest's barriers around its reads of the version. */
	smp_wmb();
	st.steal += waited - vcpu->pv.steal_seen;
	vcpu->pv.steal_seen = waited;
	kvm_write_guest(&vcpu->vcpu, steal_gpa(vcpu, 0), &st.steal, sizeof(st.steal));
	/* Pairs with the guest's barriers around its reads of the version. */
	smp_wmb();
	steal_write_version(vcpu, st.version + 1);
}

void x86_steal_load(struct x86_vcpu *vcpu)
{
	kvm_make_request(X86_REQ_STEAL_UPDATE, &vcpu->vcpu);
}

void x86_steal_put(struct x86_vcpu *vcpu)
{
	static const u8 waits = KVM_VCPU_PREEMPTED;
	gpa_t gpa = steal_gpa(vcpu, offsetof(struct kvm_steal_time, preempted));

	if (!vcpu->pv.between_insns || !task_is_runnable(current))
		return;
	if (!kvm_write_guest_atomic(&vcpu->vcpu, gpa, &waits, sizeof(waits)))
		vcpu->pv.preempted = true;
}
