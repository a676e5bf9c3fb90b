// SPDX-License-Identifier: GPL-2.0
/* Which features a guest can have: one row for every feature register. */
#include <linux/cache.h>
#include <asm/cpufeature.h>
#include <asm/fpu/api.h>
#include <asm/fpu/xcr.h>
#include <asm/processor.h>

#include "cpuid.h"

#define NO_WORD		(-1)

/**
 * struct caps_row - a feature register
 * @function: leaf
 * @index: subleaf
 * @reg: enum x86_cpuid_reg
 * @word: the kernel's word for it, or NO_WORD
 * @host: passed on if the CPU has it and the kernel did not turn it off
 * @raw: passed on if the CPU has it; the host's kernel need not use it
 * @emulated: there whatever the host has, because our code does it
 */
struct caps_row {
	u32 function;
	u8 index;
	u8 reg;
	s8 word;
	u32 host;
	u32 raw;
	u32 emulated;
};

#define F(name)		BIT(X86_FEATURE_##name & 31)

static const struct caps_row caps_rows[] = {
	{ 0x1, 0, X86_CPUID_ECX, CPUID_1_ECX,
	  .host = F(XMM3) | F(PCLMULQDQ) | F(SSSE3) | F(FMA) | F(CX16) | F(PCID) |
		  F(XMM4_1) | F(XMM4_2) | F(MOVBE) | F(POPCNT) | F(AES) | F(XSAVE) |
		  F(AVX) | F(F16C) | F(RDRAND),
	  .emulated = F(X2APIC) },
	{ 0x1, 0, X86_CPUID_EDX, CPUID_1_EDX,
	  .host = F(FPU) | F(VME) | F(DE) | F(PSE) | F(TSC) | F(MSR) | F(PAE) |
		  F(MCE) | F(CX8) | F(APIC) | F(SEP) | F(MTRR) | F(PGE) | F(MCA) |
		  F(CMOV) | F(PAT) | F(PSE36) | F(CLFLUSH) | F(MMX) | F(FXSR) |
		  F(XMM) | F(XMM2) | F(SELFSNOOP) },
	{ 0x6, 0, X86_CPUID_EAX, CPUID_6_EAX,
	  .emulated = F(ARAT) },
	{ 0x7, 0, X86_CPUID_EBX, CPUID_7_0_EBX,
	  .host = F(FSGSBASE) | F(BMI1) | F(HLE) | F(AVX2) | F(FDP_EXCPTN_ONLY) |
		  F(SMEP) | F(BMI2) | F(ERMS) | F(INVPCID) | F(RTM) |
		  F(ZERO_FCS_FDS) | F(AVX512F) | F(AVX512DQ) | F(RDSEED) | F(ADX) |
		  F(SMAP) | F(AVX512IFMA) | F(CLFLUSHOPT) | F(CLWB) | F(AVX512PF) |
		  F(AVX512ER) | F(AVX512CD) | F(SHA_NI) | F(AVX512BW) | F(AVX512VL),
	  .emulated = F(TSC_ADJUST) },
	{ 0x7, 0, X86_CPUID_ECX, CPUID_7_ECX,
	  .host = F(AVX512VBMI) | F(UMIP) | F(PKU) | F(AVX512_VBMI2) | F(GFNI) |
		  F(VAES) | F(VPCLMULQDQ) | F(AVX512_VNNI) | F(AVX512_BITALG) |
		  F(AVX512_VPOPCNTDQ) | F(RDPID) | F(CLDEMOTE) | F(MOVDIRI) |
		  F(MOVDIR64B),
	  .raw = F(LA57) },
	{ 0x7, 0, X86_CPUID_EDX, CPUID_7_EDX,
	  .host = F(AVX512_4VNNIW) | F(AVX512_4FMAPS) | F(FSRM) | F(MD_CLEAR) |
		  F(AVX512_VP2INTERSECT) | F(SERIALIZE) | F(TSXLDTRK) |
		  F(AVX512_FP16) | F(SPEC_CTRL) | F(INTEL_STIBP) |
		  F(SPEC_CTRL_SSBD) },
	{ 0x7, 1, X86_CPUID_EAX, CPUID_7_1_EAX,
	  .host = F(AVX_VNNI) | F(AVX512_BF16) | F(CMPCCXADD) | F(FZRM) | F(FSRS) |
		  F(FSRC) | F(AVX_IFMA) },
	/* AVX_VNNI_INT8, AVX_NE_CONVERT, PREFETCHITI */
	{ 0x7, 1, X86_CPUID_EDX, NO_WORD,
	  .raw = BIT(4) | BIT(5) | BIT(14) },
	/* MCDT_NO */
	{ 0x7, 2, X86_CPUID_EDX, NO_WORD,
	  .raw = BIT(5) },
	{ 0xd, 1, X86_CPUID_EAX, CPUID_D_1_EAX,
	  /* Guests have no supervisor state, but XSAVES without it. */
	  .host = F(XSAVEOPT) | F(XSAVEC) | F(XGETBV1) | F(XSAVES) },
	{ 0x80000001, 0, X86_CPUID_ECX, CPUID_8000_0001_ECX,
	  .host = F(LAHF_LM) | F(CMP_LEGACY) | F(CR8_LEGACY) | F(ABM) | F(SSE4A) |
		  F(MISALIGNSSE) | F(3DNOWPREFETCH) | F(XOP) | F(FMA4) |
		  F(TBM) | F(TOPOEXT) | F(OSVW) },
	{ 0x80000001, 0, X86_CPUID_EDX, CPUID_8000_0001_EDX,
	  .host = F(FPU) | F(VME) | F(DE) | F(PSE) | F(TSC) | F(MSR) | F(PAE) |
		  F(MCE) | F(CX8) | F(APIC) | F(SYSCALL) | F(MTRR) | F(PGE) |
		  F(MCA) | F(CMOV) | F(PAT) | F(PSE36) | F(NX) | F(MMXEXT) |
		  F(MMX) | F(FXSR) | F(FXSR_OPT) | F(GBPAGES) | F(RDTSCP) |
		  F(LM) | F(3DNOWEXT) | F(3DNOW) },
	/* CONSTANT_TSC, which stands in a word of the kernel's own */
	{ 0x80000007, 0, X86_CPUID_EDX, NO_WORD,
	  .raw = BIT(8) },
	{ 0x80000008, 0, X86_CPUID_EBX, CPUID_8000_0008_EBX,
	  .host = F(CLZERO) | F(XSAVEERPTR) | F(WBNOINVD) | F(AMD_IBPB) |
		  F(AMD_IBRS) | F(AMD_STIBP) | F(AMD_STIBP_ALWAYS_ON) |
		  F(AMD_SSBD) | F(AMD_SSB_NO) | F(AMD_PSFD) | F(BTC_NO) |
		  F(AMD_IBPB_RET) },
	{ 0x80000021, 0, X86_CPUID_EAX, CPUID_8000_0021_EAX,
	  .host = F(NO_NESTED_DATA_BP) | F(LFENCE_RDTSC) | F(NULL_SEL_CLR_BASE) |
		  F(AUTOIBRS) | F(SBPB) | F(IBPB_BRTYPE) | F(SRSO_NO) |
		  F(SRSO_USER_KERNEL_NO),
	  /* There is no SMM, and so no such register. */
	  .emulated = F(NO_SMM_CTL_MSR) },
};

u32 x86_caps[NR_CPUID_WORDS] __ro_after_init;
u64 x86_xcr0_supported __ro_after_init;
u32 x86_xsave_size __ro_after_init;
static u32 row_caps[ARRAY_SIZE(caps_rows)] __ro_after_init;

/* A CPU may answer a leaf above its highest with anything. */
static u32 host_register(const struct caps_row *row)
{
	u32 regs[4];

	if (cpuid_eax(row->function & 0x80000000) < row->function)
		return 0;
	if (row->function == 7 && row->index > cpuid_eax(7))
		return 0;
	cpuid_count(row->function, row->index, &regs[0], &regs[1], &regs[2], &regs[3]);
	return regs[row->reg];
}

static u32 row_supported(const struct caps_row *row)
{
	u32 has = host_register(row), on = has;

	if (row->word != NO_WORD)
		on &= boot_cpu_data.x86_capability[row->word];
	/* Keys are switched at entry only where the host itself has them on. */
	if (row->word == CPUID_7_ECX && !boot_cpu_has(X86_FEATURE_OSPKE))
		on &= ~F(PKU);
	return (row->host & on) | (row->raw & has) | row->emulated;
}

/* State that the guest may have, because it has what uses it. */
static void __init xcr0_follows_caps(void)
{
	x86_xcr0_supported = XFEATURE_MASK_FPSSE;
	if (!x86_can_have(X86_FEATURE_XSAVE))
		return;
	x86_xcr0_supported |= xgetbv(XCR_XFEATURE_ENABLED_MASK) &
			      (XFEATURE_MASK_YMM | XFEATURE_MASK_AVX512);
	if (x86_can_have(X86_FEATURE_PKU))
		x86_xcr0_supported |= XFEATURE_MASK_PKRU;
}

void __init x86_cpuid_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(caps_rows); i++) {
		row_caps[i] = row_supported(&caps_rows[i]);
		if (caps_rows[i].word != NO_WORD)
			x86_caps[caps_rows[i].word] = row_caps[i];
	}
	xcr0_follows_caps();
	x86_xsave_size = x86_xstate_size(x86_xcr0_supported, false);
}

bool x86_cpuid_caps_of(u32 function, u32 index, enum x86_cpuid_reg reg, u32 *caps)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(caps_rows); i++) {
		if (caps_rows[i].function != function ||
		    caps_rows[i].index != index || caps_rows[i].reg != reg)
			continue;
		*caps = row_caps[i];
		return true;
	}
	return false;
}

static u32 entry_register(const struct kvm_cpuid_entry2 *entry, enum x86_cpuid_reg reg)
{
	switch (reg) {
	case X86_CPUID_EAX:
		return entry->eax;
	case X86_CPUID_EBX:
		return entry->ebx;
	case X86_CPUID_ECX:
		return entry->ecx;
	default:
		return entry->edx;
	}
}

void x86_cpuid_guest_caps(struct x86_vcpu *vcpu)
{
	const struct kvm_cpuid_entry2 *entry;
	const struct caps_row *row;
	int i;

	for (i = 0; i < ARRAY_SIZE(caps_rows); i++) {
		row = &caps_rows[i];
		if (row->word == NO_WORD)
			continue;
		entry = x86_cpuid_find(vcpu, row->function, row->index);
		vcpu->caps[row->word] = entry ?
			entry_register(entry, row->reg) & row_caps[i] : 0;
	}
}
