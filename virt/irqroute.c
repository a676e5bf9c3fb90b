// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupt routing. A table is never changed, only replaced: readers, in
 * interrupts and on vCPU threads, look under RCU, and the old one is freed
 * when they are through.
 */
#include <linux/cleanup.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <kvm/arch.h>
#include <kvm/irqfd.h>
#include <kvm/irqroute.h>
#include <kvm/kvm.h>
#include <trace/kvm.h>

static_assert(BIT(12) >= KVM_MAX_GSIS);

static const struct kvm_irq_route *irq_route(const struct kvm_irq_table *table, u16 link)
{
	return link ? &table->routes[link - 1] : NULL;
}

const struct kvm_irq_route *kvm_irq_first_route(const struct kvm_irq_table *table, u32 gsi)
{
	if (!table || gsi >= table->nr_gsis)
		return NULL;
	return irq_route(table, table->first[array_index_nospec(gsi, table->nr_gsis)]);
}

const struct kvm_irq_route *kvm_irq_next_route(const struct kvm_irq_table *table,
					       const struct kvm_irq_route *route)
{
	return irq_route(table, route->next);
}

int kvm_set_irq(struct kvm *kvm, enum kvm_irq_source source, u32 gsi, bool level)
{
	const struct kvm_irq_table *table;
	const struct kvm_irq_route *route;
	int delivered = -1, r;

	trace_kvm_set_irq(gsi, level, source);
	guard(rcu)();
	table = rcu_dereference(kvm->irq_table);
	kvm_for_each_irq_route(route, table, gsi) {
		r = kvm_arch_set_irq(kvm, route, source, level);
		if (r >= 0)
			delivered = max(delivered, 0) + r;
	}
	return delivered;
}

void kvm_pulse_irq(struct kvm *kvm, enum kvm_irq_source source, u32 gsi)
{
	const struct kvm_irq_table *table;
	const struct kvm_irq_route *route;

	trace_kvm_set_irq(gsi, true, source);
	guard(rcu)();
	table = rcu_dereference(kvm->irq_table);
	kvm_for_each_irq_route(route, table, gsi) {
		kvm_arch_set_irq(kvm, route, source, true);
		/* A message has no end. */
		if (route->type == KVM_IRQ_ROUTING_IRQCHIP)
			kvm_arch_set_irq(kvm, route, source, false);
	}
}

void kvm_irq_acked(struct kvm *kvm, u32 irqchip, u32 pin)
{
	const struct kvm_irq_table *table;
	u32 i;

	if (!kvm_irqfd_may_resample(kvm))
		return;
	guard(rcu)();
	table = rcu_dereference(kvm->irq_table);
	for (i = 0; table && i < table->nr; i++) {
		const struct kvm_irq_route *route = &table->routes[i];

		if (route->type == KVM_IRQ_ROUTING_IRQCHIP &&
		    route->irqchip == irqchip && route->pin == pin)
			kvm_irqfd_resample(kvm, route->gsi);
	}
}

static int irq_route_init(struct kvm *kvm, struct kvm_irq_route *route,
			  const struct kvm_irq_routing_entry *entry)
{
	if (entry->flags)
		return -EINVAL;
	route->gsi = entry->gsi;
	route->next = 0;
	route->type = entry->type;
	switch (entry->type) {
	case KVM_IRQ_ROUTING_IRQCHIP:
		if (entry->u.irqchip.irqchip >= KVM_NR_IRQCHIPS ||
		    entry->u.irqchip.pin > U8_MAX)
			return -EINVAL;
		route->irqchip = entry->u.irqchip.irqchip;
		route->pin = entry->u.irqchip.pin;
		break;
	case KVM_IRQ_ROUTING_MSI:
		route->msi.address_lo = entry->u.msi.address_lo;
		route->msi.address_hi = entry->u.msi.address_hi;
		route->msi.data = entry->u.msi.data;
		break;
	default:
		return -EINVAL;
	}
	return kvm_arch_check_route(kvm, route);
}

static struct kvm_irq_table *irq_table_alloc(u32 nr)
{
	struct kvm_irq_table *table;

	table = kzalloc(sizeof(*table), GFP_KERNEL_ACCOUNT);
	if (!table)
		return NULL;
	table->routes = kvmalloc_array(nr, sizeof(*table->routes), GFP_KERNEL_ACCOUNT);
	if (table->routes)
		return table;
	kfree(table);
	return NULL;
}

static void irq_table_free(struct kvm_irq_table *table)
{
	if (!table)
		return;
	kvfree(table->first);
	kvfree(table->routes);
	kfree(table);
}

DEFINE_FREE(irq_table, struct kvm_irq_table *, irq_table_free(_T))

static void irq_table_free_rcu(struct rcu_head *rcu)
{
	irq_table_free(container_of(rcu, struct kvm_irq_table, rcu));
}

/* There is room for them. */
static int irq_table_add(struct kvm *kvm, struct kvm_irq_table *table,
			 const struct kvm_irq_routing_entry *entries, u32 nr)
{
	u32 i;
	int r;

	for (i = 0; i < nr; i++) {
		if (entries[i].gsi >= KVM_MAX_GSIS)
			return -EINVAL;
		r = irq_route_init(kvm, &table->routes[table->nr], &entries[i]);
		if (r)
			return r;
		table->nr++;
		table->nr_gsis = max(table->nr_gsis, entries[i].gsi + 1);
	}
	return 0;
}

/* A GSI leads to one message, or to pins of different chips. */
static bool irq_route_clashes(const struct kvm_irq_table *table,
			      const struct kvm_irq_route *new)
{
	const struct kvm_irq_route *route;

	kvm_for_each_irq_route(route, table, new->gsi)
		if (route->type != KVM_IRQ_ROUTING_IRQCHIP ||
		    new->type != KVM_IRQ_ROUTING_IRQCHIP || route->irqchip == new->irqchip)
			return true;
	return false;
}

static int irq_table_link(struct kvm_irq_table *table)
{
	u32 i;

	table->first = kvcalloc(table->nr_gsis, sizeof(*table->first), GFP_KERNEL_ACCOUNT);
	if (!table->first)
		return -ENOMEM;
	for (i = 0; i < table->nr; i++) {
		struct kvm_irq_route *route = &table->routes[i];

		if (irq_route_clashes(table, route))
			return -EINVAL;
		route->next = table->first[route->gsi];
		table->first[route->gsi] = i + 1;
	}
	return 0;
}

static void irq_table_publish(struct kvm *kvm, struct kvm_irq_table *new)
{
	struct kvm_irq_table *old;

	old = rcu_replace_pointer(kvm->irq_table, new, lockdep_is_held(&kvm->irq_lock));
	if (old)
		call_rcu(&old->rcu, irq_table_free_rcu);
}

int kvm_set_irq_routes(struct kvm *kvm, const struct kvm_irq_routing_entry *entries,
		       u32 nr)
{
	struct kvm_irq_table *table __free(irq_table) = irq_table_alloc(nr);
	int r;

	lockdep_assert_held(&kvm->irq_lock);
	if (!table)
		return -ENOMEM;
	r = irq_table_add(kvm, table, entries, nr) ?: irq_table_link(table);
	if (!r)
		irq_table_publish(kvm, no_free_ptr(table));
	return r;
}

/* Userspace's entries, a page at a time. */
static int irq_table_copy(struct kvm *kvm, struct kvm_irq_table *table,
			  const struct kvm_irq_routing_entry __user *user, u32 nr)
{
	struct kvm_irq_routing_entry *entries __free(kfree) = NULL;
	u32 n, room = PAGE_SIZE / sizeof(*entries);
	int r = 0;

	entries = kmalloc(PAGE_SIZE, GFP_KERNEL_ACCOUNT);
	if (!entries)
		return -ENOMEM;
	for (; nr && !r; nr -= n, user += n) {
		n = min(nr, room);
		if (copy_from_user(entries, user, n * sizeof(*entries)))
			return -EFAULT;
		r = irq_table_add(kvm, table, entries, n);
	}
	return r;
}

long kvm_ioctl_set_gsi_routing(struct kvm_ioctl_args *args)
{
	struct kvm_irq_routing __user *user = (void __user *)args->arg;
	struct kvm_irq_table *table __free(irq_table) = NULL;
	struct kvm_irq_routing head;
	int r;

	if (!kvm_arch_can_route_irqs(args->kvm))
		return -EINVAL;
	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	if (head.nr > KVM_MAX_GSIS || head.flags)
		return -EINVAL;
	table = irq_table_alloc(head.nr);
	if (!table)
		return -ENOMEM;
	r = irq_table_copy(args->kvm, table, user->entries, head.nr) ?:
	    irq_table_link(table);
	if (r)
		return r;
	guard(mutex)(&args->kvm->irq_lock);
	irq_table_publish(args->kvm, no_free_ptr(table));
	return 0;
}

void kvm_irq_routes_destroy(struct kvm *kvm)
{
	irq_table_free(rcu_dereference_protected(kvm->irq_table, true));
}
