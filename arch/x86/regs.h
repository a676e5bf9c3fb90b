/* SPDX-License-Identifier: GPL-2.0 */
/* Registers of a vCPU: what values are legal, and the ioctls that move them. */
#ifndef KVM_X86_REGS_H
#define KVM_X86_REGS_H

#include <asm/processor-flags.h>

#include "x86.h"

/* Privilege level of the code that runs. */
static inline u8 x86_cpl(struct x86_vcpu *vcpu)
{
	x86_fetch_code(vcpu);
	return vcpu->cpl;
}

/**
 * x86_cr4_allowed() - CR4 bits that are not reserved
 * @caps: features, by the kernel's words
 */
u64 x86_cr4_allowed(const u32 *caps);

/**
 * x86_is_canonical() - may the address be loaded into a base register?
 * @vcpu: the vCPU, by its own thread; CR4.LA57 decides
 * @la: linear address
 */
bool x86_is_canonical(struct x86_vcpu *vcpu, u64 la);

/**
 * x86_set_cr0() - MOV to CR0, LMSW, CLTS
 * @vcpu: the vCPU, by its own thread
 * @cr0: the new value
 *
 * Checks and effects of the instruction (APM 2, 3.1.1): EFER.LMA follows
 * CR0.PG, cached translations go when paging changes. The same holds for
 * x86_set_cr3(), x86_set_cr4(), x86_set_cr8(), x86_set_efer() and
 * x86_set_xcr().
 *
 * Return: 0, or -EINVAL: #GP(0), and nothing has changed.
 */
int x86_set_cr0(struct x86_vcpu *vcpu, u64 cr0);
int x86_set_cr3(struct x86_vcpu *vcpu, u64 cr3);
int x86_set_cr4(struct x86_vcpu *vcpu, u64 cr4);
int x86_set_efer(struct x86_vcpu *vcpu, u64 efer);

/**
 * x86_efer_legal() - may userspace set it?
 * @efer: the value, LMA included
 */
bool x86_efer_legal(u64 efer);

/**
 * x86_check_control() - is this a state that the hardware can enter?
 * @vcpu: the vCPU
 * @sregs: segments and control registers to be set
 *
 * Return: 0 or -EINVAL.
 */
struct kvm_sregs2;
int x86_check_control(struct x86_vcpu *vcpu, const struct kvm_sregs2 *sregs);

void x86_regs_to_user(struct x86_vcpu *vcpu, struct kvm_regs *regs);
int x86_regs_from_user(struct x86_vcpu *vcpu, const struct kvm_regs *regs);
void x86_sregs_to_user(struct x86_vcpu *vcpu, struct kvm_sregs *sregs);
int x86_sregs_from_user(struct x86_vcpu *vcpu, const struct kvm_sregs *sregs);

long x86_get_regs(struct kvm_ioctl_args *args);
long x86_set_regs(struct kvm_ioctl_args *args);
long x86_get_sregs(struct kvm_ioctl_args *args);
long x86_set_sregs(struct kvm_ioctl_args *args);
long x86_get_sregs2(struct kvm_ioctl_args *args);
long x86_set_sregs2(struct kvm_ioctl_args *args);

#endif
