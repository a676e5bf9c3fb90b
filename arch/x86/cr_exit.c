// SPDX-License-Identifier: GPL-2.0
/* Exits for control registers: writes of those that the hardware cannot check alone. */
#include "apic_base.h"
#include "insn.h"
#include "regs.h"
#include "run.h"

/* MOV to the register, which is all that writes CR4 and CR8. */
static int find_source(struct x86_vcpu *vcpu, u8 *gpr)
{
	const struct x86_code *code;
	const struct x86_operand *o;
	int r;

	*gpr = vcpu->exit.reg.gpr;
	if (*gpr < X86_NR_GPRS)
		return X86_RUN_AGAIN;
	r = x86_fetch_insn(vcpu, &code);
	if (r)
		return x86_emul_done(vcpu, code, r);
	o = code->insn.operand;
	if (code->insn.op == OP_MOV_CR && o[0].kind == OPND_CR &&
	    o[0].reg == vcpu->exit.reg.nr)
		*gpr = o[1].reg;
	return X86_RUN_AGAIN;
}

static int write_cr(struct x86_vcpu *vcpu, u8 nr, u64 val)
{
	switch (nr) {
	case 0:
		return x86_set_cr0(vcpu, val);
	case 3:
		return x86_set_cr3(vcpu, val);
	case 4:
		return x86_set_cr4(vcpu, val);
	case 8:
		return x86_set_cr8(vcpu, val);
	default:
		return -EINVAL;
	}
}

/* Userspace's interrupt controllers may have held something back. */
static int tell_tpr(struct x86_vcpu *vcpu, u8 old)
{
	if (vcpu->lapic || vcpu->cr8 >= old)
		return X86_RUN_AGAIN;
	vcpu->vcpu.run->exit_reason = KVM_EXIT_SET_TPR;
	return X86_RUN_EXIT;
}

int x86_handle_cr(struct x86_vcpu *vcpu)
{
	u8 nr = vcpu->exit.reg.nr, tpr = vcpu->cr8, gpr;
	u64 val;
	int r;

	r = find_source(vcpu, &gpr);
	if (gpr >= X86_NR_GPRS)
		return r;
	val = vcpu->gpr[gpr];
	if (!x86_in_64bit_code(vcpu))
		val = lower_32_bits(val);
	if (write_cr(vcpu, nr, val)) {
		x86_queue_gp(vcpu);
		return X86_RUN_AGAIN;
	}
	r = x86_skip_insn(vcpu);
	return r == X86_RUN_AGAIN ? tell_tpr(vcpu, tpr) : r;
}
