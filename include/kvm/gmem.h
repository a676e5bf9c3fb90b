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

/* Ioctls */

long kvm_vm_create_guest_memfd(struct kvm_ioctl_args *args);
long kvm_vm_link_guest_memfd(struct kvm_ioctl_args *args);

#endif
