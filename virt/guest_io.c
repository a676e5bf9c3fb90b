// SPDX-License-Identifier: GPL-2.0
/* The kernel's own reads and writes of guest memory, through the owner's mappings. */
#include <linux/cleanup.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#include <kvm/dirty.h>
#include <kvm/guest_io.h>
#include <kvm/vcpu.h>

/* One access, cut into pieces that each lie in one slot. */
struct guest_io {
	gpa_t gpa;
	void *buf;
	unsigned long len;
	bool write;
};

static void kvm_mark_piece(struct kvm_vcpu *vcpu, struct kvm_memory_slot *slot,
			   const struct guest_io *io, unsigned long n)
{
	gfn_t gfn;

	if (!io->write || !kvm_slot_logs_dirty(slot))
		return;
	guard(rcu)();
	for (gfn = gpa_to_gfn(io->gpa); gfn <= gpa_to_gfn(io->gpa + n - 1); gfn++)
		kvm_mark_dirty(vcpu, slot, gfn);
}

/* The piece of @io that @slot has, moved; @io then stands behind it. */
static int kvm_copy_piece(struct kvm_vcpu *vcpu, struct kvm_memory_slot *slot,
			  struct guest_io *io)
{
	void __user *user;
	unsigned long n, left;

	if (!slot || (io->write && (slot->flags & KVM_MEM_READONLY)))
		return -EFAULT;

	user = (void __user *)(kvm_slot_hva(slot, gpa_to_gfn(io->gpa)) +
			       offset_in_page(io->gpa));
	n = min_t(u64, io->len, gfn_to_gpa(kvm_slot_end(slot)) - io->gpa);
	left = io->write ? copy_to_user(user, io->buf, n) : copy_from_user(io->buf, user, n);
	/* Also what was written before a failure. */
	kvm_mark_piece(vcpu, slot, io, n);
	if (left)
		return -EFAULT;

	io->gpa += n;
	io->buf += n;
	io->len -= n;
	return 0;
}

static bool kvm_io_allowed(const struct kvm *kvm, const struct guest_io *io)
{
	return !WARN_ON_ONCE(current->mm != kvm->mm) && io->gpa + io->len >= io->gpa;
}

static int kvm_vcpu_io(struct kvm_vcpu *vcpu, struct guest_io io)
{
	struct kvm_memory_slot *slot;
	int r = 0;

	if (!kvm_io_allowed(vcpu->kvm, &io))
		return -EFAULT;
	while (io.len && !r) {
		slot = kvm_hold_slot(vcpu, gpa_to_gfn(io.gpa));
		r = kvm_copy_piece(vcpu, slot, &io);
		if (slot)
			kvm_release_slot(vcpu);
	}
	return r;
}

/* With page faults off a copy takes what is mapped, and fails on the rest. */
static int kvm_vcpu_io_atomic(struct kvm_vcpu *vcpu, struct guest_io io)
{
	struct kvm_memory_slot *slot;
	int r = 0;

	if (!kvm_io_allowed(vcpu->kvm, &io))
		return -EFAULT;
	guard(preempt)();
	pagefault_disable();
	while (io.len && !r) {
		slot = kvm_hold_slot_atomic(vcpu, gpa_to_gfn(io.gpa));
		r = kvm_copy_piece(vcpu, slot, &io);
		if (slot)
			kvm_release_slot_atomic(vcpu);
	}
	pagefault_enable();
	return r;
}

int kvm_read_guest(struct kvm_vcpu *vcpu, gpa_t gpa, void *buf, unsigned long len)
{
	return kvm_vcpu_io(vcpu, (struct guest_io){ gpa, buf, len, false });
}

int kvm_write_guest(struct kvm_vcpu *vcpu, gpa_t gpa, const void *buf, unsigned long len)
{
	return kvm_vcpu_io(vcpu, (struct guest_io){ gpa, (void *)buf, len, true });
}

int kvm_read_guest_atomic(struct kvm_vcpu *vcpu, gpa_t gpa, void *buf, unsigned long len)
{
	return kvm_vcpu_io_atomic(vcpu, (struct guest_io){ gpa, buf, len, false });
}

int kvm_write_guest_atomic(struct kvm_vcpu *vcpu, gpa_t gpa, const void *buf,
			   unsigned long len)
{
	return kvm_vcpu_io_atomic(vcpu, (struct guest_io){ gpa, (void *)buf, len, true });
}

int kvm_vm_read_guest(struct kvm *kvm, gpa_t gpa, void *buf, unsigned long len)
{
	struct guest_io io = { gpa, buf, len, false };
	int r = 0;

	if (!kvm_io_allowed(kvm, &io))
		return -EFAULT;
	guard(mutex)(&kvm->mem.slots_lock);
	while (io.len && !r)
		r = kvm_copy_piece(NULL, kvm_find_slot(kvm, gpa_to_gfn(io.gpa)), &io);
	return r;
}
