// SPDX-License-Identifier: GPL-2.0
/*
 * The least that a working module does. If this fails, look here first.
 */
/* machine: timeout=20 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/kvm.h>

#include "kselftest_harness.h"

FIXTURE(kvm) {
	int fd;
};

FIXTURE_SETUP(kvm)
{
	self->fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(kvm)
{
	close(self->fd);
}

TEST_F(kvm, speaks_the_stable_api)
{
	EXPECT_EQ(KVM_API_VERSION, ioctl(self->fd, KVM_GET_API_VERSION, 0));
}

TEST_F(kvm, knows_no_other_ioctl)
{
	EXPECT_EQ(-1, ioctl(self->fd, _IO(KVMIO, 0xff), 0));
	EXPECT_EQ(ENOTTY, errno);
}

TEST_F(kvm, makes_a_vm_with_a_vcpu)
{
	int vm, vcpu;

	vm = ioctl(self->fd, KVM_CREATE_VM, 0);
	ASSERT_LE(0, vm);
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	EXPECT_LE(0, vcpu);
	close(vm);
	close(vcpu);
}

TEST_HARNESS_MAIN
