// SPDX-License-Identifier: GPL-2.0
/*
 * The dirty log: a bitmap for each slot that is logged.
 *
 * No write is lost: who lets the guest write a page does so first and sets
 * the bit after; who collects clears the bit first and forbids the writing
 * after. A bit that is set late is reported by the next collection.
 */
#include <linux/bitmap.h>
#include <linux/cleanup.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <kvm/arch.h>
#include <kvm/dirty.h>
#include <kvm/vcpu.h>

#include "memory.h"

/* Words of the log that are moved at a time, and the pages that they stand for. */
#define CHUNK_WORDS	(PAGE_SIZE / sizeof(long))
#define CHUNK_PAGES	(CHUNK_WORDS * BITS_PER_LONG)

/* Marking */

bool kvm_slot_logs_dirty(const struct kvm_memory_slot *slot)
{
	return READ_ONCE(slot->flags) & KVM_MEM_LOG_DIRTY_PAGES;
}

void kvm_mark_dirty(struct kvm_vcpu *vcpu, struct kvm_memory_slot *slot, gfn_t gfn)
{
	struct kvm_dirty_bitmap *log;
	unsigned long i = gfn - slot->base_gfn;

	if (!kvm_slot_logs_dirty(slot))
		return;
	if (vcpu->ring.size) {
		kvm_dirty_ring_push(vcpu, slot, i);
		vcpu->stat.dirty_pages++;
		return;
	}
	log = rcu_dereference_check(slot->dirty,
				    lockdep_is_held(&slot->kvm->mem.mmu_lock));
	if (log && !test_bit(i, log->bits) && !test_and_set_bit(i, log->bits))
		vcpu->stat.dirty_pages++;
}

/* Beginning and end of logging, under slots_lock */

static size_t kvm_dirty_words(const struct kvm_memory_slot *slot)
{
	return BITS_TO_LONGS(slot->npages);
}

int kvm_alloc_dirty_log(struct kvm_memory_slot *slot)
{
	struct kvm *kvm = slot->kvm;
	struct kvm_dirty_bitmap *log;

	if (kvm->mem.dirty_ring_size)
		return 0;
	log = kvzalloc(struct_size(log, bits, kvm_dirty_words(slot)), GFP_KERNEL_ACCOUNT);
	if (!log)
		return -ENOMEM;
	if (kvm->mem.dirty_protect & KVM_DIRTY_LOG_INITIALLY_SET)
		bitmap_set(log->bits, 0, slot->npages);
	rcu_assign_pointer(slot->dirty, log);
	return 0;
}

void kvm_free_dirty_log(struct kvm_memory_slot *slot)
{
	struct kvm_dirty_bitmap *log = rcu_replace_pointer(slot->dirty, NULL, true);

	if (log)
		kvfree_rcu(log, rcu);
}

int kvm_start_dirty_log(struct kvm_memory_slot *slot)
{
	const struct kvm_memory *mem = &slot->kvm->mem;
	int r = kvm_alloc_dirty_log(slot);

	if (r)
		return r;
	WRITE_ONCE(slot->flags, slot->flags | KVM_MEM_LOG_DIRTY_PAGES);
	/* Where all bits are set nothing needs to be noticed before one is cleared. */
	kvm_arch_start_dirty_log(slot, mem->dirty_ring_size ||
				 !(mem->dirty_protect & KVM_DIRTY_LOG_INITIALLY_SET));
	return 0;
}

void kvm_stop_dirty_log(struct kvm_memory_slot *slot)
{
	WRITE_ONCE(slot->flags, slot->flags & ~KVM_MEM_LOG_DIRTY_PAGES);
	kvm_free_dirty_log(slot);
	kvm_arch_stop_dirty_log(slot);
}

/* Collecting, under slots_lock */

/* The slot that a log ioctl names, if it has a log. */
static struct kvm_memory_slot *kvm_find_logged(struct kvm *kvm, u32 id)
{
	struct kvm_memory_slot *slot;

	if (kvm->mem.dirty_ring_size)
		return ERR_PTR(-ENXIO);
	if (id >= KVM_NR_MEMSLOTS)
		return ERR_PTR(-EINVAL);
	slot = kvm_find_slot_by_id(kvm, id);
	return slot && rcu_access_pointer(slot->dirty) ? slot : ERR_PTR(-ENOENT);
}

static unsigned long *kvm_log_bits(struct kvm_memory_slot *slot)
{
	return rcu_dereference_protected(slot->dirty,
					 lockdep_is_held(&slot->kvm->mem.slots_lock))->bits;
}

/* Bits of user memory are in words of 64, also for a 32-bit caller. */
static void __user *kvm_user_words(void __user *bitmap, unsigned long first_word)
{
	return bitmap + first_word * sizeof(long);
}

/* Takes the words out of the log into @taken; false if there was no bit. */
static bool kvm_take_words(unsigned long *log, unsigned long *taken, unsigned long n)
{
	unsigned long i, any = 0;

	for (i = 0; i < n; i++) {
		taken[i] = READ_ONCE(log[i]) ? xchg(&log[i], 0) : 0;
		any |= taken[i];
	}
	return any;
}

static void kvm_return_words(unsigned long *log, const unsigned long *taken, unsigned long n)
{
	unsigned long i;

	for (i = 0; i < n; i++)
		if (taken[i])
			atomic_long_or(taken[i], (atomic_long_t *)&log[i]);
}

static int kvm_get_log(struct kvm_memory_slot *slot, void __user *user, unsigned long *chunk)
{
	unsigned long *log = kvm_log_bits(slot);
	unsigned long i, n, words = kvm_dirty_words(slot);
	bool take = !slot->kvm->mem.dirty_protect, protected = false;
	int r = 0;

	for (i = 0; i < words && !r; i += n) {
		n = min(words - i, CHUNK_WORDS);
		if (!take) {
			memcpy(chunk, &log[i], n * sizeof(long));
		} else if (kvm_take_words(&log[i], chunk, n)) {
			kvm_arch_write_protect(slot, slot->base_gfn + i * BITS_PER_LONG,
					       chunk, n * BITS_PER_LONG);
			protected = true;
		}
		if (copy_to_user(kvm_user_words(user, i), chunk, n * sizeof(long))) {
			r = -EFAULT;
			if (take)
				kvm_return_words(&log[i], chunk, n);
		}
		cond_resched();
	}
	if (protected)
		kvm_arch_flush_tlbs(slot->kvm);
	return r;
}

long kvm_vm_get_dirty_log(struct kvm_ioctl_args *args)
{
	unsigned long *chunk __free(kfree) = kmalloc(PAGE_SIZE, GFP_KERNEL_ACCOUNT);
	struct kvm_dirty_log *request = args->data;
	struct kvm_memory_slot *slot;

	if (!chunk)
		return -ENOMEM;
	guard(mutex)(&args->kvm->mem.slots_lock);
	slot = kvm_find_logged(args->kvm, request->slot);
	if (IS_ERR(slot))
		return PTR_ERR(slot);
	return kvm_get_log(slot, request->dirty_bitmap, chunk);
}

/* Of the bits in @chunk those that were set are cleared and left in it. */
static bool kvm_clear_words(unsigned long *log, unsigned long *chunk, unsigned long n)
{
	unsigned long i, any = 0;

	for (i = 0; i < n; i++) {
		chunk[i] &= READ_ONCE(log[i]);
		if (chunk[i])
			chunk[i] &= atomic_long_fetch_andnot(chunk[i], (atomic_long_t *)&log[i]);
		any |= chunk[i];
	}
	return any;
}

static int kvm_clear_log(struct kvm_memory_slot *slot, unsigned long first,
			 unsigned long npages, void __user *user, unsigned long *chunk)
{
	unsigned long *log = kvm_log_bits(slot) + first / BITS_PER_LONG;
	unsigned long i, n, words = BITS_TO_LONGS(npages);
	bool protected = false;
	int r = 0;

	for (i = 0; i < words; i += n) {
		n = min(words - i, CHUNK_WORDS);
		if (copy_from_user(chunk, kvm_user_words(user, i), n * sizeof(long))) {
			r = -EFAULT;
			break;
		}
		/* Bits past the end of the slot are nobody's. */
		if (kvm_clear_words(&log[i], chunk, n)) {
			kvm_arch_write_protect(slot,
					       slot->base_gfn + first + i * BITS_PER_LONG,
					       chunk, n * BITS_PER_LONG);
			protected = true;
		}
		cond_resched();
	}
	if (protected)
		kvm_arch_flush_tlbs(slot->kvm);
	return r;
}

long kvm_vm_clear_dirty_log(struct kvm_ioctl_args *args)
{
	unsigned long *chunk __free(kfree) = kmalloc(PAGE_SIZE, GFP_KERNEL_ACCOUNT);
	struct kvm_clear_dirty_log *request = args->data;
	struct kvm_memory_slot *slot;
	u64 first = request->first_page, n = request->num_pages;

	if (!chunk)
		return -ENOMEM;
	guard(mutex)(&args->kvm->mem.slots_lock);
	slot = kvm_find_logged(args->kvm, request->slot);
	if (IS_ERR(slot))
		return PTR_ERR(slot);
	/* Whole words, but for the last page of the slot. */
	if (first % 64 || first > slot->npages || n > slot->npages - first ||
	    (n < slot->npages - first && n % 64))
		return -EINVAL;
	return kvm_clear_log(slot, first, n, request->dirty_bitmap, chunk);
}

/* Capabilities */

static int kvm_enable_dirty_protect(struct kvm *kvm, u64 flags)
{
	const u64 all = KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG_INITIALLY_SET;

	if (flags & ~all)
		return -EINVAL;
	if (flags == KVM_DIRTY_LOG_INITIALLY_SET)
		return -EINVAL;
	guard(mutex)(&kvm->mem.slots_lock);
	kvm->mem.dirty_protect = flags;
	return 0;
}

static int kvm_enable_dirty_ring(struct kvm *kvm, u64 bytes)
{
	const size_t each = sizeof(struct kvm_dirty_gfn);

	if (!is_power_of_2(bytes) || bytes < PAGE_SIZE ||
	    bytes < KVM_DIRTY_RING_RESERVED * each)
		return -EINVAL;
	if (bytes > KVM_DIRTY_RING_MAX_ENTRIES * each)
		return -E2BIG;

	guard(mutex)(&kvm->lock);
	guard(mutex)(&kvm->mem.slots_lock);
	if (kvm->nr_vcpus || kvm->mem.dirty_ring_size)
		return -EINVAL;
	kvm->mem.dirty_ring_size = bytes / each;
	return 0;
}

int kvm_dirty_enable_cap(struct kvm *kvm, const struct kvm_enable_cap *cap)
{
	switch (cap->cap) {
	case KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2:
		return kvm_enable_dirty_protect(kvm, cap->args[0]);
	case KVM_CAP_DIRTY_LOG_RING:
	case KVM_CAP_DIRTY_LOG_RING_ACQ_REL:
		return kvm_enable_dirty_ring(kvm, cap->args[0]);
	default:
		return -EINVAL;
	}
}
