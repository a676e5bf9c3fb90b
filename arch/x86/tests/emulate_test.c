// SPDX-License-Identifier: GPL-2.0
/* The emulator's arithmetic against the CPU's own. */
#include <kunit/test.h>
#include <linux/prandom.h>
#include <asm/processor-flags.h>

#include "../emulate.h"

#define FLAGS								\
	(X86_EFLAGS_CF | X86_EFLAGS_PF | X86_EFLAGS_AF | X86_EFLAGS_ZF |	\
	 X86_EFLAGS_SF | X86_EFLAGS_OF)

/* SAHF takes all flags but the overflow, which none of these read. */
#define CPU_OP(insn, a, b, flags)						\
	asm("sahf\n\t" insn "\n\tpushf\n\tpop %q[f]"				\
	    : "+r" (a), [f] "=r" (flags) : [b] "r" (b), "a" ((u64)((flags) & 0xff) << 8) : "cc")

#define CPU_WIDTHS(insn, width, a, b, flags)					\
do {										\
	switch (width) {							\
	case 1:									\
		CPU_OP(insn " %b[b], %b0", a, b, flags);			\
		break;								\
	case 2:									\
		CPU_OP(insn " %w[b], %w0", a, b, flags);			\
		break;								\
	case 4:									\
		CPU_OP(insn " %k[b], %k0", a, b, flags);			\
		break;								\
	case 8:									\
		CPU_OP(insn " %q[b], %q0", a, b, flags);			\
		break;								\
	}									\
} while (0)

static u64 cpu_alu(u8 op, u64 a, u64 b, unsigned int width, unsigned long *flags)
{
	unsigned long f = *flags;

	switch (op) {
	case OP_ADD:
		CPU_WIDTHS("add", width, a, b, f);
		break;
	case OP_OR:
		CPU_WIDTHS("or", width, a, b, f);
		break;
	case OP_ADC:
		CPU_WIDTHS("adc", width, a, b, f);
		break;
	case OP_SBB:
		CPU_WIDTHS("sbb", width, a, b, f);
		break;
	case OP_AND:
		CPU_WIDTHS("and", width, a, b, f);
		break;
	case OP_SUB:
		CPU_WIDTHS("sub", width, a, b, f);
		break;
	case OP_XOR:
		CPU_WIDTHS("xor", width, a, b, f);
		break;
	}
	*flags = f;
	return a & emul_mask(width);
}

/* Values at which carries and signs change, and others. */
static u64 operand(struct rnd_state *rnd, unsigned int width)
{
	u64 val = (u64)prandom_u32_state(rnd) << 32 | prandom_u32_state(rnd);

	switch (prandom_u32_state(rnd) & 7) {
	case 0:
		val = 0;
		break;
	case 1:
		val = ~0ULL;
		break;
	case 2:
		val = 1ULL << (width * 8 - 1);
		break;
	case 3:
		val = (1ULL << (width * 8 - 1)) - 1;
		break;
	}
	return val & emul_mask(width);
}

static void arithmetic_is_the_cpus(struct kunit *test)
{
	struct rnd_state rnd;
	int i;

	prandom_seed_state(&rnd, 1);
	for (i = 0; i < 100000; i++) {
		u8 op = OP_ADD + prandom_u32_state(&rnd) % 7;
		unsigned int width = 1 << (prandom_u32_state(&rnd) & 3);
		u64 a = operand(&rnd, width), b = operand(&rnd, width), r, cpu_r;
		unsigned long start = prandom_u32_state(&rnd) & 0xd5, flags = start;
		unsigned long cpu_flags = start;

		r = emul_alu(op, a, b, width, &flags);
		cpu_r = cpu_alu(op, a, b, width, &cpu_flags);
		if (r == cpu_r && !((flags ^ cpu_flags) & FLAGS))
			continue;
		KUNIT_FAIL(test, "op %u of %u bytes: %llx %llx, flags %lx: %llx %lx, not %llx %lx",
			   op, width, a, b, start, r, flags & FLAGS, cpu_r, cpu_flags & FLAGS);
		return;
	}
}

static void compare_is_subtract(struct kunit *test)
{
	unsigned long sub = X86_EFLAGS_CF, cmp = X86_EFLAGS_CF;

	KUNIT_EXPECT_EQ(test, emul_alu(OP_SUB, 3, 5, 4, &sub), 0xfffffffeU);
	emul_alu(OP_CMP, 3, 5, 4, &cmp);
	KUNIT_EXPECT_EQ(test, sub, cmp);
}

static void inc_and_dec_keep_the_carry(struct kunit *test)
{
	unsigned long flags = X86_EFLAGS_CF;

	KUNIT_EXPECT_EQ(test, emul_inc_dec(OP_INC, 0x7f, 1, &flags), 0x80);
	KUNIT_EXPECT_EQ(test, flags, X86_EFLAGS_CF | X86_EFLAGS_OF | X86_EFLAGS_SF | X86_EFLAGS_AF);
	flags = 0;
	KUNIT_EXPECT_EQ(test, emul_inc_dec(OP_DEC, 0, 2, &flags), 0xffff);
	KUNIT_EXPECT_EQ(test, flags, X86_EFLAGS_SF | X86_EFLAGS_AF | X86_EFLAGS_PF);
}

static struct kunit_case emulate_cases[] = {
	KUNIT_CASE(arithmetic_is_the_cpus),
	KUNIT_CASE(compare_is_subtract),
	KUNIT_CASE(inc_and_dec_keep_the_carry),
	{}
};

static struct kunit_suite emulate_suite = {
	.name = "kvm_x86_emulate",
	.test_cases = emulate_cases,
};

kunit_test_suite(emulate_suite);
