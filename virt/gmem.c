// SPDX-License-Identifier: GPL-2.0
/*
 * guest_memfd views: files, each of one VM, on storage that they may share.
 */
#include <linux/cleanup.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/slab.h>
#include <uapi/linux/kvmcore.h>

#include <kvm/arch.h>
#include <kvm/ioctl.h>

#include "gmem.h"
#include "range.h"

/* Bindings */

int gmem_bind_range(struct maple_tree *bindings, pgoff_t index, unsigned long npages,
		    struct kvm_memory_slot *slot)
{
	return mtree_insert_range(bindings, index, index + npages - 1, slot,
				  GFP_KERNEL_ACCOUNT);
}

struct gfn_range gmem_bound_gfns(const struct kvm_memory_slot *slot, pgoff_t start,
				 pgoff_t end)
{
	pgoff_t index = slot->gmem.index;

	return (struct gfn_range) {
		.start = slot->base_gfn + max(start, index) - index,
		.end = slot->base_gfn + min(end - index, slot->npages),
	};
}

static void gmem_unmap_view(struct gmem_view *view, pgoff_t start, pgoff_t end)
{
	struct kvm_memory_slot *slot;
	unsigned long index = start;
	struct gfn_range gfns;

	lockdep_assert_held(&view->storage->lock);

	mt_for_each(&view->bindings, slot, index, end - 1) {
		gfns = gmem_bound_gfns(slot, start, end);
		kvm_arch_unmap(view->kvm, gfns.start, gfns.end, true);
	}
}

void gmem_unmap_views(struct gmem_inode *storage, pgoff_t start, pgoff_t end)
{
	struct gmem_view *view;

	guard(mutex)(&storage->lock);
	list_for_each_entry(view, &storage->views, node)
		gmem_unmap_view(view, start, end);
}

int kvm_gmem_bind(struct kvm_memory_slot *slot, unsigned int fd, u64 offset)
{
	u64 size = (u64)slot->npages << PAGE_SHIFT, end;
	struct gmem_inode *storage;
	struct gmem_view *view;
	int r;

	lockdep_assert_held(&slot->kvm->mem.slots_lock);

	CLASS(fd, f)(fd);
	if (!fd_file(f))
		return -EBADF;
	view = gmem_file_to_view(fd_file(f));
	if (!view || view->kvm != slot->kvm)
		return -EINVAL;
	storage = view->storage;
	if (!PAGE_ALIGNED(offset) || check_add_overflow(offset, size, &end) ||
	    end > i_size_read(&storage->inode))
		return -EINVAL;

	slot->gmem.index = offset >> PAGE_SHIFT;
	slot->gmem.shared = storage->flags & GUEST_MEMFD_FLAG_INIT_SHARED;
	guard(mutex)(&storage->lock);
	r = gmem_bind_range(&view->bindings, slot->gmem.index, slot->npages, slot);
	/* Not a reference: gmem_release() takes it back, under slots_lock. */
	if (!r)
		slot->gmem.file = fd_file(f);
	return r;
}

void kvm_gmem_unbind(struct kvm_memory_slot *slot)
{
	struct gmem_view *view;

	lockdep_assert_held(&slot->kvm->mem.slots_lock);

	/* The last close was here before; if it is still to come, it waits for us. */
	if (!slot->gmem.file)
		return;
	view = slot->gmem.file->private_data;
	guard(mutex)(&view->storage->lock);
	mtree_erase(&view->bindings, slot->gmem.index);
	slot->gmem.file = NULL;
}

/* Faults of the guest */

bool kvm_gmem_serves(const struct kvm_memory_slot *slot, bool private)
{
	return private || slot->gmem.shared;
}

/* What of a folio can be mapped as one: not what the hardware has lost part of. */
static unsigned int gmem_order(const struct folio *folio)
{
	return folio_test_large(folio) && !folio_test_has_hwpoisoned(folio) ?
	       folio_order(folio) : 0;
}

static int gmem_find_page(struct gmem_inode *storage, pgoff_t index,
			  struct kvm_gmem_page *page)
{
	pgoff_t end = i_size_read(&storage->inode) >> PAGE_SHIFT;
	struct folio *folio = gmem_get_folio(storage, index, 0, end);

	if (IS_ERR(folio))
		return PTR_ERR(folio);
	page->page = folio_file_page(folio, index);
	page->order = gmem_order(folio);
	/* The caller's invalidate_lock keeps it in the page cache, which has its own. */
	folio_put(folio);
	return PageHWPoison(page->page) ? -EHWPOISON : 0;
}

int kvm_gmem_get_page(struct kvm_memory_slot *slot, gfn_t gfn, struct kvm_gmem_page *page)
{
	struct gmem_view *view;
	int r = -EFAULT;

	/* Never a file whose last reference is gone: it is about to unmap us. */
	page->file = get_file_active(&slot->gmem.file);
	if (!page->file)
		return -EFAULT;
	view = page->file->private_data;
	if (!view->mappable)
		goto err_file;

	/* Held until the page is mapped: a punch that comes later unmaps it. */
	r = down_read_killable(&view->storage->inode.i_mapping->invalidate_lock);
	if (r)
		goto err_file;
	r = gmem_find_page(view->storage, gfn - slot->base_gfn + slot->gmem.index, page);
	if (r)
		kvm_gmem_put_page(page);
	return r;

err_file:
	fput(page->file);
	return r;
}

bool kvm_gmem_page_broken(const struct kvm_gmem_page *page)
{
	/* A folio that lost a page may have been split since. */
	return PageHWPoison(page->page) ||
	       gmem_order(page_folio(page->page)) < page->order;
}

void kvm_gmem_put_page(struct kvm_gmem_page *page)
{
	up_read(&page->file->f_mapping->invalidate_lock);
	fput(page->file);
}

/* Files */

/*
 * The last close of the VM's file; the VM itself may live on. No fault is on
 * its way through this file, for it would hold a reference; those that come
 * now find it gone. The pages stay until the inode goes.
 */
static int gmem_release(struct inode *inode, struct file *file)
{
	struct gmem_inode *storage = to_gmem_inode(inode);
	struct gmem_view *view = file->private_data;
	struct kvm *kvm = view->kvm;
	struct kvm_memory_slot *slot;
	unsigned long index = 0;

	mutex_lock(&kvm->mem.slots_lock);
	scoped_guard(mutex, &storage->lock) {
		mt_for_each(&view->bindings, slot, index, ULONG_MAX)
			/* Pairs with get_file_active() in kvm_gmem_get_page(). */
			WRITE_ONCE(slot->gmem.file, NULL);
		gmem_unmap_view(view, 0, ULONG_MAX);
		list_del(&view->node);
	}
	list_del(&view->vm_node);
	mutex_unlock(&kvm->mem.slots_lock);

	mtree_destroy(&view->bindings);
	kfree(view);
	kvm_put(kvm);
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

struct gmem_view *gmem_view_of(struct gmem_inode *storage, const struct kvm *kvm)
{
	struct gmem_view *view;

	lockdep_assert_held(&storage->lock);

	list_for_each_entry(view, &storage->views, node)
		if (view->kvm == kvm)
			return view;
	return NULL;
}

static struct file *gmem_add_view(struct kvm *kvm, struct gmem_inode *storage, bool mappable)
{
	struct gmem_view *view __free(kfree) = kzalloc(sizeof(*view), GFP_KERNEL_ACCOUNT);
	struct file *file;

	if (!view)
		return ERR_PTR(-ENOMEM);
	view->kvm = kvm;
	view->storage = storage;
	view->mappable = mappable;
	mt_init(&view->bindings);

	guard(mutex)(&kvm->mem.slots_lock);
	guard(mutex)(&storage->lock);
	if (gmem_view_of(storage, kvm))
		return ERR_PTR(-EINVAL);
	file = gmem_new_file(storage, view, &gmem_fops);
	if (IS_ERR(file))
		return file;
	kvm_get(kvm);
	list_add(&view->node, &storage->views);
	list_add(&view->vm_node, &kvm->mem.gmem_views);
	retain_and_null_ptr(view);
	return file;
}

long gmem_install(struct kvm *kvm, struct gmem_inode *storage, bool mappable,
		  unsigned int o_flags)
{
	int fd = get_unused_fd_flags(o_flags);
	struct file *file;

	file = fd < 0 ? ERR_PTR(fd) : gmem_add_view(kvm, storage, mappable);
	if (IS_ERR(file)) {
		if (fd >= 0)
			put_unused_fd(fd);
		iput(&storage->inode);
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

	if (create->flags & ~kvm_gmem_flags(args->kvm))
		return -EINVAL;
	if (!range_is_pages(0, create->size) || create->size > MAX_LFS_FILESIZE)
		return -EINVAL;

	storage = gmem_new_inode(create->size, create->flags, args->kvm->id);
	if (IS_ERR(storage))
		return PTR_ERR(storage);
	/* As in the kernel's own: a VMM may pass it on through execve(). */
	return gmem_install(args->kvm, storage, true, 0);
}
