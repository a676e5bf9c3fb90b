// SPDX-License-Identifier: GPL-2.0
/*
 * What arch/x86/decode.c calls an instruction, by Zydis' mnemonic.
 */
#include "check.h"

#define MAP(mnemonic, op)	{ ZYDIS_MNEMONIC_##mnemonic, op }
#define SAME(mnemonic)		MAP(mnemonic, OP_##mnemonic)

static const struct {
	u16 mnemonic;
	u8 op;
} named[] = {
	SAME(MOV), SAME(MOVZX), SAME(MOVSX), SAME(MOVBE), SAME(MOVNTI),
	SAME(XCHG), SAME(XADD), SAME(CMPXCHG), SAME(CMPXCHG8B), SAME(PUSH),
	SAME(POP), SAME(ADD), SAME(OR), SAME(ADC), SAME(SBB), SAME(AND),
	SAME(SUB), SAME(XOR), SAME(CMP), SAME(TEST), SAME(INC), SAME(DEC),
	SAME(NOT), SAME(NEG), SAME(BT), SAME(BTS), SAME(BTR), SAME(BTC),
	SAME(IN), SAME(OUT), SAME(CPUID), SAME(RDMSR), SAME(WRMSR),
	SAME(RDTSC), SAME(RDTSCP), SAME(RDPMC), SAME(RDPRU), SAME(HLT),
	SAME(PAUSE), SAME(MONITOR), SAME(MWAIT), SAME(MONITORX), SAME(MWAITX),
	SAME(INVD), SAME(WBINVD), SAME(INVLPG), SAME(INVLPGA), SAME(INVLPGB),
	SAME(TLBSYNC), SAME(INVPCID), SAME(MCOMMIT), SAME(XSETBV), SAME(CLTS),
	SAME(LMSW), SAME(SMSW), SAME(SGDT), SAME(SIDT), SAME(LGDT), SAME(LIDT),
	SAME(SLDT), SAME(STR), SAME(LLDT), SAME(LTR), SAME(INT), SAME(INT1),
	SAME(INT3), SAME(INTO), SAME(IRET), SAME(RSM), SAME(PUSHF), SAME(POPF),
	SAME(VMCALL), SAME(VMMCALL), SAME(VMRUN), SAME(VMLOAD), SAME(VMSAVE),
	SAME(STGI), SAME(CLGI), SAME(SKINIT),

	MAP(MOVSXD, OP_MOVSX), MAP(CMPXCHG16B, OP_CMPXCHG8B),
	MAP(IRETD, OP_IRET), MAP(IRETQ, OP_IRET),
	MAP(PUSHFD, OP_PUSHF), MAP(PUSHFQ, OP_PUSHF),
	MAP(POPFD, OP_POPF), MAP(POPFQ, OP_POPF),
	MAP(INSB, OP_INS), MAP(INSW, OP_INS), MAP(INSD, OP_INS),
	MAP(OUTSB, OP_OUTS), MAP(OUTSW, OP_OUTS), MAP(OUTSD, OP_OUTS),
	MAP(MOVSB, OP_MOVS), MAP(MOVSW, OP_MOVS), MAP(MOVSD, OP_MOVS),
	MAP(MOVSQ, OP_MOVS),
	MAP(CMPSB, OP_CMPS), MAP(CMPSW, OP_CMPS), MAP(CMPSD, OP_CMPS),
	MAP(CMPSQ, OP_CMPS),
	MAP(STOSB, OP_STOS), MAP(STOSW, OP_STOS), MAP(STOSD, OP_STOS),
	MAP(STOSQ, OP_STOS),
	MAP(LODSB, OP_LODS), MAP(LODSW, OP_LODS), MAP(LODSD, OP_LODS),
	MAP(LODSQ, OP_LODS),
	MAP(SCASB, OP_SCAS), MAP(SCASW, OP_SCAS), MAP(SCASD, OP_SCAS),
	MAP(SCASQ, OP_SCAS),
	MAP(MOVAPS, OP_VMOVA), MAP(MOVAPD, OP_VMOVA), MAP(MOVDQA, OP_VMOVA),
	MAP(MOVNTPS, OP_VMOVA), MAP(MOVNTPD, OP_VMOVA),
	MAP(MOVNTDQ, OP_VMOVA), MAP(MOVNTDQA, OP_VMOVA),
	MAP(VMOVAPS, OP_VMOVA), MAP(VMOVAPD, OP_VMOVA),
	MAP(VMOVDQA, OP_VMOVA), MAP(VMOVNTPS, OP_VMOVA),
	MAP(VMOVNTPD, OP_VMOVA), MAP(VMOVNTDQ, OP_VMOVA),
	MAP(VMOVNTDQA, OP_VMOVA),
	MAP(MOVUPS, OP_VMOVU), MAP(MOVUPD, OP_VMOVU), MAP(MOVDQU, OP_VMOVU),
	MAP(LDDQU, OP_VMOVU), MAP(VMOVUPS, OP_VMOVU), MAP(VMOVUPD, OP_VMOVU),
	MAP(VMOVDQU, OP_VMOVU), MAP(VLDDQU, OP_VMOVU),
	{}
};

static u8 op_by_mnemonic[ZYDIS_MNEMONIC_MAX_VALUE + 1];

void mnemonic_init(void)
{
	unsigned int i;

	for (i = 0; named[i].mnemonic; i++)
		op_by_mnemonic[named[i].mnemonic] = named[i].op;
}

static bool has_register_of(const struct pair *p, ZydisRegisterClass class)
{
	unsigned int i;

	for (i = 0; i < p->z.operand_count_visible; i++)
		if (p->zop[i].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    ZydisRegisterGetClass(p->zop[i].reg.value) == class)
			return true;
	return false;
}

enum x86_op op_of(const struct pair *p)
{
	u8 op = op_by_mnemonic[p->z.mnemonic];

	switch (p->z.mnemonic) {
	case ZYDIS_MNEMONIC_MOVSD:
	case ZYDIS_MNEMONIC_CMPSD:
		/* Two SSE instructions have the same names. */
		return p->z.meta.isa_ext == ZYDIS_ISA_EXT_BASE ? op : OP_OTHER;
	case ZYDIS_MNEMONIC_CALL:
		return p->z.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR ?
			OP_CALL_FAR : OP_OTHER;
	case ZYDIS_MNEMONIC_JMP:
		return p->z.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR ?
			OP_JMP_FAR : OP_OTHER;
	case ZYDIS_MNEMONIC_MOV:
		if (has_register_of(p, ZYDIS_REGCLASS_CONTROL))
			return OP_MOV_CR;
		if (has_register_of(p, ZYDIS_REGCLASS_DEBUG))
			return OP_MOV_DR;
		return OP_MOV;
	default:
		return op ? op : OP_OTHER;
	}
}
