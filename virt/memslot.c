// SPDX-License-Identifier: GPL-2.0
/*
 * Memory slots: look-up, and the four updates. An update waits for nobody but
 * vCPUs that use the very slot that goes away; see Documentation/memory.rst.
 */
#include <linux/cleanup.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <kvm/arch.h>
#include <kvm/attributes.h>
#include <kvm/dirty.h>
#include <kvm/gmem.h>
#include <kvm/memslot.h>
#include <kvm/vcpu.h>
#include <trace/kvm.h>

#include "memory.h"
#include "range.h"

/* Look up */

u64 kvm_memory_generation(struct kvm *kvm)
{
	/* Pairs with kvm_end_update(): a look-up that follows sees that update. */
	return smp_load_acquire(&kvm->mem.generation);
}

struct kvm_memory_slot *kvm_find_slot(struct kvm *kvm, gfn_t gfn)
{
	lockdep_assert_held(&kvm->mem.slots_lock);

	return mtree_load(&kvm->mem.by_gfn, gfn);
}

static struct kvm_memory_slot *node_to_slot(const struct rb_node *node)
{
	return rb_entry(node, struct kvm_memory_slot, id_node);
}

static int kvm_cmp_id(const void *id, const struct rb_node *node)
{
	return (int)(*(const u32 *)id - node_to_slot(node)->id);
}

static bool kvm_less_id(struct rb_node *a, const struct rb_node *b)
{
	return node_to_slot(a)->id < node_to_slot(b)->id;
}

struct kvm_memory_slot *kvm_find_slot_by_id(struct kvm *kvm, u32 id)
{
	struct rb_node *node;

	lockdep_assert_held(&kvm->mem.slots_lock);

	if (id >= KVM_NR_MEMSLOTS)
		return NULL;
	node = rb_find(&id, &kvm->mem.by_id, kvm_cmp_id);
	return node ? node_to_slot(node) : NULL;
}

static struct kvm_memory_slot *
kvm_look_up(struct kvm_vcpu *vcpu, gfn_t gfn, u64 generation)
{
	struct kvm_memory_reader *reader = &vcpu->reader;
	struct kvm_memory_slot *slot = reader->hint;

	/*
	 * The hint's memory is there: the caller is under RCU and saw the
	 * generation of the hint, and the slot is freed behind RCU after the
	 * generation has moved on.
	 */
	if (reader->hint_generation == generation && slot &&
	    gfn - slot->base_gfn < slot->npages)
		return slot;

	slot = mtree_load(&vcpu->kvm->mem.by_gfn, gfn);
	reader->hint = slot;
	reader->hint_generation = generation;
	return slot;
}

/*
 * Says in @held that the slot is used. Returns false if it was retired before, or
 * has moved elsewhere since it was found.
 */
static bool kvm_try_hold(struct kvm_memory_slot **held, struct kvm_memory_slot *slot,
			 gfn_t gfn)
{
	WRITE_ONCE(*held, slot);
	/*
	 * Pairs with the barrier in kvm_retire_slot(): either the updater sees
	 * that we hold the slot, or we see that it is retired.
	 */
	smp_mb();
	/* Pairs with the release in kvm_move_slot(). */
	return !smp_load_acquire(&slot->retired) && gfn - slot->base_gfn < slot->npages;
}

struct kvm_memory_slot *kvm_hold_slot(struct kvm_vcpu *vcpu, gfn_t gfn)
{
	struct kvm_memory *mem = &vcpu->kvm->mem;
	struct kvm_memory_slot *slot;

	lockdep_assert_held(&vcpu->mutex);
	KVM_BUG_ON(vcpu->reader.held, vcpu->kvm);

	for (;;) {
		scoped_guard(rcu) {
			slot = kvm_look_up(vcpu, gfn, kvm_memory_generation(vcpu->kvm));
			if (!slot || kvm_try_hold(&vcpu->reader.held, slot, gfn))
				return slot;
		}
		kvm_release_slot(vcpu);
		vcpu->reader.hint = NULL;
		if (!(READ_ONCE(mem->generation) & 1))
			continue;
		/* It is being moved: what is here will be known after that. */
		mutex_lock(&mem->slots_lock);
		mutex_unlock(&mem->slots_lock);
	}
}

struct kvm_memory_slot *kvm_hold_slot_atomic(struct kvm_vcpu *vcpu, gfn_t gfn)
{
	struct kvm_memory_slot *slot;

	lockdep_assert_preemption_disabled();

	guard(rcu)();
	slot = mtree_load(&vcpu->kvm->mem.by_gfn, gfn);
	if (!slot || kvm_try_hold(&vcpu->reader.held_atomic, slot, gfn))
		return slot;
	kvm_release_slot_atomic(vcpu);
	return NULL;
}

/* Stands for all slots in the place of one that is held. */
static struct kvm_memory_slot kvm_all_slots;

bool kvm_hold_generation(struct kvm_vcpu *vcpu, u64 generation)
{
	lockdep_assert_preemption_disabled();

	WRITE_ONCE(vcpu->reader.held_atomic, &kvm_all_slots);
	/*
	 * Pairs with the barrier in kvm_retire_slot(), before which the generation
	 * has moved on: either the updater sees us, or we see that.
	 */
	smp_mb();
	if (likely(!(generation & 1) &&
		   READ_ONCE(vcpu->kvm->mem.generation) == generation))
		return true;
	kvm_release_slot_atomic(vcpu);
	return false;
}

/* Wakes nobody: the scheduler holds locks that this would need. */
void kvm_release_slot_atomic(struct kvm_vcpu *vcpu)
{
	/* All use of the slot is over before an updater can see this. */
	smp_store_release(&vcpu->reader.held_atomic, NULL);
}

void kvm_release_slot(struct kvm_vcpu *vcpu)
{
	struct rcuwait *updater = &vcpu->kvm->mem.updater;

	/* All use of the slot is over before an updater can see this. */
	smp_store_release(&vcpu->reader.held, NULL);
	/* Pairs with set_current_state() in rcuwait_wait_event(). */
	smp_mb();
	if (unlikely(rcuwait_active(updater)))
		rcuwait_wake_up(updater);
}

/* Updates, under slots_lock */

static void kvm_begin_update(struct kvm_memory *mem)
{
	WRITE_ONCE(mem->generation, mem->generation + 1);
}

static void kvm_end_update(struct kvm_memory *mem)
{
	/* Pairs with kvm_memory_generation(). */
	smp_store_release(&mem->generation, mem->generation + 1);
}

static bool kvm_held_atomically(struct kvm_vcpu *vcpu, struct kvm_memory_slot *slot)
{
	/* Pairs with the release in kvm_release_slot_atomic(). */
	struct kvm_memory_slot *held = smp_load_acquire(&vcpu->reader.held_atomic);

	return held == slot || held == &kvm_all_slots;
}

/* Who holds it atomically does not sleep: to wait takes no longer than a copy. */
static bool kvm_slot_unused(struct kvm *kvm, struct kvm_memory_slot *slot)
{
	/* A vCPU that comes only now sees that the slot is retired. */
	unsigned long last = kvm_nr_vcpus(kvm) - 1UL;
	XA_STATE(xas, &kvm->vcpus, 0);
	struct kvm_vcpu *vcpu;

	guard(rcu)();
	xas_for_each(&xas, vcpu, last) {
		if (xas_retry(&xas, vcpu))
			continue;
		while (kvm_held_atomically(vcpu, slot))
			cpu_relax();
		/* Pairs with the release in kvm_release_slot(). */
		if (smp_load_acquire(&vcpu->reader.held) == slot)
			return false;
	}
	return true;
}

/*
 * The slot is out of the tree, or on its way to another place, and who finds it
 * there cannot hold it any more. When this returns no vCPU uses it or will, no
 * page of it is mapped or will be. Nothing here waits for a grace period.
 */
static void kvm_retire_slot(struct kvm *kvm, struct kvm_memory_slot *slot)
{
	WRITE_ONCE(slot->retired, true);
	/* Pairs with the barrier in kvm_try_hold(). */
	smp_mb();
	rcuwait_wait_event(&kvm->mem.updater, kvm_slot_unused(kvm, slot),
			   TASK_UNINTERRUPTIBLE);
	kvm_arch_unmap(kvm, slot->base_gfn, kvm_slot_end(slot), true);
}

static void kvm_free_slot(struct kvm_memory_slot *slot)
{
	kvm_gmem_unbind(slot);
	kvm_remove_notifier(slot);
	kvm_free_dirty_log(slot);
	kfree_rcu(slot, rcu);
}

/* A slot that is complete but for its place in the tree. */
static struct kvm_memory_slot *kvm_make_slot(const struct kvm_memory_slot *new)
{
	struct kvm_memory_slot *slot = kmemdup(new, sizeof(*new), GFP_KERNEL_ACCOUNT);
	int r = 0;

	if (!slot)
		return ERR_PTR(-ENOMEM);
	if (kvm_slot_logs_dirty(slot))
		r = kvm_alloc_dirty_log(slot);
	r = r ?: kvm_add_notifier(slot);
	if (!r)
		return slot;
	kvm_free_dirty_log(slot);
	kfree(slot);
	return ERR_PTR(r);
}

/*
 * Frames where no slot is any more: one entry of the tree, and all of it. Without
 * memory for removing that a hole is left: to store over the very range of an
 * entry needs none.
 */
static void kvm_erase_frames(struct kvm_memory *mem, gfn_t start, gfn_t end)
{
	MA_STATE(mas, &mem->by_gfn, start, end - 1);
	void *entry = NULL;

	if (mas_preallocate(&mas, entry, GFP_KERNEL_ACCOUNT)) {
		entry = XA_ZERO_ENTRY;
		mas_preallocate(&mas, entry, GFP_KERNEL_ACCOUNT);
	}
	mas_store_prealloc(&mas, entry);
}

/* What of its old place a moved slot has not covered again. */
static void kvm_erase_old_place(struct kvm_memory *mem, gfn_t start,
				const struct kvm_memory_slot *slot)
{
	gfn_t end = start + slot->npages;

	if (slot->base_gfn >= start && slot->base_gfn < end)
		end = slot->base_gfn;
	else if (kvm_slot_end(slot) > start && kvm_slot_end(slot) < end)
		start = kvm_slot_end(slot);
	kvm_erase_frames(mem, start, end);
}

static bool kvm_slots_overlap(struct kvm_memory *mem, const struct kvm_memory_slot *new,
			      const struct kvm_memory_slot *old)
{
	unsigned long index = new->base_gfn, last = kvm_slot_end(new) - 1;
	const struct kvm_memory_slot *slot;

	mt_for_each(&mem->by_gfn, slot, index, last)
		if (slot != old)
			return true;
	return false;
}

static int kvm_create_slot(struct kvm *kvm, const struct kvm_memory_slot *new,
			   const struct kvm_userspace_memory_region2 *region)
{
	MA_STATE(mas, &kvm->mem.by_gfn, new->base_gfn, kvm_slot_end(new) - 1);
	struct kvm_memory *mem = &kvm->mem;
	struct kvm_memory_slot *slot;
	int r;

	if (kvm_slots_overlap(mem, new, NULL))
		return -EEXIST;
	if (mem->npages + new->npages < mem->npages)
		return -EINVAL;

	r = kvm_get_mm(kvm);
	if (r)
		return r;
	slot = kvm_make_slot(new);
	if (IS_ERR(slot))
		return PTR_ERR(slot);
	if (slot->flags & KVM_MEM_GUEST_MEMFD)
		r = kvm_gmem_bind(slot, region->guest_memfd, region->guest_memfd_offset);
	r = r ?: mas_preallocate(&mas, slot, GFP_KERNEL_ACCOUNT);
	if (r) {
		kvm_free_slot(slot);
		return r;
	}

	rb_add(&slot->id_node, &mem->by_id, kvm_less_id);
	mem->npages += slot->npages;
	kvm_begin_update(mem);
	mas_store_prealloc(&mas, slot);
	kvm_end_update(mem);
	return 0;
}

static int kvm_delete_slot(struct kvm *kvm, struct kvm_memory_slot *slot)
{
	struct kvm_memory *mem = &kvm->mem;

	kvm_begin_update(mem);
	kvm_erase_frames(mem, slot->base_gfn, kvm_slot_end(slot));
	kvm_end_update(mem);
	rb_erase(&slot->id_node, &mem->by_id);
	mem->npages -= slot->npages;
	kvm_retire_slot(kvm, slot);
	kvm_free_slot(slot);
	return 0;
}

static int kvm_change_flags(struct kvm_memory_slot *slot, u32 flags)
{
	u32 changed = slot->flags ^ flags;

	if (!(changed & KVM_MEM_LOG_DIRTY_PAGES))
		return 0;
	if (flags & KVM_MEM_LOG_DIRTY_PAGES)
		return kvm_start_dirty_log(slot);
	kvm_stop_dirty_log(slot);
	return 0;
}

/*
 * To another guest address. The generation is odd until the slot stands in its
 * new place alone, and so long it is retired: a vCPU that finds it in either place
 * waits for the end of the update.
 */
static int kvm_move_slot(struct kvm *kvm, struct kvm_memory_slot *slot,
			 const struct kvm_memory_slot *new)
{
	MA_STATE(mas, &kvm->mem.by_gfn, new->base_gfn, kvm_slot_end(new) - 1);
	struct kvm_memory *mem = &kvm->mem;
	gfn_t old_base = slot->base_gfn;
	int r;

	if (kvm_slots_overlap(mem, new, slot))
		return -EEXIST;
	r = mas_preallocate(&mas, slot, GFP_KERNEL_ACCOUNT);
	if (r)
		return r;
	r = kvm_change_flags(slot, new->flags);
	if (r) {
		mas_destroy(&mas);
		return r;
	}

	kvm_begin_update(mem);
	kvm_retire_slot(kvm, slot);
	WRITE_ONCE(slot->base_gfn, new->base_gfn);
	mas_store_prealloc(&mas, slot);
	kvm_erase_old_place(mem, old_base, slot);
	/* Pairs with kvm_try_hold(): who sees it in force sees where. */
	smp_store_release(&slot->retired, false);
	kvm_end_update(mem);
	return 0;
}

static int kvm_change_slot(struct kvm *kvm, struct kvm_memory_slot *old,
			   const struct kvm_memory_slot *new)
{
	if (old->npages != new->npages || old->hva != new->hva)
		return -EINVAL;
	if ((old->flags ^ new->flags) & KVM_MEM_READONLY)
		return -EINVAL;
	/* What shows a guest_memfd can be deleted, nothing else. */
	if ((old->flags | new->flags) & KVM_MEM_GUEST_MEMFD)
		return -EINVAL;
	if (old->base_gfn != new->base_gfn)
		return kvm_move_slot(kvm, old, new);
	return kvm_change_flags(old, new->flags);
}

/*
 * One update: @new->npages says whether there shall be a slot with that id,
 * and the slot that there is says which of the four it is.
 */
static int kvm_set_slot(struct kvm *kvm, const struct kvm_memory_slot *new,
			const struct kvm_userspace_memory_region2 *region)
{
	struct kvm_memory_slot *old;

	guard(mutex)(&kvm->mem.slots_lock);

	old = kvm_find_slot_by_id(kvm, new->id);
	if (!new->npages)
		return old ? kvm_delete_slot(kvm, old) : -EINVAL;
	if (old)
		return kvm_change_slot(kvm, old, new);
	return kvm_create_slot(kvm, new, region);
}

/* What can be said of the request without a look at the slots. */
static int kvm_check_region(struct kvm *kvm,
			    const struct kvm_userspace_memory_region2 *region)
{
	u64 size = region->memory_size, hva = region->userspace_addr;
	u64 gpa = region->guest_phys_addr, untagged = untagged_addr(hva);

	/* The upper half is the address space, of which there is one. */
	if (region->slot >= KVM_NR_MEMSLOTS)
		return -EINVAL;
	if (!PAGE_ALIGNED(gpa) || !PAGE_ALIGNED(hva) || !PAGE_ALIGNED(size))
		return -EINVAL;
	if (size >> PAGE_SHIFT > KVM_MAX_SLOT_PAGES)
		return -EINVAL;
	if (hva != untagged || !access_ok((void __user *)hva, size))
		return -EINVAL;
	/* Its pages are not read-only, and nobody logs writes to them. */
	if ((region->flags & KVM_MEM_GUEST_MEMFD) && region->flags != KVM_MEM_GUEST_MEMFD)
		return -EINVAL;
	if (!size)
		return 0;
	if (!range_is_pages(gpa, size) ||
	    gpa_to_gfn(gpa + size - 1) > kvm_arch_max_gfn(kvm))
		return -EINVAL;
	return 0;
}

static long kvm_set_region(struct kvm *kvm,
			   const struct kvm_userspace_memory_region2 *region)
{
	struct kvm_memory_slot new = {
		.kvm = kvm,
		.base_gfn = gpa_to_gfn(region->guest_phys_addr),
		.npages = region->memory_size >> PAGE_SHIFT,
		.hva = region->userspace_addr,
		.flags = region->flags,
		.id = region->slot,
	};
	int r;

	r = kvm_check_region(kvm, region);
	r = r ?: kvm_set_slot(kvm, &new, region);
	if (!r)
		trace_kvm_memslot(kvm->id, new.id, new.base_gfn, new.npages, new.flags);
	return r;
}

long kvm_vm_set_memory(struct kvm_ioctl_args *args)
{
	const struct kvm_userspace_memory_region *old = args->data;
	struct kvm_userspace_memory_region2 region = {
		.slot = old->slot,
		.flags = old->flags,
		.guest_phys_addr = old->guest_phys_addr,
		.memory_size = old->memory_size,
		.userspace_addr = old->userspace_addr,
	};

	return kvm_set_region(args->kvm, &region);
}

long kvm_vm_set_memory2(struct kvm_ioctl_args *args)
{
	return kvm_set_region(args->kvm, args->data);
}

/* Birth and death */

void kvm_memory_init(struct kvm *kvm)
{
	struct kvm_memory *mem = &kvm->mem;

	mutex_init(&mem->slots_lock);
	rwlock_init(&mem->mmu_lock);
	rcuwait_init(&mem->updater);
	INIT_LIST_HEAD(&mem->gmem_views);
	mt_init_flags(&mem->by_gfn, MT_FLAGS_USE_RCU | MT_FLAGS_LOCK_EXTERN);
	mt_set_external_lock(&mem->by_gfn, &mem->slots_lock);
	mem->by_id = RB_ROOT;
}

void kvm_memory_destroy(struct kvm *kvm)
{
	struct kvm_memory *mem = &kvm->mem;
	struct kvm_memory_slot *slot, *next;

	/* Nobody else is left but the host's notifications. */
	mutex_lock(&mem->slots_lock);
	rbtree_postorder_for_each_entry_safe(slot, next, &mem->by_id, id_node)
		kvm_free_slot(slot);
	kvm_put_mm(kvm);
	/*
	 * No reader is left. Besides, 6.12 frees a tree in RCU mode wrongly: it
	 * takes the count in the last slot of a node for a child.
	 */
	mt_clear_in_rcu(&mem->by_gfn);
	__mt_destroy(&mem->by_gfn);
	kvm_attributes_destroy(kvm);
	mutex_unlock(&mem->slots_lock);
	mutex_destroy(&mem->slots_lock);
}
