// SPDX-License-Identifier: GPL-2.0
/*
 * The I/O buses. A table is sorted and replaced as a whole when a device
 * comes; when one goes, its entry is emptied in place. So removal needs no
 * memory, and nothing that fails can cost another device its place.
 */
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include <kvm/iobus.h>
#include <kvm/kvm.h>

/* @max_end: one past the end of this range and of all that start before it */
struct kvm_bus_entry {
	gpa_t start;
	gpa_t max_end;
	struct kvm_io_device *dev;
};

struct kvm_bus_table {
	struct rcu_head rcu;
	u32 nr;
	struct kvm_bus_entry entries[] __counted_by(nr);
};

static gpa_t bus_end(const struct kvm_io_device *dev)
{
	return dev->addr + max(dev->len, 1u);
}

static struct kvm_bus_table *bus_table(struct kvm *kvm, enum kvm_bus bus)
{
	return rcu_dereference_protected(kvm->buses.table[bus],
					 lockdep_is_held(&kvm->irq_lock));
}

static void bus_append(struct kvm_bus_table *table, struct kvm_io_device *dev)
{
	u32 i = table->nr++;

	table->entries[i].start = dev->addr;
	table->entries[i].max_end = bus_end(dev);
	table->entries[i].dev = dev;
	if (i)
		table->entries[i].max_end = max(table->entries[i].max_end,
						table->entries[i - 1].max_end);
}

int kvm_bus_add(struct kvm *kvm, enum kvm_bus bus, struct kvm_io_device *dev)
{
	struct kvm_bus_table *old = bus_table(kvm, bus), *new;
	u32 i, nr = 0, old_nr = old ? old->nr : 0;

	if (bus_end(dev) <= dev->addr)
		return -EINVAL;
	for (i = 0; i < old_nr; i++)
		nr += !!old->entries[i].dev;
	if (nr >= KVM_BUS_MAX_DEVICES)
		return -ENOSPC;

	new = kvmalloc(struct_size(new, entries, nr + 1), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	new->nr = 0;
	for (i = 0; i < old_nr && old->entries[i].start <= dev->addr; i++)
		if (old->entries[i].dev)
			bus_append(new, old->entries[i].dev);
	bus_append(new, dev);
	for (; i < old_nr; i++)
		if (old->entries[i].dev)
			bus_append(new, old->entries[i].dev);

	rcu_assign_pointer(kvm->buses.table[bus], new);
	if (old)
		kvfree_rcu(old, rcu);
	return 0;
}

void kvm_bus_remove(struct kvm *kvm, enum kvm_bus bus, struct kvm_io_device *dev)
{
	struct kvm_bus_table *table = bus_table(kvm, bus);
	u32 i;

	for (i = 0; i < table->nr; i++)
		if (table->entries[i].dev == dev)
			WRITE_ONCE(table->entries[i].dev, NULL);
}

/* One past the last entry that starts at or below @addr. */
static u32 bus_upper_bound(const struct kvm_bus_table *table, gpa_t addr)
{
	u32 low = 0, high = table->nr, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (table->entries[mid].start <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* The next device around @addr, from @i downwards; NULL after the last. */
static struct kvm_io_device *bus_next(const struct kvm_bus_table *table, gpa_t addr,
				      u32 *i)
{
	struct kvm_io_device *dev;

	while (*i && table->entries[*i - 1].max_end > addr) {
		dev = READ_ONCE(table->entries[--*i].dev);
		if (dev && addr < bus_end(dev))
			return dev;
	}
	return NULL;
}

static noinline int bus_read(struct kvm *kvm, enum kvm_bus bus, gpa_t addr,
			     unsigned int len, void *val)
{
	const struct kvm_bus_table *table;
	struct kvm_io_device *dev;
	u32 i;

	guard(rcu)();
	table = rcu_dereference(kvm->buses.table[bus]);
	i = bus_upper_bound(table, addr);
	while ((dev = bus_next(table, addr, &i)))
		if (dev->ops->read && !dev->ops->read(dev, addr, len, val))
			return 0;
	return -EOPNOTSUPP;
}

static noinline int bus_write(struct kvm *kvm, enum kvm_bus bus, gpa_t addr,
			      unsigned int len, const void *val)
{
	const struct kvm_bus_table *table;
	struct kvm_io_device *dev;
	u32 i;

	guard(rcu)();
	table = rcu_dereference(kvm->buses.table[bus]);
	i = bus_upper_bound(table, addr);
	while ((dev = bus_next(table, addr, &i)))
		if (dev->ops->write && !dev->ops->write(dev, addr, len, val))
			return 0;
	return -EOPNOTSUPP;
}

/* Once a bus has a table, it has one until the VM's end. */

int kvm_bus_read(struct kvm *kvm, enum kvm_bus bus, gpa_t addr, unsigned int len,
		 void *val)
{
	if (!rcu_access_pointer(kvm->buses.table[bus]))
		return -EOPNOTSUPP;
	return bus_read(kvm, bus, addr, len, val);
}

int kvm_bus_write(struct kvm *kvm, enum kvm_bus bus, gpa_t addr, unsigned int len,
		  const void *val)
{
	if (!rcu_access_pointer(kvm->buses.table[bus]))
		return -EOPNOTSUPP;
	return bus_write(kvm, bus, addr, len, val);
}

void kvm_buses_destroy(struct kvm *kvm)
{
	int bus;

	for (bus = 0; bus < KVM_NR_BUSES; bus++)
		kvfree(rcu_dereference_protected(kvm->buses.table[bus], true));
}
