// SPDX-License-Identifier: GPL-2.0
/*
 * Descriptors under attack: guessed before they are told, and a table that is
 * full. Known bugs 1, 2 and 3.
 */
/* machine: smp=2 timeout=240 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "kselftest_harness.h"
#include "files.h"
#include "trace.h"
#include "vfio.h"

#define TIMEOUT		200

/* Descriptors that threads guess: all between these. */
#define FIRST_GUESS	3
#define LAST_GUESS	24
#define NEVER_GUESSED	64

#define ROUNDS		400
/* Of either kind: the machine has two CPUs, and who makes things needs its share. */
#define NR_GUESSERS	1

static atomic_bool stop;

static void *guess_and_close(void *unused)
{
	while (!atomic_load(&stop))
		for (int fd = FIRST_GUESS; fd <= LAST_GUESS; fd++)
			close(fd);
	return NULL;
}

static void use(int fd)
{
	struct kvm_create_device cd = { .type = KVM_DEV_TYPE_TEST };
	unsigned long long value = 1;
	struct kvm_device_attr attr = { .addr = (unsigned long)&value };
	struct kvm_run *run;

	ioctl(fd, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS);
	ioctl(fd, KVM_CREATE_VCPU, fd);
	ioctl(fd, KVM_CREATE_DEVICE, &cd);
	ioctl(fd, KVM_SET_DEVICE_ATTR, &attr);
	create_guest_memfd(fd);
	create_stats(fd);
	ioctl(fd, KVM_SET_SIGNAL_MASK, NULL);
	run = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (run != MAP_FAILED) {
		run->immediate_exit = 1;
		ioctl(fd, KVM_RUN, 0);
		munmap(run, 4096);
	}
}

static void *guess_and_use(void *unused)
{
	while (!atomic_load(&stop))
		for (int fd = FIRST_GUESS; fd <= LAST_GUESS; fd++)
			use(fd);
	return NULL;
}

static int move_up(int fd)
{
	int up = fcntl(fd, F_DUPFD_CLOEXEC, NEVER_GUESSED);

	close(fd);
	return up;
}

/* Any of these may fail, or close what another thread made. */
static int attack(void)
{
	pthread_t threads[2 * NR_GUESSERS];
	int round, vm, made = 0, i;
	bool device;

	for (i = 0; i < NR_GUESSERS; i++)
		if (pthread_create(&threads[2 * i], NULL, guess_and_close, NULL) ||
		    pthread_create(&threads[2 * i + 1], NULL, guess_and_use, NULL))
			_exit(100);
	for (round = 0; round < ROUNDS; round++) {
		vm = create_vm();
		/* In every other round they cannot get at the VM, only at what it has. */
		if (round & 1)
			vm = move_up(vm);
		device = has_test_device(vm);
		for (i = 0; i < 4; i++) {
			made += create_vcpu(vm, i) >= 0;
			made += device && create_test_device(vm) >= 0;
			made += create_stats(vm) >= 0;
		}
		close(vm);
	}
	atomic_store(&stop, true);
	for (i = 0; i < 2 * NR_GUESSERS; i++)
		pthread_join(threads[i], NULL);
	/* It is no test if the attackers never let anything be made. */
	return made > ROUNDS ? 0 : 101;
}

FIXTURE(fds) {
	struct trace *trace;
};

FIXTURE_SETUP(fds)
{
	self->trace = trace_start();
	ASSERT_NE(self->trace, NULL);
}

FIXTURE_TEARDOWN(fds)
{
	trace_stop(self->trace);
}

#define EXPECT_NOTHING_LEFT() do {					\
	ASSERT_EQ(trace_update(self->trace), 0);			\
	EXPECT_EQ(trace_count(self->trace, "add", 0),			\
		  trace_count(self->trace, "drop", 0));			\
} while (0)

TEST_F_TIMEOUT(fds, guessed, TIMEOUT)
{
	int status;
	pid_t pid = fork();

	/* In a process whose descriptors are all fair game. */
	if (!pid)
		_exit(attack());
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	EXPECT_NOTHING_LEFT();
	EXPECT_GE(trace_count(self->trace, "add", 0), 1);
}

/* No further descriptor for this process. */
static void fill_table(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = 0;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void widen_table(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

#define EXPECT_ERRNO(call, error) do {		\
	errno = 0;				\
	EXPECT_EQ(call, -1);			\
	EXPECT_EQ(errno, error);		\
} while (0)

/* Every creating ioctl, with a limit in force that makes it fail with @error. */
static void fail_each(struct __test_metadata *_metadata, int dev, int vm, int vcpu, int error)
{
	for (int i = 0; i < 50 && !_metadata->exit_code; i++) {
		EXPECT_ERRNO(ioctl(dev, KVM_CREATE_VM, 0), error);
		EXPECT_ERRNO(create_vcpu(vm, 1), error);
		EXPECT_ERRNO(create_guest_memfd(vm), error);
		EXPECT_ERRNO(create_stats(vm), error);
		EXPECT_ERRNO(create_stats(vcpu), error);
		EXPECT_ERRNO(kvm_vfio_create(vm), error);
		if (has_test_device(vm))
			EXPECT_ERRNO(create_test_device(vm), error);
	}
}

/* What failed before works, with the same arguments. */
static void work_each(struct __test_metadata *_metadata, int dev, int vm, int vcpu)
{
	int fd = ioctl(dev, KVM_CREATE_VM, 0);

	EXPECT_GE(fd, 0);
	close(fd);
	fd = create_vcpu(vm, 1);
	EXPECT_GE(fd, 0);
	close(fd);
	fd = create_guest_memfd(vm);
	EXPECT_GE(fd, 0);
	close(fd);
	fd = create_stats(vm);
	EXPECT_GE(fd, 0);
	close(fd);
	fd = kvm_vfio_create(vm);
	EXPECT_GE(fd, 0);
	close(fd);
	fd = create_stats(vcpu);
	EXPECT_GE(fd, 0);
	close(fd);
	if (has_test_device(vm)) {
		fd = create_test_device(vm);
		EXPECT_GE(fd, 0);
		close(fd);
	}
}

TEST_F(fds, table_full)
{
	int dev = open_kvm(), vm = create_vm(), vcpu = create_vcpu(vm, 0), nr = count_fds();

	fill_table();
	fail_each(_metadata, dev, vm, vcpu, EMFILE);
	widen_table();
	EXPECT_EQ(count_fds(), nr);
	work_each(_metadata, dev, vm, vcpu);
	close(vcpu);
	close(vm);
	EXPECT_NOTHING_LEFT();
	/* Ours, and the one that worked. */
	EXPECT_EQ(trace_count(self->trace, "add", 0), 2);
}

/*
 * No further file for anybody without privilege: a descriptor can be had, the
 * object can be made, only its file cannot. All of it has to be undone.
 */
TEST_F(fds, no_files)
{
	long max = read_number("/proc/sys/fs/file-max");
	int dev = open_kvm(), vm = create_vm(), vcpu = create_vcpu(vm, 0), status;
	char text[32];
	pid_t pid;

	snprintf(text, sizeof(text), "%ld", max);
	pid = fork();
	if (!pid) {
		/* A VM of the child's own: ours answers it with EIO. */
		vm = ioctl(dev, KVM_CREATE_VM, 0);
		vcpu = create_vcpu(vm, 0);
		if (vcpu < 0 || write_text("/proc/sys/fs/file-max", "0") || setuid(65534))
			_exit(100);
		fail_each(_metadata, dev, vm, vcpu, ENFILE);
		_exit(_metadata->exit_code);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	ASSERT_EQ(write_text("/proc/sys/fs/file-max", text), 0);
	EXPECT_EQ(status, 0);
	work_each(_metadata, dev, vm, vcpu);
	close(vcpu);
	close(vm);
	EXPECT_NOTHING_LEFT();
	/* They were made, and undone. */
	EXPECT_GE(trace_count(self->trace, "add", 0), 50);
}

TEST_HARNESS_MAIN
