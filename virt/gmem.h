/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of guest_memfd share with one another alone. */
#ifndef KVM_VIRT_GMEM_H
#define KVM_VIRT_GMEM_H

#include <linux/fs.h>
#include <linux/maple_tree.h>
#include <linux/mutex.h>

#include <kvm/gmem.h>
#include <kvm/kvm.h>

/**
 * struct gmem_inode - storage: pages, and the views that look at them
 * @inode: size and page cache. Its mapping's invalidate_lock is held shared
 *	from finding a page to mapping it, exclusively while pages are taken away
 * @flags: GUEST_MEMFD_FLAG_*, constant
 * @owner: id of the VM that may allocate and punch; changes under
 *	invalidate_lock. An id and not a pointer, for the owner may be long gone
 * @lock: @views and the bindings of each
 * @views: struct gmem_view
 */
struct gmem_inode {
	struct inode inode;
	u64 flags;
	u64 owner;
	struct mutex lock;
	struct list_head views;
};

/**
 * struct gmem_view - one VM's view of a gmem inode: what a gmem file is
 * @kvm: the VM; the file holds the reference
 * @storage: the inode; the file holds the reference
 * @bindings: slots by page offset into @storage, under its lock
 * @node: link in the storage's views, under its lock
 * @mappable: may be mapped into the guest; not so between link and move
 */
struct gmem_view {
	struct kvm *kvm;
	struct gmem_inode *storage;
	struct maple_tree bindings;
	struct list_head node;
	bool mappable;
};

static inline struct gmem_inode *to_gmem_inode(struct inode *inode)
{
	return container_of(inode, struct gmem_inode, inode);
}

/* Storage */

/**
 * gmem_new_inode() - storage without pages
 * @size: bytes, whole pages
 * @flags: GUEST_MEMFD_FLAG_*
 * @owner: id of the VM that may allocate and punch
 *
 * Return: the inode with a reference, or ERR_PTR(-ENOMEM).
 */
struct gmem_inode *gmem_new_inode(loff_t size, u64 flags, u64 owner);

/**
 * gmem_new_file() - a file on the storage
 * @storage: the inode; the file takes over the caller's reference
 * @fops: &gmem_fops
 * @view: becomes the file's private_data
 *
 * Return: the file, or ERR_PTR, and then the reference is still the caller's.
 */
struct file *gmem_new_file(struct gmem_inode *storage, struct gmem_view *view,
			   const struct file_operations *fops);

/**
 * gmem_get_folio() - the folio at an offset, allocated and zeroed if need be
 * @storage: the inode
 * @index: page offset, inside the inode's size
 * @start: allocate nothing before this page offset
 * @end: nor from this one on
 *
 * Context: invalidate_lock; may sleep.
 * Return: the folio with a reference, or ERR_PTR(-ENOMEM).
 */
struct folio *gmem_get_folio(struct gmem_inode *storage, pgoff_t index,
			     pgoff_t start, pgoff_t end);

long gmem_fallocate(struct file *file, int mode, loff_t offset, loff_t len);
int gmem_mmap(struct file *file, struct vm_area_struct *vma);

/* Views */

/**
 * gmem_add_view() - a new file on the storage, for one VM
 * @kvm: the VM
 * @storage: the inode; the reference passes to the file
 * @mappable: into the guest, at once
 *
 * Return: the file or ERR_PTR(-ENOMEM); ERR_PTR(-EINVAL) if the VM has one.
 */
struct file *gmem_add_view(struct kvm *kvm, struct gmem_inode *storage, bool mappable);

/* The view behind a file, or NULL if the file is no gmem file. */
struct gmem_view *gmem_file_to_view(struct file *file);

#endif
