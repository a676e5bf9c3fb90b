/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of guest memory share with one another alone. */
#ifndef KVM_MEMORY_H
#define KVM_MEMORY_H

#include <kvm/kvm.h>
#include <kvm/memslot.h>

/* Joins a slot to the host's memory notifications, and takes it out again. */
int kvm_add_notifier(struct kvm_memory_slot *slot);
void kvm_remove_notifier(struct kvm_memory_slot *slot);

#endif
