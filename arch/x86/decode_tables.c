// SPDX-License-Identifier: GPL-2.0
/*
 * Opcode tables, after APM volume 3, appendix A.
 *
 * What is not listed is invalid.  A row is an operation, its flags and its
 * operands, or a link into opcode_group.
 */
#include "decode_tables.h"

/* Operands, named as in the manual: where, then how wide. */
enum {
	EB = SPEC(AT_RM, B), EW = SPEC(AT_RM, W), ED = SPEC(AT_RM, D),
	EV = SPEC(AT_RM, V), EY = SPEC(AT_RM, Y), EN = SPEC(AT_RM, N),
	EVW = SPEC(AT_RM, VW), EHINT = SPEC(AT_RM, NONE),
	GB = SPEC(AT_REG, B), GW = SPEC(AT_REG, W),
	GV = SPEC(AT_REG, V), GY = SPEC(AT_REG, Y), GN = SPEC(AT_REG, N),
	GA = SPEC(AT_REG, ADDR),
	RV = SPEC(AT_RM_REG, V), RY = SPEC(AT_RM_REG, Y), RN = SPEC(AT_RM_REG, N),
	UX = SPEC(AT_VEC_REG, DQ),
	M = SPEC(AT_MEM, NONE), MB = SPEC(AT_MEM, B), MW = SPEC(AT_MEM, W),
	MD = SPEC(AT_MEM, D), MQ = SPEC(AT_MEM, Q), MDQ = SPEC(AT_MEM, DQ),
	MV = SPEC(AT_MEM, V), MY = SPEC(AT_MEM, Y), MP = SPEC(AT_MEM, P),
	M2V = SPEC(AT_MEM, 2V), M2Y = SPEC(AT_MEM, 2Y), MS = SPEC(AT_MEM, S),
	MFX = SPEC(AT_MEM, FX), MZMM = SPEC(AT_MEM, ZMM),
	SW = SPEC(AT_SEG, W), CN = SPEC(AT_CR, N), DN = SPEC(AT_DR, N),
	ZB = SPEC(AT_OPCODE, B), ZV = SPEC(AT_OPCODE, V),
	IB = SPEC(AT_IMM, B), IW = SPEC(AT_IMM, W), IV = SPEC(AT_IMM, V),
	IVV = SPEC(AT_IMM_FULL, V), IBV = SPEC(AT_IMM_BYTE, V),
	ONE = SPEC(AT_ONE, B),
	JB = SPEC(AT_REL_BYTE, V), JV = SPEC(AT_REL, V), AP = SPEC(AT_FAR, P),
	OB = SPEC(AT_OFFSET, B), OV = SPEC(AT_OFFSET, V),
	XB = SPEC(AT_SI, B), XV = SPEC(AT_SI, V), XZ = SPEC(AT_SI, Z),
	YB = SPEC(AT_DI, B), YV = SPEC(AT_DI, V), YZ = SPEC(AT_DI, Z),
	AL = SPEC(AT_FIXED, B), AV = SPEC(AT_FIXED, V), AZ = SPEC(AT_FIXED, Z),
	AA = SPEC(AT_FIXED, ADDR), AD = SPEC(AT_FIXED, D),
	CL = SPEC_FIXED(AT_FIXED, B, 1), CD = SPEC_FIXED(AT_FIXED, D, 1),
	DX = SPEC_FIXED(AT_FIXED, W, 2), DD = SPEC_FIXED(AT_FIXED, D, 2),
	SEG_ES = SPEC_FIXED(AT_FIXED_SEG, W, X86_SEG_ES),
	SEG_CS = SPEC_FIXED(AT_FIXED_SEG, W, X86_SEG_CS),
	SEG_SS = SPEC_FIXED(AT_FIXED_SEG, W, X86_SEG_SS),
	SEG_DS = SPEC_FIXED(AT_FIXED_SEG, W, X86_SEG_DS),
	SEG_FS = SPEC_FIXED(AT_FIXED_SEG, W, X86_SEG_FS),
	SEG_GS = SPEC_FIXED(AT_FIXED_SEG, W, X86_SEG_GS),
};

enum {
	G1_EB_IB, G1_EB_IB_NO64, G1_EV_IV, G1_EV_IBV, G1A,
	G2_EB_IB, G2_EV_IB, G2_EB_1, G2_EV_1, G2_EB_CL, G2_EV_CL,
	G3_EB, G3_EV, G4, G5,
	G6, G7, G7_MEM, G7_MEM_5, G7_REG, G7_0, G7_1, G7_2, G7_3,
	G7_5, G7_5_0, G7_5_2, G7_7, G7_MONITORX, G7_INVLPGB, G7_TLBSYNC,
	G8, G9, G9_MEM, G9_MEM_6, G9_REG, G9_REG_7, G11_EB, G11_EV,
	G15, G15_MEM, G15_MEM_6, G15_MEM_7, G15_REG, G15_REG_0, G15_REG_5,
	G_MOVSXD, G_NOP, G_XCHG,
	G_HINT, G_HINT_F3, G_RDSSP, G_ENDBR, G_78, G_EXTRQ, G_79, G_POPCNT,
	G_MOVBE, G_MOVBE_STORE, G_WRSS, G_WRUSS, G_MOVDIR64B, G_INVEPT, G_INVPCID,
};

#define ROW(o, f, ...)	{ .op = (o), .flags = (f), .spec = { __VA_ARGS__ } }
#define LINK(by, to)	{ .op = (by), .group = (to) }
#define OTHER(...)	ROW(OP_OTHER, 0, __VA_ARGS__)

const struct opcode opcode_map[4][256] = {
[0] = {
	[0x00] = ROW(OP_ADD, F_LOCK, EB, GB),
	[0x01] = ROW(OP_ADD, F_LOCK, EV, GV),
	[0x02] = ROW(OP_ADD, 0, GB, EB),
	[0x03] = ROW(OP_ADD, 0, GV, EV),
	[0x04] = ROW(OP_ADD, 0, AL, IB),
	[0x05] = ROW(OP_ADD, 0, AV, IV),
	[0x06] = ROW(OP_PUSH, F_NO64, SEG_ES),
	[0x07] = ROW(OP_POP, F_NO64, SEG_ES),
	[0x08] = ROW(OP_OR, F_LOCK, EB, GB),
	[0x09] = ROW(OP_OR, F_LOCK, EV, GV),
	[0x0a] = ROW(OP_OR, 0, GB, EB),
	[0x0b] = ROW(OP_OR, 0, GV, EV),
	[0x0c] = ROW(OP_OR, 0, AL, IB),
	[0x0d] = ROW(OP_OR, 0, AV, IV),
	[0x0e] = ROW(OP_PUSH, F_NO64, SEG_CS),
	[0x10] = ROW(OP_ADC, F_LOCK, EB, GB),
	[0x11] = ROW(OP_ADC, F_LOCK, EV, GV),
	[0x12] = ROW(OP_ADC, 0, GB, EB),
	[0x13] = ROW(OP_ADC, 0, GV, EV),
	[0x14] = ROW(OP_ADC, 0, AL, IB),
	[0x15] = ROW(OP_ADC, 0, AV, IV),
	[0x16] = ROW(OP_PUSH, F_NO64, SEG_SS),
	[0x17] = ROW(OP_POP, F_NO64, SEG_SS),
	[0x18] = ROW(OP_SBB, F_LOCK, EB, GB),
	[0x19] = ROW(OP_SBB, F_LOCK, EV, GV),
	[0x1a] = ROW(OP_SBB, 0, GB, EB),
	[0x1b] = ROW(OP_SBB, 0, GV, EV),
	[0x1c] = ROW(OP_SBB, 0, AL, IB),
	[0x1d] = ROW(OP_SBB, 0, AV, IV),
	[0x1e] = ROW(OP_PUSH, F_NO64, SEG_DS),
	[0x1f] = ROW(OP_POP, F_NO64, SEG_DS),
	[0x20] = ROW(OP_AND, F_LOCK, EB, GB),
	[0x21] = ROW(OP_AND, F_LOCK, EV, GV),
	[0x22] = ROW(OP_AND, 0, GB, EB),
	[0x23] = ROW(OP_AND, 0, GV, EV),
	[0x24] = ROW(OP_AND, 0, AL, IB),
	[0x25] = ROW(OP_AND, 0, AV, IV),
	[0x27] = ROW(OP_OTHER, F_NO64),				/* DAA */
	[0x28] = ROW(OP_SUB, F_LOCK, EB, GB),
	[0x29] = ROW(OP_SUB, F_LOCK, EV, GV),
	[0x2a] = ROW(OP_SUB, 0, GB, EB),
	[0x2b] = ROW(OP_SUB, 0, GV, EV),
	[0x2c] = ROW(OP_SUB, 0, AL, IB),
	[0x2d] = ROW(OP_SUB, 0, AV, IV),
	[0x2f] = ROW(OP_OTHER, F_NO64),				/* DAS */
	[0x30] = ROW(OP_XOR, F_LOCK, EB, GB),
	[0x31] = ROW(OP_XOR, F_LOCK, EV, GV),
	[0x32] = ROW(OP_XOR, 0, GB, EB),
	[0x33] = ROW(OP_XOR, 0, GV, EV),
	[0x34] = ROW(OP_XOR, 0, AL, IB),
	[0x35] = ROW(OP_XOR, 0, AV, IV),
	[0x37] = ROW(OP_OTHER, F_NO64),				/* AAA */
	[0x38] = ROW(OP_CMP, 0, EB, GB),
	[0x39] = ROW(OP_CMP, 0, EV, GV),
	[0x3a] = ROW(OP_CMP, 0, GB, EB),
	[0x3b] = ROW(OP_CMP, 0, GV, EV),
	[0x3c] = ROW(OP_CMP, 0, AL, IB),
	[0x3d] = ROW(OP_CMP, 0, AV, IV),
	[0x3f] = ROW(OP_OTHER, F_NO64),				/* AAS */
	[0x40 ... 0x47] = ROW(OP_INC, F_NO64, ZV),
	[0x48 ... 0x4f] = ROW(OP_DEC, F_NO64, ZV),
	[0x50 ... 0x57] = ROW(OP_PUSH, F_DEF64, ZV),
	[0x58 ... 0x5f] = ROW(OP_POP, F_DEF64, ZV),
	[0x60 ... 0x61] = ROW(OP_OTHER, F_NO64),		/* PUSHA, POPA */
	[0x62] = ROW(OP_OTHER, F_NO64, GV, M2V),			/* BOUND */
	[0x63] = LINK(BY_MODE, G_MOVSXD),
	[0x68] = ROW(OP_PUSH, F_DEF64, IV),
	[0x69] = OTHER(GV, EV, IV),				/* IMUL */
	[0x6a] = ROW(OP_PUSH, F_DEF64, IBV),
	[0x6b] = OTHER(GV, EV, IBV),
	[0x6c] = ROW(OP_INS, 0, YB, DX),
	[0x6d] = ROW(OP_INS, 0, YZ, DX),
	[0x6e] = ROW(OP_OUTS, 0, DX, XB),
	[0x6f] = ROW(OP_OUTS, 0, DX, XZ),
	[0x70 ... 0x7f] = ROW(OP_OTHER, F_DEF64, JB),		/* Jcc */
	[0x80] = LINK(BY_REG, G1_EB_IB),
	[0x81] = LINK(BY_REG, G1_EV_IV),
	[0x82] = LINK(BY_REG, G1_EB_IB_NO64),
	[0x83] = LINK(BY_REG, G1_EV_IBV),
	[0x84] = ROW(OP_TEST, 0, EB, GB),
	[0x85] = ROW(OP_TEST, 0, EV, GV),
	[0x86] = ROW(OP_XCHG, F_LOCK, EB, GB),
	[0x87] = ROW(OP_XCHG, F_LOCK, EV, GV),
	[0x88] = ROW(OP_MOV, 0, EB, GB),
	[0x89] = ROW(OP_MOV, 0, EV, GV),
	[0x8a] = ROW(OP_MOV, 0, GB, EB),
	[0x8b] = ROW(OP_MOV, 0, GV, EV),
	[0x8c] = ROW(OP_MOV, 0, EVW, SW),
	[0x8d] = OTHER(GV, M),					/* LEA */
	[0x8e] = ROW(OP_MOV, F_NOCS, SW, EW),
	[0x8f] = LINK(BY_REG, G1A),
	[0x90] = LINK(BY_PREFIX, G_NOP),
	[0x91 ... 0x97] = ROW(OP_XCHG, 0, ZV, AV),
	[0x98 ... 0x99] = OTHER(),				/* CBW, CWD */
	[0x9a] = ROW(OP_CALL_FAR, F_NO64, AP),
	[0x9b] = OTHER(),					/* WAIT */
	[0x9c] = ROW(OP_PUSHF, F_DEF64),
	[0x9d] = ROW(OP_POPF, F_DEF64),
	[0x9e ... 0x9f] = OTHER(),				/* SAHF, LAHF */
	[0xa0] = ROW(OP_MOV, 0, AL, OB),
	[0xa1] = ROW(OP_MOV, 0, AV, OV),
	[0xa2] = ROW(OP_MOV, 0, OB, AL),
	[0xa3] = ROW(OP_MOV, 0, OV, AV),
	[0xa4] = ROW(OP_MOVS, 0, YB, XB),
	[0xa5] = ROW(OP_MOVS, 0, YV, XV),
	[0xa6] = ROW(OP_CMPS, 0, XB, YB),
	[0xa7] = ROW(OP_CMPS, 0, XV, YV),
	[0xa8] = ROW(OP_TEST, 0, AL, IB),
	[0xa9] = ROW(OP_TEST, 0, AV, IV),
	[0xaa] = ROW(OP_STOS, 0, YB, AL),
	[0xab] = ROW(OP_STOS, 0, YV, AV),
	[0xac] = ROW(OP_LODS, 0, AL, XB),
	[0xad] = ROW(OP_LODS, 0, AV, XV),
	[0xae] = ROW(OP_SCAS, 0, AL, YB),
	[0xaf] = ROW(OP_SCAS, 0, AV, YV),
	[0xb0 ... 0xb7] = ROW(OP_MOV, 0, ZB, IB),
	[0xb8 ... 0xbf] = ROW(OP_MOV, 0, ZV, IVV),
	[0xc0] = LINK(BY_REG, G2_EB_IB),
	[0xc1] = LINK(BY_REG, G2_EV_IB),
	[0xc2] = ROW(OP_OTHER, F_DEF64, IW),			/* RET */
	[0xc3] = ROW(OP_OTHER, F_DEF64),
	[0xc4] = ROW(OP_OTHER, F_NO64, GV, MP),			/* LES */
	[0xc5] = ROW(OP_OTHER, F_NO64, GV, MP),			/* LDS */
	[0xc6] = LINK(BY_REG, G11_EB),
	[0xc7] = LINK(BY_REG, G11_EV),
	[0xc8] = ROW(OP_OTHER, F_DEF64, IW, IB),		/* ENTER */
	[0xc9] = ROW(OP_OTHER, F_DEF64),			/* LEAVE */
	[0xca] = OTHER(IW),					/* RETF */
	[0xcb] = OTHER(),
	[0xcc] = ROW(OP_INT3, 0),
	[0xcd] = ROW(OP_INT, 0, IB),
	[0xce] = ROW(OP_INTO, F_NO64),
	[0xcf] = ROW(OP_IRET, 0),
	[0xd0] = LINK(BY_REG, G2_EB_1),
	[0xd1] = LINK(BY_REG, G2_EV_1),
	[0xd2] = LINK(BY_REG, G2_EB_CL),
	[0xd3] = LINK(BY_REG, G2_EV_CL),
	[0xd4 ... 0xd5] = ROW(OP_OTHER, F_NO64, IB),		/* AAM, AAD */
	[0xd6] = ROW(OP_OTHER, F_NO64),				/* SALC */
	[0xd7] = OTHER(),					/* XLAT */
	[0xd8 ... 0xdf] = LINK(BY_X87, 0),
	[0xe0 ... 0xe3] = ROW(OP_OTHER, F_DEF64, JB),		/* LOOP, JCXZ */
	[0xe4] = ROW(OP_IN, 0, AL, IB),
	[0xe5] = ROW(OP_IN, 0, AZ, IB),
	[0xe6] = ROW(OP_OUT, 0, IB, AL),
	[0xe7] = ROW(OP_OUT, 0, IB, AZ),
	[0xe8] = ROW(OP_OTHER, F_DEF64, JV),			/* CALL */
	[0xe9] = ROW(OP_OTHER, F_DEF64, JV),			/* JMP */
	[0xea] = ROW(OP_JMP_FAR, F_NO64, AP),
	[0xeb] = ROW(OP_OTHER, F_DEF64, JB),
	[0xec] = ROW(OP_IN, 0, AL, DX),
	[0xed] = ROW(OP_IN, 0, AZ, DX),
	[0xee] = ROW(OP_OUT, 0, DX, AL),
	[0xef] = ROW(OP_OUT, 0, DX, AZ),
	[0xf1] = ROW(OP_INT1, 0),
	[0xf4] = ROW(OP_HLT, 0),
	[0xf5] = OTHER(),					/* CMC */
	[0xf6] = LINK(BY_REG, G3_EB),
	[0xf7] = LINK(BY_REG, G3_EV),
	[0xf8 ... 0xfd] = OTHER(),				/* CLC ... STD */
	[0xfe] = LINK(BY_REG, G4),
	[0xff] = LINK(BY_REG, G5),
},
[1] = {
	[0x00] = LINK(BY_REG, G6),
	[0x01] = LINK(BY_MOD, G7),
	[0x02 ... 0x03] = ROW(OP_OTHER, F_NOREAL, GV, EW),	/* LAR, LSL */
	[0x05] = OTHER(),					/* SYSCALL */
	[0x06] = ROW(OP_CLTS, 0),
	[0x07] = ROW(OP_OTHER, F_NOREAL),			/* SYSRET */
	[0x08] = ROW(OP_INVD, 0),
	[0x09] = ROW(OP_WBINVD, 0),
	[0x0b] = OTHER(),					/* UD2 */
	[0x0d] = OTHER(EHINT),					/* PREFETCHW */
	[0x0e ... 0x0f] = LINK(REFUSE, 0),			/* 3DNow! */
	[0x18 ... 0x1d] = OTHER(EHINT),				/* PREFETCH, NOP */
	[0x1e] = LINK(BY_PREFIX, G_HINT),
	[0x1f] = OTHER(EHINT),
	[0x20] = ROW(OP_MOV_CR, F_REGS | F_LOCK, RN, CN),
	[0x21] = ROW(OP_MOV_DR, F_REGS, RN, DN),
	[0x22] = ROW(OP_MOV_CR, F_REGS | F_LOCK, CN, RN),
	[0x23] = ROW(OP_MOV_DR, F_REGS, DN, RN),
	[0x30] = ROW(OP_WRMSR, 0),
	[0x31] = ROW(OP_RDTSC, 0),
	[0x32] = ROW(OP_RDMSR, 0),
	[0x33] = ROW(OP_RDPMC, 0),
	[0x34 ... 0x35] = ROW(OP_OTHER, F_NOREAL),		/* SYSENTER */
	[0x40 ... 0x4f] = OTHER(GV, EV),			/* CMOVcc */
	[0x77] = ROW(OP_OTHER, F_NP),				/* EMMS */
	[0x78] = LINK(BY_PREFIX, G_78),
	[0x79] = LINK(BY_PREFIX, G_79),
	[0x80 ... 0x8f] = ROW(OP_OTHER, F_DEF64, JV),		/* Jcc */
	[0x90 ... 0x9f] = OTHER(EB),				/* SETcc */
	[0xa0] = ROW(OP_PUSH, F_DEF64, SEG_FS),
	[0xa1] = ROW(OP_POP, F_DEF64, SEG_FS),
	[0xa2] = ROW(OP_CPUID, 0),
	[0xa3] = ROW(OP_BT, 0, EV, GV),
	[0xa4] = OTHER(EV, GV, IB),				/* SHLD */
	[0xa5] = OTHER(EV, GV, CL),
	[0xa8] = ROW(OP_PUSH, F_DEF64, SEG_GS),
	[0xa9] = ROW(OP_POP, F_DEF64, SEG_GS),
	[0xaa] = ROW(OP_RSM, 0),
	[0xab] = ROW(OP_BTS, F_LOCK, EV, GV),
	[0xac] = OTHER(EV, GV, IB),				/* SHRD */
	[0xad] = OTHER(EV, GV, CL),
	[0xae] = LINK(BY_MOD, G15),
	[0xaf] = OTHER(GV, EV),					/* IMUL */
	[0xb0] = ROW(OP_CMPXCHG, F_LOCK, EB, GB),
	[0xb1] = ROW(OP_CMPXCHG, F_LOCK, EV, GV),
	[0xb2] = OTHER(GV, MP),					/* LSS */
	[0xb3] = ROW(OP_BTR, F_LOCK, EV, GV),
	[0xb4 ... 0xb5] = OTHER(GV, MP),			/* LFS, LGS */
	[0xb6] = ROW(OP_MOVZX, 0, GV, EB),
	[0xb7] = ROW(OP_MOVZX, 0, GV, EW),
	[0xb8] = LINK(BY_PREFIX, G_POPCNT),
	[0xb9] = OTHER(EHINT),				/* UD1 */
	[0xba] = LINK(BY_REG, G8),
	[0xbb] = ROW(OP_BTC, F_LOCK, EV, GV),
	[0xbc ... 0xbd] = OTHER(GV, EV),			/* BSF, LZCNT, ... */
	[0xbe] = ROW(OP_MOVSX, 0, GV, EB),
	[0xbf] = ROW(OP_MOVSX, 0, GV, EW),
	[0xc0] = ROW(OP_XADD, F_LOCK, EB, GB),
	[0xc1] = ROW(OP_XADD, F_LOCK, EV, GV),
	[0xc3] = ROW(OP_MOVNTI, F_NP, MY, GY),
	[0xc7] = LINK(BY_MOD, G9),
	[0xc8 ... 0xcf] = OTHER(ZV),				/* BSWAP */
	[0xff] = OTHER(EHINT),				/* UD0 */
},
[2] = {
	[0x80 ... 0x81] = LINK(BY_PREFIX, G_INVEPT),
	[0x82] = LINK(BY_PREFIX, G_INVPCID),
	[0xf0] = LINK(BY_PREFIX, G_MOVBE),
	[0xf1] = LINK(BY_PREFIX, G_MOVBE_STORE),
	[0xf5] = LINK(BY_PREFIX, G_WRUSS),
	[0xf6] = LINK(BY_PREFIX, G_WRSS),
	[0xf8] = LINK(BY_PREFIX, G_MOVDIR64B),
	[0xf9] = ROW(OP_OTHER, F_NP, MY, GY),			/* MOVDIRI */
},
};

const struct opcode opcode_group[][8] = {
[G1_EB_IB] = {
	ROW(OP_ADD, F_LOCK, EB, IB),
	ROW(OP_OR, F_LOCK, EB, IB),
	ROW(OP_ADC, F_LOCK, EB, IB),
	ROW(OP_SBB, F_LOCK, EB, IB),
	ROW(OP_AND, F_LOCK, EB, IB),
	ROW(OP_SUB, F_LOCK, EB, IB),
	ROW(OP_XOR, F_LOCK, EB, IB),
	ROW(OP_CMP, 0, EB, IB),
},
[G1_EB_IB_NO64] = {
	ROW(OP_ADD, F_LOCK | F_NO64, EB, IB),
	ROW(OP_OR, F_LOCK | F_NO64, EB, IB),
	ROW(OP_ADC, F_LOCK | F_NO64, EB, IB),
	ROW(OP_SBB, F_LOCK | F_NO64, EB, IB),
	ROW(OP_AND, F_LOCK | F_NO64, EB, IB),
	ROW(OP_SUB, F_LOCK | F_NO64, EB, IB),
	ROW(OP_XOR, F_LOCK | F_NO64, EB, IB),
	ROW(OP_CMP, F_NO64, EB, IB),
},
[G1_EV_IV] = {
	ROW(OP_ADD, F_LOCK, EV, IV),
	ROW(OP_OR, F_LOCK, EV, IV),
	ROW(OP_ADC, F_LOCK, EV, IV),
	ROW(OP_SBB, F_LOCK, EV, IV),
	ROW(OP_AND, F_LOCK, EV, IV),
	ROW(OP_SUB, F_LOCK, EV, IV),
	ROW(OP_XOR, F_LOCK, EV, IV),
	ROW(OP_CMP, 0, EV, IV),
},
[G1_EV_IBV] = {
	ROW(OP_ADD, F_LOCK, EV, IBV),
	ROW(OP_OR, F_LOCK, EV, IBV),
	ROW(OP_ADC, F_LOCK, EV, IBV),
	ROW(OP_SBB, F_LOCK, EV, IBV),
	ROW(OP_AND, F_LOCK, EV, IBV),
	ROW(OP_SUB, F_LOCK, EV, IBV),
	ROW(OP_XOR, F_LOCK, EV, IBV),
	ROW(OP_CMP, 0, EV, IBV),
},
[G1A] = {
	[0] = ROW(OP_POP, F_DEF64, EV),
	[1 ... 3] = LINK(REFUSE, 0),			/* XOP */
	[5 ... 7] = LINK(REFUSE, 0),
},
[G2_EB_IB] = { [0 ... 7] = OTHER(EB, IB) },		/* rotate, shift */
[G2_EV_IB] = { [0 ... 7] = OTHER(EV, IB) },		/* rotate, shift */
[G2_EB_1] = { [0 ... 7] = OTHER(EB, ONE) },		/* rotate, shift */
[G2_EV_1] = { [0 ... 7] = OTHER(EV, ONE) },		/* rotate, shift */
[G2_EB_CL] = { [0 ... 7] = OTHER(EB, CL) },		/* rotate, shift */
[G2_EV_CL] = { [0 ... 7] = OTHER(EV, CL) },		/* rotate, shift */
[G3_EB] = {
	[0 ... 1] = ROW(OP_TEST, 0, EB, IB),
	[2] = ROW(OP_NOT, F_LOCK, EB),
	[3] = ROW(OP_NEG, F_LOCK, EB),
	[4 ... 7] = OTHER(EB),			/* MUL, IMUL, DIV, IDIV */
},
[G3_EV] = {
	[0 ... 1] = ROW(OP_TEST, 0, EV, IV),
	[2] = ROW(OP_NOT, F_LOCK, EV),
	[3] = ROW(OP_NEG, F_LOCK, EV),
	[4 ... 7] = OTHER(EV),			/* MUL, IMUL, DIV, IDIV */
},
[G4] = {
	[0] = ROW(OP_INC, F_LOCK, EB),
	[1] = ROW(OP_DEC, F_LOCK, EB),
},
[G5] = {
	[0] = ROW(OP_INC, F_LOCK, EV),
	[1] = ROW(OP_DEC, F_LOCK, EV),
	[2] = ROW(OP_OTHER, F_DEF64, EV),		/* CALL */
	[3] = ROW(OP_CALL_FAR, 0, MP),
	[4] = ROW(OP_OTHER, F_DEF64, EV),		/* JMP */
	[5] = ROW(OP_JMP_FAR, 0, MP),
	[6] = ROW(OP_PUSH, F_DEF64, EV),
},
[G6] = {
	[0] = ROW(OP_SLDT, F_NOREAL, EVW),
	[1] = ROW(OP_STR, F_NOREAL, EVW),
	[2] = ROW(OP_LLDT, F_NOREAL, EW),
	[3] = ROW(OP_LTR, F_NOREAL, EW),
	[4 ... 5] = ROW(OP_OTHER, F_NOREAL, EW),	/* VERR, VERW */
},
[G7] = {
	LINK(BY_REG, G7_MEM),
	LINK(BY_REG, G7_REG),
},
[G7_MEM] = {
	[0] = ROW(OP_SGDT, 0, MS),
	[1] = ROW(OP_SIDT, 0, MS),
	[2] = ROW(OP_LGDT, 0, MS),
	[3] = ROW(OP_LIDT, 0, MS),
	[4] = ROW(OP_SMSW, 0, MW),
	[5] = LINK(BY_PREFIX, G7_MEM_5),
	[6] = ROW(OP_LMSW, 0, MW),
	[7] = ROW(OP_INVLPG, 0, MB),
},
[G7_MEM_5] = {
	[PP_F3] = ROW(OP_OTHER, F_NOREAL, MQ),		/* RSTORSSP */
},
[G7_REG] = {
	[0] = LINK(BY_RM, G7_0),
	[1] = LINK(BY_RM, G7_1),
	[2] = LINK(BY_RM, G7_2),
	[3] = LINK(BY_RM, G7_3),
	[4] = ROW(OP_SMSW, 0, RV),
	[5] = LINK(BY_RM, G7_5),
	[6] = ROW(OP_LMSW, 0, EW),
	[7] = LINK(BY_RM, G7_7),
},
[G7_0] = {
	[1] = ROW(OP_VMCALL, F_NP),
	[2 ... 4] = ROW(OP_OTHER, F_NP | F_NOREAL),	/* VMLAUNCH ... VMXOFF */
},
[G7_1] = {
	[0] = ROW(OP_MONITOR, F_NP),
	[1] = ROW(OP_MWAIT, F_NP),
	[2 ... 3] = ROW(OP_OTHER, F_NP),		/* CLAC, STAC */
},
[G7_2] = {
	[0] = ROW(OP_OTHER, F_NP),			/* XGETBV */
	[1] = ROW(OP_XSETBV, F_NP),
	[4] = ROW(OP_OTHER, F_NP),			/* VMFUNC */
},
[G7_3] = {
	[0] = ROW(OP_VMRUN, F_NOREAL, AA),
	[1] = ROW(OP_VMMCALL, 0),			/* and VMGEXIT */
	[2] = ROW(OP_VMLOAD, F_NOREAL, AA),
	[3] = ROW(OP_VMSAVE, F_NOREAL, AA),
	[4] = ROW(OP_STGI, F_NOREAL),
	[5] = ROW(OP_CLGI, F_NOREAL),
	[6] = ROW(OP_SKINIT, F_NOREAL, AD),
	[7] = ROW(OP_INVLPGA, F_NOREAL, AA, CD),
},
[G7_5] = {
	[0] = LINK(BY_PREFIX, G7_5_0),
	[2] = LINK(BY_PREFIX, G7_5_2),
	[6 ... 7] = ROW(OP_OTHER, F_NP),		/* RDPKRU, WRPKRU */
},
[G7_5_0] = {
	[PP_NONE] = OTHER(),				/* SERIALIZE */
	[PP_F3] = ROW(OP_OTHER, F_NOREAL),		/* SETSSBSY */
},
[G7_5_2] = {
	[PP_F3] = ROW(OP_OTHER, F_NOREAL),		/* SAVEPREVSSP */
},
[G7_7] = {
	[0] = ROW(OP_OTHER, F_ONLY64),			/* SWAPGS */
	[1] = ROW(OP_RDTSCP, 0),
	[2] = LINK(BY_PREFIX, G7_MONITORX),
	[3] = ROW(OP_MWAITX, F_NP),
	[4] = ROW(OP_OTHER, 0, AA),			/* CLZERO */
	[5] = ROW(OP_RDPRU, 0),
	[6] = LINK(BY_PREFIX, G7_INVLPGB),
	[7] = LINK(BY_PREFIX, G7_TLBSYNC),
},
[G7_MONITORX] = {
	[PP_NONE] = ROW(OP_MONITORX, 0),
	[PP_F3] = ROW(OP_MCOMMIT, 0),
},
[G7_INVLPGB] = {
	[PP_NONE] = ROW(OP_INVLPGB, 0, AA, DD, CD),
	[PP_F3] = ROW(OP_OTHER, F_ONLY64),		/* RMPADJUST */
	[PP_F2] = ROW(OP_OTHER, F_ONLY64),		/* RMPUPDATE */
},
[G7_TLBSYNC] = {
	[PP_NONE] = ROW(OP_TLBSYNC, 0),
	[PP_F3] = ROW(OP_OTHER, F_ONLY64),		/* PSMASH */
	[PP_F2] = OTHER(),				/* PVALIDATE */
},
[G8] = {
	[4] = ROW(OP_BT, 0, EV, IB),
	[5] = ROW(OP_BTS, F_LOCK, EV, IB),
	[6] = ROW(OP_BTR, F_LOCK, EV, IB),
	[7] = ROW(OP_BTC, F_LOCK, EV, IB),
},
[G9] = {
	LINK(BY_REG, G9_MEM),
	LINK(BY_REG, G9_REG),
},
[G9_MEM] = {
	[1] = ROW(OP_CMPXCHG8B, F_LOCK, M2Y),
	[3 ... 5] = ROW(OP_OTHER, F_NP, M),		/* XRSTORS, XSAVEC, XSAVES */
	[6] = LINK(BY_PREFIX, G9_MEM_6),
	[7] = ROW(OP_OTHER, F_NP | F_NOREAL, MQ),	/* VMPTRST */
},
[G9_MEM_6] = {
	[PP_NONE ... PP_F3] = ROW(OP_OTHER, F_NOREAL, MQ), /* VMPTRLD, ... */
},
[G9_REG] = {
	[6] = ROW(OP_OTHER, F_NOREP, RV),		/* RDRAND */
	[7] = LINK(BY_PREFIX, G9_REG_7),
},
[G9_REG_7] = {
	[PP_NONE ... PP_66] = OTHER(RV),		/* RDSEED */
	[PP_F3] = OTHER(RN),				/* RDPID */
},
[G11_EB] = { [0] = ROW(OP_MOV, 0, EB, IB) },
[G11_EV] = { [0] = ROW(OP_MOV, 0, EV, IV) },
[G15] = {
	LINK(BY_REG, G15_MEM),
	LINK(BY_REG, G15_REG),
},
[G15_MEM] = {
	[0 ... 1] = ROW(OP_OTHER, F_NP, MFX),		/* FXSAVE, FXRSTOR */
	[2 ... 3] = ROW(OP_OTHER, F_NP, MD),		/* LDMXCSR, STMXCSR */
	[4 ... 5] = ROW(OP_OTHER, F_NP, M),		/* XSAVE, XRSTOR */
	[6] = LINK(BY_PREFIX, G15_MEM_6),
	[7] = LINK(BY_PREFIX, G15_MEM_7),
},
[G15_MEM_6] = {
	[PP_NONE] = OTHER(M),				/* XSAVEOPT */
	[PP_66] = OTHER(MZMM),				/* CLWB */
	[PP_F3] = ROW(OP_OTHER, F_NOREAL, MQ),		/* CLRSSBSY */
},
[G15_MEM_7] = {
	[PP_NONE ... PP_66] = OTHER(MZMM),		/* CLFLUSH, CLFLUSHOPT */
},
[G15_REG] = {
	[0 ... 3] = LINK(BY_PREFIX, G15_REG_0),
	[5] = LINK(BY_PREFIX, G15_REG_5),
	[6 ... 7] = ROW(OP_OTHER, F_NP),		/* MFENCE, SFENCE */
},
[G15_REG_0] = {
	[PP_F3] = ROW(OP_OTHER, F_ONLY64, RY),		/* RDFSBASE ... */
},
[G15_REG_5] = {
	[PP_NONE] = OTHER(),				/* LFENCE */
	[PP_F3] = ROW(OP_OTHER, F_NOREAL, RY),		/* INCSSP */
},
[G_MOVSXD] = {
	ROW(OP_OTHER, F_NOREAL, EW, GW),		/* ARPL */
	ROW(OP_MOVSX, 0, GV, ED),
},
[G_NOP] = {
	[PP_NONE ... PP_66] = LINK(BY_REX_B, G_XCHG),
	[PP_F3] = ROW(OP_PAUSE, 0),
	[PP_F2] = LINK(BY_REX_B, G_XCHG),
},
[G_XCHG] = {
	OTHER(),					/* NOP */
	ROW(OP_XCHG, 0, ZV, AV),
},
[G_HINT] = {
	[PP_NONE ... PP_66] = OTHER(EHINT),		/* NOP */
	[PP_F3] = LINK(BY_MOD, G_HINT_F3),
	[PP_F2] = OTHER(EHINT),
},
[G_HINT_F3] = {
	OTHER(EHINT),
	LINK(BY_REG, G_RDSSP),
},
[G_RDSSP] = {
	[0] = OTHER(EHINT),
	[1] = OTHER(RY),				/* RDSSP */
	[2 ... 6] = OTHER(EHINT),
	[7] = LINK(BY_RM, G_ENDBR),
},
[G_ENDBR] = {
	[0 ... 1] = OTHER(EHINT),
	[2 ... 3] = OTHER(),				/* ENDBR64, ENDBR32 */
	[4 ... 7] = OTHER(EHINT),
},
[G_78] = {
	[PP_NONE] = ROW(OP_OTHER, F_NOREAL, EN, GN),	/* VMREAD */
	[PP_66] = LINK(BY_REG, G_EXTRQ),
	[PP_F2] = OTHER(UX, IB, IB),			/* INSERTQ */
},
[G_EXTRQ] = { [0] = OTHER(UX, IB, IB) },
[G_79] = {
	[PP_NONE] = ROW(OP_OTHER, F_NOREAL, GN, EN),	/* VMWRITE */
	[PP_66] = OTHER(UX),				/* EXTRQ */
	[PP_F2] = OTHER(UX),				/* INSERTQ */
},
[G_POPCNT] = {
	[PP_F3] = OTHER(GV, EV),
},
[G_MOVBE] = {
	[PP_NONE ... PP_66] = ROW(OP_MOVBE, 0, GV, MV),
	[PP_F2] = OTHER(GY, EB),			/* CRC32 */
},
[G_MOVBE_STORE] = {
	[PP_NONE ... PP_66] = ROW(OP_MOVBE, 0, MV, GV),
	[PP_F2] = OTHER(GY, EV),			/* CRC32 */
},
[G_WRSS] = {
	[PP_NONE] = ROW(OP_OTHER, F_NOREAL, MY, GY),
	[PP_66] = OTHER(GY, EY),			/* ADCX */
	[PP_F3] = OTHER(GY, EY),			/* ADOX */
},
[G_WRUSS] = {
	[PP_66] = ROW(OP_OTHER, F_NOREAL, MY, GY),
},
[G_MOVDIR64B] = {
	[PP_66] = OTHER(GA, MZMM),
},
[G_INVEPT] = {
	[PP_66] = ROW(OP_OTHER, F_NOREAL, GN, MDQ),	/* and INVVPID */
},
[G_INVPCID] = {
	[PP_66] = ROW(OP_INVPCID, 0, GN, MDQ),
},
};
