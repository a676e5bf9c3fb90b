// SPDX-License-Identifier: GPL-2.0
/* A nested page fault, in stages. */
#include <linux/cleanup.h>
#include <linux/sched/signal.h>

#include <kvm/attributes.h>
#include <kvm/gmem.h>
#include <kvm/hva.h>

#include "tdp.h"

/**
 * struct x86_fault - one fault; each stage fills what the next needs
 * @vcpu: whose
 * @gfn: where
 * @write: the guest wants to write
 * @slot: what is there, held
 * @private: the frame is private
 * @gmem: the guest_memfd's page behind @gfn, if that serves it
 * @seq: the slot's invalidations, from before @host was looked up
 * @host: the page behind @gfn
 */
struct x86_fault {
	struct x86_vcpu *const vcpu;
	const gfn_t gfn;
	const bool write;

	struct kvm_memory_slot *slot;
	bool private;
	struct kvm_gmem_page gmem;
	unsigned long seq;
	struct kvm_host_page host;
};

/*
 * Absence of a slot is MMIO. It is remembered, since drivers come back to the
 * same registers, and only while no slot has changed.
 */
static bool fault_is_known_mmio(const struct x86_fault *fault)
{
	const struct x86_mmu_vcpu *mmu = &fault->vcpu->mmu;

	return mmu->mmio_gfn == fault->gfn &&
	       mmu->mmio_generation == kvm_memory_generation(fault->vcpu->vcpu.kvm);
}

static int fault_find_slot(struct x86_fault *fault)
{
	struct x86_mmu_vcpu *mmu = &fault->vcpu->mmu;
	struct kvm_vcpu *vcpu = &fault->vcpu->vcpu;
	u64 generation;

	if (fault_is_known_mmio(fault))
		return X86_FAULT_EMULATE;

	generation = kvm_memory_generation(vcpu->kvm);
	fault->slot = kvm_hold_slot(vcpu, fault->gfn);
	if (fault->slot)
		return X86_FAULT_RESUME;
	mmu->mmio_gfn = fault->gfn;
	/* Of before the look-up: if a slot came since, the stamp is old already. */
	mmu->mmio_generation = generation;
	return X86_FAULT_EMULATE;
}

static int fault_report_memory(struct x86_fault *fault, int r)
{
	struct kvm_run *run = fault->vcpu->vcpu.run;

	run->exit_reason = KVM_EXIT_MEMORY_FAULT;
	run->memory_fault.flags = fault->private ? KVM_MEMORY_EXIT_FLAG_PRIVATE : 0;
	run->memory_fault.gpa = gfn_to_gpa(fault->gfn);
	run->memory_fault.size = PAGE_SIZE;
	return r;
}

static int fault_get_gmem_page(struct x86_fault *fault)
{
	int r = kvm_gmem_get_page(fault->slot, fault->gfn, &fault->gmem);

	if (r == -EFAULT || r == -EHWPOISON)
		return fault_report_memory(fault, r);
	if (r)
		return r;
	fault->host.pfn = page_to_pfn(fault->gmem.page);
	fault->host.writable = true;
	return 0;
}

static int fault_get_host_page(struct x86_fault *fault)
{
	hva_t hva = kvm_slot_hva(fault->slot, fault->gfn);
	int r;

	fault->seq = mmu_interval_read_begin(&fault->slot->notifier);
	r = kvm_get_host_page(fault->slot, fault->gfn, fault->write, &fault->host);
	switch (r) {
	case -EHWPOISON:
		/* As for a load by the owner itself; the vCPU leaves with the signal. */
		send_sig_mceerr(BUS_MCEERR_AR, (void __user *)hva, PAGE_SHIFT, current);
		return -EAGAIN;
	case -EFAULT:
		return fault_report_memory(fault, r);
	default:
		return r;
	}
}

static int fault_get_page(struct x86_fault *fault)
{
	fault->private = kvm_gfn_is_private(fault->slot->kvm, fault->gfn);
	if (kvm_gmem_serves(fault->slot, fault->private))
		return fault_get_gmem_page(fault);
	return fault_get_host_page(fault);
}

static void fault_put_page(struct x86_fault *fault)
{
	if (fault->gmem.page)
		kvm_gmem_put_page(&fault->gmem);
	else
		kvm_put_host_page(&fault->host);
}

/* Is what the fault has found no longer what it should map? Under mmu_lock. */
static bool fault_is_stale(struct x86_fault *fault)
{
	if (kvm_gfn_is_private(fault->slot->kvm, fault->gfn) != fault->private)
		return true;
	if (fault->gmem.page)
		return kvm_gmem_page_broken(&fault->gmem);
	return mmu_interval_read_retry(&fault->slot->notifier, fault->seq);
}

static int fault_map(struct x86_fault *fault)
{
	struct kvm *kvm = fault->vcpu->vcpu.kvm;
	u64 spte;

	guard(read_lock)(&kvm->mem.mmu_lock);
	if (fault_is_stale(fault))
		return -EAGAIN;
	if (fault->host.writable)
		kvm_mark_host_page(&fault->host);
	spte = spte_make_leaf(fault->host.pfn, PG_LEVEL_4K, fault->host.writable, true);
	tdp_map(fault->vcpu, fault->gfn, PG_LEVEL_4K, spte);
	return X86_FAULT_RESUME;
}

static int fault_resolve(struct x86_fault *fault)
{
	int r;

	if (fault->write && (fault->slot->flags & KVM_MEM_READONLY))
		return X86_FAULT_EMULATE;

	r = tdp_get_tables(&fault->vcpu->mmu) ?: fault_get_page(fault);
	if (!r) {
		r = fault_map(fault);
		fault_put_page(fault);
	}
	/* The host changed its mind on the way; the guest will come again. */
	return r == -EAGAIN ? X86_FAULT_RESUME : r;
}

int x86_mmu_fault(struct x86_vcpu *vcpu, gpa_t gpa, u64 error_code)
{
	struct x86_fault fault = {
		.vcpu = vcpu,
		.gfn = gpa_to_gfn(gpa),
		.write = error_code & X86_NPF_WRITE,
	};
	int r;

	r = fault_find_slot(&fault);
	if (fault.slot) {
		r = fault_resolve(&fault);
		kvm_release_slot(&vcpu->vcpu);
	}
	return r;
}
