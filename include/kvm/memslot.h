/* SPDX-License-Identifier: GPL-2.0 */
/* Guest memory: placeholder of the types, filled by the memory slice. */
#ifndef KVM_MEMSLOT_H
#define KVM_MEMSLOT_H

#include <kvm/types.h>

struct kvm_memory {
};

struct kvm_memory_reader {
};

static inline int kvm_memory_init(struct kvm *kvm)
{
	return 0;
}

static inline void kvm_memory_destroy(struct kvm *kvm)
{
}

#endif
