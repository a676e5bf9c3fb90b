// SPDX-License-Identifier: GPL-2.0
/* KVM_GET_REGS and KVM_SET_REGS: general registers, RIP, RFLAGS. */
#include "regs.h"

/* APM 2, 3.1.6: everything else reads as zero. */
#define RFLAGS_DEFINED							\
	(X86_EFLAGS_CF | X86_EFLAGS_FIXED | X86_EFLAGS_PF | X86_EFLAGS_AF |	\
	 X86_EFLAGS_ZF | X86_EFLAGS_SF | X86_EFLAGS_TF | X86_EFLAGS_IF |	\
	 X86_EFLAGS_DF | X86_EFLAGS_OF | X86_EFLAGS_IOPL | X86_EFLAGS_NT |	\
	 X86_EFLAGS_RF | X86_EFLAGS_VM | X86_EFLAGS_AC | X86_EFLAGS_VIF |	\
	 X86_EFLAGS_VIP | X86_EFLAGS_ID)

void x86_regs_to_user(struct x86_vcpu *vcpu, struct kvm_regs *regs)
{
	const unsigned long *gpr = vcpu->gpr;

	*regs = (struct kvm_regs){
		.rax = gpr[X86_RAX], .rbx = gpr[X86_RBX],
		.rcx = gpr[X86_RCX], .rdx = gpr[X86_RDX],
		.rsi = gpr[X86_RSI], .rdi = gpr[X86_RDI],
		.rsp = gpr[X86_RSP], .rbp = gpr[X86_RBP],
		.r8 = gpr[X86_R8], .r9 = gpr[X86_R9],
		.r10 = gpr[X86_R10], .r11 = gpr[X86_R11],
		.r12 = gpr[X86_R12], .r13 = gpr[X86_R13],
		.r14 = gpr[X86_R14], .r15 = gpr[X86_R15],
		.rip = vcpu->rip, .rflags = vcpu->rflags,
	};
}

int x86_regs_from_user(struct x86_vcpu *vcpu, const struct kvm_regs *regs)
{
	unsigned long *gpr = vcpu->gpr;

	if (regs->rflags & ~RFLAGS_DEFINED)
		return -EINVAL;

	gpr[X86_RAX] = regs->rax;
	gpr[X86_RBX] = regs->rbx;
	gpr[X86_RCX] = regs->rcx;
	gpr[X86_RDX] = regs->rdx;
	gpr[X86_RSI] = regs->rsi;
	gpr[X86_RDI] = regs->rdi;
	gpr[X86_RSP] = regs->rsp;
	gpr[X86_RBP] = regs->rbp;
	gpr[X86_R8] = regs->r8;
	gpr[X86_R9] = regs->r9;
	gpr[X86_R10] = regs->r10;
	gpr[X86_R11] = regs->r11;
	gpr[X86_R12] = regs->r12;
	gpr[X86_R13] = regs->r13;
	gpr[X86_R14] = regs->r14;
	gpr[X86_R15] = regs->r15;
	vcpu->rip = regs->rip;
	vcpu->rflags = regs->rflags | X86_EFLAGS_FIXED;
	/* It came from an instruction that will not be the next one. */
	vcpu->events.exception.pending = false;
	kvm_make_request(X86_REQ_EVENT, &vcpu->vcpu);
	return 0;
}

long x86_get_regs(struct kvm_ioctl_args *args)
{
	x86_regs_to_user(to_x86(args->vcpu), args->data);
	return 0;
}

long x86_set_regs(struct kvm_ioctl_args *args)
{
	return x86_regs_from_user(to_x86(args->vcpu), args->data);
}
