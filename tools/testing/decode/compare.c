// SPDX-License-Identifier: GPL-2.0
/*
 * One input, decoded by both, compared field by field.
 */
#include <stdarg.h>
#include <stdio.h>

#include "check.h"

static ZydisDecoder decoder[NR_MODES];

static const char *differ(const char *fmt, ...)
{
	static char message[160];
	va_list args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	return message;
}

static const char *name_of(const struct pair *p)
{
	return ZydisMnemonicGetString(p->z.mnemonic);
}

static u8 reg_of(ZydisRegister reg)
{
	switch (reg) {
	case ZYDIS_REGISTER_NONE:
		return X86_REG_NONE;
	case ZYDIS_REGISTER_EIP:
	case ZYDIS_REGISTER_RIP:
		return X86_REG_RIP;
	default:
		return ZydisRegisterGetId(reg);
	}
}

static enum operand_kind kind_of(ZydisRegisterClass class)
{
	switch (class) {
	case ZYDIS_REGCLASS_GPR8:
	case ZYDIS_REGCLASS_GPR16:
	case ZYDIS_REGCLASS_GPR32:
	case ZYDIS_REGCLASS_GPR64:
		return OPND_REG;
	case ZYDIS_REGCLASS_SEGMENT:
		return OPND_SEG;
	case ZYDIS_REGCLASS_CONTROL:
		return OPND_CR;
	case ZYDIS_REGCLASS_DEBUG:
		return OPND_DR;
	case ZYDIS_REGCLASS_XMM:
	case ZYDIS_REGCLASS_YMM:
		return OPND_VEC;
	default:
		return OPND_NONE;
	}
}

static const char *compare_reg(const struct x86_operand *o, ZydisRegister reg)
{
	ZydisRegisterClass class = ZydisRegisterGetClass(reg);
	bool high = reg >= ZYDIS_REGISTER_AH && reg <= ZYDIS_REGISTER_BH;
	int id = ZydisRegisterGetId(reg);

	/* Zydis counts AH to BH between BL and SPL. */
	if (high)
		id = reg - ZYDIS_REGISTER_AH;
	else if (class == ZYDIS_REGCLASS_GPR8 && id >= 4)
		id -= 4;
	if (o->kind != kind_of(class) || o->reg != id || o->high != high)
		return differ("register %u for %s", o->reg,
			      ZydisRegisterGetString(reg));
	return NULL;
}

static const char *compare_mem(const struct pair *p,
			       const struct x86_operand *o,
			       const ZydisDecodedOperandMem *mem)
{
	unsigned int shift = 64 - p->insn.addrsize * 8;

	if (o->kind != OPND_MEM)
		return differ("no memory operand");
	if (o->mem.seg != reg_of(mem->segment) && !known_segment(p, mem))
		return differ("segment %u", o->mem.seg);
	if (o->mem.index != reg_of(mem->index))
		return differ("index %u", o->mem.index);
	if (mem->index && o->mem.scale != mem->scale)
		return differ("scale %u", o->mem.scale);
	if (o->mem.base != reg_of(mem->base))
		return known_base(p, mem) ? NULL :
					    differ("base %u", o->mem.base);
	/* An absolute offset has no sign; the address wraps anyhow. */
	if ((u64)(o->mem.disp - mem->disp.value) << shift)
		return differ("displacement");
	return NULL;
}

static const char *compare_imm(const struct x86_operand *o,
			       const ZydisDecodedOperandImm *imm)
{
	u64 mask = o->width < 8 ? (1ULL << o->width * 8) - 1 : -1ULL;

	if (o->kind != (imm->is_relative ? OPND_REL : OPND_IMM))
		return differ("immediate of another kind");
	if (imm->is_relative)
		return o->imm == imm->value.u ? NULL : differ("distance");
	if (o->imm != (imm->value.u & mask))
		return differ("immediate");
	return NULL;
}

static const char *compare_operand(const struct pair *p,
				   const struct x86_operand *o,
				   const ZydisDecodedOperand *zo)
{
	if (zo->type != ZYDIS_OPERAND_TYPE_IMMEDIATE &&
	    o->width * 8 != zo->size && !known_width(p, o))
		return differ("width %u for %u bits", o->width, zo->size);

	switch (zo->type) {
	case ZYDIS_OPERAND_TYPE_REGISTER:
		return compare_reg(o, zo->reg.value);
	case ZYDIS_OPERAND_TYPE_MEMORY:
		return compare_mem(p, o, &zo->mem);
	case ZYDIS_OPERAND_TYPE_IMMEDIATE:
		if (known_is4_imm(p, o, &zo->imm))
			return NULL;
		return compare_imm(o, &zo->imm);
	case ZYDIS_OPERAND_TYPE_POINTER:
		if (o->kind != OPND_FAR || o->imm != zo->ptr.offset ||
		    o->selector != zo->ptr.segment)
			return differ("far pointer");
		return NULL;
	default:
		return differ("operand of no kind");
	}
}

/* Vector and x87 instructions of OP_OTHER, for which no registers are listed. */
static bool is_partial(const struct pair *p)
{
	if (p->insn.op != OP_OTHER)
		return false;
	if (p->insn.vex)
		return true;

	switch (p->z.meta.isa_ext) {
	case ZYDIS_ISA_EXT_AES:
	case ZYDIS_ISA_EXT_GFNI:
	case ZYDIS_ISA_EXT_MMX:
	case ZYDIS_ISA_EXT_PCLMULQDQ:
	case ZYDIS_ISA_EXT_SHA:
	case ZYDIS_ISA_EXT_SSE:
	case ZYDIS_ISA_EXT_SSE2:
	case ZYDIS_ISA_EXT_SSE3:
	case ZYDIS_ISA_EXT_SSE4A:
	case ZYDIS_ISA_EXT_SSSE3:
	case ZYDIS_ISA_EXT_X87:
		return true;
	case ZYDIS_ISA_EXT_SSE4:
		return p->z.mnemonic != ZYDIS_MNEMONIC_CRC32 &&
		       p->z.mnemonic != ZYDIS_MNEMONIC_POPCNT;
	default:
		return false;
	}
}

static bool is_string(const struct pair *p)
{
	switch (p->insn.op) {
	case OP_MOVS:
	case OP_CMPS:
	case OP_STOS:
	case OP_LODS:
	case OP_SCAS:
	case OP_INS:
	case OP_OUTS:
		return true;
	default:
		return false;
	}
}

static const char *compare_operands(const struct pair *p)
{
	const struct x86_operand *o = p->insn.operand;
	const struct x86_operand *end = o + X86_OPERANDS;
	/* Zydis hides those of string instructions. */
	unsigned int n = is_string(p) ? 2 : p->z.operand_count_visible, i;
	bool partial = is_partial(p);
	const char *diff;

	/* SSE4A with immediates is in the tables, with its register. */
	if (partial && o->kind == OPND_VEC)
		o++;
	for (i = 0; i < n; i++) {
		if (partial && p->zop[i].type == ZYDIS_OPERAND_TYPE_REGISTER)
			continue;
		if (o == end)
			return differ("too few operands");
		diff = compare_operand(p, o++, &p->zop[i]);
		if (diff)
			return diff;
	}
	if (o < end && o->kind == OPND_IMM && known_is4(p))
		o++;
	if (o < end && o->kind != OPND_NONE)
		return differ("too many operands");
	return NULL;
}

/* The address of a hint is that of any other instruction. */
static const char *compare_hint(const struct pair *p)
{
	unsigned int i;

	for (i = 0; i < p->z.operand_count_visible; i++)
		if (p->zop[i].type == ZYDIS_OPERAND_TYPE_MEMORY)
			return compare_mem(p, p->insn.operand, &p->zop[i].mem);
	return NULL;
}

/* No explicit operand says how much these push or pop. */
static bool has_stack_size(const struct pair *p)
{
	switch (p->insn.op) {
	case OP_PUSH:
	case OP_POP:
	case OP_PUSHF:
	case OP_POPF:
	case OP_IRET:
	case OP_CALL_FAR:
	case OP_JMP_FAR:
		return true;
	default:
		return false;
	}
}

static const char *compare_insn(const struct pair *p)
{
	const ZydisInstructionAttributes rep = ZYDIS_ATTRIB_HAS_REP |
		ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE;
	const struct x86_insn *insn = &p->insn;
	const ZydisDecodedInstruction *z = &p->z;

	if (insn->len != z->length)
		return differ("length %u for %u", insn->len, z->length);
	if (insn->op != op_of(p))
		return differ("operation %u", insn->op);
	if (insn->addrsize * 8 != z->address_width)
		return differ("address size %u", insn->addrsize);
	if (has_stack_size(p) && insn->opsize * 8 != z->operand_width)
		return differ("operand size %u", insn->opsize);
	if (insn->lock != !!(z->attributes & ZYDIS_ATTRIB_HAS_LOCK))
		return differ("lock prefix");
	if (is_string(p) && !insn->rep != !(z->attributes & rep))
		return differ("repeat prefix");
	if (known_hint(p))
		return compare_hint(p);
	if (known_implied(p))
		return NULL;
	return compare_operands(p);
}

void decode_pair(struct pair *p, enum decode_mode mode, const u8 *bytes,
		 unsigned int len)
{
	p->mode = mode;
	p->bytes = bytes;
	p->len = len;
	p->err = x86_decode(&p->insn, bytes, len, mode);
	p->status = ZydisDecoderDecodeFull(&decoder[mode], bytes, len, &p->z,
					   p->zop);
}

const char *compare(const struct pair *p)
{
	static char message[160];
	const char *diff = NULL;
	bool truncated, z_truncated;

	if (!ZYAN_SUCCESS(p->status)) {
		if (p->err == DECODE_OK && !known_extra(p))
			return differ("only we accept it");
		z_truncated = p->status == ZYDIS_STATUS_NO_MORE_DATA;
		truncated = p->err == DECODE_TRUNCATED;
		if (truncated != z_truncated)
			return differ("only one finds it truncated");
		return NULL;
	}
	if (p->err == DECODE_OK)
		diff = compare_insn(p);
	else if (!known_refusal(p))
		diff = differ("we reject it, %d", p->err);
	if (!diff)
		return NULL;
	snprintf(message, sizeof(message), "%s: %s", name_of(p), diff);
	return message;
}

void compare_init(void)
{
	static const ZydisMachineMode machine[NR_MODES] = {
		[DECODE_REAL] = ZYDIS_MACHINE_MODE_REAL_16,
		[DECODE_16] = ZYDIS_MACHINE_MODE_LEGACY_16,
		[DECODE_32] = ZYDIS_MACHINE_MODE_LEGACY_32,
		[DECODE_64] = ZYDIS_MACHINE_MODE_LONG_64,
	};
	static const ZydisStackWidth stack[NR_MODES] = {
		[DECODE_REAL] = ZYDIS_STACK_WIDTH_16,
		[DECODE_16] = ZYDIS_STACK_WIDTH_16,
		[DECODE_32] = ZYDIS_STACK_WIDTH_32,
		[DECODE_64] = ZYDIS_STACK_WIDTH_64,
	};
	unsigned int i;

	/* As AMD has it: 66 counts for near branches; no MPX, no CLDEMOTE. */
	for (i = 0; i < NR_MODES; i++) {
		ZydisDecoder *d = &decoder[i];

		ZydisDecoderInit(d, machine[i], stack[i]);
		ZydisDecoderEnableMode(d, ZYDIS_DECODER_MODE_AMD_BRANCHES, true);
		ZydisDecoderEnableMode(d, ZYDIS_DECODER_MODE_MPX, false);
		ZydisDecoderEnableMode(d, ZYDIS_DECODER_MODE_CLDEMOTE, false);
	}
}
