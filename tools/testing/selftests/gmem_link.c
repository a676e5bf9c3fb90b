// SPDX-License-Identifier: GPL-2.0
/* Several views of one guest_memfd inode, as far as userspace sees them. */
/* machine: timeout=120 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "files.h"
#include "gmem.h"
#include "trace.h"

FIXTURE(link) {
	int source, fd;		/* a VM and its memory */
	int dest;		/* another */
};

FIXTURE_SETUP(link)
{
	self->source = create_vm();
	self->dest = create_vm();
	self->fd = create_gmem(self->source, 2 * HUGE, GMEM_SHARED);
	ASSERT_GE(self->fd, 0);
	ASSERT_GE(self->dest, 0);
}

FIXTURE_TEARDOWN(link)
{
	close(self->fd);
	close(self->source);
	close(self->dest);
}

TEST_F(link, capability)
{
	EXPECT_EQ(ioctl(self->source, KVM_CHECK_EXTENSION, KVM_CAP_LINK_GUEST_MEMFD), 1);
}

TEST_F(link, errors)
{
	struct kvm_link_guest_memfd link = { .fd = self->fd };
	int bit, i;

	for (bit = 1; bit < 64; bit++)
		EXPECT_ERROR(link_gmem(self->dest, self->fd, 1UL << bit), EINVAL);
	for (i = 0; i < 6; i++) {
		link.reserved[i] = 1UL << 63;
		EXPECT_ERROR(ioctl(self->dest, KVM_LINK_GUEST_MEMFD, &link), EINVAL);
		link.reserved[i] = 0;
	}
	EXPECT_ERROR(ioctl(self->dest, KVM_LINK_GUEST_MEMFD, NULL), EFAULT);
	EXPECT_ERROR(link_gmem(self->dest, -1, 0), EBADF);
	EXPECT_ERROR(link_gmem(self->dest, 1000, 0), EBADF);
	link.fd = self->fd + (1UL << 32);
	EXPECT_ERROR(ioctl(self->dest, KVM_LINK_GUEST_MEMFD, &link), EBADF);
	EXPECT_ERROR(link_gmem(self->dest, self->source, 0), EINVAL);
	EXPECT_ERROR(link_gmem(self->dest, 0, 0), EINVAL);
	EXPECT_ERROR(link_gmem(self->source, self->fd, 0), EINVAL);
	EXPECT_ERROR(link_gmem(self->source, self->fd, KVM_LINK_GUEST_MEMFD_SHARED), EINVAL);
}

TEST_F(link, same_inode)
{
	int fd = link_gmem(self->dest, self->fd, 0), status;
	uint8_t *one, *two;
	pid_t pid;

	ASSERT_GE(fd, 0);
	EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	EXPECT_EQ(gmem_inode_number(fd), gmem_inode_number(self->fd));
	EXPECT_EQ(gmem_allocate(self->fd, 0, HUGE), 0);
	EXPECT_EQ(gmem_used(fd), HUGE);

	one = gmem_map(self->fd, HUGE);
	two = gmem_map(fd, HUGE);
	ASSERT_NE(two, MAP_FAILED);
	memset(one, 0x5a, HUGE);
	EXPECT_TRUE(all_bytes(two, 0x5a, HUGE));
	EXPECT_EQ(gmem_punch(self->fd, PAGE, PAGE), 0);
	EXPECT_TRUE(all_bytes(two + PAGE, 0, PAGE));

	/* The VM's ioctls are its owner's; a child is not. */
	pid = fork();
	if (!pid)
		_exit(link_gmem(self->dest, self->fd, 0) != -1 || errno != EIO);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	munmap(one, HUGE);
	munmap(two, HUGE);
	close(fd);
}

/* One view per VM and inode, whatever file it is linked from. */
TEST_F(link, once_per_vm)
{
	int third = create_vm();
	int one = link_gmem(self->dest, self->fd, 0);
	int two = link_gmem(third, one, KVM_LINK_GUEST_MEMFD_SHARED);

	EXPECT_GE(two, 0);
	EXPECT_ERROR(link_gmem(self->dest, self->fd, 0), EINVAL);
	EXPECT_ERROR(link_gmem(self->dest, two, 0), EINVAL);
	EXPECT_ERROR(link_gmem(self->source, two, 0), EINVAL);
	close(one);
	one = link_gmem(self->dest, two, 0);
	EXPECT_GE(one, 0);
	close(one);
	close(two);
	close(third);
}

/* Until it is moved the memory is the owner's to give and to take. */
TEST_F(link, only_the_owner_allocates)
{
	int plain = link_gmem(self->dest, self->fd, 0);
	int third = create_vm();
	int shared = link_gmem(third, self->fd, KVM_LINK_GUEST_MEMFD_SHARED);

	EXPECT_ERROR(gmem_allocate(plain, 0, PAGE), EPERM);
	EXPECT_ERROR(gmem_punch(plain, 0, PAGE), EPERM);
	EXPECT_ERROR(gmem_allocate(shared, 0, PAGE), EPERM);
	EXPECT_ERROR(gmem_punch(shared, 0, PAGE), EPERM);
	EXPECT_EQ(gmem_allocate(self->fd, 0, PAGE), 0);
	EXPECT_EQ(gmem_punch(self->fd, 0, PAGE), 0);

	/* Nor does it become somebody else's when the owner is gone. */
	close(self->fd);
	close(self->source);
	EXPECT_ERROR(gmem_allocate(plain, 0, PAGE), EPERM);
	EXPECT_ERROR(gmem_punch(shared, 0, PAGE), EPERM);
	close(plain);
	close(shared);
	close(third);
	self->source = create_vm();
	self->fd = create_gmem(self->source, PAGE, 0);
}

/* The file pins its VM, not the other's; the pages go with the last file. */
TEST_F(link, lifetime)
{
	int fd = link_gmem(self->dest, self->fd, 0);
	struct trace *trace = trace_start();
	int vm, view;
	unsigned long long id;
	uint8_t *mem;

	ASSERT_NE(trace, NULL);
	vm = create_vm();
	view = link_gmem(vm, fd, 0);
	ASSERT_GE(view, 0);
	ASSERT_EQ(trace_update(trace), 0);
	id = trace_last_vm(trace);
	close(vm);
	ASSERT_EQ(trace_update(trace), 0);
	EXPECT_TRUE(trace_alive(trace, id));

	mem = gmem_map(self->fd, HUGE);
	memset(mem, 0x5a, HUGE);
	munmap(mem, HUGE);
	close(self->fd);
	close(self->source);
	mem = gmem_map(fd, HUGE);
	EXPECT_TRUE(all_bytes(mem, 0x5a, HUGE));
	munmap(mem, HUGE);

	close(view);
	ASSERT_EQ(trace_update(trace), 0);
	EXPECT_TRUE(trace_dead(trace, id));
	close(fd);
	trace_stop(trace);
	self->source = create_vm();
	self->fd = create_gmem(self->source, PAGE, 0);
}

TEST_F(link, descriptor_table_full)
{
	struct rlimit limit = { 64, 64 };
	int fd, dups[64], nr = 0;

	ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	while ((fd = dup(0)) >= 0)
		dups[nr++] = fd;
	EXPECT_ERROR(link_gmem(self->dest, self->fd, 0), EMFILE);
	EXPECT_ERROR(create_gmem(self->dest, PAGE, 0), EMFILE);
	close(dups[--nr]);
	fd = link_gmem(self->dest, self->fd, 0);
	EXPECT_GE(fd, 0);
}

TEST_HARNESS_MAIN
