// SPDX-License-Identifier: GPL-2.0
/*
 * What is taken from a guest is taken from the TLB of the CPU that runs it, before
 * the call that takes it returns. The vCPU has a CPU to itself and writes one word
 * all the time; by itself it leaves only at the host's tick.
 */
/* machine: smp=2 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "access.h"
#include "vmstat.h"

#define SLOT	1
#define STOP	0x21000
#define ROUNDS	20
#define ENTRIES	512
/* Longer than the time to the next tick: a stale entry has been used by then. */
#define WHILE	20000

GUEST_CODE64(writer,
	"1: incq (%rsi)\n"
	"   cmpb $0, 0x21000\n"
	"   je 1b\n"
	"   out %al, $0x10\n");

FIXTURE(tlb) {
	struct guest guest;
	struct vcpu *vcpu;
	volatile uint64_t *word;
	pthread_t thread;
	bool writes;
};

static void stay_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	kvm_must(sched_setaffinity(0, sizeof(set), &set), "affinity", __FILE__, __LINE__);
}

/* The errno of KVM_RUN, or 0 for an exit. */
static void *run(void *data)
{
	struct vcpu *vcpu = data;

	stay_on(1);
	return (void *)(uintptr_t)(ioctl(vcpu->fd, KVM_RUN, 0) ? errno : 0);
}

static void set_slot(struct guest *guest, volatile void *memory, uint64_t size, uint32_t flags)
{
	struct kvm_userspace_memory_region region = {
		.slot = SLOT, .flags = flags, .guest_phys_addr = AREA,
		.memory_size = size, .userspace_addr = (uint64_t)memory,
	};

	kvm_ioctl_ok(guest->vm, KVM_SET_USER_MEMORY_REGION, &region);
}

static void enable(struct guest *guest, uint32_t cap, uint64_t arg)
{
	struct kvm_enable_cap enable = { .cap = cap, .args = { arg } };

	kvm_ioctl_ok(guest->vm, KVM_ENABLE_CAP, &enable);
}

FIXTURE_SETUP(tlb)
{
	struct guest *guest = &self->guest;

	stay_on(0);
	guest->kvm = kvm_must(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm",
			      __FILE__, __LINE__);
	guest->vm = kvm_ioctl_ok(guest->kvm, KVM_CREATE_VM, KVM_X86_SW_PROTECTED_VM);
	guest->size = GUEST_MEM;
	guest->mem = guest_add_memory(guest, 0, 0, GUEST_MEM, NULL, 0);
	self->word = guest_add_memory(guest, SLOT, AREA, PAGE, NULL, 0);
	guest_load(guest, writer);
}

static void wait_for_write(volatile uint64_t *word)
{
	uint64_t was = *word;

	while (*word == was)
		;
}

static void start(FIXTURE_DATA(tlb) *self)
{
	struct kvm_regs regs;

	self->vcpu = guest_add_vcpu(&self->guest, 0);
	vcpu_set_supported_cpuid(&self->guest, self->vcpu);
	vcpu_long_mode(&self->guest, self->vcpu);
	vcpu_get_regs(self->vcpu, &regs);
	regs.rsi = AREA;
	vcpu_set_regs(self->vcpu, &regs);
	if (pthread_create(&self->thread, NULL, run, self->vcpu))
		kvm_die(__FILE__, __LINE__, "pthread_create");
	self->writes = true;
	wait_for_write(self->word);
}

/* What ended the writing, see run(). */
static long stop(FIXTURE_DATA(tlb) *self)
{
	void *error;

	self->guest.mem[STOP] = 1;
	pthread_join(self->thread, &error);
	self->writes = false;
	return (long)error;
}

FIXTURE_TEARDOWN(tlb)
{
	if (self->writes)
		stop(self);
	guest_destroy(&self->guest);
}

static uint64_t get_log(int vm)
{
	uint64_t bits = 0;
	struct kvm_dirty_log log = { .slot = SLOT, .dirty_bitmap = &bits };

	kvm_ioctl_ok(vm, KVM_GET_DIRTY_LOG, &log);
	return bits;
}

static void clear_log(int vm)
{
	uint64_t bits = 1;
	struct kvm_clear_dirty_log log = {
		.slot = SLOT, .num_pages = 1, .dirty_bitmap = &bits,
	};

	kvm_ioctl_ok(vm, KVM_CLEAR_DIRTY_LOG, &log);
}

/* What is written from now on is in the log. */
TEST_F(tlb, log_begins)
{
	uint64_t flushes;
	int i;

	start(self);
	for (i = 0; i < ROUNDS; i++) {
		flushes = kvm_stat(self->guest.vm, "remote_tlb_flush");
		set_slot(&self->guest, self->word, PAGE, KVM_MEM_LOG_DIRTY_PAGES);
		EXPECT_GT(kvm_stat(self->guest.vm, "remote_tlb_flush"), flushes);
		wait_for_write(self->word);
		ASSERT_EQ(get_log(self->guest.vm), 1);
		set_slot(&self->guest, self->word, PAGE, 0);
		wait_for_write(self->word);
	}
}

TEST_F(tlb, log_is_taken)
{
	int i;

	start(self);
	set_slot(&self->guest, self->word, PAGE, KVM_MEM_LOG_DIRTY_PAGES);
	for (i = 0; i < ROUNDS; i++) {
		wait_for_write(self->word);
		ASSERT_EQ(get_log(self->guest.vm), 1);
	}
}

TEST_F(tlb, log_is_cleared)
{
	int i;

	enable(&self->guest, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
	       KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE);
	start(self);
	set_slot(&self->guest, self->word, PAGE, KVM_MEM_LOG_DIRTY_PAGES);
	for (i = 0; i < ROUNDS; i++) {
		wait_for_write(self->word);
		ASSERT_EQ(get_log(self->guest.vm), 1);
		clear_log(self->guest.vm);
	}
}

TEST_F(tlb, ring_is_reset)
{
	volatile struct kvm_dirty_gfn *ring;
	int i;

	enable(&self->guest, KVM_CAP_DIRTY_LOG_RING_ACQ_REL, ENTRIES * sizeof(*ring));
	set_slot(&self->guest, self->word, PAGE, KVM_MEM_LOG_DIRTY_PAGES);
	start(self);
	ring = mmap(NULL, ENTRIES * sizeof(*ring), PROT_READ | PROT_WRITE, MAP_SHARED,
		    self->vcpu->fd, KVM_DIRTY_LOG_PAGE_OFFSET * PAGE);
	ASSERT_NE(ring, MAP_FAILED);
	for (i = 0; i < ROUNDS; i++) {
		wait_for_write(self->word);
		ASSERT_EQ(ring[i].flags, KVM_DIRTY_GFN_F_DIRTY);
		ring[i].flags = KVM_DIRTY_GFN_F_RESET;
		ASSERT_EQ(ioctl(self->guest.vm, KVM_RESET_DIRTY_RINGS, 0), 1);
	}
	munmap((void *)ring, ENTRIES * sizeof(*ring));
}

/* Nothing is written from now on. */
#define EXPECT_STILL(word) do {			\
	uint64_t was = *(word);			\
						\
	usleep(WHILE);				\
	EXPECT_EQ(*(word), was);		\
} while (0)

TEST_F(tlb, host_protects_the_page)
{
	start(self);
	ASSERT_EQ(mprotect((void *)self->word, PAGE, PROT_READ), 0);
	EXPECT_STILL(self->word);
	EXPECT_EQ(stop(self), EFAULT);
}

TEST_F(tlb, host_moves_the_page)
{
	volatile uint64_t *there;

	start(self);
	there = mremap((void *)self->word, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
	ASSERT_NE(there, MAP_FAILED);
	EXPECT_STILL(there);
	/* It goes on with what is in the page's old place now. */
	wait_for_write(self->word);
	EXPECT_EQ(stop(self), 0);
}

TEST_F(tlb, slot_is_deleted)
{
	start(self);
	set_slot(&self->guest, NULL, 0, 0);
	EXPECT_STILL(self->word);
	EXPECT_EQ(stop(self), 0);
	EXPECT_EQ(self->vcpu->run->exit_reason, KVM_EXIT_MMIO);
}

TEST_F(tlb, page_becomes_private)
{
	struct kvm_memory_attributes private = {
		.address = AREA, .size = PAGE, .attributes = KVM_MEMORY_ATTRIBUTE_PRIVATE,
	};

	start(self);
	kvm_ioctl_ok(self->guest.vm, KVM_SET_MEMORY_ATTRIBUTES, &private);
	EXPECT_STILL(self->word);
	EXPECT_EQ(stop(self), EFAULT);
	EXPECT_EQ(self->vcpu->run->exit_reason, KVM_EXIT_MEMORY_FAULT);
}

TEST_HARNESS_MAIN
