// SPDX-License-Identifier: GPL-2.0
/* A guest uses memory whose slot comes and goes: now it is memory, now a device. */
/* machine: smp=2 timeout=120 */
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "kvm.h"

#define PLACE	0x40000000
#define FLAG	0x100000
#define SIZE	0x10000
#define ROUNDS	4000

GUEST_CODE64(uses,
	"mov $0x40000000, %rbx; mov $0x100000, %rdx\n"
	"1: mov %rax, (%rbx); mov (%rbx), %rcx; lock incl 8(%rbx)\n"
	"cmpl $0, (%rdx); je 1b; out %al, $0x10; hlt");

struct comes_and_goes {
	struct guest *guest;
	void *memory;
	uint32_t flags;
};

static void set_slot(struct comes_and_goes *c, size_t size)
{
	struct kvm_userspace_memory_region region = {
		.slot = 1, .flags = c->flags, .guest_phys_addr = PLACE,
		.memory_size = size, .userspace_addr = (uint64_t)c->memory,
	};

	kvm_ioctl_ok(c->guest->vm, KVM_SET_USER_MEMORY_REGION, &region);
}

static void *come_and_go(void *arg)
{
	struct comes_and_goes *c = arg;

	for (int i = 0; i < ROUNDS; i++) {
		set_slot(c, SIZE);
		set_slot(c, 0);
		c->flags ^= KVM_MEM_READONLY;
	}
	__atomic_store_n((uint32_t *)(c->guest->mem + FLAG), 1, __ATOMIC_RELEASE);
	return NULL;
}

TEST(memory_or_device)
{
	struct comes_and_goes c;
	unsigned int devices = 0;
	struct guest guest;
	pthread_t thread;

	guest_create(&guest);
	c = (struct comes_and_goes) { .guest = &guest };
	c.memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, c.memory);
	guest_load(&guest, uses);
	vcpu_long_mode(&guest, &guest.vcpu[0]);
	ASSERT_EQ(0, pthread_create(&thread, NULL, come_and_go, &c));

	/* KVM_RUN never fails. */
	while (vcpu_run(&guest.vcpu[0]) == KVM_EXIT_MMIO) {
		ASSERT_EQ(PLACE, guest.vcpu[0].run->mmio.phys_addr & ~0xfULL);
		memset(guest.vcpu[0].run->mmio.data, 0, 8);
		devices++;
	}
	EXPECT_EQ(KVM_EXIT_IO, guest.vcpu[0].run->exit_reason);
	EXPECT_NE(0, devices);
	pthread_join(thread, NULL);
	TH_LOG("%u accesses to a device in %u rounds", devices, ROUNDS);
	munmap(c.memory, SIZE);
	guest_destroy(&guest);
}

TEST_HARNESS_MAIN
