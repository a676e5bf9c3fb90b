// SPDX-License-Identifier: GPL-2.0
/* Birth and death of VMs and vCPUs, alone and among a thousand others, and their memory. */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bench.h"

#define NR_OTHERS	1000

static int vm = -1, vcpu = -1, next = -1;

static int device(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		die("/dev/kvm");
	return fd;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void create_vm(void)
{
	vm = ioctl(device(), KVM_CREATE_VM, 0);
	if (vm < 0)
		die("KVM_CREATE_VM");
}

static void create_first(void)
{
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (vcpu < 0)
		die("KVM_CREATE_VCPU");
}

static void create_next(void)
{
	next = ioctl(vm, KVM_CREATE_VCPU, 1);
	if (next < 0)
		die("KVM_CREATE_VCPU");
}

static void create_both(void)
{
	create_vm();
	create_first();
}

/* By now it has a directory in debugfs. */
static void create_old(void)
{
	create_both();
	usleep(2500000);
}

static void destroy(void)
{
	close_fd(&next);
	close_fd(&vcpu);
	close_fd(&vm);
}

/* The others: with a vCPU each, and both files, as a VMM has them. */

static int others[NR_OTHERS][2];
static int nr_others;

static void make_others(int nr)
{
	while (nr_others < nr) {
		create_both();
		others[nr_others][0] = vcpu;
		others[nr_others++][1] = vm;
	}
	vcpu = -1;
	vm = -1;
}

static void drop_others(void)
{
	while (nr_others) {
		nr_others--;
		close_fd(&others[nr_others][0]);
		close_fd(&others[nr_others][1]);
	}
}

/* Made by the first row that wants them, for all rounds and rows that follow. */

static void among_vm(void)
{
	make_others(NR_OTHERS);
	create_vm();
}

static void among_both(void)
{
	make_others(NR_OTHERS);
	create_both();
}

static void among(void)
{
	make_others(NR_OTHERS);
}

/* Memory that the kernel can no longer give away, in KiB. */
static long used_kib(void)
{
	char line[128];
	long total = -1, free = -1;
	FILE *file;

	sync();
	file = fopen("/proc/sys/vm/drop_caches", "we");
	if (file) {
		fputs("3", file);
		fclose(file);
	}
	/* Let what RCU holds back go. */
	sleep(1);
	file = fopen("/proc/meminfo", "re");
	if (!file)
		die("/proc/meminfo");
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "MemTotal: %ld", &total) != 1 &&
		    sscanf(line, "MemFree: %ld", &free) == 1)
			break;
	fclose(file);
	if (free < 0)
		die("MemFree");
	return total - free;
}

static double vm_memory(void)
{
	double before, after;

	/* What is made once, and the caches of slabs and descriptors. */
	make_others(NR_OTHERS);
	drop_others();
	before = used_kib();
	make_others(NR_OTHERS);
	after = used_kib();
	drop_others();
	return (after - before) / NR_OTHERS;
}

const struct bench lifecycle_benches[] = {
	/* First, before others leave slabs half full. */
	{ "idle-vm-with-vcpu-memory", "KiB", .value = vm_memory, .reference = 109, .aim = 32 },
	{ "vm-create", "us", 100, .run = create_vm, .teardown = destroy,
	  .reference = 235, .aim = 25 },
	{ "vm-destroy", "us", 100, .setup = create_vm, .run = destroy,
	  .reference = 11800, .aim = 50 },
	{ "vm-with-vcpu-create", "us", 100, .run = create_both, .teardown = destroy },
	{ "vm-with-vcpu-destroy", "us", 100, .setup = create_both, .run = destroy,
	  .aim = 50 },
	{ "old-vm-destroy", "us", 10, .setup = create_old, .run = destroy, .aim = 50 },
	{ "first-vcpu-create", "us", 100, .setup = create_vm, .run = create_first,
	  .teardown = destroy, .reference = 409, .aim = 60 },
	{ "next-vcpu-create", "us", 100, .setup = create_both, .run = create_next,
	  .teardown = destroy, .reference = 57, .aim = 30 },

	{ "vm-create-among-1000", "us", 100, .setup = among, .run = create_vm,
	  .teardown = destroy, .aim = 25 },
	{ "vm-destroy-among-1000", "us", 100, .setup = among_vm, .run = destroy, .aim = 50 },
	{ "vm-with-vcpu-create-among-1000", "us", 100, .setup = among, .run = create_both,
	  .teardown = destroy },
	{ "vm-with-vcpu-destroy-among-1000", "us", 100, .setup = among_both, .run = destroy,
	  .aim = 50 },
	{ "first-vcpu-create-among-1000", "us", 100, .setup = among_vm, .run = create_first,
	  .teardown = destroy, .aim = 60 },
	{ "next-vcpu-create-among-1000", "us", 100, .setup = among_both, .run = create_next,
	  .teardown = destroy, .aim = 30 },

	{ }
};
