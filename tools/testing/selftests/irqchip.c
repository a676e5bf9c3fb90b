// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupt controllers, without a guest: what lines and messages do to them,
 * that their state comes back as it was given, and what is refused.
 */
/* machine: timeout=120 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "irq.h"
#include "kvm.h"

#define VECTOR	0x61

FIXTURE(irqchip) {
	int vm, vcpu;
};

FIXTURE_SETUP(irqchip)
{
	self->vm = vm_create_irqchip();
	self->vcpu = vm_add_vcpu(self->vm, 0);
	lapic_enable(self->vcpu);
}

FIXTURE_TEARDOWN(irqchip)
{
	close(self->vcpu);
	close(self->vm);
}

static struct kvm_irqchip get_chip(int vm, uint32_t id)
{
	struct kvm_irqchip chip = { .chip_id = id };

	kvm_ioctl_ok(vm, KVM_GET_IRQCHIP, &chip);
	return chip;
}

static void set_entry(int vm, unsigned int pin, uint64_t bits)
{
	struct kvm_irqchip chip = get_chip(vm, KVM_IRQCHIP_IOAPIC);

	chip.chip.ioapic.redirtbl[pin].bits = bits;
	kvm_ioctl_ok(vm, KVM_SET_IRQCHIP, &chip);
}

#define LEVEL	0x8000
#define MASKED	0x10000

TEST_F(irqchip, once_and_before_vcpus)
{
	int late = vm_create(), vcpu = vm_add_vcpu(late, 0);

	EXPECT_EQ(-1, ioctl(self->vm, KVM_CREATE_IRQCHIP, 0));
	EXPECT_EQ(EEXIST, errno);
	EXPECT_EQ(-1, ioctl(late, KVM_CREATE_IRQCHIP, 0));
	EXPECT_EQ(EINVAL, errno);
	close(vcpu);
	close(late);
}

TEST_F(irqchip, without_one_nothing_is_there)
{
	struct kvm_irqchip chip = { };
	struct kvm_irq_level line = { };
	struct kvm_lapic_state state;
	struct kvm_pit_state2 pit;
	struct kvm_pit_config config = { };
	int vm = vm_create(), vcpu = vm_add_vcpu(vm, 0);

	EXPECT_EQ(-1, ioctl(vm, KVM_GET_IRQCHIP, &chip));
	EXPECT_EQ(ENXIO, errno);
	EXPECT_EQ(-1, ioctl(vm, KVM_SET_IRQCHIP, &chip));
	EXPECT_EQ(ENXIO, errno);
	EXPECT_EQ(-1, ioctl(vm, KVM_IRQ_LINE, &line));
	EXPECT_EQ(ENXIO, errno);
	EXPECT_EQ(-1, ioctl(vm, KVM_GET_PIT2, &pit));
	EXPECT_EQ(ENXIO, errno);
	EXPECT_EQ(-1, ioctl(vm, KVM_CREATE_PIT2, &config));
	EXPECT_EQ(ENOENT, errno);
	EXPECT_EQ(-1, signal_msi(vm, 0, VECTOR));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, route_msi(vm, 0, VECTOR));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(vcpu, KVM_GET_LAPIC, &state));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(vcpu, KVM_SET_LAPIC, &state));
	EXPECT_EQ(EINVAL, errno);
	close(vcpu);
	close(vm);
}

TEST_F(irqchip, refuses_what_is_wrong)
{
	struct kvm_irqchip chip = { .chip_id = 3 };
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = VECTOR, .flags = 1 };

	EXPECT_EQ(-1, ioctl(self->vm, KVM_GET_IRQCHIP, &chip));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(self->vm, KVM_SET_IRQCHIP, &chip));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(self->vm, KVM_GET_IRQCHIP, NULL));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, ioctl(self->vm, KVM_SET_IRQCHIP, NULL));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, ioctl(self->vm, KVM_SIGNAL_MSI, &msi));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(self->vm, KVM_SET_BOOT_CPU_ID, 0));
	EXPECT_EQ(EBUSY, errno);
}

TEST_F(irqchip, messages_reach_whom_they_name)
{
	int second = vm_add_vcpu(self->vm, 1);

	lapic_enable(second);
	EXPECT_EQ(1, signal_msi(self->vm, 1, VECTOR));
	EXPECT_TRUE(lapic_irr(second, VECTOR));
	EXPECT_FALSE(lapic_irr(self->vcpu, VECTOR));
	/* It merges with the one that waits. */
	EXPECT_EQ(0, signal_msi(self->vm, 1, VECTOR));
	EXPECT_EQ(2, signal_msi(self->vm, 0xff, VECTOR + 1));
	EXPECT_TRUE(lapic_irr(second, VECTOR + 1));
	EXPECT_TRUE(lapic_irr(self->vcpu, VECTOR + 1));
	close(second);
}

/* Known bug 17, CVE-2024-58083: a vCPU that is not there was taken for vCPU 0. */
TEST_F(irqchip, known_bug_17_message_to_nobody)
{
	EXPECT_EQ(0, signal_msi(self->vm, 1, VECTOR));
	EXPECT_EQ(0, signal_msi(self->vm, 0xfe, VECTOR));
	EXPECT_FALSE(lapic_irr(self->vcpu, VECTOR));
}

TEST_F(irqchip, logical_destinations)
{
	struct kvm_msi msi = { .address_lo = 0xfee00000 | 1 << 2 | 2 << 12, .data = VECTOR };
	int second = vm_add_vcpu(self->vm, 1);

	lapic_enable(second);
	lapic_write(self->vcpu, APIC_LDR, 1 << 24);
	lapic_write(second, APIC_LDR, 2 << 24);
	EXPECT_EQ(1, ioctl(self->vm, KVM_SIGNAL_MSI, &msi));
	EXPECT_TRUE(lapic_irr(second, VECTOR));
	msi.address_lo |= 3 << 12;
	msi.data++;
	EXPECT_EQ(2, ioctl(self->vm, KVM_SIGNAL_MSI, &msi));

	/* Clusters: the upper half names it, the lower has a bit each. */
	lapic_write(self->vcpu, APIC_DFR, 0x0fffffff);
	lapic_write(second, APIC_DFR, 0x0fffffff);
	lapic_write(second, APIC_LDR, 0x12 << 24);
	lapic_clear(second);
	msi.address_lo = 0xfee00000 | 1 << 2 | 0x1f << 12;
	EXPECT_EQ(1, ioctl(self->vm, KVM_SIGNAL_MSI, &msi));
	EXPECT_TRUE(lapic_irr(second, msi.data));
	close(second);
}

TEST_F(irqchip, lowest_priority_takes_turns)
{
	struct kvm_msi msi = { .address_lo = 0xfee00000 | 1 << 2 | 3 << 12,
			       .data = VECTOR | 1 << 8 };
	int second = vm_add_vcpu(self->vm, 1), i, first_got = 0;

	lapic_enable(second);
	lapic_write(self->vcpu, APIC_LDR, 1 << 24);
	lapic_write(second, APIC_LDR, 2 << 24);
	for (i = 0; i < 10; i++) {
		EXPECT_EQ(1, ioctl(self->vm, KVM_SIGNAL_MSI, &msi));
		first_got += lapic_irr(self->vcpu, VECTOR);
		EXPECT_NE(lapic_irr(self->vcpu, VECTOR), lapic_irr(second, VECTOR));
		lapic_clear(self->vcpu);
		lapic_clear(second);
	}
	EXPECT_EQ(5, first_got);
	close(second);
}

TEST_F(irqchip, an_edge_counts_once)
{
	set_entry(self->vm, 20, VECTOR);
	EXPECT_EQ(1, irq_line(self->vm, 20, 1));
	EXPECT_TRUE(lapic_irr(self->vcpu, VECTOR));
	lapic_clear(self->vcpu);
	EXPECT_EQ(0, irq_line(self->vm, 20, 1));
	EXPECT_FALSE(lapic_irr(self->vcpu, VECTOR));
	irq_line(self->vm, 20, 0);
	EXPECT_EQ(1, irq_line(self->vm, 20, 1));
	EXPECT_TRUE(lapic_irr(self->vcpu, VECTOR));
}

TEST_F(irqchip, a_masked_level_waits_for_the_unmask)
{
	struct kvm_irqchip chip;

	set_entry(self->vm, 20, VECTOR | LEVEL | MASKED);
	EXPECT_EQ(-1, irq_line(self->vm, 20, 1));
	EXPECT_FALSE(lapic_irr(self->vcpu, VECTOR));
	set_entry(self->vm, 20, VECTOR | LEVEL);
	EXPECT_TRUE(lapic_irr(self->vcpu, VECTOR));
	chip = get_chip(self->vm, KVM_IRQCHIP_IOAPIC);
	EXPECT_TRUE(!!chip.chip.ioapic.redirtbl[20].fields.remote_irr);
}

TEST_F(irqchip, the_pic_requests_and_restores)
{
	struct kvm_irqchip chip = get_chip(self->vm, KVM_IRQCHIP_PIC_MASTER), again;

	EXPECT_EQ(0, chip.chip.pic.irr);
	chip.chip.pic.imr = 0xfe;
	chip.chip.pic.irq_base = 0x30;
	kvm_ioctl_ok(self->vm, KVM_SET_IRQCHIP, &chip);
	again = get_chip(self->vm, KVM_IRQCHIP_PIC_MASTER);
	EXPECT_EQ(0, memcmp(&chip.chip.pic, &again.chip.pic, sizeof(chip.chip.pic)));
	irq_line(self->vm, 3, 1);
	EXPECT_EQ(1 << 3, get_chip(self->vm, KVM_IRQCHIP_PIC_MASTER).chip.pic.irr);
	irq_line(self->vm, 12, 1);
	EXPECT_EQ(1 << 4, get_chip(self->vm, KVM_IRQCHIP_PIC_SLAVE).chip.pic.irr);
}

TEST_F(irqchip, nonsense_in_restored_chips_does_no_harm)
{
	struct kvm_irqchip chip;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		memset(&chip, 0xff, sizeof(chip));
		chip.chip_id = i;
		kvm_ioctl_ok(self->vm, KVM_SET_IRQCHIP, &chip);
	}
	for (i = 0; i < 24; i++) {
		irq_line(self->vm, i, 1);
		irq_line(self->vm, i, 0);
	}
}

TEST_F(irqchip, the_lapic_comes_back_as_it_was)
{
	struct kvm_lapic_state state, again;

	kvm_ioctl_ok(self->vcpu, KVM_GET_LAPIC, &state);
	*(uint32_t *)(state.regs + APIC_ISR) = 1u << 20;
	*(uint32_t *)(state.regs + APIC_IRR + 16 * 3) = 0x1234;
	*(uint32_t *)(state.regs + APIC_TMR + 16 * 3) = 0x1030;
	*(uint32_t *)(state.regs + APIC_TPR) = 0x27;
	*(uint32_t *)(state.regs + APIC_ID) = 9 << 24;
	*(uint32_t *)(state.regs + APIC_LVT0) = 0x8700;
	*(uint32_t *)(state.regs + APIC_TDCR) = 0xb;
	kvm_ioctl_ok(self->vcpu, KVM_SET_LAPIC, &state);
	kvm_ioctl_ok(self->vcpu, KVM_GET_LAPIC, &again);
	/* PPR is computed. */
	*(uint32_t *)(state.regs + 0xa0) = 0x27;
	EXPECT_EQ(0, memcmp(&state, &again, sizeof(state)));
	/* The new id is the one that counts. */
	EXPECT_EQ(1, signal_msi(self->vm, 9, VECTOR));
	EXPECT_EQ(0, signal_msi(self->vm, 0, VECTOR + 1));
}

TEST_F(irqchip, a_restored_count_goes_on)
{
	struct kvm_lapic_state state;
	uint32_t left;

	kvm_ioctl_ok(self->vcpu, KVM_GET_LAPIC, &state);
	*(uint32_t *)(state.regs + APIC_LVTT) = VECTOR;
	*(uint32_t *)(state.regs + APIC_TDCR) = 0xb;
	*(uint32_t *)(state.regs + APIC_TMICT) = 4000000000u;
	*(uint32_t *)(state.regs + APIC_TMCCT) = 3000000000u;
	kvm_ioctl_ok(self->vcpu, KVM_SET_LAPIC, &state);
	left = lapic_read(self->vcpu, APIC_TMCCT);
	EXPECT_LT(2000000000u, left);
	EXPECT_GE(3000000000u, left);

	*(uint32_t *)(state.regs + APIC_TMCCT) = 1000000;
	kvm_ioctl_ok(self->vcpu, KVM_SET_LAPIC, &state);
	EXPECT_TRUE(lapic_wait_irr(self->vcpu, VECTOR));
	EXPECT_EQ(0, lapic_read(self->vcpu, APIC_TMCCT));
}

/* Known bug 4, CVE-2019-7221: a timer that outlives what it points to. */
TEST(known_bug_4_armed_timers_and_the_end_of_the_vm)
{
	struct kvm_pit_config config = { };
	struct kvm_lapic_state state;
	struct kvm_pit_state2 pit;
	int i, vm, vcpu;

	for (i = 0; i < 200; i++) {
		vm = vm_create_irqchip();
		vcpu = vm_add_vcpu(vm, 0);
		lapic_enable(vcpu);
		kvm_ioctl_ok(vm, KVM_CREATE_PIT2, &config);
		kvm_ioctl_ok(vm, KVM_GET_PIT2, &pit);
		pit.channels[0].mode = 2;
		pit.channels[0].count = 2;
		kvm_ioctl_ok(vm, KVM_SET_PIT2, &pit);
		kvm_ioctl_ok(vcpu, KVM_GET_LAPIC, &state);
		*(uint32_t *)(state.regs + APIC_LVTT) = VECTOR | 1 << 17;
		*(uint32_t *)(state.regs + APIC_TMICT) = 1 + i * 1000;
		kvm_ioctl_ok(vcpu, KVM_SET_LAPIC, &state);
		close(vm);
		close(vcpu);
	}
	usleep(100000);
}

/* A hostile guest cannot have the host do nothing but its interrupts. */
TEST_F(irqchip, hostile_periods_leave_the_host_alive)
{
	struct kvm_pit_config config = { };
	struct kvm_lapic_state state;
	struct kvm_pit_state2 pit;
	unsigned int i;

	kvm_ioctl_ok(self->vm, KVM_CREATE_PIT2, &config);
	kvm_ioctl_ok(self->vm, KVM_GET_PIT2, &pit);
	pit.channels[0].mode = 2;
	pit.channels[0].count = 1;
	kvm_ioctl_ok(self->vm, KVM_SET_PIT2, &pit);
	kvm_ioctl_ok(self->vcpu, KVM_GET_LAPIC, &state);
	*(uint32_t *)(state.regs + APIC_LVTT) = VECTOR | 1 << 17;
	*(uint32_t *)(state.regs + APIC_TDCR) = 0xb;
	*(uint32_t *)(state.regs + APIC_TMICT) = 1;
	kvm_ioctl_ok(self->vcpu, KVM_SET_LAPIC, &state);
	for (i = 0; i < 1000; i++)
		lapic_read(self->vcpu, APIC_TMCCT);
	EXPECT_TRUE(lapic_wait_irr(self->vcpu, VECTOR));
}

TEST_F(irqchip, the_pit_ticks_into_the_ioapic)
{
	struct kvm_pit_config config = { }, bad = { .flags = 2 };
	struct kvm_reinject_control control = { };
	struct kvm_pit_state2 pit, again;

	EXPECT_EQ(-1, ioctl(self->vm, KVM_CREATE_PIT2, &bad));
	EXPECT_EQ(EINVAL, errno);
	kvm_ioctl_ok(self->vm, KVM_CREATE_PIT2, &config);
	EXPECT_EQ(-1, ioctl(self->vm, KVM_CREATE_PIT2, &config));
	EXPECT_EQ(EEXIST, errno);
	kvm_ioctl_ok(self->vm, KVM_REINJECT_CONTROL, &control);

	set_entry(self->vm, 0, VECTOR);
	kvm_ioctl_ok(self->vm, KVM_GET_PIT2, &pit);
	pit.channels[0].mode = 2;
	pit.channels[0].rw_mode = 3;
	pit.channels[0].count = 11932;	/* 10 ms */
	kvm_ioctl_ok(self->vm, KVM_SET_PIT2, &pit);
	kvm_ioctl_ok(self->vm, KVM_GET_PIT2, &again);
	EXPECT_EQ(11932, again.channels[0].count);
	EXPECT_EQ(2, again.channels[0].mode);
	EXPECT_TRUE(lapic_wait_irr(self->vcpu, VECTOR));
	lapic_clear(self->vcpu);
	EXPECT_TRUE(lapic_wait_irr(self->vcpu, VECTOR));
}

static int set_bus_cycle(int vm, uint64_t ns)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X86_APIC_BUS_CYCLES_NS, .args = { ns } };

	return ioctl(vm, KVM_ENABLE_CAP, &cap);
}

TEST(the_bus_has_a_pace)
{
	int bare = vm_create(), vm = vm_create_irqchip(), vcpu;
	uint32_t left;

	EXPECT_EQ(1, ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_X86_APIC_BUS_CYCLES_NS));
	EXPECT_EQ(-1, set_bus_cycle(bare, 10));
	EXPECT_EQ(ENXIO, errno);
	EXPECT_EQ(-1, set_bus_cycle(vm, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, set_bus_cycle(vm, UINT64_MAX));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, set_bus_cycle(vm, 1000000));
	vcpu = vm_add_vcpu(vm, 0);
	EXPECT_EQ(-1, set_bus_cycle(vm, 10));
	EXPECT_EQ(EINVAL, errno);

	/* Of a million counts, a millisecond each, few are over soon; one is in a while. */
	lapic_write(vcpu, APIC_TDCR, 0xb);
	lapic_write(vcpu, APIC_TMICT, 1000000);
	lapic_write(vcpu, APIC_TMCCT, 1000000);
	usleep(5000);
	left = lapic_read(vcpu, APIC_TMCCT);
	EXPECT_LT(500000, left);
	EXPECT_GT(1000000, left);
	close(vcpu);
	close(vm);
	close(bare);
}

TEST(boot_cpu_is_chosen_before_vcpus)
{
	int vm = vm_create_irqchip(), first, second;

	EXPECT_EQ(-1, ioctl(vm, KVM_SET_BOOT_CPU_ID, 1 << 20));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, ioctl(vm, KVM_SET_BOOT_CPU_ID, 1));
	first = vm_add_vcpu(vm, 0);
	second = vm_add_vcpu(vm, 1);
	/* It is the boot CPU that has the PIC wired through. */
	EXPECT_EQ(0x700, lapic_read(second, APIC_LVT0));
	EXPECT_EQ(0x10000, lapic_read(first, APIC_LVT0));
	close(first);
	close(second);
	close(vm);
}

TEST_HARNESS_MAIN
