// SPDX-License-Identifier: GPL-2.0
/* KVM_{GET,SET}_{FPU,XSAVE,XCRS} and KVM_GET_XSAVE2. */
#include <stdlib.h>
#include <sys/ioctl.h>

#include "kselftest_harness.h"
#include "files.h"

#define XCR0_FP		1UL
#define XCR0_SSE	2UL
#define XCR0_YMM	4UL

/* Offsets in an XSAVE image, in words of 4 bytes. */
#define IMAGE_MXCSR	(24 / 4)
#define IMAGE_ST	(32 / 4)
#define IMAGE_XMM	(160 / 4)
#define IMAGE_XSTATE_BV	(512 / 4)
#define IMAGE_YMM	(576 / 4)

#define EXPECT_ERRNO(call, error) do {		\
	errno = 0;				\
	EXPECT_EQ(call, -1);			\
	EXPECT_EQ(errno, error);		\
} while (0)

FIXTURE(fpu) {
	int dev, vm, vcpu;
	__u32 xcr0;
};

FIXTURE_SETUP(fpu)
{
	struct {
		struct kvm_cpuid2 header;
		struct kvm_cpuid_entry2 entries[256];
	} cpuid = { .header.nent = 256 };

	self->dev = open_kvm();
	ASSERT_GE(self->dev, 0);
	self->vm = create_vm();
	ASSERT_GE(self->vm, 0);
	self->vcpu = create_vcpu(self->vm, 0);
	ASSERT_GE(self->vcpu, 0);
	ASSERT_EQ(ioctl(self->dev, KVM_GET_SUPPORTED_CPUID, &cpuid), 0);
	ASSERT_EQ(ioctl(self->vcpu, KVM_SET_CPUID2, &cpuid), 0);
	for (unsigned int i = 0; i < cpuid.header.nent; i++)
		if (cpuid.entries[i].function == 0xd && !cpuid.entries[i].index)
			self->xcr0 = cpuid.entries[i].eax;
}

FIXTURE_TEARDOWN(fpu)
{
	close(self->vcpu);
	close(self->vm);
	close(self->dev);
}

/* The state that a CPU has after FNINIT. */
TEST_F(fpu, initial)
{
	struct kvm_fpu fpu;

	memset(&fpu, 0xff, sizeof(fpu));
	ASSERT_EQ(ioctl(self->vcpu, KVM_GET_FPU, &fpu), 0);
	EXPECT_EQ(fpu.fcw, 0x37f);
	EXPECT_EQ(fpu.fsw, 0);
	EXPECT_EQ(fpu.mxcsr, 0x1f80);
	for (unsigned int i = 0; i < sizeof(fpu.xmm); i++)
		EXPECT_EQ(fpu.xmm[i / 16][i % 16], 0);
}

static void fill(struct kvm_fpu *fpu)
{
	memset(fpu, 0, sizeof(*fpu));
	for (int i = 0; i < 8; i++)
		for (int j = 0; j < 10; j++)
			fpu->fpr[i][j] = 16 * i + j + 1;
	for (int i = 0; i < 16; i++)
		for (int j = 0; j < 16; j++)
			fpu->xmm[i][j] = 16 * i + j;
	fpu->fcw = 0x27f;
	fpu->fsw = 0x3800;
	fpu->ftwx = 0x55;
	fpu->last_opcode = 0x123;
	fpu->last_ip = 0x1234567;
	fpu->last_dp = 0x89abcde;
	fpu->mxcsr = 0x1fa0;
}

TEST_F(fpu, fpu_round_trip)
{
	struct kvm_fpu set, got;

	fill(&set);
	ASSERT_EQ(ioctl(self->vcpu, KVM_SET_FPU, &set), 0);
	ASSERT_EQ(ioctl(self->vcpu, KVM_GET_FPU, &got), 0);
	EXPECT_EQ(memcmp(&set, &got, sizeof(set)), 0);
	set.mxcsr = 1 << 16;
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_SET_FPU, &set), EINVAL);
	ASSERT_EQ(ioctl(self->vcpu, KVM_GET_FPU, &got), 0);
	EXPECT_EQ(got.mxcsr, 0x1fa0);
}

/* Both images show the same registers. */
TEST_F(fpu, fpu_and_xsave)
{
	struct kvm_xsave xsave;
	struct kvm_fpu fpu;

	fill(&fpu);
	ASSERT_EQ(ioctl(self->vcpu, KVM_SET_FPU, &fpu), 0);
	ASSERT_EQ(ioctl(self->vcpu, KVM_GET_XSAVE, &xsave), 0);
	EXPECT_EQ(xsave.region[IMAGE_MXCSR], fpu.mxcsr);
	EXPECT_EQ(memcmp(&xsave.region[IMAGE_ST], fpu.fpr, sizeof(fpu.fpr)), 0);
	EXPECT_EQ(memcmp(&xsave.region[IMAGE_XMM], fpu.xmm, sizeof(fpu.xmm)), 0);
	EXPECT_EQ(xsave.region[IMAGE_XSTATE_BV] & 3, 3);
}

TEST_F(fpu, xsave_round_trip)
{
	struct kvm_xsave set = {}, got, got2;

	if (!(self->xcr0 & XCR0_YMM))
		SKIP(return, "the host has no AVX");
	set.region[0] = 0x37f;
	set.region[IMAGE_MXCSR] = 0x1f80;
	set.region[IMAGE_XSTATE_BV] = XCR0_FP | XCR0_SSE | XCR0_YMM;
	for (int i = 0; i < 64; i++) {
		set.region[IMAGE_XMM + i] = 0x1000 + i;
		set.region[IMAGE_YMM + i] = 0x2000 + i;
	}
	ASSERT_EQ(ioctl(self->vcpu, KVM_SET_XSAVE, &set), 0);
	memset(&got, 0xff, sizeof(got));
	memset(&got2, 0xff, sizeof(got2));
	ASSERT_EQ(ioctl(self->vcpu, KVM_GET_XSAVE, &got), 0);
	ASSERT_EQ(ioctl(self->vcpu, KVM_GET_XSAVE2, &got2), 0);
	EXPECT_EQ(memcmp(&got, &got2, sizeof(got)), 0);
	EXPECT_EQ(memcmp(&got.region[IMAGE_XMM], &set.region[IMAGE_XMM], 256), 0);
	EXPECT_EQ(memcmp(&got.region[IMAGE_YMM], &set.region[IMAGE_YMM], 256), 0);
	EXPECT_EQ(got.region[IMAGE_XSTATE_BV] & 7, 7);
	/* Nothing of the kernel's behind the last component. */
	for (int i = 3000 / 4; i < 1024; i++)
		EXPECT_EQ(got.region[i], 0);

	/* What is not in the image goes to its initial state. */
	set.region[IMAGE_XSTATE_BV] = XCR0_FP;
	ASSERT_EQ(ioctl(self->vcpu, KVM_SET_XSAVE, &set), 0);
	ASSERT_EQ(ioctl(self->vcpu, KVM_GET_XSAVE, &got), 0);
	for (int i = 0; i < 64; i++)
		EXPECT_EQ(got.region[IMAGE_YMM + i], 0);
}

TEST_F(fpu, xsave_errors)
{
	struct kvm_xsave xsave;

	ASSERT_EQ(ioctl(self->vcpu, KVM_GET_XSAVE, &xsave), 0);
	xsave.region[IMAGE_XSTATE_BV + 1] = 1U << 30;
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_SET_XSAVE, &xsave), EINVAL);
	xsave.region[IMAGE_XSTATE_BV + 1] = 0;
	xsave.region[IMAGE_MXCSR] = 1U << 16;
	xsave.region[IMAGE_XSTATE_BV] = 3;
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_SET_XSAVE, &xsave), EINVAL);
}

TEST_F(fpu, capability)
{
	EXPECT_GE(ioctl(self->vm, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2), 4096);
	EXPECT_EQ(ioctl(self->dev, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE), 1);
	EXPECT_EQ(ioctl(self->dev, KVM_CHECK_EXTENSION, KVM_CAP_XCRS), 1);
}

static int set_xcr0(int vcpu, __u64 value)
{
	struct kvm_xcrs xcrs = { .nr_xcrs = 1, .xcrs[0].value = value };

	return ioctl(vcpu, KVM_SET_XCRS, &xcrs);
}

TEST_F(fpu, xcrs)
{
	struct kvm_xcrs xcrs;

	memset(&xcrs, 0xff, sizeof(xcrs));
	ASSERT_EQ(ioctl(self->vcpu, KVM_GET_XCRS, &xcrs), 0);
	EXPECT_EQ(xcrs.nr_xcrs, 1);
	EXPECT_EQ(xcrs.flags, 0);
	EXPECT_EQ(xcrs.xcrs[0].xcr, 0);
	EXPECT_EQ(xcrs.xcrs[0].value, XCR0_FP);

	EXPECT_EQ(set_xcr0(self->vcpu, self->xcr0), 0);
	ASSERT_EQ(ioctl(self->vcpu, KVM_GET_XCRS, &xcrs), 0);
	EXPECT_EQ(xcrs.xcrs[0].value, self->xcr0);

	/* x87 is always on; vectors stand on what they extend; no CPU has bit 62. */
	EXPECT_ERRNO(set_xcr0(self->vcpu, XCR0_SSE), EINVAL);
	EXPECT_ERRNO(set_xcr0(self->vcpu, XCR0_FP | XCR0_YMM), EINVAL);
	EXPECT_ERRNO(set_xcr0(self->vcpu, XCR0_FP | 1UL << 62), EINVAL);
	EXPECT_ERRNO(set_xcr0(self->vcpu, 0), EINVAL);
	ASSERT_EQ(ioctl(self->vcpu, KVM_GET_XCRS, &xcrs), 0);
	EXPECT_EQ(xcrs.xcrs[0].value, self->xcr0);

	xcrs.flags = 1;
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_SET_XCRS, &xcrs), EINVAL);
	xcrs.flags = 0;
	xcrs.nr_xcrs = KVM_MAX_XCRS + 1;
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_SET_XCRS, &xcrs), EINVAL);
}

/* XCR0 is bounded by the guest's CPUID. */
TEST_F(fpu, xcr0_follows_cpuid)
{
	struct kvm_cpuid2 none = {};

	EXPECT_EQ(set_xcr0(self->vcpu, XCR0_FP | XCR0_SSE), 0);
	ASSERT_EQ(ioctl(self->vcpu, KVM_SET_CPUID2, &none), 0);
	EXPECT_ERRNO(set_xcr0(self->vcpu, XCR0_FP | XCR0_SSE), EINVAL);
	EXPECT_EQ(set_xcr0(self->vcpu, XCR0_FP), 0);
}

TEST_F(fpu, faults)
{
	static const unsigned int cmds[] = {
		KVM_GET_FPU, KVM_SET_FPU, KVM_GET_XSAVE, KVM_SET_XSAVE, KVM_GET_XSAVE2,
		KVM_GET_XCRS, KVM_SET_XCRS,
	};

	for (unsigned int i = 0; i < sizeof(cmds) / sizeof(cmds[0]); i++)
		EXPECT_ERRNO(ioctl(self->vcpu, cmds[i], NULL), EFAULT);
}

/* What a guest may have, known before there is one. */
TEST_F(fpu, xcomp_guest_supp)
{
	__u64 supported = 0;
	struct kvm_device_attr attr = {
		.attr = KVM_X86_XCOMP_GUEST_SUPP, .addr = (unsigned long)&supported,
	};
	int kvm = self->dev;

	EXPECT_EQ(ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_SYS_ATTRIBUTES), 1);
	EXPECT_EQ(ioctl(kvm, KVM_HAS_DEVICE_ATTR, &attr), 0);
	EXPECT_EQ(ioctl(kvm, KVM_GET_DEVICE_ATTR, &attr), 0);
	EXPECT_EQ(supported & 3, 3);
	attr.addr = 0;
	EXPECT_ERRNO(ioctl(kvm, KVM_GET_DEVICE_ATTR, &attr), EFAULT);
	attr.attr++;
	EXPECT_ERRNO(ioctl(kvm, KVM_HAS_DEVICE_ATTR, &attr), ENXIO);
	EXPECT_ERRNO(ioctl(kvm, KVM_GET_DEVICE_ATTR, &attr), ENXIO);
	attr.attr--;
	attr.group = 1;
	EXPECT_ERRNO(ioctl(kvm, KVM_HAS_DEVICE_ATTR, &attr), ENXIO);
	attr.group = 0;
	attr.flags = 1;
	EXPECT_ERRNO(ioctl(kvm, KVM_HAS_DEVICE_ATTR, &attr), ENXIO);
}

TEST_HARNESS_MAIN
