// SPDX-License-Identifier: GPL-2.0
/*
 * guest_memfd views: files, each of one VM, on storage that they may share.
 */
#include <linux/cleanup.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <uapi/linux/kvmcore.h>

#include <kvm/arch.h>
#include <kvm/ioctl.h>

#include "gmem.h"

/* Files */

static int gmem_release(struct inode *inode, struct file *file)
{
	struct gmem_inode *storage = to_gmem_inode(inode);
	struct gmem_view *view = file->private_data;

	scoped_guard(mutex, &storage->lock)
		list_del(&view->node);
	kvm_put(view->kvm);
	kfree(view);
	return 0;
}

static const struct file_operations gmem_fops = {
	.owner			= THIS_MODULE,
	.release		= gmem_release,
	.fallocate		= gmem_fallocate,
	.mmap			= gmem_mmap,
	.get_unmapped_area	= thp_get_unmapped_area,
};

struct gmem_view *gmem_file_to_view(struct file *file)
{
	return file->f_op == &gmem_fops ? file->private_data : NULL;
}

static bool gmem_has_view_of(struct gmem_inode *storage, const struct kvm *kvm)
{
	const struct gmem_view *view;

	lockdep_assert_held(&storage->lock);

	list_for_each_entry(view, &storage->views, node)
		if (view->kvm == kvm)
			return true;
	return false;
}

struct file *gmem_add_view(struct kvm *kvm, struct gmem_inode *storage, bool mappable)
{
	struct gmem_view *view __free(kfree) = kzalloc(sizeof(*view), GFP_KERNEL_ACCOUNT);
	struct file *file;

	if (!view)
		return ERR_PTR(-ENOMEM);
	view->kvm = kvm;
	view->storage = storage;
	view->mappable = mappable;

	guard(mutex)(&storage->lock);
	if (gmem_has_view_of(storage, kvm))
		return ERR_PTR(-EINVAL);
	file = gmem_new_file(storage, view, &gmem_fops);
	if (IS_ERR(file))
		return file;
	kvm_get(kvm);
	list_add(&view->node, &storage->views);
	retain_and_null_ptr(view);
	return file;
}

static long gmem_install(struct kvm *kvm, struct gmem_inode *storage, bool mappable,
			 unsigned int o_flags)
{
	struct file *file;
	int fd;

	fd = get_unused_fd_flags(o_flags);
	if (fd < 0)
		return fd;
	file = gmem_add_view(kvm, storage, mappable);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	fd_install(fd, file);
	return fd;
}

/* Ioctls */

u64 kvm_gmem_flags(const struct kvm *kvm)
{
	u64 flags = GUEST_MEMFD_FLAG_MMAP;

	/* Memory that can be private begins its life so. */
	if (!kvm || !kvm_arch_has_private_mem(kvm))
		flags |= GUEST_MEMFD_FLAG_INIT_SHARED;
	return flags;
}

long kvm_vm_create_guest_memfd(struct kvm_ioctl_args *args)
{
	struct kvm_create_guest_memfd *create = args->data;
	struct gmem_inode *storage;
	long fd;

	if (create->flags & ~kvm_gmem_flags(args->kvm))
		return -EINVAL;
	if (!create->size || !PAGE_ALIGNED(create->size) || create->size > MAX_LFS_FILESIZE)
		return -EINVAL;

	storage = gmem_new_inode(create->size, create->flags, args->kvm->id);
	if (IS_ERR(storage))
		return PTR_ERR(storage);
	/* As in the kernel's own: a VMM may pass it on through execve(). */
	fd = gmem_install(args->kvm, storage, true, 0);
	if (fd < 0)
		iput(&storage->inode);
	return fd;
}

long kvm_vm_link_guest_memfd(struct kvm_ioctl_args *args)
{
	struct kvm_link_guest_memfd *link = args->data;
	struct gmem_inode *storage;
	struct gmem_view *view;
	long fd;

	if (link->fd > INT_MAX)
		return -EBADF;

	CLASS(fd, f)(link->fd);
	if (!fd_file(f))
		return -EBADF;
	view = gmem_file_to_view(fd_file(f));
	if (!view)
		return -EINVAL;

	storage = view->storage;
	ihold(&storage->inode);
	fd = gmem_install(args->kvm, storage,
			  link->flags & KVM_LINK_GUEST_MEMFD_SHARED, O_CLOEXEC);
	if (fd < 0)
		iput(&storage->inode);
	return fd;
}
