// SPDX-License-Identifier: GPL-2.0
/*
 * The module goes only when no file of it is open, and leaves every CPU as it
 * found it. The last test loads it again.
 */
/* machine: smp=2 modules=msr timeout=120 */
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "files.h"
#include "module.h"
#include "svme.h"

/* rmmod(8) says "in use": what delete_module(2) answers for a module with references. */
#define EXPECT_IN_USE() do {			\
	EXPECT_EQ(unload_module("kvm"), -1);		\
	EXPECT_EQ(errno, EWOULDBLOCK);		\
} while (0)

FIXTURE(module) { int unused; };

FIXTURE_SETUP(module)
{
	int dev = open_kvm();

	ASSERT_GE(dev, 0);
	close(dev);
	if (access(LOADED_MODULE, R_OK))
		SKIP(return, "no " LOADED_MODULE " to load again");
}

FIXTURE_TEARDOWN(module) { }

TEST_F(module, every_file_pins)
{
	int dev = open_kvm(), vm, vcpu, device = -1;
	void *run;

	EXPECT_IN_USE();
	vm = ioctl(dev, KVM_CREATE_VM, 0);
	ASSERT_GE(vm, 0);
	close(dev);
	EXPECT_IN_USE();

	vcpu = create_vcpu(vm, 0);
	if (has_test_device(vm))
		device = create_test_device(vm);
	run = map_run(vcpu);
	ASSERT_NE(run, MAP_FAILED);
	close(vm);
	EXPECT_IN_USE();
	if (device >= 0) {
		munmap(run, run_size());
		close(vcpu);
		EXPECT_IN_USE();
		close(device);
	} else {
		close(vcpu);
		EXPECT_IN_USE();
		munmap(run, run_size());
	}
	EXPECT_EQ(unload_module("kvm"), 0);
	EXPECT_EQ(open_kvm(), -1);
	EXPECT_EQ(load_module(LOADED_MODULE), 0);
}

TEST_F(module, device_node_pins)
{
	int dev = open_kvm();

	EXPECT_IN_USE();
	close(dev);
	EXPECT_EQ(unload_module("kvm"), 0);
	EXPECT_EQ(load_module(LOADED_MODULE), 0);
}

TEST_F(module, svme_follows_the_vms)
{
	int first, second;

	if (!svme_readable())
		SKIP(return, "no msr driver");
	EXPECT_TRUE(svme_all_off());
	first = create_vm();
	ASSERT_GE(first, 0);
	EXPECT_TRUE(svme_all_on());
	second = create_vm();
	close(first);
	EXPECT_TRUE(svme_all_on());
	close(second);
	EXPECT_TRUE(svme_all_off());
	EXPECT_EQ(unload_module("kvm"), 0);
	EXPECT_TRUE(svme_all_off());
	EXPECT_EQ(load_module(LOADED_MODULE), 0);
	EXPECT_TRUE(svme_all_off());
}

TEST_F(module, loads_again)
{
	for (int i = 0; i < 5; i++) {
		int vm = create_vm(), vcpu = create_vcpu(vm, 0);

		EXPECT_GE(vcpu, 0);
		EXPECT_EQ(load_module(LOADED_MODULE), -1);
		EXPECT_EQ(errno, EEXIST);
		close(vcpu);
		close(vm);
		ASSERT_EQ(unload_module("kvm"), 0);
		ASSERT_EQ(load_module(LOADED_MODULE), 0);
	}
}

TEST_HARNESS_MAIN
