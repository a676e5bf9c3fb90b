// SPDX-License-Identifier: GPL-2.0
/* The I/O APIC (Intel 82093AA data sheet, 290566). */
#include <linux/bitmap.h>
#include <linux/nospec.h>
#include <linux/slab.h>

#include "ioapic.h"
#include "irqchip.h"
#include "x86.h"

/* The window: an index, and the register that it selects. */
#define IOAPIC_REGSEL	0x00
#define IOAPIC_WINDOW	0x10

#define IOAPIC_ID	0x00
#define IOAPIC_VERSION	0x01
#define IOAPIC_ARB	0x02
#define IOAPIC_REDIR	0x10	/* two registers a pin */

#define IOAPIC_VERSION_VALUE	(((KVM_IOAPIC_NUM_PINS - 1) << 16) | 0x11)

/* Bits of an entry that the guest cannot write: delivery status, remote IRR. */
#define IOAPIC_READ_ONLY	(BIT_ULL(12) | BIT_ULL(14))
#define IOAPIC_MASKED		BIT_ULL(16)

#define ioapic_entry(ioapic, pin)	(&(ioapic)->state.redirtbl[pin])

static void ioapic_update_vectors(struct x86_ioapic *ioapic)
{
	unsigned int pin;

	lockdep_assert_held(&ioapic->lock);
	bitmap_zero(ioapic->vectors, 256);
	for (pin = 0; pin < KVM_IOAPIC_NUM_PINS; pin++)
		__set_bit(ioapic_entry(ioapic, pin)->fields.vector, ioapic->vectors);
}

/* Send the pin's message, unless it is masked or waits for an EOI. */
static int ioapic_send(struct x86_ioapic *ioapic, unsigned int pin)
{
	typeof(ioapic_entry(ioapic, pin)) entry = ioapic_entry(ioapic, pin);
	struct x86_irq irq = {
		.dest = entry->fields.dest_id,
		.vector = entry->fields.vector,
		.delivery = entry->fields.delivery_mode,
		.logical = entry->fields.dest_mode,
		.level = entry->fields.trig_mode,
	};
	int r;

	lockdep_assert_held(&ioapic->lock);

	if (entry->fields.mask)
		return -1;
	if (irq.level && entry->fields.remote_irr)
		return 0;
	r = x86_deliver_irq(ioapic->vm, NULL, &irq);
	/* Only these two end with an EOI. */
	if (r >= 0 && irq.level && irq.delivery <= X86_DELIVER_LOWEST)
		entry->fields.remote_irr = 1;
	return r;
}

int ioapic_set_irq(struct x86_ioapic *ioapic, unsigned int pin, int source, bool level)
{
	u32 bit;

	if (pin >= KVM_IOAPIC_NUM_PINS)
		return -1;
	pin = array_index_nospec(pin, KVM_IOAPIC_NUM_PINS);
	bit = BIT(pin);

	guard(raw_spinlock_irqsave)(&ioapic->lock);
	ioapic->held[pin] = level ? ioapic->held[pin] | BIT(source) :
				    ioapic->held[pin] & ~BIT(source);
	if (!ioapic->held[pin]) {
		ioapic->state.irr &= ~bit;
		return 1;
	}
	/* An edge counts once. */
	if ((ioapic->state.irr & bit) && !ioapic_entry(ioapic, pin)->fields.trig_mode)
		return 0;
	ioapic->state.irr |= bit;
	return ioapic_send(ioapic, pin);
}

/* The pins that sent @vector; those that waited for this EOI wait no more. */
static unsigned long ioapic_end(struct x86_ioapic *ioapic, u8 vector)
{
	unsigned long pins = 0;
	unsigned int pin;

	guard(raw_spinlock_irqsave)(&ioapic->lock);
	for (pin = 0; pin < KVM_IOAPIC_NUM_PINS; pin++) {
		if (ioapic_entry(ioapic, pin)->fields.vector != vector)
			continue;
		ioapic_entry(ioapic, pin)->fields.remote_irr = 0;
		pins |= BIT(pin);
	}
	return pins;
}

void ioapic_eoi(struct x86_ioapic *ioapic, u8 vector)
{
	unsigned long pins;
	unsigned int pin;

	if (!test_bit(vector, ioapic->vectors))
		return;
	pins = ioapic_end(ioapic, vector);
	for_each_set_bit(pin, &pins, KVM_IOAPIC_NUM_PINS)
		x86_pin_acked(ioapic->vm, KVM_IRQCHIP_IOAPIC, pin);

	/* Whoever was told may have lowered the line; if not, again. */
	guard(raw_spinlock_irqsave)(&ioapic->lock);
	for_each_set_bit(pin, &pins, KVM_IOAPIC_NUM_PINS)
		if (ioapic_entry(ioapic, pin)->fields.trig_mode &&
		    (ioapic->state.irr & BIT(pin)))
			ioapic_send(ioapic, pin);
}

static u32 ioapic_read_reg(struct x86_ioapic *ioapic)
{
	u32 reg = ioapic->state.ioregsel, pin = (reg - IOAPIC_REDIR) / 2;
	u64 bits;

	switch (reg) {
	case IOAPIC_ID:
	case IOAPIC_ARB:
		return (ioapic->state.id & 0xf) << 24;
	case IOAPIC_VERSION:
		return IOAPIC_VERSION_VALUE;
	}
	if (reg < IOAPIC_REDIR || pin >= KVM_IOAPIC_NUM_PINS)
		return ~0;
	pin = array_index_nospec(pin, KVM_IOAPIC_NUM_PINS);
	bits = ioapic_entry(ioapic, pin)->bits;
	return reg & 1 ? bits >> 32 : bits;
}

/* Returns whether the pin was unmasked. */
static bool ioapic_write_entry(struct x86_ioapic *ioapic, unsigned int pin, bool high,
			       u32 val)
{
	typeof(ioapic_entry(ioapic, pin)) entry = ioapic_entry(ioapic, pin);
	u64 old = entry->bits, new;

	if (high)
		new = (old & GENMASK_ULL(31, 0)) | ((u64)val << 32);
	else
		new = (old & GENMASK_ULL(63, 32)) | val;
	entry->bits = (new & ~IOAPIC_READ_ONLY) | (old & IOAPIC_READ_ONLY);
	/* Guests switch to edge and back to make it forget an EOI it waits for. */
	if (!entry->fields.trig_mode)
		entry->fields.remote_irr = 0;
	ioapic_update_vectors(ioapic);
	if (entry->fields.trig_mode && (ioapic->state.irr & BIT(pin)))
		ioapic_send(ioapic, pin);
	return (old & IOAPIC_MASKED) && !entry->fields.mask;
}

/* Returns the pin that was unmasked, or -1. */
static int ioapic_write_reg(struct x86_ioapic *ioapic, u32 val)
{
	u32 reg = ioapic->state.ioregsel, pin = (reg - IOAPIC_REDIR) / 2;

	if (reg == IOAPIC_ID)
		ioapic->state.id = (val >> 24) & 0xf;
	if (reg < IOAPIC_REDIR || pin >= KVM_IOAPIC_NUM_PINS)
		return -1;
	pin = array_index_nospec(pin, KVM_IOAPIC_NUM_PINS);
	return ioapic_write_entry(ioapic, pin, reg & 1, val) ? pin : -1;
}

static int ioapic_mmio_read(struct kvm_io_device *dev, gpa_t addr, unsigned int len,
			    void *val)
{
	struct x86_ioapic *ioapic = container_of(dev, struct x86_ioapic, mmio);
	u64 result = 0;

	scoped_guard(raw_spinlock_irqsave, &ioapic->lock) {
		switch (addr - dev->addr) {
		case IOAPIC_REGSEL:
			result = ioapic->state.ioregsel;
			break;
		case IOAPIC_WINDOW:
			result = ioapic_read_reg(ioapic);
			break;
		}
	}
	memcpy(val, &result, len);
	return 0;
}

static int ioapic_mmio_write(struct kvm_io_device *dev, gpa_t addr, unsigned int len,
			     const void *val)
{
	struct x86_ioapic *ioapic = container_of(dev, struct x86_ioapic, mmio);
	int unmasked = -1;
	u32 data = 0;

	memcpy(&data, val, min_t(unsigned int, len, sizeof(data)));
	scoped_guard(raw_spinlock_irqsave, &ioapic->lock) {
		switch (addr - dev->addr) {
		case IOAPIC_REGSEL:
			ioapic->state.ioregsel = data & 0xff;
			break;
		case IOAPIC_WINDOW:
			unmasked = ioapic_write_reg(ioapic, data);
			break;
		}
	}
	if (unmasked >= 0)
		x86_pin_unmasked(ioapic->vm, KVM_IRQCHIP_IOAPIC, unmasked);
	return 0;
}

static const struct kvm_io_ops ioapic_ops = {
	.read	= ioapic_mmio_read,
	.write	= ioapic_mmio_write,
};

struct x86_ioapic *ioapic_create(struct x86_vm *vm)
{
	struct x86_ioapic *ioapic = kzalloc(sizeof(*ioapic), GFP_KERNEL_ACCOUNT);
	unsigned int pin;
	int r;

	if (!ioapic)
		return ERR_PTR(-ENOMEM);
	ioapic->vm = vm;
	raw_spin_lock_init(&ioapic->lock);
	ioapic->state.base_address = IOAPIC_BASE;
	for (pin = 0; pin < KVM_IOAPIC_NUM_PINS; pin++)
		ioapic_entry(ioapic, pin)->fields.mask = 1;
	ioapic->mmio = (struct kvm_io_device) {
		.ops = &ioapic_ops, .addr = IOAPIC_BASE, .len = IOAPIC_LEN,
	};
	r = kvm_bus_add(&vm->kvm, KVM_BUS_MMIO, &ioapic->mmio);
	if (!r)
		return ioapic;
	kfree(ioapic);
	return ERR_PTR(r);
}

void ioapic_remove(struct x86_ioapic *ioapic)
{
	kvm_bus_remove(&ioapic->vm->kvm, KVM_BUS_MMIO, &ioapic->mmio);
	kfree(ioapic);
}

void ioapic_get_state(struct x86_ioapic *ioapic, struct kvm_ioapic_state *state)
{
	guard(raw_spinlock_irqsave)(&ioapic->lock);
	*state = ioapic->state;
}

/*
 * Messages that were sent are with the local APICs, and are restored there;
 * only a line that is up and has sent nothing sends now.
 */
void ioapic_set_state(struct x86_ioapic *ioapic, const struct kvm_ioapic_state *state)
{
	unsigned int pin;

	guard(raw_spinlock_irqsave)(&ioapic->lock);
	ioapic->state = *state;
	ioapic->state.base_address = IOAPIC_BASE;
	ioapic->state.irr = 0;
	ioapic->state.ioregsel &= 0xff;
	ioapic_update_vectors(ioapic);
	for (pin = 0; pin < KVM_IOAPIC_NUM_PINS; pin++) {
		ioapic->held[pin] = 0;
		if (!(state->irr & BIT(pin)))
			continue;
		ioapic->held[pin] = BIT(KVM_IRQ_SOURCE_USER);
		ioapic->state.irr |= BIT(pin);
		ioapic_send(ioapic, pin);
	}
}
