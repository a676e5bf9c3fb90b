/* SPDX-License-Identifier: GPL-2.0 */
/* Port and MMIO dispatch to what the kernel itself emulates. */
#ifndef KVM_IOBUS_H
#define KVM_IOBUS_H

#include <linux/rcupdate.h>

#include <kvm/types.h>

enum kvm_bus {
	KVM_BUS_MMIO,
	KVM_BUS_PIO,
	KVM_BUS_FAST_MMIO,	/* writes of unknown length and value: no decoding */
	KVM_NR_BUSES,
};

/* Devices on one bus; more answer ENOSPC. */
#define KVM_BUS_MAX_DEVICES	16384

/**
 * struct kvm_io_ops - what a device on a bus does
 * @read: fill @len bytes at @val
 * @write: take @len bytes at @val; NULL on KVM_BUS_FAST_MMIO
 *
 * Return: 0, or -EOPNOTSUPP if the access is none of the device's after all;
 * then the next one there is asked.
 * Context: a vCPU's thread, inside an RCU read section: they must not sleep.
 */
struct kvm_io_ops {
	int (*read)(struct kvm_io_device *dev, gpa_t addr, unsigned int len, void *val);
	int (*write)(struct kvm_io_device *dev, gpa_t addr, unsigned int len,
		     const void *val);
};

/**
 * struct kvm_io_device - a range of addresses on a bus
 * @ops: a NULL op refuses every access of its direction
 * @addr: first address
 * @len: how many addresses; 0 stands for 1
 */
struct kvm_io_device {
	const struct kvm_io_ops *ops;
	gpa_t addr;
	u32 len;
};

/* Sorted by address; @nr of them, dead ones included. */
struct kvm_bus_table;

/**
 * struct kvm_buses - the buses of a VM
 * @table: by enum kvm_bus; NULL while empty. Replaced under kvm->irq_lock,
 *	read under RCU
 */
struct kvm_buses {
	struct kvm_bus_table __rcu *table[KVM_NR_BUSES];
};

/**
 * kvm_bus_add() - put a device on a bus
 * @kvm: the VM
 * @bus: which one
 * @dev: the device, its range filled in; it may overlap others, and then the
 *	one that starts last, and of those the newest, is asked first
 *
 * Context: kvm->irq_lock.
 * Return: 0; -ENOMEM, -ENOSPC or, where the range wraps, -EINVAL. A failure
 * changes nothing for anybody.
 */
int kvm_bus_add(struct kvm *kvm, enum kvm_bus bus, struct kvm_io_device *dev);

/**
 * kvm_bus_remove() - take a device off a bus
 * @kvm: the VM
 * @bus: which one
 * @dev: the device; a vCPU may still be inside its ops, so free it by RCU
 *
 * Context: kvm->irq_lock. Needs no memory and cannot fail.
 */
void kvm_bus_remove(struct kvm *kvm, enum kvm_bus bus, struct kvm_io_device *dev);

/**
 * kvm_bus_read() - a guest's load or IN
 * @kvm: the VM
 * @bus: which bus
 * @addr: guest physical address, or port
 * @len: 1 to 8 bytes
 * @val: where they go
 *
 * Return: 0, or -EOPNOTSUPP: nobody in the kernel is there.
 */
int kvm_bus_read(struct kvm *kvm, enum kvm_bus bus, gpa_t addr, unsigned int len,
		 void *val);

/**
 * kvm_bus_write() - a guest's store or OUT
 * @kvm: the VM
 * @bus: which bus
 * @addr: guest physical address, or port
 * @len: 1 to 8 bytes; 0 on KVM_BUS_FAST_MMIO
 * @val: them; NULL on KVM_BUS_FAST_MMIO
 *
 * Return: 0, or -EOPNOTSUPP: nobody in the kernel is there.
 */
int kvm_bus_write(struct kvm *kvm, enum kvm_bus bus, gpa_t addr, unsigned int len,
		  const void *val);

/**
 * kvm_buses_destroy() - free the tables; the devices are their owners'
 * @kvm: a VM without vCPU threads
 */
void kvm_buses_destroy(struct kvm *kvm);

#endif
