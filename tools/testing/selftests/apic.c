// SPDX-License-Identifier: GPL-2.0
/*
 * The local APIC as a running guest has it: IPIs to whom, its timer, and what
 * comes of the end of an interrupt.
 */
/* machine: smp=2 timeout=240 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "irq.h"
#include "kvm.h"
#include "vmstat.h"

#define VECTOR		0x51
#define DONE		0x99
#define NR_VCPUS	4

#define X2APIC_ICR	0x830
#define X2APIC_SELF_IPI	0x83f
#define X2APIC		(3 << 10)

/* Of the interrupt command register. */
#define LOGICAL		(1 << 11)
#define LOWEST		(1 << 8)
#define NMI		(4 << 8)
#define INIT		(5 << 8)
#define SIPI		(6 << 8)
#define SELF		(1 << 18)
#define ALL		(2 << 18)
#define OTHERS		(3 << 18)

FIXTURE(apic) {
	struct guest guest;
	struct vcpu *vcpu;
};

FIXTURE_SETUP(apic)
{
	int i;

	guest_create_vm(&self->guest, GUEST_MEM);
	kvm_ioctl_ok(self->guest.vm, KVM_CREATE_IRQCHIP, 0);
	for (i = 0; i < NR_VCPUS; i++) {
		guest_add_vcpu(&self->guest, i);
		lapic_enable(self->guest.vcpu[i].fd);
	}
	self->vcpu = &self->guest.vcpu[0];
}

FIXTURE_TEARDOWN(apic)
{
	guest_destroy(&self->guest);
}

/* The TPR of guests that know no CR8 */

TEST_F(apic, no_help_with_the_tpr)
{
	struct kvm_tpr_access_ctl reports = { .enabled = 1 };
	struct kvm_vapic_addr addr = { .vapic_addr = 0x1000 };
	struct guest bare;

	EXPECT_EQ(0, ioctl(self->guest.vm, KVM_CHECK_EXTENSION, KVM_CAP_VAPIC));
	EXPECT_EQ(-1, ioctl(self->vcpu->fd, KVM_TPR_ACCESS_REPORTING, &reports));
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_EQ(-1, ioctl(self->vcpu->fd, KVM_SET_VAPIC_ADDR, &addr));
	EXPECT_EQ(EINVAL, errno);
	/* To have none is all that one can ask for, and only of a local APIC. */
	addr.vapic_addr = 0;
	EXPECT_EQ(0, ioctl(self->vcpu->fd, KVM_SET_VAPIC_ADDR, &addr));
	guest_create(&bare);
	EXPECT_EQ(-1, ioctl(bare.vcpu[0].fd, KVM_SET_VAPIC_ADDR, &addr));
	EXPECT_EQ(EINVAL, errno);
	guest_destroy(&bare);
}

/* IPIs */

/* RAX to the ICR, RBX to its upper half; or RDX:RAX to MSR RCX. */
GUEST_CODE64(sends,
	"1: jrcxz 2f\n wrmsr\n jmp 3f\n"
	"2: mov $0xfee00000, %esi\n mov %ebx, 0x310(%rsi)\n mov %eax, 0x300(%rsi)\n"
	"3: mov $0x99, %al\n out %al, $0x80\n jmp 1b\n");

static void send(struct guest *guest, uint32_t msr, uint32_t icr, uint32_t dest)
{
	struct vcpu *vcpu = &guest->vcpu[0];
	struct kvm_regs regs;

	vcpu_get_regs(vcpu, &regs);
	regs.rip = GUEST_CODE;
	regs.rax = icr;
	regs.rbx = dest << 24;
	regs.rdx = msr == X2APIC_ICR ? dest : 0;
	regs.rcx = msr;
	vcpu_set_regs(vcpu, &regs);
	if (vcpu_run_out(vcpu, NULL) != DONE)
		kvm_die(__FILE__, __LINE__, "no IPI was sent");
}

/* Which vCPUs have it; then they have it no longer. */
static unsigned int taken(struct guest *guest, uint8_t vector)
{
	unsigned int mask = 0;
	int i;

	for (i = 0; i < NR_VCPUS; i++) {
		mask |= lapic_irr(guest->vcpu[i].fd, vector) << i;
		lapic_clear(guest->vcpu[i].fd);
	}
	return mask;
}

struct ipi {
	uint32_t icr, dest;
	unsigned int takers;
};

#define CHECK_IPIS(msr, list) do {						\
	unsigned int _i;							\
										\
	for (_i = 0; _i < sizeof(list) / sizeof(list[0]); _i++) {		\
		send(&self->guest, msr, list[_i].icr | VECTOR, list[_i].dest);	\
		EXPECT_EQ(list[_i].takers, taken(&self->guest, VECTOR))		\
			TH_LOG("icr %x, to %x", list[_i].icr, list[_i].dest);	\
	}									\
} while (0)

static void start_sends(struct guest *guest)
{
	guest_load(guest, sends);
	vcpu_long_mode(guest, &guest->vcpu[0]);
}

TEST_F(apic, ipis_physical_and_by_shorthand)
{
	static const struct ipi ipis[] = {
		{ 0, 0, 1 }, { 0, 2, 4 }, { 0, 3, 8 }, { 0, 9, 0 }, { 0, 0xff, 0xf },
		{ SELF, 2, 1 }, { ALL, 9, 0xf }, { OTHERS, 9, 0xe },
		{ LOWEST, 1, 2 }, { SELF | LOGICAL, 0, 1 },
	};

	start_sends(&self->guest);
	CHECK_IPIS(0, ipis);
}

TEST_F(apic, ipis_logical_flat)
{
	static const struct ipi ipis[] = {
		{ LOGICAL, 0x1, 0x1 }, { LOGICAL, 0xa, 0xa }, { LOGICAL, 0x30, 0 },
		{ LOGICAL, 0xff, 0xf }, { LOGICAL, 0x14, 0x4 },
	};
	unsigned int i, got = 0;

	for (i = 0; i < NR_VCPUS; i++)
		lapic_write(self->guest.vcpu[i].fd, APIC_LDR, 1u << i << 24);
	start_sends(&self->guest);
	CHECK_IPIS(0, ipis);

	/* To one of them, and not always the same. */
	for (i = 0; i < 4; i++) {
		unsigned int mask;

		send(&self->guest, 0, LOGICAL | LOWEST | VECTOR, 0xc);
		mask = taken(&self->guest, VECTOR);
		EXPECT_TRUE(mask == 4 || mask == 8);
		got |= mask;
	}
	EXPECT_EQ(0xc, got);
}

TEST_F(apic, ipis_logical_cluster)
{
	static const uint8_t ldr[] = { 0x11, 0x12, 0x21, 0x22 };
	static const struct ipi ipis[] = {
		{ LOGICAL, 0x13, 0x3 }, { LOGICAL, 0x2f, 0xc }, { LOGICAL, 0x12, 0x2 },
		{ LOGICAL, 0x31, 0 }, { LOGICAL, 0xff, 0xf },
	};
	int i;

	for (i = 0; i < NR_VCPUS; i++) {
		lapic_write(self->guest.vcpu[i].fd, APIC_DFR, 0x0fffffff);
		lapic_write(self->guest.vcpu[i].fd, APIC_LDR, ldr[i] << 24);
	}
	start_sends(&self->guest);
	CHECK_IPIS(0, ipis);
}

TEST_F(apic, ipis_x2apic)
{
	static const struct ipi ipis[] = {
		{ 0, 2, 4 }, { 0, 0xff, 0 }, { 0, ~0u, 0xf }, { 0, 9, 0 },
		{ LOGICAL, 0xa, 0xa }, { LOGICAL, 0x1000f, 0 }, { LOGICAL, ~0u, 0xf },
		{ SELF, 0, 1 }, { ALL, 0, 0xf }, { OTHERS, 0, 0xe },
	};
	static const struct ipi self_ipi[] = { { 0, 0, 1 } };
	struct kvm_sregs sregs;
	int i;

	start_sends(&self->guest);
	for (i = 0; i < NR_VCPUS; i++) {
		vcpu_set_supported_cpuid(&self->guest, &self->guest.vcpu[i]);
		vcpu_get_sregs(&self->guest.vcpu[i], &sregs);
		sregs.apic_base |= X2APIC;
		vcpu_set_sregs(&self->guest.vcpu[i], &sregs);
	}
	CHECK_IPIS(X2APIC_ICR, ipis);
	CHECK_IPIS(X2APIC_SELF_IPI, self_ipi);
}

/* Ids of which 8 bits are not enough */

#define FAR_ID		1023
#define NR_FAR		3

static const unsigned int far_ids[NR_FAR] = { 0, 255, FAR_ID };

static void far_create(struct guest *guest, uint64_t flags)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X2APIC_API, .args = { flags } };
	struct kvm_sregs sregs;
	int i;

	guest_create_vm(guest, GUEST_MEM);
	kvm_ioctl_ok(guest->vm, KVM_CREATE_IRQCHIP, 0);
	kvm_ioctl_ok(guest->vm, KVM_ENABLE_CAP, &cap);
	for (i = 0; i < NR_FAR; i++) {
		guest_add_vcpu(guest, far_ids[i]);
		vcpu_set_supported_cpuid(guest, &guest->vcpu[i]);
		vcpu_get_sregs(&guest->vcpu[i], &sregs);
		sregs.apic_base |= X2APIC;
		vcpu_set_sregs(&guest->vcpu[i], &sregs);
		lapic_enable(guest->vcpu[i].fd);
	}
}

/* To whom a message of a device goes, a bit for each vCPU; -1 if it cannot be sent. */
static int far_message(struct guest *guest, uint32_t dest)
{
	struct kvm_msi msi = {
		.address_lo = 0xfee00000 | (dest & 0xff) << 12, .address_hi = dest & ~0xffu,
		.data = VECTOR,
	};
	int i, mask = 0;

	if (ioctl(guest->vm, KVM_SIGNAL_MSI, &msi) < 0)
		return -1;
	for (i = 0; i < NR_FAR; i++) {
		mask |= lapic_irr(guest->vcpu[i].fd, VECTOR) << i;
		lapic_clear(guest->vcpu[i].fd);
	}
	return mask;
}

TEST(ids_of_32_bits)
{
	struct kvm_enable_cap bad = { .cap = KVM_CAP_X2APIC_API, .args = { 4 } };
	struct kvm_msi msi = { .address_lo = 0xfee00000, .address_hi = 0x101, .data = VECTOR };
	struct kvm_lapic_state state;
	struct guest guest;

	far_create(&guest, KVM_X2APIC_API_USE_32BIT_IDS |
			   KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK);
	EXPECT_EQ(-1, ioctl(guest.vm, KVM_ENABLE_CAP, &bad));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(1, far_message(&guest, 0));
	EXPECT_EQ(2, far_message(&guest, 255));
	EXPECT_EQ(4, far_message(&guest, FAR_ID));
	EXPECT_EQ(0, far_message(&guest, FAR_ID - 256));
	EXPECT_EQ(-1, ioctl(guest.vm, KVM_SIGNAL_MSI, &msi));
	EXPECT_EQ(EINVAL, errno);

	/* Userspace sees the whole id, and cannot give another. */
	EXPECT_EQ(FAR_ID, lapic_read(guest.vcpu[2].fd, APIC_ID));
	kvm_ioctl_ok(guest.vcpu[2].fd, KVM_GET_LAPIC, &state);
	EXPECT_EQ(0, ioctl(guest.vcpu[2].fd, KVM_SET_LAPIC, &state));
	state.regs[APIC_ID] ^= 1;
	EXPECT_EQ(-1, ioctl(guest.vcpu[2].fd, KVM_SET_LAPIC, &state));
	EXPECT_EQ(EINVAL, errno);
	guest_destroy(&guest);
}

/* Whoever did not ask for more has the format of old, and 0xff for all. */
TEST(ids_of_8_bits)
{
	struct kvm_lapic_state state;
	struct guest guest;

	far_create(&guest, 0);
	EXPECT_EQ(1, far_message(&guest, 0));
	EXPECT_EQ(7, far_message(&guest, 255));
	EXPECT_EQ(7, far_message(&guest, FAR_ID));
	EXPECT_EQ((uint32_t)FAR_ID << 24, lapic_read(guest.vcpu[2].fd, APIC_ID));
	kvm_ioctl_ok(guest.vcpu[2].fd, KVM_GET_LAPIC, &state);
	memset(state.regs + APIC_ID, 0, 4);
	EXPECT_EQ(0, ioctl(guest.vcpu[2].fd, KVM_SET_LAPIC, &state));
	EXPECT_EQ((uint32_t)FAR_ID << 24, lapic_read(guest.vcpu[2].fd, APIC_ID));
	guest_destroy(&guest);
}

/* Where the registers are */

GUEST_CODE64(looks, "mov 0x30(%rbx), %ecx\n mov $0x99, %al\n out %al, $0x80\n");

/* The version register at the page; 0 if userspace is asked for it. */
static uint32_t look(struct guest *guest, uint32_t page)
{
	struct vcpu *vcpu = &guest->vcpu[0];
	struct kvm_regs regs;
	unsigned int reason;

	vcpu_get_regs(vcpu, &regs);
	regs.rip = GUEST_CODE;
	regs.rbx = page;
	vcpu_set_regs(vcpu, &regs);
	reason = vcpu_run(vcpu);
	if (reason == KVM_EXIT_MMIO) {
		if (vcpu->run->mmio.phys_addr != page + 0x30)
			kvm_die(__FILE__, __LINE__, "MMIO elsewhere");
		memset(vcpu->run->mmio.data, 0, sizeof(vcpu->run->mmio.data));
		reason = vcpu_run(vcpu);
	}
	if (reason != KVM_EXIT_IO)
		kvm_die(__FILE__, __LINE__, "neither MMIO nor a port");
	vcpu_get_regs(vcpu, &regs);
	return regs.rcx;
}

TEST_F(apic, the_page_moves)
{
	struct kvm_sregs sregs;

	guest_load(&self->guest, looks);
	vcpu_long_mode(&self->guest, self->vcpu);
	EXPECT_EQ(0x50014, look(&self->guest, 0xfee00000));
	EXPECT_EQ(0, look(&self->guest, 0xd0000000));
	vcpu_get_sregs(self->vcpu, &sregs);
	sregs.apic_base = 0xd0000000 | (sregs.apic_base & 0xfff);
	vcpu_set_sregs(self->vcpu, &sregs);
	EXPECT_EQ(0x50014, look(&self->guest, 0xd0000000));
	EXPECT_EQ(0, look(&self->guest, 0xfee00000));
}

static bool nmi_waits(struct vcpu *vcpu)
{
	struct kvm_vcpu_events events;

	kvm_ioctl_ok(vcpu->fd, KVM_GET_VCPU_EVENTS, &events);
	return events.nmi.pending;
}

TEST_F(apic, nmis)
{
	struct vcpu *vcpu = self->guest.vcpu;

	start_sends(&self->guest);
	send(&self->guest, 0, NMI, 2);
	EXPECT_FALSE(nmi_waits(&vcpu[1]));
	EXPECT_TRUE(nmi_waits(&vcpu[2]));
	send(&self->guest, 0, NMI | OTHERS, 0);
	EXPECT_FALSE(nmi_waits(&vcpu[0]));
	EXPECT_TRUE(nmi_waits(&vcpu[1]));
	EXPECT_TRUE(nmi_waits(&vcpu[3]));
}

GUEST_CODE64(errs,
	"mov $0xfee00000, %esi\n movl $15, 0x300(%rsi)\n"
	"mov 0x280(%rsi), %ebx\n movl $0, 0x280(%rsi)\n mov 0x280(%rsi), %ecx\n"
	"mov $0x99, %al\n out %al, $0x80\n");

/* A vector that is the CPU's own is an error, which a write to ESR brings out. */
TEST_F(apic, illegal_vector)
{
	struct kvm_regs regs;

	guest_load(&self->guest, errs);
	vcpu_long_mode(&self->guest, self->vcpu);
	ASSERT_EQ(DONE, vcpu_run_out(self->vcpu, NULL));
	vcpu_get_regs(self->vcpu, &regs);
	EXPECT_EQ(0, regs.rbx);
	EXPECT_EQ(1 << 5, regs.rcx);
	EXPECT_EQ(0, taken(&self->guest, 15));
}

/* Real mode at the page that SIPI names: says which, and spins. */
GUEST_CODE16(starts, "mov %cs, %ax\n out %ax, $0x82\n 1: pause\n jmp 1b\n");

static void *run_ap(void *arg)
{
	struct vcpu *vcpu = arg;
	uint16_t port;

	return (void *)(uintptr_t)vcpu_run_out(vcpu, &port);
}

static void wait_blocking(struct vcpu *vcpu)
{
	while (!kvm_stat(vcpu->fd, "blocking"))
		usleep(1000);
}

TEST_F(apic, init_and_sipi)
{
	struct vcpu *ap = &self->guest.vcpu[1];
	struct kvm_mp_state state;
	pthread_t thread;
	void *cs;

	start_sends(&self->guest);
	memcpy(self->guest.mem + 0x30000, starts_begin, starts_end - starts_begin);
	memcpy(self->guest.mem + 0x31000, starts_begin, starts_end - starts_begin);
	kvm_ioctl_ok(ap->fd, KVM_GET_MP_STATE, &state);
	EXPECT_EQ(KVM_MP_STATE_UNINITIALIZED, state.mp_state);

	/* Without an INIT it hears no SIPI. */
	pthread_create(&thread, NULL, run_ap, ap);
	wait_blocking(ap);
	send(&self->guest, 0, SIPI | 0x31, 1);
	wait_blocking(ap);
	send(&self->guest, 0, INIT, 1);
	wait_blocking(ap);
	send(&self->guest, 0, SIPI | 0x30, 1);
	pthread_join(thread, &cs);
	EXPECT_EQ(0x3000, (uintptr_t)cs);

	/* Running, it takes no SIPI, but an INIT. */
	pthread_create(&thread, NULL, run_ap, ap);
	send(&self->guest, 0, SIPI | 0x30, 1);
	send(&self->guest, 0, INIT | OTHERS, 0);
	wait_blocking(ap);
	send(&self->guest, 0, SIPI | 0x31, 1);
	pthread_join(thread, &cs);
	EXPECT_EQ(0x3100, (uintptr_t)cs);
}

/* Time */

/*
 * Arms the timer RCX times, RDI cycles ahead, and waits. R8 is when it is due,
 * R10 when it came; R11 counts those that came early.
 */
GUEST_CODE64(deadlines,
	"mov %rcx, %r12\n xor %r11d, %r11d\n"
	"1: xor %r9d, %r9d\n"
	"rdtsc\n shl $32, %rdx\n or %rdx, %rax\n add %rdi, %rax\n mov %rax, %r8\n"
	"mov %rax, %rdx\n shr $32, %rdx\n mov $0x6e0, %ecx\n wrmsr\n"
	"sti\n 2: pause\n test %r9, %r9\n jz 2b\n cli\n"
	"cmp %r8, %r10\n jae 3f\n inc %r11\n"
	"3: dec %r12\n jnz 1b\n"
	"mov $0x99, %al\n out %al, $0x80\n"
	".org deadlines_begin + 0x100\n"
	"push %rax\n push %rdx\n"
	"rdtsc\n shl $32, %rdx\n or %rdx, %rax\n mov %rax, %r10\n inc %r9\n"
	"mov $0xfee000b0, %edx\n movl $0, (%rdx)\n"
	"pop %rdx\n pop %rax\n iretq\n");

TEST_F(apic, deadlines_are_met_and_not_before)
{
	static const uint64_t ahead[] = { 0, 1, 1000, 100000, 3000000 };
	struct kvm_regs regs;
	unsigned int i;

	guest_load(&self->guest, deadlines);
	guest_set_idt64(&self->guest, VECTOR, GUEST_CODE + 0x100);
	lapic_write(self->vcpu->fd, APIC_LVTT, VECTOR | 2 << 17);
	for (i = 0; i < sizeof(ahead) / sizeof(ahead[0]); i++) {
		vcpu_long_mode(&self->guest, self->vcpu);
		vcpu_get_regs(self->vcpu, &regs);
		regs.rcx = 50;
		regs.rdi = ahead[i];
		vcpu_set_regs(self->vcpu, &regs);
		ASSERT_EQ(DONE, vcpu_run_out(self->vcpu, NULL));
		vcpu_get_regs(self->vcpu, &regs);
		EXPECT_EQ(0, regs.r11);
		/* Once it has come it is not armed. */
		EXPECT_EQ(0, vcpu_get_msr(self->vcpu, 0x6e0));
	}
}

/* One in the past comes at once, one that is taken back never. */
TEST_F(apic, deadlines_past_and_undone)
{
	lapic_write(self->vcpu->fd, APIC_LVTT, VECTOR | 2 << 17);
	ASSERT_EQ(1, vcpu_set_msr(self->vcpu, 0x6e0, 1));
	EXPECT_TRUE(lapic_irr(self->vcpu->fd, VECTOR));
	EXPECT_EQ(0, vcpu_get_msr(self->vcpu, 0x6e0));
	lapic_clear(self->vcpu->fd);

	ASSERT_EQ(1, vcpu_set_msr(self->vcpu, 0x6e0, 1ull << 62));
	EXPECT_EQ(1ull << 62, vcpu_get_msr(self->vcpu, 0x6e0));
	/* Another mode disarms it. */
	lapic_write(self->vcpu->fd, APIC_LVTT, VECTOR);
	EXPECT_EQ(0, vcpu_get_msr(self->vcpu, 0x6e0));
	lapic_write(self->vcpu->fd, APIC_LVTT, VECTOR | 2 << 17);
	EXPECT_EQ(0, vcpu_get_msr(self->vcpu, 0x6e0));
	ASSERT_EQ(1, vcpu_set_msr(self->vcpu, 0x6e0, 1ull << 62));
	ASSERT_EQ(1, vcpu_set_msr(self->vcpu, 0x6e0, 0));
	EXPECT_FALSE(lapic_irr(self->vcpu->fd, VECTOR));
	/* A masked one expires, too, and nothing comes of it. */
	lapic_write(self->vcpu->fd, APIC_LVTT, VECTOR | 2 << 17 | 1 << 16);
	ASSERT_EQ(1, vcpu_set_msr(self->vcpu, 0x6e0, 1));
	EXPECT_FALSE(lapic_irr(self->vcpu->fd, VECTOR));
}

/*
 * A period of a millisecond by the APIC's clock of 1 GHz: the Nth tick is never
 * there before N of them have passed, however late each is.
 */
GUEST_CODE64(periods,
	"xor %r9d, %r9d\n"
	"rdtsc\n shl $32, %rdx\n or %rdx, %rax\n mov %rax, %r8\n"
	"mov $0xfee00380, %edx\n movl $1000000, (%rdx)\n"
	"sti\n 2: pause\n cmp %rcx, %r9\n jb 2b\n cli\n"
	"mov $0x99, %al\n out %al, $0x80\n"
	".org periods_begin + 0x100\n"
	"push %rax\n push %rdx\n"
	"rdtsc\n shl $32, %rdx\n or %rdx, %rax\n mov %rax, %r10\n inc %r9\n"
	"mov $0xfee000b0, %edx\n movl $0, (%rdx)\n"
	"pop %rdx\n pop %rax\n iretq\n");

TEST_F(apic, periods_do_not_get_shorter)
{
	long khz = kvm_ioctl_ok(self->vcpu->fd, KVM_GET_TSC_KHZ, 0);
	struct kvm_regs regs;

	guest_load(&self->guest, periods);
	guest_set_idt64(&self->guest, VECTOR, GUEST_CODE + 0x100);
	lapic_write(self->vcpu->fd, APIC_LVTT, VECTOR | 1 << 17);
	lapic_write(self->vcpu->fd, APIC_TDCR, 0xb);
	vcpu_long_mode(&self->guest, self->vcpu);
	vcpu_get_regs(self->vcpu, &regs);
	regs.rcx = 50;
	vcpu_set_regs(self->vcpu, &regs);
	ASSERT_EQ(DONE, vcpu_run_out(self->vcpu, NULL));
	vcpu_get_regs(self->vcpu, &regs);
	/* The two clocks differ by parts in a thousand at most. */
	EXPECT_LE(50 * khz - 50 * khz / 1000, regs.r10 - regs.r8);
}

/* An interrupt that waits for the guest to allow it */

/* Interrupts are off, twice told; then on, at last with every priority. */
GUEST_CODE64(shuts,
	"1: cli\n mov $1, %al\n out %al, $0x81\n out %al, $0x83\n"
	"sti\n nop\n cli\n out %al, $0x84\n"
	"xor %ecx, %ecx\n mov %rcx, %cr8\n sti\n nop\n cli\n out %al, $0x85\n jmp 1b\n"
	".org shuts_begin + 0x80\n"
	"out %al, $0x82\n mov $0xfee000b0, %edx\n movl $0, (%rdx)\n iretq\n");

static uint16_t run_port(struct guest *guest)
{
	uint16_t port;

	vcpu_run_out(&guest->vcpu[0], &port);
	return port;
}

/* Runs to where the guest could not take the interrupt that has come. */
static void start_shuts(struct __test_metadata *_metadata, struct guest *guest)
{
	struct vcpu *vcpu = &guest->vcpu[0];

	guest_load(guest, shuts);
	guest_set_idt64(guest, VECTOR, GUEST_CODE + 0x80);
	vcpu_long_mode(guest, vcpu);
	ASSERT_EQ(0x81, run_port(guest));
	ASSERT_EQ(1, signal_msi(guest->vm, 0, VECTOR));
	ASSERT_EQ(0x83, run_port(guest));
	EXPECT_TRUE(lapic_irr(vcpu->fd, VECTOR));
	EXPECT_FALSE(lapic_isr(vcpu->fd, VECTOR));
}

TEST_F(apic, taken_without_an_exit)
{
	start_shuts(_metadata, &self->guest);
	ASSERT_EQ(0x82, run_port(&self->guest));
	EXPECT_FALSE(lapic_irr(self->vcpu->fd, VECTOR));
	EXPECT_TRUE(lapic_isr(self->vcpu->fd, VECTOR));
	ASSERT_EQ(0x84, run_port(&self->guest));
	EXPECT_FALSE(lapic_isr(self->vcpu->fd, VECTOR));
	ASSERT_EQ(0x85, run_port(&self->guest));
	EXPECT_EQ(0, kvm_stat(self->vcpu->fd, "irq_window_exits"));
	EXPECT_EQ(1, kvm_stat(self->vcpu->fd, "irq_injections"));
}

TEST_F(apic, what_was_offered_can_go)
{
	start_shuts(_metadata, &self->guest);
	lapic_clear(self->vcpu->fd);
	ASSERT_EQ(0x84, run_port(&self->guest));
	ASSERT_EQ(0x85, run_port(&self->guest));
}

TEST_F(apic, what_was_offered_can_be_held_back)
{
	struct kvm_sregs sregs;

	start_shuts(_metadata, &self->guest);
	vcpu_get_sregs(self->vcpu, &sregs);
	sregs.cr8 = 15;
	vcpu_set_sregs(self->vcpu, &sregs);
	ASSERT_EQ(0x84, run_port(&self->guest));
	EXPECT_TRUE(lapic_irr(self->vcpu->fd, VECTOR));
	ASSERT_EQ(0x82, run_port(&self->guest));
	ASSERT_EQ(0x85, run_port(&self->guest));
}

TEST_F(apic, something_better_comes_first)
{
	start_shuts(_metadata, &self->guest);
	guest_set_idt64(&self->guest, VECTOR + 0x10, GUEST_CODE + 0x80);
	ASSERT_EQ(1, signal_msi(self->guest.vm, 0, VECTOR + 0x10));
	ASSERT_EQ(0x82, run_port(&self->guest));
	EXPECT_TRUE(lapic_isr(self->vcpu->fd, VECTOR + 0x10));
	EXPECT_TRUE(lapic_irr(self->vcpu->fd, VECTOR));
	EXPECT_FALSE(lapic_isr(self->vcpu->fd, VECTOR));
	ASSERT_EQ(0x82, run_port(&self->guest));
	EXPECT_TRUE(lapic_isr(self->vcpu->fd, VECTOR));
	ASSERT_EQ(0x84, run_port(&self->guest));
}

/* It counts interrupts; the handler stays, without an exit, until it is let go. */
GUEST_CODE64(stays,
	"1: cli\n out %al, $0x81\n sti\n"
	"2: pause\n cmpl $2, 0x100000\n jb 2b\n out %al, $0x82\n jmp 1b\n"
	".org stays_begin + 0x80\n"
	"incl 0x100000\n"
	"3: pause\n cmpl $0, 0x100008\n je 3b\n"
	"push %rax\n mov $0xfee000b0, %eax\n movl $0, (%rax)\n pop %rax\n iretq\n");

static void *run_to_port(void *guest)
{
	return (void *)(uintptr_t)run_port(guest);
}

/* The vector that the guest has taken, but no exit has told of: a second one is another. */
TEST_F(apic, the_same_again_is_another)
{
	volatile uint32_t *count = (void *)(self->guest.mem + 0x100000);
	volatile uint32_t *leave = (void *)(self->guest.mem + 0x100008);
	pthread_t thread;
	void *port;
	int i;

	guest_load(&self->guest, stays);
	guest_set_idt64(&self->guest, VECTOR, GUEST_CODE + 0x80);
	vcpu_long_mode(&self->guest, self->vcpu);
	for (i = 0; i < 10; i++) {
		*count = 0;
		*leave = 0;
		ASSERT_EQ(0x81, run_port(&self->guest));
		ASSERT_EQ(1, signal_msi(self->guest.vm, 0, VECTOR));
		ASSERT_EQ(0, pthread_create(&thread, NULL, run_to_port, &self->guest));
		while (!*count)
			sched_yield();
		ASSERT_EQ(1, signal_msi(self->guest.vm, 0, VECTOR));
		*leave = 1;
		pthread_join(thread, &port);
		ASSERT_EQ(0x82, (uintptr_t)port);
		EXPECT_EQ(2, *count);
	}
}

/* The end of an interrupt */

/* The handler says that it is there, ends the interrupt, and says so. */
GUEST_CODE64(ends,
	"sti\n 1: hlt\n jmp 1b\n"
	".org ends_begin + 0x80\n"
	"mov $1, %al\n out %al, $0x81\n"
	"mov $0xfee000b0, %edx\n movl $0, (%rdx)\n"
	"mov $1, %al\n out %al, $0x82\n iretq\n");

static void start_ends(struct guest *guest)
{
	guest_load(guest, ends);
	guest_set_idt64(guest, VECTOR, GUEST_CODE + 0x80);
	vcpu_long_mode(guest, &guest->vcpu[0]);
}

static void set_pin(int vm, unsigned int pin, uint64_t bits)
{
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };

	kvm_ioctl_ok(vm, KVM_GET_IRQCHIP, &chip);
	chip.chip.ioapic.redirtbl[pin].bits = bits;
	kvm_ioctl_ok(vm, KVM_SET_IRQCHIP, &chip);
}

static bool pin_is_up(int vm, unsigned int pin)
{
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };

	kvm_ioctl_ok(vm, KVM_GET_IRQCHIP, &chip);
	return chip.chip.ioapic.irr >> pin & 1;
}

TEST_F(apic, eoi_resamples)
{
	int event = event_create(), resample = event_create();
	int other = event_create(), other_resample = event_create();
	int vm = self->guest.vm;

	/* The PIC has the line, too; nobody has told it a vector. */
	lapic_write(self->vcpu->fd, APIC_LVT0, 1 << 16);
	set_pin(vm, 10, VECTOR | 1 << 15);
	ASSERT_EQ(0, irqfd(vm, event, 10, 0, resample));
	ASSERT_EQ(0, irqfd(vm, other, 10, 0, other_resample));
	start_ends(&self->guest);
	event_signal(event);
	ASSERT_EQ(0x81, run_port(&self->guest));
	/* In the handler the line is still up. */
	EXPECT_TRUE(pin_is_up(vm, 10));
	EXPECT_EQ(0, event_take(resample));
	ASSERT_EQ(0x82, run_port(&self->guest));
	EXPECT_FALSE(pin_is_up(vm, 10));
	/* Whoever shares the line is asked, once. */
	EXPECT_EQ(1, event_take(resample));
	EXPECT_EQ(1, event_take(other_resample));

	/* The device says that it still wants something, and so does a line of old. */
	event_signal(other);
	irq_line(vm, 10, 1);
	ASSERT_EQ(0x81, run_port(&self->guest));
	ASSERT_EQ(0x82, run_port(&self->guest));
	EXPECT_EQ(1, event_take(resample));
	EXPECT_TRUE(pin_is_up(vm, 10));
	ASSERT_EQ(0x81, run_port(&self->guest));
	irq_line(vm, 10, 0);
	ASSERT_EQ(0x82, run_port(&self->guest));
	EXPECT_EQ(1, event_take(resample));
	EXPECT_FALSE(pin_is_up(vm, 10));
	close(event);
	close(resample);
	close(other);
	close(other_resample);
}

/* Userspace's I/O APIC */

static void split_create(struct guest *guest, int pins)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { pins } };

	guest_create_vm(guest, GUEST_MEM);
	kvm_ioctl_ok(guest->vm, KVM_ENABLE_CAP, &cap);
	guest_add_vcpu(guest, 0);
	lapic_enable(guest->vcpu[0].fd);
}

static void route(int vm, uint32_t gsi, uint32_t data)
{
	struct kvm_irq_routing_entry entry = {
		.gsi = gsi, .type = KVM_IRQ_ROUTING_MSI,
		.u.msi = { .address_lo = 0xfee00000, .data = data },
	};

	if (set_routes(vm, &entry, 1))
		kvm_die(__FILE__, __LINE__, "KVM_SET_GSI_ROUTING");
}

TEST(eoi_exits_to_userspace)
{
	struct guest guest;
	struct vcpu *vcpu;

	split_create(&guest, 24);
	vcpu = &guest.vcpu[0];
	start_ends(&guest);

	/* A pin of the I/O APIC, level. */
	route(guest.vm, 5, VECTOR | 1 << 15);
	irq_line(guest.vm, 5, 1);
	ASSERT_EQ(0x81, run_port(&guest));
	vcpu_run_until(vcpu, KVM_EXIT_IOAPIC_EOI);
	EXPECT_EQ(VECTOR, vcpu->run->eoi.vector);
	ASSERT_EQ(0x82, run_port(&guest));

	/* An edge. */
	route(guest.vm, 5, VECTOR);
	irq_line(guest.vm, 5, 1);
	ASSERT_EQ(0x81, run_port(&guest));
	ASSERT_EQ(0x82, run_port(&guest));

	/* No pin, but somebody else's message. */
	route(guest.vm, 24, VECTOR | 1 << 15);
	irq_line(guest.vm, 24, 1);
	ASSERT_EQ(0x81, run_port(&guest));
	ASSERT_EQ(0x82, run_port(&guest));

	/* The guest tells the I/O APIC itself. */
	route(guest.vm, 5, VECTOR | 1 << 15);
	lapic_write(vcpu->fd, APIC_SVR, 0x11ff);
	irq_line(guest.vm, 5, 1);
	ASSERT_EQ(0x81, run_port(&guest));
	ASSERT_EQ(0x82, run_port(&guest));
	guest_destroy(&guest);
}

TEST_HARNESS_MAIN
