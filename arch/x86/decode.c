// SPDX-License-Identifier: GPL-2.0
/*
 * x86 instruction decoder.
 *
 * One pass over the bytes: prefixes, opcode, ModRM with SIB and displacement,
 * immediates.  The first error sticks; from then on all bytes read as zero, so
 * that no step needs a path of its own for "no more bytes".
 */
#include "decode.h"
#include "decode_tables.h"

#define REX_W	8
#define REX_R	4
#define REX_X	2
#define REX_B	1

enum { REG_AX, REG_CX, REG_DX, REG_BX, REG_SP, REG_BP, REG_SI, REG_DI };

struct decoder {
	struct x86_insn *insn;
	const u8 *bytes;
	unsigned int avail;
	enum decode_mode mode;
	enum decode_result err;
	bool addrsize_prefix;
	enum simd_prefix pp;
	bool vex_l;
	u8 vex_v;
	bool vsib;
	bool lockable;
	struct x86_mem mem;
};

static void fail(struct decoder *d, enum decode_result err)
{
	if (!d->err)
		d->err = err;
}

/* Little-endian, zero-extended. */
static u64 fetch(struct decoder *d, unsigned int size)
{
	unsigned int pos = d->insn->len;
	u64 val = 0;

	if (pos + size > X86_INSN_MAX)
		fail(d, DECODE_TOO_LONG);
	else if (pos + size > d->avail)
		fail(d, DECODE_TRUNCATED);
	if (d->err)
		return 0;

	d->insn->len += size;
	while (size--)
		val = val << 8 | d->bytes[pos + size];
	return val;
}

static u64 truncate_to(u64 val, unsigned int size)
{
	return size < 8 ? val & ((1ULL << size * 8) - 1) : val;
}

static s64 fetch_signed(struct decoder *d, unsigned int size)
{
	unsigned int shift = 64 - size * 8;

	return (s64)(fetch(d, size) << shift) >> shift;
}

static bool is_mem(const struct x86_insn *insn)
{
	return insn->modrm < 0xc0;
}

static u8 modrm_reg(const struct x86_insn *insn)
{
	return insn->modrm >> 3 & 7;
}

static u8 modrm_rm(const struct x86_insn *insn)
{
	return insn->modrm & 7;
}

static u8 ext_reg(const struct x86_insn *insn)
{
	return modrm_reg(insn) | (insn->rex & REX_R ? 8 : 0);
}

static u8 ext_rm(const struct x86_insn *insn)
{
	return modrm_rm(insn) | (insn->rex & REX_B ? 8 : 0);
}

/* Skips the prefixes, returns the byte after them. */
static u8 decode_prefixes(struct decoder *d)
{
	struct x86_insn *insn = d->insn;
	u8 byte;

	for (;;) {
		byte = fetch(d, 1);
		switch (byte) {
		case 0x26:
		case 0x2e:
		case 0x36:
		case 0x3e:
			if (d->mode != DECODE_64)
				insn->seg = byte >> 3 & 3;
			break;
		case 0x64:
		case 0x65:
			insn->seg = byte - 0x60;
			break;
		case 0x66:
			insn->opsize_prefix = true;
			break;
		case 0x67:
			d->addrsize_prefix = true;
			break;
		case 0xf0:
			insn->lock = true;
			break;
		case 0xf2:
		case 0xf3:
			insn->rep = byte;
			break;
		case 0x40 ... 0x4f:
			if (d->mode != DECODE_64)
				return byte;
			insn->rex = byte;
			continue;
		default:
			return byte;
		}
		/* REX counts only if it stands right before the opcode. */
		insn->rex = 0;
	}
}

static void set_sizes(struct decoder *d)
{
	struct x86_insn *insn = d->insn;

	switch (d->mode) {
	case DECODE_REAL:
	case DECODE_16:
		insn->opsize = insn->opsize_prefix ? 4 : 2;
		insn->addrsize = d->addrsize_prefix ? 4 : 2;
		break;
	case DECODE_32:
		insn->opsize = insn->opsize_prefix ? 2 : 4;
		insn->addrsize = d->addrsize_prefix ? 2 : 4;
		break;
	case DECODE_64:
		insn->opsize = insn->opsize_prefix ? 2 : 4;
		if (insn->rex & REX_W)
			insn->opsize = 8;
		insn->addrsize = d->addrsize_prefix ? 4 : 8;
		break;
	}

	if (insn->rep)
		d->pp = insn->rep == 0xf3 ? PP_F3 : PP_F2;
	else if (insn->opsize_prefix)
		d->pp = PP_66;
}

/* @first is C4 or C5, and the instruction is not LES or LDS. */
static void decode_vex(struct decoder *d, u8 first)
{
	struct x86_insn *insn = d->insn;
	u8 p0 = fetch(d, 1), p1 = p0;
	/* R, X and B are inverted. */
	u8 rex = p0 & 0x80 ? 0 : REX_R;

	if (insn->lock || insn->rep || insn->opsize_prefix || insn->rex)
		fail(d, DECODE_INVALID);

	insn->map = 1;
	if (first == 0xc4) {
		p1 = fetch(d, 1);
		insn->map = p0 & 3;
		rex |= ~p0 >> 5 & (REX_X | REX_B);
		rex |= p1 & 0x80 ? REX_W : 0;
		if (p0 & 0x1c)
			fail(d, DECODE_INVALID);
	}
	insn->vex = true;
	d->vex_l = p1 & 4;
	d->vex_v = ~p1 >> 3 & 15;
	insn->rex = d->mode == DECODE_64 ? rex : rex & REX_W;
	d->pp = p1 & 3;
	insn->opcode = fetch(d, 1);
}

/*
 * C4, C5 and 62 are LES, LDS and BOUND outside of 64-bit mode unless what
 * would be their ModRM names a register, which those do not take.
 */
static bool is_vector_prefix(struct decoder *d)
{
	unsigned int pos = d->insn->len;

	if (d->mode == DECODE_64)
		return true;
	if (d->mode == DECODE_REAL || pos >= d->avail)
		return false;
	return d->bytes[pos] >= 0xc0;
}

static void decode_opcode(struct decoder *d, u8 byte)
{
	struct x86_insn *insn = d->insn;

	if ((byte == 0xc4 || byte == 0xc5) && is_vector_prefix(d)) {
		decode_vex(d, byte);
		return;
	}
	if (byte == 0x62 && is_vector_prefix(d))
		fail(d, DECODE_UNSUPPORTED);

	if (byte == 0x0f) {
		insn->map = 1;
		byte = fetch(d, 1);
		if (byte == 0x38 || byte == 0x3a) {
			insn->map = byte == 0x38 ? 2 : 3;
			byte = fetch(d, 1);
		}
	}
	insn->opcode = byte;
}

static void need_modrm(struct decoder *d)
{
	if (d->insn->has_modrm)
		return;
	d->insn->has_modrm = true;
	d->insn->modrm = fetch(d, 1);
}

static void decode_mem16(struct decoder *d)
{
	static const u8 base[8] = { REG_BX, REG_BX, REG_BP, REG_BP,
				    REG_SI, REG_DI, REG_BP, REG_BX };
	u8 mod = d->insn->modrm >> 6, rm = modrm_rm(d->insn);
	struct x86_mem *mem = &d->mem;

	mem->base = base[rm];
	if (rm < 4)
		mem->index = rm & 1 ? REG_DI : REG_SI;
	if (mod == 0 && rm == 6)
		mem->base = X86_REG_NONE;
	if (mod == 1)
		mem->disp = fetch_signed(d, 1);
	else if (mod == 2 || mem->base == X86_REG_NONE)
		mem->disp = fetch_signed(d, 2);
}

static void decode_sib(struct decoder *d)
{
	struct x86_insn *insn = d->insn;
	struct x86_mem *mem = &d->mem;

	insn->sib = fetch(d, 1);
	mem->base = (insn->sib & 7) | (insn->rex & REX_B ? 8 : 0);
	mem->index = (insn->sib >> 3 & 7) | (insn->rex & REX_X ? 8 : 0);
	mem->scale = 1 << (insn->sib >> 6);
	if (mem->index == REG_SP && !d->vsib) {
		mem->index = X86_REG_NONE;
		mem->scale = 1;
	}
}

static void decode_mem32(struct decoder *d)
{
	struct x86_insn *insn = d->insn;
	u8 mod = insn->modrm >> 6;
	struct x86_mem *mem = &d->mem;

	mem->base = ext_rm(insn);
	if (modrm_rm(insn) == REG_SP)
		decode_sib(d);
	else if (d->vsib)
		fail(d, DECODE_INVALID);

	if (mod == 0 && (mem->base & 7) == REG_BP) {
		mem->base = X86_REG_NONE;
		if (d->mode == DECODE_64 && modrm_rm(insn) == REG_BP)
			mem->base = X86_REG_RIP;
	}
	if (mod == 1)
		mem->disp = fetch_signed(d, 1);
	else if (mod == 2 || mem->base >= X86_REG_RIP)
		mem->disp = fetch_signed(d, 4);
}

/* Fills d->mem.  The bytes of the address end before any immediate. */
static void decode_mem(struct decoder *d)
{
	struct x86_insn *insn = d->insn;
	struct x86_mem *mem = &d->mem;

	if (insn->addrsize > 2)
		decode_mem32(d);
	else if (d->vsib)
		fail(d, DECODE_INVALID);
	else
		decode_mem16(d);

	mem->seg = X86_SEG_DS;
	if (mem->base == REG_SP || mem->base == REG_BP)
		mem->seg = X86_SEG_SS;
	if (insn->seg != X86_SEG_NONE)
		mem->seg = insn->seg;
}

static unsigned int width_of(struct decoder *d, enum operand_width width)
{
	static const u16 fixed[] = {
		[W_B] = 1, [W_W] = 2, [W_D] = 4, [W_Q] = 8, [W_DQ] = 16,
		[W_ZMM] = 64, [W_FX] = 512,
	};
	const struct x86_insn *insn = d->insn;
	unsigned int native = d->mode == DECODE_64 ? 8 : 4;

	switch (width) {
	case W_V:
		return insn->opsize;
	case W_Z:
		return insn->opsize == 2 ? 2 : 4;
	case W_Y:
		return insn->opsize == 8 ? 8 : 4;
	case W_N:
		return native;
	case W_ADDR:
		return insn->addrsize;
	case W_P:
		return insn->opsize + 2;
	case W_2V:
		return insn->opsize * 2;
	case W_2Y:
		return insn->opsize == 8 ? 16 : 8;
	case W_S:
		return native + 2;
	case W_VW:
		return is_mem(insn) ? 2 : insn->opsize;
	default:
		return fixed[width];
	}
}

static void set_gpr(struct decoder *d, struct x86_operand *o, u8 reg)
{
	o->kind = OPND_REG;
	o->reg = reg;
	if (o->width == 1 && !d->insn->rex && reg >= 4) {
		o->high = true;
		o->reg -= 4;
	}
}

static void set_mem(struct x86_operand *o, struct x86_mem mem)
{
	o->kind = OPND_MEM;
	o->mem = mem;
}

static void set_string(struct decoder *d, struct x86_operand *o, u8 reg)
{
	struct x86_mem mem = {
		.base = reg, .index = X86_REG_NONE, .scale = 1,
		.seg = X86_SEG_ES,
	};

	if (reg == REG_SI)
		mem.seg = d->insn->seg == X86_SEG_NONE ? X86_SEG_DS :
							 d->insn->seg;
	set_mem(o, mem);
}

static void set_offset(struct decoder *d, struct x86_operand *o)
{
	struct x86_mem mem = {
		.base = X86_REG_NONE, .index = X86_REG_NONE, .scale = 1,
		.seg = d->insn->seg == X86_SEG_NONE ? X86_SEG_DS : d->insn->seg,
		.disp = fetch(d, d->insn->addrsize),
	};

	set_mem(o, mem);
}

/* Operands outside of ModRM. */
static void decode_plain_operand(struct decoder *d, struct x86_operand *o,
				 u16 spec)
{
	struct x86_insn *insn = d->insn;
	unsigned int size = o->width;

	switch (SPEC_WHERE(spec)) {
	case AT_OPCODE:
		set_gpr(d, o, (insn->opcode & 7) | (insn->rex & REX_B ? 8 : 0));
		break;
	case AT_FIXED:
		set_gpr(d, o, SPEC_REG(spec));
		break;
	case AT_FIXED_SEG:
		o->kind = OPND_SEG;
		o->reg = SPEC_REG(spec);
		break;
	case AT_ONE:
		o->kind = OPND_IMM;
		o->imm = 1;
		break;
	case AT_IMM:
		o->kind = OPND_IMM;
		o->imm = truncate_to(fetch_signed(d, size == 8 ? 4 : size), size);
		break;
	case AT_IMM_FULL:
		o->kind = OPND_IMM;
		o->imm = fetch(d, size);
		break;
	case AT_IMM_BYTE:
		o->kind = OPND_IMM;
		o->imm = truncate_to(fetch_signed(d, 1), size);
		break;
	case AT_REL_BYTE:
		o->kind = OPND_REL;
		o->imm = fetch_signed(d, 1);
		break;
	case AT_REL:
		o->kind = OPND_REL;
		o->imm = fetch_signed(d, size == 8 ? 4 : size);
		break;
	case AT_FAR:
		o->kind = OPND_FAR;
		o->imm = fetch(d, size - 2);
		o->selector = fetch(d, 2);
		break;
	case AT_OFFSET:
		set_offset(d, o);
		break;
	case AT_SI:
		set_string(d, o, REG_SI);
		break;
	case AT_DI:
		set_string(d, o, REG_DI);
		break;
	}
}

static void decode_cr(struct decoder *d, struct x86_operand *o)
{
	o->kind = OPND_CR;
	o->reg = ext_reg(d->insn);
	/* AMD's way to CR8 outside of 64-bit mode. */
	if (d->insn->lock)
		o->reg |= 8;
	/* CR0, CR2, CR3, CR4, CR8. */
	if (!(0x11d & 1 << o->reg))
		fail(d, DECODE_INVALID);
}

static void decode_operand(struct decoder *d, struct x86_operand *o, u16 spec)
{
	struct x86_insn *insn = d->insn;

	o->width = width_of(d, SPEC_WIDTH(spec));

	switch (SPEC_WHERE(spec)) {
	case AT_RM:
		if (is_mem(insn))
			set_mem(o, d->mem);
		else
			set_gpr(d, o, ext_rm(insn));
		break;
	case AT_MEM:
		if (!is_mem(insn))
			fail(d, DECODE_INVALID);
		set_mem(o, d->mem);
		break;
	case AT_RM_REG:
		if (is_mem(insn))
			fail(d, DECODE_INVALID);
		set_gpr(d, o, ext_rm(insn));
		break;
	case AT_VEC_REG:
		if (is_mem(insn))
			fail(d, DECODE_INVALID);
		o->kind = OPND_VEC;
		o->reg = ext_rm(insn);
		break;
	case AT_REG:
		set_gpr(d, o, ext_reg(insn));
		break;
	case AT_SEG:
		o->kind = OPND_SEG;
		o->reg = modrm_reg(insn);
		if (o->reg > X86_SEG_GS)
			fail(d, DECODE_INVALID);
		break;
	case AT_CR:
		decode_cr(d, o);
		break;
	case AT_DR:
		o->kind = OPND_DR;
		o->reg = ext_reg(insn);
		if (o->reg > 7)
			fail(d, DECODE_INVALID);
		break;
	default:
		decode_plain_operand(d, o, spec);
	}
}

static void check_flags(struct decoder *d, u16 flags)
{
	const struct x86_insn *insn = d->insn;
	bool bad = false;

	if (flags & F_NO64)
		bad |= d->mode == DECODE_64;
	if (flags & F_ONLY64)
		bad |= d->mode != DECODE_64;
	if (flags & F_NOREAL)
		bad |= d->mode == DECODE_REAL;
	if (flags & F_NP)
		bad |= d->pp != PP_NONE;
	if (flags & F_NOREP)
		bad |= insn->rep;
	if (bad)
		fail(d, DECODE_INVALID);
}

/* Follows the links of the tables to the row of this instruction. */
static const struct opcode *find_row(struct decoder *d)
{
	struct x86_insn *insn = d->insn;
	const struct opcode *row = &opcode_map[insn->map][insn->opcode];
	unsigned int index;

	for (;;) {
		switch (row->op) {
		case BY_REG:
			need_modrm(d);
			index = modrm_reg(insn);
			break;
		case BY_RM:
			need_modrm(d);
			index = modrm_rm(insn);
			break;
		case BY_MOD:
			need_modrm(d);
			index = !is_mem(insn);
			break;
		case BY_PREFIX:
			index = d->pp;
			break;
		case BY_REX_B:
			index = insn->rex & REX_B;
			break;
		case BY_MODE:
			index = d->mode == DECODE_64;
			break;
		default:
			return row;
		}
		row = &opcode_group[row->group][index];
	}
}

static void decode_row(struct decoder *d, const struct opcode *row)
{
	struct x86_insn *insn = d->insn;
	unsigned int i;

	insn->op = row->op;
	check_flags(d, row->flags);
	if ((row->flags & F_DEF64) && d->mode == DECODE_64 && insn->opsize == 4)
		insn->opsize = 8;

	for (i = 0; i < X86_OPERANDS; i++) {
		u8 where = SPEC_WHERE(row->spec[i]);

		if (where && where <= AT_LAST_MODRM)
			need_modrm(d);
	}
	if (row->flags & F_REGS)
		insn->modrm |= 0xc0;
	if (insn->has_modrm && is_mem(insn))
		decode_mem(d);

	for (i = 0; i < X86_OPERANDS && row->spec[i]; i++)
		decode_operand(d, &insn->operand[i], row->spec[i]);

	if (row->flags & F_NOCS && insn->operand[0].reg == X86_SEG_CS)
		fail(d, DECODE_INVALID);
	if (row->flags & F_LOCK)
		d->lockable = insn->operand[0].kind == OPND_MEM ||
			      insn->op == OP_MOV_CR;
}

static void decode_x87(struct decoder *d)
{
	struct x86_insn *insn = d->insn;
	struct x86_operand *o = &insn->operand[0];
	unsigned int esc = insn->opcode & 7;
	bool small = insn->opsize == 2;

	insn->op = OP_OTHER;
	need_modrm(d);
	if (!is_mem(insn)) {
		if (!(x87_reg[esc] >> (insn->modrm & 63) & 1))
			fail(d, DECODE_INVALID);
		return;
	}

	decode_mem(d);
	set_mem(o, d->mem);
	o->width = x87_mem[esc][modrm_reg(insn)];
	if (!o->width)
		fail(d, DECODE_INVALID);
	if (o->width == X87_ENV)
		o->width = small ? 14 : 28;
	else if (o->width == X87_STATE)
		o->width = small ? 94 : 108;
}

/* Opcodes whose ModRM.reg selects the instruction: a bit for each value. */
static u8 vector_regs(struct decoder *d)
{
	switch (d->insn->map << 8 | d->insn->opcode) {
	case 0x171:
	case 0x172:
		return 0x54;
	case 0x173:
		return d->pp == PP_66 ? 0xcc : 0x44;
	case 0x1ae:
		return 0x0c;
	case 0x2f3:
		return 0x0e;
	default:
		return 0xff;
	}
}

static bool vector_valid(struct decoder *d, u16 shape)
{
	const struct x86_insn *insn = d->insn;
	bool mem = insn->has_modrm && is_mem(insn);

	if (insn->has_modrm && !(vector_regs(d) >> modrm_reg(insn) & 1))
		return false;
	if ((shape & V_MEM && !mem) || (shape & V_REG && mem))
		return false;
	if (!insn->vex)
		return true;

	if (d->vex_v && (shape & V_2OP || (shape & V_2MEM && mem)))
		return false;
	if (shape & (d->vex_l ? V_L0 : V_L1))
		return false;
	return !(shape & (insn->rex & REX_W ? V_W0 : V_W1));
}

/* The destination, the index and the mask of a gather must differ. */
static bool gather_valid(struct decoder *d)
{
	u8 dst = ext_reg(d->insn), index = d->mem.index, mask = d->vex_v;

	if (d->mode != DECODE_64)
		mask &= 7;
	return dst != index && dst != mask && index != mask;
}

static void set_vector_operands(struct decoder *d, u16 shape)
{
	struct x86_insn *insn = d->insn;
	struct x86_operand *rm = insn->operand, *reg;

	if (!(shape & (V_MOVA | V_MOVU))) {
		insn->op = OP_OTHER;
		if (insn->has_modrm && is_mem(insn))
			set_mem(rm++, d->mem);
		if (shape & V_IMM)
			*rm = (struct x86_operand) {
				.kind = OPND_IMM, .width = 1, .imm = fetch(d, 1)
			};
		return;
	}

	insn->op = shape & V_MOVA ? OP_VMOVA : OP_VMOVU;
	rm = &insn->operand[shape & V_STORE ? 0 : 1];
	reg = &insn->operand[shape & V_STORE ? 1 : 0];
	reg->kind = OPND_VEC;
	reg->reg = ext_reg(insn);
	reg->width = d->vex_l ? 32 : 16;
	rm->width = reg->width;
	if (is_mem(insn)) {
		set_mem(rm, d->mem);
	} else {
		rm->kind = OPND_VEC;
		rm->reg = ext_rm(insn);
	}
}

static void decode_vector(struct decoder *d)
{
	struct x86_insn *insn = d->insn;
	u16 shape = vector_map[insn->map][insn->opcode][d->pp];

	/* Before ModRM: what does not exist has none. */
	if (!(shape & (insn->vex ? V_VEX : V_SSE)))
		fail(d, DECODE_INVALID);
	if (insn->vex && shape == V_REFUSE)
		fail(d, DECODE_UNSUPPORTED);
	if (!(shape & V_NOMODRM))
		need_modrm(d);
	if (!vector_valid(d, shape))
		fail(d, DECODE_INVALID);

	d->vsib = shape & V_VSIB;
	if (insn->has_modrm && is_mem(insn))
		decode_mem(d);
	if (d->vsib && !gather_valid(d))
		fail(d, DECODE_INVALID);
	set_vector_operands(d, shape);
}

/* VEX encodes nothing of opcode_map. */
static const struct opcode no_row;

int x86_decode(struct x86_insn *insn, const u8 *bytes, unsigned int len,
	       enum decode_mode mode)
{
	struct decoder d = {
		.insn = insn,
		.bytes = bytes,
		.avail = len < X86_INSN_MAX ? len : X86_INSN_MAX,
		.mode = mode,
		.mem = {
			.base = X86_REG_NONE, .index = X86_REG_NONE, .scale = 1,
		},
	};
	const struct opcode *row;

	*insn = (struct x86_insn) { .seg = X86_SEG_NONE };

	decode_opcode(&d, decode_prefixes(&d));
	set_sizes(&d);
	if (d.err)
		return d.err;

	row = insn->vex ? &no_row : find_row(&d);
	if (row->op == OP_INVALID)
		decode_vector(&d);
	else if (row->op == BY_X87)
		decode_x87(&d);
	else if (row->op == REFUSE)
		fail(&d, DECODE_UNSUPPORTED);
	else
		decode_row(&d, row);

	if (insn->lock && !d.lockable)
		fail(&d, DECODE_INVALID);
	return d.err;
}
