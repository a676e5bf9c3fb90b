// SPDX-License-Identifier: GPL-2.0
/* What each operation makes of its operands. */
#include <linux/bits.h>
#include <linux/nospec.h>
#include <linux/string.h>
#include <linux/swab.h>
#include <asm/processor-flags.h>

#include "emulate.h"
#include "x86.h"

static unsigned int width(const struct x86_emul *e)
{
	return e->code->insn.operand[0].width;
}

static void set_flag(struct x86_emul *e, unsigned long flag, bool on)
{
	e->rflags = on ? e->rflags | flag : e->rflags & ~flag;
}

static int op_mov(struct x86_emul *e)
{
	emul_put(e, 0, emul_get(e, 1));
	return EMUL_OK;
}

static int op_movsx(struct x86_emul *e)
{
	unsigned int shift = 64 - e->code->insn.operand[1].width * 8;

	emul_put(e, 0, (s64)(emul_get(e, 1) << shift) >> shift);
	return EMUL_OK;
}

static int op_movbe(struct x86_emul *e)
{
	emul_put(e, 0, swab64(emul_get(e, 1)) >> (64 - width(e) * 8));
	return EMUL_OK;
}

static int op_vmov(struct x86_emul *e)
{
	const struct x86_operand *o = e->code->insn.operand;

	if (o[0].kind == OPND_MEM)
		return emul_vector_get(e, o[1].reg, e->mem[0].data);
	if (o[1].kind == OPND_MEM)
		return emul_vector_put(e, o[0].reg, e->mem[1].data);
	return EMUL_FAIL;
}

static int op_xchg(struct x86_emul *e)
{
	u64 a = emul_get(e, 0), b = emul_get(e, 1);

	emul_put(e, 0, b);
	emul_put(e, 1, a);
	return EMUL_OK;
}

static int op_xadd(struct x86_emul *e)
{
	u64 a = emul_get(e, 0), b = emul_get(e, 1);

	emul_put(e, 1, a);
	emul_put(e, 0, emul_alu(OP_ADD, a, b, width(e), &e->rflags));
	return EMUL_OK;
}

/* If it does not match, what was there is written back. */
static int op_cmpxchg(struct x86_emul *e)
{
	u64 a = emul_get(e, 0);

	emul_alu(OP_CMP, emul_gpr(e, X86_RAX, width(e)), a, width(e), &e->rflags);
	if (e->rflags & X86_EFLAGS_ZF)
		emul_put(e, 0, emul_get(e, 1));
	else
		emul_set_gpr(e, X86_RAX, width(e), a);
	return EMUL_OK;
}

static int op_cmpxchg8b(struct x86_emul *e)
{
	unsigned int half = width(e) / 2;
	u64 low = 0, high = 0;
	u8 *data = e->mem[0].data;
	bool equal;

	memcpy(&low, data, half);
	memcpy(&high, data + half, half);
	equal = low == emul_gpr(e, X86_RAX, half) && high == emul_gpr(e, X86_RDX, half);
	set_flag(e, X86_EFLAGS_ZF, equal);
	if (!equal) {
		emul_set_gpr(e, X86_RAX, half, low);
		emul_set_gpr(e, X86_RDX, half, high);
		return EMUL_OK;
	}
	low = emul_gpr(e, X86_RBX, half);
	high = emul_gpr(e, X86_RCX, half);
	memcpy(data, &low, half);
	memcpy(data + half, &high, half);
	return EMUL_OK;
}

static int op_push(struct x86_emul *e)
{
	struct emul_mem *m = &e->mem[EMUL_STACK];
	u64 val = emul_get(e, 0);

	memcpy(m->data, &val, m->len);
	emul_set_gpr(e, X86_RSP, e->stack_width, e->rsp);
	return EMUL_OK;
}

static int op_pop(struct x86_emul *e)
{
	u64 val = 0;

	memcpy(&val, e->mem[EMUL_STACK].data, e->mem[EMUL_STACK].len);
	emul_put(e, 0, val);
	return EMUL_OK;
}

static int op_alu(struct x86_emul *e)
{
	u8 op = e->code->insn.op;
	u64 r = emul_alu(op, emul_get(e, 0), emul_get(e, 1), width(e), &e->rflags);

	if (op != OP_CMP)
		emul_put(e, 0, r);
	return EMUL_OK;
}

/* CMPS and SCAS compare like CMP. */
static int op_compare(struct x86_emul *e)
{
	emul_alu(OP_CMP, emul_get(e, 0), emul_get(e, 1), width(e), &e->rflags);
	return EMUL_OK;
}

static int op_test(struct x86_emul *e)
{
	emul_alu(OP_AND, emul_get(e, 0), emul_get(e, 1), width(e), &e->rflags);
	return EMUL_OK;
}

static int op_inc_dec(struct x86_emul *e)
{
	emul_put(e, 0, emul_inc_dec(e->code->insn.op, emul_get(e, 0), width(e), &e->rflags));
	return EMUL_OK;
}

static int op_not(struct x86_emul *e)
{
	emul_put(e, 0, ~emul_get(e, 0));
	return EMUL_OK;
}

static int op_neg(struct x86_emul *e)
{
	emul_put(e, 0, emul_alu(OP_SUB, 0, emul_get(e, 0), width(e), &e->rflags));
	return EMUL_OK;
}

static int op_bit(struct x86_emul *e)
{
	u64 bit = BIT_ULL(emul_get(e, 1) & (width(e) * 8 - 1)), val = emul_get(e, 0);

	set_flag(e, X86_EFLAGS_CF, val & bit);
	switch (e->code->insn.op) {
	case OP_BTS:
		val |= bit;
		break;
	case OP_BTR:
		val &= ~bit;
		break;
	case OP_BTC:
		val ^= bit;
		break;
	default:
		return EMUL_OK;
	}
	emul_put(e, 0, val);
	return EMUL_OK;
}

#define MOVE	(EMUL_WRITE_0 | EMUL_READ_1)
#define BOTH	(EMUL_READ_0 | EMUL_READ_1)
#define UPDATE	(EMUL_READ_0 | EMUL_WRITE_0 | EMUL_READ_1)
#define STRING	EMUL_STRING

static const struct emul_op ops[OP_NR] = {
	[OP_MOV]		= { op_mov, MOVE },
	[OP_MOVZX]		= { op_mov, MOVE },
	[OP_MOVSX]		= { op_movsx, MOVE },
	[OP_MOVBE]		= { op_movbe, MOVE },
	[OP_MOVNTI]		= { op_mov, MOVE },
	[OP_VMOVA ... OP_VMOVU]	= { op_vmov, MOVE },
	[OP_XCHG]		= { op_xchg, UPDATE },
	[OP_XADD]		= { op_xadd, UPDATE },
	[OP_CMPXCHG]		= { op_cmpxchg, UPDATE },
	[OP_CMPXCHG8B]		= { op_cmpxchg8b, UPDATE },
	[OP_PUSH]		= { op_push, EMUL_READ_0 | EMUL_PUSH },
	[OP_POP]		= { op_pop, EMUL_WRITE_0 | EMUL_POP },
	[OP_ADD ... OP_XOR]	= { op_alu, UPDATE },
	[OP_CMP]		= { op_alu, BOTH },
	[OP_TEST]		= { op_test, BOTH },
	[OP_INC ... OP_DEC]	= { op_inc_dec, UPDATE },
	[OP_NOT]		= { op_not, UPDATE },
	[OP_NEG]		= { op_neg, UPDATE },
	[OP_BT]			= { op_bit, BOTH | EMUL_BIT },
	[OP_BTS ... OP_BTC]	= { op_bit, UPDATE | EMUL_BIT },
	[OP_MOVS]		= { op_mov, MOVE | STRING },
	[OP_CMPS]		= { op_compare, BOTH | STRING },
	[OP_STOS]		= { op_mov, MOVE | STRING },
	[OP_LODS]		= { op_mov, MOVE | STRING },
	[OP_SCAS]		= { op_compare, BOTH | STRING },
	[OP_INS]		= { emul_ins, EMUL_WRITE_0 | STRING | EMUL_PORT },
	[OP_OUTS]		= { emul_outs, EMUL_READ_1 | STRING | EMUL_PORT },
};

const struct emul_op *emul_find_op(u8 op)
{
	const struct emul_op *found;

	if (op >= OP_NR)
		return NULL;
	/* The guest chooses it. */
	found = &ops[array_index_nospec(op, OP_NR)];
	return found->execute ? found : NULL;
}
