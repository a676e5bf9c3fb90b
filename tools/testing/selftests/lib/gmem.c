// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gmem.h"

int create_vm_of_type(unsigned long type)
{
	int dev = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm, saved;

	vm = ioctl(dev, KVM_CREATE_VM, type);
	saved = errno;
	close(dev);
	errno = saved;
	return vm;
}

int create_gmem(int vm, uint64_t size, uint64_t flags)
{
	struct kvm_create_guest_memfd create = { .size = size, .flags = flags };

	return ioctl(vm, KVM_CREATE_GUEST_MEMFD, &create);
}

int link_gmem(int vm, int fd, uint64_t flags)
{
	struct kvm_link_guest_memfd link = { .fd = fd, .flags = flags };

	return ioctl(vm, KVM_LINK_GUEST_MEMFD, &link);
}

int set_gmem_slot(int vm, uint32_t slot, uint64_t gpa, uint64_t size, void *mem, int fd,
		  uint64_t offset)
{
	struct kvm_userspace_memory_region2 region = {
		.slot = slot, .flags = KVM_MEM_GUEST_MEMFD, .guest_phys_addr = gpa,
		.memory_size = size, .userspace_addr = (uintptr_t)mem,
		.guest_memfd = fd, .guest_memfd_offset = offset,
	};

	return ioctl(vm, KVM_SET_USER_MEMORY_REGION2, &region);
}

int move_vm(int to, uint64_t from)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_VM_MOVE_ENC_CONTEXT_FROM, .args = { from },
	};

	return ioctl(to, KVM_ENABLE_CAP, &cap);
}

int set_private(int vm, uint64_t gpa, uint64_t size, bool private)
{
	struct kvm_memory_attributes set = {
		.address = gpa, .size = size,
		.attributes = private ? KVM_MEMORY_ATTRIBUTE_PRIVATE : 0,
	};

	return ioctl(vm, KVM_SET_MEMORY_ATTRIBUTES, &set);
}

int gmem_allocate(int fd, uint64_t offset, uint64_t size)
{
	return fallocate(fd, FALLOC_FL_KEEP_SIZE, offset, size);
}

int gmem_punch(int fd, uint64_t offset, uint64_t size)
{
	return fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, offset, size);
}

uint64_t gmem_used(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? ~0UL : st.st_blocks * 512UL;
}

uint64_t gmem_inode_number(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : st.st_ino;
}

uint8_t *gmem_map(int fd, uint64_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

bool all_bytes(const uint8_t *mem, uint8_t value, uint64_t size)
{
	return !size || (mem[0] == value && !memcmp(mem, mem + 1, size - 1));
}

static sigjmp_buf out;
static int sigbus_code;

static void on_sigbus(int nr, siginfo_t *info, void *context)
{
	sigbus_code = info->si_code;
	siglongjmp(out, 1);
}

int touch_sigbus(const uint8_t *mem)
{
	struct sigaction action = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO };
	struct sigaction before;

	sigbus_code = 0;
	sigaction(SIGBUS, &action, &before);
	if (!sigsetjmp(out, 1))
		asm volatile("testb $0, (%0)" : : "r" (mem) : "cc", "memory");
	sigaction(SIGBUS, &before, NULL);
	return sigbus_code;
}
