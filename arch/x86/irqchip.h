/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Interrupts on x86: what a VM has, what an interrupt is, how it is sent and
 * how a vCPU takes it.
 */
#ifndef KVM_X86_IRQCHIP_H
#define KVM_X86_IRQCHIP_H

#include <linux/xarray.h>

#include <kvm/irqroute.h>
#include <kvm/types.h>

struct x86_vm;
struct x86_vcpu;
struct x86_lapic;

/* What of the interrupt controllers is in the kernel; set once, before vCPUs. */
enum x86_irqchip {
	X86_IRQCHIP_NONE,
	X86_IRQCHIP_FULL,	/* PIC, I/O APIC, local APICs */
	X86_IRQCHIP_SPLIT,	/* local APICs alone */
};

/**
 * struct x86_irqchips - interrupt controllers of a VM
 * @mode: enum x86_irqchip; released after the chips are there
 * @nr_reserved_pins: in split mode, GSIs below it are pins of userspace's I/O
 *	APIC, whose level interrupts want an EOI exit
 * @pic: full mode
 * @ioapic: full mode
 * @pit: NULL until KVM_CREATE_PIT2; released when complete
 * @apics: local APICs by x2APIC id (the vCPU id)
 * @nr_xapic: local APICs in xAPIC mode
 * @odd_ids: some xAPIC id is not the vCPU's; never goes back
 * @boot_cpu_id: the vCPU that starts by itself
 * @bus_cycle_ns: one tick of the APIC timer's clock
 * @msi_ids_32: KVM_X2APIC_API_USE_32BIT_IDS
 * @no_broadcast_quirk: KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK
 */
struct x86_irqchips {
	u8 mode;
	u16 nr_reserved_pins;
	struct x86_pic *pic;
	struct x86_ioapic *ioapic;
	struct x86_pit *pit;
	struct xarray apics;
	atomic_t nr_xapic;
	bool odd_ids;
	u32 boot_cpu_id;
	u32 bus_cycle_ns;
	bool msi_ids_32;
	bool no_broadcast_quirk;
};

/* Delivery modes and shorthands, as the ICR encodes them (AMD APM 2, 16.5). */
enum x86_delivery {
	X86_DELIVER_FIXED,
	X86_DELIVER_LOWEST,
	X86_DELIVER_SMI,
	X86_DELIVER_REMRD,
	X86_DELIVER_NMI,
	X86_DELIVER_INIT,
	X86_DELIVER_SIPI,
	X86_DELIVER_EXTINT,
};

enum x86_shorthand {
	X86_TO_DEST,
	X86_TO_SELF,
	X86_TO_ALL,
	X86_TO_OTHERS,
};

/**
 * struct x86_irq - an interrupt message
 * @dest: 8 bits from an xAPIC, 32 from an x2APIC
 * @vector: of the message
 * @delivery: enum x86_delivery
 * @shorthand: enum x86_shorthand
 * @logical: @dest is logical
 * @level: level-triggered: the EOI is told to I/O APICs
 * @deassert: an INIT level de-assert, which does nothing
 */
struct x86_irq {
	u32 dest;
	u8 vector;
	u8 delivery;
	u8 shorthand;
	bool logical;
	bool level;
	bool deassert;
};

static inline bool x86_has_irqchip(const struct x86_irqchips *chips)
{
	/* Pairs with the release where the mode is set. */
	return smp_load_acquire(&chips->mode) != X86_IRQCHIP_NONE;
}

void x86_irqchip_init(struct x86_vm *vm);

/**
 * x86_irqchip_stop() - stop timers, in the second stage of death
 * @vm: a VM without files
 */
void x86_irqchip_stop(struct x86_vm *vm);
void x86_irqchip_destroy(struct x86_vm *vm);

/**
 * x86_deliver_irq() - send a message to the local APICs it names
 * @vm: the VM
 * @src: the sender of an IPI; NULL for a device
 * @irq: the message
 *
 * Context: any, interrupts included.
 * Return: how many took it newly; 0 if it was pending already; -1 if nobody is
 * there to take it.
 */
int x86_deliver_irq(struct x86_vm *vm, struct x86_lapic *src, const struct x86_irq *irq);

/**
 * x86_msi_to_irq() - read a message-signalled interrupt
 * @vm: the VM: whether the upper half carries bits 8 to 31 of the destination
 * @msi: address and data
 * @irq: filled in
 */
void x86_msi_to_irq(const struct x86_vm *vm, const struct kvm_irq_msi *msi,
		    struct x86_irq *irq);

/**
 * x86_pin_acked() - the guest is done with a pin of a chip in the kernel
 * @vm: the VM
 * @irqchip: KVM_IRQCHIP_*
 * @pin: of that chip
 *
 * Context: any, but no lock of an interrupt controller.
 */
void x86_pin_acked(struct x86_vm *vm, u32 irqchip, u32 pin);

/**
 * x86_pin_unmasked() - the guest wants a pin's interrupts again
 * @vm: the VM
 * @irqchip: KVM_IRQCHIP_*
 * @pin: of that chip
 *
 * Context: any, but no lock of an interrupt controller.
 */
void x86_pin_unmasked(struct x86_vm *vm, u32 irqchip, u32 pin);

/**
 * x86_pic_raised() - the PIC asks for an interrupt
 * @vm: the VM
 *
 * Wakes the vCPUs that take interrupts from it.
 */
void x86_pic_raised(struct x86_vm *vm);

/* The APIC bus of old: 1 GHz. */
#define X86_BUS_CYCLE_NS	1

/* KVM_ENABLE_CAP; under kvm->lock. 0 or errno. */
int x86_enable_x2apic_api(struct x86_vm *vm, u64 flags);
int x86_set_apic_bus_cycle(struct x86_vm *vm, u64 ns);
int x86_enable_split_irqchip(struct x86_vm *vm, u64 nr_reserved_pins);
long x86_ioctl_create_irqchip(struct kvm_ioctl_args *args);
long x86_ioctl_get_irqchip(struct kvm_ioctl_args *args);
long x86_ioctl_set_irqchip(struct kvm_ioctl_args *args);
long x86_ioctl_irq_line(struct kvm_ioctl_args *args);
long x86_ioctl_irq_line_status(struct kvm_ioctl_args *args);
long x86_ioctl_signal_msi(struct kvm_ioctl_args *args);
long x86_ioctl_set_boot_cpu_id(struct kvm_ioctl_args *args);

#endif
