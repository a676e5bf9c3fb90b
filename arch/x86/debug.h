/* SPDX-License-Identifier: GPL-2.0 */
/* Debugging of the guest, by itself and by userspace. */
#ifndef KVM_X86_DEBUG_H
#define KVM_X86_DEBUG_H

#include "x86.h"

#define X86_GUESTDBG_FLAGS						\
	(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP |		\
	 KVM_GUESTDBG_USE_SW_BP | KVM_GUESTDBG_USE_HW_BP |		\
	 KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP |		\
	 KVM_GUESTDBG_BLOCKIRQ)

/**
 * x86_exit_debug() - fill kvm_run for KVM_EXIT_DEBUG
 * @vcpu: the vCPU, at the instruction in question
 * @vector: #DB or #BP
 * @dr6: what DR6 would tell
 *
 * Return: X86_RUN_EXIT.
 */
int x86_exit_debug(struct x86_vcpu *vcpu, u8 vector, u64 dr6);

int x86_handle_debug(struct x86_vcpu *vcpu);
int x86_handle_dr(struct x86_vcpu *vcpu);

long x86_set_guest_debug(struct kvm_ioctl_args *args);

#endif
