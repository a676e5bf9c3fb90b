// SPDX-License-Identifier: GPL-2.0
/*
 * Where the CPU does not say how long the instruction is that exited, its bytes
 * do. They are remembered; here they change between two exits at the same
 * address, in every way in which they can.
 */
/* machine: smp=2 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "kvm.h"

/* CPUID of FIRST says SECOND, that of SECOND something else: once or twice? */
#define FIRST	0x1000
#define SECOND	0x1001

/* CPUID; INC EDI; RET. Taken for each other, one runs twice or another not at all. */
static const uint8_t insns[2][8] = {
	{ 0x0f, 0xa2, 0xff, 0xc7, 0xc3, 0x90, 0x90, 0x90 },
	{ 0x3e, 0x3e, 0x0f, 0xa2, 0xff, 0xc7, 0xc3, 0x90 },
};

/* Where the CPUID stands, in linear addresses: index 1 of every table. */
#define SITE64	0x8040201000ull
#define SITE32	0x80401000u
#define OFFSET	0x10

/* Tables and pages of code, two of each, the second of each under the second. */
#define PML4	0xb0000
#define PDPT	0xb1000
#define PD	0xb2000
#define PT	0xb3000
#define PAGE	0xb4000
#define OTHER	0x10000
#define NOWHERE	0xd0000

/* A block of memory of its own. */
#define FAR	0x40000000ull

/*
 * A call to RSI, a store of R9 to R8, R10 into CR3, and the call again, with
 * no exit but those of CPUID.
 */
GUEST_CODE64(change64,
	     "mov $0x1000, %eax; call *%rsi; mov %eax, %r12d\n"
	     "mov %r9, (%r8); mov %r10, %cr3\n"
	     "mov $0x1000, %eax; call *%rsi; mov %eax, %r13d; out %al, $1");
/* The same; EBP holds the address of what R8 to R10 are. */
GUEST_CODE32(change32,
	     "mov $0x1000, %eax; call *%esi; push %eax\n"
	     "mov (%ebp), %ecx; mov 4(%ebp), %eax; mov %eax, (%ecx)\n"
	     "mov 8(%ebp), %eax; mov %eax, %cr3\n"
	     "mov $0x1000, %eax; call *%esi; push %eax; out %al, $1");
/* A call, and again when userspace says so. */
GUEST_CODE64(repeat64,
	     "1: mov $0x1000, %eax; call *%rsi; mov %eax, %r12d; out %al, $1; jmp 1b");
/* As often as EBP says. */
GUEST_CODE64(loop64,
	     "1: mov $0x1000, %eax; call *%rsi; cmp $0x1001, %eax; jne 2f\n"
	     "dec %ebp; jnz 1b; 2: out %al, $1");
/* In 64-bit mode MOV has an address of 8 bytes; else it has 4, and two ADDs follow. */
/* AL is 1 and EAX where a 1 is. */
GUEST_CODE64(moffs, ".byte 0xa1, 0, 0, 0, 0x40, 0, 0, 0, 0; out %al, $1");

FIXTURE(fetch) {
	struct guest guest;
	struct vcpu *vcpu;
};

static void set_cpuid(struct vcpu *vcpu)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[3];
	} cpuid = {
		.head.nent = 3,
		.entries = {
			{ .function = FIRST, .eax = SECOND },
			{ .function = SECOND, .eax = 0xbad },
			/* Long mode, for the in-tree module. */
			{ .function = 0x80000001, .edx = 1u << 29 | 1u << 20 },
		},
	};

	kvm_ioctl_ok(vcpu->fd, KVM_SET_CPUID2, &cpuid);
}

FIXTURE_SETUP(fetch)
{
	guest_create(&self->guest);
	self->vcpu = &self->guest.vcpu[0];
	set_cpuid(self->vcpu);
}

FIXTURE_TEARDOWN(fetch)
{
	guest_destroy(&self->guest);
}

static void put64(struct guest *guest, uint64_t gpa, uint64_t value)
{
	memcpy(guest->mem + gpa, &value, sizeof(value));
}

static void put32(struct guest *guest, uint64_t gpa, uint32_t value)
{
	memcpy(guest->mem + gpa, &value, sizeof(value));
}

static void put_insn(struct guest *guest, uint64_t page, int insn)
{
	memcpy(guest->mem + page + OFFSET, insns[insn], sizeof(insns[insn]));
}

/* SITE64 leads to PAGE, or by way of any one of the other tables to the other. */
static void make_tables64(struct guest *guest, int first)
{
	int i;

	vcpu_long_mode(guest, &guest->vcpu[0]);
	for (i = 0; i < 2; i++) {
		uint64_t other = i * OTHER;

		put64(guest, PML4 + other, GUEST_PDPT | 7);
		put64(guest, PML4 + other + 8, (PDPT + other) | 7);
		put64(guest, PDPT + other + 8, (PD + other) | 7);
		put64(guest, PD + other + 8, (PT + other) | 7);
		put64(guest, PT + other + 8, (PAGE + other) | 7);
		put_insn(guest, PAGE + other, first ^ i);
	}
}

static void set_cr3(struct vcpu *vcpu, uint64_t cr3)
{
	struct kvm_sregs sregs;

	vcpu_get_sregs(vcpu, &sregs);
	sregs.cr3 = cr3;
	vcpu_set_sregs(vcpu, &sregs);
}

static void start64(struct guest *guest, uint64_t store, uint64_t value, uint64_t cr3)
{
	struct vcpu *vcpu = &guest->vcpu[0];
	struct kvm_regs regs;

	set_cr3(vcpu, PML4);
	vcpu_get_regs(vcpu, &regs);
	regs.rsi = SITE64 + OFFSET;
	regs.rdi = 0;
	regs.rbp = 0;
	regs.r8 = store;
	regs.r9 = value;
	regs.r10 = cr3;
	vcpu_set_regs(vcpu, &regs);
}

/* In both directions: the longer instruction comes second, or first. */
static bool change64(struct guest *guest, uint64_t store, uint64_t value, uint64_t cr3)
{
	struct vcpu *vcpu = &guest->vcpu[0];
	struct kvm_regs regs;
	uint64_t insn;
	int first;

	for (first = 0; first < 2; first++) {
		make_tables64(guest, first);
		guest_load(guest, change64);
		memcpy(&insn, insns[!first], sizeof(insn));
		start64(guest, store, value ?: insn, cr3);
		vcpu_run_until(vcpu, KVM_EXIT_IO);
		vcpu_get_regs(vcpu, &regs);
		if (regs.r12 != SECOND || regs.r13 != SECOND || regs.rdi != 2)
			return false;
	}
	return true;
}

TEST_F(fetch, the_guest_rewrites_the_bytes)
{
	EXPECT_TRUE(change64(&self->guest, PAGE + OFFSET, 0, PML4));
}

TEST_F(fetch, the_guest_remaps_the_page)
{
	EXPECT_TRUE(change64(&self->guest, PT + 8, (PAGE + OTHER) | 7, PML4));
}

TEST_F(fetch, the_guest_remaps_a_table)
{
	EXPECT_TRUE(change64(&self->guest, PD + 8, (PT + OTHER) | 7, PML4));
	EXPECT_TRUE(change64(&self->guest, PDPT + 8, (PD + OTHER) | 7, PML4));
	EXPECT_TRUE(change64(&self->guest, PML4 + 8, (PDPT + OTHER) | 7, PML4));
}

TEST_F(fetch, the_guest_has_another_root)
{
	EXPECT_TRUE(change64(&self->guest, NOWHERE, 1, PML4 + OTHER));
}

/* Two levels of entries of four bytes each. */
static void make_tables32(struct guest *guest, int first)
{
	int i;

	vcpu_paging32(guest, &guest->vcpu[0]);
	for (i = 0; i < 2; i++) {
		uint32_t other = i * OTHER;

		memcpy(guest->mem + PD + other, guest->mem + GUEST_PD32, 0x1000);
		put32(guest, PD + other + (SITE32 >> 22) * 4, (PT + other) | 7);
		put32(guest, PT + other + 4, (PAGE + other) | 7);
		put_insn(guest, PAGE + other, first ^ i);
	}
}

static bool change32(struct guest *guest, uint32_t store, uint32_t value, uint32_t cr3)
{
	struct vcpu *vcpu = &guest->vcpu[0];
	struct kvm_regs regs;
	uint32_t pushed[2];
	int first;

	for (first = 0; first < 2; first++) {
		make_tables32(guest, first);
		guest_load(guest, change32);
		put32(guest, NOWHERE, store);
		put32(guest, NOWHERE + 4, value);
		put32(guest, NOWHERE + 8, cr3);
		set_cr3(vcpu, PD);
		vcpu_get_regs(vcpu, &regs);
		regs.rsi = SITE32 + OFFSET;
		regs.rdi = 0;
		regs.rbp = NOWHERE;
		vcpu_set_regs(vcpu, &regs);
		vcpu_run_until(vcpu, KVM_EXIT_IO);
		vcpu_get_regs(vcpu, &regs);
		memcpy(pushed, guest->mem + regs.rsp, sizeof(pushed));
		if (pushed[0] != SECOND || pushed[1] != SECOND || regs.rdi != 2)
			return false;
	}
	return true;
}

TEST_F(fetch, with_entries_of_four_bytes)
{
	EXPECT_TRUE(change32(&self->guest, PT + 4, (PAGE + OTHER) | 7, PD));
	EXPECT_TRUE(change32(&self->guest, PD + (SITE32 >> 22) * 4, (PT + OTHER) | 7, PD));
	EXPECT_TRUE(change32(&self->guest, NOWHERE + 16, 0, PD + OTHER));
}

/* What userspace changes while the guest stands at an OUT. */

static void begin_repeat(struct guest *guest, uint64_t page)
{
	make_tables64(guest, 0);
	put64(guest, PT + 8, page | 7);
	guest_load(guest, repeat64);
	start64(guest, 0, 0, 0);
}

/* One more call: was it one CPUID and one INC? */
static bool repeat(struct vcpu *vcpu)
{
	struct kvm_regs before, after;

	vcpu_get_regs(vcpu, &before);
	vcpu_run_until(vcpu, KVM_EXIT_IO);
	vcpu_get_regs(vcpu, &after);
	return after.r12 == SECOND && after.rdi == before.rdi + 1;
}

TEST_F(fetch, userspace_rewrites_the_bytes)
{
	int i;

	begin_repeat(&self->guest, PAGE);
	for (i = 0; i < 6; i++) {
		put_insn(&self->guest, PAGE, i & 1);
		EXPECT_TRUE(repeat(self->vcpu));
	}
}

TEST_F(fetch, userspace_maps_another_page_there)
{
	uint8_t *far = guest_add_memory(&self->guest, 1, FAR, 0x1000, NULL, 0);
	int i;

	begin_repeat(&self->guest, FAR);
	for (i = 0; i < 6; i++) {
		ASSERT_EQ(far, mmap(far, 0x1000, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
		memcpy(far + OFFSET, insns[i & 1], sizeof(insns[0]));
		EXPECT_TRUE(repeat(self->vcpu));
	}
	munmap(far, 0x1000);
}

static void set_slot(struct guest *guest, uint32_t slot, uint64_t gpa, void *host)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot, .guest_phys_addr = gpa,
		.memory_size = host ? 0x1000 : 0, .userspace_addr = (uintptr_t)host,
	};

	kvm_ioctl_ok(guest->vm, KVM_SET_USER_MEMORY_REGION, &region);
}

TEST_F(fetch, a_slot_moves)
{
	uint8_t *host[2];
	int i;

	for (i = 0; i < 2; i++) {
		host[i] = guest_add_memory(&self->guest, 1 + i, FAR + i * 0x1000, 0x1000,
					   NULL, 0);
		memcpy(host[i] + OFFSET, insns[i], sizeof(insns[i]));
	}
	begin_repeat(&self->guest, FAR);
	EXPECT_TRUE(repeat(self->vcpu));
	for (i = 1; i < 6; i++) {
		set_slot(&self->guest, 1 + !(i & 1), FAR + 0x2000 + !(i & 1) * 0x1000,
			 host[!(i & 1)]);
		set_slot(&self->guest, 1 + (i & 1), FAR, host[i & 1]);
		EXPECT_TRUE(repeat(self->vcpu));
	}
	munmap(host[0], 0x1000);
	munmap(host[1], 0x1000);
}

/* The page table stands in a slot of its own. */
TEST_F(fetch, a_slot_is_replaced)
{
	uint64_t *host[2];
	int i;

	begin_repeat(&self->guest, PAGE);
	for (i = 0; i < 2; i++) {
		host[i] = mmap(NULL, 0x1000, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		host[i][1] = (PAGE + i * OTHER) | 7;
	}
	put64(&self->guest, PD + 8, FAR | 7);
	for (i = 0; i < 6; i++) {
		set_slot(&self->guest, 1, FAR, host[i & 1]);
		EXPECT_TRUE(repeat(self->vcpu));
		set_slot(&self->guest, 1, FAR, NULL);
	}
	munmap(host[0], 0x1000);
	munmap(host[1], 0x1000);
}

/* The same bytes at the same address are another instruction in another mode. */
TEST_F(fetch, the_mode_changes)
{
	struct vcpu *vcpu = self->vcpu;
	uint32_t answer = NOWHERE + 1;
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	int i;

	guest_load(&self->guest, moffs);
	vcpu_long_mode(&self->guest, vcpu);
	vcpu_get_sregs(vcpu, &sregs);
	vcpu_get_regs(vcpu, &regs);
	for (i = 0; i < 4; i++) {
		bool wide = !(i & 1);

		self->guest.mem[answer] = 1;
		sregs.cs.l = wide;
		sregs.cs.db = !wide;
		vcpu_set_sregs(vcpu, &sregs);
		vcpu_set_regs(vcpu, &regs);
		vcpu_run_until(vcpu, KVM_EXIT_MMIO);
		EXPECT_EQ(FAR, vcpu->run->mmio.phys_addr);
		memcpy(vcpu->run->mmio.data, &answer, sizeof(answer));
		vcpu_run_until(vcpu, KVM_EXIT_IO);
		EXPECT_EQ(wide ? 1 : 3, self->guest.mem[answer]);
	}
}

/* Slots come and go while the vCPU looks at what it remembers. */

static void *move_slots(void *arg)
{
	struct guest *guest = arg;
	void *host = guest_add_memory(guest, 1, FAR, 0x1000, NULL, 0);
	int i;

	for (i = 0; i < 2000; i++)
		set_slot(guest, 1, FAR + (i & 1) * 0x10000, host);
	munmap(host, 0x1000);
	return NULL;
}

TEST_F(fetch, slots_move_meanwhile)
{
	pthread_t thread;
	struct kvm_regs regs;
	int i;

	make_tables64(&self->guest, 0);
	guest_load(&self->guest, loop64);
	start64(&self->guest, 0, 0, 0);
	vcpu_get_regs(self->vcpu, &regs);
	ASSERT_EQ(0, pthread_create(&thread, NULL, move_slots, &self->guest));
	for (i = 0; i < 10; i++) {
		regs.rbp = 1000;
		vcpu_set_regs(self->vcpu, &regs);
		EXPECT_EQ(SECOND & 0xff, vcpu_run_out(self->vcpu, NULL));
	}
	pthread_join(thread, NULL);
	vcpu_get_regs(self->vcpu, &regs);
	EXPECT_EQ(0, regs.rbp);
	EXPECT_EQ(1000, regs.rdi);
}

TEST_HARNESS_MAIN
