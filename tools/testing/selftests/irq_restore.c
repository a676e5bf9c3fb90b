// SPDX-License-Identifier: GPL-2.0
/*
 * A guest moves to a fresh VM whenever something is under way: an interrupt in
 * its handler, one that waits behind it, timers that are armed, a pin that is
 * masked while its line is up. Nothing of it is lost, and nothing comes twice.
 */
/* machine: timeout=240 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kselftest_harness.h"
#include "irq.h"
#include "kvm.h"

#define LOW		0x49
#define PIN		0x51	/* of the I/O APIC's pin 10, level */
#define HIGH		0x61
#define TIMER		0x71
#define PIT		0x81	/* by the I/O APIC's pin 0 */
#define NR_PORTS	0x100

#define MSR_TSC			0x10
#define MSR_TSC_DEADLINE	0x6e0

/*
 * Handlers say that they are there by their vector as port, end the interrupt
 * and count in memory at 0x20000 + vector. The main program:
 *	port 1	interrupts are on, wait for HIGH and LOW
 *	port 2	a deadline far enough away is armed: wait for it
 *	port 3	the PIT ticks: wait for it
 *	port 4	unmask pin 10: wait for it
 *	port 5	the end
 */
#define HANDLER(offset, vector)						\
	".org works_begin + " #offset "\n"				\
	"push %rax\n push %rdx\n"					\
	"mov $1, %al\n out %al, $" #vector "\n"				\
	"incb 0x20000 + " #vector "\n"					\
	"mov $0xfee000b0, %edx\n movl $0, (%rdx)\n"			\
	"pop %rdx\n pop %rax\n iretq\n"

#define WAIT(label, vector)						\
	#label ": pause\n cmpb $0, 0x20000 + " #vector "\n je " #label "b\n"

GUEST_CODE64(works,
	"sti\n mov $1, %al\n out %al, $1\n"
	WAIT(1, 0x61) WAIT(1, 0x49)
	"rdtsc\n shl $32, %rdx\n or %rdx, %rax\n add %rdi, %rax\n"
	"mov %rax, %rdx\n shr $32, %rdx\n mov $0x6e0, %ecx\n wrmsr\n"
	"mov $1, %al\n out %al, $2\n"
	WAIT(1, 0x71)
	"mov $0x34, %al\n out %al, $0x43\n"
	"mov $0xff, %al\n out %al, $0x40\n out %al, $0x40\n"
	"mov $1, %al\n out %al, $3\n"
	WAIT(1, 0x81)
	"mov $0x30, %al\n out %al, $0x43\n"	/* one-shot, never loaded: no more ticks */
	"mov $1, %al\n out %al, $4\n"
	"mov $0xfec00000, %edx\n movl $0x24, (%rdx)\n movl $0x8051, 0x10(%rdx)\n"
	WAIT(1, 0x51)
	"mov $1, %al\n 1: out %al, $5\n jmp 1b\n"
	HANDLER(0x200, 0x49)
	HANDLER(0x240, 0x51)
	HANDLER(0x280, 0x61)
	HANDLER(0x2c0, 0x71)
	HANDLER(0x300, 0x81));

static void set_handlers(struct guest *guest)
{
	static const uint8_t vectors[] = { LOW, PIN, HIGH, TIMER, PIT };
	unsigned int i;

	for (i = 0; i < sizeof(vectors); i++)
		guest_set_idt64(guest, vectors[i], GUEST_CODE + 0x200 + i * 0x40);
}

static void create(struct guest *guest)
{
	struct kvm_pit_config config = { };

	guest_create_vm(guest, GUEST_MEM);
	kvm_ioctl_ok(guest->vm, KVM_CREATE_IRQCHIP, 0);
	kvm_ioctl_ok(guest->vm, KVM_CREATE_PIT2, &config);
	guest_add_vcpu(guest, 0);
	vcpu_set_supported_cpuid(guest, &guest->vcpu[0]);
}

static void start(struct guest *guest, uint64_t deadline)
{
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };
	struct vcpu *vcpu = &guest->vcpu[0];
	struct kvm_regs regs;

	create(guest);
	guest_load(guest, works);
	vcpu_long_mode(guest, vcpu);
	set_handlers(guest);
	vcpu_get_regs(vcpu, &regs);
	regs.rdi = deadline;
	vcpu_set_regs(vcpu, &regs);
	lapic_enable(vcpu->fd);
	lapic_write(vcpu->fd, APIC_LVT0, 1 << 16);
	lapic_write(vcpu->fd, APIC_LVTT, TIMER | 2 << 17);
	kvm_ioctl_ok(guest->vm, KVM_GET_IRQCHIP, &chip);
	chip.chip.ioapic.redirtbl[0].bits = PIT;
	chip.chip.ioapic.redirtbl[10].bits = PIN | 1 << 15 | 1 << 16;
	kvm_ioctl_ok(guest->vm, KVM_SET_IRQCHIP, &chip);
}

struct msrs {
	struct kvm_msrs head;
	struct kvm_msr_entry entries[2];
};

static const struct msrs msr_names = {
	.head.nmsrs = 2,
	/* The deadline is one of the counter's, which must be there first. */
	.entries = { { .index = MSR_TSC }, { .index = MSR_TSC_DEADLINE } },
};

static void move_chips(struct guest *from, struct guest *to)
{
	struct kvm_irqchip chip;
	struct kvm_pit_state2 pit;
	struct kvm_clock_data clock;
	unsigned int i;

	kvm_ioctl_ok(from->vm, KVM_GET_CLOCK, &clock);
	clock.flags = 0;
	kvm_ioctl_ok(to->vm, KVM_SET_CLOCK, &clock);
	for (i = 0; i < 3; i++) {
		chip.chip_id = i;
		kvm_ioctl_ok(from->vm, KVM_GET_IRQCHIP, &chip);
		kvm_ioctl_ok(to->vm, KVM_SET_IRQCHIP, &chip);
	}
	kvm_ioctl_ok(from->vm, KVM_GET_PIT2, &pit);
	kvm_ioctl_ok(to->vm, KVM_SET_PIT2, &pit);
}

static void move_vcpu(struct vcpu *from, struct vcpu *to)
{
	struct kvm_vcpu_events events;
	struct kvm_lapic_state lapic, again;
	struct kvm_mp_state mp_state;
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	struct msrs msrs = msr_names;

	/* What was half done by the last exit is done now. */
	from->run->immediate_exit = 1;
	if (ioctl(from->fd, KVM_RUN, 0) != -1 || errno != EINTR)
		kvm_die(__FILE__, __LINE__, "immediate exit");
	vcpu_get_regs(from, &regs);
	vcpu_get_sregs(from, &sregs);
	kvm_ioctl_ok(from->fd, KVM_GET_LAPIC, &lapic);
	kvm_ioctl_ok(from->fd, KVM_GET_VCPU_EVENTS, &events);
	kvm_ioctl_ok(from->fd, KVM_GET_MP_STATE, &mp_state);
	kvm_ioctl_ok(from->fd, KVM_GET_MSRS, &msrs);
	vcpu_set_sregs(to, &sregs);
	vcpu_set_regs(to, &regs);
	kvm_ioctl_ok(to->fd, KVM_SET_LAPIC, &lapic);
	/* All but the count that runs. */
	kvm_ioctl_ok(to->fd, KVM_GET_LAPIC, &again);
	if (memcmp(&lapic, &again, APIC_TMCCT))
		kvm_die(__FILE__, __LINE__, "the local APIC is another one");
	kvm_ioctl_ok(to->fd, KVM_SET_MSRS, &msrs);
	kvm_ioctl_ok(to->fd, KVM_SET_MP_STATE, &mp_state);
	kvm_ioctl_ok(to->fd, KVM_SET_VCPU_EVENTS, &events);
}

static void move(struct guest *guest)
{
	struct guest fresh;

	create(&fresh);
	memcpy(fresh.mem, guest->mem, guest->size);
	move_vcpu(&guest->vcpu[0], &fresh.vcpu[0]);
	move_chips(guest, &fresh);
	guest_destroy(guest);
	*guest = fresh;
}

/* What the world does when the guest gets to a port. */
static void act(struct guest *guest, uint16_t port)
{
	switch (port) {
	case 1:
		signal_msi(guest->vm, 0, LOW);
		signal_msi(guest->vm, 0, HIGH);
		break;
	case 4:
		irq_line(guest->vm, 10, 1);
		break;
	}
}

/* And when the guest is where it goes on. */
static void act_again(struct guest *guest, uint16_t port)
{
	switch (port) {
	case 4:
		if (lapic_irr(guest->vcpu[0].fd, PIN))
			kvm_die(__FILE__, __LINE__, "the pin was masked");
		break;
	case PIN:
		if (lapic_irr(guest->vcpu[0].fd, PIN))
			kvm_die(__FILE__, __LINE__, "the pin sends again before its EOI");
		irq_line(guest->vm, 10, 0);
		break;
	}
}

/* Moves at each port in the mask; counts how often the guest came to each. */
static void run(struct guest *guest, uint64_t deadline, bool moves, int *seen)
{
	uint16_t port;

	memset(seen, 0, NR_PORTS * sizeof(*seen));
	start(guest, deadline);
	do {
		vcpu_run_out(&guest->vcpu[0], &port);
		act(guest, port);
		/* Not at every tick: on a slow machine the next would be there already. */
		if (moves && seen[port] < 3)
			move(guest);
		act_again(guest, port);
		seen[port]++;
	} while (port != 5);
}

TEST(whatever_is_under_way)
{
	static const uint64_t deadlines[] = { 1, 100000, 100000000 };
	static int seen[NR_PORTS];
	struct guest guest;
	unsigned int i, moves;

	for (i = 0; i < 3; i++) {
		for (moves = 0; moves < 2; moves++) {
			run(&guest, deadlines[i], moves, seen);
			EXPECT_EQ(1, seen[LOW]);
			EXPECT_EQ(1, seen[HIGH]);
			EXPECT_EQ(1, seen[TIMER]);
			EXPECT_LE(1, seen[PIT]);
			EXPECT_EQ(1, seen[PIN]);
			EXPECT_EQ(1, guest.mem[0x20000 + PIN]);
			guest_destroy(&guest);
		}
	}
}

/* Of a vCPU that has run and has nothing else to look at. */
TEST(interrupts_that_the_state_brings)
{
	static int seen[NR_PORTS];
	struct guest guest;
	uint16_t port;

	start(&guest, 1);
	do {
		vcpu_run_out(&guest.vcpu[0], &port);
		if (port == 1) {
			lapic_write(guest.vcpu[0].fd, APIC_IRR + LOW / 32 * 16, 1 << LOW % 32);
			lapic_write(guest.vcpu[0].fd, APIC_IRR + HIGH / 32 * 16, 1 << HIGH % 32);
		} else {
			act(&guest, port);
			act_again(&guest, port);
		}
		seen[port]++;
	} while (port != 5);
	EXPECT_EQ(1, seen[LOW]);
	EXPECT_EQ(1, seen[HIGH]);
	guest_destroy(&guest);
}

TEST_HARNESS_MAIN
