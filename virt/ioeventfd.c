// SPDX-License-Identifier: GPL-2.0
/* A guest's write to an address, or of one value to it, signals an eventfd. */
#include <linux/cleanup.h>
#include <linux/eventfd.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include <kvm/iobus.h>
#include <kvm/ioctl.h>
#include <kvm/ioeventfd.h>
#include <kvm/kvm.h>

/**
 * struct kvm_ioeventfd_binding - one
 * @dev: on the bus that userspace named
 * @fast: on KVM_BUS_FAST_MMIO, where the length does not matter
 * @bus: where @dev is
 * @len: length of a write that counts, 1, 2, 4, 8 bytes; 0 for any
 * @match: only writes of @value count
 * @value: what must be written
 * @lock: @eventfd; held around the signal, so that none follows its removal
 * @eventfd: NULL once removed
 * @node: in kvm->ioeventfds, under kvm->irq_lock
 * @rcu: vCPUs may still look at it
 */
struct kvm_ioeventfd_binding {
	struct kvm_io_device dev;
	struct kvm_io_device fast;
	enum kvm_bus bus;
	u32 len;
	bool match;
	u64 value;
	spinlock_t lock;
	struct eventfd_ctx *eventfd;
	struct list_head node;
	struct rcu_head rcu;
};

static int ioeventfd_signal(struct kvm_ioeventfd_binding *io)
{
	guard(spinlock)(&io->lock);
	if (!io->eventfd)
		return -EOPNOTSUPP;
	eventfd_signal(io->eventfd);
	return 0;
}

static int ioeventfd_write(struct kvm_io_device *dev, gpa_t addr, unsigned int len,
			   const void *val)
{
	struct kvm_ioeventfd_binding *io = container_of(dev, typeof(*io), dev);
	u64 value = 0;

	if (addr != dev->addr || (io->len && len != io->len))
		return -EOPNOTSUPP;
	if (io->match) {
		memcpy(&value, val, len);
		if (value != io->value)
			return -EOPNOTSUPP;
	}
	return ioeventfd_signal(io);
}

static int ioeventfd_write_fast(struct kvm_io_device *dev, gpa_t addr,
				unsigned int len, const void *val)
{
	if (addr != dev->addr)
		return -EOPNOTSUPP;
	return ioeventfd_signal(container_of(dev, struct kvm_ioeventfd_binding, fast));
}

static const struct kvm_io_ops ioeventfd_ops = { .write = ioeventfd_write };
static const struct kvm_io_ops ioeventfd_fast_ops = { .write = ioeventfd_write_fast };

/* Two that one write would signal, or that de-assignment could not tell apart. */
static bool ioeventfd_clash(struct kvm *kvm, const struct kvm_ioeventfd_binding *new)
{
	const struct kvm_ioeventfd_binding *io;

	list_for_each_entry(io, &kvm->ioeventfds, node) {
		if (io->bus != new->bus || io->dev.addr != new->dev.addr)
			continue;
		if (!io->len || !new->len)
			return true;
		if (io->len == new->len &&
		    (!io->match || !new->match || io->value == new->value))
			return true;
	}
	return false;
}

static bool ioeventfd_is_fast(const struct kvm_ioeventfd_binding *io)
{
	return io->bus == KVM_BUS_MMIO && !io->len;
}

static int ioeventfd_add(struct kvm *kvm, struct kvm_ioeventfd_binding *io)
{
	int r;

	guard(mutex)(&kvm->irq_lock);
	if (ioeventfd_clash(kvm, io))
		return -EEXIST;
	r = kvm_bus_add(kvm, io->bus, &io->dev);
	if (r)
		return r;
	if (ioeventfd_is_fast(io)) {
		r = kvm_bus_add(kvm, KVM_BUS_FAST_MMIO, &io->fast);
		if (r) {
			kvm_bus_remove(kvm, io->bus, &io->dev);
			/* A vCPU may have found it meanwhile. */
			scoped_guard(spinlock, &io->lock)
				io->eventfd = NULL;
			return r;
		}
	}
	list_add(&io->node, &kvm->ioeventfds);
	return 0;
}

static u64 ioeventfd_value(const struct kvm_ioeventfd *args)
{
	return args->len < 8 ? args->datamatch & (BIT_ULL(8 * args->len) - 1) :
			       args->datamatch;
}

static enum kvm_bus ioeventfd_bus(const struct kvm_ioeventfd *args)
{
	return args->flags & KVM_IOEVENTFD_FLAG_PIO ? KVM_BUS_PIO : KVM_BUS_MMIO;
}

static long ioeventfd_assign(struct kvm *kvm, const struct kvm_ioeventfd *args)
{
	struct kvm_ioeventfd_binding *io;
	struct eventfd_ctx *eventfd;
	long r;

	eventfd = eventfd_ctx_fdget(args->fd);
	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	io = kzalloc(sizeof(*io), GFP_KERNEL_ACCOUNT);
	if (!io) {
		eventfd_ctx_put(eventfd);
		return -ENOMEM;
	}
	io->dev = (struct kvm_io_device) {
		.ops = &ioeventfd_ops, .addr = args->addr, .len = args->len,
	};
	io->fast = (struct kvm_io_device) {
		.ops = &ioeventfd_fast_ops, .addr = args->addr,
	};
	io->bus = ioeventfd_bus(args);
	io->len = args->len;
	io->match = args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH;
	io->value = ioeventfd_value(args);
	io->eventfd = eventfd;
	spin_lock_init(&io->lock);

	r = ioeventfd_add(kvm, io);
	if (r) {
		eventfd_ctx_put(eventfd);
		kfree_rcu(io, rcu);
	}
	return r;
}

static void ioeventfd_remove(struct kvm *kvm, struct kvm_ioeventfd_binding *io)
{
	struct eventfd_ctx *eventfd;

	kvm_bus_remove(kvm, io->bus, &io->dev);
	if (ioeventfd_is_fast(io))
		kvm_bus_remove(kvm, KVM_BUS_FAST_MMIO, &io->fast);
	list_del(&io->node);

	scoped_guard(spinlock, &io->lock) {
		eventfd = io->eventfd;
		io->eventfd = NULL;
	}
	eventfd_ctx_put(eventfd);
	kfree_rcu(io, rcu);
}

static int ioeventfd_find_remove(struct kvm *kvm, const struct kvm_ioeventfd *args,
				 const struct eventfd_ctx *eventfd)
{
	bool match = args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH;
	struct kvm_ioeventfd_binding *io;

	guard(mutex)(&kvm->irq_lock);
	list_for_each_entry(io, &kvm->ioeventfds, node) {
		if (io->eventfd != eventfd || io->bus != ioeventfd_bus(args) ||
		    io->dev.addr != args->addr || io->len != args->len ||
		    io->match != match)
			continue;
		if (match && io->value != ioeventfd_value(args))
			continue;
		ioeventfd_remove(kvm, io);
		return 0;
	}
	return -ENOENT;
}

static long ioeventfd_deassign(struct kvm *kvm, const struct kvm_ioeventfd *args)
{
	struct eventfd_ctx *eventfd = eventfd_ctx_fdget(args->fd);
	long r;

	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	r = ioeventfd_find_remove(kvm, args, eventfd);
	eventfd_ctx_put(eventfd);
	return r;
}

long kvm_ioctl_ioeventfd(struct kvm_ioctl_args *args)
{
	const struct kvm_ioeventfd *io = args->data;

	switch (io->len) {
	case 0:
		if (io->flags & KVM_IOEVENTFD_FLAG_DATAMATCH)
			return -EINVAL;
		break;
	case 1: case 2: case 4: case 8:
		break;
	default:
		return -EINVAL;
	}
	if (io->addr + max(io->len, 1u) < io->addr)
		return -EINVAL;
	if (io->flags & KVM_IOEVENTFD_FLAG_DEASSIGN)
		return ioeventfd_deassign(args->kvm, io);
	return ioeventfd_assign(args->kvm, io);
}

void kvm_ioeventfds_destroy(struct kvm *kvm)
{
	struct kvm_ioeventfd_binding *io, *next;

	guard(mutex)(&kvm->irq_lock);
	list_for_each_entry_safe(io, next, &kvm->ioeventfds, node)
		ioeventfd_remove(kvm, io);
}
