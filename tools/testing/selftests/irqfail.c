// SPDX-License-Identifier: GPL-2.0
/*
 * Fails every allocation and every user copy of the ioctls about interrupts, one
 * at a time: each failure must leave everything as it was, and everybody else's.
 */
/* machine: debug-only timeout=300 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "fail.h"
#include "irq.h"
#include "kvm.h"

#define VECTOR		0x51
#define GSI		24
#define PORT		0x510
#define MAX_CHANCES	200

struct op {
	int vm, event;
	int (*act)(struct op *op);
	int (*undo)(struct op *op);
	int resample;
};

static int ioeventfd(struct op *op, uint64_t addr, uint32_t flags)
{
	struct kvm_ioeventfd args = { .fd = op->event, .addr = addr, .flags = flags };

	return ioctl(op->vm, KVM_IOEVENTFD, &args);
}

static int add_port(struct op *op)
{
	return ioeventfd(op, PORT, KVM_IOEVENTFD_FLAG_PIO);
}

static int remove_port(struct op *op)
{
	return ioeventfd(op, PORT, KVM_IOEVENTFD_FLAG_PIO | KVM_IOEVENTFD_FLAG_DEASSIGN);
}

/* On two buses, of which the second can fail after the first. */
static int add_mmio(struct op *op)
{
	return ioeventfd(op, 0xd0000000, 0);
}

static int remove_mmio(struct op *op)
{
	return ioeventfd(op, 0xd0000000, KVM_IOEVENTFD_FLAG_DEASSIGN);
}

static int zone(struct op *op, unsigned long cmd)
{
	struct kvm_coalesced_mmio_zone args = { .addr = PORT, .size = 4, .pio = 1 };

	return ioctl(op->vm, cmd, &args);
}

static int add_zone(struct op *op)
{
	return zone(op, KVM_REGISTER_COALESCED_MMIO);
}

static int remove_zone(struct op *op)
{
	return zone(op, KVM_UNREGISTER_COALESCED_MMIO);
}

static int add_irqfd(struct op *op)
{
	return irqfd(op->vm, op->event, GSI, 0, -1);
}

static int remove_irqfd(struct op *op)
{
	return irqfd(op->vm, op->event, GSI, KVM_IRQFD_FLAG_DEASSIGN, -1);
}

/* With two eventfds to hold. */
static int add_resampling(struct op *op)
{
	return irqfd(op->vm, op->event, 10, 0, op->resample);
}

static int remove_resampling(struct op *op)
{
	return irqfd(op->vm, op->event, 10, KVM_IRQFD_FLAG_DEASSIGN, -1);
}

static int change_routes(struct op *op)
{
	return route_msi(op->vm, GSI, VECTOR + 1);
}

static int restore_routes(struct op *op)
{
	return route_msi(op->vm, GSI, VECTOR);
}

static int run_op(void *arg)
{
	struct op *op = arg;

	return op->act(op);
}

FIXTURE(irqfail) {
	int vm, vcpu, bystander;
};

FIXTURE_VARIANT(irqfail) {
	int (*act)(struct op *op);
	int (*undo)(struct op *op);
	int least;	/* fewer failures than this: the injection does not work */
};

FIXTURE_VARIANT_ADD(irqfail, ioeventfd_port) {
	.act = add_port, .undo = remove_port, .least = 3,
};

FIXTURE_VARIANT_ADD(irqfail, ioeventfd_mmio) {
	.act = add_mmio, .undo = remove_mmio, .least = 4,
};

FIXTURE_VARIANT_ADD(irqfail, coalesced) {
	.act = add_zone, .undo = remove_zone, .least = 3,
};

FIXTURE_VARIANT_ADD(irqfail, irqfd) {
	.act = add_irqfd, .undo = remove_irqfd, .least = 2,
};

FIXTURE_VARIANT_ADD(irqfail, irqfd_resampling) {
	.act = add_resampling, .undo = remove_resampling, .least = 2,
};

FIXTURE_VARIANT_ADD(irqfail, routes) {
	.act = change_routes, .undo = restore_routes, .least = 3,
};

FIXTURE_SETUP(irqfail)
{
	if (!fail_setup())
		SKIP(return, "the kernel has no fault injection");
	self->vm = vm_create_irqchip();
	self->vcpu = vm_add_vcpu(self->vm, 0);
	lapic_enable(self->vcpu);
	ASSERT_EQ(0, route_msi(self->vm, GSI, VECTOR));
	/* Somebody else's irqfd, which no failure may touch. */
	self->bystander = event_create();
	ASSERT_EQ(0, irqfd(self->vm, self->bystander, GSI, 0, -1));
}

FIXTURE_TEARDOWN(irqfail)
{
	close(self->bystander);
	close(self->vcpu);
	close(self->vm);
}

/* Fails one chance after the other until there is none; returns how often that showed. */
static int fail_each(struct __test_metadata *_metadata, FIXTURE_DATA(irqfail) *self,
		     struct op *op)
{
	int nth, result, error, failed = 0;
	bool injected = true;

	for (nth = 1; injected && nth < MAX_CHANCES; nth++) {
		injected = fail_nth(nth, run_op, op, &result, &error);
		if (!result) {
			EXPECT_EQ(0, op->undo(op));
			continue;
		}
		failed++;
		EXPECT_TRUE(error == ENOMEM || error == EFAULT);
		/* Whoever was there before is there still. */
		lapic_clear(self->vcpu);
		event_signal(self->bystander);
		EXPECT_TRUE(lapic_irr(self->vcpu, VECTOR));
	}
	EXPECT_FALSE(injected);
	return failed;
}

TEST_F(irqfail, every_chance)
{
	struct op op = { self->vm, event_create(), variant->act, variant->undo,
			 event_create() };
	int i, failed = 0;

	/*
	 * A chance that is there every other time, as when memory that waited for RCU
	 * is freed in batches, can push another one aside in a whole sweep: the next
	 * one begins at another time.
	 */
	for (i = 0; i < 20 && failed < variant->least; i++) {
		failed = fail_each(_metadata, self, &op);
		EXPECT_EQ(0, op.act(&op));
		EXPECT_EQ(0, op.undo(&op));
	}
	EXPECT_LE(variant->least, failed);
	/* Nothing half done stands in the way. */
	EXPECT_EQ(0, op.act(&op));
	EXPECT_EQ(0, op.undo(&op));
	close(op.event);
	close(op.resample);
}

/*
 * Known bug 19, CVE-2021-47060: taking a device off a bus needed memory, and
 * without it all others were lost. Here it needs none.
 */
TEST_F(irqfail, known_bug_19_removal_cannot_fail)
{
	struct op op = { self->vm, event_create(), remove_port, NULL, -1 };
	int nth, result, error, other = event_create();
	struct kvm_ioeventfd args = { .fd = other, .addr = PORT + 1, .len = 1,
				      .flags = KVM_IOEVENTFD_FLAG_PIO };

	ASSERT_EQ(0, ioctl(self->vm, KVM_IOEVENTFD, &args));
	for (nth = 1; nth < 20; nth++) {
		ASSERT_EQ(0, add_port(&op));
		if (!fail_nth(nth, run_op, &op, &result, &error))
			break;
		/* The only thing that can fail is reading the arguments. */
		EXPECT_EQ(-1, result);
		EXPECT_EQ(EFAULT, error);
		EXPECT_EQ(0, remove_port(&op));
	}
	EXPECT_EQ(0, result);
	/* The neighbour did not notice. */
	EXPECT_EQ(-1, ioctl(self->vm, KVM_IOEVENTFD, &args));
	EXPECT_EQ(EEXIST, errno);
	args.flags |= KVM_IOEVENTFD_FLAG_DEASSIGN;
	EXPECT_EQ(0, ioctl(self->vm, KVM_IOEVENTFD, &args));
	close(op.event);
	close(other);
}

struct chip_op {
	int vm;
};

static int create_irqchip(void *arg)
{
	return ioctl(((struct chip_op *)arg)->vm, KVM_CREATE_IRQCHIP, 0);
}

static int create_pit(void *arg)
{
	struct kvm_pit_config config = { .flags = KVM_PIT_SPEAKER_DUMMY };

	return ioctl(((struct chip_op *)arg)->vm, KVM_CREATE_PIT2, &config);
}

TEST(creation_is_all_or_nothing)
{
	struct chip_op op;
	int nth = 0, result, error, chips = 0, pits = 0;
	bool injected;

	if (!fail_setup())
		SKIP(return, "the kernel has no fault injection");
	/* Some allocations have a second way; then it is made, and the next VM's turn. */
	do {
		op.vm = vm_create();
		injected = fail_nth(++nth, create_irqchip, &op, &result, &error);
		if (result) {
			EXPECT_EQ(ENOMEM, error);
			chips++;
			ASSERT_EQ(0, create_irqchip(&op));
		}
		close(op.vm);
	} while (injected);
	nth = 0;
	do {
		op.vm = vm_create_irqchip();
		injected = fail_nth(++nth, create_pit, &op, &result, &error);
		if (result) {
			EXPECT_TRUE(error == ENOMEM || error == EFAULT);
			pits++;
			ASSERT_EQ(0, create_pit(&op));
		}
		close(op.vm);
	} while (injected);
	/* The chips and the routes; the PIT and its arguments. */
	EXPECT_LE(3, chips);
	EXPECT_LE(2, pits);
}

/* Calls that move state, or bring one interrupt: what fails has changed nothing. */

union state {
	struct kvm_irqchip chip;
	struct kvm_pit_state2 pit;
	struct kvm_reinject_control control;
	struct kvm_clock_data clock;
	struct kvm_msi msi;
	struct kvm_irq_level line;
};

struct call {
	int vm;
	unsigned long cmd;
	union state state;
};

static int run_call(void *arg)
{
	struct call *call = arg;

	return ioctl(call->vm, call->cmd, &call->state);
}

FIXTURE(state) {
	int vm, vcpu;
	struct call call;
	union state before;
};

FIXTURE_VARIANT(state) {
	unsigned long get, set;
	union state state;	/* what @get is given; without @get, what @set is */
	size_t changes;		/* a byte of it */
};

#define CHIP(name, id, byte)							\
	FIXTURE_VARIANT_ADD(state, name) {					\
		.get = KVM_GET_IRQCHIP, .set = KVM_SET_IRQCHIP,			\
		.state.chip.chip_id = (id), .changes = offsetof(struct kvm_irqchip, byte), \
	}

CHIP(pic_master, KVM_IRQCHIP_PIC_MASTER, chip.pic.irq_base);
CHIP(pic_slave, KVM_IRQCHIP_PIC_SLAVE, chip.pic.irq_base);
CHIP(ioapic, KVM_IRQCHIP_IOAPIC, chip.ioapic.redirtbl[3]);
FIXTURE_VARIANT_ADD(state, pit) {
	.get = KVM_GET_PIT2, .set = KVM_SET_PIT2,
	.changes = offsetof(struct kvm_pit_state2, channels[2].latched_count),
};
FIXTURE_VARIANT_ADD(state, reinject) { .set = KVM_REINJECT_CONTROL };
FIXTURE_VARIANT_ADD(state, clock) {
	.set = KVM_SET_CLOCK, .state.clock.clock = 1ull << 60,
};
FIXTURE_VARIANT_ADD(state, msi) {
	.set = KVM_SIGNAL_MSI, .state.msi = { .address_lo = 0xfee00000, .data = VECTOR },
};
FIXTURE_VARIANT_ADD(state, line) {
	.set = KVM_IRQ_LINE, .state.line = { .irq = GSI, .level = 1 },
};

FIXTURE_SETUP(state)
{
	struct kvm_pit_config config = { };

	if (!fail_setup())
		SKIP(return, "the kernel has no fault injection");
	self->vm = vm_create_irqchip();
	kvm_ioctl_ok(self->vm, KVM_CREATE_PIT2, &config);
	self->vcpu = vm_add_vcpu(self->vm, 0);
	lapic_enable(self->vcpu);
	ASSERT_EQ(0, route_msi(self->vm, GSI, VECTOR));
	self->call = (struct call) { .vm = self->vm, .state = variant->state };
}

FIXTURE_TEARDOWN(state)
{
	close(self->vcpu);
	close(self->vm);
}

static uint64_t clock_now(int vm)
{
	struct kvm_clock_data clock;

	kvm_ioctl_ok(vm, KVM_GET_CLOCK, &clock);
	return clock.clock;
}

static void expect_nothing_changed(struct __test_metadata *_metadata,
				   FIXTURE_DATA(state) *self,
				   const FIXTURE_VARIANT(state) *variant)
{
	union state now = variant->state;

	EXPECT_FALSE(lapic_irr(self->vcpu, VECTOR));
	EXPECT_GT(1ull << 59, clock_now(self->vm));
	if (!variant->get)
		return;
	kvm_ioctl_ok(self->vm, variant->get, &now);
	EXPECT_EQ(0, memcmp(&self->before, &now, sizeof(now)));
}

/* It succeeded: what it was to do is done. Back to the state before. */
static void settle(struct __test_metadata *_metadata, FIXTURE_DATA(state) *self,
		   const FIXTURE_VARIANT(state) *variant, unsigned long cmd,
		   const union state *arg)
{
	struct kvm_clock_data zero = { };
	union state now = variant->state;

	if (cmd != variant->set)
		return;
	if (variant->get) {
		kvm_ioctl_ok(self->vm, variant->get, &now);
		EXPECT_EQ(((const uint8_t *)arg)[variant->changes],
			  ((uint8_t *)&now)[variant->changes]);
		now = self->before;
		kvm_ioctl_ok(self->vm, variant->set, &now);
		/* A PIT knows since when it is so. */
		kvm_ioctl_ok(self->vm, variant->get, &self->before);
	}
	EXPECT_EQ(cmd == KVM_SIGNAL_MSI || cmd == KVM_IRQ_LINE,
		  lapic_irr(self->vcpu, VECTOR));
	lapic_clear(self->vcpu);
	EXPECT_EQ(cmd == KVM_SET_CLOCK, clock_now(self->vm) >= 1ull << 60);
	kvm_ioctl_ok(self->vm, KVM_SET_CLOCK, &zero);
}

/* Every chance of the call, until it has none left; what a failure does not stop is done. */
static void fail_call(struct __test_metadata *_metadata, FIXTURE_DATA(state) *self,
		      const FIXTURE_VARIANT(state) *variant, unsigned long cmd)
{
	struct call *call = &self->call;
	union state arg = call->state;
	int nth, result, error, failed = 0;
	bool injected = true;

	call->cmd = cmd;
	for (nth = 1; injected && nth < MAX_CHANCES; nth++) {
		call->state = arg;
		injected = fail_nth(nth, run_call, call, &result, &error);
		if (result >= 0) {
			settle(_metadata, self, variant, cmd, &arg);
			continue;
		}
		failed++;
		EXPECT_TRUE(error == ENOMEM || error == EFAULT);
		if (cmd == variant->set)
			expect_nothing_changed(_metadata, self, variant);
	}
	EXPECT_FALSE(injected);
	EXPECT_LE(1, failed);
}

TEST_F(state, every_chance)
{
	if (variant->get) {
		fail_call(_metadata, self, variant, variant->get);
		self->before = self->call.state;
		((uint8_t *)&self->call.state)[variant->changes] ^= 0x10;
	}
	fail_call(_metadata, self, variant, variant->set);
}

TEST_HARNESS_MAIN
