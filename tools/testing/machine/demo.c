// SPDX-License-Identifier: GPL-2.0
/*
 * What `make demo-lifetime` shows: VMs are made and destroyed, and each destruction goes
 * through its stages, as the module's tracepoints tell.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <linux/kvm.h>

#define TRACING	"/sys/kernel/tracing/"
#define VMS	16
#define VCPUS	2

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		warn("%s", path);
	if (fd >= 0)
		close(fd);
}

static void show_trace(void)
{
	char line[512];
	FILE *trace = fopen(TRACING "trace", "r");

	if (!trace) {
		warn(TRACING "trace");
		return;
	}
	while (fgets(line, sizeof(line), trace))
		if (line[0] != '#')
			fputs(line, stdout);
	fclose(trace);
}

static int checked(int result, const char *what)
{
	if (result < 0)
		err(1, "%s", what);
	return result;
}

struct vm {
	int fd;
	int vcpu[VCPUS];
};

static struct vm create(int kvm)
{
	struct vm vm = { .fd = checked(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM") };

	for (int i = 0; i < VCPUS; i++)
		vm.vcpu[i] = checked(ioctl(vm.fd, KVM_CREATE_VCPU, i), "KVM_CREATE_VCPU");
	return vm;
}

static void destroy(struct vm *vm)
{
	for (int i = 0; i < VCPUS; i++)
		close(vm->vcpu[i]);
	close(vm->fd);
}

int main(void)
{
	int kvm = checked(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
	struct vm vms[VMS], vm;
	double t0, t1, t2;

	printf("/dev/kvm speaks API version %d\n\n", ioctl(kvm, KVM_GET_API_VERSION, 0));

	printf("One VM with %d vCPUs; its destruction starts at the last close:\n", VCPUS);
	put(TRACING "events/kvm/enable", "1");
	vm = create(kvm);
	destroy(&vm);
	put(TRACING "events/kvm/enable", "0");
	show_trace();

	t0 = now_us();
	for (int i = 0; i < VMS; i++)
		vms[i] = create(kvm);
	t1 = now_us();
	for (int i = 0; i < VMS; i++)
		destroy(&vms[i]);
	t2 = now_us();
	printf("\n%d VMs with %d vCPUs each: created in %.0f us, destroyed in %.0f us each\n",
	       VMS, VCPUS, (t1 - t0) / VMS, (t2 - t1) / VMS);
	printf("(emulated time; `make bench` gives the exact figures)\n");
	return 0;
}
