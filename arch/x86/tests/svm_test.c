// SPDX-License-Identifier: GPL-2.0
/* What the module makes of the CPU that it finds. */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/cleanup.h>
#include <linux/preempt.h>
#include <asm/svm.h>

#include "../svm/svm.h"

static u64 locked_by_firmware(void)
{
	return SVM_VM_CR_SVM_DIS_MASK;
}

static u64 other_bits_only(void)
{
	return ~(u64)SVM_VM_CR_SVM_DIS_MASK;
}

/*
 * No emulator has the lock, so the MSR is a stub. The kernel clears the feature
 * bit of a CPU that has it; that must not hide the reason.
 */
static void locked_by_the_firmware(struct kunit *test)
{
	const char *why;

	kunit_activate_static_stub(test, svm_vm_cr, locked_by_firmware);
	why = svm_why_not();
	KUNIT_ASSERT_NOT_NULL(test, why);
	KUNIT_EXPECT_NOT_NULL(test, strstr(why, "locked by the firmware"));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, svm_backend.probe());

	if (!boot_cpu_has(X86_FEATURE_SVM))
		return;
	__clear_bit(X86_FEATURE_SVM, (unsigned long *)boot_cpu_data.x86_capability);
	why = svm_why_not();
	set_cpu_cap(&boot_cpu_data, X86_FEATURE_SVM);
	KUNIT_ASSERT_NOT_NULL(test, why);
	KUNIT_EXPECT_NOT_NULL(test, strstr(why, "locked by the firmware"));
}

static void other_bits_do_not_lock(struct kunit *test)
{
	if (!boot_cpu_has(X86_FEATURE_SVM))
		kunit_skip(test, "this CPU has no SVM");
	kunit_activate_static_stub(test, svm_vm_cr, other_bits_only);
	KUNIT_EXPECT_NULL(test, svm_why_not());
}

/* What was asked of the TLB reaches the VMCB, once. Emulators flush at every entry. */
static void flush_request_reaches_the_cpu(struct kunit *test)
{
	struct x86_vcpu *vcpu = kunit_kzalloc(test, sizeof(*vcpu), GFP_KERNEL);
	struct svm_vcpu *svm = kunit_kzalloc(test, sizeof(*svm), GFP_KERNEL);
	struct svm_asid_pool before;
	bool flushed;
	u32 asid;

	KUNIT_ASSERT_NOT_NULL(test, vcpu);
	KUNIT_ASSERT_NOT_NULL(test, svm);
	svm->vmcb = kunit_kzalloc(test, sizeof(*svm->vmcb), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, svm->vmcb);
	vcpu->backend = svm;

	guard(preempt)();
	vcpu->vcpu.cpu = smp_processor_id();
	before = *this_cpu_ptr(&svm_cpu.asids);
	svm_asid_init_pool(this_cpu_ptr(&svm_cpu.asids), 8);

	svm_prepare_asid(vcpu);
	asid = svm->vmcb->control.asid;
	KUNIT_EXPECT_EQ(test, svm->vmcb->control.tlb_ctl, TLB_CONTROL_FLUSH_ALL_ASID);
	svm_prepare_asid(vcpu);
	KUNIT_EXPECT_EQ(test, svm->vmcb->control.tlb_ctl, TLB_CONTROL_DO_NOTHING);
	KUNIT_EXPECT_EQ(test, svm->vmcb->control.asid, asid);

	vcpu->flush_tlb = true;
	svm_prepare_asid(vcpu);
	flushed = svm->vmcb->control.tlb_ctl == TLB_CONTROL_FLUSH_ASID;
	KUNIT_EXPECT_TRUE(test, flushed || svm->vmcb->control.asid != asid);
	KUNIT_EXPECT_FALSE(test, vcpu->flush_tlb);
	*this_cpu_ptr(&svm_cpu.asids) = before;
}

static struct kunit_case svm_cases[] = {
	KUNIT_CASE(locked_by_the_firmware),
	KUNIT_CASE(other_bits_do_not_lock),
	KUNIT_CASE(flush_request_reaches_the_cpu),
	{}
};

static struct kunit_suite svm_suite = {
	.name = "kvm_svm",
	.test_cases = svm_cases,
};

kunit_test_suite(svm_suite);
