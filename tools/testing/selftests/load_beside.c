// SPDX-License-Identifier: GPL-2.0
/* Beside the in-tree module, which has the same name: the kernel's loader refuses ours. */
/* machine: no-module modules=kvm-amd stock-only */
#include <sys/ioctl.h>

#include "kselftest_harness.h"
#include "files.h"
#include "module.h"

TEST(refused)
{
	int vm, vcpu;

	EXPECT_EQ(load_module(MODULE), -1);
	EXPECT_EQ(errno, EEXIST);
	/* The one that is there is not disturbed. */
	vm = create_vm();
	EXPECT_GE(vm, 0);
	EXPECT_EQ(load_module(MODULE), -1);
	EXPECT_EQ(errno, EEXIST);
	vcpu = create_vcpu(vm, 0);
	EXPECT_GE(vcpu, 0);
	close(vcpu);
	close(vm);

	/* Once it is gone, ours comes. */
	EXPECT_EQ(unload_module("kvm_amd"), 0);
	EXPECT_EQ(unload_module("kvm"), 0);
	EXPECT_EQ(load_module(MODULE), 0);
	vm = create_vm();
	EXPECT_GE(vm, 0);
	close(vm);
}

TEST_HARNESS_MAIN
