// SPDX-License-Identifier: GPL-2.0
/* Addresses that SVM has no use for, and must still check. */
/* machine: timeout=20 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/kvm.h>

#include "kselftest_harness.h"

FIXTURE(vm_addr) {
	int kvm, vm;
};

FIXTURE_SETUP(vm_addr)
{
	self->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->kvm);
	self->vm = ioctl(self->kvm, KVM_CREATE_VM, 0);
	ASSERT_LE(0, self->vm);
}

FIXTURE_TEARDOWN(vm_addr)
{
	close(self->vm);
	close(self->kvm);
}

TEST_F(vm_addr, tss)
{
	EXPECT_EQ(1, ioctl(self->vm, KVM_CHECK_EXTENSION, KVM_CAP_SET_TSS_ADDR));
	EXPECT_EQ(0, ioctl(self->vm, KVM_SET_TSS_ADDR, 0xfeffd000ul));
	/* Three pages below 4 GiB, not one byte more. */
	EXPECT_EQ(0, ioctl(self->vm, KVM_SET_TSS_ADDR, 0xffffd000ul));
	EXPECT_EQ(-1, ioctl(self->vm, KVM_SET_TSS_ADDR, 0xffffd001ul));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(self->vm, KVM_SET_TSS_ADDR, ~0ul));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(vm_addr, identity_map)
{
	__u64 addr = 0xfeffc000;
	int vcpu;

	EXPECT_EQ(1, ioctl(self->vm, KVM_CHECK_EXTENSION, KVM_CAP_SET_IDENTITY_MAP_ADDR));
	EXPECT_EQ(0, ioctl(self->vm, KVM_SET_IDENTITY_MAP_ADDR, &addr));
	EXPECT_EQ(-1, ioctl(self->vm, KVM_SET_IDENTITY_MAP_ADDR, NULL));
	EXPECT_EQ(EFAULT, errno);
	vcpu = ioctl(self->vm, KVM_CREATE_VCPU, 0);
	ASSERT_LE(0, vcpu);
	EXPECT_EQ(-1, ioctl(self->vm, KVM_SET_IDENTITY_MAP_ADDR, &addr));
	EXPECT_EQ(EINVAL, errno);
	close(vcpu);
}

/* No shadow pages: every bound that may be set is kept. */
TEST_F(vm_addr, shadow_pages)
{
	EXPECT_EQ(1, ioctl(self->vm, KVM_CHECK_EXTENSION, KVM_CAP_MMU_SHADOW_CACHE_CONTROL));
	EXPECT_EQ(0, ioctl(self->vm, KVM_SET_NR_MMU_PAGES, 64));
	EXPECT_EQ(0, ioctl(self->vm, KVM_SET_NR_MMU_PAGES, ~0ul));
	EXPECT_EQ(-1, ioctl(self->vm, KVM_SET_NR_MMU_PAGES, 63));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(self->vm, KVM_SET_NR_MMU_PAGES, 0));
	EXPECT_EQ(EINVAL, errno);
}

TEST_HARNESS_MAIN
