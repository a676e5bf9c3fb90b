// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel does for a guest that knows it is one: interrupts ended in
 * memory, time stolen, yields, IPIs and wake-ups by hypercall; and nothing of
 * it for a guest whose CPUID does not say so.
 */
/* machine: smp=2 timeout=240 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <asm/kvm_para.h>

#include "kselftest_harness.h"
#include "files.h"
#include "irq.h"
#include "kvm.h"
#include "vmstat.h"

#define VECTOR		0x51
#define HIGH_VECTOR	0x61
#define PAGE_READY	0x71
#define SHARED		0x20000	/* what the guest and the kernel share */
#define DONE		0x99

#define KVM_HC_KICK_CPU		5
#define KVM_HC_SEND_IPI		10
#define KVM_HC_SCHED_YIELD	11
#define KVM_ENOSYS		1000

FIXTURE(pv) {
	struct guest guest;
	struct vcpu *vcpu;
};

FIXTURE_SETUP(pv)
{
	int i;

	guest_create_vm(&self->guest, GUEST_MEM);
	kvm_ioctl_ok(self->guest.vm, KVM_CREATE_IRQCHIP, 0);
	for (i = 0; i < 3; i++) {
		guest_add_vcpu(&self->guest, i);
		lapic_enable(self->guest.vcpu[i].fd);
	}
	self->vcpu = &self->guest.vcpu[0];
}

FIXTURE_TEARDOWN(pv)
{
	guest_destroy(&self->guest);
}

static uint64_t get_reg(struct vcpu *vcpu, size_t offset)
{
	struct kvm_regs regs;

	vcpu_get_regs(vcpu, &regs);
	return *(uint64_t *)((char *)&regs + offset);
}

#define REG(vcpu, name)	get_reg(vcpu, offsetof(struct kvm_regs, name))

/* End of interrupt */

/*
 * The handler ends its interrupt in memory if it may, or as ever; RBX and RCX
 * count. It looks behind an exit if R8 is set.
 */
GUEST_CODE64(ends,
	"sti\n 1: hlt\n jmp 1b\n"
	".org ends_begin + 0x80\n"
	"test %r8, %r8\n jz 1f\n out %al, $0x81\n"
	"1: btrl $0, 0x20000\n jnc 2f\n"
	"inc %rbx\n jmp 3f\n"
	"2: mov $0xfee000b0, %edx\n movl $0, (%rdx)\n inc %rcx\n"
	"3: mov $0x99, %al\n out %al, $0x80\n iretq\n");

static void start_ends(struct guest *guest, uint64_t look)
{
	struct vcpu *vcpu = &guest->vcpu[0];
	struct kvm_regs regs;

	guest_load(guest, ends);
	vcpu_long_mode(guest, vcpu);
	guest_set_idt64(guest, VECTOR, GUEST_CODE + 0x80);
	guest_set_idt64(guest, HIGH_VECTOR, GUEST_CODE + 0x80);
	vcpu_get_regs(vcpu, &regs);
	regs.r8 = look;
	vcpu_set_regs(vcpu, &regs);
	if (vcpu_set_msr(vcpu, MSR_KVM_PV_EOI_EN, SHARED | KVM_MSR_ENABLED) != 1)
		kvm_die(__FILE__, __LINE__, "MSR_KVM_PV_EOI_EN");
}

/* What is in service, of the word that both vectors are not in together. */
static uint32_t in_service(struct vcpu *vcpu, uint8_t vector)
{
	return lapic_read(vcpu->fd, APIC_ISR + vector / 32 * 16) >> vector % 32 & 1;
}

/* Interrupts until one ends in memory: any exit before, as of the host's clock, takes the offer. */
static bool ends_in_memory(struct guest *guest)
{
	struct vcpu *vcpu = &guest->vcpu[0];
	uint64_t before = REG(vcpu, rbx);
	int i;

	for (i = 0; i < 20 && REG(vcpu, rbx) == before; i++) {
		signal_msi(guest->vm, 0, VECTOR);
		if (vcpu_run_out(vcpu, NULL) != DONE)
			return false;
	}
	return REG(vcpu, rbx) == before + 1;
}

TEST_F(pv, an_interrupt_ends_in_memory)
{
	start_ends(&self->guest, 0);
	EXPECT_TRUE(ends_in_memory(&self->guest));
	EXPECT_EQ(0, in_service(self->vcpu, VECTOR));
}

TEST_F(pv, not_while_another_waits)
{
	start_ends(&self->guest, 0);
	signal_msi(self->guest.vm, 0, VECTOR);
	signal_msi(self->guest.vm, 0, HIGH_VECTOR);
	/* The higher one comes first, and its end lets the other in. */
	ASSERT_EQ(DONE, vcpu_run_out(self->vcpu, NULL));
	EXPECT_EQ(1, REG(self->vcpu, rcx));
	EXPECT_EQ(0, in_service(self->vcpu, HIGH_VECTOR));
	ASSERT_EQ(DONE, vcpu_run_out(self->vcpu, NULL));
	EXPECT_EQ(2, REG(self->vcpu, rbx) + REG(self->vcpu, rcx));
	EXPECT_EQ(0, in_service(self->vcpu, VECTOR));
}

TEST_F(pv, not_if_a_chip_wants_to_know)
{
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };

	kvm_ioctl_ok(self->guest.vm, KVM_GET_IRQCHIP, &chip);
	chip.chip.ioapic.redirtbl[20].bits = VECTOR | 1 << 15;
	kvm_ioctl_ok(self->guest.vm, KVM_SET_IRQCHIP, &chip);
	start_ends(&self->guest, 0);
	irq_line(self->guest.vm, 20, 1);
	irq_line(self->guest.vm, 20, 0);
	ASSERT_EQ(DONE, vcpu_run_out(self->vcpu, NULL));
	EXPECT_EQ(0, REG(self->vcpu, rbx));
	EXPECT_EQ(1, REG(self->vcpu, rcx));
	kvm_ioctl_ok(self->guest.vm, KVM_GET_IRQCHIP, &chip);
	EXPECT_FALSE(!!chip.chip.ioapic.redirtbl[20].fields.remote_irr);
}

/* What userspace saves must be all there is. */
TEST_F(pv, an_exit_takes_the_offer_back)
{
	uint16_t port;

	start_ends(&self->guest, 1);
	signal_msi(self->guest.vm, 0, VECTOR);
	vcpu_run_out(self->vcpu, &port);
	ASSERT_EQ(0x81, port);
	EXPECT_EQ(0, self->guest.mem[SHARED]);
	EXPECT_EQ(1, in_service(self->vcpu, VECTOR));
	ASSERT_EQ(DONE, vcpu_run_out(self->vcpu, NULL));
	EXPECT_EQ(1, REG(self->vcpu, rcx));
	EXPECT_EQ(0, in_service(self->vcpu, VECTOR));
}

/* What was not offered is not taken for taken, either. */
TEST_F(pv, no_memory_for_the_offer)
{
	uint16_t port;

	start_ends(&self->guest, 1);
	ASSERT_EQ(1, vcpu_set_msr(self->vcpu, MSR_KVM_PV_EOI_EN, 1ull << 40 | KVM_MSR_ENABLED));
	signal_msi(self->guest.vm, 0, VECTOR);
	vcpu_run_out(self->vcpu, &port);
	ASSERT_EQ(0x81, port);
	EXPECT_EQ(1, in_service(self->vcpu, VECTOR));
	ASSERT_EQ(DONE, vcpu_run_out(self->vcpu, NULL));
	EXPECT_EQ(1, REG(self->vcpu, rcx));
	/* Bit 1 is reserved. */
	EXPECT_EQ(0, vcpu_set_msr(self->vcpu, MSR_KVM_PV_EOI_EN, SHARED | 3));
}

/* No mapping of the guest's memory is kept that could go stale. */
TEST_F(pv, the_offer_follows_the_memory)
{
	struct kvm_userspace_memory_region none = { .slot = 0 };
	uint8_t *old = self->guest.mem, *new;
	int i;

	start_ends(&self->guest, 0);
	for (i = 0; i < 3; i++) {
		EXPECT_TRUE(ends_in_memory(&self->guest));
		/* Another page of the host, and then another slot. */
		if (i == 0)
			ASSERT_EQ(0, madvise(old + SHARED, getpagesize(), MADV_DONTNEED));
		if (i != 1)
			continue;
		kvm_ioctl_ok(self->guest.vm, KVM_SET_USER_MEMORY_REGION, &none);
		new = guest_add_memory(&self->guest, 0, 0, GUEST_MEM, NULL, 0);
		memcpy(new, old, GUEST_MEM);
		self->guest.mem = new;
		old[SHARED] = 0x55;
	}
	EXPECT_EQ(0x55, old[SHARED]);
	EXPECT_EQ(3, REG(self->vcpu, rbx));
	munmap(old, GUEST_MEM);
}

/* Behind its CPUID bit */

/* WRMSR of EAX to ECX, or VMMCALL if there is no ECX; #GP answers 0x0d. */
GUEST_CODE64(asks,
	"1: jrcxz 2f\n xor %edx, %edx\n wrmsr\n jmp 3f\n"
	"2: vmmcall\n"
	"3: mov %rax, %r9\n mov $0x99, %al\n out %al, $0x80\n jmp 1b\n"
	".org asks_begin + 0x80\n"
	"mov $0x0d, %al\n out %al, $0x80\n hlt\n");

struct feature {
	int bit;
	uint32_t msr, value;	/* or a hypercall */
};

static const struct feature features[] = {
	{ KVM_FEATURE_CLOCKSOURCE, MSR_KVM_SYSTEM_TIME, 0 },
	{ KVM_FEATURE_CLOCKSOURCE, MSR_KVM_WALL_CLOCK, 0 },
	{ KVM_FEATURE_CLOCKSOURCE2, MSR_KVM_SYSTEM_TIME_NEW, 0 },
	{ KVM_FEATURE_CLOCKSOURCE2, MSR_KVM_WALL_CLOCK_NEW, 0 },
	{ KVM_FEATURE_ASYNC_PF, MSR_KVM_ASYNC_PF_EN, 0 },
	{ KVM_FEATURE_ASYNC_PF_INT, MSR_KVM_ASYNC_PF_INT, PAGE_READY },
	{ KVM_FEATURE_ASYNC_PF_INT, MSR_KVM_ASYNC_PF_ACK, 1 },
	{ KVM_FEATURE_STEAL_TIME, MSR_KVM_STEAL_TIME, SHARED | 1 },
	{ KVM_FEATURE_PV_EOI, MSR_KVM_PV_EOI_EN, SHARED | 1 },
	{ KVM_FEATURE_POLL_CONTROL, MSR_KVM_POLL_CONTROL, 0 },
	{ KVM_FEATURE_PV_UNHALT, 0, KVM_HC_KICK_CPU },
	{ KVM_FEATURE_PV_SEND_IPI, 0, KVM_HC_SEND_IPI },
	{ KVM_FEATURE_PV_SCHED_YIELD, 0, KVM_HC_SCHED_YIELD },
};

static uint32_t offered(struct guest *guest)
{
	struct {
		struct kvm_cpuid2 cpuid;
		struct kvm_cpuid_entry2 entries[256];
	} all = { .cpuid.nent = 256 };
	unsigned int i;

	kvm_ioctl_ok(guest->kvm, KVM_GET_SUPPORTED_CPUID, &all);
	for (i = 0; i < all.cpuid.nent; i++)
		if (all.entries[i].function == KVM_CPUID_FEATURES)
			return all.entries[i].eax;
	return 0;
}

static void set_features(struct vcpu *vcpu, uint32_t eax)
{
	struct {
		struct kvm_cpuid2 cpuid;
		struct kvm_cpuid_entry2 entries[2];
	} cpuid = {
		.cpuid.nent = 2,
		.entries = {
			{ .function = 0x80000001, .edx = 1u << 29 },	/* long mode */
			{ .function = KVM_CPUID_FEATURES, .eax = eax },
		},
	};

	kvm_ioctl_ok(vcpu->fd, KVM_SET_CPUID2, &cpuid);
}

/* Can a guest with these features use it? */
static bool can_use(const struct feature *feature, uint32_t eax)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_ENFORCE_PV_FEATURE_CPUID, .args = { 1 },
	};
	struct guest guest;
	struct kvm_regs regs;
	struct vcpu *vcpu;
	uint32_t out;

	guest_create_vm(&guest, GUEST_MEM);
	kvm_ioctl_ok(guest.vm, KVM_CREATE_IRQCHIP, 0);
	vcpu = guest_add_vcpu(&guest, 0);
	kvm_ioctl_ok(vcpu->fd, KVM_ENABLE_CAP, &cap);
	set_features(vcpu, eax);
	guest_load(&guest, asks);
	vcpu_long_mode(&guest, vcpu);
	guest_set_idt64(&guest, 13, GUEST_CODE + 0x80);
	vcpu_get_regs(vcpu, &regs);
	regs.rcx = feature->msr;
	regs.rax = feature->value;
	vcpu_set_regs(vcpu, &regs);
	out = vcpu_run_out(vcpu, NULL);
	vcpu_get_regs(vcpu, &regs);
	guest_destroy(&guest);
	return out == DONE && regs.r9 != (uint64_t)-KVM_ENOSYS;
}

TEST_F(pv, nothing_that_cpuid_does_not_say)
{
	uint32_t all = offered(&self->guest);
	unsigned int i;

	for (i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
		const struct feature *f = &features[i];

		if (!(all & 1u << f->bit))
			TH_LOG("feature %d is not offered", f->bit);
		EXPECT_EQ(!!(all & 1u << f->bit), can_use(f, all));
		EXPECT_FALSE(can_use(f, all & ~(1u << f->bit)));
	}
}

/* Hypercalls */

static void start_asks(struct guest *guest, struct vcpu *vcpu)
{
	guest_load(guest, asks);
	vcpu_long_mode(guest, vcpu);
	guest_set_idt64(guest, 13, GUEST_CODE + 0x80);
}

static long hypercall(struct vcpu *vcpu, uint64_t nr, uint64_t a0, uint64_t a1, uint64_t a2,
		      uint64_t a3)
{
	struct kvm_regs regs;

	vcpu_get_regs(vcpu, &regs);
	regs.rip = GUEST_CODE;
	regs.rax = nr;
	regs.rbx = a0;
	regs.rcx = 0;	/* no MSR */
	regs.rdx = a2;
	regs.rsi = a3;
	/* RCX is an argument, too: go straight to the call. */
	if (a1) {
		static const uint8_t call[] = { 0x0f, 0x01, 0xd9 };
		uint8_t *code = memmem(asks_begin, 64, call, sizeof(call));

		regs.rip += code - asks_begin;
		regs.rcx = a1;
	}
	vcpu_set_regs(vcpu, &regs);
	if (vcpu_run_out(vcpu, NULL) != DONE)
		kvm_die(__FILE__, __LINE__, "#GP, and no answer");
	return REG(vcpu, r9);
}

TEST_F(pv, ipis)
{
	int second = self->guest.vcpu[1].fd, third = self->guest.vcpu[2].fd;
	int far = guest_add_vcpu(&self->guest, 70)->fd;

	lapic_enable(far);
	start_asks(&self->guest, self->vcpu);
	EXPECT_EQ(2, hypercall(self->vcpu, KVM_HC_SEND_IPI, 6, 0, 0, VECTOR));
	EXPECT_FALSE(lapic_irr(self->vcpu->fd, VECTOR));
	EXPECT_TRUE(lapic_irr(second, VECTOR));
	EXPECT_TRUE(lapic_irr(third, VECTOR));
	/* Bit 0 is whom the third argument names; nobody is there at 3 and 65. */
	EXPECT_EQ(1, hypercall(self->vcpu, KVM_HC_SEND_IPI, 6, 2, 1, HIGH_VECTOR));
	EXPECT_FALSE(lapic_irr(second, HIGH_VECTOR));
	EXPECT_TRUE(lapic_irr(third, HIGH_VECTOR));
	/* The second word. */
	EXPECT_EQ(1, hypercall(self->vcpu, KVM_HC_SEND_IPI, 0, 1 << 3, 3, HIGH_VECTOR));
	EXPECT_TRUE(lapic_irr(far, HIGH_VECTOR));
	/* NMI, yes; INIT, no. */
	EXPECT_EQ(1, hypercall(self->vcpu, KVM_HC_SEND_IPI, 2, 0, 0, 4 << 8));
	EXPECT_EQ(-EINVAL, hypercall(self->vcpu, KVM_HC_SEND_IPI, 2, 0, 0, 5 << 8));
}

GUEST_CODE64(sleeps, "cli\n hlt\n mov $0x99, %al\n out %al, $0x80\n");

static void *run_sleeper(void *arg)
{
	return (void *)(uintptr_t)vcpu_run_out(arg, NULL);
}

/* A halted vCPU that takes no interrupt is woken all the same. */
TEST_F(pv, unhalt)
{
	struct vcpu *sleeper = &self->guest.vcpu[1];
	struct kvm_mp_state state = { };
	pthread_t thread;
	void *out;

	kvm_ioctl_ok(sleeper->fd, KVM_SET_MP_STATE, &state);
	start_asks(&self->guest, self->vcpu);
	memcpy(self->guest.mem + GUEST_CODE + 0x1000, sleeps_begin, sleeps_end - sleeps_begin);
	vcpu_long_mode(&self->guest, sleeper);
	{
		struct kvm_regs regs;

		vcpu_get_regs(sleeper, &regs);
		regs.rip += 0x1000;
		vcpu_set_regs(sleeper, &regs);
	}
	pthread_create(&thread, NULL, run_sleeper, sleeper);
	while (!kvm_stat(sleeper->fd, "blocking"))
		usleep(1000);
	EXPECT_EQ(0, hypercall(self->vcpu, KVM_HC_KICK_CPU, 0, 1, 0, 0));
	pthread_join(thread, &out);
	EXPECT_EQ(DONE, (uintptr_t)out);
	/* Nobody there. */
	EXPECT_EQ(0, hypercall(self->vcpu, KVM_HC_KICK_CPU, 0, 77, 0, 0));
}

/*
 * Two vCPUs on one CPU hand a word to and fro; who waits for it yields to the
 * other. R8 is what a vCPU waits for, R10 what it leaves, R11 how often, RBX to
 * whom it yields; R12 counts the yields.
 */
GUEST_CODE64(pingpong,
	"1: cmp %r8, 0x20000\n je 2f\n"
	"mov $11, %eax\n vmmcall\n inc %r12\n jmp 1b\n"
	"2: mov %r10, 0x20000\n dec %r11\n jnz 1b\n"
	"mov $0x99, %al\n out %al, $0x80\n");

#define TURNS	200

static void *run_pinned(void *arg)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	sched_setaffinity(0, sizeof(set), &set);
	vcpu_run_out(arg, NULL);
	return NULL;
}

TEST_F(pv, yields)
{
	struct kvm_mp_state state = { };
	pthread_t threads[2];
	uint64_t yields = 0;
	int i;

	guest_load(&self->guest, pingpong);
	for (i = 0; i < 2; i++) {
		struct vcpu *vcpu = &self->guest.vcpu[i];
		struct kvm_regs regs;

		kvm_ioctl_ok(vcpu->fd, KVM_SET_MP_STATE, &state);
		vcpu_long_mode(&self->guest, vcpu);
		vcpu_get_regs(vcpu, &regs);
		regs.r8 = i;
		regs.r10 = !i;
		regs.r11 = TURNS;
		regs.rbx = !i;
		vcpu_set_regs(vcpu, &regs);
	}
	for (i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, run_pinned, &self->guest.vcpu[i]);
	for (i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		yields += REG(&self->guest.vcpu[i], r12);
	}
	/* Each one that does nothing is followed by thousands, until the time is over. */
	TH_LOG("%lu yields for %d turns", yields, 2 * TURNS);
	EXPECT_GT(2 * TURNS * 20, yields);
	/* To oneself, and to nobody. */
	start_asks(&self->guest, self->vcpu);
	EXPECT_EQ(0, hypercall(self->vcpu, KVM_HC_SCHED_YIELD, 0, 0, 0, 0));
	EXPECT_EQ(0, hypercall(self->vcpu, KVM_HC_SCHED_YIELD, 1, 0, 0, 0));
	EXPECT_EQ(0, hypercall(self->vcpu, KVM_HC_SCHED_YIELD, ~0ull, 0, 0, 0));
}

/* Steal time */

GUEST_CODE64(spins, "1: cmpb $0, 0x21000\n je 1b\n mov $0x99, %al\n out %al, $0x80\n");

static atomic_bool hog_on;

static void *hog(void *unused)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	sched_setaffinity(0, sizeof(set), &set);
	while (hog_on)
		;
	return NULL;
}

/* Waits, on the other CPU, for a value to come; false after some ten seconds. */
static bool comes(atomic_uchar *byte, unsigned char value)
{
	int i;

	for (i = 0; i < 100000000; i++)
		if (*byte == value)
			return true;
	return false;
}

TEST_F(pv, stolen_time)
{
	struct kvm_steal_time *st = (void *)(self->guest.mem + SHARED);
	atomic_uchar *preempted = (void *)&st->preempted;
	unsigned char waits = KVM_VCPU_PREEMPTED;
	pthread_t threads[2];
	uint64_t flushes;
	cpu_set_t set;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "two CPUs are needed to watch");
	CPU_ZERO(&set);
	CPU_SET(1, &set);
	sched_setaffinity(0, sizeof(set), &set);
	guest_load(&self->guest, spins);
	vcpu_long_mode(&self->guest, self->vcpu);
	ASSERT_EQ(1, vcpu_set_msr(self->vcpu, MSR_KVM_STEAL_TIME, SHARED | 1));
	EXPECT_EQ(0, vcpu_set_msr(self->vcpu, MSR_KVM_STEAL_TIME, SHARED | 3));
	hog_on = true;
	pthread_create(&threads[0], NULL, run_pinned, self->vcpu);
	pthread_create(&threads[1], NULL, hog, NULL);

	EXPECT_TRUE(comes(preempted, KVM_VCPU_PREEMPTED));
	EXPECT_TRUE(comes(preempted, 0));
	/* While it waits, another vCPU leaves it a flush. */
	flushes = kvm_stat(self->vcpu->fd, "tlb_flush");
	while (!atomic_compare_exchange_strong(preempted, &waits,
					       KVM_VCPU_PREEMPTED | KVM_VCPU_FLUSH_TLB))
		waits = KVM_VCPU_PREEMPTED;
	EXPECT_TRUE(comes(preempted, 0));
	EXPECT_LT(flushes, kvm_stat(self->vcpu->fd, "tlb_flush"));
	EXPECT_LT(0, st->steal);

	self->guest.mem[0x21000] = 1;
	hog_on = false;
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	EXPECT_EQ(0, st->version & 1);
	EXPECT_LT(0, st->version);
}

/* A vCPU that was moved while it waited runs now: nobody may leave it a flush any more. */
TEST_F(pv, stolen_time_of_another_host)
{
	struct kvm_steal_time *st = (void *)(self->guest.mem + SHARED);
	uint64_t flushes = kvm_stat(self->vcpu->fd, "tlb_flush");

	guest_load(&self->guest, spins);
	self->guest.mem[0x21000] = 1;
	vcpu_long_mode(&self->guest, self->vcpu);
	st->preempted = KVM_VCPU_PREEMPTED | KVM_VCPU_FLUSH_TLB;
	ASSERT_EQ(1, vcpu_set_msr(self->vcpu, MSR_KVM_STEAL_TIME, SHARED | 1));
	ASSERT_EQ(DONE, vcpu_run_out(self->vcpu, NULL));
	EXPECT_EQ(0, st->preempted);
	EXPECT_LT(flushes, kvm_stat(self->vcpu->fd, "tlb_flush"));
}

/* Of the guest's memory nothing is written behind a reset. */
GUEST_CODE64(outs, "1: mov $0x99, %al\n out %al, $0x80\n jmp 1b\n");

TEST_F(pv, reset_ends_it_all)
{
	static const uint32_t msrs[] = {
		MSR_KVM_SYSTEM_TIME, MSR_KVM_STEAL_TIME, MSR_KVM_PV_EOI_EN,
		MSR_KVM_ASYNC_PF_EN,
	};
	unsigned int i;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(1, vcpu_set_msr(self->vcpu, msrs[i], SHARED | 1));
	/* A triple fault leaves the vCPU as INIT does. */
	guest_load(&self->guest, outs);
	self->guest.mem[GUEST_CODE] = 0x0f;	/* UD2, and no IDT */
	self->guest.mem[GUEST_CODE + 1] = 0x0b;
	vcpu_long_mode(&self->guest, self->vcpu);
	vcpu_run_until(self->vcpu, KVM_EXIT_SHUTDOWN);
	for (i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++)
		EXPECT_EQ(0, vcpu_get_msr(self->vcpu, msrs[i]));
}

/* The clock of a host that slept */

struct time_page {
	uint32_t version, pad;
	uint64_t tsc, ns;
	uint32_t mul;
	int8_t shift;
	uint8_t flags;
} __attribute__((packed));

static uint64_t host_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/*
 * The kernel sleeps for some seconds of its pm_test, which its clock does not
 * count, but the TSC does.
 */
TEST_F_TIMEOUT(pv, the_clock_behind_a_suspend, 120)
{
	struct time_page *page = (void *)(self->guest.mem + SHARED);
	struct kvm_clock_data before, after;
	int64_t apart;

	if (access("/sys/power/pm_test", W_OK))
		SKIP(return, "the kernel has no PM_DEBUG");
	guest_load(&self->guest, outs);
	vcpu_long_mode(&self->guest, self->vcpu);
	ASSERT_EQ(1, vcpu_set_msr(self->vcpu, MSR_KVM_SYSTEM_TIME_NEW, SHARED | 1));
	vcpu_run_out(self->vcpu, NULL);
	EXPECT_EQ(0, page->flags & 2);

	ASSERT_EQ(0, write_text("/sys/module/suspend/parameters/pm_test_delay", "2"));
	kvm_ioctl_ok(self->guest.vm, KVM_GET_CLOCK, &before);
	apart = before.clock - host_ns();
	ASSERT_EQ(0, write_text("/sys/power/pm_test", "core"));
	ASSERT_EQ(0, write_text("/sys/power/state", "mem"));
	write_text("/sys/power/pm_test", "none");
	kvm_ioctl_ok(self->guest.vm, KVM_GET_CLOCK, &after);
	apart -= after.clock - host_ns();
	EXPECT_GT(1000000000, apart);
	EXPECT_LT(-1000000000, apart);

	/* The guest's page follows, and says that there was a stop; once. */
	vcpu_run_out(self->vcpu, NULL);
	EXPECT_EQ(2, page->flags & 2);
	kvm_ioctl_ok(self->guest.vm, KVM_GET_CLOCK, &after);
	EXPECT_LE(before.clock, page->ns);
	EXPECT_GE(after.clock, page->ns);
}

TEST_HARNESS_MAIN
