// SPDX-License-Identifier: GPL-2.0
/*
 * Arithmetic with the flags that the CPU sets, computed from operands and
 * result (APM 1, 3.1.4). Pure.
 */
#include <linux/bitops.h>
#include <asm/processor-flags.h>

#include "emulate.h"

#define ARITH_FLAGS							\
	(X86_EFLAGS_CF | X86_EFLAGS_PF | X86_EFLAGS_AF | X86_EFLAGS_ZF |	\
	 X86_EFLAGS_SF | X86_EFLAGS_OF)

static u64 sign_bit(unsigned int width)
{
	return 1ULL << (width * 8 - 1);
}

/* @carries: what was carried, or borrowed, out of each bit. */
static void set_flags(unsigned long *flags, u64 result, u64 carries, u64 overflow,
		      unsigned int width)
{
	u64 sign = sign_bit(width);

	*flags &= ~ARITH_FLAGS;
	if (carries & sign)
		*flags |= X86_EFLAGS_CF;
	if (carries & 8)
		*flags |= X86_EFLAGS_AF;
	if (overflow & sign)
		*flags |= X86_EFLAGS_OF;
	if (result & sign)
		*flags |= X86_EFLAGS_SF;
	if (!(result & emul_mask(width)))
		*flags |= X86_EFLAGS_ZF;
	if (!(hweight8(result) & 1))
		*flags |= X86_EFLAGS_PF;
}

static u64 add(u64 a, u64 b, u64 carry, unsigned int width, unsigned long *flags)
{
	u64 r = a + b + carry;

	set_flags(flags, r, (a & b) | ((a | b) & ~r), (a ^ r) & (b ^ r), width);
	return r;
}

static u64 subtract(u64 a, u64 b, u64 borrow, unsigned int width, unsigned long *flags)
{
	u64 r = a - b - borrow;

	set_flags(flags, r, (~a & b) | ((~a | b) & r), (a ^ b) & (a ^ r), width);
	return r;
}

static u64 logic(u64 r, unsigned int width, unsigned long *flags)
{
	set_flags(flags, r, 0, 0, width);
	return r;
}

u64 emul_alu(u8 op, u64 a, u64 b, unsigned int width, unsigned long *flags)
{
	u64 carry = *flags & X86_EFLAGS_CF, r;

	switch (op) {
	case OP_ADD:
		r = add(a, b, 0, width, flags);
		break;
	case OP_ADC:
		r = add(a, b, carry, width, flags);
		break;
	case OP_SBB:
		r = subtract(a, b, carry, width, flags);
		break;
	case OP_OR:
		r = logic(a | b, width, flags);
		break;
	case OP_AND:
		r = logic(a & b, width, flags);
		break;
	case OP_XOR:
		r = logic(a ^ b, width, flags);
		break;
	default: /* OP_SUB, OP_CMP */
		r = subtract(a, b, 0, width, flags);
		break;
	}
	return r & emul_mask(width);
}

u64 emul_inc_dec(u8 op, u64 a, unsigned int width, unsigned long *flags)
{
	unsigned long carry = *flags & X86_EFLAGS_CF;
	u64 r = emul_alu(op == OP_INC ? OP_ADD : OP_SUB, a, 1, width, flags);

	*flags = (*flags & ~(unsigned long)X86_EFLAGS_CF) | carry;
	return r;
}
