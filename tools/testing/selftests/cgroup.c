// SPDX-License-Identifier: GPL-2.0
/* The memory of a VM is charged to the cgroup of its creator, until its last file goes. */
/* machine: timeout=120 */
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "kselftest_harness.h"
#include "cgroup.h"
#include "files.h"

#define NR_VMS		64
#define NAME		"kvm-charged"

/* A vCPU has at least its run page, a VMCB and the page-table root of its VM. */
#define LEAST_CHARGE	(NR_VMS * 3L * 4096)

/* Charges of pages are kept back per CPU; slabs are freed late. */
#define NOISE		(128L * 1024)

/*
 * Kernel memory of the cgroup, once it is at most @bound, or after so many
 * seconds. Files are freed by RCU.
 */
static long settle(long bound, int seconds)
{
	long bytes;

	for (int i = 0; i < 20 * seconds; i++) {
		bytes = cgroup_kernel_memory(NAME);
		if (bytes <= bound)
			break;
		usleep(50000);
	}
	return bytes;
}

/* In the cgroup: make VMs when told, hand them over, close them when told, and wait. */
static void creator(int sock)
{
	int fds[2 * NR_VMS], i;
	char byte;

	if (read(sock, &byte, 1) != 1 || cgroup_enter(NAME))
		_exit(1);
	/* A first one, so that what is made once is made before the count begins. */
	fds[0] = create_vm();
	fds[1] = create_vcpu(fds[0], 0);
	close(fds[1]);
	close(fds[0]);
	if (write(sock, "e", 1) != 1 || read(sock, &byte, 1) != 1)
		_exit(1);
	for (i = 0; i < NR_VMS; i++) {
		fds[2 * i] = create_vm();
		fds[2 * i + 1] = create_vcpu(fds[2 * i], 0);
		if (fds[2 * i + 1] < 0)
			_exit(1);
	}
	if (send_fds(sock, fds, 2 * NR_VMS) || read(sock, &byte, 1) != 1)
		_exit(1);
	for (i = 0; i < 2 * NR_VMS; i++)
		close(fds[i]);
	if (write(sock, "c", 1) != 1 || read(sock, &byte, 1) != 1)
		_exit(1);
	_exit(0);
}

TEST(charged_until_last_close)
{
	int fds[2 * NR_VMS], socks[2], status, i;
	long before, full, held, after;
	char byte;
	pid_t pid;

	ASSERT_EQ(cgroup_create(NAME), 0);
	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, socks), 0);
	pid = fork();
	if (!pid) {
		close(socks[0]);
		creator(socks[1]);
	}
	close(socks[1]);
	ASSERT_EQ(write(socks[0], "e", 1), 1);
	ASSERT_EQ(read(socks[0], &byte, 1), 1);
	usleep(200000);
	before = cgroup_kernel_memory(NAME);
	ASSERT_GE(before, 0);

	ASSERT_EQ(write(socks[0], "m", 1), 1);
	ASSERT_EQ(recv_fds(socks[0], fds, 2 * NR_VMS), 0);
	full = cgroup_kernel_memory(NAME);
	EXPECT_GE(full - before, LEAST_CHARGE);

	/* The creator closes them all: nothing changes. */
	ASSERT_EQ(write(socks[0], "c", 1), 1);
	ASSERT_EQ(read(socks[0], &byte, 1), 1);
	held = settle(full - LEAST_CHARGE, 1);
	EXPECT_GE(held - before, LEAST_CHARGE);

	/* Without the vCPUs' files, still nothing: vCPUs live as long as the VM. */
	for (i = 0; i < NR_VMS; i++)
		close(fds[2 * i + 1]);
	held = settle(full - LEAST_CHARGE, 1);
	EXPECT_GE(held - before, LEAST_CHARGE);

	for (i = 0; i < NR_VMS; i++)
		close(fds[2 * i]);
	after = settle(before + NOISE, 10);
	EXPECT_LE(after, before + NOISE);
	TH_LOG("%ld bytes a VM, %ld bytes left of %d VMs", (full - before) / NR_VMS,
	       after - before, NR_VMS);

	close(socks[0]);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	/* It was reading when we closed: end of file. */
	EXPECT_EQ(WEXITSTATUS(status), 1);
	EXPECT_EQ(cgroup_remove(NAME), 0);
}

TEST_HARNESS_MAIN
