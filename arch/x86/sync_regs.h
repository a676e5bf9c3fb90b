/* SPDX-License-Identifier: GPL-2.0 */
/* KVM_CAP_SYNC_REGS: registers that travel in the run page. */
#ifndef KVM_X86_SYNC_REGS_H
#define KVM_X86_SYNC_REGS_H

#include "x86.h"

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
