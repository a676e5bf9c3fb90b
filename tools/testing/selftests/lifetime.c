// SPDX-License-Identifier: GPL-2.0
/*
 * A VM dies exactly when the last of its files is closed, whoever closes it,
 * in six stages.
 */
/* machine: timeout=240 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "kselftest_harness.h"
#include "files.h"
#include "trace.h"

#define TIMEOUT	200

/*
 * Every kind of file that holds a VM. The fifth is the test device, or where
 * the module has none the vCPU's statistics: 120 orders are enough to wait for.
 */
enum holder { VM, VCPU, VM_STATS, GUEST_MEMFD, FIFTH, NR_HOLDERS };

static bool has_device;

struct holders {
	int fd[NR_HOLDERS];
};

static bool make_holders(struct holders *h)
{
	h->fd[VM] = create_vm();
	h->fd[VCPU] = create_vcpu(h->fd[VM], 0);
	h->fd[VM_STATS] = create_stats(h->fd[VM]);
	h->fd[GUEST_MEMFD] = create_guest_memfd(h->fd[VM]);
	h->fd[FIFTH] = has_device ? create_test_device(h->fd[VM]) : create_stats(h->fd[VCPU]);
	for (int i = 0; i < NR_HOLDERS; i++)
		if (h->fd[i] < 0)
			return false;
	return true;
}

static int release(struct holders *h, enum holder which)
{
	return close(h->fd[which]);
}

static void release_all(struct holders *h)
{
	for (int i = 0; i < NR_HOLDERS; i++)
		release(h, i);
}

/* The next order of @nr things in @order; false after the last. */
static bool next_order(enum holder *order, int nr)
{
	int i, j, k;
	enum holder swap;

	for (i = nr - 2; i >= 0 && order[i] > order[i + 1]; i--)
		;
	if (i < 0)
		return false;
	for (j = nr - 1; order[j] < order[i]; j--)
		;
	swap = order[i], order[i] = order[j], order[j] = swap;
	for (j = i + 1, k = nr - 1; j < k; j++, k--)
		swap = order[j], order[j] = order[k], order[k] = swap;
	return true;
}

/*
 * Another process that releases holders one by one as it is told. It is told
 * over a socket: the number of a holder, answered by the same.
 */
struct closer {
	pid_t pid;
	int sock;
};

static void closer_main(int sock, struct holders *h)
{
	char which, answer;

	while (read(sock, &which, 1) == 1) {
		answer = release(h, which) ? 'x' : which;
		if (write(sock, &answer, 1) != 1)
			break;
	}
	_exit(0);
}

/* Forked before there is a VM, so that it inherits nothing of it. */
static void receiver_main(int sock)
{
	struct holders h;

	if (recv_fds(sock, h.fd, NR_HOLDERS) || write(sock, "r", 1) != 1)
		_exit(1);
	closer_main(sock, &h);
}

enum way { CREATOR, CHILD, RECEIVER };

static bool start_closer(struct closer *closer, enum way way, struct holders *h)
{
	int socks[2];
	char ready;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks))
		return false;
	if (way == CHILD && !make_holders(h))
		return false;
	closer->pid = fork();
	if (!closer->pid) {
		close(socks[0]);
		if (way == CHILD)
			closer_main(socks[1], h);
		receiver_main(socks[1]);
	}
	close(socks[1]);
	closer->sock = socks[0];
	return way == CHILD || (make_holders(h) && !send_fds(closer->sock, h->fd, NR_HOLDERS) &&
				read(closer->sock, &ready, 1) == 1);
}

static bool tell_closer(struct closer *closer, enum holder which)
{
	char word = which, answer;

	return write(closer->sock, &word, 1) == 1 &&
	       read(closer->sock, &answer, 1) == 1 && answer == word;
}

static void end_closer(struct closer *closer)
{
	close(closer->sock);
	waitpid(closer->pid, NULL, 0);
}

FIXTURE(lifetime) {
	struct trace *trace;
};

FIXTURE_VARIANT(lifetime) {
	enum way way;
};

FIXTURE_VARIANT_ADD(lifetime, creator) { .way = CREATOR };
FIXTURE_VARIANT_ADD(lifetime, child) { .way = CHILD };
FIXTURE_VARIANT_ADD(lifetime, receiver) { .way = RECEIVER };

FIXTURE_SETUP(lifetime)
{
	int vm = create_vm();

	ASSERT_GE(vm, 0);
	has_device = has_test_device(vm);
	close(vm);
	self->trace = trace_start();
	ASSERT_NE(self->trace, NULL);
}

FIXTURE_TEARDOWN(lifetime)
{
	trace_stop(self->trace);
}

TEST_F_TIMEOUT(lifetime, every_order, TIMEOUT)
{
	enum holder order[NR_HOLDERS] = { VM, VCPU, VM_STATS, GUEST_MEMFD, FIFTH };
	unsigned long long id = 0;
	struct closer closer;
	struct holders h;
	int i;

	do {
		trace_forget(self->trace);
		if (variant->way == CREATOR) {
			ASSERT_TRUE(make_holders(&h));
		} else {
			ASSERT_TRUE(start_closer(&closer, variant->way, &h));
			release_all(&h);
		}
		for (i = 0; i < NR_HOLDERS; i++) {
			ASSERT_EQ(trace_update(self->trace), 0);
			id = trace_last_vm(self->trace);
			ASSERT_NE(id, 0);
			ASSERT_TRUE(trace_alive(self->trace, id));
			ASSERT_TRUE(variant->way == CREATOR ? !release(&h, order[i]) :
							      tell_closer(&closer, order[i]));
		}
		ASSERT_EQ(trace_update(self->trace), 0);
		ASSERT_TRUE(trace_dead(self->trace, id));
		if (variant->way != CREATOR)
			end_closer(&closer);
	} while (next_order(order, NR_HOLDERS));
}

FIXTURE(holder) {
	struct trace *trace;
	struct holders h;
	unsigned long long id;
};

FIXTURE_SETUP(holder)
{
	int vm = create_vm();

	ASSERT_GE(vm, 0);
	has_device = has_test_device(vm);
	close(vm);
	self->trace = trace_start();
	ASSERT_NE(self->trace, NULL);
	ASSERT_TRUE(make_holders(&self->h));
	ASSERT_EQ(trace_update(self->trace), 0);
	self->id = trace_last_vm(self->trace);
	ASSERT_NE(self->id, 0);
}

FIXTURE_TEARDOWN(holder)
{
	trace_stop(self->trace);
}

#define EXPECT_ALIVE() do {						\
	ASSERT_EQ(trace_update(self->trace), 0);			\
	EXPECT_TRUE(trace_alive(self->trace, self->id));		\
} while (0)

#define EXPECT_DEAD() do {						\
	ASSERT_EQ(trace_update(self->trace), 0);			\
	EXPECT_TRUE(trace_dead(self->trace, self->id));			\
} while (0)

/* A message that nobody received yet holds the files, too. */
TEST_F(holder, in_flight)
{
	int socks[2];

	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, socks), 0);
	ASSERT_EQ(send_fds(socks[0], &self->h.fd[VCPU], 1), 0);
	release_all(&self->h);
	EXPECT_ALIVE();
	close(socks[0]);
	EXPECT_ALIVE();
	close(socks[1]);
	EXPECT_DEAD();
}

TEST_F(holder, duplicate)
{
	int copy = dup(self->h.fd[VM]);

	release_all(&self->h);
	EXPECT_ALIVE();
	EXPECT_GE(ioctl(copy, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS), 1);
	close(copy);
	EXPECT_DEAD();
}

/* The mapping of a vCPU's run page holds its file. */
TEST_F(holder, mapping)
{
	struct kvm_run *run = map_run(self->h.fd[VCPU]);

	ASSERT_NE(run, MAP_FAILED);
	release_all(&self->h);
	EXPECT_ALIVE();
	run->immediate_exit = 1;
	munmap(run, run_size());
	EXPECT_DEAD();
}

/* A child that did not close anything holds it by the mapping that it inherits. */
TEST_F(holder, inherited_mapping)
{
	struct kvm_run *run = map_run(self->h.fd[VCPU]);
	int go[2], status;
	pid_t pid;
	char byte;

	ASSERT_NE(run, MAP_FAILED);
	ASSERT_EQ(pipe(go), 0);
	pid = fork();
	if (!pid) {
		release_all(&self->h);
		close(go[1]);
		_exit(read(go[0], &byte, 1) != 0);
	}
	munmap(run, run_size());
	release_all(&self->h);
	EXPECT_ALIVE();
	close(go[1]);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	EXPECT_DEAD();
}

/* vCPU 0 is gone from the descriptor table, but stays in the VM. */
TEST_F(holder, closed_vcpu_stays)
{
	int second;

	release(&self->h, VM_STATS);
	release(&self->h, GUEST_MEMFD);
	release(&self->h, VCPU);
	EXPECT_EQ(create_vcpu(self->h.fd[VM], 0), -1);
	EXPECT_EQ(errno, EEXIST);
	second = create_vcpu(self->h.fd[VM], 1);
	EXPECT_GE(second, 0);
	release(&self->h, VM);
	release(&self->h, FIFTH);
	EXPECT_ALIVE();
	close(second);
	EXPECT_DEAD();
}

#define EXPECT_EIO(call) do {						\
	EXPECT_EQ(call, -1);						\
	EXPECT_EQ(errno, EIO);						\
} while (0)

static int device_attr(int device, unsigned int cmd, unsigned int nr, void *value)
{
	struct kvm_device_attr attr = { .attr = nr, .addr = (unsigned long)value };

	return ioctl(device, cmd, &attr);
}

/* True if every file of the VM answers with EIO, whatever it is asked. */
static bool all_eio(const struct holders *h)
{
	struct kvm_create_device cd = { .type = KVM_DEV_TYPE_TEST };
	unsigned long long value;
	const int vm = h->fd[VM], vcpu = h->fd[VCPU];
	bool good = true;

#define IS_EIO(call)	((call) == -1 && errno == EIO)
	good &= IS_EIO(ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS));
	good &= IS_EIO(ioctl(vm, KVM_CREATE_VCPU, 7));
	good &= IS_EIO(ioctl(vm, KVM_CREATE_VCPU, ~0UL));
	good &= IS_EIO(ioctl(vm, KVM_CREATE_DEVICE, &cd));
	good &= IS_EIO(ioctl(vm, KVM_CREATE_DEVICE, NULL));
	good &= IS_EIO(create_guest_memfd(vm));
	good &= IS_EIO(create_stats(vm));
	good &= IS_EIO(create_stats(vcpu));
	good &= IS_EIO(ioctl(vm, _IO('x', 1)));
	good &= IS_EIO(ioctl(vcpu, KVM_RUN, 0));
	good &= IS_EIO(ioctl(vcpu, KVM_SET_SIGNAL_MASK, NULL));
	good &= IS_EIO(ioctl(vcpu, _IO('x', 1)));
	if (has_device) {
		good &= IS_EIO(device_attr(h->fd[FIFTH], KVM_GET_DEVICE_ATTR,
					   TEST_DEVICE_VALUE, &value));
		good &= IS_EIO(device_attr(h->fd[FIFTH], KVM_SET_DEVICE_ATTR,
					   TEST_DEVICE_VALUE, &value));
		good &= IS_EIO(device_attr(h->fd[FIFTH], KVM_HAS_DEVICE_ATTR,
					   TEST_DEVICE_VALUE, NULL));
		good &= IS_EIO(ioctl(h->fd[FIFTH], _IO('x', 1)));
	}
	return good;
}

/* True if the files of the VM answer as they should. */
static bool all_work(const struct holders *h)
{
	unsigned long long value = 5;

	return ioctl(h->fd[VM], KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS) > 0 &&
	       !ioctl(h->fd[VCPU], KVM_SET_SIGNAL_MASK, NULL) &&
	       (!has_device ||
		!device_attr(h->fd[FIFTH], KVM_SET_DEVICE_ATTR, TEST_DEVICE_VALUE, &value));
}

TEST_F(holder, child_gets_eio)
{
	int status;
	pid_t pid;

	EXPECT_TRUE(all_work(&self->h));
	pid = fork();
	if (!pid)
		_exit(!all_eio(&self->h));
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	EXPECT_TRUE(all_work(&self->h));
	EXPECT_ALIVE();
	release_all(&self->h);
	EXPECT_DEAD();
}

static void *work_in_thread(void *h)
{
	return all_work(h) ? h : NULL;
}

/* A thread shares the mm. */
TEST_F(holder, thread_works)
{
	pthread_t thread;
	void *result;

	ASSERT_EQ(pthread_create(&thread, NULL, work_in_thread, &self->h), 0);
	ASSERT_EQ(pthread_join(thread, &result), 0);
	EXPECT_NE(result, NULL);
	release_all(&self->h);
	EXPECT_DEAD();
}

/* The VM outlives its creator in the hands of a child that can do nothing with it. */
TEST(child_outlives_creator)
{
	struct trace *trace = trace_start();
	int to_child[2], to_us[2], status;
	unsigned long long id;
	pid_t creator;
	char byte;

	ASSERT_NE(trace, NULL);
	ASSERT_EQ(pipe(to_child), 0);
	ASSERT_EQ(pipe(to_us), 0);
	creator = fork();
	if (!creator) {
		int vm = create_vm();

		if (vm < 0 || create_vcpu(vm, 0) < 0)
			_exit(1);
		if (fork())
			_exit(0);
		close(to_child[1]);
		byte = read(to_child[0], &byte, 1) == 1 &&
		       ioctl(vm, KVM_CHECK_EXTENSION, 0) == -1 && errno == EIO;
		if (write(to_us[1], &byte, 1) != 1)
			_exit(1);
		byte = read(to_child[0], &byte, 1);
		_exit(0);
	}
	close(to_child[0]);
	close(to_us[1]);
	ASSERT_EQ(waitpid(creator, &status, 0), creator);
	ASSERT_EQ(status, 0);

	ASSERT_EQ(write(to_child[1], "x", 1), 1);
	ASSERT_EQ(read(to_us[0], &byte, 1), 1);
	EXPECT_EQ(byte, 1);
	ASSERT_EQ(trace_update(trace), 0);
	id = trace_last_vm(trace);
	ASSERT_NE(id, 0);
	EXPECT_TRUE(trace_alive(trace, id));

	/* Its end closes its end of the pipe after, or just before, the VM's files. */
	close(to_child[1]);
	EXPECT_EQ(read(to_us[0], &byte, 1), 0);
	for (int i = 0; i < 3000 && !trace_dead(trace, id); i++) {
		usleep(20000);
		ASSERT_EQ(trace_update(trace), 0);
	}
	EXPECT_TRUE(trace_dead(trace, id));
	trace_stop(trace);
}

/* A VM that was found inconsistent answers with EIO, and dies like any other. */
TEST_F(holder, dead_vm_gets_eio)
{
	unsigned long long value = 0;

	if (!has_device)
		SKIP(goto out, "no test device: not a debug build of the module");
	ASSERT_TRUE(all_work(&self->h));
	ASSERT_EQ(device_attr(self->h.fd[FIFTH], KVM_SET_DEVICE_ATTR,
			      TEST_DEVICE_KILL, &value), 0);
	EXPECT_TRUE(all_eio(&self->h));
	EXPECT_ALIVE();
out:
	release_all(&self->h);
	EXPECT_DEAD();
}

TEST_HARNESS_MAIN
