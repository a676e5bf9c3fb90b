/* SPDX-License-Identifier: GPL-2.0 */
/* Atomic updates of guest memory. */
#ifndef KVM_X86_GUEST_CMPXCHG_H
#define KVM_X86_GUEST_CMPXCHG_H

#include <kvm/types.h>

struct x86_vcpu;

/**
 * x86_guest_cmpxchg() - replace what stands in guest memory, if it is as expected
 * @vcpu: the vCPU on whose behalf, by the thread that holds its mutex
 * @gpa: where; must not cross a page
 * @old: what is expected
 * @new: what is to be there
 * @size: 1, 2, 4, 8 or 16 bytes, aligned if 16
 *
 * Atomic towards vCPUs, userspace and devices.
 *
 * Context: the owner's address space; may sleep.
 * Return: 0; -EAGAIN if something else was there; -EROFS in a read-only slot;
 * -EFAULT where there is no memory.
 */
int x86_guest_cmpxchg(struct x86_vcpu *vcpu, gpa_t gpa, const void *old, const void *new,
		      unsigned int size);

#endif
