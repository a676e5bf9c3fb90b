/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the core share with one another alone. */
#ifndef KVM_CORE_H
#define KVM_CORE_H

#include <linux/mutex.h>

#include <kvm/ioctl.h>

/* Outermost lock but for CPU hotplug: vm_list and the count of VMs. */
extern struct mutex kvm_lock;
extern struct list_head vm_list;

/* Makes a VM; every file of it holds a reference, the caller has the first. */
struct kvm *kvm_create_vm(unsigned long type);

/* Makes a VM and a file for it; returns the descriptor. */
long kvm_create_vm_fd(unsigned long type);

void kvm_debugfs_init(void);
void kvm_debugfs_exit(void);
void kvm_debugfs_add_vm(struct kvm *kvm);
void kvm_debugfs_remove_vm(struct kvm *kvm);

/* Tells lockdep the order of all locks, once. */
#ifdef CONFIG_PROVE_LOCKING
void kvm_teach_lock_order(struct kvm_vcpu *vcpu);
#else
static inline void kvm_teach_lock_order(struct kvm_vcpu *vcpu) { }
#endif

long kvm_ioctl_check_extension(struct kvm_ioctl_args *args);

#endif
