// SPDX-License-Identifier: GPL-2.0
/*
 * Lockdep learns the whole order of Documentation/locking.rst from the first
 * vCPU on, and not only the pairs that happen to be taken together: whoever
 * takes two of them the other way round is reported at once.
 */
#include <linux/atomic.h>
#include <linux/cpu.h>
#include <linux/lockdep.h>

#include <kvm/vcpu.h>

#include "core.h"

void kvm_teach_lock_order(struct kvm_vcpu *vcpu)
{
	struct kvm *kvm = vcpu->kvm;
	struct lockdep_map *const order[] = {
		&kvm_lock.dep_map, &vcpu->mutex.dep_map, &kvm->lock.dep_map,
		&kvm->mem.slots_lock.dep_map, &kvm->irq_lock.dep_map,
		&kvm->mem.mmu_lock.dep_map,
	};
	static atomic_t taught;
	int i;

	if (atomic_xchg(&taught, true))
		return;
	/* No lock is taken but this one: another thread's KVM_RUN may hold the mutex. */
	cpus_read_lock();
	for (i = 0; i < ARRAY_SIZE(order); i++)
		lock_map_acquire(order[i]);
	while (i--)
		lock_map_release(order[i]);
	cpus_read_unlock();
}
