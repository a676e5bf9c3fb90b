// SPDX-License-Identifier: GPL-2.0
/* The kernel's own reads and writes of guest memory, through the owner's mappings. */
#include <linux/cleanup.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#include <kvm/guest_io.h>
#include <kvm/vcpu.h>

/* One access, cut into pieces that each lie in one slot. */
struct guest_io {
	gpa_t gpa;
	void *buf;
	unsigned long len;
	bool write;
};

/* The piece of @io that @slot has, moved; @io then stands behind it. */
static int kvm_copy_piece(struct kvm_memory_slot *slot, struct guest_io *io)
{
	void __user *user;
	unsigned long n;

	if (!slot || (io->write && (slot->flags & KVM_MEM_READONLY)))
		return -EFAULT;

	user = (void __user *)(kvm_slot_hva(slot, gpa_to_gfn(io->gpa)) +
			       offset_in_page(io->gpa));
	n = min_t(u64, io->len, gfn_to_gpa(kvm_slot_end(slot)) - io->gpa);
	if (io->write ? copy_to_user(user, io->buf, n) : copy_from_user(io->buf, user, n))
		return -EFAULT;

	io->gpa += n;
	io->buf += n;
	io->len -= n;
	return 0;
}

static int kvm_vcpu_io(struct kvm_vcpu *vcpu, struct guest_io io)
{
	struct kvm_memory_slot *slot;
	int r = 0;

	if (WARN_ON_ONCE(current->mm != vcpu->kvm->mm) || io.gpa + io.len < io.gpa)
		return -EFAULT;

	while (io.len && !r) {
		slot = kvm_hold_slot(vcpu, gpa_to_gfn(io.gpa));
		r = kvm_copy_piece(slot, &io);
		if (slot)
			kvm_release_slot(vcpu);
	}
	return r;
}

static int kvm_vm_io(struct kvm *kvm, struct guest_io io)
{
	int r = 0;

	if (WARN_ON_ONCE(current->mm != kvm->mm) || io.gpa + io.len < io.gpa)
		return -EFAULT;

	guard(mutex)(&kvm->mem.slots_lock);
	while (io.len && !r)
		r = kvm_copy_piece(kvm_find_slot(kvm, gpa_to_gfn(io.gpa)), &io);
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

int kvm_vm_read_guest(struct kvm *kvm, gpa_t gpa, void *buf, unsigned long len)
{
	return kvm_vm_io(kvm, (struct guest_io){ gpa, buf, len, false });
}

int kvm_vm_write_guest(struct kvm *kvm, gpa_t gpa, const void *buf, unsigned long len)
{
	return kvm_vm_io(kvm, (struct guest_io){ gpa, (void *)buf, len, true });
}
