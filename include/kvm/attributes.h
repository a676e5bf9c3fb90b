/* SPDX-License-Identifier: GPL-2.0 */
/* Memory attributes: is a guest frame private or shared? */
#ifndef KVM_ATTRIBUTES_H
#define KVM_ATTRIBUTES_H

#include <kvm/types.h>

/**
 * kvm_attributes_supported() - attributes that memory can have
 * @kvm: the VM, or NULL for what any VM may have
 *
 * Return: mask of KVM_MEMORY_ATTRIBUTE_*.
 */
u64 kvm_attributes_supported(const struct kvm *kvm);

/**
 * kvm_gfn_is_private() - can guest_memfd alone stand behind the frame?
 * @kvm: the VM
 * @gfn: any guest frame
 *
 * The answer may be old when it arrives. Who maps the frame asks again under
 * mmu_lock: a change comes first, and takes away what was mapped before it.
 */
bool kvm_gfn_is_private(const struct kvm *kvm, gfn_t gfn);

/**
 * kvm_attributes_uniform() - have all frames of a range the same attributes?
 * @kvm: the VM
 * @start: first frame
 * @end: first frame behind
 *
 * For who maps a large page: to be asked under mmu_lock. O(log n) in the
 * number of ranges that differ.
 */
bool kvm_attributes_uniform(const struct kvm *kvm, gfn_t start, gfn_t end);

void kvm_attributes_destroy(struct kvm *kvm);

long kvm_vm_set_memory_attributes(struct kvm_ioctl_args *args);

#endif
