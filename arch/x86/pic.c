// SPDX-License-Identifier: GPL-2.0
/*
 * Two 8259A, the slave at pin 2 of the master, with the edge/level control
 * registers of a PC (Intel 8259A data sheet, 231468).
 */
#include <linux/bits.h>
#include <linux/nospec.h>
#include <linux/slab.h>

#include "irqchip.h"
#include "pic.h"
#include "x86.h"

#define PIC_CASCADE	2

/* Bits of the initialization (ICW) and operation (OCW) command words. */
#define ICW1_ICW4	BIT(0)
#define ICW1_SELECT	BIT(4)
#define ICW4_AUTO_EOI	BIT(1)
#define ICW4_SFNM	BIT(4)
#define OCW3_SELECT	BIT(3)
#define OCW3_RIS	BIT(0)
#define OCW3_RR		BIT(1)
#define OCW3_POLL	BIT(2)
#define OCW3_SMM	BIT(5)
#define OCW3_ESMM	BIT(6)

enum {
	OCW2_EOI		= 1,
	OCW2_SEOI		= 3,
	OCW2_ROTATE_AUTO	= 4,
	OCW2_ROTATE_EOI		= 5,
	OCW2_SET_PRIORITY	= 6,
	OCW2_ROTATE_SEOI	= 7,
};

/* Where a chip is in its initialization. */
enum { PIC_READY, PIC_WANTS_ICW2, PIC_WANTS_ICW3, PIC_WANTS_ICW4 };

static const struct { u16 port; u8 len; } pic_ports[] = {
	{ 0x20, 2 }, { 0xa0, 2 }, { 0x4d0, 2 },
};

/* Pins whose trigger mode a PC can change. */
static const u8 pic_elcr_mask[] = { 0xf8, 0xde };

/* Rank of the best of @pins, 0 to 7; 8 if there is none. */
static unsigned int pic_rank(const struct kvm_pic_state *s, u8 pins)
{
	unsigned int rank;

	for (rank = 0; rank < 8; rank++)
		if (pins & BIT((rank + s->priority_add) & 7))
			break;
	return rank;
}

/* The pin that the chip asks an interrupt for, or -1. */
static int pic_chip_pending(const struct kvm_pic_state *s, u8 irr, u8 nested)
{
	unsigned int rank = pic_rank(s, irr & ~s->imr);
	u8 in_service = s->isr & ~nested;

	if (s->special_mask)
		in_service &= ~s->imr;
	if (rank == 8 || rank >= pic_rank(s, in_service))
		return -1;
	return (rank + s->priority_add) & 7;
}

static int pic_slave_pending(const struct x86_pic *pic)
{
	return pic_chip_pending(&pic->chip[1], pic->chip[1].irr, 0);
}

/* The cascade pin follows the slave's output; it has no memory of its own. */
static int pic_master_pending(const struct x86_pic *pic)
{
	const struct kvm_pic_state *s = &pic->chip[0];
	u8 irr = s->irr & ~BIT(PIC_CASCADE);

	if (pic_slave_pending(pic) >= 0)
		irr |= BIT(PIC_CASCADE);
	return pic_chip_pending(s, irr,
				s->special_fully_nested_mode ? BIT(PIC_CASCADE) : 0);
}

/*
 * Ends every change: recompute the output, unlock, then tell the others what
 * happened. They take locks of other chips, and may come back here.
 */
static void pic_unlock(struct x86_pic *pic, unsigned long flags)
{
	unsigned long acked = pic->acked, unmasked = pic->unmasked;
	bool output = pic_master_pending(pic) >= 0;
	unsigned int pin;

	pic->acked = 0;
	pic->unmasked = 0;
	WRITE_ONCE(pic->output, output);
	raw_spin_unlock_irqrestore(&pic->lock, flags);

	if (output)
		x86_pic_raised(pic->vm);
	for_each_set_bit(pin, &acked, 16)
		x86_pin_acked(pic->vm, pin / 8, pin % 8);
	for_each_set_bit(pin, &unmasked, 16)
		x86_pin_unmasked(pic->vm, pin / 8, pin % 8);
}

static void pic_end(struct x86_pic *pic, unsigned int chip, unsigned int pin)
{
	pic->chip[chip].isr &= ~BIT(pin);
	pic->acked |= BIT(chip * 8 + pin);
}

static void pic_rotate(struct kvm_pic_state *s, unsigned int pin)
{
	s->priority_add = (pin + 1) & 7;
}

static int pic_line(struct kvm_pic_state *s, unsigned int pin, bool level)
{
	u8 bit = BIT(pin);
	bool was = s->irr & bit;

	if (s->elcr & bit)
		s->irr = level ? s->irr | bit : s->irr & ~bit;
	else if (level && !(s->last_irr & bit))
		s->irr |= bit;
	s->last_irr = level ? s->last_irr | bit : s->last_irr & ~bit;

	if (s->imr & bit)
		return -1;
	return !was && (s->irr & bit);
}

int pic_set_irq(struct x86_pic *pic, unsigned int pin, int source, bool level)
{
	unsigned long flags;
	int r;

	if (pin >= 16)
		return -1;
	pin = array_index_nospec(pin, 16);
	raw_spin_lock_irqsave(&pic->lock, flags);
	pic->held[pin] = level ? pic->held[pin] | BIT(source) :
				 pic->held[pin] & ~BIT(source);
	r = pic_line(&pic->chip[pin / 8], pin % 8, pic->held[pin]);
	pic_unlock(pic, flags);
	return r;
}

static void pic_chip_ack(struct x86_pic *pic, unsigned int chip, unsigned int pin)
{
	struct kvm_pic_state *s = &pic->chip[chip];

	s->isr |= BIT(pin);
	if (!(s->elcr & BIT(pin)))
		s->irr &= ~BIT(pin);
	if (s->auto_eoi) {
		if (s->rotate_on_auto_eoi)
			pic_rotate(s, pin);
		pic_end(pic, chip, pin);
	}
}

u8 pic_ack(struct x86_pic *pic)
{
	unsigned long flags;
	int pin, slave_pin;
	u8 vector;

	raw_spin_lock_irqsave(&pic->lock, flags);
	pin = pic_master_pending(pic);
	if (pin == PIC_CASCADE) {
		slave_pin = pic_slave_pending(pic);
		pic_chip_ack(pic, 1, slave_pin);
		vector = pic->chip[1].irq_base + slave_pin;
	} else {
		/* A line that fell too early reads as pin 7, not in service. */
		vector = pic->chip[0].irq_base + (pin < 0 ? 7 : pin);
	}
	if (pin >= 0)
		pic_chip_ack(pic, 0, pin);
	pic_unlock(pic, flags);
	return vector;
}

static void pic_write_icw1(struct x86_pic *pic, unsigned int chip, u8 val)
{
	struct kvm_pic_state *s = &pic->chip[chip];

	/* An edge that is forgotten has had its answer, too. */
	pic->acked |= (s->isr | (s->irr & ~s->elcr)) << (chip * 8);
	pic->unmasked |= s->imr << (chip * 8);
	s->irr &= s->elcr;
	s->last_irr = 0;
	s->imr = 0;
	s->isr = 0;
	s->priority_add = 0;
	s->special_mask = 0;
	s->read_reg_select = 0;
	s->poll = 0;
	s->init4 = val & ICW1_ICW4;
	if (!s->init4) {
		s->special_fully_nested_mode = 0;
		s->auto_eoi = 0;
	}
	s->init_state = PIC_WANTS_ICW2;
}

static void pic_write_ocw3(struct kvm_pic_state *s, u8 val)
{
	if (val & OCW3_POLL)
		s->poll = 1;
	if (val & OCW3_RR)
		s->read_reg_select = val & OCW3_RIS;
	if (val & OCW3_ESMM)
		s->special_mask = !!(val & OCW3_SMM);
}

static void pic_write_ocw2(struct x86_pic *pic, unsigned int chip, u8 val)
{
	struct kvm_pic_state *s = &pic->chip[chip];
	unsigned int cmd = val >> 5, pin = val & 7, rank;

	switch (cmd) {
	case 0:
	case OCW2_ROTATE_AUTO:
		s->rotate_on_auto_eoi = cmd == OCW2_ROTATE_AUTO;
		break;
	case OCW2_EOI:
	case OCW2_ROTATE_EOI:
		rank = pic_rank(s, s->isr);
		if (rank == 8)
			break;
		pin = (rank + s->priority_add) & 7;
		fallthrough;
	case OCW2_SEOI:
	case OCW2_ROTATE_SEOI:
		pic_end(pic, chip, pin);
		if (cmd & 4)
			pic_rotate(s, pin);
		break;
	case OCW2_SET_PRIORITY:
		pic_rotate(s, pin);
		break;
	}
}

static void pic_write_data(struct x86_pic *pic, unsigned int chip, u8 val)
{
	struct kvm_pic_state *s = &pic->chip[chip];

	switch (s->init_state) {
	case PIC_READY:
		pic->unmasked |= (s->imr & ~val) << (chip * 8);
		s->imr = val;
		break;
	case PIC_WANTS_ICW2:
		s->irq_base = val & 0xf8;
		s->init_state = PIC_WANTS_ICW3;
		break;
	case PIC_WANTS_ICW3:
		s->init_state = s->init4 ? PIC_WANTS_ICW4 : PIC_READY;
		break;
	case PIC_WANTS_ICW4:
		s->special_fully_nested_mode = !!(val & ICW4_SFNM);
		s->auto_eoi = !!(val & ICW4_AUTO_EOI);
		s->init_state = PIC_READY;
		break;
	}
}

static void pic_write_byte(struct x86_pic *pic, u16 port, u8 val)
{
	unsigned int chip = !!(port & 0x80);

	if (port >= 0x4d0) {
		chip = port & 1;
		pic->chip[chip].elcr = val & pic_elcr_mask[chip];
	} else if (port & 1) {
		pic_write_data(pic, chip, val);
	} else if (val & ICW1_SELECT) {
		pic_write_icw1(pic, chip, val);
	} else if (val & OCW3_SELECT) {
		pic_write_ocw3(&pic->chip[chip], val);
	} else {
		pic_write_ocw2(pic, chip, val);
	}
}

/* A poll is an acknowledge by the program. */
static u8 pic_read_poll(struct x86_pic *pic, unsigned int chip)
{
	int pin = chip ? pic_slave_pending(pic) : pic_master_pending(pic);

	pic->chip[chip].poll = 0;
	if (pin < 0)
		return 0;
	pic_chip_ack(pic, chip, pin);
	return 0x80 | pin;
}

static u8 pic_read_byte(struct x86_pic *pic, u16 port)
{
	unsigned int chip = !!(port & 0x80);
	struct kvm_pic_state *s = &pic->chip[chip];

	if (port >= 0x4d0)
		return pic->chip[port & 1].elcr;
	if (s->poll)
		return pic_read_poll(pic, chip);
	if (port & 1)
		return s->imr;
	return s->read_reg_select ? s->isr : s->irr;
}

/* The chips are a byte wide: a wider access is several, as on the ISA bus. */
static int pic_access(struct x86_pic *pic, struct kvm_io_device *dev, gpa_t port,
		      unsigned int len, u8 *out, const u8 *in)
{
	unsigned long flags;
	unsigned int i;

	if (port + len > dev->addr + dev->len)
		return -EOPNOTSUPP;
	raw_spin_lock_irqsave(&pic->lock, flags);
	for (i = 0; i < len; i++) {
		if (out)
			out[i] = pic_read_byte(pic, port + i);
		else
			pic_write_byte(pic, port + i, in[i]);
	}
	pic_unlock(pic, flags);
	return 0;
}

#define PIC_PORT_OPS(n)								\
static int pic_read_##n(struct kvm_io_device *dev, gpa_t port,			\
			unsigned int len, void *val)				\
{										\
	return pic_access(container_of(dev, struct x86_pic, ports[n]), dev,	\
			  port, len, val, NULL);				\
}										\
static int pic_write_##n(struct kvm_io_device *dev, gpa_t port,			\
			 unsigned int len, const void *val)			\
{										\
	return pic_access(container_of(dev, struct x86_pic, ports[n]), dev,	\
			  port, len, NULL, val);				\
}

PIC_PORT_OPS(0)
PIC_PORT_OPS(1)
PIC_PORT_OPS(2)

static const struct kvm_io_ops pic_ops[] = {
	{ pic_read_0, pic_write_0 }, { pic_read_1, pic_write_1 },
	{ pic_read_2, pic_write_2 },
};

struct x86_pic *pic_create(struct x86_vm *vm)
{
	struct x86_pic *pic = kzalloc(sizeof(*pic), GFP_KERNEL_ACCOUNT);
	int i, r;

	if (!pic)
		return ERR_PTR(-ENOMEM);
	pic->vm = vm;
	raw_spin_lock_init(&pic->lock);
	pic->chip[0].elcr_mask = pic_elcr_mask[0];
	pic->chip[1].elcr_mask = pic_elcr_mask[1];

	for (i = 0; i < ARRAY_SIZE(pic->ports); i++) {
		pic->ports[i] = (struct kvm_io_device) {
			.ops = &pic_ops[i], .addr = pic_ports[i].port,
			.len = pic_ports[i].len,
		};
		r = kvm_bus_add(&vm->kvm, KVM_BUS_PIO, &pic->ports[i]);
		if (r)
			break;
	}
	if (i == ARRAY_SIZE(pic->ports))
		return pic;
	while (i--)
		kvm_bus_remove(&vm->kvm, KVM_BUS_PIO, &pic->ports[i]);
	kfree(pic);
	return ERR_PTR(r);
}

void pic_remove(struct x86_pic *pic)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(pic->ports); i++)
		kvm_bus_remove(&pic->vm->kvm, KVM_BUS_PIO, &pic->ports[i]);
	kfree(pic);
}

void pic_get_state(struct x86_pic *pic, unsigned int chip, struct kvm_pic_state *state)
{
	guard(raw_spinlock_irqsave)(&pic->lock);
	*state = pic->chip[chip];
}

/* Whatever userspace gives, the chip must stay one that can exist. */
void pic_set_state(struct x86_pic *pic, unsigned int chip,
		   const struct kvm_pic_state *state)
{
	struct kvm_pic_state *s = &pic->chip[chip];
	unsigned long flags;

	raw_spin_lock_irqsave(&pic->lock, flags);
	*s = *state;
	s->priority_add &= 7;
	s->init_state &= 3;
	s->elcr_mask = pic_elcr_mask[chip];
	s->elcr &= s->elcr_mask;
	pic_unlock(pic, flags);
}
