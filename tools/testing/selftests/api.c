// SPDX-License-Identifier: GPL-2.0
/* /dev/kvm and the ioctls that make and describe VMs, vCPUs and devices. */
/* machine: timeout=180 */
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "kselftest_harness.h"
#include "files.h"

/* One of ours that no table has. */
#define KVM_UNKNOWN	_IO(KVMIO, 0xff)

#define EXPECT_ERRNO(call, error) do {		\
	errno = 0;				\
	EXPECT_EQ(call, -1);			\
	EXPECT_EQ(errno, error);		\
} while (0)

FIXTURE(api) {
	int dev, vm, vcpu;
};

FIXTURE_SETUP(api)
{
	self->dev = open_kvm();
	ASSERT_GE(self->dev, 0);
	self->vm = ioctl(self->dev, KVM_CREATE_VM, 0);
	ASSERT_GE(self->vm, 0);
	self->vcpu = create_vcpu(self->vm, 0);
	ASSERT_GE(self->vcpu, 0);
}

FIXTURE_TEARDOWN(api)
{
	close(self->vcpu);
	close(self->vm);
	close(self->dev);
}

TEST_F(api, version)
{
	EXPECT_EQ(ioctl(self->dev, KVM_GET_API_VERSION, 0), KVM_API_VERSION);
	EXPECT_ERRNO(ioctl(self->dev, KVM_GET_API_VERSION, 1), EINVAL);
	EXPECT_ERRNO(ioctl(self->dev, KVM_GET_VCPU_MMAP_SIZE, 1), EINVAL);
	EXPECT_GE(ioctl(self->dev, KVM_GET_VCPU_MMAP_SIZE, 0), 2 * getpagesize());
	EXPECT_EQ(ioctl(self->dev, KVM_GET_VCPU_MMAP_SIZE, 0) % getpagesize(), 0);
}

TEST_F(api, unknown)
{
	int fds[] = { self->dev, self->vm, self->vcpu };

	for (int i = 0; i < 3; i++) {
		EXPECT_ERRNO(ioctl(fds[i], KVM_UNKNOWN, 0), ENOTTY);
		EXPECT_ERRNO(ioctl(fds[i], _IO('x', 0), 0), ENOTTY);
		EXPECT_ERRNO(ioctl(fds[i], 0, 0), ENOTTY);
		EXPECT_ERRNO(ioctl(fds[i], ~0U, 0), ENOTTY);
		/* The right number with a wrong size or direction. */
		EXPECT_ERRNO(ioctl(fds[i], _IOW(KVMIO, 0x00, int), 0), ENOTTY);
		EXPECT_ERRNO(ioctl(fds[i], _IOR(KVMIO, 0x80, int), 0), ENOTTY);
	}
	/* Those of the other files. */
	EXPECT_ERRNO(ioctl(self->dev, KVM_CREATE_VCPU, 1), ENOTTY);
	EXPECT_ERRNO(ioctl(self->dev, KVM_RUN, 0), ENOTTY);
	EXPECT_ERRNO(ioctl(self->vm, KVM_RUN, 0), ENOTTY);
	EXPECT_ERRNO(ioctl(self->vm, KVM_CREATE_VM, 0), ENOTTY);
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_CREATE_VM, 0), ENOTTY);
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_CREATE_VCPU, 1), ENOTTY);
}

TEST_F(api, vm_types)
{
	int types = ioctl(self->dev, KVM_CHECK_EXTENSION, KVM_CAP_VM_TYPES);
	int vm;

	EXPECT_EQ(types & 1, 1);
	for (int type = 0; type < 32; type++) {
		vm = ioctl(self->dev, KVM_CREATE_VM, type);
		if (types & (1U << type)) {
			EXPECT_GE(vm, 0);
			EXPECT_EQ(close(vm), 0);
		} else {
			EXPECT_EQ(vm, -1);
			EXPECT_EQ(errno, EINVAL);
		}
	}
	EXPECT_ERRNO(ioctl(self->dev, KVM_CREATE_VM, 1UL << 32), EINVAL);
	EXPECT_ERRNO(ioctl(self->dev, KVM_CREATE_VM, 1UL << 63), EINVAL);
	EXPECT_ERRNO(ioctl(self->dev, KVM_CREATE_VM, ULONG_MAX), EINVAL);
}

TEST_F(api, extensions)
{
	int fds[] = { self->dev, self->vm };
	int nr = ioctl(self->dev, KVM_CHECK_EXTENSION, KVM_CAP_NR_VCPUS);
	int max = ioctl(self->dev, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS);
	int max_id = ioctl(self->dev, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPU_ID);

	EXPECT_GE(nr, 1);
	EXPECT_GE(max, nr);
	EXPECT_GE(max_id, max);
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(ioctl(fds[i], KVM_CHECK_EXTENSION, KVM_CAP_NR_VCPUS), nr);
		EXPECT_EQ(ioctl(fds[i], KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS), max);
		EXPECT_EQ(ioctl(fds[i], KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPU_ID), max_id);
		EXPECT_EQ(ioctl(fds[i], KVM_CHECK_EXTENSION, KVM_CAP_IMMEDIATE_EXIT), 1);
		EXPECT_EQ(ioctl(fds[i], KVM_CHECK_EXTENSION, KVM_CAP_CHECK_EXTENSION_VM), 1);
		EXPECT_EQ(ioctl(fds[i], KVM_CHECK_EXTENSION, KVM_CAP_DEVICE_CTRL), 1);
		/* What nobody has heard of, and what another architecture has. */
		EXPECT_EQ(ioctl(fds[i], KVM_CHECK_EXTENSION, KVM_CAP_S390_UCONTROL), 0);
		EXPECT_EQ(ioctl(fds[i], KVM_CHECK_EXTENSION, 0x7fffffff), 0);
		EXPECT_EQ(ioctl(fds[i], KVM_CHECK_EXTENSION, ULONG_MAX), 0);
		/* A capability is not looked at in its low half alone. */
		EXPECT_EQ(ioctl(fds[i], KVM_CHECK_EXTENSION,
				(1UL << 32) | KVM_CAP_MAX_VCPUS), 0);
	}
}

/* Known bug 18: the id is bounded, and not cut to 32 bits. */
TEST_F(api, vcpu_id_bounds)
{
	unsigned long max_id = ioctl(self->vm, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPU_ID);
	unsigned long bad[] = {
		max_id, max_id + 1, INT_MAX, 1UL << 31, UINT_MAX, 1UL << 32,
		(1UL << 32) | 1, 1UL << 63, ULONG_MAX - 1, ULONG_MAX,
	};
	int vcpu;

	for (int i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_ERRNO(create_vcpu(self->vm, bad[i]), EINVAL);
	vcpu = create_vcpu(self->vm, max_id - 1);
	EXPECT_GE(vcpu, 0);
	EXPECT_ERRNO(create_vcpu(self->vm, max_id - 1), EEXIST);
	EXPECT_ERRNO(create_vcpu(self->vm, 0), EEXIST);
	close(vcpu);
	/* Its file is gone, the vCPU is not. */
	EXPECT_ERRNO(create_vcpu(self->vm, max_id - 1), EEXIST);
	vcpu = create_vcpu(self->vm, 1);
	EXPECT_GE(vcpu, 0);
	close(vcpu);
}

TEST_F_TIMEOUT(api, vcpu_limit, 150)
{
	int max = ioctl(self->vm, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS);
	int vcpu;

	for (int id = 1; id < max; id++) {
		vcpu = create_vcpu(self->vm, id);
		ASSERT_GE(vcpu, 0)
			TH_LOG("vCPU %d: %s", id, strerror(errno));
		close(vcpu);
	}
	EXPECT_ERRNO(create_vcpu(self->vm, max), EINVAL);
}

static void expect_file(struct __test_metadata *_metadata, int fd, const char *name)
{
	char path[64], link[64] = "";

	EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	EXPECT_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	EXPECT_GT(readlink(path, link, sizeof(link) - 1), 0);
	EXPECT_STREQ(link, name);
}

TEST_F(api, files)
{
	int vcpu = create_vcpu(self->vm, 11), dev;

	expect_file(_metadata, self->vm, "anon_inode:kvm-vm");
	expect_file(_metadata, self->vcpu, "anon_inode:kvm-vcpu:0");
	expect_file(_metadata, vcpu, "anon_inode:kvm-vcpu:11");
	if (has_test_device(self->vm)) {
		dev = create_test_device(self->vm);
		expect_file(_metadata, dev, "anon_inode:kvm-test");
		close(dev);
	}
	close(vcpu);
	/* There is nothing to read, and only a vCPU can be mapped. */
	EXPECT_ERRNO(read(self->vm, &vcpu, 4), EINVAL);
	EXPECT_ERRNO(write(self->vcpu, &vcpu, 4), EINVAL);
	EXPECT_EQ(mmap(NULL, 4096, PROT_READ, MAP_SHARED, self->vm, 0), MAP_FAILED);
	EXPECT_EQ(mmap(NULL, 4096, PROT_READ, MAP_SHARED, self->dev, 0), MAP_FAILED);
}

TEST_F(api, create_device)
{
	struct kvm_create_device cd = { .type = 0xbad, .fd = 77 };

	EXPECT_ERRNO(ioctl(self->vm, KVM_CREATE_DEVICE, &cd), ENODEV);
	cd.flags = KVM_CREATE_DEVICE_TEST;
	EXPECT_ERRNO(ioctl(self->vm, KVM_CREATE_DEVICE, &cd), ENODEV);
	cd.type = UINT_MAX;
	EXPECT_ERRNO(ioctl(self->vm, KVM_CREATE_DEVICE, &cd), ENODEV);
	for (int bit = 1; bit < 32; bit++) {
		cd.flags = 1U << bit;
		EXPECT_ERRNO(ioctl(self->vm, KVM_CREATE_DEVICE, &cd), EINVAL);
	}
	EXPECT_ERRNO(ioctl(self->vm, KVM_CREATE_DEVICE, NULL), EFAULT);
	EXPECT_ERRNO(ioctl(self->vm, KVM_CREATE_DEVICE, -4096L), EFAULT);
	EXPECT_EQ(cd.fd, 77);
}

FIXTURE(device) {
	int vm, dev;
};

FIXTURE_SETUP(device)
{
	self->vm = create_vm();
	ASSERT_GE(self->vm, 0);
	if (!has_test_device(self->vm))
		SKIP(return, "no test device: not a debug build of the module");
	self->dev = create_test_device(self->vm);
	ASSERT_GE(self->dev, 0);
}

FIXTURE_TEARDOWN(device)
{
	close(self->dev);
	close(self->vm);
}

TEST_F(device, create)
{
	struct kvm_create_device cd = {
		.type = KVM_DEV_TYPE_TEST, .flags = KVM_CREATE_DEVICE_TEST, .fd = 77,
	};
	int before = count_fds();
	void *page;

	/* A test makes nothing. */
	EXPECT_EQ(ioctl(self->vm, KVM_CREATE_DEVICE, &cd), 0);
	EXPECT_EQ(cd.fd, 77);
	EXPECT_EQ(count_fds(), before);

	/* Nor does what cannot be answered: a page that can be read only. */
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cd.flags = 0;
	memcpy(page, &cd, sizeof(cd));
	ASSERT_EQ(mprotect(page, 4096, PROT_READ), 0);
	EXPECT_ERRNO(ioctl(self->vm, KVM_CREATE_DEVICE, page), EFAULT);
	EXPECT_EQ(count_fds(), before);
	munmap(page, 4096);
}

TEST_F(device, attributes)
{
	unsigned long long value = 0x1122334455667788;
	struct kvm_device_attr attr = { .addr = (unsigned long)&value };

	EXPECT_EQ(ioctl(self->dev, KVM_HAS_DEVICE_ATTR, &attr), 0);
	EXPECT_EQ(ioctl(self->dev, KVM_SET_DEVICE_ATTR, &attr), 0);
	value = 0;
	EXPECT_EQ(ioctl(self->dev, KVM_GET_DEVICE_ATTR, &attr), 0);
	EXPECT_EQ(value, 0x1122334455667788);
	attr.addr = 0;
	EXPECT_ERRNO(ioctl(self->dev, KVM_SET_DEVICE_ATTR, &attr), EFAULT);
	EXPECT_ERRNO(ioctl(self->dev, KVM_GET_DEVICE_ATTR, &attr), EFAULT);
	attr.group = 1;
	EXPECT_ERRNO(ioctl(self->dev, KVM_HAS_DEVICE_ATTR, &attr), ENXIO);
	EXPECT_ERRNO(ioctl(self->dev, KVM_SET_DEVICE_ATTR, &attr), ENXIO);
	EXPECT_ERRNO(ioctl(self->dev, KVM_GET_DEVICE_ATTR, &attr), ENXIO);
	EXPECT_ERRNO(ioctl(self->dev, KVM_SET_DEVICE_ATTR, NULL), EFAULT);
	EXPECT_ERRNO(ioctl(self->dev, KVM_UNKNOWN, 0), ENOTTY);
	EXPECT_ERRNO(ioctl(self->dev, KVM_RUN, 0), ENOTTY);
}

static sigjmp_buf fault_jump;

static void on_fault(int signal)
{
	siglongjmp(fault_jump, signal);
}

/* 0, or the signal that reading there raises. */
static int touch(const char *address)
{
	struct sigaction action = { .sa_handler = on_fault };
	int signal;

	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	signal = sigsetjmp(fault_jump, 1);
	if (!signal)
		asm volatile("" : : "r"(*address));
	return signal;
}

TEST_F(api, mapping)
{
	size_t size = run_size(), page = getpagesize();
	char *run = mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_SHARED, self->vcpu, 0);
	char *far = mmap(NULL, page, PROT_READ, MAP_SHARED, self->vcpu, 1L << 45);

	ASSERT_NE(run, MAP_FAILED);
	ASSERT_NE(far, MAP_FAILED);
	EXPECT_EQ(touch(run), 0);
	/* Port data has no page of its own, but programs may believe it has. */
	EXPECT_EQ(touch(run + KVM_PIO_PAGE_OFFSET * page), 0);
	EXPECT_EQ(touch(run + size), SIGBUS);
	EXPECT_EQ(touch(far), SIGBUS);
	/* Nothing of the kernel shows. */
	for (size_t i = sizeof(struct kvm_run); i < 2 * page; i++)
		EXPECT_EQ(run[i], 0);
	munmap(far, page);
	munmap(run, size + page);
}

TEST_F(api, immediate_exit)
{
	struct kvm_run *run = map_run(self->vcpu);

	ASSERT_NE(run, MAP_FAILED);
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_RUN, 1), EINVAL);
	run->immediate_exit = 1;
	run->exit_reason = 0xdead;
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_RUN, 0), EINTR);
	/* The last exit is still the last exit. */
	EXPECT_EQ(run->exit_reason, 0xdead);
	EXPECT_EQ(run->immediate_exit, 1);
}

static int set_mask(int vcpu, unsigned int len, unsigned long long mask)
{
	unsigned char buffer[sizeof(struct kvm_signal_mask) + sizeof(mask)];
	struct kvm_signal_mask *arg = (void *)buffer;

	arg->len = len;
	memcpy(arg->sigset, &mask, sizeof(mask));
	return ioctl(vcpu, KVM_SET_SIGNAL_MASK, arg);
}

TEST_F(api, signal_mask)
{
	EXPECT_EQ(set_mask(self->vcpu, 8, 0), 0);
	EXPECT_EQ(set_mask(self->vcpu, 8, ~0ULL), 0);
	EXPECT_ERRNO(set_mask(self->vcpu, 0, 0), EINVAL);
	EXPECT_ERRNO(set_mask(self->vcpu, 4, 0), EINVAL);
	EXPECT_ERRNO(set_mask(self->vcpu, 16, 0), EINVAL);
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_SET_SIGNAL_MASK, -4096L), EFAULT);
	EXPECT_EQ(ioctl(self->vcpu, KVM_SET_SIGNAL_MASK, NULL), 0);
}

/* A signal that only KVM_RUN lets through ends it; a failed call changes no mask. */
TEST_F(api, signal_interrupts)
{
	struct kvm_run *run = map_run(self->vcpu);
	sigset_t block;

	ASSERT_NE(run, MAP_FAILED);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	ASSERT_EQ(sigprocmask(SIG_BLOCK, &block, NULL), 0);
	ASSERT_EQ(raise(SIGUSR1), 0);
	ASSERT_EQ(set_mask(self->vcpu, 8, 0), 0);
	ASSERT_EQ(set_mask(self->vcpu, 4, ~0ULL), -1);
	run->exit_reason = 0xdead;
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_RUN, 0), EINTR);
	EXPECT_EQ(run->exit_reason, KVM_EXIT_INTR);
	/* Blocked again, and still pending. */
	sigemptyset(&block);
	sigpending(&block);
	EXPECT_EQ(sigismember(&block, SIGUSR1), 1);
	sigprocmask(SIG_SETMASK, NULL, &block);
	EXPECT_EQ(sigismember(&block, SIGUSR1), 1);
	signal(SIGUSR1, SIG_IGN);
}

/* ioctl(2) as a 32-bit program calls it; 54 is its number there. */
static int compat_ioctl(int fd, unsigned int cmd, unsigned long arg)
{
	int r = 54;

	asm volatile("int $0x80" : "+a"(r) : "b"(fd), "c"(cmd), "d"(arg)
		     : "memory", "r8", "r9", "r10", "r11");
	if (r >= 0)
		return r;
	errno = -r;
	return -1;
}

static bool have_compat(void)
{
	struct sigaction action = { .sa_handler = on_fault };

	sigaction(SIGSEGV, &action, NULL);
	if (sigsetjmp(fault_jump, 1))
		return false;
	return compat_ioctl(-1, 0, 0) == -1 && errno == EBADF;
}

struct low_memory {
	struct kvm_create_device cd;
	struct kvm_device_attr attr;
	unsigned long long value;
	struct {
		unsigned int len;
		unsigned char set[8];
	} mask;
	struct {
		unsigned int flags;
		struct { unsigned int flags, nmsrs, base, bitmap; } ranges[16];
	} filter;
	unsigned char bits[8];
};

#define SET_MSR_FILTER_COMPAT	\
	_IOW(KVMIO, _IOC_NR(KVM_X86_SET_MSR_FILTER), typeof(((struct low_memory *)0)->filter))

/* Pointers in it are shorter than in the other. */
static void compat_msr_filter(struct __test_metadata *_metadata, int vm, struct low_memory *low)
{
	unsigned long filter = (unsigned long)&low->filter;

	low->filter.ranges[2].flags = KVM_MSR_FILTER_READ;
	low->filter.ranges[2].nmsrs = 64;
	low->filter.ranges[2].base = 0xc0000081;
	low->filter.ranges[2].bitmap = (unsigned long)low->bits;
	EXPECT_EQ(compat_ioctl(vm, SET_MSR_FILTER_COMPAT, filter), 0);
	low->filter.ranges[2].bitmap = 4096;
	EXPECT_ERRNO(compat_ioctl(vm, SET_MSR_FILTER_COMPAT, filter), EFAULT);
	low->filter.ranges[2].flags = 4;
	EXPECT_ERRNO(compat_ioctl(vm, SET_MSR_FILTER_COMPAT, filter), EINVAL);
	low->filter.flags = 2;
	EXPECT_ERRNO(compat_ioctl(vm, SET_MSR_FILTER_COMPAT, filter), EINVAL);
}

TEST_F(api, compat)
{
	struct low_memory *low;
	int dev, vm, vcpu;

	if (!have_compat())
		SKIP(return, "the kernel has no IA32_EMULATION");
	low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	ASSERT_NE(low, MAP_FAILED);
	EXPECT_EQ(compat_ioctl(self->dev, KVM_GET_API_VERSION, 0), KVM_API_VERSION);
	EXPECT_ERRNO(compat_ioctl(self->dev, KVM_GET_API_VERSION, 1), EINVAL);
	EXPECT_ERRNO(compat_ioctl(self->dev, KVM_UNKNOWN, 0), ENOTTY);
	vm = compat_ioctl(self->dev, KVM_CREATE_VM, 0);
	ASSERT_GE(vm, 0);
	EXPECT_ERRNO(compat_ioctl(vm, KVM_CREATE_VCPU, UINT_MAX), EINVAL);
	vcpu = compat_ioctl(vm, KVM_CREATE_VCPU, 3);
	ASSERT_GE(vcpu, 0);

	compat_msr_filter(_metadata, vm, low);
	low->mask.len = 8;
	EXPECT_EQ(compat_ioctl(vcpu, KVM_SET_SIGNAL_MASK, (unsigned long)&low->mask), 0);
	low->mask.len = 4;
	EXPECT_ERRNO(compat_ioctl(vcpu, KVM_SET_SIGNAL_MASK, (unsigned long)&low->mask), EINVAL);
	EXPECT_EQ(compat_ioctl(vcpu, KVM_SET_SIGNAL_MASK, 0), 0);
	EXPECT_ERRNO(compat_ioctl(vm, KVM_CREATE_DEVICE, 4096), EFAULT);
	low->cd.type = 0xbad;
	EXPECT_ERRNO(compat_ioctl(vm, KVM_CREATE_DEVICE, (unsigned long)&low->cd), ENODEV);
	if (has_test_device(vm)) {
		low->cd.type = KVM_DEV_TYPE_TEST;
		EXPECT_EQ(compat_ioctl(vm, KVM_CREATE_DEVICE, (unsigned long)&low->cd), 0);
		dev = low->cd.fd;
		low->value = 9;
		low->attr.addr = (unsigned long)&low->value;
		EXPECT_EQ(compat_ioctl(dev, KVM_SET_DEVICE_ATTR, (unsigned long)&low->attr), 0);
		low->value = 0;
		EXPECT_EQ(compat_ioctl(dev, KVM_GET_DEVICE_ATTR, (unsigned long)&low->attr), 0);
		EXPECT_EQ(low->value, 9);
		close(dev);
	}
	close(vcpu);
	close(vm);
	munmap(low, 4096);
}

TEST_HARNESS_MAIN
