/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guest memory: the slots of a VM, and how to look one up and hold on to it.
 * Documentation/memory.rst tells the whole way of an address.
 */
#ifndef KVM_MEMSLOT_H
#define KVM_MEMSLOT_H

#include <linux/interval_tree.h>
#include <linux/kvm.h>
#include <linux/maple_tree.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/rcuwait.h>
#include <linux/spinlock.h>

#include <kvm/types.h>

/* Slot ids are 16 bits; the last few were never given out by anybody. */
#define KVM_NR_MEMSLOTS		32764
#define KVM_MAX_SLOT_PAGES	((1UL << 31) - 1)

/**
 * struct kvm_memory_slot - one range of guest memory
 * @kvm: the VM
 * @base_gfn: first guest frame; a move changes it while @retired is set
 * @npages: size in pages
 * @hva: where its first page stands in the owner's address space
 * @flags: KVM_MEM_*; KVM_MEM_LOG_DIRTY_PAGES changes under slots_lock, read it
 *	with READ_ONCE()
 * @id: chosen by userspace
 * @retired: no longer in force; who holds the slot must let it go
 * @gmem: with KVM_MEM_GUEST_MEMFD, the file that it shows, from page @index
 *	on; not a reference: NULL once the file is closed. @shared: frames that
 *	are not private come from there, too
 * @dirty: the dirty log, or NULL; changes under slots_lock
 * @notifier: tells of changes of the host's mappings of @hva
 * @age_node: in the tree of the owner's slots by @hva, see struct kvm_mm
 * @id_node: in the VM's slots by @id
 * @rcu: freed behind readers that do not sleep
 *
 * All but @base_gfn, @flags, @retired, @gmem.file and @dirty is constant from
 * publication to the end.
 */
struct kvm_memory_slot {
	struct kvm *kvm;
	gfn_t base_gfn;
	unsigned long npages;
	hva_t hva;
	u32 flags;
	u16 id;
	bool retired;
	struct {
		struct file *file;
		pgoff_t index;
		bool shared;
	} gmem;
	struct kvm_dirty_bitmap __rcu *dirty;
	struct mmu_interval_notifier notifier;
	struct interval_tree_node age_node;
	struct rb_node id_node;
	struct rcu_head rcu;
};

/**
 * struct kvm_memory - guest memory of a VM
 * @slots_lock: updates of the slots; see Documentation/locking.rst
 * @by_gfn: slots by guest frame, read under RCU. A reserved entry is a hole
 *	that there was no memory to clear; readers see nothing there
 * @by_id: slots by id, under @slots_lock
 * @npages: pages of all slots, under @slots_lock
 * @generation: even, and larger by two after each update; odd during it
 * @attributes: memory attributes of frames, NULL as long as all are 0; see
 *	attributes.c
 * @gmem_views: files of guest_memfd that this VM has, under @slots_lock
 * @updater: who waits, under @slots_lock, for vCPUs to let a slot go
 * @mmu_lock: nested page tables, and the notifiers' sequence numbers
 * @mm: what the VMs of the owner share, from the first slot on
 * @dirty_protect: flags of KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, under @slots_lock
 * @dirty_ring_size: entries in each vCPU's dirty ring; 0: bitmaps. Set before
 *	the first vCPU, under kvm->lock and @slots_lock
 */
struct kvm_memory {
	struct mutex slots_lock;	/* updates */
	struct maple_tree by_gfn;
	struct rb_root by_id;
	unsigned long npages;
	u64 generation;
	struct maple_tree *attributes;
	struct list_head gmem_views;
	struct rcuwait updater;
	rwlock_t mmu_lock;
	struct kvm_mm *mm;
	u64 dirty_protect;
	u32 dirty_ring_size;
};

/**
 * struct kvm_memory_reader - a vCPU's hold on a slot
 * @held: the slot that the vCPU uses right now, for updaters to wait for
 * @held_atomic: the same for accesses with preemption off, which may come in
 *	the middle of the other; or kvm_all_slots
 * @hint: the slot that it used last
 * @hint_generation: @hint is good in this generation alone
 */
struct kvm_memory_reader {
	struct kvm_memory_slot *held;
	struct kvm_memory_slot *held_atomic;
	struct kvm_memory_slot *hint;
	u64 hint_generation;
};

/**
 * kvm_memory_generation() - stamp for what is remembered of guest memory
 * @kvm: the VM
 *
 * Take it before the look-up whose result is kept. The result is good while
 * the stamp is even and the generation is still the same.
 */
u64 kvm_memory_generation(struct kvm *kvm);

/**
 * kvm_hold_slot() - look a slot up and keep it from going away
 * @vcpu: the vCPU, by the thread that holds its mutex; it holds no other slot
 * @gfn: any guest frame
 *
 * Until kvm_release_slot() a deletion or move of the slot waits, so that the
 * caller may sleep on the slot's host memory.
 *
 * Context: may sleep.
 * Return: the slot, or NULL if there is none at @gfn.
 */
struct kvm_memory_slot *kvm_hold_slot(struct kvm_vcpu *vcpu, gfn_t gfn);

/**
 * kvm_release_slot() - let go what kvm_hold_slot() returned
 * @vcpu: the vCPU
 */
void kvm_release_slot(struct kvm_vcpu *vcpu);

/**
 * kvm_hold_slot_atomic() - as kvm_hold_slot(), where nothing may sleep
 * @vcpu: the vCPU, by its own thread
 * @gfn: any guest frame
 *
 * Context: preemption off until kvm_release_slot_atomic(); also from the
 * scheduler.
 * Return: the slot, or NULL if there is none, or it cannot be told now.
 */
struct kvm_memory_slot *kvm_hold_slot_atomic(struct kvm_vcpu *vcpu, gfn_t gfn);
void kvm_release_slot_atomic(struct kvm_vcpu *vcpu);

/**
 * kvm_hold_generation() - keep every slot as it was at a stamp
 * @vcpu: the vCPU, by its own thread
 * @generation: the stamp, of kvm_memory_generation()
 *
 * Until kvm_release_slot_atomic() whoever deletes or moves a slot waits, so that
 * host addresses that were found in this generation can be read.
 *
 * Context: preemption off until kvm_release_slot_atomic().
 * Return: false if a slot has changed since, or is changing.
 */
bool kvm_hold_generation(struct kvm_vcpu *vcpu, u64 generation);

/**
 * kvm_find_slot() - look a slot up while no slot can change
 * @kvm: the VM
 * @gfn: any guest frame
 *
 * Context: slots_lock.
 * Return: the slot or NULL.
 */
struct kvm_memory_slot *kvm_find_slot(struct kvm *kvm, gfn_t gfn);

/* The same by the slot's id; any number may be asked for. */
struct kvm_memory_slot *kvm_find_slot_by_id(struct kvm *kvm, u32 id);

/* Where in the owner's address space a frame of a slot stands. */
static inline hva_t kvm_slot_hva(const struct kvm_memory_slot *slot, gfn_t gfn)
{
	return slot->hva + ((gfn - slot->base_gfn) << PAGE_SHIFT);
}

static inline gfn_t kvm_slot_end(const struct kvm_memory_slot *slot)
{
	return slot->base_gfn + slot->npages;
}

void kvm_memory_init(struct kvm *kvm);
void kvm_memory_destroy(struct kvm *kvm);

long kvm_vm_set_memory(struct kvm_ioctl_args *args);
long kvm_vm_set_memory2(struct kvm_ioctl_args *args);

#endif
