// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of CPUID: how entries are found, and what may be passed on. */
#include <kunit/test.h>
#include <linux/slab.h>

#include "../cpuid.h"
#include "../xstate.h"

#define INDEXED		KVM_CPUID_FLAG_SIGNIFCANT_INDEX

/* In no order, with two that answer the same leaf. */
static const struct kvm_cpuid_entry2 entries[] = {
	{ .function = 0x80000001, .eax = 1 },
	{ .function = 0x7, .index = 1, .flags = INDEXED, .eax = 2 },
	{ .function = 0x0, .eax = 0x10, .ebx = 0x756e6547 },
	{ .function = 0x7, .index = 0, .flags = INDEXED, .eax = 4 },
	{ .function = 0x1, .eax = 5 },
	{ .function = 0x1, .eax = 6 },
	{ .function = 0x10, .eax = 7 },
	{ .function = 0x80000000, .eax = 0x80000001 },
	{ .function = 0xb, .index = 1, .flags = INDEXED, .edx = 0x77 },
};

static struct x86_vcpu *vcpu_with(struct kunit *test, const struct kvm_cpuid_entry2 *from,
				  unsigned int nent, const u8 *order)
{
	struct x86_vcpu *vcpu = kunit_kzalloc(test, sizeof(*vcpu), GFP_KERNEL);
	struct x86_cpuid *cpuid;

	KUNIT_ASSERT_NOT_NULL(test, vcpu);
	cpuid = kunit_kzalloc(test, struct_size(cpuid, entries, nent) + nent, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, cpuid);
	cpuid->nent = nent;
	cpuid->order = (u8 *)&cpuid->entries[nent];
	memcpy(cpuid->entries, from, nent * sizeof(*from));
	memcpy(cpuid->order, order, nent);
	vcpu->cpuid = cpuid;
	vcpu->vcpu.kvm = kunit_kzalloc(test, sizeof(struct x86_vm), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vcpu->vcpu.kvm);
	vcpu->cached = BIT(X86_NR_GROUPS) - 1;
	return vcpu;
}

static struct x86_vcpu *sorted_vcpu(struct kunit *test)
{
	static const u8 order[] = { 2, 4, 5, 1, 3, 8, 6, 7, 0 };

	static_assert(ARRAY_SIZE(order) == ARRAY_SIZE(entries));
	return vcpu_with(test, entries, ARRAY_SIZE(entries), order);
}

static u32 eax_of(const struct x86_vcpu *vcpu, u32 function, u32 index)
{
	const struct kvm_cpuid_entry2 *entry = x86_cpuid_find(vcpu, function, index);

	return entry ? entry->eax : ~0U;
}

static void find(struct kunit *test)
{
	struct x86_vcpu *vcpu = sorted_vcpu(test);

	KUNIT_EXPECT_EQ(test, 0x10, eax_of(vcpu, 0, 0));
	KUNIT_EXPECT_EQ(test, 4, eax_of(vcpu, 7, 0));
	KUNIT_EXPECT_EQ(test, 2, eax_of(vcpu, 7, 1));
	KUNIT_EXPECT_EQ(test, ~0U, eax_of(vcpu, 7, 2));
	KUNIT_EXPECT_EQ(test, 1, eax_of(vcpu, 0x80000001, 0));
	KUNIT_EXPECT_EQ(test, ~0U, eax_of(vcpu, 2, 0));
	KUNIT_EXPECT_EQ(test, ~0U, eax_of(vcpu, 0x80000002, 0));
	KUNIT_EXPECT_EQ(test, ~0U, eax_of(vcpu, U32_MAX, 0));
	/* Where the index does not count, any will do, and the first entry answers. */
	KUNIT_EXPECT_EQ(test, 5, eax_of(vcpu, 1, 0));
	KUNIT_EXPECT_EQ(test, 5, eax_of(vcpu, 1, 99));
}

static void nothing_set(struct kunit *test)
{
	struct x86_vcpu *vcpu = kunit_kzalloc(test, sizeof(*vcpu), GFP_KERNEL);
	struct kvm_cpuid_entry2 out;

	KUNIT_ASSERT_NOT_NULL(test, vcpu);
	KUNIT_EXPECT_NULL(test, x86_cpuid_find(vcpu, 0, 0));
	x86_cpuid(vcpu, 1, 0, &out);
	KUNIT_EXPECT_EQ(test, 0, out.eax | out.ebx | out.ecx | out.edx);
}

static void beyond_the_highest_leaf(struct kunit *test)
{
	struct x86_vcpu *vcpu = sorted_vcpu(test);
	struct kvm_cpuid_entry2 out;

	/* Intel: what the highest basic leaf answers; AMD: zeros. */
	x86_cpuid(vcpu, 0x11, 0, &out);
	KUNIT_EXPECT_EQ(test, 7, out.eax);
	x86_cpuid(vcpu, 0x80000002, 0, &out);
	KUNIT_EXPECT_EQ(test, 7, out.eax);
	x86_cpuid(vcpu, 0x40000005, 0, &out);
	KUNIT_EXPECT_EQ(test, 7, out.eax);
	/* A leaf inside the range that is not there. */
	x86_cpuid(vcpu, 0x3, 0, &out);
	KUNIT_EXPECT_EQ(test, 0, out.eax);

	vcpu->cpuid->entries[2].ebx = 0x68747541;
	x86_cpuid(vcpu, 0x11, 0, &out);
	KUNIT_EXPECT_EQ(test, 0, out.eax);
}

static void topology_has_any_subleaf(struct kunit *test)
{
	struct x86_vcpu *vcpu = sorted_vcpu(test);
	struct kvm_cpuid_entry2 out;

	x86_cpuid(vcpu, 0xb, 0x105, &out);
	KUNIT_EXPECT_EQ(test, 0x05, out.ecx);
	KUNIT_EXPECT_EQ(test, 0x77, out.edx);
	KUNIT_EXPECT_EQ(test, 0, out.eax | out.ebx);
}

static void leaves_follow_state(struct kunit *test)
{
	struct x86_vcpu *vcpu = sorted_vcpu(test);
	struct kvm_cpuid_entry2 out;
	int on;

	for (on = 0; on <= 1; on++) {
		vcpu->cr4 = on ? X86_CR4_OSXSAVE | X86_CR4_PKE : 0;
		vcpu->apic_base = on ? BIT(11) : 0;
		x86_cpuid(vcpu, 1, 0, &out);
		KUNIT_EXPECT_EQ(test, on, out.ecx >> 27 & 1);
		KUNIT_EXPECT_EQ(test, on, out.edx >> 9 & 1);
		x86_cpuid(vcpu, 7, 0, &out);
		KUNIT_EXPECT_EQ(test, on, out.ecx >> 4 & 1);
		x86_cpuid(vcpu, 7, 1, &out);
		KUNIT_EXPECT_EQ(test, 0, out.ecx >> 4 & 1);
	}
}

/* The guest has of a register what it was given and what there is, no more. */
static void guest_caps(struct kunit *test)
{
	static const struct kvm_cpuid_entry2 all = {
		.function = 7, .flags = INDEXED, .ebx = ~0U, .ecx = ~0U, .edx = ~0U,
	};
	static const u8 order[] = { 0 };
	struct x86_vcpu *vcpu = vcpu_with(test, &all, 1, order);

	x86_cpuid_guest_caps(vcpu);
	KUNIT_EXPECT_EQ(test, x86_caps[CPUID_7_0_EBX], vcpu->caps[CPUID_7_0_EBX]);
	KUNIT_EXPECT_EQ(test, x86_caps[CPUID_7_ECX], vcpu->caps[CPUID_7_ECX]);
	KUNIT_EXPECT_EQ(test, 0, vcpu->caps[CPUID_1_ECX]);
	KUNIT_EXPECT_EQ(test, 0, vcpu->caps[CPUID_8000_0001_EDX]);
}

static void never_passed_on(struct kunit *test)
{
	u32 caps;

	KUNIT_EXPECT_FALSE(test, x86_can_have(X86_FEATURE_SVM));
	KUNIT_EXPECT_FALSE(test, x86_can_have(X86_FEATURE_VMX));
	KUNIT_EXPECT_FALSE(test, x86_can_have(X86_FEATURE_MWAIT));
	KUNIT_EXPECT_FALSE(test, x86_can_have(X86_FEATURE_OSXSAVE));
	KUNIT_EXPECT_TRUE(test, x86_cpuid_caps_of(7, 0, X86_CPUID_EBX, &caps));
	KUNIT_EXPECT_EQ(test, x86_caps[CPUID_7_0_EBX], caps);
	KUNIT_EXPECT_FALSE(test, x86_cpuid_caps_of(7, 0, X86_CPUID_EAX, &caps));
}

static void xstate_sizes(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 576, x86_xstate_size(XFEATURE_MASK_FP, false));
	KUNIT_EXPECT_EQ(test, 576, x86_xstate_size(XFEATURE_MASK_FPSSE, true));
	if (!(x86_xcr0_supported & XFEATURE_MASK_YMM))
		return;
	KUNIT_EXPECT_EQ(test, 832, x86_xstate_size(XFEATURE_MASK_FPSSE | XFEATURE_MASK_YMM,
						   false));
	KUNIT_EXPECT_EQ(test, 832, x86_xstate_size(XFEATURE_MASK_YMM, true));
}

static struct kunit_case cpuid_cases[] = {
	KUNIT_CASE(find),
	KUNIT_CASE(nothing_set),
	KUNIT_CASE(beyond_the_highest_leaf),
	KUNIT_CASE(topology_has_any_subleaf),
	KUNIT_CASE(leaves_follow_state),
	KUNIT_CASE(guest_caps),
	KUNIT_CASE(never_passed_on),
	KUNIT_CASE(xstate_sizes),
	{}
};

static struct kunit_suite cpuid_suite = {
	.name = "kvm_x86_cpuid",
	.test_cases = cpuid_cases,
};

kunit_test_suite(cpuid_suite);
