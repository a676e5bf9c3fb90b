/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's own reads and writes of guest memory. */
#ifndef KVM_GUEST_IO_H
#define KVM_GUEST_IO_H

#include <kvm/types.h>

/**
 * kvm_read_guest() - copy out of guest memory
 * @vcpu: the vCPU on whose behalf, by the thread that holds its mutex
 * @gpa: any guest physical address
 * @buf: where to
 * @len: how many bytes; may cross pages and slots
 *
 * Context: the owner's address space; may sleep.
 * Return: 0; -EFAULT where there is no slot, or no memory behind it.
 */
int kvm_read_guest(struct kvm_vcpu *vcpu, gpa_t gpa, void *buf, unsigned long len);

/**
 * kvm_write_guest() - copy into guest memory, and log it as dirty
 * @vcpu: the vCPU on whose behalf, by the thread that holds its mutex
 * @gpa: any guest physical address
 * @buf: where from
 * @len: how many bytes; may cross pages and slots
 *
 * Context: the owner's address space; may sleep.
 * Return: 0; -EFAULT where there is no slot, a read-only one, or no memory
 * behind it. What lies before the failure has been written.
 */
int kvm_write_guest(struct kvm_vcpu *vcpu, gpa_t gpa, const void *buf, unsigned long len);

/**
 * kvm_read_guest_atomic() - as kvm_read_guest(), where nothing may sleep
 * @vcpu: the vCPU, by its own thread
 * @gpa: any guest physical address
 * @buf: where to
 * @len: how many bytes
 *
 * Context: any of the vCPU's thread but interrupts, also from the scheduler.
 * Return: 0 or -EFAULT, also if the memory would first have to be faulted in.
 */
int kvm_read_guest_atomic(struct kvm_vcpu *vcpu, gpa_t gpa, void *buf, unsigned long len);
int kvm_write_guest_atomic(struct kvm_vcpu *vcpu, gpa_t gpa, const void *buf,
			   unsigned long len);

/**
 * kvm_vm_read_guest() - as kvm_read_guest(), on behalf of no vCPU
 * @kvm: the VM
 * @gpa: any guest physical address
 * @buf: where to
 * @len: how many bytes
 *
 * Context: takes slots_lock; the owner's address space; may sleep.
 * Return: 0 or -EFAULT.
 */
int kvm_vm_read_guest(struct kvm *kvm, gpa_t gpa, void *buf, unsigned long len);

#endif
