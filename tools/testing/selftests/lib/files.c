// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "files.h"

int open_kvm(void)
{
	return open("/dev/kvm", O_RDWR | O_CLOEXEC);
}

int create_vm(void)
{
	int dev = open_kvm(), vm, saved;

	if (dev < 0)
		return -1;
	vm = ioctl(dev, KVM_CREATE_VM, 0);
	saved = errno;
	close(dev);
	errno = saved;
	return vm;
}

int create_vcpu(int vm, unsigned long id)
{
	return ioctl(vm, KVM_CREATE_VCPU, id);
}

int create_test_device(int vm)
{
	struct kvm_create_device cd = { .type = KVM_DEV_TYPE_TEST, .fd = -1 };

	return ioctl(vm, KVM_CREATE_DEVICE, &cd) ? -1 : (int)cd.fd;
}

int create_guest_memfd(int vm)
{
	struct kvm_create_guest_memfd create = { .size = 1 << 20 };

	return ioctl(vm, KVM_CREATE_GUEST_MEMFD, &create);
}

int create_stats(int vm_or_vcpu)
{
	return ioctl(vm_or_vcpu, KVM_GET_STATS_FD, NULL);
}

bool has_test_device(int vm)
{
	struct kvm_create_device cd = {
		.type = KVM_DEV_TYPE_TEST,
		.flags = KVM_CREATE_DEVICE_TEST,
	};

	return !ioctl(vm, KVM_CREATE_DEVICE, &cd);
}

size_t run_size(void)
{
	int dev = open_kvm();
	int size = ioctl(dev, KVM_GET_VCPU_MMAP_SIZE, 0);

	close(dev);
	return size > 0 ? size : 0;
}

struct kvm_run *map_run(int vcpu)
{
	return mmap(NULL, run_size(), PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
}

#define MAX_FDS	253	/* the kernel's SCM_MAX_FD */

int send_fds(int sock, const int *fds, int nr)
{
	char control[CMSG_SPACE(MAX_FDS * sizeof(int))] = {}, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = CMSG_SPACE(nr * sizeof(int)),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(nr * sizeof(int));
	memcpy(CMSG_DATA(cmsg), fds, nr * sizeof(int));
	return sendmsg(sock, &msg, 0) == 1 ? 0 : -1;
}

int recv_fds(int sock, int *fds, int nr)
{
	char control[CMSG_SPACE(MAX_FDS * sizeof(int))], byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;

	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != 1)
		return -1;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg || cmsg->cmsg_type != SCM_RIGHTS ||
	    cmsg->cmsg_len != CMSG_LEN(nr * sizeof(int)))
		return -1;
	memcpy(fds, CMSG_DATA(cmsg), nr * sizeof(int));
	return 0;
}

int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int nr = 0;

	while (readdir(dir))
		nr++;
	closedir(dir);
	return nr - 3;	/* ".", "..", and the descriptor of the folder */
}

long read_number(const char *path)
{
	char text[64] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = read(fd, text, sizeof(text) - 1);

	close(fd);
	return len > 0 ? strtol(text, NULL, 0) : -1;
}

int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t len = write(fd, text, strlen(text));
	int saved = errno;

	close(fd);
	errno = saved;
	return len == (ssize_t)strlen(text) ? 0 : -1;
}
