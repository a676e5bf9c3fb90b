// SPDX-License-Identifier: GPL-2.0
/* Memory that another thread supplies when the guest touches it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <linux/userfaultfd.h>

#include "kselftest_harness.h"
#include "access.h"

#define PAGES	64ULL
#define SIZE	(PAGES * PAGE)

FIXTURE(uffd) {
	struct guest guest;
	struct vcpu *vcpu;
	uint64_t *memory;
	int memfd;
	int fd;
	uint64_t faults;
	bool wrote;
	bool deleted;
};

static int open_uffd(uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd >= 0 && ioctl(fd, UFFDIO_API, &api)) {
		close(fd);
		return -1;
	}
	return fd;
}

FIXTURE_SETUP(uffd)
{
	guest_create(&self->guest);
	self->vcpu = &self->guest.vcpu[0];
	access_start(&self->guest, self->vcpu);
	self->memfd = memfd_create("memory", 0);
	ASSERT_EQ(ftruncate(self->memfd, SIZE), 0);
}

FIXTURE_TEARDOWN(uffd)
{
	guest_destroy(&self->guest);
	close(self->fd);
	close(self->memfd);
}

static bool begin(FIXTURE_DATA(uffd) *self, uint64_t features, uint64_t mode, bool shared)
{
	struct uffdio_register reg = { .mode = mode };

	self->fd = open_uffd(features);
	if (self->fd < 0)
		return false;
	self->memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			    shared ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS,
			    shared ? self->memfd : -1, 0);
	reg.range.start = (uint64_t)self->memory;
	reg.range.len = SIZE;
	guest_add_memory(&self->guest, 1, AREA, SIZE, self->memory, 0);
	return !ioctl(self->fd, UFFDIO_REGISTER, &reg);
}

/* Answers one fault: a page that holds its own number plus 1000. */
static void supply(FIXTURE_DATA(uffd) *self, const struct uffd_msg *msg)
{
	static uint64_t page[512];
	uint64_t address = msg->arg.pagefault.address & -PAGE;
	struct uffdio_copy copy = { .dst = address, .src = (uint64_t)page, .len = PAGE };
	struct uffdio_continue go_on = { .range = { address, PAGE } };
	struct uffdio_writeprotect open = { .range = { address, PAGE } };

	self->faults++;
	self->wrote |= msg->arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WRITE;
	if (msg->arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP) {
		ioctl(self->fd, UFFDIO_WRITEPROTECT, &open);
	} else if (msg->arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_MINOR) {
		ioctl(self->fd, UFFDIO_CONTINUE, &go_on);
	} else {
		page[0] = 1000 + (address - (uint64_t)self->memory) / PAGE;
		ioctl(self->fd, UFFDIO_COPY, &copy);
	}
}

static void *serve(void *data)
{
	FIXTURE_DATA(uffd) *self = data;
	struct uffd_msg msg;

	while (read(self->fd, &msg, sizeof(msg)) == sizeof(msg))
		if (msg.event == UFFD_EVENT_PAGEFAULT)
			supply(self, &msg);
	return NULL;
}

#define RUN(sum, ...)	access_run(self->vcpu, (struct access){ __VA_ARGS__ }, sum)

TEST_F(uffd, missing)
{
	pthread_t thread;
	uint64_t sum;

	if (!begin(self, 0, UFFDIO_REGISTER_MODE_MISSING, false))
		SKIP(return, "no userfaultfd");
	pthread_create(&thread, NULL, serve, self);
	ASSERT_EQ(RUN(&sum, false, AREA, 0, PAGE, PAGES), 0);
	EXPECT_EQ(sum, 1000 * PAGES + PAGES * (PAGES - 1) / 2);
	EXPECT_EQ(self->faults, PAGES);
	ASSERT_EQ(madvise(self->memory, PAGE, MADV_DONTNEED), 0);
	ASSERT_EQ(RUN(&sum, false, AREA, 0, PAGE, PAGES), 0);
	EXPECT_EQ(self->faults, PAGES + 1);
}

TEST_F(uffd, minor)
{
	pthread_t thread;
	uint64_t word, sum, i;

	if (!begin(self, UFFD_FEATURE_MINOR_SHMEM, UFFDIO_REGISTER_MODE_MINOR, true))
		SKIP(return, "no minor faults");
	for (i = 0; i < PAGES; i++) {
		word = i + 1;
		ASSERT_EQ(pwrite(self->memfd, &word, 8, i * PAGE), 8);
	}
	pthread_create(&thread, NULL, serve, self);
	ASSERT_EQ(RUN(&sum, false, AREA, 0, PAGE, PAGES), 0);
	EXPECT_EQ(sum, PAGES * (PAGES + 1) / 2);
	EXPECT_EQ(self->faults, PAGES);
}

TEST_F(uffd, write_protect)
{
	struct uffdio_writeprotect protect = { .mode = UFFDIO_WRITEPROTECT_MODE_WP };
	pthread_t thread;

	if (!begin(self, UFFD_FEATURE_PAGEFAULT_FLAG_WP, UFFDIO_REGISTER_MODE_WP, false))
		SKIP(return, "no write protection");
	ASSERT_EQ(RUN(NULL, true, AREA, 1, PAGE, PAGES), 0);
	protect.range.start = (uint64_t)self->memory;
	protect.range.len = SIZE;
	ASSERT_EQ(ioctl(self->fd, UFFDIO_WRITEPROTECT, &protect), 0);
	pthread_create(&thread, NULL, serve, self);
	ASSERT_EQ(RUN(NULL, false, AREA, 0, PAGE, PAGES), 0);
	EXPECT_EQ(self->faults, 0);
	ASSERT_EQ(RUN(NULL, true, AREA, 100, PAGE, PAGES), 0);
	EXPECT_EQ(self->faults, PAGES);
	EXPECT_EQ(self->memory[0], 100);
}

/* A vCPU that waits for a page leaves on a signal, and comes back. */
static void on_signal(int sig)
{
}

static void *interrupt(void *data)
{
	usleep(200000);
	pthread_kill(*(pthread_t *)data, SIGUSR1);
	return NULL;
}

TEST_F(uffd, interrupted)
{
	struct sigaction action = { .sa_handler = on_signal };
	pthread_t me = pthread_self(), thread;
	uint64_t sum;

	if (!begin(self, 0, UFFDIO_REGISTER_MODE_MISSING, false))
		SKIP(return, "no userfaultfd");
	sigaction(SIGUSR1, &action, NULL);
	pthread_create(&thread, NULL, interrupt, &me);
	EXPECT_EQ(RUN(NULL, false, AREA, 0, PAGE, 1), EINTR);
	EXPECT_EQ(self->vcpu->run->exit_reason, KVM_EXIT_INTR);
	pthread_join(thread, NULL);
	pthread_create(&thread, NULL, serve, self);
	EXPECT_EQ(access_continue(self->vcpu, &sum), 0);
	EXPECT_EQ(sum, 1000);
}

/*
 * A vCPU that waits for a page of one slot delays no update of another, even
 * by the thread that would have to supply the page.
 */
static void *touch(void *data)
{
	FIXTURE_DATA(uffd) *self = data;
	uint64_t sum = 0;

	RUN(&sum, false, AREA, 0, PAGE, 1);
	return (void *)sum;
}

TEST_F_TIMEOUT(uffd, updates_of_other_slots_go_on, 20)
{
	struct kvm_userspace_memory_region other = {
		.slot = 2, .guest_phys_addr = 2 * AREA, .memory_size = SIZE,
	};
	struct uffd_msg msg;
	pthread_t thread;
	void *sum;
	int i;

	if (!begin(self, 0, UFFDIO_REGISTER_MODE_MISSING, false))
		SKIP(return, "no userfaultfd");
	other.userspace_addr = (uint64_t)self->memory;
	pthread_create(&thread, NULL, touch, self);
	ASSERT_EQ(read(self->fd, &msg, sizeof(msg)), sizeof(msg));
	for (i = 0; i < 100; i++) {
		other.memory_size = i % 2 ? 0 : SIZE;
		ASSERT_EQ(ioctl(self->guest.vm, KVM_SET_USER_MEMORY_REGION, &other), 0);
	}
	supply(self, &msg);
	pthread_join(thread, &sum);
	EXPECT_EQ((uint64_t)sum, 1000);
}

static void *delete(void *data)
{
	FIXTURE_DATA(uffd) *self = data;
	struct kvm_userspace_memory_region gone = { .slot = 1 };

	if (!ioctl(self->guest.vm, KVM_SET_USER_MEMORY_REGION, &gone))
		__atomic_store_n(&self->deleted, true, __ATOMIC_RELEASE);
	return NULL;
}

/* A slot that a vCPU is waiting in is gone only when the vCPU is out of it. */
TEST_F_TIMEOUT(uffd, deletion_waits_for_who_uses_the_slot, 60)
{
	pthread_t toucher, deleter;
	struct uffd_msg msg;
	void *sum;

	if (!begin(self, 0, UFFDIO_REGISTER_MODE_MISSING, false))
		SKIP(return, "no userfaultfd");
	pthread_create(&toucher, NULL, touch, self);
	ASSERT_EQ(read(self->fd, &msg, sizeof(msg)), sizeof(msg));
	pthread_create(&deleter, NULL, delete, self);
	usleep(500000);
	EXPECT_FALSE(__atomic_load_n(&self->deleted, __ATOMIC_ACQUIRE));
	supply(self, &msg);
	pthread_join(deleter, NULL);
	EXPECT_TRUE(self->deleted);
	/* It has read the page, or nothing was there any more. */
	pthread_join(toucher, &sum);
	EXPECT_TRUE(!sum || (uint64_t)sum == 1000);
}

TEST_HARNESS_MAIN
