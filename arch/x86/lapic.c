// SPDX-License-Identifier: GPL-2.0
/*
 * The local APIC: its state, what it takes, and what it gives to the vCPU. Its
 * registers are in lapic_regs.c, its timer in lapic_timer.c.
 */
#include <linux/slab.h>
#include <asm/apicdef.h>
#include <asm/msr-index.h>

#include "event.h"
#include "ioapic.h"
#include "irqchip.h"
#include "lapic.h"
#include "lapic_state.h"
#include "pic.h"
#include "x86.h"

/* Priority class: the upper half of a vector, of TPR, of PPR. */
#define LAPIC_CLASS(x)		((x) & 0xf0)

bool lapic_enabled(const struct x86_lapic *apic)
{
	return READ_ONCE(apic->vcpu->apic_base) & MSR_IA32_APICBASE_ENABLE;
}

bool lapic_x2apic(const struct x86_lapic *apic)
{
	u64 mode = MSR_IA32_APICBASE_ENABLE | X2APIC_ENABLE;

	return (READ_ONCE(apic->vcpu->apic_base) & mode) == mode;
}

bool lapic_sw_enabled(const struct x86_lapic *apic)
{
	return READ_ONCE(apic->svr) & APIC_SPIV_APIC_ENABLED;
}

static struct x86_irqchips *lapic_chips(const struct x86_lapic *apic)
{
	return &to_x86_vm(apic->vcpu->vcpu.kvm)->chips;
}

/* Highest vector in one of the three bitmaps, or -1. */
static int lapic_highest(const unsigned long *map)
{
	unsigned long word;
	int i;

#pragma GCC unroll 4
	for (i = 256 / BITS_PER_LONG - 1; i >= 0; i--) {
		word = READ_ONCE(map[i]);
		if (word)
			return i * BITS_PER_LONG + __fls(word);
	}
	return -1;
}

/* Whom a message is meant for */

static bool lapic_matches_physical(const struct x86_lapic *apic,
				   const struct x86_lapic *src, u32 dest)
{
	if (lapic_x2apic(apic)) {
		/* Devices have 8 bits to say "all", unless userspace knows better. */
		if (dest == LAPIC_BROADCAST && !src && !lapic_chips(apic)->no_broadcast_quirk)
			return true;
		return dest == U32_MAX || dest == apic->id;
	}
	return dest == LAPIC_BROADCAST || dest == READ_ONCE(apic->xapic_id) ||
	       (dest > LAPIC_BROADCAST && dest == apic->id);
}

static bool lapic_matches_logical(const struct x86_lapic *apic,
				  const struct x86_lapic *src, u32 dest)
{
	u32 ldr = READ_ONCE(apic->ldr);

	if (lapic_x2apic(apic)) {
		if (dest == LAPIC_BROADCAST && !src && !lapic_chips(apic)->no_broadcast_quirk)
			return true;
		if (dest == U32_MAX)
			return true;
		return ldr >> 16 == dest >> 16 && (ldr & dest & 0xffff);
	}
	if (dest == LAPIC_BROADCAST)
		return true;
	if (dest > LAPIC_BROADCAST)
		return false;
	ldr >>= 24;
	switch (READ_ONCE(apic->dfr) >> 28) {
	case 0xf:	/* flat: a bit each */
		return ldr & dest;
	case 0:		/* cluster, and a bit in it */
		return ldr >> 4 == dest >> 4 && (ldr & dest & 0xf);
	default:
		return false;
	}
}

bool lapic_matches(const struct x86_lapic *apic, const struct x86_lapic *src,
		   const struct x86_irq *irq)
{
	if (!lapic_enabled(apic))
		return false;
	return irq->logical ? lapic_matches_logical(apic, src, irq->dest) :
			      lapic_matches_physical(apic, src, irq->dest);
}

/* What it takes */

static void lapic_notify(struct x86_lapic *apic)
{
	kvm_make_request(X86_REQ_EVENT, &apic->vcpu->vcpu);
	kvm_vcpu_kick(&apic->vcpu->vcpu);
}

static int lapic_request_vector(struct x86_lapic *apic, u8 vector, bool level)
{
	if (!lapic_sw_enabled(apic))
		return -1;
	if (vector < LAPIC_FIRST_VECTOR) {
		set_bit(LAPIC_ESR_RECV_ILLEGAL, &apic->errors);
		lapic_local(apic, LVT_ERROR);
		return -1;
	}
	/* Before IRR: who takes the vector must know how it came. */
	assign_bit(vector, apic->tmr, level);
	/* A full barrier either way; pairs with the one in lapic_ack(). */
	if (test_and_set_bit(vector, apic->irr))
		return 0;
	lapic_notify(apic);
	return 1;
}

int lapic_accept(struct x86_lapic *apic, const struct x86_irq *irq)
{
	switch (irq->delivery) {
	case X86_DELIVER_FIXED:
	case X86_DELIVER_LOWEST:
		return lapic_request_vector(apic, irq->vector, irq->level);
	case X86_DELIVER_NMI:
		x86_queue_nmi(apic->vcpu);
		return 1;
	case X86_DELIVER_INIT:
		if (irq->deassert)
			return 1;
		/* It undoes a SIPI that is still on its way. */
		WRITE_ONCE(apic->events, BIT(LAPIC_INIT));
		break;
	case X86_DELIVER_SIPI:
		WRITE_ONCE(apic->sipi_vector, irq->vector);
		set_bit(LAPIC_SIPI, &apic->events);
		break;
	default:
		/* SMI, ExtINT and the reserved mode come by no message here. */
		return -1;
	}
	lapic_notify(apic);
	return 1;
}

int lapic_local(struct x86_lapic *apic, enum lapic_lvt which)
{
	u32 lvt = READ_ONCE(apic->lvt[which]);

	if (!lapic_enabled(apic) || (lvt & APIC_LVT_MASKED))
		return 0;
	/* The timer's entry has other uses for these bits. */
	if (which == LVT_TIMER || which == LVT_ERROR)
		lvt &= ~APIC_MODE_MASK;
	switch (GET_APIC_DELIVERY_MODE(lvt)) {
	case X86_DELIVER_FIXED:
		/* An illegal vector in the error entry must not call itself. */
		if (which == LVT_ERROR && (lvt & APIC_VECTOR_MASK) < LAPIC_FIRST_VECTOR)
			return 0;
		return lapic_request_vector(apic, lvt & APIC_VECTOR_MASK, false) >= 0;
	case X86_DELIVER_NMI:
		x86_queue_nmi(apic->vcpu);
		return 1;
	default:
		return 0;
	}
}

bool lapic_takes_pic(const struct x86_lapic *apic)
{
	u32 lvt = READ_ONCE(apic->lvt[LVT_LINT0]);

	/* Switched off, the APIC lets the CPU's INTR pin through. */
	if (!lapic_enabled(apic))
		return true;
	return !(lvt & APIC_LVT_MASKED) &&
	       GET_APIC_DELIVERY_MODE(lvt) == APIC_MODE_EXTINT;
}

/* What it gives */

u8 lapic_tpr(const struct x86_lapic *apic)
{
	u8 class = apic->vcpu->cr8 << 4;

	/* CR8 is the truth; it has no lower half. */
	return LAPIC_CLASS(apic->tpr) == class ? apic->tpr : class;
}

u8 lapic_ppr(const struct x86_lapic *apic)
{
	int isr = lapic_highest(apic->isr);
	u8 tpr = lapic_tpr(apic);

	if (isr < 0 || LAPIC_CLASS(tpr) >= LAPIC_CLASS(isr))
		return tpr;
	return LAPIC_CLASS(isr);
}

/* The highest requested vector if PPR allows it, or -1. */
static int lapic_deliverable(const struct x86_lapic *apic)
{
	int irr = lapic_highest(apic->irr);

	if (irr < 0 || !lapic_enabled(apic))
		return -1;
	return LAPIC_CLASS(irr) > LAPIC_CLASS(lapic_ppr(apic)) ? irr : -1;
}

static bool lapic_pic_pending(const struct x86_lapic *apic)
{
	const struct x86_pic *pic = lapic_chips(apic)->pic;

	if (!pic)
		return READ_ONCE(apic->extint) >= 0;
	return READ_ONCE(pic->output) && lapic_takes_pic(apic);
}

bool lapic_pending(struct x86_vcpu *vcpu)
{
	return lapic_pic_pending(vcpu->lapic) || lapic_deliverable(vcpu->lapic) >= 0;
}

static int lapic_ack_pic(struct x86_lapic *apic)
{
	struct x86_pic *pic = lapic_chips(apic)->pic;
	int vector = apic->extint;

	if (pic)
		return pic_ack(pic);
	WRITE_ONCE(apic->extint, -1);
	return vector;
}

int lapic_peek(const struct x86_lapic *apic)
{
	return lapic_pic_pending(apic) ? -1 : lapic_deliverable(apic);
}

void lapic_offer(struct x86_lapic *apic, u8 vector)
{
	/* Pairs with lapic_request_vector(): one that comes now is requested anew. */
	clear_bit(vector, apic->irr);
	/* Before the guest's handler looks at what the sender wrote. */
	smp_mb__after_atomic();
}

void lapic_settle(struct x86_lapic *apic, u8 vector, bool taken)
{
	if (taken)
		__set_bit(vector, apic->isr);
	else
		set_bit(vector, apic->irr);
}

int lapic_ack(struct x86_vcpu *vcpu)
{
	struct x86_lapic *apic = vcpu->lapic;
	int vector;

	if (lapic_pic_pending(apic))
		return lapic_ack_pic(apic);
	vector = lapic_deliverable(apic);
	if (vector < 0)
		return -1;
	lapic_offer(apic, vector);
	lapic_settle(apic, vector, true);
	return vector;
}

unsigned int lapic_cr8_threshold(struct x86_vcpu *vcpu)
{
	struct x86_lapic *apic = vcpu->lapic;
	int irr = lapic_highest(apic->irr);

	if (irr < 0 || LAPIC_CLASS(irr) > LAPIC_CLASS(lapic_tpr(apic)))
		return 0;
	return irr >> 4;
}

int lapic_take_extint(struct x86_vcpu *vcpu, u8 vector)
{
	if (vcpu->lapic->extint >= 0)
		return -EEXIST;
	WRITE_ONCE(vcpu->lapic->extint, vector);
	lapic_notify(vcpu->lapic);
	return 0;
}

bool lapic_wants_extint(struct x86_vcpu *vcpu)
{
	return lapic_takes_pic(vcpu->lapic) && vcpu->lapic->extint < 0;
}

/* End of interrupt */

/* Split mode: is it a pin of userspace's I/O APIC that sends @vector by level? */
static bool lapic_user_ioapic_sends(struct kvm *kvm, u8 vector)
{
	const struct kvm_irq_table *table;
	const struct kvm_irq_route *route;
	u32 gsi;

	guard(rcu)();
	table = rcu_dereference(kvm->irq_table);
	for (gsi = 0; gsi < to_x86_vm(kvm)->chips.nr_reserved_pins; gsi++) {
		struct x86_irq irq;

		route = kvm_irq_first_route(table, gsi);
		if (!route || route->type != KVM_IRQ_ROUTING_MSI)
			continue;
		x86_msi_to_irq(to_x86_vm(kvm), &route->msi, &irq);
		if (irq.level && irq.vector == vector)
			return true;
	}
	return false;
}

static void lapic_broadcast_eoi(struct x86_lapic *apic, u8 vector)
{
	struct x86_irqchips *chips = lapic_chips(apic);
	bool level = test_bit(vector, apic->tmr);

	if (chips->ioapic) {
		ioapic_eoi(chips->ioapic, vector);
		return;
	}
	/* The guest said that it tells the I/O APIC itself. */
	if (!level || (apic->svr & APIC_SPIV_DIRECTED_EOI))
		return;
	if (!lapic_user_ioapic_sends(apic->vcpu->vcpu.kvm, vector))
		return;
	apic->eoi_exit = vector;
	kvm_make_request(X86_REQ_IOAPIC_EOI_EXIT, &apic->vcpu->vcpu);
}

void lapic_eoi(struct x86_lapic *apic)
{
	int vector = lapic_highest(apic->isr);

	if (vector < 0)
		return;
	__clear_bit(vector, apic->isr);
	lapic_broadcast_eoi(apic, vector);
	kvm_make_request(X86_REQ_EVENT, &apic->vcpu->vcpu);
}

/* The one that the guest ends next, if none waits behind it; or -1. */
static int lapic_next_to_end(const struct x86_vcpu *vcpu)
{
	const struct x86_lapic *apic = vcpu->lapic;
	int isr = lapic_highest(apic->isr), irr = lapic_highest(apic->irr);

	if (irr >= 0 || (isr >= 0 && vcpu->offered_irq >= 0))
		return -1;
	return isr >= 0 ? isr : vcpu->offered_irq;
}

bool lapic_eoi_is_silent(const struct x86_vcpu *vcpu)
{
	const struct x86_lapic *apic = vcpu->lapic;
	const struct x86_ioapic *ioapic;
	int vector;

	if (!apic)
		return false;
	vector = lapic_next_to_end(vcpu);
	if (vector < 0)
		return false;
	ioapic = lapic_chips(apic)->ioapic;
	return !test_bit(vector, ioapic ? ioapic->vectors : apic->tmr);
}

u8 lapic_take_eoi_exit(struct x86_vcpu *vcpu)
{
	return vcpu->lapic->eoi_exit;
}

/* INIT and SIPI */

static bool lapic_is_boot_cpu(const struct x86_lapic *apic)
{
	return lapic_chips(apic)->boot_cpu_id == apic->id;
}

/* Real mode at the page that the SIPI's vector names (Intel SDM 3, 11.4.4). */
static void lapic_start_up(struct x86_vcpu *vcpu)
{
	u8 vector = READ_ONCE(vcpu->lapic->sipi_vector);

	x86_fetch(vcpu, X86_GROUP_SEGMENTS);
	vcpu->seg[X86_CS].selector = vector << 8;
	vcpu->seg[X86_CS].base = vector << 12;
	x86_mark_dirty(vcpu, X86_GROUP_SEGMENTS);
	vcpu->rip = 0;
	vcpu->mp_state = KVM_MP_STATE_RUNNABLE;
}

void lapic_take_events(struct x86_vcpu *vcpu)
{
	struct x86_lapic *apic = vcpu->lapic;

	if (test_and_clear_bit(LAPIC_INIT, &apic->events)) {
		x86_vcpu_reset(vcpu, true);
		lapic_reset(vcpu, true);
		vcpu->mp_state = lapic_is_boot_cpu(apic) ? KVM_MP_STATE_RUNNABLE :
							   KVM_MP_STATE_INIT_RECEIVED;
	}
	/* Who does not wait for it ignores it. */
	if (test_and_clear_bit(LAPIC_SIPI, &apic->events) &&
	    vcpu->mp_state == KVM_MP_STATE_INIT_RECEIVED)
		lapic_start_up(vcpu);
}

/* Birth, death, reset */

u32 lapic_x2apic_ldr(u32 id)
{
	return (id >> 4) << 16 | BIT(id & 15);
}

void lapic_base_changed(struct x86_vcpu *vcpu, u64 old)
{
	struct x86_lapic *apic = vcpu->lapic;
	u64 mode = MSR_IA32_APICBASE_ENABLE | X2APIC_ENABLE;

	if (!apic || !((old ^ vcpu->apic_base) & mode))
		return;
	if ((old & mode) == MSR_IA32_APICBASE_ENABLE)
		atomic_dec(&lapic_chips(apic)->nr_xapic);
	if ((vcpu->apic_base & mode) == MSR_IA32_APICBASE_ENABLE) {
		atomic_inc(&lapic_chips(apic)->nr_xapic);
		apic->xapic_id = apic->id & 0xff;
		WRITE_ONCE(apic->ldr, 0);
	} else if (lapic_x2apic(apic)) {
		WRITE_ONCE(apic->ldr, lapic_x2apic_ldr(apic->id));
	}
	kvm_make_request(X86_REQ_EVENT, &vcpu->vcpu);
}

void lapic_reset(struct x86_vcpu *vcpu, bool init)
{
	struct x86_lapic *apic = vcpu->lapic;
	bool boot = lapic_is_boot_cpu(apic);
	u64 old = vcpu->apic_base;
	int i;

	if (!init) {
		vcpu->apic_base = APIC_DEFAULT_PHYS_BASE | MSR_IA32_APICBASE_ENABLE;
		if (boot)
			vcpu->apic_base |= MSR_IA32_APICBASE_BSP;
		lapic_base_changed(vcpu, old);
		apic->xapic_id = apic->id & 0xff;
	}
	lapic_timer_stop(apic);
	apic->timer.tmict = 0;
	apic->timer.tdcr = 0;
	for (i = 0; i < NR_LVTS; i++)
		WRITE_ONCE(apic->lvt[i], APIC_LVT_MASKED);
	/* Firmware that knows no APIC finds the PIC wired through. */
	if (boot && !init && x86_has_quirk(vcpu, KVM_X86_QUIRK_LINT0_REENABLED))
		WRITE_ONCE(apic->lvt[LVT_LINT0], APIC_MODE_EXTINT << 8);
	WRITE_ONCE(apic->dfr, U32_MAX);
	WRITE_ONCE(apic->svr, 0xff);
	WRITE_ONCE(apic->ldr, lapic_x2apic(apic) ? lapic_x2apic_ldr(apic->id) : 0);
	apic->tpr = 0;
	vcpu->cr8 = 0;
	apic->icr = 0;
	apic->esr = 0;
	apic->errors = 0;
	apic->eoi_exit = -1;
	apic->extint = -1;
	bitmap_zero(apic->irr, 256);
	bitmap_zero(apic->isr, 256);
	bitmap_zero(apic->tmr, 256);
}

int lapic_create(struct x86_vcpu *vcpu)
{
	struct x86_irqchips *chips = &to_x86_vm(vcpu->vcpu.kvm)->chips;
	struct x86_lapic *apic;
	int r;

	if (!x86_has_irqchip(chips))
		return 0;
	apic = kzalloc(sizeof(*apic), GFP_KERNEL_ACCOUNT);
	if (!apic)
		return -ENOMEM;
	apic->vcpu = vcpu;
	apic->id = vcpu->vcpu.vcpu_id;
	lapic_timer_init(apic);
	vcpu->lapic = apic;
	if (!lapic_is_boot_cpu(apic))
		vcpu->mp_state = KVM_MP_STATE_UNINITIALIZED;
	vcpu->apic_base = 0;
	lapic_reset(vcpu, false);

	/* The place is taken now, so that lapic_added() cannot fail. */
	r = xa_reserve(&chips->apics, apic->id, GFP_KERNEL_ACCOUNT);
	if (r)
		lapic_destroy(vcpu);
	return r;
}

void lapic_added(struct x86_vcpu *vcpu)
{
	struct x86_lapic *apic = vcpu->lapic;

	if (apic)
		xa_store(&lapic_chips(apic)->apics, apic->id, apic, GFP_KERNEL_ACCOUNT);
}

void lapic_destroy(struct x86_vcpu *vcpu)
{
	struct x86_lapic *apic = vcpu->lapic;

	if (!apic)
		return;
	lapic_timer_stop(apic);
	if (lapic_enabled(apic) && !lapic_x2apic(apic))
		atomic_dec(&lapic_chips(apic)->nr_xapic);
	xa_erase(&lapic_chips(apic)->apics, apic->id);
	vcpu->lapic = NULL;
	kfree(apic);
}
