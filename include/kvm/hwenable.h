/* SPDX-License-Identifier: GPL-2.0 */
/* Virtualization hardware: on while there is a VM. */
#ifndef KVM_HWENABLE_H
#define KVM_HWENABLE_H

int kvm_hardware_init(void);
void kvm_hardware_exit(void);

/**
 * kvm_hardware_get() - count a VM; the first enables every online CPU
 *
 * Context: under cpus_read_lock() and kvm_lock.
 * Return: 0, or -EBUSY if a CPU refused; then all others are off again.
 */
int kvm_hardware_get(void);

/**
 * kvm_hardware_put() - uncount a VM; the last disables every online CPU
 *
 * Context: under cpus_read_lock() and kvm_lock.
 */
void kvm_hardware_put(void);

#endif
