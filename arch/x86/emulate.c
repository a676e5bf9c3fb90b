// SPDX-License-Identifier: GPL-2.0
/* Carrying out one instruction for the guest: its operands and its steps. */
#include <linux/entry-kvm.h>
#include <linux/string.h>
#include <asm/debugreg.h>

#include "emulate.h"
#include "regs.h"
#include "run.h"

/* Operands */

u64 emul_gpr(const struct x86_emul *e, unsigned int reg, unsigned int width)
{
	unsigned long val = e->written & BIT(reg) ? e->gpr[reg] : e->vcpu->gpr[reg];

	return val & emul_mask(width);
}

void emul_set_gpr(struct x86_emul *e, unsigned int reg, unsigned int width, u64 val)
{
	u64 mask = emul_mask(width);

	/* 32 bits clear the upper half, fewer leave the rest alone. */
	if (width < 4)
		val = (emul_gpr(e, reg, 8) & ~mask) | (val & mask);
	e->gpr[reg] = width == 4 ? (u32)val : val;
	e->written |= BIT(reg);
}

u64 emul_get(const struct x86_emul *e, unsigned int nr)
{
	const struct x86_operand *o = &e->code->insn.operand[nr];
	u64 val = 0;

	switch (o->kind) {
	case OPND_REG:
		return o->high ? emul_gpr(e, o->reg, 2) >> 8 : emul_gpr(e, o->reg, o->width);
	case OPND_SEG:
		x86_fetch(e->vcpu, X86_GROUP_SEGMENTS);
		return e->vcpu->seg[o->reg].selector;
	case OPND_IMM:
		return o->imm;
	case OPND_MEM:
		memcpy(&val, e->mem[nr].data, min_t(u16, e->mem[nr].len, sizeof(val)));
		return val;
	default:
		return 0;
	}
}

void emul_put(struct x86_emul *e, unsigned int nr, u64 val)
{
	const struct x86_operand *o = &e->code->insn.operand[nr];

	if (o->kind == OPND_MEM)
		memcpy(e->mem[nr].data, &val, min_t(u16, e->mem[nr].len, sizeof(val)));
	else if (o->kind == OPND_REG && o->high)
		emul_set_gpr(e, o->reg, 2, emul_gpr(e, o->reg, 1) | (val & 0xff) << 8);
	else if (o->kind == OPND_REG)
		emul_set_gpr(e, o->reg, o->width, val);
}

/* Translation */

static void set_stack_width(struct x86_emul *e)
{
	e->stack_width = 8;
	if (e->code->mode == DECODE_64)
		return;
	x86_fetch(e->vcpu, X86_GROUP_SEGMENTS);
	e->stack_width = e->vcpu->seg[X86_SS].db ? 4 : 2;
}

static int translate_stack(struct x86_emul *e)
{
	struct emul_mem *m = &e->mem[EMUL_STACK];
	unsigned int size = e->code->insn.opsize;
	u64 mask, top;

	set_stack_width(e);
	mask = emul_mask(e->stack_width);
	top = emul_gpr(e, X86_RSP, e->stack_width);
	m->store = e->op->access & EMUL_PUSH;
	m->load = !m->store;
	e->rsp = (m->store ? top - size : top + size) & mask;
	return emul_translate(e, m, X86_SS, m->store ? e->rsp : top, size);
}

/* BT and its kin reach beyond the operand if a register says where. */
static u64 bit_offset(struct x86_emul *e)
{
	const struct x86_operand *bit = &e->code->insn.operand[1];
	unsigned int shift = 64 - bit->width * 8;
	s64 nr = (s64)(emul_get(e, 1) << shift) >> shift;

	if (bit->kind != OPND_REG)
		return 0;
	return nr >> (bit->width == 2 ? 4 : bit->width == 4 ? 5 : 6) << (bit->width / 4 + 1);
}

static int translate_operand(struct x86_emul *e, unsigned int nr)
{
	const struct x86_operand *o = &e->code->insn.operand[nr];
	u64 ea = emul_address(e, &o->mem);
	u8 access = e->op->access;
	struct emul_mem *m = &e->mem[nr];
	int r;

	m->load = access & (nr ? EMUL_READ_1 : EMUL_READ_0);
	m->store = !nr && (access & EMUL_WRITE_0);
	m->atomic = m->load && m->store &&
		    (e->code->insn.lock || e->code->insn.op == OP_XCHG);
	if (access & EMUL_BIT)
		ea = (ea + bit_offset(e)) & emul_mask(e->code->insn.addrsize);
	r = emul_translate(e, m, o->mem.seg, ea, o->width);
	if (r)
		return r;
	/* Aligned vectors, and CMPXCHG16B. */
	if ((e->code->insn.op == OP_VMOVA || (o->width == 16 && m->atomic)) &&
	    (m->linear & (o->width - 1))) {
		x86_queue_gp(e->vcpu);
		return EMUL_RETRY;
	}
	return EMUL_OK;
}

static int translate(struct x86_emul *e)
{
	const struct x86_insn *insn = &e->code->insn;
	u8 access = e->op->access;
	int i, r = EMUL_OK;

	if (access & EMUL_POP) {
		r = translate_stack(e);
		/* Its operand's address is that behind the increment. */
		emul_set_gpr(e, X86_RSP, e->stack_width, e->rsp);
	}
	for (i = 0; i < EMUL_STACK && !r; i++)
		if (insn->operand[i].kind == OPND_MEM)
			r = translate_operand(e, i);
	if (!r && (access & EMUL_PUSH))
		r = translate_stack(e);
	if (!r && (access & EMUL_PORT))
		emul_string_batch(e);
	return r;
}

/* Steps */

/* The instruction, or one round of a string instruction, from its beginning. */
static int begin(struct x86_emul *e)
{
	int i;

	e->step = EMUL_LOAD;
	e->index = 0;
	e->done = 0;
	e->written = 0;
	e->rflags = e->vcpu->rflags;
	e->count = 1;
	e->last = true;
	for (i = 0; i < EMUL_MEMS; i++) {
		e->mem[i].len = 0;
		e->mem[i].atomic = false;
		e->mem[i].data = e->mem[i].buf;
	}
	return translate(e);
}

static int steps(struct x86_emul *e)
{
	int r;

	if (e->step == EMUL_LOAD) {
		r = emul_move(e, false);
		if (r)
			return r;
		/* What EXECUTE leaves to userspace is done when it comes back. */
		e->step = EMUL_STORE;
		r = e->op->execute(e);
		if (r)
			return r;
	}
	return emul_move(e, true);
}

static void commit(struct x86_emul *e)
{
	unsigned long written;
	int reg;

	if (e->op->access & EMUL_STRING)
		emul_string_advance(e);
	written = e->written;
	for_each_set_bit(reg, &written, X86_NR_GPRS)
		e->vcpu->gpr[reg] = e->gpr[reg];
	e->vcpu->rflags = e->rflags;
}

/* Between two rounds: does something wait for the vCPU? */
static bool interrupted(struct x86_vcpu *vcpu)
{
	if (vcpu->rflags & X86_EFLAGS_TF) {
		x86_queue_debug(vcpu, DR_STEP);
		return true;
	}
	return kvm_request_pending(&vcpu->vcpu) || __xfer_to_guest_mode_work_pending();
}

static int run(struct x86_emul *e, int r)
{
	while (!r) {
		r = steps(e);
		if (r)
			break;
		commit(e);
		if (e->last)
			return x86_skip_insn(e->vcpu);
		/* RIP stays, and the guest comes back for the rest. */
		if (interrupted(e->vcpu))
			break;
		e->exit_gpa = false;
		r = begin(e);
	}
	return x86_emul_done(e->vcpu, e->code, r);
}

int x86_emul_resume(struct x86_vcpu *vcpu)
{
	return run(&vcpu->emul, EMUL_OK);
}

/* No registers beyond the general ones and the vectors; those are further work. */
static bool can_do(const struct x86_emul *e)
{
	const struct x86_operand *dst = &e->code->insn.operand[0];

	return e->op && !(dst->kind == OPND_SEG && (e->op->access & EMUL_WRITE_0));
}

/* Has the exit translated the only operand in memory? */
static bool knows_gpa(const struct x86_emul *e)
{
	const struct x86_exit *exit = &e->vcpu->exit;
	const struct x86_operand *o = e->code->insn.operand;

	return exit->reason == X86_EXIT_NPF && (exit->npf.error_code & X86_NPF_GUEST_FINAL) &&
	       !(exit->npf.error_code & X86_NPF_FETCH) &&
	       !(e->op->access & (EMUL_PUSH | EMUL_POP)) &&
	       (o[0].kind == OPND_MEM) + (o[1].kind == OPND_MEM) == 1;
}

/* The instruction at RIP. What others change there meanwhile must not reach a port. */
static int start(struct x86_vcpu *vcpu, bool port)
{
	struct x86_emul *e = &vcpu->emul;
	int r;

	vcpu->stat.insn_emulation++;
	e->vcpu = vcpu;
	r = x86_fetch_insn(vcpu, &e->code);
	if (r)
		return x86_emul_done(vcpu, e->code, r);
	e->op = emul_find_op(e->code->insn.op);
	if (!can_do(e))
		return x86_emul_done(vcpu, e->code, EMUL_FAIL);
	if (port != !!(e->op->access & EMUL_PORT))
		return X86_RUN_AGAIN;
	e->written = 0;
	e->exit_gpa = knows_gpa(e);
	if (emul_store_to_device(e))
		return x86_skip_insn(vcpu);
	if ((e->op->access & EMUL_STRING) && !emul_string_left(e))
		return x86_skip_insn(vcpu);
	return run(e, begin(e));
}

int x86_emulate(struct x86_vcpu *vcpu)
{
	return start(vcpu, false);
}

int x86_emulate_string_io(struct x86_vcpu *vcpu)
{
	return start(vcpu, true);
}
