// SPDX-License-Identifier: GPL-2.0
/*
 * Slots come, move and go while all vCPUs run on them. On one CPU: with two, the
 * emulator ends a guest in a shutdown now and then, with any module.
 */
/* machine: timeout=180 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "access.h"

#define NR_VCPUS	8
#define STAYS		1
#define GOES		2
#define ANOTHER		3
#define THERE		(2 * AREA)
#define ELSEWHERE	(3 * AREA)
#define ROUNDS		40

#define STOP		0x21000

/* One more in a page of its own, and a word into the slot that goes, until told to stop. */
GUEST_CODE64(both,
	"1: incq (%rsi)\n"
	"   inc %rax\n"
	"   mov %rax, (%rdi)\n"
	"   cmpb $0, 0x21000\n"
	"   je 1b\n"
	"   out %al, $0x10\n");

struct runner {
	struct vcpu *vcpu;
	int error;
	pthread_t thread;
};

FIXTURE(running) {
	struct guest guest;
	uint64_t *stays, *goes;
	struct runner runner[NR_VCPUS];
};

static void set_slot(struct guest *guest, uint32_t id, uint64_t gpa, uint64_t size,
		     void *memory, uint32_t flags)
{
	struct kvm_userspace_memory_region region = {
		.slot = id, .flags = flags, .guest_phys_addr = gpa, .memory_size = size,
		.userspace_addr = (uint64_t)memory,
	};

	kvm_ioctl_ok(guest->vm, KVM_SET_USER_MEMORY_REGION, &region);
}

/* Without a slot the word goes to us, as MMIO. */
static void *run(void *data)
{
	struct runner *r = data;

	do {
		if (ioctl(r->vcpu->fd, KVM_RUN, 0)) {
			r->error = errno;
			return NULL;
		}
	} while (r->vcpu->run->exit_reason == KVM_EXIT_MMIO);
	if (r->vcpu->run->exit_reason != KVM_EXIT_IO)
		r->error = -(int)r->vcpu->run->exit_reason;
	return NULL;
}

FIXTURE_SETUP(running)
{
	struct kvm_regs regs;
	int i;

	guest_create(&self->guest);
	guest_load(&self->guest, both);
	self->stays = mmap(NULL, NR_VCPUS * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	self->goes = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	set_slot(&self->guest, STAYS, AREA, NR_VCPUS * PAGE, self->stays, 0);
	for (i = 0; i < NR_VCPUS; i++) {
		struct vcpu *vcpu = i ? guest_add_vcpu(&self->guest, i) : &self->guest.vcpu[0];

		self->runner[i] = (struct runner){ .vcpu = vcpu };
		vcpu_set_supported_cpuid(&self->guest, vcpu);
		vcpu_long_mode(&self->guest, vcpu);
		vcpu_get_regs(vcpu, &regs);
		regs.rax = 0;
		regs.rsi = AREA + i * PAGE;
		regs.rdi = THERE + i * 8;
		vcpu_set_regs(vcpu, &regs);
		ASSERT_EQ(pthread_create(&self->runner[i].thread, NULL, run,
					 &self->runner[i]), 0);
	}
}

FIXTURE_TEARDOWN(running)
{
	guest_destroy(&self->guest);
}

/* Until some vCPU has written there, for at most ten seconds. */
static bool written(uint64_t *memory)
{
	uint64_t before[NR_VCPUS];
	int i;

	memcpy(before, memory, sizeof(before));
	for (i = 0; i < 10000; i++) {
		if (memcmp(before, memory, sizeof(before)))
			return true;
		usleep(1000);
	}
	return false;
}

/* What nobody maps any more stays as it is. */
static bool left_alone(uint64_t *memory)
{
	uint64_t before[NR_VCPUS];

	memcpy(before, memory, sizeof(before));
	usleep(2000);
	return !memcmp(before, memory, sizeof(before));
}

TEST_F_TIMEOUT(running, what_was_taken_away_is_not_touched, 120)
{
	struct guest *guest = &self->guest;
	struct kvm_regs regs;
	int i, round;

	for (round = 0; round < ROUNDS; round++) {
		set_slot(guest, GOES, THERE, PAGE, self->goes, 0);
		ASSERT_TRUE(written(self->goes));
		set_slot(guest, STAYS, AREA, NR_VCPUS * PAGE, self->stays,
			 round % 2 ? 0 : KVM_MEM_LOG_DIRTY_PAGES);
		/* Away, with one that nobody uses coming and going. */
		if (round % 4 < 2)
			set_slot(guest, GOES, ELSEWHERE, PAGE, self->goes, 0);
		else
			set_slot(guest, GOES, 0, 0, NULL, 0);
		ASSERT_TRUE(left_alone(self->goes));
		set_slot(guest, ANOTHER, 2 * ELSEWHERE, PAGE, self->goes, 0);
		set_slot(guest, ANOTHER, 0, 0, NULL, 0);
		if (round % 4 < 2)
			set_slot(guest, GOES, 0, 0, NULL, 0);
		ASSERT_TRUE(left_alone(self->goes));
	}
	guest->mem[STOP] = 1;
	for (i = 0; i < NR_VCPUS; i++) {
		pthread_join(self->runner[i].thread, NULL);
		EXPECT_EQ(self->runner[i].error, 0);
		vcpu_get_regs(self->runner[i].vcpu, &regs);
		EXPECT_EQ(self->stays[i * PAGE / 8], regs.rax);
	}
}

TEST_HARNESS_MAIN
