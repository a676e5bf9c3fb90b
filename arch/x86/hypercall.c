// SPDX-License-Identifier: GPL-2.0
/* VMMCALL: the calls of Documentation/virt/kvm/x86/hypercalls.rst. */
#include <linux/kvm_para.h>
#include <asm/msr-index.h>

#include "backend.h"
#include "run.h"

bool x86_in_64bit_code(struct x86_vcpu *vcpu)
{
	x86_fetch(vcpu, X86_GROUP_CONTROL);
	x86_fetch(vcpu, X86_GROUP_SEGMENTS);
	return (vcpu->efer & EFER_LMA) && vcpu->seg[X86_CS].l;
}

int x86_handle_hypercall(struct x86_vcpu *vcpu)
{
	bool wide = x86_in_64bit_code(vcpu);
	unsigned long nr = vcpu->gpr[X86_RAX];
	unsigned long args[4] = {
		vcpu->gpr[X86_RBX], vcpu->gpr[X86_RCX],
		vcpu->gpr[X86_RDX], vcpu->gpr[X86_RSI],
	};
	long r;
	int i;

	if (!wide) {
		nr = (u32)nr;
		for (i = 0; i < ARRAY_SIZE(args); i++)
			args[i] = (u32)args[i];
	}
	if (vcpu->cpl)
		r = -KVM_EPERM;
	else if (nr == KVM_HC_VAPIC_POLL_IRQ)
		r = 0;	/* the exit was all that it is for */
	else
		r = x86_pv_hypercall(vcpu, nr, args);

	vcpu->gpr[X86_RAX] = wide ? r : (u32)r;
	vcpu->stat.hypercalls++;
	return x86_skip_insn(vcpu);
}
