// SPDX-License-Identifier: GPL-2.0
/* KVM_CAP_VM_MOVE_ENC_CONTEXT_FROM: all, or nothing. */
/* machine: timeout=180 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "gmem.h"

#define SLOT	3
#define GPA	0x100000000UL
#define SIZE	(2 * HUGE)

/* A VM with a slot that shows a guest_memfd. */
struct side {
	int vm, fd;
	uint8_t *mem;
};

static int add_vcpu(int vm, unsigned long id)
{
	return ioctl(vm, KVM_CREATE_VCPU, id);
}

FIXTURE(move) {
	struct side from, to;
};

static int bind(struct side *side, int fd)
{
	side->fd = fd;
	return set_gmem_slot(side->vm, SLOT, GPA, SIZE, side->mem, fd, 0);
}

static void close_side(struct side *side)
{
	munmap(side->mem, SIZE);
	close(side->fd);
	close(side->vm);
}

static bool open_side(struct side *side, unsigned long type)
{
	side->vm = create_vm_of_type(type);
	side->fd = -1;
	side->mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return side->vm >= 0 && side->mem != MAP_FAILED;
}

FIXTURE_SETUP(move)
{
	ASSERT_TRUE(open_side(&self->from, KVM_X86_SW_PROTECTED_VM));
	ASSERT_TRUE(open_side(&self->to, KVM_X86_SW_PROTECTED_VM));
	ASSERT_EQ(bind(&self->from, create_gmem(self->from.vm, SIZE, 0)), 0);
}

FIXTURE_TEARDOWN(move)
{
	close_side(&self->from);
	close_side(&self->to);
}

static int bind_link(struct side *to, struct side *from)
{
	return bind(to, link_gmem(to->vm, from->fd, 0));
}

static bool owns(int fd)
{
	return !gmem_allocate(fd, 0, PAGE);
}

#define EXPECT_UNMOVED() do {						\
	EXPECT_TRUE(owns(self->from.fd));				\
	EXPECT_FALSE(owns(self->to.fd));				\
	EXPECT_EQ(ioctl(self->from.vm, KVM_CHECK_EXTENSION, KVM_CAP_GUEST_MEMFD), 1); \
} while (0)

TEST_F(move, capability)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_VM_MOVE_ENC_CONTEXT_FROM };

	EXPECT_EQ(ioctl(self->to.vm, KVM_CHECK_EXTENSION, cap.cap), 1);
	EXPECT_EQ(ioctl(self->to.vm, KVM_CHECK_EXTENSION, KVM_CAP_ENABLE_CAP_VM), 1);
	cap.args[0] = self->from.vm;
	cap.flags = 1;
	EXPECT_ERROR(ioctl(self->to.vm, KVM_ENABLE_CAP, &cap), EINVAL);
	cap.flags = 0;
	cap.cap = 0x7fffffff;
	EXPECT_ERROR(ioctl(self->to.vm, KVM_ENABLE_CAP, &cap), EINVAL);
	EXPECT_ERROR(ioctl(self->to.vm, KVM_ENABLE_CAP, NULL), EFAULT);
}

TEST_F(move, not_a_vm)
{
	ASSERT_EQ(bind_link(&self->to, &self->from), 0);
	EXPECT_ERROR(move_vm(self->to.vm, -1), EBADF);
	EXPECT_ERROR(move_vm(self->to.vm, 1000), EBADF);
	EXPECT_ERROR(move_vm(self->to.vm, self->from.vm + (1UL << 32)), EBADF);
	EXPECT_ERROR(move_vm(self->to.vm, self->from.fd), EBADF);
	EXPECT_ERROR(move_vm(self->to.vm, self->to.vm), EINVAL);
	EXPECT_UNMOVED();
}

TEST_F(move, ownership_and_death)
{
	int vcpu = add_vcpu(self->from.vm, 0), third, link;

	ASSERT_EQ(gmem_allocate(self->from.fd, 0, SIZE), 0);
	ASSERT_EQ(bind_link(&self->to, &self->from), 0);
	EXPECT_UNMOVED();
	ASSERT_EQ(move_vm(self->to.vm, self->from.vm), 0);

	EXPECT_TRUE(owns(self->to.fd));
	EXPECT_ERROR(gmem_allocate(self->from.fd, 0, PAGE), EPERM);
	EXPECT_ERROR(gmem_punch(self->from.fd, 0, PAGE), EPERM);
	EXPECT_EQ(gmem_used(self->to.fd), SIZE);

	EXPECT_ERROR(ioctl(vcpu, KVM_RUN, 0), EIO);
	EXPECT_ERROR(ioctl(self->from.vm, KVM_CHECK_EXTENSION, 0), EIO);
	EXPECT_ERROR(add_vcpu(self->from.vm, 1), EIO);
	EXPECT_ERROR(move_vm(self->to.vm, self->from.vm), EIO);
	/* Of a dead VM a file is left, and that can be linked. */
	third = create_vm_of_type(KVM_X86_SW_PROTECTED_VM);
	link = link_gmem(third, self->from.fd, KVM_LINK_GUEST_MEMFD_SHARED);
	EXPECT_GE(link, 0);
	EXPECT_EQ(gmem_inode_number(link), gmem_inode_number(self->to.fd));
	EXPECT_FALSE(owns(link));
	close(link);
	close(third);
	close(vcpu);
	close_side(&self->from);
	EXPECT_EQ(gmem_used(self->to.fd), SIZE);
	EXPECT_EQ(gmem_punch(self->to.fd, 0, SIZE), 0);
	EXPECT_EQ(gmem_used(self->to.fd), 0);
	ASSERT_TRUE(open_side(&self->from, 0));
}

/* On and on, from one VM to the next. */
TEST_F(move, chain)
{
	int i;

	for (i = 0; i < 20; i++) {
		ASSERT_EQ(bind_link(&self->to, &self->from), 0);
		ASSERT_EQ(move_vm(self->to.vm, self->from.vm), 0);
		ASSERT_TRUE(owns(self->to.fd));
		close_side(&self->from);
		self->from = self->to;
		ASSERT_TRUE(open_side(&self->to, KVM_X86_SW_PROTECTED_VM));
	}
}

TEST_F(move, types_differ)
{
	struct side other;

	ASSERT_TRUE(open_side(&other, KVM_X86_DEFAULT_VM));
	ASSERT_EQ(bind_link(&other, &self->from), 0);
	EXPECT_ERROR(move_vm(other.vm, self->from.vm), EINVAL);
	EXPECT_TRUE(owns(self->from.fd));
	close_side(&other);
}

/* One thing at a time is different, then none. */
TEST_F(move, slots_differ)
{
	int fd = link_gmem(self->to.vm, self->from.fd, 0);
	int own = create_gmem(self->to.vm, SIZE, 0);
	struct kvm_userspace_memory_region2 plain = {
		.slot = SLOT + 1, .guest_phys_addr = 2 * GPA, .memory_size = PAGE,
		.userspace_addr = (uint64_t)self->to.mem,
	};
	struct {
		uint64_t gpa, size, offset;
		int fd;
	} wrong[] = {
		{ GPA + PAGE, SIZE, 0, fd },
		{ GPA, SIZE - PAGE, 0, fd },
		{ GPA, SIZE - PAGE, PAGE, fd },
		{ GPA, SIZE, 0, own },
	};
	unsigned int i;

	self->to.fd = fd;
	EXPECT_ERROR(move_vm(self->to.vm, self->from.vm), EINVAL);
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		ASSERT_EQ(set_gmem_slot(self->to.vm, SLOT, wrong[i].gpa, wrong[i].size,
					self->to.mem, wrong[i].fd, wrong[i].offset), 0);
		EXPECT_ERROR(move_vm(self->to.vm, self->from.vm), EINVAL);
		ASSERT_EQ(set_gmem_slot(self->to.vm, SLOT, 0, 0, NULL, -1, 0), 0);
	}

	/* A plain slot instead, or besides, on either side; or with other flags. */
	plain.guest_phys_addr = GPA;
	plain.memory_size = SIZE;
	ASSERT_EQ(ioctl(self->to.vm, KVM_SET_USER_MEMORY_REGION2, &plain), 0);
	EXPECT_ERROR(move_vm(self->to.vm, self->from.vm), EINVAL);
	plain.memory_size = 0;
	ASSERT_EQ(ioctl(self->to.vm, KVM_SET_USER_MEMORY_REGION2, &plain), 0);

	ASSERT_EQ(bind(&self->to, fd), 0);
	plain.guest_phys_addr = 2 * GPA;
	plain.memory_size = PAGE;
	ASSERT_EQ(ioctl(self->to.vm, KVM_SET_USER_MEMORY_REGION2, &plain), 0);
	EXPECT_ERROR(move_vm(self->to.vm, self->from.vm), EINVAL);
	plain.userspace_addr = (uint64_t)self->from.mem;
	plain.flags = KVM_MEM_READONLY;
	ASSERT_EQ(ioctl(self->from.vm, KVM_SET_USER_MEMORY_REGION2, &plain), 0);
	EXPECT_ERROR(move_vm(self->to.vm, self->from.vm), EINVAL);
	plain.memory_size = 0;
	ASSERT_EQ(ioctl(self->from.vm, KVM_SET_USER_MEMORY_REGION2, &plain), 0);
	plain.memory_size = PAGE;
	plain.flags = 0;
	ASSERT_EQ(ioctl(self->from.vm, KVM_SET_USER_MEMORY_REGION2, &plain), 0);

	EXPECT_UNMOVED();
	EXPECT_EQ(move_vm(self->to.vm, self->from.vm), 0);
	close(own);
}

/* The same file, size and place, from another page on. */
TEST_F(move, offsets_differ)
{
	int fd = link_gmem(self->to.vm, self->from.fd, 0);

	self->to.fd = fd;
	ASSERT_EQ(set_gmem_slot(self->from.vm, SLOT, 0, 0, NULL, -1, 0), 0);
	ASSERT_EQ(set_gmem_slot(self->from.vm, SLOT, GPA, SIZE - PAGE, self->from.mem,
				self->from.fd, 0), 0);
	ASSERT_EQ(set_gmem_slot(self->to.vm, SLOT, GPA, SIZE - PAGE, self->to.mem, fd, PAGE), 0);
	EXPECT_ERROR(move_vm(self->to.vm, self->from.vm), EINVAL);
	ASSERT_EQ(set_gmem_slot(self->to.vm, SLOT, 0, 0, NULL, -1, 0), 0);
	ASSERT_EQ(set_gmem_slot(self->to.vm, SLOT, GPA, SIZE - PAGE, self->to.mem, fd, 0), 0);
	EXPECT_EQ(move_vm(self->to.vm, self->from.vm), 0);
}

/* The source's file is closed: nobody can say what its slot shows. */
TEST_F(move, source_file_closed)
{
	ASSERT_EQ(bind_link(&self->to, &self->from), 0);
	close(self->from.fd);
	self->from.fd = -1;
	EXPECT_ERROR(move_vm(self->to.vm, self->from.vm), EINVAL);
	EXPECT_FALSE(owns(self->to.fd));
	EXPECT_EQ(set_gmem_slot(self->from.vm, SLOT, 0, 0, NULL, -1, 0), 0);
	EXPECT_EQ(set_gmem_slot(self->to.vm, SLOT, 0, 0, NULL, -1, 0), 0);

	/* Without slots there is only the ownership to move. */
	EXPECT_EQ(move_vm(self->to.vm, self->from.vm), 0);
	EXPECT_TRUE(owns(self->to.fd));
}

/* What the source only shares stays its owner's. */
TEST_F(move, shared_memory_of_a_third)
{
	int third = create_vm_of_type(KVM_X86_SW_PROTECTED_VM);
	int fd = create_gmem(third, PAGE, 0);
	int shared = link_gmem(self->from.vm, fd, KVM_LINK_GUEST_MEMFD_SHARED);
	int taken = link_gmem(self->to.vm, shared, 0);

	ASSERT_GE(taken, 0);
	ASSERT_EQ(bind_link(&self->to, &self->from), 0);
	EXPECT_EQ(move_vm(self->to.vm, self->from.vm), 0);
	EXPECT_TRUE(owns(self->to.fd));
	EXPECT_TRUE(owns(fd));
	EXPECT_FALSE(owns(taken));
	close(taken);
	close(shared);
	close(fd);
	close(third);
}

static uint8_t *reset_code(int vm, uint32_t slot)
{
	static const uint8_t spin[] = { 0xeb, 0xfe };
	uint8_t *mem = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct kvm_userspace_memory_region region = {
		.slot = slot, .guest_phys_addr = 0xfffff000, .memory_size = PAGE,
		.userspace_addr = (uint64_t)mem,
	};

	memcpy(mem + 0xff0, spin, sizeof(spin));
	return ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) ? NULL : mem;
}

static void on_signal(int nr)
{
}

static void *run(void *vcpu)
{
	return (void *)(long)(ioctl((long)vcpu, KVM_RUN, 0) ? errno : 0);
}

static void nap(void)
{
	usleep(50000);
}

/* A vCPU runs, on either side: not now. */
TEST_F(move, busy)
{
	struct sigaction action = { .sa_handler = on_signal };
	int side, vm, vcpu[2], i;
	pthread_t thread;
	void *result;

	sigaction(SIGUSR1, &action, NULL);
	ASSERT_EQ(bind_link(&self->to, &self->from), 0);
	ASSERT_NE(reset_code(self->from.vm, 9), NULL);
	ASSERT_NE(reset_code(self->to.vm, 9), NULL);
	for (side = 0; side < 2; side++) {
		vm = side ? self->from.vm : self->to.vm;
		for (i = 0; i < 2; i++)
			vcpu[i] = add_vcpu(vm, i);
		ASSERT_EQ(pthread_create(&thread, NULL, run, (void *)(long)vcpu[1]), 0);
		nap();
		EXPECT_ERROR(move_vm(self->to.vm, self->from.vm), EBUSY);
		EXPECT_UNMOVED();
		pthread_kill(thread, SIGUSR1);
		ASSERT_EQ(pthread_join(thread, &result), 0);
		EXPECT_EQ((long)result, EINTR);
	}
	EXPECT_EQ(move_vm(self->to.vm, self->from.vm), 0);
}

struct maker {
	int vm, first;
	bool stop;
	int made;
};

static void *make_vcpus(void *arg)
{
	struct maker *maker = arg;
	int vcpu;

	while (!__atomic_load_n(&maker->stop, __ATOMIC_RELAXED) && maker->made < 200) {
		vcpu = add_vcpu(maker->vm, maker->first + maker->made);
		if (vcpu < 0)
			break;
		__atomic_add_fetch(&maker->made, 1, __ATOMIC_RELAXED);
		close(vcpu);
	}
	return NULL;
}

/* CVE-2025-38455: a vCPU is there wholly or not at all. */
TEST_F(move, cve_2025_38455_vcpu_being_created)
{
	struct maker maker;
	pthread_t thread;
	int i, vcpu;

	for (i = 0; i < 20; i++) {
		ASSERT_EQ(bind_link(&self->to, &self->from), 0);
		/* The source of every second round was the destination of the one before. */
		maker = (struct maker) {
			.vm = i & 1 ? self->from.vm : self->to.vm, .first = i & 1 ? 300 : 0,
		};
		ASSERT_EQ(pthread_create(&thread, NULL, make_vcpus, &maker), 0);
		while (!__atomic_load_n(&maker.made, __ATOMIC_RELAXED))
			sched_yield();
		ASSERT_EQ(move_vm(self->to.vm, self->from.vm), 0);
		__atomic_store_n(&maker.stop, true, __ATOMIC_RELAXED);
		ASSERT_EQ(pthread_join(thread, NULL), 0);
		vcpu = add_vcpu(self->to.vm, 1000);
		EXPECT_GE(vcpu, 0);
		close(vcpu);
		close_side(&self->from);
		self->from = self->to;
		ASSERT_TRUE(open_side(&self->to, KVM_X86_SW_PROTECTED_VM));
	}
}

struct mover {
	int to, from, result;
};

static void *move_thread(void *arg)
{
	struct mover *mover = arg;

	mover->result = move_vm(mover->to, mover->from) ? errno : 0;
	return NULL;
}

/* Two VMs that move to one another: one of them wins, and nobody waits for ever. */
TEST_F(move, crosswise)
{
	struct mover one, two;
	pthread_t threads[2];
	int i;

	for (i = 0; i < 100; i++) {
		ASSERT_EQ(bind_link(&self->to, &self->from), 0);
		one = (struct mover) { .to = self->to.vm, .from = self->from.vm };
		two = (struct mover) { .to = self->from.vm, .from = self->to.vm };
		ASSERT_EQ(pthread_create(&threads[0], NULL, move_thread, &one), 0);
		ASSERT_EQ(pthread_create(&threads[1], NULL, move_thread, &two), 0);
		pthread_join(threads[0], NULL);
		pthread_join(threads[1], NULL);
		EXPECT_TRUE((!one.result && two.result == EIO) ||
			    (!two.result && one.result == EIO));
		if (!one.result) {
			close_side(&self->from);
			self->from = self->to;
		} else {
			close_side(&self->to);
		}
		ASSERT_TRUE(owns(self->from.fd));
		ASSERT_TRUE(open_side(&self->to, KVM_X86_SW_PROTECTED_VM));
	}
}

/* Many vCPUs: stopping them takes no lock of each. */
TEST_F(move, many_vcpus)
{
	int i, vcpu;

	for (i = 0; i < 200; i++) {
		vcpu = add_vcpu(self->from.vm, i);
		ASSERT_GE(vcpu, 0);
		close(vcpu);
		vcpu = add_vcpu(self->to.vm, i);
		ASSERT_GE(vcpu, 0);
		close(vcpu);
	}
	ASSERT_EQ(bind_link(&self->to, &self->from), 0);
	EXPECT_EQ(move_vm(self->to.vm, self->from.vm), 0);
}

TEST_HARNESS_MAIN
