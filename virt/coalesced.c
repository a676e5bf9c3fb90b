// SPDX-License-Identifier: GPL-2.0
/*
 * Coalesced MMIO and PIO: writes to a zone go to a ring that userspace reads
 * when it next has reason to. A full ring, or one whose indices make no sense,
 * lets the write exit as any other.
 */
#include <linux/cleanup.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/slab.h>

#include <kvm/coalesced.h>
#include <kvm/iobus.h>
#include <kvm/ioctl.h>
#include <kvm/kvm.h>

struct kvm_coalesced_zone {
	struct kvm_io_device dev;
	struct kvm *kvm;
	bool pio;
	bool removed;		/* under the ring's lock */
	struct list_head node;
	struct rcu_head rcu;
};

static enum kvm_bus coalesced_bus(bool pio)
{
	return pio ? KVM_BUS_PIO : KVM_BUS_MMIO;
}

static bool coalesced_contains(const struct kvm_io_device *dev, gpa_t addr, u32 len)
{
	return addr >= dev->addr && len <= dev->len &&
	       addr - dev->addr <= dev->len - len;
}

/* Under the ring's lock. Userspace writes the ring, too: its indices are checked. */
static int coalesced_append(struct kvm_coalesced_zone *zone, gpa_t addr,
			    unsigned int len, const void *val)
{
	struct kvm_coalesced_ring *coalesced = &zone->kvm->coalesced;
	struct kvm_coalesced_mmio_ring *ring = coalesced->ring;
	struct kvm_coalesced_mmio *entry;
	u32 last, next;

	last = READ_ONCE(ring->last);
	if (zone->removed || last >= KVM_COALESCED_MMIO_MAX)
		return -EOPNOTSUPP;
	last = array_index_nospec(last, KVM_COALESCED_MMIO_MAX);
	next = (last + 1) % KVM_COALESCED_MMIO_MAX;
	if (next == READ_ONCE(ring->first))
		return -EOPNOTSUPP;

	entry = &ring->coalesced_mmio[last];
	entry->phys_addr = addr;
	entry->len = len;
	entry->pio = zone->pio;
	memcpy(entry->data, val, len);
	/* Userspace, which reads the index first, finds the entry complete. */
	smp_store_release(&ring->last, next);
	return 0;
}

static int coalesced_write(struct kvm_io_device *dev, gpa_t addr, unsigned int len,
			   const void *val)
{
	struct kvm_coalesced_zone *zone = container_of(dev, typeof(*zone), dev);
	spinlock_t *lock = &zone->kvm->coalesced.lock;
	int r;

	if (!coalesced_contains(dev, addr, len))
		return -EOPNOTSUPP;
	spin_lock(lock);
	r = coalesced_append(zone, addr, len, val);
	spin_unlock(lock);
	return r;
}

static const struct kvm_io_ops coalesced_ops = { .write = coalesced_write };

struct page *kvm_coalesced_page(struct kvm *kvm)
{
	struct kvm_coalesced_mmio_ring *ring = READ_ONCE(kvm->coalesced.ring), *old;

	if (ring)
		return virt_to_page(ring);
	ring = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!ring)
		return NULL;
	/* Faults and registrations may race; all must see the same page. */
	old = cmpxchg(&kvm->coalesced.ring, NULL, ring);
	if (!old)
		return virt_to_page(ring);
	free_page((unsigned long)ring);
	return virt_to_page(old);
}

long kvm_ioctl_register_coalesced(struct kvm_ioctl_args *args)
{
	const struct kvm_coalesced_mmio_zone *user = args->data;
	struct kvm_coalesced_zone *zone;
	struct kvm *kvm = args->kvm;
	int r;

	if (user->pio > 1)
		return -EINVAL;
	if (!kvm_coalesced_page(kvm))
		return -ENOMEM;
	zone = kzalloc(sizeof(*zone), GFP_KERNEL_ACCOUNT);
	if (!zone)
		return -ENOMEM;
	zone->dev = (struct kvm_io_device) {
		.ops = &coalesced_ops, .addr = user->addr, .len = user->size,
	};
	zone->kvm = kvm;
	zone->pio = user->pio;

	guard(mutex)(&kvm->irq_lock);
	r = kvm_bus_add(kvm, coalesced_bus(zone->pio), &zone->dev);
	if (r) {
		kfree(zone);
		return r;
	}
	list_add(&zone->node, &kvm->coalesced.zones);
	return 0;
}

static void coalesced_remove(struct kvm_coalesced_zone *zone)
{
	kvm_bus_remove(zone->kvm, coalesced_bus(zone->pio), &zone->dev);
	list_del(&zone->node);
	scoped_guard(spinlock, &zone->kvm->coalesced.lock)
		zone->removed = true;
	kfree_rcu(zone, rcu);
}

/* Every zone that contains the range given. */
long kvm_ioctl_unregister_coalesced(struct kvm_ioctl_args *args)
{
	const struct kvm_coalesced_mmio_zone *user = args->data;
	struct kvm_coalesced_zone *zone, *next;
	struct kvm *kvm = args->kvm;

	if (user->pio > 1)
		return -EINVAL;
	guard(mutex)(&kvm->irq_lock);
	list_for_each_entry_safe(zone, next, &kvm->coalesced.zones, node)
		if (zone->pio == user->pio &&
		    coalesced_contains(&zone->dev, user->addr, user->size))
			coalesced_remove(zone);
	return 0;
}

void kvm_coalesced_init(struct kvm *kvm)
{
	spin_lock_init(&kvm->coalesced.lock);
	INIT_LIST_HEAD(&kvm->coalesced.zones);
}

void kvm_coalesced_destroy(struct kvm *kvm)
{
	struct kvm_coalesced_zone *zone, *next;

	guard(mutex)(&kvm->irq_lock);
	list_for_each_entry_safe(zone, next, &kvm->coalesced.zones, node)
		coalesced_remove(zone);
	free_page((unsigned long)kvm->coalesced.ring);
}
