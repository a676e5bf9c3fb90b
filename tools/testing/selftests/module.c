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
#include "gmem.h"
#include "module.h"
#include "svme.h"
#include "vfio.h"

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

static int of_vm(int vm, int vcpu)
{
	return dup(vm);
}

static int of_vcpu(int vm, int vcpu)
{
	return dup(vcpu);
}

static int of_test_device(int vm, int vcpu)
{
	return create_test_device(vm);
}

static int of_vfio_device(int vm, int vcpu)
{
	return kvm_vfio_create(vm);
}

static int of_vm_stats(int vm, int vcpu)
{
	return create_stats(vm);
}

static int of_vcpu_stats(int vm, int vcpu)
{
	return create_stats(vcpu);
}

static int of_guest_memfd(int vm, int vcpu)
{
	return create_guest_memfd(vm);
}

static int of_linked_guest_memfd(int vm, int vcpu)
{
	int other = create_vm(), first = create_guest_memfd(other), fd = link_gmem(vm, first, 0);

	close(first);
	close(other);
	return fd;
}

/* Each kind of file, when it is the last one that there is of its VM. */
TEST_F(module, every_file_pins)
{
	static int (*const kinds[])(int vm, int vcpu) = {
		of_vm, of_vcpu, of_test_device, of_vfio_device, of_vm_stats, of_vcpu_stats,
		of_guest_memfd, of_linked_guest_memfd,
	};
	int i, vm, vcpu, fd;
	void *run;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		vm = create_vm();
		vcpu = create_vcpu(vm, 0);
		if (kinds[i] == of_test_device && !has_test_device(vm))
			fd = dup(vm);
		else
			fd = kinds[i](vm, vcpu);
		ASSERT_GE(fd, 0) TH_LOG("kind %d", i);
		close(vm);
		close(vcpu);
		EXPECT_IN_USE();
		close(fd);
		EXPECT_EQ(read_number("/sys/module/kvm/refcnt"), 0) TH_LOG("kind %d", i);
	}

	/* A mapping holds its file. */
	vm = create_vm();
	vcpu = create_vcpu(vm, 0);
	run = map_run(vcpu);
	ASSERT_NE(run, MAP_FAILED);
	close(vcpu);
	close(vm);
	EXPECT_IN_USE();
	munmap(run, run_size());
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
