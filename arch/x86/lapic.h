/* SPDX-License-Identifier: GPL-2.0 */
/* The local APIC (AMD APM 2, chapter 16; Intel SDM 3, chapter 11). */
#ifndef KVM_X86_LAPIC_H
#define KVM_X86_LAPIC_H

#include <linux/bitmap.h>
#include <linux/hrtimer.h>
#include <linux/kvm.h>

#include <kvm/types.h>

#include "irqchip.h"

/* Local vector table, in the order of its registers. */
enum lapic_lvt {
	LVT_TIMER,
	LVT_THERMAL,
	LVT_PERF,
	LVT_LINT0,
	LVT_LINT1,
	LVT_ERROR,
	NR_LVTS,
};

/* Bits of lapic.events. */
enum { LAPIC_INIT, LAPIC_SIPI };

/**
 * struct lapic_timer - the timer of a local APIC
 * @hrtimer: runs while armed, in interrupt context
 * @tmict: initial count
 * @tdcr: divide configuration
 * @deadline: IA32_TSC_DEADLINE, 0 if not armed
 * @host_deadline: the same by the host's counter
 * @expires: when a count ends, CLOCK_MONOTONIC; 0 if not armed
 * @period: of the count that runs, in ns
 *
 * All but @hrtimer is the vCPU's thread's; the callback reads.
 */
struct lapic_timer {
	struct hrtimer hrtimer;
	u32 tmict;
	u32 tdcr;
	u64 deadline;
	u64 host_deadline;
	ktime_t expires;
	u64 period;
};

/**
 * struct x86_lapic - a local APIC
 * @vcpu: whose it is
 * @id: x2APIC id, the vCPU's
 * @xapic_id: id in xAPIC mode, 8 bits
 * @irr: requested; anybody sets, the vCPU clears
 * @tmr: of each vector, whether it came level-triggered; anybody
 * @isr: in service; the vCPU's own, like all below but where said
 * @tpr: as last written to the register; vcpu->cr8 may be newer
 * @ldr: logical destination; others read it
 * @dfr: destination format; others read it
 * @svr: spurious interrupt vector and software enable; others read it
 * @icr: last IPI sent; destination in the upper half
 * @lvt: by enum lapic_lvt; the timer's callback and the PIC read it
 * @esr: error status as the guest sees it
 * @errors: since the last write to ESR; anybody
 * @events: INIT and SIPI that wait; anybody
 * @sipi_vector: of the last SIPI
 * @turns: lowest-priority interrupts taken; who took fewest is next
 * @extint: split mode: vector of userspace's PIC, or -1
 * @eoi_exit: split mode: vector whose EOI userspace is to know, or -1
 * @timer: the timer
 */
struct x86_lapic {
	struct x86_vcpu *vcpu;
	u32 id;
	u32 xapic_id;
	DECLARE_BITMAP(irr, 256);
	DECLARE_BITMAP(tmr, 256);
	DECLARE_BITMAP(isr, 256);
	u8 tpr;
	u32 ldr;
	u32 dfr;
	u32 svr;
	u64 icr;
	u32 lvt[NR_LVTS];
	u32 esr;
	unsigned long errors;
	unsigned long events;
	u8 sipi_vector;
	u32 turns;
	int extint;
	int eoi_exit;
	struct lapic_timer timer;
};

/**
 * lapic_create() - give a vCPU its local APIC, if the VM has them
 * @vcpu: a vCPU that nobody can find yet
 *
 * Return: 0 or -ENOMEM.
 */
int lapic_create(struct x86_vcpu *vcpu);
void lapic_destroy(struct x86_vcpu *vcpu);

/* The vCPU is complete: messages find it from now on. */
void lapic_added(struct x86_vcpu *vcpu);

/**
 * lapic_reset() - registers after RESET or INIT
 * @vcpu: the vCPU
 * @init: INIT: the mode and the id stay
 */
void lapic_reset(struct x86_vcpu *vcpu, bool init);

/**
 * lapic_base_changed() - IA32_APIC_BASE was written
 * @vcpu: the vCPU, apic_base being the new value
 * @old: the old one
 */
void lapic_base_changed(struct x86_vcpu *vcpu, u64 old);

/* Modes, by IA32_APIC_BASE. */
bool lapic_enabled(const struct x86_lapic *apic);
bool lapic_x2apic(const struct x86_lapic *apic);

/**
 * lapic_matches() - is a message meant for this one
 * @apic: the local APIC
 * @src: the sender of an IPI, NULL for a device
 * @irq: with shorthand X86_TO_DEST
 */
bool lapic_matches(const struct x86_lapic *apic, const struct x86_lapic *src,
		   const struct x86_irq *irq);

/**
 * lapic_accept() - take a message
 * @apic: the local APIC
 * @irq: meant for it
 *
 * Context: any.
 * Return: 1; 0 if it was pending; -1 if the APIC is switched off.
 */
int lapic_accept(struct x86_lapic *apic, const struct x86_irq *irq);

/**
 * lapic_local() - a local interrupt source fires
 * @apic: the local APIC
 * @which: the entry that says what comes of it
 *
 * Context: any.
 * Return: 0 if it is masked.
 */
int lapic_local(struct x86_lapic *apic, enum lapic_lvt which);

/* Does the vCPU take interrupts from the PIC? */
bool lapic_takes_pic(const struct x86_lapic *apic);

/**
 * lapic_pending() - is there an interrupt that TPR and what is in service allow
 * @vcpu: the vCPU; from another thread the answer is a guess
 */
bool lapic_pending(struct x86_vcpu *vcpu);

/**
 * lapic_ack() - take the interrupt of the highest priority
 * @vcpu: the vCPU, by its own thread
 *
 * Return: its vector, now in service; -1 if there is none.
 */
int lapic_ack(struct x86_vcpu *vcpu);

/* What lapic_ack() would take: its vector; -1 if there is none, or it is the PIC's. */
int lapic_peek(const struct x86_lapic *apic);

/* A requested vector is on its way to the guest, and may be requested again. */
void lapic_offer(struct x86_lapic *apic, u8 vector);

/* It goes into service, or is requested as before. */
void lapic_settle(struct x86_lapic *apic, u8 vector, bool taken);

/* The guest is done with the interrupt of the highest priority in service. */
void lapic_eoi(struct x86_lapic *apic);

/* Would the end of the next one concern nobody but the local APIC? */
bool lapic_eoi_is_silent(const struct x86_vcpu *vcpu);

/**
 * lapic_cr8_threshold() - up to which CR8 would hold back what is requested
 * @vcpu: the vCPU
 *
 * Return: the class of the highest requested vector if CR8 alone holds it
 * back: the guest's next write to CR8 matters; else 0.
 */
unsigned int lapic_cr8_threshold(struct x86_vcpu *vcpu);

/**
 * lapic_take_extint() - split mode: an interrupt of userspace's PIC
 * @vcpu: the vCPU
 * @vector: 0 to 255
 *
 * Return: 0; -EEXIST if one waits.
 */
int lapic_take_extint(struct x86_vcpu *vcpu, u8 vector);

/* Split mode: would the vCPU take another one? */
bool lapic_wants_extint(struct x86_vcpu *vcpu);

/* Split mode: the vector for KVM_EXIT_IOAPIC_EOI. */
u8 lapic_take_eoi_exit(struct x86_vcpu *vcpu);

/* Does an INIT, or a SIPI that is waited for, want lapic_take_events()? */
static inline bool lapic_has_events(const struct x86_lapic *apic)
{
	return apic && READ_ONCE(apic->events);
}

/**
 * lapic_take_events() - do what INIT and SIPI ask
 * @vcpu: the vCPU, by its own thread
 */
void lapic_take_events(struct x86_vcpu *vcpu);

/**
 * lapic_mmio_read() - a load from the page at IA32_APIC_BASE
 * @vcpu: the vCPU, by its own thread
 * @gpa: address
 * @len: bytes, 1 to 8
 * @val: filled in
 *
 * Return: 0, or -EOPNOTSUPP if the address is not the local APIC's.
 */
int lapic_mmio_read(struct x86_vcpu *vcpu, gpa_t gpa, unsigned int len, void *val);
int lapic_mmio_write(struct x86_vcpu *vcpu, gpa_t gpa, unsigned int len, const void *val);

/**
 * lapic_get_msr() - x2APIC registers, MSRs 0x800 to 0x8ff
 * @vcpu: the vCPU, by its own thread
 * @index: number of the MSR
 * @data: filled in
 *
 * Return: 0, or -EINVAL: #GP(0).
 */
int lapic_get_msr(struct x86_vcpu *vcpu, u32 index, u64 *data);
int lapic_set_msr(struct x86_vcpu *vcpu, u32 index, u64 data);

long x86_ioctl_get_lapic(struct kvm_ioctl_args *args);
long x86_ioctl_set_lapic(struct kvm_ioctl_args *args);

/* lapic_timer.c */

/* Bits 18:17 of the timer's LVT entry. */
enum lapic_timer_mode {
	LAPIC_ONESHOT,
	LAPIC_PERIODIC,
	LAPIC_TSC_DEADLINE,
};

void lapic_timer_init(struct x86_lapic *apic);
void lapic_timer_stop(struct x86_lapic *apic);
enum lapic_timer_mode lapic_timer_mode(const struct x86_lapic *apic);

/* Nanoseconds that a count takes. */
u64 lapic_timer_period(u32 tmict, u32 tdcr, u32 bus_cycle_ns);

/* A write to TMICT: count from there. */
void lapic_timer_start(struct x86_lapic *apic, u32 tmict);

/* A restored count: @left of TMICT for the first time round. */
void lapic_timer_resume(struct x86_lapic *apic, u32 left);
void lapic_timer_set_divisor(struct x86_lapic *apic, u32 tdcr);

/* The current count, TMCCT. */
u32 lapic_timer_left(const struct x86_lapic *apic);

u64 lapic_get_tsc_deadline(struct x86_vcpu *vcpu);
void lapic_set_tsc_deadline(struct x86_vcpu *vcpu, u64 deadline);

/* The guest's counter jumped: the deadline is elsewhere by the host's. */
void lapic_tsc_changed(struct x86_vcpu *vcpu);

#endif
