// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupt routing. A table is never changed, only replaced: readers, in
 * interrupts and on vCPU threads, look under RCU, and the old one is freed
 * when they are through.
 */
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <kvm/arch.h>
#include <kvm/irqfd.h>
#include <kvm/irqroute.h>
#include <kvm/kvm.h>
#include <trace/kvm.h>

const struct kvm_irq_route *kvm_irq_routes(const struct kvm_irq_table *table, u32 gsi,
					   const struct kvm_irq_route **end)
{
	*end = NULL;
	if (!table || gsi >= table->nr_gsis)
		return NULL;
	gsi = array_index_nospec(gsi, table->nr_gsis);
	*end = table->routes + table->first[gsi + 1];
	return table->routes + table->first[gsi];
}

int kvm_set_irq(struct kvm *kvm, enum kvm_irq_source source, u32 gsi, bool level)
{
	const struct kvm_irq_route *route, *end;
	int delivered = -1, r;

	trace_kvm_set_irq(gsi, level, source);
	guard(rcu)();
	route = kvm_irq_routes(rcu_dereference(kvm->irq_table), gsi, &end);
	for (; route < end; route++) {
		r = kvm_arch_set_irq(kvm, route, source, level);
		if (r >= 0)
			delivered = max(delivered, 0) + r;
	}
	return delivered;
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

/* A GSI leads to one message, or to pins of different chips. */
static bool irq_routes_clash(const struct kvm_irq_table *table, u32 gsi)
{
	const struct kvm_irq_route *route, *end;
	unsigned long chips = 0;

	route = kvm_irq_routes(table, gsi, &end);
	if (end - route < 2)
		return false;
	for (; route < end; route++)
		if (route->type != KVM_IRQ_ROUTING_IRQCHIP ||
		    __test_and_set_bit(route->irqchip, &chips))
			return true;
	return false;
}

static struct kvm_irq_table *irq_table_alloc(u32 nr, u32 nr_gsis)
{
	struct kvm_irq_table *table;
	size_t size = struct_size(table, routes, nr);

	/* One index more than GSIs, and one more that the sort needs. */
	table = kvzalloc(size_add(size, array_size(nr_gsis + 2, sizeof(*table->first))),
			 GFP_KERNEL_ACCOUNT);
	if (!table)
		return NULL;
	table->nr = nr;
	table->nr_gsis = nr_gsis;
	table->first = (void *)table + size;
	return table;
}

/*
 * Sort by counting: @first holds how many routes each GSI has, shifted by two
 * places; summed up and filled, it becomes the index.
 */
static int irq_table_fill(struct kvm *kvm, struct kvm_irq_table *table,
			  const struct kvm_irq_routing_entry *entries)
{
	u32 i;
	int r;

	for (i = 0; i < table->nr; i++)
		table->first[entries[i].gsi + 2]++;
	for (i = 2; i < table->nr_gsis + 2; i++)
		table->first[i] += table->first[i - 1];
	for (i = 0; i < table->nr; i++) {
		u16 at = table->first[entries[i].gsi + 1]++;

		r = irq_route_init(kvm, &table->routes[at], &entries[i]);
		if (r)
			return r;
	}
	for (i = 0; i < table->nr_gsis; i++)
		if (irq_routes_clash(table, i))
			return -EINVAL;
	return 0;
}

int kvm_set_irq_routes(struct kvm *kvm, const struct kvm_irq_routing_entry *entries,
		       u32 nr)
{
	struct kvm_irq_table *new, *old;
	u32 i, nr_gsis = 0;
	int r;

	lockdep_assert_held(&kvm->irq_lock);

	for (i = 0; i < nr; i++) {
		if (entries[i].gsi >= KVM_MAX_GSIS)
			return -EINVAL;
		nr_gsis = max(nr_gsis, entries[i].gsi + 1);
	}
	new = irq_table_alloc(nr, nr_gsis);
	if (!new)
		return -ENOMEM;
	r = irq_table_fill(kvm, new, entries);
	if (r) {
		kvfree(new);
		return r;
	}

	old = rcu_replace_pointer(kvm->irq_table, new, lockdep_is_held(&kvm->irq_lock));
	if (old)
		kvfree_rcu(old, rcu);
	return 0;
}

long kvm_ioctl_set_gsi_routing(struct kvm_ioctl_args *args)
{
	struct kvm_irq_routing __user *user = (void __user *)args->arg;
	struct kvm_irq_routing_entry *entries __free(kvfree) = NULL;
	struct kvm_irq_routing head;

	if (!kvm_arch_can_route_irqs(args->kvm))
		return -EINVAL;
	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	if (head.nr > KVM_MAX_GSIS || head.flags)
		return -EINVAL;
	if (head.nr) {
		entries = kvmalloc_array(head.nr, sizeof(*entries), GFP_KERNEL_ACCOUNT);
		if (!entries)
			return -ENOMEM;
		if (copy_from_user(entries, user->entries, head.nr * sizeof(*entries)))
			return -EFAULT;
	}
	guard(mutex)(&args->kvm->irq_lock);
	return kvm_set_irq_routes(args->kvm, entries, head.nr);
}

void kvm_irq_routes_destroy(struct kvm *kvm)
{
	kvfree(rcu_dereference_protected(kvm->irq_table, true));
}
