/* SPDX-License-Identifier: GPL-2.0 */
/* Guest writes that signal an eventfd. */
#ifndef KVM_IOEVENTFD_H
#define KVM_IOEVENTFD_H

#include <kvm/types.h>

long kvm_ioctl_ioeventfd(struct kvm_ioctl_args *args);

/**
 * kvm_ioeventfds_destroy() - unbind all, in the third stage of death
 * @kvm: a VM without vCPU threads
 */
void kvm_ioeventfds_destroy(struct kvm *kvm);

#endif
