// SPDX-License-Identifier: GPL-2.0
/* A nested page fault, in stages. */
#include <linux/align.h>
#include <linux/cleanup.h>
#include <linux/delay.h>
#include <linux/random.h>
#include <linux/sched/signal.h>

#include <kvm/attributes.h>
#include <kvm/dirty.h>
#include <kvm/gmem.h>
#include <kvm/hva.h>

#include "../trace.h"
#include "tdp.h"

/**
 * struct x86_fault - one fault; each stage fills what the next needs
 * @vcpu: whose
 * @gfn: where
 * @write: the guest wants to write
 * @present: there is a mapping, and it does not allow it
 * @running: the guest runs into it, and may be told if the page is not there
 * @slot: what is there, held
 * @private: the frame is private
 * @gmem: the guest_memfd's page behind @gfn, if that serves it
 * @seq: the slot's invalidations, from before @host was looked up
 * @host: the page behind @gfn
 * @level: how large the host has it
 */
struct x86_fault {
	struct x86_vcpu *const vcpu;
	const gfn_t gfn;
	const bool write;
	const bool present;
	const bool running;

	struct kvm_memory_slot *slot;
	bool private;
	struct kvm_gmem_page gmem;
	unsigned long seq;
	struct kvm_host_page host;
	int level;
};

/*
 * Absence of a slot is MMIO. It is remembered, since drivers come back to the
 * same registers, and only while no slot has changed.
 */
bool x86_mmu_is_mmio(struct x86_vcpu *vcpu, gfn_t gfn)
{
	const struct x86_mmu_vcpu *mmu = &vcpu->mmu;

	return mmu->mmio_gfn == gfn &&
	       mmu->mmio_generation == kvm_memory_generation(vcpu->vcpu.kvm);
}

static int fault_find_slot(struct x86_fault *fault)
{
	struct x86_mmu_vcpu *mmu = &fault->vcpu->mmu;
	struct kvm_vcpu *vcpu = &fault->vcpu->vcpu;
	u64 generation;

	if (x86_mmu_is_mmio(fault->vcpu, fault->gfn))
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
	fault->level = tdp_max_level(fault->slot, fault->gfn, fault->slot->gmem.index,
				     fault->gmem.order);
	return 0;
}

static int fault_get_host_page(struct x86_fault *fault)
{
	hva_t hva = kvm_slot_hva(fault->slot, fault->gfn);
	unsigned int flags = fault->write ? KVM_HOST_WRITE : 0;
	int r;

	if (fault->running && x86_apf_possible(fault->vcpu))
		flags |= KVM_HOST_NOWAIT;
	fault->seq = mmu_interval_read_begin(&fault->slot->notifier);
	r = kvm_get_host_page(fault->slot, fault->gfn, flags, &fault->host);
	if (r == -EBUSY) {
		if (x86_apf_start(fault->vcpu, hva, fault->write))
			return -EAGAIN;
		flags &= ~KVM_HOST_NOWAIT;
		r = kvm_get_host_page(fault->slot, fault->gfn, flags, &fault->host);
	}
	switch (r) {
	case 0:
		fault->level = tdp_max_level(fault->slot, fault->gfn,
					     fault->slot->hva >> PAGE_SHIFT,
					     fault->host.order);
		return 0;
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

/* How large the mapping is, under mmu_lock. */
static int fault_level(struct x86_fault *fault)
{
	struct kvm *kvm = fault->vcpu->vcpu.kvm;
	int level = fault->level;
	gfn_t start;

	/* The log begins only after this mapping. */
	if (kvm_slot_logs_dirty(fault->slot))
		return PG_LEVEL_4K;
	for (; level > PG_LEVEL_4K; level--) {
		start = ALIGN_DOWN(fault->gfn, spte_level_gfns(level));
		if (kvm_attributes_uniform(kvm, start, start + spte_level_gfns(level)))
			break;
	}
	return level;
}

/*
 * What came in one block of a guest_memfd with the page is mapped with it: a fault
 * for each would be of no use. Nothing has to be logged there.
 */
static void fault_widen(struct x86_fault *fault, struct tdp_mapping *map)
{
	gfn_t span = 1ULL << min(fault->gmem.order, KVM_GMEM_CLUSTER_ORDER);
	gfn_t start = ALIGN_DOWN(map->gfn, span);
	struct kvm_memory_slot *slot = fault->slot;

	if (start < slot->base_gfn || start + span > kvm_slot_end(slot) ||
	    !IS_ALIGNED(slot->base_gfn ^ slot->gmem.index, span) ||
	    !kvm_attributes_uniform(slot->kvm, start, start + span))
		return;
	map->pfn -= map->gfn - start;
	map->gfn = start;
	map->nr = span;
}

static int fault_map_locked(struct x86_fault *fault)
{
	struct kvm_vcpu *vcpu = &fault->vcpu->vcpu;
	struct tdp_mapping map = {
		.gfn = fault->gfn,
		.nr = 1,
		.pfn = fault->host.pfn,
		.c_bit = fault->host.decrypted ? 0 : sme_me_mask,
		.level = fault_level(fault),
		.host_writable = fault->host.writable,
		.writable = fault->write || !kvm_slot_logs_dirty(fault->slot),
	};
	int r;

	if (fault_is_stale(fault))
		return -EAGAIN;
	fault->level = map.level;
	if (fault->gmem.page && map.level == PG_LEVEL_4K)
		fault_widen(fault, &map);
	r = tdp_map(vcpu->kvm, &map, &fault->vcpu->mmu.tables);
	if (r)
		return r;
	if (fault->host.writable)
		kvm_mark_host_page(&fault->host);
	if (fault->write)
		kvm_mark_dirty(vcpu, fault->slot, fault->gfn);
	return 0;
}

static int fault_map(struct x86_fault *fault)
{
	struct kvm *kvm = fault->vcpu->vcpu.kvm;
	gfn_t span, start;
	int r;

	read_lock(&kvm->mem.mmu_lock);
	r = fault_map_locked(fault);
	read_unlock(&kvm->mem.mmu_lock);
	if (r != -EEXIST)
		return r;
	/* Small mappings from when the host had it in pieces. */
	span = spte_level_gfns(fault->level);
	start = ALIGN_DOWN(fault->gfn, span);
	kvm_arch_unmap(kvm, start, start + span, true);
	return -EAGAIN;
}

/*
 * A write to a page whose only bar is the dirty log, or one that another vCPU
 * has resolved: no host page, no lock. Only single pages: the log cannot
 * account for the others of a large one.
 */
static bool fault_fast(struct x86_fault *fault)
{
	u64 *table = to_x86_vm(fault->vcpu->vcpu.kvm)->mmu.root, *sptep, spte;
	int level = tdp_root_level();

	if (!fault->present || !fault->write)
		return false;

	/* Tables are freed behind RCU; in one that is gone nothing harms. */
	guard(rcu)();
	for (;; level--) {
		sptep = table + spte_index(fault->gfn, level);
		spte = READ_ONCE(*sptep);
		if (!spte_is_table(spte, level))
			break;
		table = spte_table(spte);
	}
	if (!spte_present(spte) || level > PG_LEVEL_4K)
		return false;
	if (spte & SPTE_WRITABLE)
		return true;
	if (!(spte & SPTE_HOST_WRITABLE) ||
	    !try_cmpxchg64(sptep, &spte, spte | SPTE_WRITABLE | SPTE_DIRTY))
		return false;
	kvm_mark_dirty(&fault->vcpu->vcpu, fault->slot, fault->gfn);
	return true;
}

/*
 * Between the page and its mapping the host may change its mind. What sees to that is
 * hardly ever needed: the debug build makes time for it, or no test would miss it.
 */
static void fault_dawdle(struct x86_fault *fault)
{
#ifdef KVMCORE_DEBUG
	if (!get_random_u32_below(16))
		usleep_range(500, 1000);
#endif
}

static int fault_resolve(struct x86_fault *fault)
{
	int r;

	if (fault->write && (fault->slot->flags & KVM_MEM_READONLY))
		return X86_FAULT_EMULATE;
	if (fault_fast(fault))
		return X86_FAULT_RESUME;

	if (tdp_over_limit(fault->slot->kvm))
		kvm_arch_unmap(fault->slot->kvm, 0, kvm_arch_max_gfn(fault->slot->kvm) + 1,
			       true);
	r = tdp_get_tables(&fault->vcpu->mmu.tables, tdp_root_level() - 1);
	r = r ?: fault_get_page(fault);
	if (!r) {
		fault_dawdle(fault);
		r = fault_map(fault);
		fault_put_page(fault);
	}
	return r ?: X86_FAULT_RESUME;
}

/* -EAGAIN if the host changed its mind on the way. */
static int fault_handle(struct x86_fault *fault)
{
	int r = fault_find_slot(fault);

	if (!fault->slot) {
		/* Devices are not private: userspace has memory to put there. */
		fault->private = kvm_gfn_is_private(fault->vcpu->vcpu.kvm, fault->gfn);
		return fault->private ? fault_report_memory(fault, -EFAULT) : r;
	}
	r = fault_resolve(fault);
	kvm_release_slot(&fault->vcpu->vcpu);
	return r;
}

int x86_mmu_fault(struct x86_vcpu *vcpu, gpa_t gpa, u64 error_code)
{
	struct x86_fault fault = {
		.vcpu = vcpu,
		.gfn = gpa_to_gfn(gpa),
		.write = error_code & X86_NPF_WRITE,
		.present = error_code & X86_NPF_PRESENT,
		.running = true,
	};
	int r;

	vcpu->stat.pf_taken++;
	trace_kvm_page_fault(vcpu->vcpu.vcpu_id, vcpu->rip, gpa, error_code);
	r = fault_handle(&fault);
	vcpu->stat.pf_fixed += r == X86_FAULT_RESUME;
	vcpu->stat.pf_emulate += r == X86_FAULT_EMULATE;
	/* Then the guest comes again. */
	return r == -EAGAIN ? X86_FAULT_RESUME : r;
}

/* KVM_PRE_FAULT_MEMORY: the frames that were mapped, or errno. */
static long x86_pre_fault(struct x86_vcpu *vcpu, gpa_t gpa)
{
	gfn_t gfn = gpa_to_gfn(gpa);
	int r;

	do {
		struct x86_fault fault = { .vcpu = vcpu, .gfn = gfn };

		if (signal_pending(current))
			return -EINTR;
		cond_resched();
		r = fault_handle(&fault);
		if (r == X86_FAULT_RESUME)
			return spte_level_gfns(fault.level) -
			       (gfn & (spte_level_gfns(fault.level) - 1));
	} while (r == -EAGAIN);
	return r == X86_FAULT_EMULATE ? -ENOENT : r;
}

long x86_ioctl_pre_fault(struct kvm_ioctl_args *args)
{
	struct kvm_pre_fault_memory *range = args->data;
	u64 size = range->size, n;
	long r = 0;

	if (!PAGE_ALIGNED(range->gpa) || !PAGE_ALIGNED(size) ||
	    range->gpa + size <= range->gpa)
		return -EINVAL;

	while (range->size) {
		r = x86_pre_fault(to_x86(args->vcpu), range->gpa);
		if (r < 0)
			break;
		n = min(gfn_to_gpa(r), range->size);
		range->gpa += n;
		range->size -= n;
	}
	/* What was done counts: the caller finds what is left in the range. */
	return r < 0 && range->size == size ? r : 0;
}
