/* SPDX-License-Identifier: GPL-2.0 */
/*
 * x86 instruction decoder: bytes in, a description of one instruction out.
 *
 * Pure: no state, no allocation, no memory but the arguments.  It also builds
 * in user space, where tools/testing/decode/ holds it against a disassembler.
 */
#ifndef KVM_X86_DECODE_H
#define KVM_X86_DECODE_H

#include <linux/types.h>

/* The architecture's limit on the length of an instruction, in bytes. */
#define X86_INSN_MAX	15
#define X86_OPERANDS	3

/**
 * enum decode_mode - default operand and address size of the code segment
 * @DECODE_REAL: real and virtual-8086 mode: 16 bits, and no VEX encoding
 * @DECODE_16: protected mode, CS.D clear
 * @DECODE_32: protected mode, CS.D set
 * @DECODE_64: 64-bit mode: operands of 32 and addresses of 64 bits
 */
enum decode_mode {
	DECODE_REAL,
	DECODE_16,
	DECODE_32,
	DECODE_64,
};

/**
 * enum decode_result - what x86_decode() returns
 * @DECODE_OK: an instruction was decoded
 * @DECODE_TRUNCATED: the bytes end inside the instruction; more may help
 * @DECODE_TOO_LONG: the instruction passes 15 bytes: #GP
 * @DECODE_INVALID: no such instruction in this mode: #UD
 * @DECODE_UNSUPPORTED: an encoding that this decoder leaves out: EVEX and
 *	opmask (AVX-512), XOP, 3DNow!
 */
enum decode_result {
	DECODE_OK,
	DECODE_TRUNCATED,
	DECODE_TOO_LONG,
	DECODE_INVALID,
	DECODE_UNSUPPORTED,
};

/**
 * enum x86_op - the operation
 *
 * Named are those that the emulator carries out and those that a backend can
 * intercept; all the rest is %OP_OTHER.  Where one name stands for several
 * opcodes, operands and widths tell them apart.  OP_WBINVD is WBNOINVD too,
 * and OP_VMMCALL is VMGEXIT, which is the same outside of SEV-ES.
 */
enum x86_op {
	OP_INVALID,
	OP_OTHER,

	/* Moves.  MOVSX is MOVSXD too; CMPXCHG8B of width 16 is CMPXCHG16B. */
	OP_MOV, OP_MOVZX, OP_MOVSX, OP_MOVBE, OP_MOVNTI,
	OP_XCHG, OP_XADD, OP_CMPXCHG, OP_CMPXCHG8B, OP_PUSH, OP_POP,
	/* Whole vector registers; VMOVA faults on a misaligned operand. */
	OP_VMOVA, OP_VMOVU,

	/* Arithmetic; the first eight in the order of their encoding. */
	OP_ADD, OP_OR, OP_ADC, OP_SBB, OP_AND, OP_SUB, OP_XOR, OP_CMP,
	OP_TEST, OP_INC, OP_DEC, OP_NOT, OP_NEG,
	OP_BT, OP_BTS, OP_BTR, OP_BTC,

	/* Strings and ports. */
	OP_MOVS, OP_CMPS, OP_STOS, OP_LODS, OP_SCAS,
	OP_IN, OP_OUT, OP_INS, OP_OUTS,

	/* What a backend can intercept. */
	OP_CPUID, OP_RDMSR, OP_WRMSR, OP_RDTSC, OP_RDTSCP, OP_RDPMC, OP_RDPRU,
	OP_HLT, OP_PAUSE, OP_MONITOR, OP_MWAIT, OP_MONITORX, OP_MWAITX,
	OP_INVD, OP_WBINVD, OP_INVLPG, OP_INVLPGA, OP_INVLPGB, OP_TLBSYNC,
	OP_INVPCID, OP_MCOMMIT, OP_XSETBV,
	OP_MOV_CR, OP_MOV_DR, OP_CLTS, OP_LMSW, OP_SMSW,
	OP_SGDT, OP_SIDT, OP_LGDT, OP_LIDT, OP_SLDT, OP_STR, OP_LLDT, OP_LTR,
	OP_INT, OP_INT1, OP_INT3, OP_INTO, OP_IRET, OP_RSM,
	OP_PUSHF, OP_POPF, OP_JMP_FAR, OP_CALL_FAR,
	OP_VMCALL, OP_VMMCALL, OP_VMRUN, OP_VMLOAD, OP_VMSAVE,
	OP_STGI, OP_CLGI, OP_SKINIT,

	OP_NR,
};

/* Segment registers in the order of their encoding. */
enum decode_seg {
	X86_SEG_ES, X86_SEG_CS, X86_SEG_SS, X86_SEG_DS, X86_SEG_FS, X86_SEG_GS,
	X86_SEG_NONE = 0xff,
};

/* In the place of a general register's number (0 to 15, RAX to R15). */
#define X86_REG_NONE	0xff
#define X86_REG_RIP	0x10

/**
 * enum operand_kind - what an operand is, and so which field describes it
 * @OPND_NONE: there is no such operand
 * @OPND_REG: a general register: reg, high
 * @OPND_SEG: a segment register: reg
 * @OPND_CR: a control register: reg
 * @OPND_DR: a debug register: reg
 * @OPND_VEC: an XMM or YMM register: reg
 * @OPND_MEM: memory: mem
 * @OPND_IMM: a constant: imm, of exactly width bytes (extended already)
 * @OPND_REL: distance of a branch from the next instruction: imm, signed
 * @OPND_FAR: a far pointer: imm is the offset, selector the segment
 */
enum operand_kind {
	OPND_NONE,
	OPND_REG,
	OPND_SEG,
	OPND_CR,
	OPND_DR,
	OPND_VEC,
	OPND_MEM,
	OPND_IMM,
	OPND_REL,
	OPND_FAR,
};

/**
 * struct x86_mem - an effective address: base + index * scale + disp
 * @disp: displacement, sign-extended; the sum wraps at the address size
 * @base: general register, %X86_REG_RIP (of the next instruction) or none
 * @index: general register (vector register for VSIB) or none
 * @scale: 1, 2, 4 or 8
 * @seg: segment register, defaults and override taken into account; in 64-bit
 *	mode all but FS and GS have base 0
 */
struct x86_mem {
	s64 disp;
	u8 base;
	u8 index;
	u8 scale;
	u8 seg;
};

/**
 * struct x86_operand - one operand
 * @kind: enum operand_kind
 * @reg: number of the register
 * @high: AH, CH, DH, BH: bits 15:8 of register @reg, 0 to 3
 * @width: bytes that are read or written; 0 where the decoder does not know
 *	(memory of vector instructions without an operation of their own)
 * @selector: segment of a far pointer
 * @mem: effective address
 * @imm: constant, distance or offset
 */
struct x86_operand {
	u8 kind;
	u8 reg;
	bool high;
	u16 width;
	u16 selector;
	union {
		struct x86_mem mem;
		u64 imm;
	};
};

/**
 * struct x86_insn - a decoded instruction
 * @op: enum x86_op
 * @len: total length in bytes; on an error the bytes that were looked at
 * @opsize: operand size in bytes: 2, 4 or 8
 * @addrsize: address size in bytes: 2, 4 or 8
 * @rep: the repeat prefix in force, 0xf2 or 0xf3, or 0
 * @lock: there is a LOCK prefix
 * @opsize_prefix: there is a 66 prefix
 * @seg: segment override in force, or %X86_SEG_NONE
 * @rex: REX prefix, or 0; under VEX the same four bits (WRXB), from VEX
 * @vex: encoded with VEX: writing a vector register clears its upper bits
 * @map: opcode map: 0 one byte, 1 0F, 2 0F 38, 3 0F 3A
 * @opcode: last byte of the opcode
 * @has_modrm: there is a ModRM byte
 * @modrm: the ModRM byte; mod is 3 where the CPU ignores it
 * @sib: the SIB byte, or 0
 * @operand: explicit operands and the implied ones that assembly spells out,
 *	destination first; complete for all but x87 and vector instructions
 *	of %OP_OTHER, which list memory and immediate only
 */
struct x86_insn {
	u8 op;
	u8 len;
	u8 opsize;
	u8 addrsize;
	u8 rep;
	bool lock;
	bool opsize_prefix;
	u8 seg;
	u8 rex;
	bool vex;
	u8 map;
	u8 opcode;
	bool has_modrm;
	u8 modrm;
	u8 sib;
	struct x86_operand operand[X86_OPERANDS];
};

/**
 * x86_decode() - decode one instruction
 * @insn: the result; its contents are defined on success only, but for len
 * @bytes: where the instruction starts
 * @len: how many bytes may be read; never more than 15 are
 * @mode: size of the code segment
 *
 * Follows AMD where vendors differ: in 64-bit mode a 66 prefix makes a near
 * branch a 16-bit one, and LOCK MOV CR0 means CR8.  Features are not looked
 * at: what any supported CPU has decodes (APM volume 3, chapters 1 and 2).
 *
 * Context: any.
 * Return: enum decode_result.
 */
int x86_decode(struct x86_insn *insn, const u8 *bytes, unsigned int len,
	       enum decode_mode mode);

#endif
