// SPDX-License-Identifier: GPL-2.0
/* VMMCALL: the calls of Documentation/virt/kvm/x86/hypercalls.rst. */
#include <linux/kvm_para.h>
#include <asm/msr-index.h>

#include "backend.h"
#include "run.h"

static bool in_64bit_code(struct x86_vcpu *vcpu)
{
	x86_fetch(vcpu, X86_GROUP_CONTROL);
	x86_fetch(vcpu, X86_GROUP_SEGMENTS);
	return (vcpu->efer & EFER_LMA) && vcpu->seg[X86_CS].l;
}

int x86_handle_hypercall(struct x86_vcpu *vcpu)
{
	bool wide = in_64bit_code(vcpu);
	unsigned long nr = vcpu->gpr[X86_RAX];
	long r;

	if (!wide)
		nr = (u32)nr;
	if (vcpu->cpl)
		r = -KVM_EPERM;
	else if (nr == KVM_HC_VAPIC_POLL_IRQ)
		r = 0;	/* the exit was all that it is for */
	else
		r = -KVM_ENOSYS;

	vcpu->gpr[X86_RAX] = wide ? r : (u32)r;
	vcpu->stat.hypercalls++;
	return x86_skip_insn(vcpu);
}
