/* SPDX-License-Identifier: GPL-2.0 */
/* What a guest that knows it is one can ask for, clocks aside. */
#ifndef KVM_X86_PV_H
#define KVM_X86_PV_H

#include <linux/types.h>
#include <asm/kvm_para.h>

struct x86_vm;
struct x86_vcpu;
struct kvm_ioctl_args;

/* KVM_FEATURE_* that work. */
#ifdef CONFIG_SCHED_INFO
#define X86_PV_STEAL	(BIT(KVM_FEATURE_STEAL_TIME) | BIT(KVM_FEATURE_PV_TLB_FLUSH))
#else
#define X86_PV_STEAL	0
#endif
#define X86_PV_FEATURES	(BIT(KVM_FEATURE_CLOCKSOURCE) | BIT(KVM_FEATURE_NOP_IO_DELAY) |	\
			 BIT(KVM_FEATURE_ASYNC_PF) | BIT(KVM_FEATURE_ASYNC_PF_INT) |	\
			 BIT(KVM_FEATURE_CLOCKSOURCE2) | BIT(KVM_FEATURE_PV_EOI) |	\
			 BIT(KVM_FEATURE_PV_UNHALT) | BIT(KVM_FEATURE_PV_SEND_IPI) |	\
			 BIT(KVM_FEATURE_POLL_CONTROL) |				\
			 BIT(KVM_FEATURE_PV_SCHED_YIELD) |				\
			 BIT(KVM_FEATURE_CLOCKSOURCE_STABLE_BIT) | X86_PV_STEAL)

/**
 * struct x86_pv - of a vCPU
 * @enforce: what CPUID does not announce is not there (KVM_CAP_ENFORCE_PV_FEATURE_CPUID)
 * @unhalted: another vCPU ended this one's HLT; anybody sets
 * @poll_control: MSR_KVM_POLL_CONTROL; bit 0: the host may spin for us
 * @steal_msr: MSR_KVM_STEAL_TIME: where the guest reads, and bit 0
 * @steal_seen: how long the thread had waited for a CPU when last told
 * @preempted: the guest may have been told that the vCPU waits for a CPU
 * @between_insns: nothing of an instruction is half done, and nothing that was
 *	read of the guest's page tables is still used
 * @eoi_msr: MSR_KVM_PV_EOI_EN: where the guest may end interrupts, and bit 0
 * @eoi_offered: the bit there is set
 */
struct x86_pv {
	bool enforce;
	bool unhalted;
	u64 poll_control;
	u64 steal_msr;
	u64 steal_seen;
	bool preempted;
	bool between_insns;
	u64 eoi_msr;
	bool eoi_offered;
};

/* May the guest use it? @feature is KVM_FEATURE_*. */
bool x86_pv_has(const struct x86_vcpu *vcpu, unsigned int feature);

/* MSR_KVM_*: by the numbers of <asm/kvm_para.h>; -EINVAL is #GP(0). */
int x86_pv_get_msr(struct x86_vcpu *vcpu, u32 index, u64 *data, bool host);
int x86_pv_set_msr(struct x86_vcpu *vcpu, u32 index, u64 data, bool host);

/* RESET and INIT: nothing is written to the guest's memory any more. */
void x86_pv_reset(struct x86_vcpu *vcpu);

/* steal.c */
int x86_steal_set_msr(struct x86_vcpu *vcpu, u64 data);

/**
 * x86_steal_update() - tell the guest how long it waited for a CPU
 * @vcpu: the vCPU, loaded, for X86_REQ_STEAL_UPDATE
 */
void x86_steal_update(struct x86_vcpu *vcpu);

/* The thread of a vCPU with steal time got a CPU, or lost it; also from the scheduler. */
void x86_steal_load(struct x86_vcpu *vcpu);
void x86_steal_put(struct x86_vcpu *vcpu);

/* pv_eoi.c */
int x86_pv_eoi_set_msr(struct x86_vcpu *vcpu, u64 data);

/**
 * x86_pv_eoi_offer() - let the guest end its interrupt by clearing a bit
 * @vcpu: the vCPU, after what it injects has been chosen
 */
void x86_pv_eoi_offer(struct x86_vcpu *vcpu);
void x86_pv_eoi_settle_slow(struct x86_vcpu *vcpu);

/**
 * x86_pv_hypercall() - the calls about other vCPUs
 * @vcpu: the caller
 * @nr: KVM_HC_*
 * @args: four of them; a 32-bit caller's bitmaps have 32 bits each
 *
 * Return: what the guest finds in RAX; -KVM_ENOSYS for what is not offered.
 */
long x86_pv_hypercall(struct x86_vcpu *vcpu, unsigned long nr,
		      const unsigned long *args);

#endif
