// SPDX-License-Identifier: GPL-2.0
/*
 * Fails every allocation and every user copy of the ioctls that move a vCPU's
 * state, one at a time: what could not be set is as it was, and the next try
 * succeeds.
 */
/* machine: debug-only timeout=400 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kselftest_harness.h"
#include "fail.h"
#include "files.h"

#define MAX_CHANCES	200
#define MSR_STAR	0xc0000081
#define LAPIC_TPR	0x80
#define NR_CPUID	256

struct msr {
	struct kvm_msrs header;
	struct kvm_msr_entry entry;
};

struct cpuid {
	struct kvm_cpuid2 header;
	struct kvm_cpuid_entry2 entries[NR_CPUID];
};

struct filter {
	struct kvm_msr_filter filter;
	__u8 bits[8];
};

union state {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_sregs2 sregs2;
	struct kvm_fpu fpu;
	struct kvm_xsave xsave;
	struct kvm_xcrs xcrs;
	struct kvm_vcpu_events events;
	struct kvm_debugregs debugregs;
	struct kvm_mp_state mp_state;
	struct kvm_lapic_state lapic;
	struct kvm_guest_debug debug;
	struct kvm_translation translation;
	struct msr msr;
	struct cpuid cpuid;
	struct filter filter;
};

/* What a call asks for, where the structure says it; and a change to what it gave. */

static void want_msr(union state *state)
{
	state->msr.header.nmsrs = 1;
	state->msr.entry.index = MSR_STAR;
}

static void want_cpuid(union state *state)
{
	state->cpuid.header.nent = NR_CPUID;
}

static void want_list(union state *state)
{
	state->cpuid.header.nent = sizeof(state->cpuid.entries) / (sizeof(__u32));
}

static void want_feature(union state *state)
{
	state->msr.header.nmsrs = 1;
	state->msr.entry.index = 0x8b;
}

static void change_regs(union state *state) { state->regs.rbx ^= 1; }
static void change_sregs(union state *state) { state->sregs.cr2 ^= 1; }
static void change_sregs2(union state *state) { state->sregs2.cr2 ^= 1; }
static void change_fpu(union state *state) { state->fpu.xmm[3][1] ^= 1; }
static void change_xcrs(union state *state) { state->xcrs.xcrs[0].value ^= 2; }
static void change_events(union state *state) { state->events.nmi.masked ^= 1; }
static void change_debugregs(union state *state) { state->debugregs.db[2] ^= 1; }
static void change_lapic(union state *state) { state->lapic.regs[LAPIC_TPR] ^= 0x20; }
static void change_msr(union state *state) { state->msr.entry.data ^= 1; }
static void change_cpuid(union state *state) { state->cpuid.entries[0].ebx ^= 1; }

static void change_mp_state(union state *state)
{
	state->mp_state.mp_state = KVM_MP_STATE_HALTED;
}

static void change_xsave(union state *state)
{
	state->xsave.region[160 / 4] ^= 1;
	state->xsave.region[512 / 4] |= 3;
}

static void change_filter(union state *state)
{
	state->filter.filter.ranges[0] = (struct kvm_msr_filter_range) {
		.flags = KVM_MSR_FILTER_READ, .base = MSR_STAR, .nmsrs = 64,
		.bitmap = state->filter.bits,
	};
}

static void change_debug(union state *state)
{
	state->debug.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP;
}

enum file { DEV, VM, VCPU, NR_FILES };

struct op {
	int files[NR_FILES];
	enum file file;
	unsigned long cmd;
	union state *state;
};

static int call(void *arg)
{
	struct op *op = arg;

	return ioctl(op->files[op->file], op->cmd, op->state);
}

FIXTURE(state) {
	struct op op;
	union state before, after;
};

FIXTURE_VARIANT(state) {
	enum file file;
	unsigned long get, set;
	void (*want)(union state *state);
	void (*change)(union state *state);
	int least;	/* chances of the last call, at least */
};

#define ROW(name, ...)	\
	FIXTURE_VARIANT_ADD(state, name) { __VA_ARGS__ }
#define BOTH(name, NAME, chances, ...)					\
	ROW(name, .file = VCPU, .get = KVM_GET_##NAME, .set = KVM_SET_##NAME, \
	    .change = change_##name, .least = chances, ##__VA_ARGS__)

BOTH(regs, REGS, 1);
BOTH(sregs, SREGS, 1);
BOTH(sregs2, SREGS2, 1);
BOTH(fpu, FPU, 1);
BOTH(xsave, XSAVE, 1);
BOTH(xcrs, XCRS, 1);
BOTH(events, VCPU_EVENTS, 1);
BOTH(debugregs, DEBUGREGS, 1);
BOTH(mp_state, MP_STATE, 1);
BOTH(lapic, LAPIC, 1);
BOTH(msr, MSRS, 2, .want = want_msr);
BOTH(cpuid, CPUID2, 2, .want = want_cpuid);
ROW(debug, .file = VCPU, .set = KVM_SET_GUEST_DEBUG, .change = change_debug, .least = 1);
ROW(filter, .file = VM, .set = KVM_X86_SET_MSR_FILTER, .change = change_filter, .least = 3);
ROW(xsave2, .file = VCPU, .get = KVM_GET_XSAVE2, .least = 1);
ROW(translate, .file = VCPU, .get = KVM_TRANSLATE, .least = 2);
ROW(supported_cpuid, .file = DEV, .get = KVM_GET_SUPPORTED_CPUID, .want = want_cpuid, .least = 2);
ROW(emulated_cpuid, .file = DEV, .get = KVM_GET_EMULATED_CPUID, .want = want_cpuid, .least = 2);
ROW(msr_list, .file = DEV, .get = KVM_GET_MSR_INDEX_LIST, .want = want_list, .least = 2);
ROW(feature_list, .file = DEV, .get = KVM_GET_MSR_FEATURE_INDEX_LIST, .want = want_list,
	.least = 2);
ROW(feature_msr, .file = DEV, .get = KVM_GET_MSRS, .want = want_feature, .least = 3);

FIXTURE_SETUP(state)
{
	struct op *op = &self->op;

	if (!fail_setup())
		SKIP(return, "the kernel has no fault injection");
	op->files[DEV] = open_kvm();
	op->files[VM] = create_vm();
	ASSERT_GE(op->files[VM], 0);
	ASSERT_EQ(ioctl(op->files[VM], KVM_CREATE_IRQCHIP, 0), 0);
	op->files[VCPU] = create_vcpu(op->files[VM], 0);
	ASSERT_GE(op->files[VCPU], 0);
	want_cpuid(&self->before);
	ASSERT_EQ(ioctl(op->files[DEV], KVM_GET_SUPPORTED_CPUID, &self->before), 0);
	ASSERT_EQ(ioctl(op->files[VCPU], KVM_SET_CPUID2, &self->before), 0);
}

FIXTURE_TEARDOWN(state)
{
	for (int i = 0; i < NR_FILES; i++)
		close(self->op.files[i]);
}

static int get(struct op *op, const FIXTURE_VARIANT(state) *variant, union state *state)
{
	memset(state, 0, sizeof(*state));
	if (variant->want)
		variant->want(state);
	op->cmd = variant->get;
	op->state = state;
	return variant->get ? call(op) : 0;
}

static size_t first_change(const void *before, const void *after)
{
	const unsigned char *a = before, *b = after;
	size_t i = 0;

	while (i < sizeof(union state) && a[i] == b[i])
		i++;
	return i;
}

/* Every chance of a call that must do no harm when it fails; how many there were. */
static int fail_all(struct __test_metadata *_metadata, struct op *op,
		    const FIXTURE_VARIANT(state) *variant, unsigned long cmd,
		    union state *arg, const union state *before, union state *after)
{
	union state copy = *arg;
	int nth, result, error, failed = 0;

	for (nth = 1; nth < MAX_CHANCES; nth++) {
		*arg = copy;
		op->cmd = cmd;
		op->state = arg;
		if (!fail_nth(nth, call, op, &result, &error))
			break;
		if (result >= 0) {	/* one that the call can do without */
			if (cmd == variant->set && before) {
				*arg = *before;
				ASSERT_GE(call(op), 0);
			}
			continue;
		}
		failed++;
		EXPECT_TRUE(error == ENOMEM || error == EFAULT)
			TH_LOG("chance %d: %s", nth, strerror(error));
		if (cmd != variant->set)
			continue;
		ASSERT_GE(get(op, variant, after), 0);
		EXPECT_EQ(memcmp(before, after, sizeof(*before)), 0)
			TH_LOG("chance %d has changed byte 0x%zx", nth,
			       first_change(before, after));
	}
	EXPECT_LT(nth, MAX_CHANCES);
	EXPECT_GE(result, 0);
	return failed;
}

TEST_F_TIMEOUT(state, every_chance, 360)
{
	union state *arg = calloc(1, sizeof(*arg));
	struct op *op = &self->op;
	int failed;

	op->file = variant->file;
	if (variant->get) {
		if (variant->want)
			variant->want(arg);
		failed = fail_all(_metadata, op, variant, variant->get, arg, NULL, NULL);
		EXPECT_GE(failed, variant->least);
	}
	if (variant->set) {
		ASSERT_GE(get(op, variant, &self->before), 0);
		*arg = self->before;
		variant->change(arg);
		failed = fail_all(_metadata, op, variant, variant->set, arg, &self->before,
				  &self->after);
		EXPECT_GE(failed, variant->least);
		ASSERT_GE(get(op, variant, &self->after), 0);
		if (variant->get)
			EXPECT_NE(memcmp(&self->before, &self->after, sizeof(self->after)), 0);
	}
	free(arg);
}

TEST_HARNESS_MAIN
