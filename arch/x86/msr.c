// SPDX-License-Identifier: GPL-2.0
/* The table of model-specific registers, and how a row is read and written. */
#include <linux/hash.h>
#include <linux/kernel.h>
#include <asm/apicdef.h>
#include <asm/msr-index.h>
#include <asm/mtrr.h>
#include <asm/nospec-branch.h>

#include "apic_base.h"
#include "cpuid.h"
#include "lapic.h"
#include "mce.h"
#include "msr.h"
#include "regs.h"
#include "tsc.h"

#define ANY		(~0ULL)
#define RUN(begin, end)	.first = (begin), .more = (end) - (begin)
#define STORED(member)	.offset = offsetof(struct x86_vcpu, member)
#define IN(group, member)	\
	.groups = BIT(X86_GROUP_##group), STORED(member)

#define MSR_HINT_BITS	7

/* Eight variable ranges, the fixed ones, write combining (APM 2, 7.7.2). */
#define MTRRCAP_VALUE	(X86_NR_VAR_MTRRS | BIT(8) | BIT(10))

/* HWCR (BKDG, PPR): what Linux and firmware write, and what we keep of it. */
#define HWCR_IGNORED	(BIT_ULL(3) | BIT_ULL(6) | BIT_ULL(8))
#define HWCR_KEPT	(BIT_ULL(18) | BIT_ULL(24))

#define SPEC_CTRL_FEATURES						\
	{ X86_FEATURE_SPEC_CTRL, X86_FEATURE_AMD_IBRS,			\
	  X86_FEATURE_AMD_STIBP, X86_FEATURE_AMD_SSBD }

static int get_mtrrcap(struct x86_vcpu *vcpu, u32 index, u64 *data, bool host)
{
	*data = MTRRCAP_VALUE;
	return 0;
}

static int get_platform_info(struct x86_vcpu *vcpu, u32 index, u64 *data, bool host)
{
	if (!host && to_x86_vm(vcpu->vcpu.kvm)->no_platform_info)
		return -EINVAL;
	*data = vcpu->platform_info;
	return 0;
}

/* CPUID faulting cannot lose its announcement while it is on. */
static int set_platform_info(struct x86_vcpu *vcpu, u32 index, u64 data, bool host)
{
	if (!(data & MSR_PLATFORM_INFO_CPUID_FAULT) && vcpu->misc_features)
		return -EINVAL;
	vcpu->platform_info = data;
	return 0;
}

static int set_misc_features(struct x86_vcpu *vcpu, u32 index, u64 data, bool host)
{
	if (data && !(vcpu->platform_info & MSR_PLATFORM_INFO_CPUID_FAULT))
		return -EINVAL;
	vcpu->misc_features = data;
	return 0;
}

static int set_apic_base(struct x86_vcpu *vcpu, u32 index, u64 data, bool host)
{
	return x86_set_apic_base(vcpu, data, host);
}

static int get_x2apic(struct x86_vcpu *vcpu, u32 index, u64 *data, bool host)
{
	return lapic_get_msr(vcpu, index, data);
}

static int set_x2apic(struct x86_vcpu *vcpu, u32 index, u64 data, bool host)
{
	return lapic_set_msr(vcpu, index, data);
}

static int get_tsc_deadline(struct x86_vcpu *vcpu, u32 index, u64 *data, bool host)
{
	*data = lapic_get_tsc_deadline(vcpu);
	return 0;
}

static int set_tsc_deadline(struct x86_vcpu *vcpu, u32 index, u64 data, bool host)
{
	lapic_set_tsc_deadline(vcpu, data);
	return 0;
}

static int set_efer(struct x86_vcpu *vcpu, u32 index, u64 data, bool host)
{
	return x86_set_efer(vcpu, data);
}

static int set_hwcr(struct x86_vcpu *vcpu, u32 index, u64 data, bool host)
{
	vcpu->hwcr = data & HWCR_KEPT;
	return 0;
}

static int set_pred_cmd(struct x86_vcpu *vcpu, u32 index, u64 data, bool host)
{
	if (data && !host)
		wrmsrl(MSR_IA32_PRED_CMD, data);
	return 0;
}

/* Who sets it once does so each time its kernel is entered: no more exits for that. */
static int set_spec_ctrl(struct x86_vcpu *vcpu, u32 index, u64 data, bool host)
{
	vcpu->spec_ctrl = data;
	if (!host && data && !vcpu->owns_spec_ctrl) {
		vcpu->owns_spec_ctrl = true;
		kvm_make_request(X86_REQ_MSR_FILTER, &vcpu->vcpu);
	}
	return 0;
}

/* SSBD, STIBP, IBRS are one register with a CPUID bit each. */
static bool spec_ctrl_legal(struct x86_vcpu *vcpu, u64 data)
{
	u64 legal = 0;

	if (x86_can_have(X86_FEATURE_SPEC_CTRL) || x86_can_have(X86_FEATURE_AMD_IBRS))
		legal |= SPEC_CTRL_IBRS;
	if (x86_can_have(X86_FEATURE_INTEL_STIBP) || x86_can_have(X86_FEATURE_AMD_STIBP))
		legal |= SPEC_CTRL_STIBP;
	if (x86_can_have(X86_FEATURE_SPEC_CTRL_SSBD) || x86_can_have(X86_FEATURE_AMD_SSBD))
		legal |= SPEC_CTRL_SSBD;
	return !(data & ~legal);
}

/* Sorted by number: x86_find_msr() searches it. */
const struct x86_msr x86_msrs[] = {
	{ MSR_IA32_TSC, .flags = X86_MSR_SAVED, .legal = ANY,
	  .get = x86_tsc_get_msr, .set = x86_tsc_set_msr },
	{ RUN(MSR_KVM_WALL_CLOCK, MSR_KVM_SYSTEM_TIME), .flags = X86_MSR_SAVED, .legal = ANY,
	  .get = x86_pv_get_msr, .set = x86_pv_set_msr },
	{ MSR_IA32_APICBASE, .legal = ANY, STORED(apic_base), .set = set_apic_base },
	{ MSR_IA32_TSC_ADJUST, .features = { X86_FEATURE_TSC_ADJUST },
	  .flags = X86_MSR_SAVED, .legal = ANY, STORED(tsc_adjust),
	  .set = x86_tsc_set_adjust },
	{ MSR_IA32_SPEC_CTRL, .features = SPEC_CTRL_FEATURES, .flags = X86_MSR_SAVED,
	  .legal = ANY, .check = spec_ctrl_legal, STORED(spec_ctrl), .set = set_spec_ctrl },
	{ MSR_IA32_PRED_CMD, .features = { X86_FEATURE_SPEC_CTRL, X86_FEATURE_AMD_IBPB },
	  .flags = X86_MSR_WRITE_ONLY, .legal = PRED_CMD_IBPB, .set = set_pred_cmd },
	{ MSR_IA32_UCODE_WRITE, .flags = X86_MSR_IGNORED | X86_MSR_WRITE_ONLY,
	  .legal = ANY },
	{ MSR_IA32_UCODE_REV, .flags = X86_MSR_SAVED | X86_MSR_FEATURE | X86_MSR_IGNORED,
	  .legal = ANY, STORED(ucode_rev) },
	{ MSR_PLATFORM_INFO,
	  .flags = X86_MSR_SAVED | X86_MSR_FEATURE | X86_MSR_READ_ONLY, .legal = ANY,
	  STORED(platform_info), .get = get_platform_info, .set = set_platform_info },
	{ MSR_MTRRcap, .flags = X86_MSR_READ_ONLY | X86_MSR_IGNORED, .legal = ANY,
	  .get = get_mtrrcap },
	{ MSR_MISC_FEATURES_ENABLES, .flags = X86_MSR_SAVED,
	  .legal = MSR_MISC_FEATURES_ENABLES_CPUID_FAULT, STORED(misc_features),
	  .set = set_misc_features },
	{ MSR_IA32_SYSENTER_CS, .flags = X86_MSR_SAVED, .legal = ANY,
	  IN(SYSCALL, sysenter_cs) },
	{ MSR_IA32_SYSENTER_ESP, .flags = X86_MSR_SAVED, .legal = ANY,
	  .check = x86_is_canonical, IN(SYSCALL, sysenter_esp) },
	{ MSR_IA32_SYSENTER_EIP, .flags = X86_MSR_SAVED, .legal = ANY,
	  .check = x86_is_canonical, IN(SYSCALL, sysenter_eip) },
	{ MSR_IA32_MCG_CAP, .flags = X86_MSR_READ_ONLY | X86_MSR_IGNORED,
	  .legal = ANY, STORED(mce.cap) },
	{ MSR_IA32_MCG_STATUS, .flags = X86_MSR_SAVED, .legal = ANY, STORED(mce.status),
	  .set = x86_mce_set_status },
	{ MSR_IA32_MCG_CTL, .flags = X86_MSR_SAVED, .legal = ANY, STORED(mce.ctl),
	  .get = x86_mce_get_ctl, .set = x86_mce_set_ctl },
	{ MSR_IA32_MISC_ENABLE, .flags = X86_MSR_SAVED, STORED(misc_enable),
	  .legal = MSR_IA32_MISC_ENABLE_FAST_STRING | MSR_IA32_MISC_ENABLE_BTS_UNAVAIL |
		   MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL | MSR_IA32_MISC_ENABLE_MWAIT },
	/* Without LBR virtualization there is nothing to switch on. */
	{ MSR_IA32_DEBUGCTLMSR, .legal = 0 },
	/* Of Intel; guests on any CPU keep there what they like. */
	{ MSR_IA32_POWER_CTL, .flags = X86_MSR_SAVED, .legal = ANY, STORED(power_ctl) },
	{ RUN(MTRRphysBase_MSR(0), MTRRphysMask_MSR(X86_NR_VAR_MTRRS - 1)), .flags = X86_MSR_SAVED,
	  .legal = ANY, STORED(mtrr.var), .set = x86_mtrr_set_var },
	{ MSR_MTRRfix64K_00000, .flags = X86_MSR_SAVED, .legal = ANY,
	  .check = x86_mtrr_fixed_legal, STORED(mtrr.fixed[0]) },
	{ RUN(MSR_MTRRfix16K_80000, MSR_MTRRfix16K_A0000), .flags = X86_MSR_SAVED,
	  .legal = ANY, .check = x86_mtrr_fixed_legal, STORED(mtrr.fixed[1]) },
	{ RUN(MSR_MTRRfix4K_C0000, MSR_MTRRfix4K_F8000), .flags = X86_MSR_SAVED,
	  .legal = ANY, .check = x86_mtrr_fixed_legal, STORED(mtrr.fixed[3]) },
	{ MSR_IA32_CR_PAT, .flags = X86_MSR_SAVED, .legal = ANY, .check = x86_pat_legal,
	  IN(CONTROL, pat) },
	{ MSR_MTRRdefType, .flags = X86_MSR_SAVED, .legal = ANY,
	  .check = x86_mtrr_deftype_legal, STORED(mtrr.def_type) },
	/* Not listed: how many there are, differs from vCPU to vCPU. */
	{ RUN(MSR_IA32_MC0_CTL, MSR_IA32_MCx_MISC(X86_MAX_MCE_BANKS - 1)), .legal = ANY,
	  .get = x86_mce_get_bank, .set = x86_mce_set_bank },
	/* No supervisor state components. */
	{ MSR_IA32_TSC_DEADLINE, .flags = X86_MSR_SAVED | X86_MSR_IRQCHIP, .legal = ANY,
	  .get = get_tsc_deadline, .set = set_tsc_deadline },
	{ RUN(APIC_BASE_MSR, APIC_BASE_MSR + 0xff), .flags = X86_MSR_IRQCHIP, .legal = ANY,
	  .get = get_x2apic, .set = set_x2apic },
	{ MSR_IA32_XSS, .features = { X86_FEATURE_XSAVES }, .legal = 0 },
	{ RUN(MSR_KVM_WALL_CLOCK_NEW, MSR_KVM_ASYNC_PF_ACK), .flags = X86_MSR_SAVED, .legal = ANY,
	  .get = x86_pv_get_msr, .set = x86_pv_set_msr },
	{ MSR_EFER, .flags = X86_MSR_SAVED, .legal = ANY, IN(CONTROL, efer), .set = set_efer },
	{ MSR_STAR, .features = { X86_FEATURE_SYSCALL }, .flags = X86_MSR_SAVED,
	  .legal = ANY, IN(SYSCALL, star) },
	{ MSR_LSTAR, .features = { X86_FEATURE_LM }, .flags = X86_MSR_SAVED, .legal = ANY,
	  .check = x86_is_canonical, IN(SYSCALL, lstar) },
	{ MSR_CSTAR, .features = { X86_FEATURE_LM }, .flags = X86_MSR_SAVED, .legal = ANY,
	  .check = x86_is_canonical, IN(SYSCALL, cstar) },
	{ MSR_SYSCALL_MASK, .features = { X86_FEATURE_LM }, .flags = X86_MSR_SAVED,
	  .legal = ANY, IN(SYSCALL, sfmask) },
	{ MSR_FS_BASE, .features = { X86_FEATURE_LM }, .legal = ANY,
	  .check = x86_is_canonical, IN(SEGMENTS, seg[X86_FS].base) },
	{ MSR_GS_BASE, .features = { X86_FEATURE_LM }, .legal = ANY,
	  .check = x86_is_canonical, IN(SEGMENTS, seg[X86_GS].base) },
	{ MSR_KERNEL_GS_BASE, .features = { X86_FEATURE_LM }, .flags = X86_MSR_SAVED,
	  .legal = ANY, .check = x86_is_canonical, IN(SYSCALL, kernel_gs_base) },
	{ MSR_TSC_AUX, .features = { X86_FEATURE_RDTSCP, X86_FEATURE_RDPID },
	  .flags = X86_MSR_SAVED, .legal = U32_MAX, STORED(tsc_aux) },
	/* What kernels look at on AMD, and find at its reset value. */
	{ MSR_AMD64_SYSCFG, .legal = 0 },
	{ MSR_K7_HWCR, .flags = X86_MSR_SAVED, .legal = HWCR_KEPT | HWCR_IGNORED,
	  STORED(hwcr), .set = set_hwcr },
	{ MSR_AMD64_NB_CFG, .legal = 0 },
	{ MSR_AMD64_PATCH_LOADER, .flags = X86_MSR_IGNORED | X86_MSR_WRITE_ONLY,
	  .legal = ANY },
	{ MSR_K8_INT_PENDING_MSG, .legal = 0 },
	{ MSR_AMD64_DC_CFG, .legal = 0 },
	{ MSR_AMD64_DE_CFG, .flags = X86_MSR_SAVED | X86_MSR_FEATURE,
	  .legal = MSR_AMD64_DE_CFG_LFENCE_SERIALIZE, STORED(de_cfg) },
	{ MSR_AMD64_BU_CFG2, .legal = 0 },
};

const unsigned int x86_nr_msrs = ARRAY_SIZE(x86_msrs);

static bool msr_in_row(const struct x86_msr *msr, u32 index)
{
	return index - msr->first <= msr->more;
}

/* The rows that were found last: guests and userspace ask for few registers, often. */
static u8 msr_hints[BIT(MSR_HINT_BITS)];
static_assert(ARRAY_SIZE(x86_msrs) <= U8_MAX);

static noinline const struct x86_msr *search_msr(u32 index, u8 *hint)
{
	unsigned int low = 0, high = ARRAY_SIZE(x86_msrs), mid;

	/* The last row that does not begin behind it. */
	while (low < high) {
		mid = (low + high) / 2;
		if (x86_msrs[mid].first <= index)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low || !msr_in_row(&x86_msrs[low - 1], index))
		return NULL;
	WRITE_ONCE(*hint, low - 1);
	return &x86_msrs[low - 1];
}

static __always_inline const struct x86_msr *find_msr(u32 index)
{
	u8 *hint = &msr_hints[hash_32(index, MSR_HINT_BITS)];
	/* Pairs with the write in search_msr(): any row is a good guess, and checked. */
	const struct x86_msr *msr = &x86_msrs[READ_ONCE(*hint)];

	return likely(msr_in_row(msr, index)) ? msr : search_msr(index, hint);
}

const struct x86_msr *x86_find_msr(u32 index)
{
	return find_msr(index);
}

static inline bool msr_has_feature(const struct x86_msr *msr, const u32 *caps)
{
	const u16 *feature = msr->features;

	if (!*feature)
		return true;
	do {
		if (caps[*feature / 32] & BIT(*feature & 31))
			return true;
	} while (++feature < msr->features + ARRAY_SIZE(msr->features) && *feature);
	return false;
}

bool x86_msr_possible(const struct x86_msr *msr)
{
	return msr_has_feature(msr, x86_caps);
}

/* The row, if this register is there for whoever asks. */
static inline const struct x86_msr *msr_row(struct x86_vcpu *vcpu, u32 index, bool host)
{
	const struct x86_msr *msr = find_msr(index);

	return msr && msr_has_feature(msr, host ? x86_caps : vcpu->caps) ? msr : NULL;
}

static inline u64 *msr_place(struct x86_vcpu *vcpu, const struct x86_msr *msr, u32 index)
{
	if (msr->groups)
		x86_fetch(vcpu, __ffs(msr->groups));
	return (u64 *)((void *)vcpu + msr->offset) +
	       array_index_nospec(index - msr->first, msr->more + 1);
}

int x86_get_msr(struct x86_vcpu *vcpu, u32 index, u64 *data, bool host)
{
	const struct x86_msr *msr = msr_row(vcpu, index, host);

	*data = 0;
	if (!msr)
		return -ENOENT;
	if (!host && (msr->flags & X86_MSR_WRITE_ONLY))
		return -EINVAL;
	if (msr->get)
		return msr->get(vcpu, index, data, host);
	if (msr->offset)
		*data = *msr_place(vcpu, msr, index);
	return 0;
}

int x86_set_msr(struct x86_vcpu *vcpu, u32 index, u64 data, bool host)
{
	const struct x86_msr *msr = msr_row(vcpu, index, host);

	if (!msr)
		return -ENOENT;
	if (!host && (msr->flags & X86_MSR_READ_ONLY))
		return -EINVAL;
	if ((data & ~msr->legal) || (msr->check && !msr->check(vcpu, data)))
		return -EINVAL;
	if (msr->set)
		return msr->set(vcpu, index, data, host);
	if (!msr->offset || (!host && (msr->flags & X86_MSR_IGNORED)))
		return 0;
	*msr_place(vcpu, msr, index) = data;
	if (msr->groups)
		x86_mark_dirty(vcpu, __ffs(msr->groups));
	return 0;
}

void x86_msr_reset(struct x86_vcpu *vcpu)
{
	vcpu->misc_enable = MSR_IA32_MISC_ENABLE_BTS_UNAVAIL |
			    MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL;
	vcpu->misc_features = 0;
	vcpu->hwcr = 0;
	vcpu->spec_ctrl = 0;
	vcpu->power_ctl = 0;
	vcpu->tsc_aux = 0;
}
