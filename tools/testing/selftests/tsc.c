// SPDX-License-Identifier: GPL-2.0
/* KVM_{GET,SET}_TSC_KHZ, and the counter's offset as register and as attribute. */
#include <stdlib.h>
#include <sys/ioctl.h>
#include <x86intrin.h>

#include "kselftest_harness.h"
#include "files.h"

#define MSR_TSC		0x10
#define MSR_TSC_ADJUST	0x3b

#define EXPECT_ERRNO(call, error) do {		\
	errno = 0;				\
	EXPECT_EQ(call, -1);			\
	EXPECT_EQ(errno, error);		\
} while (0)

struct one_msr {
	struct kvm_msrs header;
	struct kvm_msr_entry entry;
};

static __u64 get_msr(int vcpu, __u32 index)
{
	struct one_msr msr = { { .nmsrs = 1 }, { .index = index } };

	return ioctl(vcpu, KVM_GET_MSRS, &msr) == 1 ? msr.entry.data : ~0UL;
}

static int set_msr(int vcpu, __u32 index, __u64 data)
{
	struct one_msr msr = { { .nmsrs = 1 }, { .index = index, .data = data } };

	return ioctl(vcpu, KVM_SET_MSRS, &msr);
}

static int offset_attr(int vcpu, unsigned long cmd, __u64 *offset)
{
	struct kvm_device_attr attr = {
		.group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET,
		.addr = (unsigned long)offset,
	};

	return ioctl(vcpu, cmd, &attr);
}

static __u64 get_offset(int vcpu)
{
	__u64 offset = ~0UL;

	offset_attr(vcpu, KVM_GET_DEVICE_ATTR, &offset);
	return offset;
}

FIXTURE(tsc) {
	int dev, vm, vcpu;
	long khz;
};

FIXTURE_SETUP(tsc)
{
	self->dev = open_kvm();
	ASSERT_GE(self->dev, 0);
	self->vm = create_vm();
	ASSERT_GE(self->vm, 0);
	self->khz = ioctl(self->vm, KVM_GET_TSC_KHZ, 0);
	self->vcpu = create_vcpu(self->vm, 0);
	ASSERT_GE(self->vcpu, 0);
}

FIXTURE_TEARDOWN(tsc)
{
	close(self->vcpu);
	close(self->vm);
	close(self->dev);
}

TEST_F(tsc, starts_at_zero_and_runs)
{
	__u64 one = get_msr(self->vcpu, MSR_TSC), two = get_msr(self->vcpu, MSR_TSC);

	EXPECT_LT(one, 10 * self->khz * 1000);
	EXPECT_GT(two, one);
}

/* However late a vCPU comes, it has the time of the others. */
TEST_F(tsc, vcpus_agree)
{
	int other;

	usleep(10000);
	other = create_vcpu(self->vm, 1);
	ASSERT_GE(other, 0);
	EXPECT_EQ(get_offset(other), get_offset(self->vcpu));
	close(other);
}

TEST_F(tsc, restored_counters_agree)
{
	int other = create_vcpu(self->vm, 1);
	__u64 second = self->khz * 1000, value = 1UL << 50;

	ASSERT_GE(other, 0);
	/* Within a second: the same counter. */
	EXPECT_EQ(set_msr(self->vcpu, MSR_TSC, value), 1);
	EXPECT_EQ(set_msr(other, MSR_TSC, value + second / 2), 1);
	EXPECT_EQ(get_offset(other), get_offset(self->vcpu));
	EXPECT_GE(get_msr(other, MSR_TSC), value);
	/* Beyond: another, and the register is what was written. */
	EXPECT_EQ(set_msr(other, MSR_TSC, value + 100 * second), 1);
	EXPECT_NE(get_offset(other), get_offset(self->vcpu));
	EXPECT_GE(get_msr(other, MSR_TSC), value + 100 * second);
	close(other);
}

/* Userspace writes each register by itself. */
TEST_F(tsc, adjust)
{
	__u64 offset = get_offset(self->vcpu);

	EXPECT_EQ(set_msr(self->vcpu, MSR_TSC_ADJUST, 12345), 1);
	EXPECT_EQ(get_msr(self->vcpu, MSR_TSC_ADJUST), 12345);
	EXPECT_EQ(get_offset(self->vcpu), offset);
	EXPECT_EQ(set_msr(self->vcpu, MSR_TSC, 1UL << 60), 1);
	EXPECT_EQ(get_msr(self->vcpu, MSR_TSC_ADJUST), 12345);
}

TEST_F(tsc, offset)
{
	struct kvm_device_attr attr = { .group = KVM_VCPU_TSC_CTRL, .attr = 77 };
	__u64 offset = 0x123456789;

	EXPECT_EQ(ioctl(self->dev, KVM_CHECK_EXTENSION, KVM_CAP_VCPU_ATTRIBUTES), 1);
	EXPECT_EQ(offset_attr(self->vcpu, KVM_HAS_DEVICE_ATTR, NULL), 0);
	EXPECT_EQ(offset_attr(self->vcpu, KVM_SET_DEVICE_ATTR, &offset), 0);
	EXPECT_EQ(get_offset(self->vcpu), offset);
	EXPECT_GE(get_msr(self->vcpu, MSR_TSC), offset);
	EXPECT_LE(get_msr(self->vcpu, MSR_TSC), __rdtsc() + offset);

	EXPECT_ERRNO(ioctl(self->vcpu, KVM_HAS_DEVICE_ATTR, &attr), ENXIO);
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_GET_DEVICE_ATTR, &attr), ENXIO);
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_SET_DEVICE_ATTR, &attr), ENXIO);
	attr.attr = KVM_VCPU_TSC_OFFSET;
	attr.group = 1;
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_HAS_DEVICE_ATTR, &attr), ENXIO);
	EXPECT_ERRNO(offset_attr(self->vcpu, KVM_GET_DEVICE_ATTR, NULL), EFAULT);
	EXPECT_ERRNO(offset_attr(self->vcpu, KVM_SET_DEVICE_ATTR, NULL), EFAULT);
}

TEST_F(tsc, khz)
{
	int scaling = ioctl(self->dev, KVM_CHECK_EXTENSION, KVM_CAP_TSC_CONTROL);
	int vm = create_vm(), vcpu;

	EXPECT_GT(self->khz, 0);
	EXPECT_EQ(ioctl(self->vcpu, KVM_GET_TSC_KHZ, 0), self->khz);
	EXPECT_EQ(ioctl(self->vcpu, KVM_SET_TSC_KHZ, 0), 0);
	EXPECT_EQ(ioctl(self->vcpu, KVM_SET_TSC_KHZ, self->khz), 0);
	/* Near enough to be the host's. */
	EXPECT_EQ(ioctl(self->vcpu, KVM_SET_TSC_KHZ, self->khz + self->khz / 10000), 0);
	EXPECT_EQ(ioctl(self->vcpu, KVM_GET_TSC_KHZ, 0), self->khz + self->khz / 10000);
	if (scaling) {
		EXPECT_EQ(ioctl(self->vcpu, KVM_SET_TSC_KHZ, self->khz / 2), 0);
		EXPECT_EQ(ioctl(self->vcpu, KVM_GET_TSC_KHZ, 0), self->khz / 2);
	} else {
		EXPECT_ERRNO(ioctl(self->vcpu, KVM_SET_TSC_KHZ, self->khz / 2), EINVAL);
		EXPECT_ERRNO(ioctl(self->vcpu, KVM_SET_TSC_KHZ, self->khz * 2), EINVAL);
	}
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_SET_TSC_KHZ, 1UL << 32), EINVAL);

	/* For a VM, before it has vCPUs. */
	EXPECT_ERRNO(ioctl(self->vm, KVM_SET_TSC_KHZ, self->khz), EINVAL);
	EXPECT_EQ(ioctl(vm, KVM_SET_TSC_KHZ, self->khz + 1), 0);
	EXPECT_EQ(ioctl(vm, KVM_GET_TSC_KHZ, 0), self->khz + 1);
	vcpu = create_vcpu(vm, 0);
	EXPECT_EQ(ioctl(vcpu, KVM_GET_TSC_KHZ, 0), self->khz + 1);
	close(vcpu);
	close(vm);
}

TEST_HARNESS_MAIN
