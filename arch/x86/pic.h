/* SPDX-License-Identifier: GPL-2.0 */
/* The pair of 8259A interrupt controllers. */
#ifndef KVM_X86_PIC_H
#define KVM_X86_PIC_H

#include <linux/kvm.h>

#include <kvm/iobus.h>

struct x86_vm;

/**
 * struct x86_pic - master and slave
 * @vm: whose they are
 * @lock: everything below; innermost but for the scheduler's
 * @chip: master and slave, in the ABI's format
 * @held: by pin, who holds the line up (bits of enum kvm_irq_source)
 * @acked: pins that were acknowledged while @lock was held
 * @unmasked: pins that were unmasked while @lock was held
 * @output: the line to the CPU; read without the lock
 * @ports: on the bus: master, slave, edge/level control
 */
struct x86_pic {
	struct x86_vm *vm;
	raw_spinlock_t lock;
	struct kvm_pic_state chip[2];
	u8 held[16];
	u16 acked;
	u16 unmasked;
	bool output;
	struct kvm_io_device ports[3];
};

/**
 * pic_create() - a pair as after power-on, on the port bus
 * @vm: the VM
 *
 * Context: kvm->irq_lock.
 * Return: it or an ERR_PTR(); on failure nothing is on the bus.
 */
struct x86_pic *pic_create(struct x86_vm *vm);

/**
 * pic_remove() - take it off the bus again and free it
 * @pic: it
 *
 * Context: kvm->irq_lock, before the VM has vCPUs.
 */
void pic_remove(struct x86_pic *pic);

/**
 * pic_set_irq() - move a line
 * @pic: the pair
 * @pin: 0 to 15
 * @source: enum kvm_irq_source
 * @level: up or down
 *
 * Return: 1; 0 if it merged with one that is pending; -1 if it is masked.
 */
int pic_set_irq(struct x86_pic *pic, unsigned int pin, int source, bool level);

/**
 * pic_ack() - the CPU's interrupt acknowledge cycle
 * @pic: the pair
 *
 * Return: the vector; that of a spurious interrupt if there is none.
 */
u8 pic_ack(struct x86_pic *pic);

void pic_get_state(struct x86_pic *pic, unsigned int chip, struct kvm_pic_state *state);
void pic_set_state(struct x86_pic *pic, unsigned int chip,
		   const struct kvm_pic_state *state);

#endif
