// SPDX-License-Identifier: GPL-2.0
/* The tables of the x86 statistics. */
#include "x86.h"

static const struct kvm_stat_entry vm_entries[] = {
	KVM_STAT(x86_vm_stat, pages_4k, GAUGE),
	KVM_STAT(x86_vm_stat, pages_2m, GAUGE),
	KVM_STAT(x86_vm_stat, pages_1g, GAUGE),
};

static_assert(ARRAY_SIZE(vm_entries) * sizeof(u64) == sizeof(struct x86_vm_stat));

static const struct kvm_stat_entry vcpu_entries[] = {
	KVM_STAT(x86_vcpu_stat, exits, COUNT),
	KVM_STAT(x86_vcpu_stat, io_exits, COUNT),
	KVM_STAT(x86_vcpu_stat, mmio_exits, COUNT),
	KVM_STAT(x86_vcpu_stat, signal_exits, COUNT),
	KVM_STAT(x86_vcpu_stat, irq_window_exits, COUNT),
	KVM_STAT(x86_vcpu_stat, nmi_window_exits, COUNT),
	KVM_STAT(x86_vcpu_stat, halt_exits, COUNT),
	KVM_STAT(x86_vcpu_stat, irq_exits, COUNT),
	KVM_STAT(x86_vcpu_stat, hypercalls, COUNT),
	KVM_STAT(x86_vcpu_stat, pf_taken, COUNT),
	KVM_STAT(x86_vcpu_stat, pf_fixed, COUNT),
	KVM_STAT(x86_vcpu_stat, pf_emulate, COUNT),
	KVM_STAT(x86_vcpu_stat, insn_emulation, COUNT),
	KVM_STAT(x86_vcpu_stat, insn_emulation_fail, COUNT),
	KVM_STAT(x86_vcpu_stat, irq_injections, COUNT),
	KVM_STAT(x86_vcpu_stat, nmi_injections, COUNT),
	KVM_STAT(x86_vcpu_stat, req_event, COUNT),
	KVM_STAT(x86_vcpu_stat, tlb_flush, COUNT),
};

static_assert(ARRAY_SIZE(vcpu_entries) * sizeof(u64) == sizeof(struct x86_vcpu_stat));

const struct kvm_stat_table kvm_arch_vm_stats = {
	.entries = vm_entries, .nr = ARRAY_SIZE(vm_entries),
};

const struct kvm_stat_table kvm_arch_vcpu_stats = {
	.entries = vcpu_entries, .nr = ARRAY_SIZE(vcpu_entries),
};

const u64 *kvm_arch_vm_stat(struct kvm *kvm)
{
	return (const u64 *)&to_x86_vm(kvm)->stat;
}

const u64 *kvm_arch_vcpu_stat(struct kvm_vcpu *vcpu)
{
	return (const u64 *)&to_x86(vcpu)->stat;
}
