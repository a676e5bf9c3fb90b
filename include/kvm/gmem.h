/* SPDX-License-Identifier: GPL-2.0 */
/*
 * guest_memfd: memory of a guest that need not be mapped anywhere else. The
 * inode is storage, a file is one VM's view of it; see
 * Documentation/guest-memfd.rst.
 */
#ifndef KVM_GMEM_H
#define KVM_GMEM_H

#include <kvm/types.h>

/* Module */

int kvm_gmem_init(void);
void kvm_gmem_exit(void);

/* Capabilities */

/**
 * kvm_gmem_flags() - flags of KVM_CREATE_GUEST_MEMFD
 * @kvm: the VM, or NULL for what any VM may have
 *
 * Return: mask of GUEST_MEMFD_FLAG_*.
 */
u64 kvm_gmem_flags(const struct kvm *kvm);

/* Slots; for memslot.c */

/**
 * kvm_gmem_bind() - let a slot show part of a guest_memfd
 * @slot: not yet published; its gmem member is filled in
 * @fd: descriptor of a gmem file of the slot's VM
 * @offset: bytes into the file
 *
 * Context: slots_lock.
 * Return: 0; -EBADF for no file; -EINVAL for no such file, another VM's, or a
 * range that is unaligned or goes beyond its end; -EEXIST where another slot
 * shows part of the range already; -ENOMEM.
 */
int kvm_gmem_bind(struct kvm_memory_slot *slot, unsigned int fd, u64 offset);

/**
 * kvm_gmem_unbind() - undo of kvm_gmem_bind()
 * @slot: any slot; nothing maps it any more
 *
 * Context: slots_lock.
 */
void kvm_gmem_unbind(struct kvm_memory_slot *slot);

/* Faults of the guest; for the architecture */

/* Where pages do not come in blocks of 2 MiB they come in these, if they can. */
#define KVM_GMEM_CLUSTER_ORDER	4

/**
 * struct kvm_gmem_page - a page of a guest_memfd on its way to the guest
 * @file: of the view that the slot shows
 * @page: the page
 * @order: of the aligned block around it that can be mapped as one
 */
struct kvm_gmem_page {
	struct file *file;
	struct page *page;
	unsigned int order;
};

/**
 * kvm_gmem_serves() - does the slot's guest_memfd stand behind a frame?
 * @slot: any slot
 * @private: the frame is private
 */
bool kvm_gmem_serves(const struct kvm_memory_slot *slot, bool private);

/**
 * kvm_gmem_get_page() - find the page behind a frame, allocate it if need be
 * @slot: the slot, held
 * @gfn: a frame of it
 * @page: the answer; give it back with kvm_gmem_put_page() once it is mapped
 *
 * From here to kvm_gmem_put_page() no hole can be punched: there is nothing to
 * check again but kvm_gmem_page_broken().
 *
 * Context: no lock; may sleep.
 * Return: 0; -EFAULT if the slot has no guest_memfd, if its file is closed, or
 * linked and not yet moved; -EHWPOISON; -EINTR for a fatal signal; -ENOMEM.
 */
int kvm_gmem_get_page(struct kvm_memory_slot *slot, gfn_t gfn, struct kvm_gmem_page *page);
void kvm_gmem_put_page(struct kvm_gmem_page *page);

/**
 * kvm_gmem_page_broken() - did the hardware lose the page since it was found?
 * @page: of kvm_gmem_get_page()
 *
 * Context: mmu_lock, before the page is mapped. Then the fault starts again.
 */
bool kvm_gmem_page_broken(const struct kvm_gmem_page *page);

/* Moving; for KVM_ENABLE_CAP */

/**
 * kvm_gmem_move_from() - KVM_CAP_VM_MOVE_ENC_CONTEXT_FROM
 * @kvm: the VM that goes on
 * @fd: descriptor of the VM that ends
 *
 * Memory attributes and the ownership of guest_memfd inodes pass to @kvm, its
 * linked files can be mapped from now on, and the other VM is dead. All of it,
 * or, on error, nothing.
 *
 * Context: no lock of either VM.
 * Return: 0; -EBADF if @fd is no VM; -EINVAL for @kvm itself, and if types or
 * slots differ; -EBUSY if a vCPU ioctl of either is in progress; -EIO if one is
 * dead.
 */
int kvm_gmem_move_from(struct kvm *kvm, u64 fd);

/* Ioctls */

long kvm_vm_create_guest_memfd(struct kvm_ioctl_args *args);
long kvm_vm_link_guest_memfd(struct kvm_ioctl_args *args);

#endif
