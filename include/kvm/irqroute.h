/* SPDX-License-Identifier: GPL-2.0 */
/* From a GSI to interrupt controller pins or a message. */
#ifndef KVM_IRQROUTE_H
#define KVM_IRQROUTE_H

#include <linux/kvm.h>
#include <linux/rcupdate.h>

#include <kvm/types.h>

/* GSIs are 0 to KVM_MAX_GSIS - 1; as many entries fit a table. */
#define KVM_MAX_GSIS		4096

/*
 * Who holds a line up. A level-triggered pin is up while anybody does.
 */
enum kvm_irq_source {
	KVM_IRQ_SOURCE_USER,	/* KVM_IRQ_LINE and irqfds */
	KVM_IRQ_SOURCE_RESAMPLE,	/* irqfds that have a resample eventfd */
	KVM_IRQ_SOURCE_PIT,
	KVM_NR_IRQ_SOURCES,
};

/**
 * struct kvm_irq_route - one entry of a routing table
 * @gsi: what it routes, below KVM_MAX_GSIS
 * @type: KVM_IRQ_ROUTING_IRQCHIP or KVM_IRQ_ROUTING_MSI
 * @next: one more than the index of the next route of @gsi; 0 for none
 * @irqchip: KVM_IRQCHIP_*, below KVM_NR_IRQCHIPS
 * @pin: of that chip, as kvm_arch_check_route() allows
 * @msi: the message, as the bus would carry it
 */
struct kvm_irq_route {
	u16 gsi:12, type:4;
	u16 next;
	union {
		struct {
			u8 irqchip;
			u8 pin;
		};
		struct kvm_irq_msi {
			u32 address_lo;
			u32 address_hi;
			u32 data;
		} msi;
	};
};

/**
 * struct kvm_irq_table - all routes of a VM
 * @rcu: freed behind readers
 * @nr: entries in @routes
 * @nr_gsis: one more than the highest GSI: entries in @first
 * @first: by GSI, one more than the index of its first route; 0 for none
 * @routes: in the order of userspace; not behind this struct, where the largest
 *	table would need twice the memory of the next power of two
 */
struct kvm_irq_table {
	struct rcu_head rcu;
	u32 nr;
	u32 nr_gsis;
	u16 *first;
	struct kvm_irq_route *routes;
};

/**
 * kvm_irq_first_route() - the routes of a GSI
 * @table: the table, under RCU
 * @gsi: any number
 *
 * Return: the first route or NULL.
 */
const struct kvm_irq_route *kvm_irq_first_route(const struct kvm_irq_table *table, u32 gsi);
const struct kvm_irq_route *kvm_irq_next_route(const struct kvm_irq_table *table,
					       const struct kvm_irq_route *route);

#define kvm_for_each_irq_route(route, table, gsi)			\
	for ((route) = kvm_irq_first_route(table, gsi); (route);	\
	     (route) = kvm_irq_next_route(table, route))

/**
 * kvm_set_irq() - move a line, or send its message
 * @kvm: the VM
 * @source: enum kvm_irq_source
 * @gsi: any number; without a route nothing happens
 * @level: up or down; messages go out when it is up
 *
 * Context: any, interrupts included.
 * Return: how many vCPUs the interrupt was delivered to; 0 if it merged with
 * one that is pending; -1 if it is masked or has no route.
 */
int kvm_set_irq(struct kvm *kvm, enum kvm_irq_source source, u32 gsi, bool level);

/* The same, up and down again: an edge, or a message. */
void kvm_pulse_irq(struct kvm *kvm, enum kvm_irq_source source, u32 gsi);

/**
 * kvm_set_irq_routes() - replace the table
 * @kvm: the VM
 * @entries: in the ABI's format
 * @nr: how many, at most KVM_MAX_GSIS
 *
 * Context: kvm->irq_lock. Waits for nobody; readers see the old table or the new.
 * Return: 0; -EINVAL for a GSI, type, pin or combination that is not allowed;
 * -ENOMEM. On failure the old table stays.
 */
int kvm_set_irq_routes(struct kvm *kvm, const struct kvm_irq_routing_entry *entries,
		       u32 nr);

/**
 * kvm_irq_acked() - the guest has finished with a pin
 * @kvm: the VM
 * @irqchip: KVM_IRQCHIP_*
 * @pin: of that chip
 *
 * Lowers the line of every GSI routed there that has resampling irqfds, and
 * signals their resample eventfds.
 * Context: any, but no lock of an interrupt controller.
 */
void kvm_irq_acked(struct kvm *kvm, u32 irqchip, u32 pin);

long kvm_ioctl_set_gsi_routing(struct kvm_ioctl_args *args);
void kvm_irq_routes_destroy(struct kvm *kvm);

#endif
