// SPDX-License-Identifier: GPL-2.0
/* CPUs go and come, and the machine sleeps, while there are VMs. */
/* machine: smp=2 modules=msr timeout=240 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>

#include "kselftest_harness.h"
#include "files.h"
#include "svme.h"

#define TIMEOUT		200
#define NR_VMS		16
#define ROUNDS		12
#define ONLINE		"/sys/devices/system/cpu/cpu1/online"

static atomic_bool stop;
static atomic_int made, failed;

/* Again and again, from no VM at all to 16 and back. */
static void *make_vms(void *unused)
{
	int fds[2 * NR_VMS], i;

	while (!atomic_load(&stop)) {
		for (i = 0; i < NR_VMS; i++) {
			fds[2 * i] = create_vm();
			fds[2 * i + 1] = create_vcpu(fds[2 * i], 0);
			atomic_fetch_add(fds[2 * i + 1] < 0 ? &failed : &made, 1);
		}
		for (i = 0; i < 2 * NR_VMS; i++)
			close(fds[i]);
	}
	return NULL;
}

FIXTURE(hotplug) { int unused; };

FIXTURE_SETUP(hotplug)
{
	if (sysconf(_SC_NPROCESSORS_CONF) < 2 || access(ONLINE, W_OK))
		SKIP(return, "one CPU only, or none that can go offline");
	ASSERT_EQ(read_number(ONLINE), 1);
}

FIXTURE_TEARDOWN(hotplug)
{
	write_text(ONLINE, "1");
}

TEST_F_TIMEOUT(hotplug, while_vms_come_and_go, TIMEOUT)
{
	pthread_t thread;

	ASSERT_EQ(pthread_create(&thread, NULL, make_vms, NULL), 0);
	for (int i = 0; i < ROUNDS; i++) {
		EXPECT_EQ(write_text(ONLINE, "0"), 0);
		EXPECT_EQ(write_text(ONLINE, "1"), 0);
	}
	atomic_store(&stop, true);
	ASSERT_EQ(pthread_join(thread, NULL), 0);
	EXPECT_EQ(failed, 0);
	EXPECT_GE(made, NR_VMS);
	if (svme_readable())
		EXPECT_TRUE(svme_all_off());
}

TEST_F_TIMEOUT(hotplug, cpu_comes_to_live_vms, TIMEOUT)
{
	int vm = create_vm();

	ASSERT_GE(vm, 0);
	if (!svme_readable())
		SKIP(return, "no msr driver");
	EXPECT_TRUE(svme_all_on());
	ASSERT_EQ(write_text(ONLINE, "0"), 0);
	EXPECT_TRUE(svme_all_on());
	ASSERT_EQ(write_text(ONLINE, "1"), 0);
	EXPECT_EQ(svme_count().on, 2);
	close(vm);
	EXPECT_TRUE(svme_all_off());

	/* Nothing to enable for a CPU that comes to no VM. */
	ASSERT_EQ(write_text(ONLINE, "0"), 0);
	ASSERT_EQ(write_text(ONLINE, "1"), 0);
	EXPECT_EQ(svme_count().off, 2);
}

/* The first VM comes while a CPU is away, the last goes while it is. */
TEST_F_TIMEOUT(hotplug, vms_come_and_go_without_it, TIMEOUT)
{
	int vm;

	if (!svme_readable())
		SKIP(return, "no msr driver");
	ASSERT_EQ(write_text(ONLINE, "0"), 0);
	vm = create_vm();
	ASSERT_GE(vm, 0);
	ASSERT_EQ(write_text(ONLINE, "1"), 0);
	EXPECT_EQ(svme_count().on, 2);

	ASSERT_EQ(write_text(ONLINE, "0"), 0);
	close(vm);
	ASSERT_EQ(write_text(ONLINE, "1"), 0);
	EXPECT_EQ(svme_count().off, 2);
}

/* All CPUs or none: the first VM cannot be made while another has one of them. */
TEST_F(hotplug, cpu_is_taken)
{
	int vm;

	if (!svme_readable() || !svme_take(1, true))
		SKIP(return, "no msr driver");
	errno = 0;
	EXPECT_EQ(create_vm(), -1);
	EXPECT_EQ(errno, EBUSY);
	/* Ours is as it was, and so is the one of the other. */
	EXPECT_EQ(svme_count().off, 1);
	EXPECT_EQ(svme_count().half, 1);

	ASSERT_TRUE(svme_take(1, false));
	vm = create_vm();
	EXPECT_GE(vm, 0);
	EXPECT_EQ(svme_count().on, 2);
	close(vm);
	EXPECT_TRUE(svme_all_off());
}

FIXTURE(sleep) { int unused; };

FIXTURE_SETUP(sleep)
{
	if (access("/sys/power/pm_test", W_OK))
		SKIP(return, "the kernel has no PM_DEBUG");
}

FIXTURE_TEARDOWN(sleep)
{
	write_text("/sys/power/pm_test", "none");
}

/*
 * Everything of a suspend to memory but its last step: CPUs offline, then
 * those who registered for it, with interrupts off. The kernel stays there for
 * five seconds.
 */
TEST_F_TIMEOUT(sleep, with_a_vm, TIMEOUT)
{
	int vm = create_vm(), first = create_vcpu(vm, 0), second;

	ASSERT_GE(first, 0);
	ASSERT_EQ(write_text("/sys/power/pm_test", "core"), 0);
	ASSERT_EQ(write_text("/sys/power/state", "mem"), 0);
	if (svme_readable())
		EXPECT_TRUE(svme_all_on());
	second = create_vcpu(vm, 1);
	EXPECT_GE(second, 0);
	close(second);
	close(first);
	close(vm);
	if (svme_readable())
		EXPECT_TRUE(svme_all_off());
}

TEST_F_TIMEOUT(sleep, without_a_vm, TIMEOUT)
{
	ASSERT_EQ(write_text("/sys/power/pm_test", "core"), 0);
	ASSERT_EQ(write_text("/sys/power/state", "mem"), 0);
	if (svme_readable())
		EXPECT_TRUE(svme_all_off());
}

TEST_HARNESS_MAIN
