// SPDX-License-Identifier: GPL-2.0
/*
 * The known differences: where arch/x86/decode.c and Zydis disagree, and why
 * that is right.  Each is as narrow as it can be said, and counted.
 */
#include <stdio.h>

#include "check.h"

enum known {
	REFUSED_EVEX, REFUSED_XOP, REFUSED_3DNOW, REFUSED_OPMASK,
	NOT_AMD, VMWRITE_REAL, LOCK_MOV_CR, NOTRACK,
	MOVSXD_16, NEAR_INDIRECT_16, SELECTOR, LEA, UNKNOWN_WIDTH,
	HINT, SNP, IS4, SIB_NO_BASE,
	NR_KNOWN
};

static const char * const why[NR_KNOWN] = {
	[REFUSED_EVEX] = "EVEX and MVEX are unsupported",
	[REFUSED_XOP] = "XOP is unsupported",
	[REFUSED_3DNOW] = "3DNow! is unsupported",
	[REFUSED_OPMASK] = "opmask instructions are unsupported",
	[NOT_AMD] = "instruction sets that no CPU with SVM has",
	[VMWRITE_REAL] = "VMWRITE in real mode is invalid, as VMREAD is",
	[LOCK_MOV_CR] = "LOCK MOV CR0 is MOV CR8 on AMD",
	[NOTRACK] = "DS override of an indirect branch: NOTRACK on Intel",
	[MOVSXD_16] = "MOVSXD with 66 has a source of 4 bytes on AMD",
	[NEAR_INDIRECT_16] = "indirect near branch with 66: 2 bytes on AMD",
	[SELECTOR] = "LAR and LSL use 2 bytes of a register",
	[LEA] = "LEA: an address has no segment and no width",
	[UNKNOWN_WIDTH] = "memory of vector and XSAVE instructions: no width",
	[HINT] = "NOP, PREFETCH and UDn: only the address is decoded",
	[SNP] = "SEV-SNP instructions: implied registers are not listed",
	[IS4] = "an immediate byte that names a register",
	[SIB_NO_BASE] = "Zydis: 67, SIB without base and REX.B give R13D",
};

static unsigned long hits[NR_KNOWN];

static bool count(enum known which)
{
	hits[which]++;
	return true;
}

void known_print(void)
{
	unsigned int i;

	for (i = 0; i < NR_KNOWN; i++)
		printf("# known difference, %lu times: %s\n", hits[i], why[i]);
}

static bool not_amd(ZydisISAExt ext)
{
	switch (ext) {
	case ZYDIS_ISA_EXT_AMX_BF16:
	case ZYDIS_ISA_EXT_AMX_INT8:
	case ZYDIS_ISA_EXT_AMX_TILE:
	case ZYDIS_ISA_EXT_ENQCMD:
	case ZYDIS_ISA_EXT_HRESET:
	case ZYDIS_ISA_EXT_KEYLOCKER:
	case ZYDIS_ISA_EXT_KEYLOCKER_WIDE:
	case ZYDIS_ISA_EXT_KNC:
	case ZYDIS_ISA_EXT_KNCE:
	case ZYDIS_ISA_EXT_KNCV:
	case ZYDIS_ISA_EXT_PADLOCK:
	case ZYDIS_ISA_EXT_PCONFIG:
	case ZYDIS_ISA_EXT_PT:
	case ZYDIS_ISA_EXT_RTM:
	case ZYDIS_ISA_EXT_SGX:
	case ZYDIS_ISA_EXT_SGX_ENCLV:
	case ZYDIS_ISA_EXT_SMX:
	case ZYDIS_ISA_EXT_TDX:
	case ZYDIS_ISA_EXT_TSX_LDTRK:
	case ZYDIS_ISA_EXT_UINTR:
	case ZYDIS_ISA_EXT_WAITPKG:
		return true;
	default:
		return false;
	}
}

/* Zydis accepts, we do not. */
bool known_refusal(const struct pair *p)
{
	bool refused = p->err == DECODE_UNSUPPORTED;

	switch (p->z.encoding) {
	case ZYDIS_INSTRUCTION_ENCODING_EVEX:
	case ZYDIS_INSTRUCTION_ENCODING_MVEX:
		return refused && count(REFUSED_EVEX);
	case ZYDIS_INSTRUCTION_ENCODING_XOP:
		return refused && count(REFUSED_XOP);
	case ZYDIS_INSTRUCTION_ENCODING_3DNOW:
		return refused && count(REFUSED_3DNOW);
	default:
		break;
	}

	/* FEMMS is encoded like any other. */
	if (p->z.meta.isa_ext == ZYDIS_ISA_EXT_AMD3DNOW)
		return refused && count(REFUSED_3DNOW);
	if (p->z.meta.isa_ext == ZYDIS_ISA_EXT_AVX512VEX)
		return refused && count(REFUSED_OPMASK);
	if (p->z.mnemonic == ZYDIS_MNEMONIC_VMWRITE)
		return p->mode == DECODE_REAL && count(VMWRITE_REAL);
	return not_amd(p->z.meta.isa_ext) && count(NOT_AMD);
}

/* We accept, Zydis does not. */
bool known_extra(const struct pair *p)
{
	return p->insn.op == OP_MOV_CR && p->insn.lock && count(LOCK_MOV_CR);
}

/* Instructions that do nothing with their operands. */
bool known_hint(const struct pair *p)
{
	switch (p->z.mnemonic) {
	case ZYDIS_MNEMONIC_NOP:
	case ZYDIS_MNEMONIC_UD0:
	case ZYDIS_MNEMONIC_UD1:
	case ZYDIS_MNEMONIC_PREFETCH:
	case ZYDIS_MNEMONIC_PREFETCHNTA:
	case ZYDIS_MNEMONIC_PREFETCHT0:
	case ZYDIS_MNEMONIC_PREFETCHT1:
	case ZYDIS_MNEMONIC_PREFETCHT2:
	case ZYDIS_MNEMONIC_PREFETCHW:
	case ZYDIS_MNEMONIC_PREFETCHWT1:
		return count(HINT);
	default:
		return false;
	}
}

/* Instructions whose implied registers Zydis spells out and we do not. */
bool known_implied(const struct pair *p)
{
	return p->z.meta.isa_ext == ZYDIS_ISA_EXT_SNP && count(SNP);
}

bool known_width(const struct pair *p, const struct x86_operand *o)
{
	bool mem = o->kind == OPND_MEM;

	switch (p->z.mnemonic) {
	case ZYDIS_MNEMONIC_LEA:
		return mem && !o->width && count(LEA);
	case ZYDIS_MNEMONIC_MOVSXD:
		return p->insn.opsize == 2 && o->width == 4 && count(MOVSXD_16);
	case ZYDIS_MNEMONIC_LAR:
	case ZYDIS_MNEMONIC_LSL:
		return !mem && o->width == 2 && count(SELECTOR);
	case ZYDIS_MNEMONIC_CALL:
	case ZYDIS_MNEMONIC_JMP:
		return p->mode == DECODE_64 && p->insn.opsize_prefix &&
		       o->width == 2 && count(NEAR_INDIRECT_16);
	default:
		break;
	}
	if (p->insn.op != OP_OTHER || !mem || o->width)
		return false;
	return (p->insn.map || p->insn.vex) && count(UNKNOWN_WIDTH);
}

bool known_segment(const struct pair *p, const ZydisDecodedOperandMem *mem)
{
	if (mem->type == ZYDIS_MEMOP_TYPE_AGEN)
		return count(LEA);
	return (p->z.attributes & ZYDIS_ATTRIB_HAS_NOTRACK) &&
	       p->insn.seg == X86_SEG_DS && count(NOTRACK);
}

bool known_base(const struct pair *p, const ZydisDecodedOperandMem *mem)
{
	return mem->base == ZYDIS_REGISTER_R13D && p->mode == DECODE_64 &&
	       p->insn.modrm < 0x40 && (p->insn.sib & 7) == 5 &&
	       count(SIB_NO_BASE);
}

/* FMA4 and blends: the upper four bits name a register. */
bool known_is4(const struct pair *p)
{
	unsigned int i;

	for (i = 0; i < p->z.operand_count_visible; i++)
		if (p->zop[i].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    p->zop[i].encoding == ZYDIS_OPERAND_ENCODING_IS4)
			return count(IS4);
	return false;
}

/* VPERMIL2: the upper four bits name a register, the lower are the operand. */
bool known_is4_imm(const struct pair *p, const struct x86_operand *o,
		   const ZydisDecodedOperandImm *imm)
{
	return known_is4(p) && o->kind == OPND_IMM &&
	       (o->imm & 15) == imm->value.u;
}
