// SPDX-License-Identifier: GPL-2.0
/*
 * An irqfd sits in the wait queue of its eventfd: a signal calls it, in
 * whatever context, and it injects on the spot. Nothing on the way sleeps, so
 * there is no worker to flush; unbinding needs the lock of the wait queue and
 * no more.
 *
 * It is freed by whoever takes it off kvm->irqfds.list: de-assignment, the
 * close of the VM, or the close of the eventfd (EPOLLHUP).
 */
#include <linux/cleanup.h>
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/poll.h>
#include <linux/rculist.h>
#include <linux/slab.h>

#include <kvm/arch.h>
#include <kvm/irqfd.h>
#include <kvm/irqroute.h>
#include <kvm/kvm.h>

struct kvm_irqfd_binding {
	struct kvm *kvm;
	u32 gsi;
	struct eventfd_ctx *eventfd;
	struct eventfd_ctx *resample;	/* or NULL */
	wait_queue_entry_t wait;
	struct list_head node;
	struct list_head resample_node;
	struct rcu_head rcu;
};

static void irqfd_free_rcu(struct rcu_head *rcu)
{
	struct kvm_irqfd_binding *irqfd = container_of(rcu, typeof(*irqfd), rcu);

	eventfd_ctx_put(irqfd->eventfd);
	if (irqfd->resample)
		eventfd_ctx_put(irqfd->resample);
	kfree(irqfd);
}

static bool irqfd_resamples(struct kvm *kvm, u32 gsi)
{
	struct kvm_irqfd_binding *irqfd;

	list_for_each_entry(irqfd, &kvm->irqfds.resample, resample_node)
		if (irqfd->gsi == gsi)
			return true;
	return false;
}

/* The VM may be gone as soon as the lock is dropped. */
static void irqfd_unlink(struct kvm_irqfd_binding *irqfd)
{
	struct kvm *kvm = irqfd->kvm;

	lockdep_assert_held(&kvm->irqfds.lock);

	list_del_init(&irqfd->node);
	if (!irqfd->resample)
		return;
	list_del_rcu(&irqfd->resample_node);
	/* Nobody would lower the line any more. */
	if (!irqfd_resamples(kvm, irqfd->gsi))
		kvm_set_irq(kvm, KVM_IRQ_SOURCE_RESAMPLE, irqfd->gsi, false);
}

static void irqfd_inject(struct kvm_irqfd_binding *irqfd)
{
	if (irqfd->resample)
		kvm_set_irq(irqfd->kvm, KVM_IRQ_SOURCE_RESAMPLE, irqfd->gsi, true);
	else
		kvm_pulse_irq(irqfd->kvm, KVM_IRQ_SOURCE_USER, irqfd->gsi);
}

/* The eventfd goes away; its wait queue is locked, its memory is ours to hold. */
static void irqfd_hangup(struct kvm_irqfd_binding *irqfd)
{
	struct kvm *kvm = irqfd->kvm;

	scoped_guard(spinlock, &kvm->irqfds.lock) {
		/* Somebody else was first, and waits for the queue's lock. */
		if (list_empty(&irqfd->node))
			return;
		irqfd_unlink(irqfd);
	}
	list_del_init(&irqfd->wait.entry);
	call_rcu(&irqfd->rcu, irqfd_free_rcu);
}

static int irqfd_wake(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct kvm_irqfd_binding *irqfd = container_of(wait, typeof(*irqfd), wait);
	__poll_t events = key_to_poll(key);
	u64 count;

	if (events & EPOLLIN) {
		eventfd_ctx_do_read(irqfd->eventfd, &count);
		irqfd_inject(irqfd);
	}
	if (events & EPOLLHUP)
		irqfd_hangup(irqfd);
	/* The signal is consumed: nobody else waits for it. */
	return !!(events & EPOLLIN);
}

struct irqfd_poll {
	poll_table table;
	struct kvm_irqfd_binding *irqfd;
	int error;
};

/*
 * An eventfd gives its signals to one irqfd: a second one would lose them
 * silently, in this VM or in another.
 */
static void irqfd_bind(struct file *file, wait_queue_head_t *head, poll_table *table)
{
	struct irqfd_poll *poll = container_of(table, struct irqfd_poll, table);
	wait_queue_entry_t *other;

	guard(spinlock_irq)(&head->lock);
	list_for_each_entry(other, &head->head, entry) {
		if (other->func == irqfd_wake) {
			poll->error = -EBUSY;
			return;
		}
	}
	poll->irqfd->wait.flags |= WQ_FLAG_EXCLUSIVE | WQ_FLAG_PRIORITY;
	__add_wait_queue(head, &poll->irqfd->wait);
	poll->error = 0;
}

static void irqfd_free(struct kvm_irqfd_binding *irqfd)
{
	if (!IS_ERR_OR_NULL(irqfd))
		irqfd_free_rcu(&irqfd->rcu);
}

DEFINE_FREE(irqfd, struct kvm_irqfd_binding *, irqfd_free(_T))

static struct kvm_irqfd_binding *irqfd_alloc(struct kvm *kvm, struct file *file,
					     const struct kvm_irqfd *args)
{
	struct kvm_irqfd_binding *irqfd __free(kfree) = NULL;
	struct eventfd_ctx *eventfd;

	irqfd = kzalloc(sizeof(*irqfd), GFP_KERNEL_ACCOUNT);
	if (!irqfd)
		return ERR_PTR(-ENOMEM);
	eventfd = eventfd_ctx_fileget(file);
	if (IS_ERR(eventfd))
		return ERR_CAST(eventfd);
	if (args->flags & KVM_IRQFD_FLAG_RESAMPLE) {
		irqfd->resample = eventfd_ctx_fdget(args->resamplefd);
		if (IS_ERR(irqfd->resample)) {
			eventfd_ctx_put(eventfd);
			return ERR_CAST(irqfd->resample);
		}
	}
	irqfd->kvm = kvm;
	irqfd->gsi = args->gsi;
	irqfd->eventfd = eventfd;
	init_waitqueue_func_entry(&irqfd->wait, irqfd_wake);
	return_ptr(irqfd);
}

static long irqfd_assign(struct kvm *kvm, const struct kvm_irqfd *args)
{
	struct kvm_irqfd_binding *irqfd __free(irqfd) = NULL;
	struct irqfd_poll poll = { .error = -EINVAL };
	__poll_t events;

	/* Holds off EPOLLHUP until the irqfd is complete. */
	CLASS(fd, file)(args->fd);
	if (fd_empty(file))
		return -EBADF;
	irqfd = irqfd_alloc(kvm, fd_file(file), args);
	if (IS_ERR(irqfd))
		return PTR_ERR(irqfd);

	poll.irqfd = irqfd;
	init_poll_funcptr(&poll.table, irqfd_bind);
	guard(mutex)(&kvm->irq_lock);
	events = vfs_poll(fd_file(file), &poll.table);
	if (poll.error)
		return poll.error;

	scoped_guard(spinlock_irq, &kvm->irqfds.lock) {
		list_add(&irqfd->node, &kvm->irqfds.list);
		if (irqfd->resample)
			list_add_rcu(&irqfd->resample_node, &kvm->irqfds.resample);
	}
	/* It was signalled before it was bound. */
	if (events & EPOLLIN)
		irqfd_inject(irqfd);
	retain_and_null_ptr(irqfd);
	return 0;
}

/* The first on the list that fits; from then on it is the caller's to free. */
static struct kvm_irqfd_binding *
irqfd_take(struct kvm *kvm, const struct eventfd_ctx *eventfd, u32 gsi)
{
	struct kvm_irqfd_binding *irqfd;

	guard(spinlock_irq)(&kvm->irqfds.lock);
	list_for_each_entry(irqfd, &kvm->irqfds.list, node) {
		if (eventfd && (irqfd->eventfd != eventfd || irqfd->gsi != gsi))
			continue;
		irqfd_unlink(irqfd);
		return irqfd;
	}
	return NULL;
}

static void irqfd_unbind(struct kvm *kvm, const struct eventfd_ctx *eventfd, u32 gsi)
{
	struct kvm_irqfd_binding *irqfd;
	u64 count;

	while ((irqfd = irqfd_take(kvm, eventfd, gsi))) {
		/* Waits for a signal in progress; then there is no other. */
		eventfd_ctx_remove_wait_queue(irqfd->eventfd, &irqfd->wait, &count);
		call_rcu(&irqfd->rcu, irqfd_free_rcu);
	}
}

static long irqfd_deassign(struct kvm *kvm, const struct kvm_irqfd *args)
{
	struct eventfd_ctx *eventfd = eventfd_ctx_fdget(args->fd);

	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	guard(mutex)(&kvm->irq_lock);
	irqfd_unbind(kvm, eventfd, args->gsi);
	eventfd_ctx_put(eventfd);
	return 0;
}

long kvm_ioctl_irqfd(struct kvm_ioctl_args *args)
{
	const struct kvm_irqfd *irqfd = args->data;

	if (irqfd->gsi >= KVM_MAX_GSIS)
		return -EINVAL;
	if (irqfd->flags & KVM_IRQFD_FLAG_DEASSIGN)
		return irqfd_deassign(args->kvm, irqfd);
	if (!kvm_arch_can_route_irqs(args->kvm))
		return -EINVAL;
	return irqfd_assign(args->kvm, irqfd);
}

bool kvm_irqfd_may_resample(struct kvm *kvm)
{
	return !list_empty(&kvm->irqfds.resample);
}

void kvm_irqfd_resample(struct kvm *kvm, u32 gsi)
{
	struct kvm_irqfd_binding *irqfd;
	bool lowered = false;

	list_for_each_entry_rcu(irqfd, &kvm->irqfds.resample, resample_node) {
		if (irqfd->gsi != gsi)
			continue;
		if (!lowered)
			kvm_set_irq(kvm, KVM_IRQ_SOURCE_RESAMPLE, gsi, false);
		lowered = true;
		eventfd_signal(irqfd->resample);
	}
}

void kvm_irqfd_init(struct kvm *kvm)
{
	spin_lock_init(&kvm->irqfds.lock);
	INIT_LIST_HEAD(&kvm->irqfds.list);
	INIT_LIST_HEAD(&kvm->irqfds.resample);
}

void kvm_irqfd_release(struct kvm *kvm)
{
	irqfd_unbind(kvm, NULL, 0);
}
