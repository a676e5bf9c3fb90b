// SPDX-License-Identifier: GPL-2.0
/*
 * The dirty ring: each vCPU tells which pages it writes, in order, in memory
 * that userspace maps. Userspace marks what it has seen; KVM_RESET_DIRTY_RINGS
 * takes that back and lets the pages be noticed again.
 */
#include <linux/cleanup.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/vmalloc.h>

#include <kvm/arch.h>
#include <kvm/dirty.h>
#include <kvm/vcpu.h>

#include "memory.h"

static struct kvm_dirty_gfn *kvm_ring_entry(struct kvm_dirty_ring *ring, u32 i)
{
	return &ring->entries[i & (ring->size - 1)];
}

static u32 kvm_ring_used(const struct kvm_dirty_ring *ring)
{
	/* @reset moves under another lock; an old value makes the ring look fuller. */
	return ring->dirty - READ_ONCE(ring->reset);
}

static bool kvm_ring_nearly_full(const struct kvm_dirty_ring *ring)
{
	return kvm_ring_used(ring) >= ring->size - KVM_DIRTY_RING_RESERVED;
}

/*
 * Only a VMM that ignores KVM_EXIT_DIRTY_RING_FULL, and has the kernel write
 * guest memory by other ioctls meanwhile, gets to the end of the reserve. An
 * entry that it has not seen is worth more than one that it will not see.
 */
void kvm_dirty_ring_push(struct kvm_vcpu *vcpu, const struct kvm_memory_slot *slot,
			 unsigned long offset)
{
	struct kvm_dirty_ring *ring = &vcpu->ring;
	struct kvm_dirty_gfn *entry;

	/* The scheduler's notifier may write guest memory too. */
	guard(preempt)();
	if (kvm_ring_used(ring) < ring->size) {
		entry = kvm_ring_entry(ring, ring->dirty);
		WRITE_ONCE(entry->slot, slot->id);
		WRITE_ONCE(entry->offset, offset);
		/* Pairs with userspace's load-acquire of the flags. */
		smp_store_release(&entry->flags, KVM_DIRTY_GFN_F_DIRTY);
		/* Pairs with the acquire in kvm_reset_ring(). */
		smp_store_release(&ring->dirty, ring->dirty + 1);
	}
	if (kvm_ring_nearly_full(ring))
		kvm_make_request(KVM_REQ_DIRTY_RING_FULL, vcpu);
}

bool kvm_dirty_ring_full(struct kvm_vcpu *vcpu)
{
	if (!kvm_ring_nearly_full(&vcpu->ring))
		return false;
	kvm_make_request(KVM_REQ_DIRTY_RING_FULL, vcpu);
	vcpu->run->exit_reason = KVM_EXIT_DIRTY_RING_FULL;
	return true;
}

/* Notices the next write of the page that an entry names, if there is such a page. */
static void kvm_reset_page(struct kvm *kvm, u32 id, u64 offset)
{
	struct kvm_memory_slot *slot = kvm_find_slot_by_id(kvm, id);
	unsigned long one = 1;

	if (!slot || offset >= slot->npages || !kvm_slot_logs_dirty(slot))
		return;
	kvm_arch_write_protect(slot, slot->base_gfn + offset, &one, 1);
}

/*
 * Userspace can write any entry at any time: the copies below are what is
 * used, and how many are looked at is the kernel's own count.
 */
static u32 kvm_reset_ring(struct kvm *kvm, struct kvm_dirty_ring *ring)
{
	struct kvm_dirty_gfn *entry;
	u32 count = 0;

	/* Pairs with the release in kvm_dirty_ring_push(). */
	while (ring->reset != smp_load_acquire(&ring->dirty)) {
		entry = kvm_ring_entry(ring, ring->reset);
		/* Pairs with userspace's store-release of the flags. */
		if (!(smp_load_acquire(&entry->flags) & KVM_DIRTY_GFN_F_RESET))
			break;
		kvm_reset_page(kvm, READ_ONCE(entry->slot), READ_ONCE(entry->offset));
		WRITE_ONCE(entry->flags, 0);
		/* The entry is free: pairs with the read in kvm_ring_used(). */
		smp_store_release(&ring->reset, ring->reset + 1);
		if (++count == ring->size)
			break;
		cond_resched();
	}
	return count;
}

long kvm_vm_reset_dirty_rings(struct kvm_ioctl_args *args)
{
	struct kvm *kvm = args->kvm;
	struct kvm_vcpu *vcpu;
	unsigned int i;
	u32 count = 0;

	if (!kvm->mem.dirty_ring_size)
		return -EINVAL;

	guard(mutex)(&kvm->mem.slots_lock);
	kvm_for_each_vcpu(i, vcpu, kvm)
		count += kvm_reset_ring(kvm, &vcpu->ring);
	if (count)
		kvm_arch_flush_tlbs(kvm);
	return count;
}

/* Birth, death, and the mapping */

int kvm_dirty_ring_create(struct kvm_vcpu *vcpu)
{
	struct kvm_dirty_ring *ring = &vcpu->ring;
	u32 size = vcpu->kvm->mem.dirty_ring_size;

	if (!size)
		return 0;
	ring->entries = __vmalloc(array_size(size, sizeof(*ring->entries)),
				  GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!ring->entries)
		return -ENOMEM;
	ring->size = size;
	return 0;
}

void kvm_dirty_ring_destroy(struct kvm_vcpu *vcpu)
{
	vfree(vcpu->ring.entries);
}

static unsigned long kvm_ring_pages(const struct kvm_vcpu *vcpu)
{
	return vcpu->ring.size * sizeof(struct kvm_dirty_gfn) / PAGE_SIZE;
}

struct page *kvm_dirty_ring_page(struct kvm_vcpu *vcpu, unsigned long pgoff)
{
	unsigned long i = pgoff - KVM_DIRTY_RING_PGOFF, n = kvm_ring_pages(vcpu);

	if (pgoff < KVM_DIRTY_RING_PGOFF || i >= n)
		return NULL;
	return vmalloc_to_page((void *)vcpu->ring.entries +
			       array_index_nospec(i, n) * PAGE_SIZE);
}

bool kvm_dirty_ring_may_map(struct kvm_vcpu *vcpu, struct vm_area_struct *vma)
{
	unsigned long last = vma->vm_pgoff + vma_pages(vma) - 1;

	if (last < KVM_DIRTY_RING_PGOFF ||
	    vma->vm_pgoff >= KVM_DIRTY_RING_PGOFF + kvm_ring_pages(vcpu))
		return true;
	return (vma->vm_flags & VM_SHARED) && !(vma->vm_flags & VM_EXEC);
}
