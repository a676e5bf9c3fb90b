/* SPDX-License-Identifier: GPL-2.0 */
/* Eventfds that raise interrupts. */
#ifndef KVM_IRQFD_H
#define KVM_IRQFD_H

#include <linux/list.h>
#include <linux/spinlock.h>

#include <kvm/types.h>

/**
 * struct kvm_irqfds - those of a VM
 * @lock: @list and @resample; inside it the locks of interrupt controllers,
 *	around it that of an eventfd's wait queue
 * @list: all of them
 * @resample: those with a resample eventfd; readers use RCU
 */
struct kvm_irqfds {
	spinlock_t lock;
	struct list_head list;
	struct list_head resample;
};

void kvm_irqfd_init(struct kvm *kvm);

/**
 * kvm_irqfd_release() - unbind all eventfds
 * @kvm: a VM whose last file descriptor closes
 *
 * After the return no eventfd reaches the VM.
 */
void kvm_irqfd_release(struct kvm *kvm);

bool kvm_irqfd_may_resample(struct kvm *kvm);

/**
 * kvm_irqfd_resample() - the guest is done with a level-triggered interrupt
 * @kvm: the VM
 * @gsi: whose irqfds are lowered and told
 *
 * Context: RCU read section; not inside a signal of another eventfd.
 */
void kvm_irqfd_resample(struct kvm *kvm, u32 gsi);

long kvm_ioctl_irqfd(struct kvm_ioctl_args *args);

#endif
