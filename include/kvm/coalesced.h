/* SPDX-License-Identifier: GPL-2.0 */
/* Guest writes that userspace may take later, all at once. */
#ifndef KVM_COALESCED_H
#define KVM_COALESCED_H

#include <linux/list.h>
#include <linux/spinlock.h>

#include <kvm/types.h>

/**
 * struct kvm_coalesced_ring - of a VM
 * @lock: the kernel's end of the ring, and whether a zone is live
 * @ring: the page shared with userspace; NULL until first needed, then it
 *	stays. Userspace writes to it: read an index once, and check it
 * @zones: under kvm->irq_lock
 */
struct kvm_coalesced_ring {
	spinlock_t lock;
	struct kvm_coalesced_mmio_ring *ring;
	struct list_head zones;
};

void kvm_coalesced_init(struct kvm *kvm);
void kvm_coalesced_destroy(struct kvm *kvm);

/**
 * kvm_coalesced_page() - the page at KVM_COALESCED_MMIO_PAGE_OFFSET of a vCPU file
 * @kvm: the VM
 *
 * Return: it, or NULL without memory.
 */
struct page *kvm_coalesced_page(struct kvm *kvm);

long kvm_ioctl_register_coalesced(struct kvm_ioctl_args *args);
long kvm_ioctl_unregister_coalesced(struct kvm_ioctl_args *args);

#endif
