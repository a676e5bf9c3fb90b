// SPDX-License-Identifier: GPL-2.0
/* KVM_RUN: the loop between userspace and the guest. */
#include "backend.h"

int kvm_arch_vcpu_run(struct kvm_vcpu *vcpu)
{
	if (!vcpu->wants_to_run) {
		vcpu->run->exit_reason = KVM_EXIT_INTR;
		return -EINTR;
	}
	return -EIO;
}
