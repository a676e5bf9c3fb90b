// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupt controllers against models that are too simple to be wrong, on a VM
 * that has just what they need.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/prandom.h>
#include <linux/slab.h>
#include <asm/apicdef.h>

#include "../ioapic.h"
#include "../irqchip.h"
#include "../lapic.h"
#include "../lapic_state.h"
#include "../pic.h"
#include "../pit.h"
#include "../pvclock.h"
#include "../x86.h"

/* The last one is the last of a cluster of its own, and its id is not its index. */
#define VCPUS	4
#define LAST_ID	0x1f

struct bench {
	struct x86_vm vm;
	struct x86_vcpu vcpu[VCPUS];
};

static int irqchip_init(struct kunit *test)
{
	struct bench *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);
	struct kvm *kvm = &b->vm.kvm;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, b);
	test->priv = b;
	mutex_init(&kvm->irq_lock);
	xa_init(&kvm->vcpus);
	kvm_irqfd_init(kvm);
	x86_irqchip_init(&b->vm);
	mutex_lock(&kvm->irq_lock);
	b->vm.chips.pic = pic_create(&b->vm);
	b->vm.chips.ioapic = ioapic_create(&b->vm);
	mutex_unlock(&kvm->irq_lock);
	b->vm.chips.mode = X86_IRQCHIP_FULL;
	for (i = 0; i < VCPUS; i++) {
		struct x86_vcpu *vcpu = &b->vcpu[i];

		vcpu->vcpu.kvm = kvm;
		vcpu->vcpu.vcpu_id = i < VCPUS - 1 ? i : LAST_ID;
		vcpu->vcpu.cpu = -1;
		rcuwait_init(&vcpu->vcpu.wait);
		KUNIT_ASSERT_EQ(test, lapic_create(vcpu), 0);
		vcpu->lapic->svr |= APIC_SPIV_APIC_ENABLED;
		lapic_added(vcpu);
		xa_store(&kvm->vcpus, i, &vcpu->vcpu, GFP_KERNEL);
		kvm->nr_vcpus = i + 1;
	}
	return 0;
}

static void irqchip_exit(struct kunit *test)
{
	struct bench *b = test->priv;
	int i;

	for (i = 0; i < VCPUS; i++)
		lapic_destroy(&b->vcpu[i]);
	kvm_buses_destroy(&b->vm.kvm);
	kvm_irq_routes_destroy(&b->vm.kvm);
	x86_irqchip_destroy(&b->vm);
	xa_destroy(&b->vm.kvm.vcpus);
}

/* PIC: a fully nested pair, by the rules of the data sheet and no others. */

struct pic_model {
	bool requested[16], in_service[16], masked[16], up[16];
};

/* Pins in order of priority: the slave's come where the master's pin 2 is. */
static const u8 pic_order[] = { 0, 1, 8, 9, 10, 11, 12, 13, 14, 15, 3, 4, 5, 6, 7 };

static int pic_model_next(const struct pic_model *m)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(pic_order); i++) {
		u8 pin = pic_order[i];

		/* One of the slave's in service holds the master's pin 2. */
		if (m->in_service[pin] || (pin == 8 && m->in_service[2]))
			return -1;
		if (m->requested[pin] && !m->masked[pin])
			return pin;
	}
	return -1;
}

static void pic_out(struct bench *b, u16 port, u8 val)
{
	kvm_bus_write(&b->vm.kvm, KVM_BUS_PIO, port, 1, &val);
}

static void pic_setup(struct bench *b)
{
	static const u8 words[] = { 0x11, 0x20, 0x04, 0x01 };
	int i;

	for (i = 0; i < 4; i++)
		pic_out(b, 0x20 + !!i, words[i]);
	for (i = 0; i < 4; i++)
		pic_out(b, 0xa0 + !!i, i == 1 ? 0x28 : words[i]);
}

static void pic_model_line(struct bench *b, struct pic_model *m, u8 pin)
{
	m->up[pin] = !m->up[pin];
	if (m->up[pin])
		m->requested[pin] = true;
	pic_set_irq(b->vm.chips.pic, pin, KVM_IRQ_SOURCE_USER, m->up[pin]);
}

static void pic_model_ack(struct kunit *test, struct bench *b, struct pic_model *m)
{
	int pin = pic_model_next(m);

	KUNIT_ASSERT_EQ(test, b->vm.chips.pic->output, pin >= 0);
	if (pin < 0)
		return;
	KUNIT_ASSERT_EQ(test, pic_ack(b->vm.chips.pic), 0x20 + pin);
	m->requested[pin] = false;
	m->in_service[pin] = true;
	if (pin >= 8)
		m->in_service[2] = true;
}

/* Non-specific: the one of the highest priority, on the chip that is told. */
static void pic_model_eoi(struct bench *b, struct pic_model *m)
{
	int i, pin, slave = -1;

	for (pin = 8; pin < 16 && slave < 0; pin++)
		if (m->in_service[pin])
			slave = pin;
	if (slave >= 0) {
		m->in_service[slave] = false;
		pic_out(b, 0xa0, 0x20);
	}
	for (i = 0; i < 8; i++) {
		if (!m->in_service[i])
			continue;
		m->in_service[i] = false;
		break;
	}
	pic_out(b, 0x20, 0x20);
}

static void pic_against_model(struct kunit *test)
{
	struct bench *b = test->priv;
	struct pic_model m = {};
	struct rnd_state rnd;
	int i, pin;

	prandom_seed_state(&rnd, 1);
	pic_setup(b);
	for (i = 0; i < 20000; i++) {
		switch (prandom_u32_state(&rnd) % 8) {
		case 0 ... 3:
			pin = prandom_u32_state(&rnd) % 16;
			if (pin != 2)
				pic_model_line(b, &m, pin);
			break;
		case 4:
			pin = prandom_u32_state(&rnd) % 16;
			if (pin == 2)
				break;
			m.masked[pin] = !m.masked[pin];
			pic_out(b, pin < 8 ? 0x21 : 0xa1,
				b->vm.chips.pic->chip[pin / 8].imr ^ BIT(pin % 8));
			break;
		case 5 ... 6:
			pic_model_ack(test, b, &m);
			break;
		default:
			pic_model_eoi(b, &m);
			break;
		}
	}
}

/* Local APIC */

static int model_highest(const bool *set)
{
	int v;

	for (v = 255; v >= 0 && !set[v]; v--)
		;
	return v;
}

static void lapic_against_model(struct kunit *test)
{
	struct bench *b = test->priv;
	struct x86_vcpu *vcpu = &b->vcpu[1];
	bool *irr = kunit_kzalloc(test, 256, GFP_KERNEL);
	bool *isr = kunit_kzalloc(test, 256, GFP_KERNEL);
	struct rnd_state rnd;
	int i, v, ppr, expected;

	prandom_seed_state(&rnd, 2);
	for (i = 0; i < 50000; i++) {
		struct x86_irq irq = { .dest = 1, .vector = 16 + prandom_u32_state(&rnd) % 240 };

		switch (prandom_u32_state(&rnd) % 5) {
		case 0 ... 1:
			v = x86_deliver_irq(&b->vm, NULL, &irq);
			KUNIT_ASSERT_EQ(test, v, !irr[irq.vector]);
			irr[irq.vector] = true;
			break;
		case 2:
			vcpu->cr8 = prandom_u32_state(&rnd) % 16;
			break;
		case 3:
			v = model_highest(isr);
			if (v >= 0)
				isr[v] = false;
			lapic_eoi(vcpu->lapic);
			break;
		default:
			v = model_highest(isr);
			ppr = max(vcpu->cr8, max(v, 0) >> 4);
			v = model_highest(irr);
			expected = v >= 0 && v >> 4 > ppr ? v : -1;
			KUNIT_ASSERT_EQ(test, lapic_pending(vcpu), expected >= 0);
			KUNIT_ASSERT_EQ(test, lapic_ack(vcpu), expected);
			if (expected >= 0) {
				irr[expected] = false;
				isr[expected] = true;
			}
			break;
		}
	}
}

static void lapic_periods(struct kunit *test)
{
	static const struct { u32 tdcr, divisor; } divisors[] = {
		{ 0x0, 2 }, { 0x1, 4 }, { 0x2, 8 }, { 0x3, 16 },
		{ 0x8, 32 }, { 0x9, 64 }, { 0xa, 128 }, { 0xb, 1 },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(divisors); i++) {
		KUNIT_EXPECT_EQ(test, lapic_timer_period(1, divisors[i].tdcr, 1),
				divisors[i].divisor);
		KUNIT_EXPECT_EQ(test, lapic_timer_period(U32_MAX, divisors[i].tdcr, 40),
				(u64)U32_MAX * divisors[i].divisor * 40);
	}
	/* Nothing that a guest or userspace can ask for wraps. */
	KUNIT_EXPECT_EQ(test, lapic_timer_period(U32_MAX, 0xa, U32_MAX), KTIME_MAX);
	KUNIT_EXPECT_EQ(test, lapic_timer_period(0, 0xa, U32_MAX), 0);
}

static void lapic_destinations(struct kunit *test)
{
	struct bench *b = test->priv;
	struct x86_irq irq = { .dest = 2, .vector = 0x40 };
	struct x86_lapic *src = b->vcpu[0].lapic;

	KUNIT_EXPECT_EQ(test, x86_deliver_irq(&b->vm, NULL, &irq), 1);
	KUNIT_EXPECT_TRUE(test, test_bit(0x40, b->vcpu[2].lapic->irr));
	irq.dest = VCPUS;
	KUNIT_EXPECT_EQ(test, x86_deliver_irq(&b->vm, NULL, &irq), -1);
	irq.shorthand = X86_TO_OTHERS;
	irq.vector++;
	KUNIT_EXPECT_EQ(test, x86_deliver_irq(&b->vm, src, &irq), VCPUS - 1);
	irq.shorthand = X86_TO_SELF;
	KUNIT_EXPECT_EQ(test, x86_deliver_irq(&b->vm, src, &irq), 1);
	irq.shorthand = X86_TO_ALL;
	irq.vector++;
	KUNIT_EXPECT_EQ(test, x86_deliver_irq(&b->vm, src, &irq), VCPUS);

	/* A vector that is the CPU's own is an error, not an interrupt. */
	irq = (struct x86_irq) { .dest = 2, .vector = 15 };
	KUNIT_EXPECT_EQ(test, x86_deliver_irq(&b->vm, NULL, &irq), -1);
	KUNIT_EXPECT_TRUE(test, test_bit(LAPIC_ESR_RECV_ILLEGAL,
					 &b->vcpu[2].lapic->errors));
}

static void lapic_x2apic_icr(struct kunit *test)
{
	struct bench *b = test->priv;
	struct x86_vcpu *vcpu = &b->vcpu[1];
	u64 old = vcpu->apic_base, icr = 2ULL << 32 | 0x60;
	u32 msr = APIC_BASE_MSR + (APIC_ICR >> 4);
	int i;

	vcpu->apic_base |= X2APIC_ENABLE;
	lapic_base_changed(vcpu, old);
	/* In 13, 16, 17, 20 to 31 nothing may stand. */
	for (i = 0; i < 32; i++)
		KUNIT_EXPECT_EQ(test, lapic_set_msr(vcpu, msr, BIT_ULL(i) | 2ULL << 32),
				BIT_ULL(i) & 0xfff32000 ? -EINVAL : 0);
	KUNIT_EXPECT_EQ(test, lapic_set_msr(vcpu, msr, icr), 0);
	KUNIT_EXPECT_TRUE(test, test_bit(0x60, b->vcpu[2].lapic->irr));
}

static void lapic_x2apic_clusters(struct kunit *test)
{
	struct bench *b = test->priv;
	struct x86_irq irq = { .dest = 0x6, .vector = 0x50, .logical = true };
	int i;

	for (i = 0; i < VCPUS; i++) {
		u64 old = b->vcpu[i].apic_base;

		b->vcpu[i].apic_base |= X2APIC_ENABLE;
		lapic_base_changed(&b->vcpu[i], old);
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&b->vm.chips.nr_xapic), 0);
	KUNIT_EXPECT_EQ(test, x86_deliver_irq(&b->vm, b->vcpu[0].lapic, &irq), 2);
	KUNIT_EXPECT_FALSE(test, test_bit(0x50, b->vcpu[0].lapic->irr));
	KUNIT_EXPECT_FALSE(test, test_bit(0x50, b->vcpu[3].lapic->irr));
	/* The second cluster, with the bit of the one who is there, and without. */
	irq.dest = 0x18007;
	KUNIT_EXPECT_EQ(test, x86_deliver_irq(&b->vm, b->vcpu[0].lapic, &irq), 1);
	KUNIT_EXPECT_TRUE(test, test_bit(0x50, b->vcpu[3].lapic->irr));
	irq.dest = 0x17fff;
	KUNIT_EXPECT_EQ(test, x86_deliver_irq(&b->vm, b->vcpu[0].lapic, &irq), -1);
	irq.dest = 0x28007;
	KUNIT_EXPECT_EQ(test, x86_deliver_irq(&b->vm, b->vcpu[0].lapic, &irq), -1);
	irq.dest = U32_MAX;
	irq.vector++;
	KUNIT_EXPECT_EQ(test, x86_deliver_irq(&b->vm, b->vcpu[0].lapic, &irq), VCPUS);
	KUNIT_EXPECT_EQ(test, lapic_x2apic_ldr(0x12d), 0x122000);
	/* 8 bits of ones are a cluster's, but from a device they mean all, at first. */
	irq.dest = LAPIC_BROADCAST;
	irq.vector++;
	KUNIT_EXPECT_EQ(test, x86_deliver_irq(&b->vm, NULL, &irq), VCPUS);
	irq.vector++;
	KUNIT_EXPECT_EQ(test, x86_deliver_irq(&b->vm, b->vcpu[0].lapic, &irq), VCPUS - 1);
	b->vm.chips.no_broadcast_quirk = true;
	irq.vector++;
	KUNIT_EXPECT_EQ(test, x86_deliver_irq(&b->vm, NULL, &irq), VCPUS - 1);
	/* One that is in xAPIC mode has other logical ids: all are asked. */
	b->vcpu[3].apic_base &= ~(u64)X2APIC_ENABLE;
	lapic_base_changed(&b->vcpu[3], b->vcpu[3].apic_base | X2APIC_ENABLE);
	b->vcpu[3].lapic->ldr = 0x80 << 24;
	irq.dest = 0x80;
	irq.vector++;
	KUNIT_EXPECT_EQ(test, x86_deliver_irq(&b->vm, NULL, &irq), 1);
	KUNIT_EXPECT_TRUE(test, test_bit(irq.vector, b->vcpu[3].lapic->irr));
	/* And nobody answers for another cluster. */
	irq.dest = 0x10002;
	KUNIT_EXPECT_EQ(test, x86_deliver_irq(&b->vm, b->vcpu[0].lapic, &irq), -1);
}

/* I/O APIC: a level that stays up comes again after each EOI, and only then. */
static void ioapic_levels(struct kunit *test)
{
	struct bench *b = test->priv;
	struct x86_ioapic *ioapic = b->vm.chips.ioapic;
	struct x86_vcpu *vcpu = &b->vcpu[0];
	struct kvm_ioapic_state state;
	int i;

	ioapic_get_state(ioapic, &state);
	state.redirtbl[7].bits = 0x61 | BIT(15);
	ioapic_set_state(ioapic, &state);
	KUNIT_EXPECT_EQ(test, ioapic_set_irq(ioapic, 7, KVM_IRQ_SOURCE_USER, true), 1);
	/* A second source holds it, too. */
	KUNIT_EXPECT_EQ(test, ioapic_set_irq(ioapic, 7, KVM_IRQ_SOURCE_RESAMPLE, true), 0);
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, lapic_ack(vcpu), 0x61);
		KUNIT_EXPECT_FALSE(test, lapic_pending(vcpu));
		if (i == 1)
			ioapic_set_irq(ioapic, 7, KVM_IRQ_SOURCE_USER, false);
		if (i == 2)
			ioapic_set_irq(ioapic, 7, KVM_IRQ_SOURCE_RESAMPLE, false);
		lapic_eoi(vcpu->lapic);
		KUNIT_EXPECT_EQ(test, lapic_pending(vcpu), i < 2);
	}
	KUNIT_EXPECT_FALSE(test, ioapic->state.redirtbl[7].fields.remote_irr);
}

static void ioapic_registers(struct kunit *test)
{
	struct bench *b = test->priv;
	struct kvm *kvm = &b->vm.kvm;
	u32 reg, val;

	for (reg = 0; reg < 256; reg++) {
		kvm_bus_write(kvm, KVM_BUS_MMIO, IOAPIC_BASE, 4, &reg);
		val = U32_MAX;
		kvm_bus_write(kvm, KVM_BUS_MMIO, IOAPIC_BASE + 0x10, 4, &val);
		kvm_bus_read(kvm, KVM_BUS_MMIO, IOAPIC_BASE + 0x10, 4, &val);
		if (reg == 1)
			KUNIT_EXPECT_EQ(test, val, 0x170011);
		else if (reg == 0 || reg == 2)
			KUNIT_EXPECT_EQ(test, val, 0xf000000);
		/* Delivery status and remote IRR are not the guest's to write. */
		else if (reg >= 0x10 && reg < 0x40)
			KUNIT_EXPECT_EQ(test, val, reg & 1 ? U32_MAX : U32_MAX & ~0x5000);
		else
			KUNIT_EXPECT_EQ(test, val, U32_MAX);
	}
}

/* Routing against the list that it was made from. */
static void routes_against_list(struct kunit *test)
{
	struct bench *b = test->priv;
	struct kvm *kvm = &b->vm.kvm;
	struct kvm_irq_routing_entry *list;
	const struct kvm_irq_table *table;
	const struct kvm_irq_route *route;
	struct rnd_state rnd;
	u32 i, gsi, round;

	list = kunit_kcalloc(test, 500, sizeof(*list), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, list);
	prandom_seed_state(&rnd, 3);
	mutex_lock(&kvm->irq_lock);
	for (round = 0; round < 50; round++) {
		u32 nr = prandom_u32_state(&rnd) % 500;

		for (i = 0; i < nr; i++) {
			list[i].gsi = (i * 7919 + round) % KVM_MAX_GSIS;
			list[i].type = KVM_IRQ_ROUTING_MSI;
			list[i].u.msi.data = prandom_u32_state(&rnd);
		}
		KUNIT_ASSERT_EQ(test, kvm_set_irq_routes(kvm, list, nr), 0);
		rcu_read_lock();
		table = rcu_dereference(kvm->irq_table);
		for (i = 0; i < nr; i++) {
			route = kvm_irq_first_route(table, list[i].gsi);
			KUNIT_ASSERT_NOT_NULL(test, route);
			KUNIT_EXPECT_NULL(test, kvm_irq_next_route(table, route));
			KUNIT_EXPECT_TRUE(test, route->gsi == list[i].gsi);
			KUNIT_EXPECT_EQ(test, route->msi.data, list[i].u.msi.data);
		}
		for (gsi = 0, i = 0; gsi < KVM_MAX_GSIS + 2; gsi++)
			kvm_for_each_irq_route(route, table, gsi)
				i++;
		rcu_read_unlock();
		KUNIT_EXPECT_EQ(test, i, nr);
	}
	mutex_unlock(&kvm->irq_lock);
}

/* A GSI has one message, or one pin of each chip. */
static void routes_that_clash(struct kunit *test)
{
	struct bench *b = test->priv;
	struct kvm *kvm = &b->vm.kvm;
	struct kvm_irq_routing_entry list[3] = {};
	const struct kvm_irq_table *table;
	const struct kvm_irq_route *route;
	u32 i, chips = 0;

	for (i = 0; i < 3; i++) {
		list[i].gsi = 5;
		list[i].type = KVM_IRQ_ROUTING_IRQCHIP;
		list[i].u.irqchip.irqchip = i;
		list[i].u.irqchip.pin = 3 + i;
	}
	mutex_lock(&kvm->irq_lock);
	KUNIT_EXPECT_EQ(test, kvm_set_irq_routes(kvm, list, 3), 0);
	list[1].u.irqchip.irqchip = KVM_IRQCHIP_IOAPIC;
	KUNIT_EXPECT_EQ(test, kvm_set_irq_routes(kvm, list, 3), -EINVAL);
	list[0].type = KVM_IRQ_ROUTING_MSI;
	KUNIT_EXPECT_EQ(test, kvm_set_irq_routes(kvm, list, 2), -EINVAL);
	list[1].gsi = 6;
	list[2].gsi = KVM_MAX_GSIS;
	KUNIT_EXPECT_EQ(test, kvm_set_irq_routes(kvm, list, 3), -EINVAL);
	/* Those before are there still, all three. */
	rcu_read_lock();
	table = rcu_dereference(kvm->irq_table);
	kvm_for_each_irq_route(route, table, 5) {
		KUNIT_EXPECT_EQ(test, route->pin, 3 + route->irqchip);
		chips |= BIT(route->irqchip);
	}
	rcu_read_unlock();
	mutex_unlock(&kvm->irq_lock);
	KUNIT_EXPECT_EQ(test, chips, 7);
}

/* Lets the PIT tick each millisecond for a while; the guest then takes what there is. */
static u32 pit_ticks_taken(struct kunit *test, struct bench *b)
{
	struct x86_pit *pit = b->vm.chips.pit;
	u32 ticks, missed;

	pit->stopped = false;
	pic_out(b, 0x43, 0x34);
	pic_out(b, 0x40, 0xa9);
	pic_out(b, 0x40, 0x04);
	msleep(50);
	pit_stop(pit);
	missed = pit->missed;
	for (ticks = 0; b->vm.chips.pic->output && ticks < 10000; ticks++) {
		KUNIT_EXPECT_EQ(test, pic_ack(b->vm.chips.pic), 0x20);
		pic_out(b, 0x20, 0x20);
	}
	KUNIT_EXPECT_EQ(test, ticks, missed + 1);
	KUNIT_EXPECT_EQ(test, pit->missed, 0);
	return ticks;
}

/* Ticks that nobody took are kept, and come one after the other; or are lost. */
static void pit_reinjects(struct kunit *test)
{
	static const struct kvm_irq_routing_entry route = { .type = KVM_IRQ_ROUTING_IRQCHIP };
	struct bench *b = test->priv;
	struct x86_pit *pit;

	pic_setup(b);
	mutex_lock(&b->vm.kvm.irq_lock);
	pit = pit_create(&b->vm, false);
	KUNIT_EXPECT_EQ(test, kvm_set_irq_routes(&b->vm.kvm, &route, 1), 0);
	mutex_unlock(&b->vm.kvm.irq_lock);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pit);
	b->vm.chips.pit = pit;

	KUNIT_EXPECT_GE(test, pit_ticks_taken(test, b), 40);
	pit->reinject = false;
	KUNIT_EXPECT_EQ(test, pit_ticks_taken(test, b), 1);
}

/* To a part in a thousand million, for every rate there is. */
static void clock_scales(struct kunit *test)
{
	u32 khz, mul;
	s8 shift;

	for (khz = 1000; khz < 10000000; khz += khz / 3 + 7) {
		u64 cycles = (u64)khz * 1000, ns;

		pvclock_scale(khz, &mul, &shift);
		cycles = shift < 0 ? cycles >> -shift : cycles << shift;
		ns = mul_u64_u32_shr(cycles, mul, 32);
		KUNIT_EXPECT_LE(test, ns, NSEC_PER_SEC);
		KUNIT_EXPECT_GE(test, ns, NSEC_PER_SEC - 4);
	}
}

static struct kunit_case irqchip_cases[] = {
	KUNIT_CASE(pic_against_model),
	KUNIT_CASE(lapic_against_model),
	KUNIT_CASE(lapic_periods),
	KUNIT_CASE(lapic_destinations),
	KUNIT_CASE(lapic_x2apic_icr),
	KUNIT_CASE(lapic_x2apic_clusters),
	KUNIT_CASE(ioapic_levels),
	KUNIT_CASE(ioapic_registers),
	KUNIT_CASE(routes_against_list),
	KUNIT_CASE(routes_that_clash),
	KUNIT_CASE(pit_reinjects),
	KUNIT_CASE(clock_scales),
	{}
};

static struct kunit_suite irqchip_suite = {
	.name = "kvm-irqchip",
	.init = irqchip_init,
	.exit = irqchip_exit,
	.test_cases = irqchip_cases,
};

kunit_test_suite(irqchip_suite);
