/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of guest_memfd share with one another alone. */
#ifndef KVM_VIRT_GMEM_H
#define KVM_VIRT_GMEM_H

#include <linux/fs.h>
#include <linux/maple_tree.h>
#include <linux/mutex.h>

#include <kvm/gmem.h>
#include <kvm/kvm.h>

#include "range.h"

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
 * @vm_node: link in the VM's views, under slots_lock
 * @mappable: may be mapped into the guest; not so between link and move.
 *	Changes under slots_lock while no vCPU runs
 */
struct gmem_view {
	struct kvm *kvm;
	struct gmem_inode *storage;
	struct maple_tree bindings;
	struct list_head node;
	struct list_head vm_node;
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
 * gmem_unmap_views() - take mappings of a range away from every guest
 * @storage: the inode
 * @start: first page offset
 * @end: first page offset after the range
 *
 * Context: takes @storage->lock. Holding invalidate_lock exclusively keeps the
 * guests from mapping the range again.
 */
void gmem_unmap_views(struct gmem_inode *storage, pgoff_t start, pgoff_t end);

/**
 * gmem_install() - a new file on the storage, for one VM, and its descriptor
 * @kvm: the VM
 * @storage: the inode; the caller's reference is consumed
 * @mappable: into the guest, at once
 * @o_flags: O_CLOEXEC or 0
 *
 * Return: the descriptor; -EMFILE; -ENOMEM; -EINVAL if the VM has a file on it.
 */
long gmem_install(struct kvm *kvm, struct gmem_inode *storage, bool mappable,
		  unsigned int o_flags);

/* The VM's view of the storage, or NULL. Under the storage's lock. */
struct gmem_view *gmem_view_of(struct gmem_inode *storage, const struct kvm *kvm);

/**
 * gmem_bind_range() - say which slot a range of a view stands in
 * @bindings: of the view
 * @index: first page offset
 * @npages: length, at least 1
 * @slot: the slot
 *
 * Return: 0; -EEXIST if part of the range is bound; -ENOMEM.
 */
int gmem_bind_range(struct maple_tree *bindings, pgoff_t index, unsigned long npages,
		    struct kvm_memory_slot *slot);

/* The frames where a slot shows pages [@start, @end), some of which are its own. */
struct gfn_range gmem_bound_gfns(const struct kvm_memory_slot *slot, pgoff_t start,
				 pgoff_t end);

/* The view behind a file, or NULL if the file is no gmem file. */
struct gmem_view *gmem_file_to_view(struct file *file);

#endif
