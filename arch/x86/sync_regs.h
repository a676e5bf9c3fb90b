/* SPDX-License-Identifier: GPL-2.0 */
/* KVM_CAP_SYNC_REGS: registers that travel in the run page. */
#ifndef KVM_X86_SYNC_REGS_H
#define KVM_X86_SYNC_REGS_H

#include "x86.h"

/* Is there anything for the two below to do? */
static inline bool x86_wants_sync(const struct kvm_run *run)
{
	return READ_ONCE(run->kvm_dirty_regs) | READ_ONCE(run->kvm_valid_regs);
}

/**
 * x86_sync_from_run() - take the registers that userspace marked dirty
 * @vcpu: the vCPU, loaded; KVM_RUN begins
 *
 * Return: 0; -EINVAL for unknown sets and values that the ioctls would refuse.
 */
int x86_sync_from_run(struct x86_vcpu *vcpu);

/* Leave the registers there that userspace asked for; KVM_RUN ends. */
void x86_sync_to_run(struct x86_vcpu *vcpu);

#endif
