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

static struct kunit_case msr_cases[] = {
	KUNIT_CASE(sorted_and_disjoint),
	KUNIT_CASE(every_number_is_found),
	KUNIT_CASE(places_are_inside),
	KUNIT_CASE(nothing_to_write_is_not_written),
	KUNIT_CASE(stored_values),
	KUNIT_CASE(illegal_bits),
	KUNIT_CASE(guest_needs_the_feature),
	KUNIT_CASE(guest_rights),
	{}
};

static struct kunit_suite msr_suite = {
	.name = "kvm_x86_msr",
	.test_cases = msr_cases,
};

kunit_test_suite(msr_suite);
