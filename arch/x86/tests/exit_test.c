// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of exits: what the VMCB says on CPUs that tell more than the test
 * machine's, and what no guest can provoke.
 */
#include <kunit/test.h>
#include <linux/kvm.h>
#include <linux/string.h>
#include <asm/cpufeature.h>
#include <asm/svm.h>
#include <asm/trapnr.h>

#include "../run.h"
#include "../svm/svm.h"

#define RIP	0x1000

struct rig {
	struct x86_vcpu vcpu;
	struct x86_vm vm;
	struct svm_vcpu svm;
	struct kvm_run *run;
	struct vmcb_control_area *control;
	bool nrips, assists;
};

static void pretend(unsigned int feature, bool has)
{
	if (has)
		set_cpu_cap(&boot_cpu_data, feature);
	else
		__clear_bit(feature, (unsigned long *)boot_cpu_data.x86_capability);
}

static int exit_init(struct kunit *test)
{
	struct rig *rig = kunit_kzalloc(test, sizeof(*rig), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, rig);
	rig->run = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	rig->svm.vmcb = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, rig->run);
	KUNIT_ASSERT_NOT_NULL(test, rig->svm.vmcb);
	rig->control = &rig->svm.vmcb->control;
	rig->vcpu.backend = &rig->svm;
	rig->vcpu.vcpu.kvm = &rig->vm.kvm;
	rig->vcpu.vcpu.run = rig->run;
	rig->vcpu.vcpu.cpu = 7;
	rig->vcpu.cached = BIT(X86_NR_GROUPS) - 1;
	rig->vcpu.rip = RIP;
	rig->nrips = boot_cpu_has(X86_FEATURE_NRIPS);
	rig->assists = boot_cpu_has(X86_FEATURE_DECODEASSISTS);
	test->priv = rig;
	return 0;
}

static void exit_exit(struct kunit *test)
{
	struct rig *rig = test->priv;

	pretend(X86_FEATURE_NRIPS, rig->nrips);
	pretend(X86_FEATURE_DECODEASSISTS, rig->assists);
}

static struct x86_exit *fill(struct rig *rig, u32 code)
{
	rig->control->exit_code = code;
	svm_fill_exit(&rig->vcpu);
	return &rig->vcpu.exit;
}

static void refused_by_the_hardware(struct kunit *test)
{
	struct rig *rig = test->priv;

	fill(rig, SVM_EXIT_ERR);
	KUNIT_EXPECT_EQ(test, X86_RUN_EXIT, x86_handle_exit(&rig->vcpu));
	KUNIT_EXPECT_EQ(test, KVM_EXIT_FAIL_ENTRY, rig->run->exit_reason);
	KUNIT_EXPECT_EQ(test, (u32)SVM_EXIT_ERR,
			rig->run->fail_entry.hardware_entry_failure_reason);
	KUNIT_EXPECT_EQ(test, 7, rig->run->fail_entry.cpu);
}

/* Codes of the table's holes, behind its end, and of newer CPUs. */
static void unknown_to_us(struct kunit *test)
{
	static const u32 codes[] = { 0x3f, SVM_EXIT_AVIC_INCOMPLETE_IPI, 0x7ff, 0xfffffffe };
	struct rig *rig = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(codes); i++) {
		fill(rig, codes[i]);
		KUNIT_EXPECT_EQ(test, X86_RUN_EXIT, x86_handle_exit(&rig->vcpu));
		KUNIT_EXPECT_EQ(test, KVM_EXIT_INTERNAL_ERROR, rig->run->exit_reason);
		KUNIT_EXPECT_EQ(test, KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON,
				rig->run->internal.suberror);
		KUNIT_EXPECT_EQ(test, 2, rig->run->internal.ndata);
		KUNIT_EXPECT_EQ(test, codes[i], rig->run->internal.data[0]);
		KUNIT_EXPECT_EQ(test, 7, rig->run->internal.data[1]);
	}
}

static void next_rip(struct kunit *test)
{
	struct rig *rig = test->priv;

	rig->control->next_rip = RIP + 3;
	pretend(X86_FEATURE_NRIPS, false);
	KUNIT_EXPECT_EQ(test, 0, fill(rig, SVM_EXIT_CPUID)->insn_len);
	pretend(X86_FEATURE_NRIPS, true);
	KUNIT_EXPECT_EQ(test, 3, fill(rig, SVM_EXIT_CPUID)->insn_len);
	KUNIT_EXPECT_EQ(test, X86_RUN_AGAIN, x86_skip_insn(&rig->vcpu));
	KUNIT_EXPECT_EQ(test, RIP + 3, rig->vcpu.rip);
	/* Exits that are no instruction's have none. */
	rig->control->next_rip = 0;
	KUNIT_EXPECT_EQ(test, 0, fill(rig, SVM_EXIT_NPF)->insn_len);
}

static void bytes_of_a_page_fault(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct x86_exit *exit;

	memset(rig->control->insn_bytes, 0x5a, sizeof(rig->control->insn_bytes));
	rig->control->insn_len = 15;
	rig->control->exit_info_1 = X86_NPF_WRITE;
	rig->control->exit_info_2 = 0x12345678;
	pretend(X86_FEATURE_DECODEASSISTS, false);
	exit = fill(rig, SVM_EXIT_NPF);
	KUNIT_EXPECT_EQ(test, 0, exit->nr_bytes);
	KUNIT_EXPECT_EQ(test, 0x12345678, exit->npf.gpa);
	KUNIT_EXPECT_EQ(test, X86_NPF_WRITE, exit->npf.error_code);
	pretend(X86_FEATURE_DECODEASSISTS, true);
	exit = fill(rig, SVM_EXIT_NPF);
	KUNIT_EXPECT_EQ(test, 15, exit->nr_bytes);
	KUNIT_EXPECT_EQ(test, 0, memcmp(exit->bytes, rig->control->insn_bytes, 15));
	/* The upper half of that byte is reserved. */
	rig->control->insn_len = 0xf3;
	KUNIT_EXPECT_EQ(test, 3, fill(rig, SVM_EXIT_NPF)->nr_bytes);
}

static void which_register(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct x86_exit *exit;

	pretend(X86_FEATURE_DECODEASSISTS, true);
	rig->control->exit_info_1 = BIT_ULL(63) | 9;
	exit = fill(rig, SVM_EXIT_WRITE_CR4);
	KUNIT_EXPECT_EQ(test, 4, exit->reg.nr);
	KUNIT_EXPECT_EQ(test, 9, exit->reg.gpr);
	KUNIT_EXPECT_TRUE(test, exit->reg.write);
	/* Not by MOV: there is no register. */
	rig->control->exit_info_1 = 9;
	KUNIT_EXPECT_EQ(test, 0xff, fill(rig, SVM_EXIT_WRITE_CR4)->reg.gpr);
	exit = fill(rig, SVM_EXIT_READ_DR7);
	KUNIT_EXPECT_EQ(test, 7, exit->reg.nr);
	KUNIT_EXPECT_EQ(test, 9, exit->reg.gpr);
	KUNIT_EXPECT_FALSE(test, exit->reg.write);
	pretend(X86_FEATURE_DECODEASSISTS, false);
	rig->control->exit_info_1 = BIT_ULL(63) | 9;
	KUNIT_EXPECT_EQ(test, 0xff, fill(rig, SVM_EXIT_WRITE_CR4)->reg.gpr);
	KUNIT_EXPECT_EQ(test, 0xff, fill(rig, SVM_EXIT_WRITE_DR7)->reg.gpr);
}

/* OUTS of 4 bytes to port 0x3f8, with addresses of 64 bits, in FS, repeated. */
static void port(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct x86_exit *exit;

	rig->control->exit_info_1 = 0x3f8 << 16 | X86_FS << 10 | BIT(9) | BIT(6) | BIT(3) | BIT(2);
	rig->control->exit_info_2 = RIP + 2;
	pretend(X86_FEATURE_DECODEASSISTS, true);
	exit = fill(rig, SVM_EXIT_IOIO);
	KUNIT_EXPECT_EQ(test, 0x3f8, exit->io.port);
	KUNIT_EXPECT_EQ(test, 4, exit->io.size);
	KUNIT_EXPECT_EQ(test, 8, exit->io.addr_size);
	KUNIT_EXPECT_EQ(test, X86_FS, exit->io.seg);
	KUNIT_EXPECT_TRUE(test, exit->io.string && exit->io.rep && !exit->io.in);
	KUNIT_EXPECT_EQ(test, 2, exit->insn_len);
	pretend(X86_FEATURE_DECODEASSISTS, false);
	KUNIT_EXPECT_EQ(test, 0xff, fill(rig, SVM_EXIT_IOIO)->io.seg);
}

/* What was being delivered comes again, but for what the guest does again by itself. */
static void cut_short(struct kunit *test)
{
	struct rig *rig = test->priv;
	static const struct {
		u32 info;
		u8 type, type_with_nrips;
	} cases[] = {
		{ SVM_EXITINTINFO_TYPE_INTR | 0x51, X86_EVENT_INTERRUPT, X86_EVENT_INTERRUPT },
		{ SVM_EXITINTINFO_TYPE_NMI | X86_TRAP_NMI, X86_EVENT_NMI, X86_EVENT_NMI },
		{ SVM_EXITINTINFO_TYPE_EXEPT | SVM_EXITINTINFO_VALID_ERR | X86_TRAP_PF,
		  X86_EVENT_EXCEPTION, X86_EVENT_EXCEPTION },
		{ SVM_EXITINTINFO_TYPE_EXEPT | X86_TRAP_BP,
		  X86_EVENT_SOFT_EXCEPTION, X86_EVENT_SOFT_EXCEPTION },
		{ SVM_EXITINTINFO_TYPE_SOFT | 0x80, X86_EVENT_SOFT_INTERRUPT, X86_EVENT_NONE },
	};
	const struct x86_event *event = &rig->vcpu.exit.vectoring;
	unsigned int i;

	rig->control->exit_int_info_err = 0x1234;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		bool error = cases[i].info & SVM_EXITINTINFO_VALID_ERR;

		rig->control->exit_int_info = cases[i].info | SVM_EXITINTINFO_VALID;
		pretend(X86_FEATURE_NRIPS, false);
		fill(rig, SVM_EXIT_NPF);
		KUNIT_EXPECT_EQ(test, cases[i].type, event->type);
		KUNIT_EXPECT_EQ(test, cases[i].info & 0xff, event->vector);
		KUNIT_EXPECT_EQ(test, error, event->has_error);
		KUNIT_EXPECT_EQ(test, error ? 0x1234 : 0, event->error_code);
		pretend(X86_FEATURE_NRIPS, true);
		fill(rig, SVM_EXIT_NPF);
		KUNIT_EXPECT_EQ(test, cases[i].type_with_nrips, event->type);
	}
	rig->control->exit_int_info = 0;
	fill(rig, SVM_EXIT_NPF);
	KUNIT_EXPECT_EQ(test, X86_EVENT_NONE, event->type);
}

static struct kunit_case exit_cases[] = {
	KUNIT_CASE(refused_by_the_hardware),
	KUNIT_CASE(unknown_to_us),
	KUNIT_CASE(next_rip),
	KUNIT_CASE(bytes_of_a_page_fault),
	KUNIT_CASE(which_register),
	KUNIT_CASE(port),
	KUNIT_CASE(cut_short),
	{}
};

static struct kunit_suite exit_suite = {
	.name = "kvm_x86_exit",
	.init = exit_init,
	.exit = exit_exit,
	.test_cases = exit_cases,
};

kunit_test_suite(exit_suite);
