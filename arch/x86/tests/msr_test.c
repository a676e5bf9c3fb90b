// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of the MSR table: its order, its places, its rules. */
#include <kunit/test.h>
#include <linux/bitops.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <asm/msr-index.h>

#include "../cpuid.h"
#include "../msr.h"

static u32 last(const struct x86_msr *msr)
{
	return msr->first + msr->more;
}

/* A vCPU that no backend knows: everything is current here. */
static struct x86_vcpu *bare_vcpu(struct kunit *test)
{
	struct x86_vcpu *vcpu = kunit_kzalloc(test, sizeof(*vcpu), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, vcpu);
	vcpu->vcpu.kvm = kunit_kzalloc(test, sizeof(struct x86_vm), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vcpu->vcpu.kvm);
	vcpu->cached = BIT(X86_NR_GROUPS) - 1;
	vcpu->maxphyaddr = 40;
	return vcpu;
}

static void sorted_and_disjoint(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < x86_nr_msrs; i++) {
		KUNIT_EXPECT_LE(test, x86_msrs[i].first, last(&x86_msrs[i]));
		if (i)
			KUNIT_EXPECT_LT(test, last(&x86_msrs[i - 1]), x86_msrs[i].first);
	}
}

static void every_number_is_found(struct kunit *test)
{
	unsigned int i;
	u32 index;

	for (i = 0; i < x86_nr_msrs; i++) {
		const struct x86_msr *msr = &x86_msrs[i], *next = msr + 1;

		for (index = msr->first; index <= last(msr); index++)
			KUNIT_EXPECT_PTR_EQ(test, msr, x86_find_msr(index));
		if (i + 1 == x86_nr_msrs || next->first > last(msr) + 1)
			KUNIT_EXPECT_NULL(test, x86_find_msr(last(msr) + 1));
	}
	KUNIT_EXPECT_NULL(test, x86_find_msr(0));
	KUNIT_EXPECT_NULL(test, x86_find_msr(U32_MAX));
}

/* A row's run of registers stays inside the vCPU; one group at most. */
static void places_are_inside(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < x86_nr_msrs; i++) {
		const struct x86_msr *msr = &x86_msrs[i];
		size_t size = (msr->more + 1) * sizeof(u64);

		KUNIT_EXPECT_LE(test, hweight8(msr->groups), 1);
		if (!msr->offset || (msr->get && msr->set))
			continue;
		KUNIT_EXPECT_GE(test, msr->offset, offsetof(struct x86_vcpu, seg));
		KUNIT_EXPECT_LE(test, msr->offset + size, sizeof(struct x86_vcpu));
		KUNIT_EXPECT_EQ(test, 0, msr->offset % sizeof(u64));
	}
}

/* No bit of a row without storage or handler can be set. */
static void nothing_to_write_is_not_written(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < x86_nr_msrs; i++) {
		const struct x86_msr *msr = &x86_msrs[i];

		if (!msr->offset && !msr->set && !(msr->flags & X86_MSR_IGNORED))
			KUNIT_EXPECT_EQ(test, 0, msr->legal);
	}
}

/* Plain rows keep the values of neighbours apart. */
static void stored_values(struct kunit *test)
{
	struct x86_vcpu *vcpu = bare_vcpu(test);
	unsigned int i;
	u64 data;

	for (i = 0; i < x86_nr_msrs; i++) {
		const struct x86_msr *msr = &x86_msrs[i];

		if (msr->set || msr->get || msr->check || !msr->offset ||
		    !x86_msr_possible(msr))
			continue;
		KUNIT_EXPECT_EQ(test, 0, x86_set_msr(vcpu, msr->first,
						     msr->legal & (0x1000 + i), true));
	}
	for (i = 0; i < x86_nr_msrs; i++) {
		const struct x86_msr *msr = &x86_msrs[i];

		if (msr->set || msr->get || msr->check || !msr->offset ||
		    !x86_msr_possible(msr))
			continue;
		KUNIT_EXPECT_EQ(test, 0, x86_get_msr(vcpu, msr->first, &data, true));
		KUNIT_EXPECT_EQ(test, msr->legal & (0x1000 + i), data);
	}
}

static void illegal_bits(struct kunit *test)
{
	struct x86_vcpu *vcpu = bare_vcpu(test);
	unsigned int i;

	for (i = 0; i < x86_nr_msrs; i++) {
		const struct x86_msr *msr = &x86_msrs[i];

		if (msr->legal == ~0ULL || !x86_msr_possible(msr))
			continue;
		KUNIT_EXPECT_EQ(test, -EINVAL,
				x86_set_msr(vcpu, msr->first, ~msr->legal, true));
	}
	KUNIT_EXPECT_EQ(test, -ENOENT, x86_set_msr(vcpu, 0x12345, 0, true));
}

/* What the guest's CPUID does not bring is there for userspace alone. */
static void guest_needs_the_feature(struct kunit *test)
{
	struct x86_vcpu *vcpu = bare_vcpu(test);
	unsigned int i;
	u64 data;

	for (i = 0; i < x86_nr_msrs; i++) {
		const struct x86_msr *msr = &x86_msrs[i];

		if (!msr->features[0])
			continue;
		KUNIT_EXPECT_EQ(test, -ENOENT, x86_get_msr(vcpu, msr->first, &data, false));
		KUNIT_EXPECT_EQ(test, -ENOENT, x86_set_msr(vcpu, msr->first, 0, false));
	}
}

static void guest_rights(struct kunit *test)
{
	struct x86_vcpu *vcpu = bare_vcpu(test);
	unsigned int i;
	u64 data;

	for (i = 0; i < x86_nr_msrs; i++) {
		const struct x86_msr *msr = &x86_msrs[i];

		if (msr->features[0])
			continue;
		if (msr->flags & X86_MSR_READ_ONLY)
			KUNIT_EXPECT_EQ(test, -EINVAL,
					x86_set_msr(vcpu, msr->first, 0, false));
		if (msr->flags & X86_MSR_WRITE_ONLY)
			KUNIT_EXPECT_EQ(test, -EINVAL,
					x86_get_msr(vcpu, msr->first, &data, false));
	}
}

/*
 * A CPU that the test machine is not: the suites run before what is
 * __ro_after_init becomes so.
 */
static void pretend(unsigned int feature, bool has)
{
	if (has)
		x86_caps[feature / 32] |= BIT(feature & 31);
	else
		x86_caps[feature / 32] &= ~BIT(feature & 31);
}

static const u16 spec_features[] = {
	X86_FEATURE_SPEC_CTRL, X86_FEATURE_INTEL_STIBP, X86_FEATURE_SPEC_CTRL_SSBD,
	X86_FEATURE_AMD_IBRS, X86_FEATURE_AMD_STIBP, X86_FEATURE_AMD_SSBD,
	X86_FEATURE_AMD_IBPB, X86_FEATURE_XSAVES,
};

static void save_caps(u32 *caps)
{
	unsigned int i;

	memcpy(caps, x86_caps, sizeof(x86_caps));
	for (i = 0; i < ARRAY_SIZE(spec_features); i++)
		pretend(spec_features[i], false);
}

/* Each of three bits comes with a CPUID bit of its own, by two names. */
static void spec_ctrl_by_feature(struct kunit *test)
{
	static const u64 legal[] = {
		SPEC_CTRL_IBRS, 0, 0, SPEC_CTRL_IBRS, SPEC_CTRL_STIBP, SPEC_CTRL_SSBD,
	};
	struct x86_vcpu *vcpu = bare_vcpu(test);
	u32 caps[NR_CPUID_WORDS];
	unsigned int i;
	u64 data, bit;
	int expected;

	save_caps(caps);
	KUNIT_EXPECT_EQ(test, -ENOENT, x86_set_msr(vcpu, MSR_IA32_SPEC_CTRL, 0, true));
	for (i = 0; i < ARRAY_SIZE(legal); i++) {
		pretend(spec_features[i], true);
		for (bit = 1; bit; bit <<= 1) {
			expected = bit & legal[i] ? 0 : legal[i] ? -EINVAL : -ENOENT;
			KUNIT_EXPECT_EQ_MSG(test, expected,
					    x86_set_msr(vcpu, MSR_IA32_SPEC_CTRL, bit, true),
					    "feature %u, bit %llx", i, bit);
		}
		pretend(spec_features[i], false);
	}
	/* Of Intel: one bit brings the register, the others more of it. */
	for (i = 0; i < 3; i++)
		pretend(spec_features[i], true);
	KUNIT_EXPECT_EQ(test, 0, x86_set_msr(vcpu, MSR_IA32_SPEC_CTRL, 7, true));
	KUNIT_EXPECT_EQ(test, -EINVAL, x86_set_msr(vcpu, MSR_IA32_SPEC_CTRL, 8, true));
	KUNIT_EXPECT_EQ(test, 0, x86_get_msr(vcpu, MSR_IA32_SPEC_CTRL, &data, true));
	KUNIT_EXPECT_EQ(test, 7, data);
	memcpy(x86_caps, caps, sizeof(caps));
}

/* A guest that uses it is let at the register; one that userspace restores, not yet. */
static void spec_ctrl_becomes_the_guests(struct kunit *test)
{
	struct x86_vcpu *vcpu = bare_vcpu(test);
	u32 caps[NR_CPUID_WORDS];
	u64 data;

	save_caps(caps);
	pretend(X86_FEATURE_AMD_IBRS, true);
	KUNIT_EXPECT_EQ(test, -ENOENT, x86_set_msr(vcpu, MSR_IA32_SPEC_CTRL, 1, false));
	memcpy(vcpu->caps, x86_caps, sizeof(caps));
	KUNIT_EXPECT_EQ(test, 0, x86_set_msr(vcpu, MSR_IA32_SPEC_CTRL, 1, true));
	KUNIT_EXPECT_EQ(test, 0, x86_set_msr(vcpu, MSR_IA32_SPEC_CTRL, 0, false));
	KUNIT_EXPECT_FALSE(test, vcpu->owns_spec_ctrl);
	KUNIT_EXPECT_FALSE(test, kvm_check_request(X86_REQ_MSR_FILTER, &vcpu->vcpu));
	KUNIT_EXPECT_EQ(test, -EINVAL, x86_set_msr(vcpu, MSR_IA32_SPEC_CTRL, 4, false));
	KUNIT_EXPECT_EQ(test, 0, x86_set_msr(vcpu, MSR_IA32_SPEC_CTRL, 1, false));
	KUNIT_EXPECT_TRUE(test, vcpu->owns_spec_ctrl);
	KUNIT_EXPECT_TRUE(test, kvm_check_request(X86_REQ_MSR_FILTER, &vcpu->vcpu));
	KUNIT_EXPECT_EQ(test, 0, x86_get_msr(vcpu, MSR_IA32_SPEC_CTRL, &data, false));
	KUNIT_EXPECT_EQ(test, 1, data);
	memcpy(x86_caps, caps, sizeof(caps));
}

/* Commands are written, one bit alone, and never read; no supervisor state exists. */
static void pred_cmd_and_xss(struct kunit *test)
{
	struct x86_vcpu *vcpu = bare_vcpu(test);
	u32 caps[NR_CPUID_WORDS];
	u64 data;

	save_caps(caps);
	KUNIT_EXPECT_EQ(test, -ENOENT, x86_set_msr(vcpu, MSR_IA32_PRED_CMD, 0, true));
	KUNIT_EXPECT_EQ(test, -ENOENT, x86_set_msr(vcpu, MSR_IA32_XSS, 0, true));
	pretend(X86_FEATURE_AMD_IBPB, true);
	pretend(X86_FEATURE_XSAVES, true);
	memcpy(vcpu->caps, x86_caps, sizeof(caps));
	KUNIT_EXPECT_EQ(test, 0, x86_set_msr(vcpu, MSR_IA32_PRED_CMD, PRED_CMD_IBPB, true));
	KUNIT_EXPECT_EQ(test, 0, x86_set_msr(vcpu, MSR_IA32_PRED_CMD, 0, false));
	KUNIT_EXPECT_EQ(test, -EINVAL, x86_set_msr(vcpu, MSR_IA32_PRED_CMD, 2, false));
	KUNIT_EXPECT_EQ(test, -EINVAL, x86_get_msr(vcpu, MSR_IA32_PRED_CMD, &data, false));
	KUNIT_EXPECT_EQ(test, 0, x86_set_msr(vcpu, MSR_IA32_XSS, 0, false));
	KUNIT_EXPECT_EQ(test, -EINVAL, x86_set_msr(vcpu, MSR_IA32_XSS, BIT(11), true));
	KUNIT_EXPECT_EQ(test, -EINVAL, x86_set_msr(vcpu, MSR_IA32_XSS, BIT(8), false));
	KUNIT_EXPECT_EQ(test, 0, x86_get_msr(vcpu, MSR_IA32_XSS, &data, false));
	KUNIT_EXPECT_EQ(test, 0, data);
	memcpy(x86_caps, caps, sizeof(caps));
}

static struct kunit_case msr_cases[] = {
	KUNIT_CASE(sorted_and_disjoint),
	KUNIT_CASE(every_number_is_found),
	KUNIT_CASE(places_are_inside),
	KUNIT_CASE(nothing_to_write_is_not_written),
	KUNIT_CASE(stored_values),
	KUNIT_CASE(illegal_bits),
	KUNIT_CASE(guest_needs_the_feature),
	KUNIT_CASE(guest_rights),
	KUNIT_CASE(spec_ctrl_by_feature),
	KUNIT_CASE(spec_ctrl_becomes_the_guests),
	KUNIT_CASE(pred_cmd_and_xss),
	{}
};

static struct kunit_suite msr_suite = {
	.name = "kvm_x86_msr",
	.test_cases = msr_cases,
};

kunit_test_suite(msr_suite);
