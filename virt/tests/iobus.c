// SPDX-License-Identifier: GPL-2.0
/* I/O buses against a plain list, with ranges that overlap at random. */
#include <kunit/test.h>
#include <linux/prandom.h>
#include <linux/slab.h>

#include <kvm/iobus.h>
#include <kvm/kvm.h>

#define DEVICES		64
#define ADDRESSES	256
#define ROUNDS		2000

struct bus_dev {
	struct kvm_io_device dev;
	bool on;
	bool refuses;
	unsigned int order;	/* of registration */
	unsigned int hits;
};

static int bus_dev_write(struct kvm_io_device *dev, gpa_t addr, unsigned int len,
			 const void *val)
{
	struct bus_dev *d = container_of(dev, struct bus_dev, dev);

	if (d->refuses)
		return -EOPNOTSUPP;
	d->hits++;
	return 0;
}

static const struct kvm_io_ops bus_dev_ops = { .write = bus_dev_write };

static struct kvm *bus_kvm(struct kunit *test)
{
	struct kvm *kvm = kunit_kzalloc(test, sizeof(*kvm), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, kvm);
	mutex_init(&kvm->irq_lock);
	return kvm;
}

/* Whoever starts last, and of those the newest, among those that take it. */
static struct bus_dev *model_find(struct bus_dev *devs, gpa_t addr)
{
	struct bus_dev *best = NULL;
	unsigned int i;

	for (i = 0; i < DEVICES; i++) {
		struct bus_dev *d = &devs[i];
		gpa_t end = d->dev.addr + max(d->dev.len, 1u);

		if (!d->on || d->refuses || addr < d->dev.addr || addr >= end)
			continue;
		if (!best || d->dev.addr > best->dev.addr ||
		    (d->dev.addr == best->dev.addr && d->order > best->order))
			best = d;
	}
	return best;
}

static void check_all(struct kunit *test, struct kvm *kvm, struct bus_dev *devs)
{
	struct bus_dev *expected;
	unsigned int hits;
	gpa_t addr;
	u8 val = 0;
	int r;

	for (addr = 0; addr < ADDRESSES; addr++) {
		expected = model_find(devs, addr);
		hits = expected ? expected->hits : 0;
		r = kvm_bus_write(kvm, KVM_BUS_MMIO, addr, 1, &val);
		KUNIT_ASSERT_EQ(test, r, expected ? 0 : -EOPNOTSUPP);
		if (expected)
			KUNIT_ASSERT_EQ(test, expected->hits, hits + 1);
	}
}

static void bus_random(struct kunit *test)
{
	struct kvm *kvm = bus_kvm(test);
	struct bus_dev *devs = kunit_kcalloc(test, DEVICES, sizeof(*devs), GFP_KERNEL);
	struct rnd_state rnd;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, devs);
	prandom_seed_state(&rnd, 5);
	mutex_lock(&kvm->irq_lock);
	for (i = 1; i <= ROUNDS; i++) {
		struct bus_dev *d = &devs[prandom_u32_state(&rnd) % DEVICES];

		if (d->on) {
			kvm_bus_remove(kvm, KVM_BUS_MMIO, &d->dev);
			d->on = false;
		} else {
			d->dev.ops = &bus_dev_ops;
			d->dev.addr = prandom_u32_state(&rnd) % ADDRESSES;
			d->dev.len = prandom_u32_state(&rnd) % 20;
			d->refuses = prandom_u32_state(&rnd) % 4 == 0;
			d->order = i;
			KUNIT_ASSERT_EQ(test, kvm_bus_add(kvm, KVM_BUS_MMIO, &d->dev), 0);
			d->on = true;
		}
		if (i % 20 == 0)
			check_all(test, kvm, devs);
	}
	mutex_unlock(&kvm->irq_lock);
	kvm_buses_destroy(kvm);
}

static void bus_limits(struct kunit *test)
{
	struct kvm_io_device wraps = { .ops = &bus_dev_ops, .addr = ~0ull - 1, .len = 4 };
	struct kvm_io_device last = { .ops = &bus_dev_ops, .addr = ~0ull - 1, .len = 1 };
	struct kvm *kvm = bus_kvm(test);
	u8 val = 0;

	mutex_lock(&kvm->irq_lock);
	KUNIT_EXPECT_EQ(test, kvm_bus_write(kvm, KVM_BUS_MMIO, 0, 1, &val), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, kvm_bus_add(kvm, KVM_BUS_MMIO, &wraps), -EINVAL);
	KUNIT_EXPECT_EQ(test, kvm_bus_add(kvm, KVM_BUS_MMIO, &last), 0);
	/* It has no read. */
	KUNIT_EXPECT_EQ(test, kvm_bus_read(kvm, KVM_BUS_MMIO, ~0ull - 1, 1, &val),
			-EOPNOTSUPP);
	/* Another bus is another world. */
	KUNIT_EXPECT_EQ(test, kvm_bus_write(kvm, KVM_BUS_PIO, ~0ull - 1, 1, &val),
			-EOPNOTSUPP);
	mutex_unlock(&kvm->irq_lock);
	kvm_buses_destroy(kvm);
}

static struct kunit_case iobus_cases[] = {
	KUNIT_CASE(bus_random),
	KUNIT_CASE(bus_limits),
	{}
};

static struct kunit_suite iobus_suite = {
	.name = "kvm-iobus",
	.test_cases = iobus_cases,
};

kunit_test_suite(iobus_suite);
