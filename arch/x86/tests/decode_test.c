// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the instruction decoder: by hand, one line for each form.
 */
#include <kunit/test.h>
#include <linux/hex.h>
#include <linux/string.h>

#include "../decode.h"

/*
 * Operands as text, destination first, each with its width in bytes:
 * r0.4 (a general register), r0h.1 (AH), es.2, cr0.8, dr7.8, v1.16, #imm.1,
 * +distance.8, selector:offset, segment[base+index*scale+disp].width.
 * All numbers but register numbers and widths are hexadecimal.
 */
struct decode_case {
	const char *name;
	enum decode_mode mode;
	const char *bytes;
	enum x86_op op;
	const char *operands;
};

static const struct decode_case decode_cases[] = {
	/* Addresses of 16 bits. */
	{ "16: bx+si", DECODE_16, "8b 00", OP_MOV, "r0.2 ds[r3+r6*1].2" },
	{ "16: bp+di+8", DECODE_16, "8b 4b 08",
	  OP_MOV, "r1.2 ss[r5+r7*1+8].2" },
	{ "16: disp16", DECODE_16, "89 16 34 12", OP_MOV, "ds[+1234].2 r2.2" },
	{ "16: bp+disp16", DECODE_REAL, "88 a6 00 80",
	  OP_MOV, "ss[r5+ffffffffffff8000].1 r0h.1" },
	{ "16: 67 and 66", DECODE_REAL, "67 66 8b 04 24",
	  OP_MOV, "r0.4 ss[r4].4" },
	/* 32 bits. */
	{ "32: base", DECODE_32, "8b 03", OP_MOV, "r0.4 ds[r3].4" },
	{ "32: ebp-4", DECODE_32, "8b 45 fc",
	  OP_MOV, "r0.4 ss[r5+fffffffffffffffc].4" },
	{ "32: disp32", DECODE_32, "8b 0d 78 56 34 12",
	  OP_MOV, "r1.4 ds[+12345678].4" },
	{ "32: base, index, scale, disp8", DECODE_32, "8b 44 8d 10",
	  OP_MOV, "r0.4 ss[r5+r1*4+10].4" },
	{ "32: index without base", DECODE_32, "8b 04 cd 00 00 00 01",
	  OP_MOV, "r0.4 ds[r1*8+1000000].4" },
	{ "32: addr16", DECODE_32, "67 8b 07", OP_MOV, "r0.4 ds[r3].4" },
	/* 64 bits. */
	{ "64: rip", DECODE_64, "8b 05 10 00 00 00",
	  OP_MOV, "r0.4 ds[rip+10].4" },
	{ "64: disp32 by SIB", DECODE_64, "8b 04 25 00 00 00 80",
	  OP_MOV, "r0.4 ds[+ffffffff80000000].4" },
	{ "64: r12 and r13 need what rsp and rbp need", DECODE_64,
	  "4f 8b 44 2c 00", OP_MOV, "r8.8 ds[r12+r13*1].8" },
	{ "64: r12 as index", DECODE_64, "4a 8b 04 60",
	  OP_MOV, "r0.8 ds[r0+r12*2].8" },
	{ "64: addr32", DECODE_64, "67 8b 00", OP_MOV, "r0.4 ds[r0].4" },
	{ "64: moffs", DECODE_64, "48 a1 88 77 66 55 44 33 22 11",
	  OP_MOV, "r0.8 ds[+1122334455667788].8" },
	{ "64: spl, not ah", DECODE_64, "40 8a 20", OP_MOV, "r4.1 ds[r0].1" },
	{ "64: ah, not spl", DECODE_64, "8a 20", OP_MOV, "r0h.1 ds[r0].1" },
	{ "REX.W beats 66", DECODE_64, "66 48 8b 00",
	  OP_MOV, "r0.8 ds[r0].8" },
	{ "REX before a prefix is none", DECODE_64, "48 66 8b 00",
	  OP_MOV, "r0.2 ds[r0].2" },
	/* Segments. */
	{ "fs override", DECODE_64, "64 8b 00", OP_MOV, "r0.4 fs[r0].4" },
	{ "es is no override in 64 bits", DECODE_64, "26 8b 45 00",
	  OP_MOV, "r0.4 ss[r5].4" },
	{ "the last override counts", DECODE_32, "2e 65 26 8b 00",
	  OP_MOV, "r0.4 es[r0].4" },
	/* Moves. */
	{ "movzx", DECODE_64, "0f b6 00", OP_MOVZX, "r0.4 ds[r0].1" },
	{ "movsxd", DECODE_64, "48 63 00", OP_MOVSX, "r0.8 ds[r0].4" },
	{ "movbe store", DECODE_64, "0f 38 f1 00", OP_MOVBE, "ds[r0].4 r0.4" },
	{ "movnti", DECODE_64, "48 0f c3 08", OP_MOVNTI, "ds[r0].8 r1.8" },
	{ "imm32 is sign-extended", DECODE_64, "48 c7 00 ff ff ff ff",
	  OP_MOV, "ds[r0].8 #ffffffffffffffff.8" },
	{ "imm64", DECODE_64, "49 bf 08 07 06 05 04 03 02 01",
	  OP_MOV, "r15.8 #102030405060708.8" },
	{ "movups", DECODE_64, "44 0f 11 08", OP_VMOVU, "ds[r0].16 v9.16" },
	{ "vmovdqa ymm", DECODE_64, "c5 fd 6f 00", OP_VMOVA, "v0.32 ds[r0].32" },
	{ "vmovntdq", DECODE_32, "c5 fd e7 08", OP_VMOVA, "ds[r0].32 v1.32" },
	{ "vmovdqu, VEX of 3 bytes", DECODE_64, "c4 41 7a 6f 3c 24",
	  OP_VMOVU, "v15.16 ds[r12].16" },
	{ "lds is no VEX", DECODE_32, "c5 38", OP_OTHER, "r7.4 ds[r0].6" },
	/* Arithmetic. */
	{ "sign-extended byte", DECODE_32, "83 38 ff",
	  OP_CMP, "ds[r0].4 #ffffffff.4" },
	{ "lock add", DECODE_64, "f0 48 01 08", OP_ADD, "ds[r0].8 r1.8" },
	{ "cmpxchg16b", DECODE_64, "f0 48 0f c7 09", OP_CMPXCHG8B, "ds[r1].16" },
	{ "bts", DECODE_64, "0f ba 28 07", OP_BTS, "ds[r0].4 #7.1" },
	{ "push memory", DECODE_64, "ff 30", OP_PUSH, "ds[r0].8" },
	{ "push 16 bits", DECODE_64, "66 ff 30", OP_PUSH, "ds[r0].2" },
	{ "pop memory", DECODE_32, "8f 00", OP_POP, "ds[r0].4" },
	/* Strings and ports. */
	{ "rep movsq", DECODE_64, "f3 48 a5", OP_MOVS, "es[r7].8 ds[r6].8" },
	{ "gs movsb", DECODE_32, "65 a4", OP_MOVS, "es[r7].1 gs[r6].1" },
	{ "rep insw", DECODE_REAL, "f3 6d", OP_INS, "es[r7].2 r2.2" },
	{ "outsd", DECODE_64, "48 6f", OP_OUTS, "r2.2 ds[r6].4" },
	{ "in al, 0x80", DECODE_64, "e4 80", OP_IN, "r0.1 #80.1" },
	{ "out dx, eax", DECODE_64, "48 ef", OP_OUT, "r2.2 r0.4" },
	/* Intercepts. */
	{ "cpuid", DECODE_64, "0f a2", OP_CPUID, "" },
	{ "pause", DECODE_64, "f3 90", OP_PAUSE, "" },
	{ "nop", DECODE_64, "90", OP_OTHER, "" },
	{ "xchg r8, rax", DECODE_64, "49 90", OP_XCHG, "r8.8 r0.8" },
	{ "vmmcall", DECODE_64, "0f 01 d9", OP_VMMCALL, "" },
	{ "vmcall", DECODE_REAL, "0f 01 c1", OP_VMCALL, "" },
	{ "wbnoinvd", DECODE_64, "f3 0f 09", OP_WBINVD, "" },
	{ "mov cr8", DECODE_64, "44 0f 22 c0", OP_MOV_CR, "cr8.8 r0.8" },
	{ "mov cr0, mod ignored", DECODE_32, "0f 20 01",
	  OP_MOV_CR, "r1.4 cr0.4" },
	{ "lock mov cr0", DECODE_32, "f0 0f 20 c0", OP_MOV_CR, "r0.4 cr8.4" },
	{ "mov dr7", DECODE_64, "0f 23 f8", OP_MOV_DR, "dr7.8 r0.8" },
	{ "lidt", DECODE_64, "0f 01 18", OP_LIDT, "ds[r0].10" },
	{ "smsw register", DECODE_32, "0f 01 e1", OP_SMSW, "r1.4" },
	{ "str memory", DECODE_64, "48 0f 00 08", OP_STR, "ds[r0].2" },
	{ "ljmp", DECODE_16, "ea 34 12 00 f0", OP_JMP_FAR, "f000:1234" },
	{ "lcall memory", DECODE_32, "ff 18", OP_CALL_FAR, "ds[r0].6" },
	{ "int", DECODE_REAL, "cd 10", OP_INT, "#10.1" },
	/* Others, for their length. */
	{ "jmp rel32", DECODE_64, "e9 fb ff ff ff",
	  OP_OTHER, "+fffffffffffffffb.8" },
	{ "enter", DECODE_32, "c8 00 10 02", OP_OTHER, "#1000.2 #2.1" },
	{ "fnsave", DECODE_32, "dd 30", OP_OTHER, "ds[r0].108" },
	{ "pshufd", DECODE_64, "66 0f 70 00 1b", OP_OTHER, "ds[r0].0 #1b.1" },
	{ "15 bytes", DECODE_64,
	  "66 66 66 66 64 f0 81 84 88 00 01 00 00 34 12", OP_ADD,
	  "fs[r0+r1*4+100].2 #1234.2" },
};

struct error_case {
	const char *name;
	enum decode_mode mode;
	const char *bytes;
	enum decode_result result;
};

static const struct error_case error_cases[] = {
	{ "nothing", DECODE_64, "", DECODE_TRUNCATED },
	{ "prefix alone", DECODE_64, "f3", DECODE_TRUNCATED },
	{ "no ModRM", DECODE_64, "8b", DECODE_TRUNCATED },
	{ "no SIB", DECODE_64, "8b 04", DECODE_TRUNCATED },
	{ "half a displacement", DECODE_64, "8b 05 00 00", DECODE_TRUNCATED },
	{ "no immediate", DECODE_64, "81 00 01 02 03", DECODE_TRUNCATED },
	{ "half a VEX", DECODE_64, "c4 e1", DECODE_TRUNCATED },
	{ "16 bytes", DECODE_64,
	  "66 66 66 66 66 64 f0 81 84 88 00 01 00 00 34 12",
	  DECODE_TOO_LONG },
	{ "prefixes only", DECODE_32,
	  "66 66 66 66 66 66 66 66 66 66 66 66 66 66 66 66",
	  DECODE_TOO_LONG },
	{ "lock mov", DECODE_64, "f0 8b 00", DECODE_INVALID },
	{ "lock add to a register", DECODE_64, "f0 01 c0", DECODE_INVALID },
	{ "lock cmp", DECODE_64, "f0 39 00", DECODE_INVALID },
	{ "lea of a register", DECODE_64, "8d c0", DECODE_INVALID },
	{ "mov to cs", DECODE_64, "8e c8", DECODE_INVALID },
	{ "mov to segment 6", DECODE_64, "8e f0", DECODE_INVALID },
	{ "mov cr1", DECODE_64, "0f 20 c8", DECODE_INVALID },
	{ "mov dr8", DECODE_64, "44 0f 21 c0", DECODE_INVALID },
	{ "push es in 64 bits", DECODE_64, "06", DECODE_INVALID },
	{ "swapgs in 32 bits", DECODE_32, "0f 01 f8", DECODE_INVALID },
	{ "sldt in real mode", DECODE_REAL, "0f 00 c0", DECODE_INVALID },
	{ "VEX in real mode", DECODE_REAL, "c5 fd 6f c0", DECODE_INVALID },
	{ "66 before VEX", DECODE_64, "66 c5 fd 6f 00", DECODE_INVALID },
	{ "REX before VEX", DECODE_64, "48 c5 fd 6f 00", DECODE_INVALID },
	{ "VEX map 4", DECODE_64, "c4 e4 79 6f 00", DECODE_INVALID },
	{ "VEX.vvvv of a move", DECODE_64, "c5 f5 6f 00", DECODE_INVALID },
	{ "EVEX", DECODE_64, "62 f1 7c 48 10 00", DECODE_UNSUPPORTED },
	{ "XOP", DECODE_64, "8f e8 78 c0 c0 01", DECODE_UNSUPPORTED },
	{ "3DNow!", DECODE_32, "0f 0f c0 9e", DECODE_UNSUPPORTED },
	{ "kmov", DECODE_64, "c5 f8 91 00", DECODE_UNSUPPORTED },
};

static unsigned int parse_bytes(u8 *bytes, const char *hex)
{
	unsigned int len = 0;

	while (*hex) {
		bytes[len++] = hex_to_bin(hex[0]) << 4 | hex_to_bin(hex[1]);
		hex += hex[2] ? 3 : 2;
	}
	return len;
}

static const char * const seg_name[] = { "es", "cs", "ss", "ds", "fs", "gs" };

static int print_mem(char *buf, size_t size, const struct x86_mem *mem)
{
	int n = scnprintf(buf, size, "%s[", seg_name[mem->seg]);

	if (mem->base == X86_REG_RIP)
		n += scnprintf(buf + n, size - n, "rip");
	else if (mem->base != X86_REG_NONE)
		n += scnprintf(buf + n, size - n, "r%u", mem->base);
	if (mem->index != X86_REG_NONE)
		n += scnprintf(buf + n, size - n, "%sr%u*%u",
			       mem->base == X86_REG_NONE ? "" : "+",
			       mem->index, mem->scale);
	if (mem->disp)
		n += scnprintf(buf + n, size - n, "+%llx", mem->disp);
	return n + scnprintf(buf + n, size - n, "]");
}

static int print_operand(char *buf, size_t size, const struct x86_operand *o)
{
	int n;

	switch (o->kind) {
	case OPND_REG:
		n = scnprintf(buf, size, "r%u%s", o->reg, o->high ? "h" : "");
		break;
	case OPND_SEG:
		n = scnprintf(buf, size, "%s", seg_name[o->reg]);
		break;
	case OPND_CR:
		n = scnprintf(buf, size, "cr%u", o->reg);
		break;
	case OPND_DR:
		n = scnprintf(buf, size, "dr%u", o->reg);
		break;
	case OPND_VEC:
		n = scnprintf(buf, size, "v%u", o->reg);
		break;
	case OPND_MEM:
		n = print_mem(buf, size, &o->mem);
		break;
	case OPND_IMM:
		n = scnprintf(buf, size, "#%llx", o->imm);
		break;
	case OPND_REL:
		n = scnprintf(buf, size, "+%llx", o->imm);
		break;
	case OPND_FAR:
		return scnprintf(buf, size, "%x:%llx", o->selector, o->imm);
	default:
		return 0;
	}
	return n + scnprintf(buf + n, size - n, ".%u", o->width);
}

static void print_operands(char *buf, size_t size, const struct x86_insn *insn)
{
	int n = 0, i;

	buf[0] = '\0';
	for (i = 0; i < X86_OPERANDS && insn->operand[i].kind; i++) {
		if (i)
			n += scnprintf(buf + n, size - n, " ");
		n += print_operand(buf + n, size - n, &insn->operand[i]);
	}
}

static void decode_test_operands(struct kunit *test)
{
	const struct decode_case *c = test->param_value;
	u8 bytes[X86_INSN_MAX + 1];
	unsigned int len = parse_bytes(bytes, c->bytes);
	struct x86_insn insn;
	char text[96];

	/* A byte too many must not matter. */
	bytes[len] = 0xff;
	KUNIT_ASSERT_EQ(test, x86_decode(&insn, bytes, len + 1, c->mode),
			DECODE_OK);
	KUNIT_EXPECT_EQ(test, insn.len, len);
	KUNIT_EXPECT_EQ(test, insn.op, c->op);
	print_operands(text, sizeof(text), &insn);
	KUNIT_EXPECT_STREQ(test, text, c->operands);
}

static void decode_test_truncated(struct kunit *test)
{
	const struct decode_case *c = test->param_value;
	u8 bytes[X86_INSN_MAX];
	unsigned int len = parse_bytes(bytes, c->bytes);
	struct x86_insn insn;

	KUNIT_EXPECT_EQ(test, x86_decode(&insn, bytes, len, c->mode),
			DECODE_OK);
	while (len--)
		KUNIT_EXPECT_EQ(test, x86_decode(&insn, bytes, len, c->mode),
				DECODE_TRUNCATED);
}

static void decode_test_errors(struct kunit *test)
{
	const struct error_case *c = test->param_value;
	u8 bytes[X86_INSN_MAX + 1];
	unsigned int len = parse_bytes(bytes, c->bytes);
	struct x86_insn insn;

	KUNIT_EXPECT_EQ(test, x86_decode(&insn, bytes, len, c->mode),
			c->result);
}

static void decode_test_prefixes(struct kunit *test)
{
	static const u8 bytes[] = { 0xf2, 0xf3, 0x66, 0x64, 0x67, 0xa4 };
	struct x86_insn insn;

	KUNIT_ASSERT_EQ(test,
			x86_decode(&insn, bytes, sizeof(bytes), DECODE_64),
			DECODE_OK);
	KUNIT_EXPECT_EQ(test, insn.rep, 0xf3);
	KUNIT_EXPECT_EQ(test, insn.seg, X86_SEG_FS);
	KUNIT_EXPECT_EQ(test, insn.opsize, 2);
	KUNIT_EXPECT_EQ(test, insn.addrsize, 4);
	KUNIT_EXPECT_TRUE(test, insn.opsize_prefix);
	KUNIT_EXPECT_FALSE(test, insn.lock);
	KUNIT_EXPECT_FALSE(test, insn.has_modrm);
}

static void decode_case_name(const struct decode_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

static void error_case_name(const struct error_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(decode, decode_cases, decode_case_name);
KUNIT_ARRAY_PARAM(error, error_cases, error_case_name);

static struct kunit_case decode_test_cases[] = {
	KUNIT_CASE_PARAM(decode_test_operands, decode_gen_params),
	KUNIT_CASE_PARAM(decode_test_truncated, decode_gen_params),
	KUNIT_CASE_PARAM(decode_test_errors, error_gen_params),
	KUNIT_CASE(decode_test_prefixes),
	{}
};

static struct kunit_suite decode_test_suite = {
	.name = "kvm_x86_decode",
	.test_cases = decode_test_cases,
};

kunit_test_suite(decode_test_suite);
