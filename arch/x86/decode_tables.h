/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The opcode tables of the decoder, and the code in which they are written.
 */
#ifndef KVM_X86_DECODE_TABLES_H
#define KVM_X86_DECODE_TABLES_H

#include "decode.h"

/*
 * An operand is written as in the opcode maps of APM volume 3, appendix A:
 * where it is encoded, then how wide it is.
 */
enum operand_where {
	/* In ModRM. */
	AT_RM = 1,	/* register or memory */
	AT_MEM,		/* memory, never a register */
	AT_RM_REG,	/* register, never memory */
	AT_REG,		/* general register in the reg field */
	AT_SEG,		/* segment register in the reg field */
	AT_CR,
	AT_DR,
	AT_VEC_REG,	/* vector register in the rm field, never memory */
	AT_LAST_MODRM = AT_VEC_REG,
	/* Elsewhere. */
	AT_OPCODE,	/* register in the low three bits of the opcode */
	AT_FIXED,	/* always the same general register */
	AT_FIXED_SEG,
	AT_ONE,		/* the constant 1 */
	AT_IMM,		/* immediate of the operand's width, at most 4 bytes */
	AT_IMM_FULL,	/* the same, at most 8 bytes */
	AT_IMM_BYTE,	/* one byte, sign-extended */
	AT_REL_BYTE,
	AT_REL,
	AT_FAR,
	AT_OFFSET,	/* memory at an absolute offset */
	AT_SI,		/* source and destination of string instructions */
	AT_DI,
};

enum operand_width {
	W_NONE,		/* an address that is not dereferenced as such */
	W_B, W_W, W_D, W_Q,
	W_DQ,		/* 16 bytes */
	W_ZMM,		/* 64 bytes */
	W_FX,		/* 512 bytes */
	W_V,		/* operand size */
	W_Z,		/* operand size, at most 4 */
	W_Y,		/* 4, or 8 with REX.W */
	W_N,		/* native: 4, or 8 in 64-bit mode */
	W_ADDR,		/* address size */
	W_P,		/* far pointer: operand size and selector */
	W_2V,		/* two of W_V */
	W_2Y,		/* two of W_Y */
	W_S,		/* descriptor table: base and limit */
	W_VW,		/* operand size in a register, 2 bytes in memory */
};

#define SPEC(where, width)		((where) | W_##width << 5)
#define SPEC_FIXED(where, width, reg)	(SPEC(where, width) | (reg) << 10)
#define SPEC_WHERE(spec)		((spec) & 31)
#define SPEC_WIDTH(spec)		((spec) >> 5 & 31)
#define SPEC_REG(spec)			((spec) >> 10 & 7)

/* Flags of an opcode. */
#define F_LOCK		0x0001	/* LOCK is allowed if operand 0 is memory */
#define F_NO64		0x0002	/* invalid in 64-bit mode */
#define F_ONLY64	0x0004	/* invalid outside of it */
#define F_DEF64	0x0008	/* operand size 8 in 64-bit mode, or 2 with 66 */
#define F_REGS		0x0010	/* mod is ignored and taken for 3 */
#define F_NOREAL	0x0020	/* invalid in real mode */
#define F_NP		0x0040	/* invalid with 66, F2 or F3 */
#define F_NOREP		0x0080	/* invalid with F2 or F3 */
#define F_NOCS		0x0100	/* operand 0 cannot be CS */

/*
 * Values of struct opcode.op that are not operations but say how to go on:
 * index .group by this part of the instruction.
 */
enum opcode_link {
	BY_REG = 0xf0,	/* ModRM.reg */
	BY_RM,		/* ModRM.rm */
	BY_MOD,		/* 0 for memory, 1 for a register */
	BY_PREFIX,	/* enum simd_prefix */
	BY_REX_B,
	BY_MODE,	/* 1 in 64-bit mode */
	BY_X87,		/* x87_mem and x87_reg */
	REFUSE,		/* a known encoding that is unsupported */
};

/* The prefix that selects an instruction, in the order of VEX.pp. */
enum simd_prefix { PP_NONE, PP_66, PP_F3, PP_F2 };

struct opcode {
	u8 op;			/* enum x86_op or enum opcode_link */
	u8 group;
	u16 flags;
	u16 spec[X86_OPERANDS];
};

/* By map and opcode; map 3 is all vector instructions, and so empty. */
extern const struct opcode opcode_map[4][256];
extern const struct opcode opcode_group[][8];

/* x87: width of the memory operand by opcode - D8 and reg, 0 if invalid... */
extern const u8 x87_mem[8][8];
/* ... and a bit for each ModRM byte from C0 that is valid. */
extern const u64 x87_reg[8];
/* In x87_mem: 14 bytes or 28 by operand size, 94 or 108. */
#define X87_ENV		0xfe
#define X87_STATE	0xff

/*
 * Vector instructions, in their SSE and VEX encodings, and all else that VEX
 * encodes: what is valid, by map, opcode and enum simd_prefix.
 */
#define V_SSE		0x0001	/* has a legacy encoding */
#define V_VEX		0x0002	/* has a VEX encoding */
#define V_MEM		0x0004	/* memory only */
#define V_REG		0x0008	/* register only */
#define V_IMM		0x0010	/* followed by one byte */
#define V_2OP		0x0020	/* VEX.vvvv must be unused */
#define V_2MEM		0x0040	/* VEX.vvvv must be unused in the memory form */
#define V_L0		0x0080
#define V_L1		0x0100
#define V_W0		0x0200
#define V_W1		0x0400
#define V_VSIB		0x0800
#define V_MOVA		0x1000	/* OP_VMOVA */
#define V_MOVU		0x2000	/* OP_VMOVU */
#define V_STORE		0x4000	/* the destination is ModRM.rm */
#define V_NOMODRM	0x8000
#define V_REFUSE	0xffff	/* unsupported, under VEX */

extern const u16 vector_map[4][256][4];

#endif
