// SPDX-License-Identifier: GPL-2.0
/*
 * Updates of memory slots: one more slot beside 1, 128 and 8,192 others, in a VM
 * of its own, and in one whose 16 vCPUs are inside KVM_RUN, where they halted.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

/* First: noreturn, which bench.h defines, is an attribute there. */
#include "kvm.h"
#include "bench.h"

#define PAGE		4096UL
#define NR_RUNNING	16
#define MAX_SLOTS	8192
#define BASE		0x40000000UL

GUEST_CODE16(slots_halt, "1: hlt; jmp 1b");

static struct guest guest;
static int nr_slots = -1, nr_running;
static pthread_t threads[NR_RUNNING];
static char *mem;

static void set_slot(uint32_t id, uint64_t frame, uint64_t size)
{
	struct kvm_userspace_memory_region region = {
		.slot = id, .guest_phys_addr = BASE + frame * PAGE, .memory_size = size,
		.userspace_addr = (uint64_t)mem + id % MAX_SLOTS * PAGE,
	};

	if (ioctl(guest.vm, KVM_SET_USER_MEMORY_REGION, &region))
		die("KVM_SET_USER_MEMORY_REGION");
}

/* vCPUs */

static void on_signal(int sig)
{
}

static void *run(void *data)
{
	struct vcpu *vcpu = data;

	if (!ioctl(vcpu->fd, KVM_RUN, 0) || errno != EINTR)
		die("KVM_RUN");
	return NULL;
}

static void start_vcpus(int nr)
{
	struct kvm_mp_state runnable = { KVM_MP_STATE_RUNNABLE };
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGUSR1, &action, NULL);
	for (nr_running = 0; nr_running < nr; nr_running++) {
		struct vcpu *vcpu = guest_add_vcpu(&guest, nr_running);

		vcpu_real_mode(&guest, vcpu);
		kvm_ioctl_ok(vcpu->fd, KVM_SET_MP_STATE, &runnable);
		if (pthread_create(&threads[nr_running], NULL, run, vcpu))
			die("pthread_create");
	}
	/* Let them come to rest. */
	if (nr)
		usleep(10000);
}

static void stop_vcpus(void)
{
	while (nr_running) {
		pthread_kill(threads[--nr_running], SIGUSR1);
		pthread_join(threads[nr_running], NULL);
	}
}

/* A VM with so many slots, every other frame; the one of the row before, if it will do. */
static void have(int slots, int running)
{
	int i;

	if (slots == nr_slots && running == nr_running)
		return;
	if (!mem)
		mem = mmap(NULL, MAX_SLOTS * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		die("mmap");
	if (nr_slots >= 0) {
		stop_vcpus();
		guest_destroy(&guest);
	}
	guest_create_vm(&guest, GUEST_MEM);
	guest_load(&guest, slots_halt);
	if (running)
		kvm_ioctl_ok(guest.vm, KVM_CREATE_IRQCHIP, 0);
	/* That of the guest's own memory is one of them. */
	for (i = 1; i < slots; i++)
		set_slot(i, 2 * i, PAGE);
	nr_slots = slots;
	start_vcpus(running);
}

/* The one that comes, moves and goes: in the midst of the others. */

static void add(void)
{
	set_slot(nr_slots, nr_slots + 1, PAGE);
}

static void move(void)
{
	set_slot(nr_slots, nr_slots + 1 + MAX_SLOTS * 4, PAGE);
}

static void delete(void)
{
	set_slot(nr_slots, 0, 0);
}

#define SLOTS(n, vcpus)						\
	static void have_##n##_##vcpus(void)			\
	{							\
		have(n, vcpus);					\
	}							\
	static void have_##n##_##vcpus##_and_one(void)		\
	{							\
		have(n, vcpus);					\
		add();						\
	}

SLOTS(1, 0)
SLOTS(128, 0)
SLOTS(8192, 0)
SLOTS(1, 16)
SLOTS(128, 16)
SLOTS(8192, 16)

#define ROWS(suffix, n, vcpus)							\
	{ "slot-add-" suffix, "us", 100, 1, have_##n##_##vcpus, add, delete,	\
	  .reference = 24.7, .aim = 4 },					\
	{ "slot-move-" suffix, "us", 100, 1, have_##n##_##vcpus##_and_one,	\
	  move, delete, .reference = 39.7, .aim = 4 },				\
	{ "slot-delete-" suffix, "us", 100, 1, have_##n##_##vcpus##_and_one,	\
	  delete, .reference = 24.9, .aim = 4 }

const struct bench slot_benches[] = {
	ROWS("among-1", 1, 0),
	ROWS("among-128", 128, 0),
	ROWS("among-8192", 8192, 0),
	ROWS("among-1-running-16", 1, 16),
	ROWS("among-128-running-16", 128, 16),
	ROWS("among-8192-running-16", 8192, 16),

	{ }
};
