/* SPDX-License-Identifier: GPL-2.0 */
/* The I/O APIC: 24 pins, each with a message. */
#ifndef KVM_X86_IOAPIC_H
#define KVM_X86_IOAPIC_H

#include <linux/kvm.h>

#include <kvm/iobus.h>

struct x86_vm;

#define IOAPIC_BASE	0xfec00000
#define IOAPIC_LEN	0x100

/**
 * struct x86_ioapic - the I/O APIC
 * @vm: whose it is
 * @lock: everything below; messages are sent under it
 * @state: in the ABI's format; irr is the level of the lines
 * @held: by pin, who holds the line up (bits of enum kvm_irq_source)
 * @vectors: those that some pin sends; read without the lock
 * @mmio: on the bus
 */
struct x86_ioapic {
	struct x86_vm *vm;
	raw_spinlock_t lock;
	struct kvm_ioapic_state state;
	u8 held[KVM_IOAPIC_NUM_PINS];
	DECLARE_BITMAP(vectors, 256);
	struct kvm_io_device mmio;
};

/**
 * ioapic_create() - one as after reset, on the MMIO bus
 * @vm: the VM
 *
 * Context: kvm->irq_lock.
 * Return: it or an ERR_PTR(); on failure nothing is on the bus.
 */
struct x86_ioapic *ioapic_create(struct x86_vm *vm);

/**
 * ioapic_remove() - take it off the bus again and free it
 * @ioapic: it
 *
 * Context: kvm->irq_lock, before the VM has vCPUs.
 */
void ioapic_remove(struct x86_ioapic *ioapic);

/**
 * ioapic_set_irq() - move a line
 * @ioapic: the I/O APIC
 * @pin: 0 to 23
 * @source: enum kvm_irq_source
 * @level: up or down
 *
 * The polarity bit is the guest's own affair: up means asserted.
 * Return: as x86_deliver_irq(); -1 also if the pin is masked.
 */
int ioapic_set_irq(struct x86_ioapic *ioapic, unsigned int pin, int source, bool level);

/**
 * ioapic_eoi() - a local APIC finished with a vector
 * @ioapic: the I/O APIC
 * @vector: it
 *
 * A line that is still up sends its message again.
 */
void ioapic_eoi(struct x86_ioapic *ioapic, u8 vector);

void ioapic_get_state(struct x86_ioapic *ioapic, struct kvm_ioapic_state *state);
void ioapic_set_state(struct x86_ioapic *ioapic, const struct kvm_ioapic_state *state);

#endif
