// SPDX-License-Identifier: GPL-2.0
/*
 * One inode, several VMs: linking a view, and moving the memory of a VM to
 * another one for good. Documentation/guest-memfd.rst has the whole story.
 */
#include <linux/cleanup.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <uapi/linux/kvmcore.h>

#include <kvm/arch.h>
#include <kvm/ioctl.h>
#include <kvm/vcpu.h>
#include <trace/kvm.h>

#include "gmem.h"

long kvm_vm_link_guest_memfd(struct kvm_ioctl_args *args)
{
	struct kvm_link_guest_memfd *link = args->data;
	struct gmem_view *view;
	long r;

	if (link->fd > INT_MAX)
		return -EBADF;
	CLASS(fd, f)(link->fd);
	if (!fd_file(f))
		return -EBADF;
	view = gmem_file_to_view(fd_file(f));
	if (!view)
		return -EINVAL;
	ihold(&view->storage->inode);
	r = gmem_install(args->kvm, view->storage,
			 link->flags & KVM_LINK_GUEST_MEMFD_SHARED, O_CLOEXEC);
	if (r >= 0)
		trace_kvm_gmem_link(args->kvm->id, view->kvm->id);
	return r;
}

/* Two VMs at once: the older first, each kind of lock before the next. */
static void move_lock(struct kvm *a, struct kvm *b)
{
	if (a->id > b->id)
		swap(a, b);
	mutex_lock(&a->lock);
	mutex_lock_nested(&b->lock, SINGLE_DEPTH_NESTING);
	mutex_lock(&a->mem.slots_lock);
	mutex_lock_nested(&b->mem.slots_lock, SINGLE_DEPTH_NESTING);
}

static void move_unlock(struct kvm *a, struct kvm *b)
{
	mutex_unlock(&a->mem.slots_lock);
	mutex_unlock(&b->mem.slots_lock);
	mutex_unlock(&a->lock);
	mutex_unlock(&b->lock);
}

static bool move_same_slot(const struct kvm_memory_slot *a, const struct kvm_memory_slot *b)
{
	if (a->base_gfn != b->base_gfn || a->npages != b->npages || a->flags != b->flags)
		return false;
	if (!(a->flags & KVM_MEM_GUEST_MEMFD))
		return true;
	/* slots_lock keeps a file from going, not from being closed. */
	return a->gmem.file && b->gmem.file && a->gmem.index == b->gmem.index &&
	       file_inode(a->gmem.file) == file_inode(b->gmem.file);
}

static bool move_same_slots(struct kvm *a, struct kvm *b)
{
	const struct kvm_memory_slot *one, *two;
	unsigned long i = 0, j = 0;

	do {
		one = mt_find(&a->mem.by_gfn, &i, ULONG_MAX);
		two = mt_find(&b->mem.by_gfn, &j, ULONG_MAX);
		if (!one || !two)
			return one == two;
	} while (move_same_slot(one, two));
	return false;
}

/* The VM sees through its view what the source saw, and owns what it owned. */
static void move_view(struct gmem_view *view, struct kvm *source)
{
	struct gmem_inode *storage = view->storage;
	struct gmem_view *other;

	guard(rwsem_write)(&storage->inode.i_mapping->invalidate_lock);
	guard(mutex)(&storage->lock);
	if (storage->owner == source->id) {
		storage->owner = view->kvm->id;
		view->mappable = true;
	}
	other = gmem_view_of(storage, source);
	if (other) {
		view->mappable |= other->mappable;
		other->mappable = false;
	}
}

/* Nothing in it can fail: all or nothing. */
static void move_commit(struct kvm *kvm, struct kvm *source)
{
	struct gmem_view *view;

	/* Seen by vCPU ioctls once kvm_resume_vcpus() lets them go on. */
	WRITE_ONCE(source->dead, true);
	swap(kvm->mem.attributes, source->mem.attributes);
	list_for_each_entry(view, &kvm->mem.gmem_views, vm_node)
		move_view(view, source);
	/* What stood where memory is now private, and all that the source saw. */
	kvm_arch_unmap(kvm, 0, kvm_arch_max_gfn(kvm) + 1, true);
	kvm_arch_unmap(source, 0, kvm_arch_max_gfn(source) + 1, true);
}

static int move_stopped(struct kvm *kvm, struct kvm *source)
{
	/* One of them may have been the source of another move meanwhile. */
	if (kvm->dead || source->dead)
		return -EIO;
	if (!move_same_slots(kvm, source))
		return -EINVAL;
	move_commit(kvm, source);
	trace_kvm_gmem_move(kvm->id, source->id);
	return 0;
}

static int move_locked(struct kvm *kvm, struct kvm *source)
{
	int r;

	r = kvm_stop_vcpus(kvm);
	if (r)
		return r;
	r = kvm_stop_vcpus(source);
	if (!r) {
		r = move_stopped(kvm, source);
		kvm_resume_vcpus(source);
	}
	kvm_resume_vcpus(kvm);
	return r;
}

int kvm_gmem_move_from(struct kvm *kvm, u64 fd)
{
	struct kvm *source;
	int r;

	if (fd > INT_MAX)
		return -EBADF;
	CLASS(fd, f)(fd);
	source = fd_file(f) ? kvm_file_to_vm(fd_file(f)) : NULL;
	if (!source)
		return -EBADF;
	if (source == kvm || source->type != kvm->type)
		return -EINVAL;

	move_lock(kvm, source);
	r = move_locked(kvm, source);
	move_unlock(kvm, source);
	return r;
}
