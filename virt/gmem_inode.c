// SPDX-License-Identifier: GPL-2.0
/*
 * guest_memfd storage: a file system of its own, whose inodes own the pages.
 * Which VM sees them is none of its business: that is gmem.c.
 */
#include <linux/cleanup.h>
#include <linux/falloc.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pagemap.h>
#include <linux/pseudo_fs.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <uapi/linux/kvmcore.h>

#include <kvm/arch.h>

#include "gmem.h"

/* Exported for modules of the name kvm alone; 6.12 wants to be told. */
MODULE_INFO(import_ns, "module:kvm");

#define GMEM_MAGIC	0x676d656d	/* "gmem" */

static struct kmem_cache *gmem_inode_cache;
static struct vfsmount *gmem_mnt;

/* Pages */

static struct folio *gmem_add_folio(struct address_space *mapping, pgoff_t index,
				    unsigned int order)
{
	gfp_t gfp = mapping_gfp_mask(mapping) | __GFP_ZERO;
	struct folio *folio;
	int r;

	/* There is a smaller size to fall back to: no effort, no complaint. */
	if (order)
		gfp |= __GFP_NORETRY | __GFP_NOWARN;
	folio = filemap_alloc_folio(gfp, order);
	if (!folio)
		return ERR_PTR(-ENOMEM);
	folio_mark_uptodate(folio);
	r = filemap_add_folio(mapping, folio, index, gfp);
	if (r) {
		folio_put(folio);
		return ERR_PTR(r);
	}
	/* There is no storage behind it: a clean page would be dropped. */
	folio_mark_dirty(folio);
	folio_unlock(folio);
	return folio;
}

/*
 * The largest first: what the hardware maps as one, what saves the guest some
 * faults where that is not to be had, a page.
 */
static const unsigned int gmem_orders[] = { PMD_ORDER, KVM_GMEM_CLUSTER_ORDER, 0 };

static struct folio *gmem_add_folio_around(struct address_space *mapping, pgoff_t index,
					   pgoff_t start, pgoff_t end, unsigned int order)
{
	pgoff_t first = round_down(index, 1UL << order);
	pgoff_t next = first + (1UL << order);
	unsigned long present = first;

	if (order && (!mapping_large_folio_support(mapping) || first < start || next > end ||
		      xa_find(&mapping->i_pages, &present, next - 1, XA_PRESENT)))
		return ERR_PTR(-ENOENT);
	return gmem_add_folio(mapping, first, order);
}

struct folio *gmem_get_folio(struct gmem_inode *storage, pgoff_t index,
			     pgoff_t start, pgoff_t end)
{
	struct address_space *mapping = storage->inode.i_mapping;
	struct folio *folio;
	unsigned int i;

	do {
		folio = filemap_get_folio(mapping, index);
		for (i = 0; IS_ERR(folio) && i < ARRAY_SIZE(gmem_orders); i++)
			folio = gmem_add_folio_around(mapping, index, start, end,
						      gmem_orders[i]);
		/* Somebody else was faster. */
	} while (folio == ERR_PTR(-EEXIST));
	return folio;
}

static void gmem_free_folio(struct folio *folio)
{
	kvm_arch_gmem_reclaim(folio_pfn(folio), folio_nr_pages(folio));
}

/* AS_INACCESSIBLE keeps migration from asking; the answer stands here. */
static int gmem_migrate_folio(struct address_space *mapping, struct folio *dst,
			      struct folio *src, enum migrate_mode mode)
{
	return -EOPNOTSUPP;
}

/*
 * The page is broken. It stays where it is, so that whoever touches it hears of
 * it and nobody is given an empty page for what he lost; only the guests'
 * mappings go. A fault on its way in finds the page's poison flag, which was
 * set before, when it looks again under mmu_lock. Called with the folio locked:
 * invalidate_lock is out of reach.
 */
static int gmem_error_folio(struct address_space *mapping, struct folio *folio)
{
	gmem_unmap_views(to_gmem_inode(mapping->host), folio->index,
			 folio_next_index(folio));
	return -EBUSY;
}

static const struct address_space_operations gmem_aops = {
	.dirty_folio		= noop_dirty_folio,
	.migrate_folio		= gmem_migrate_folio,
	.error_remove_folio	= gmem_error_folio,
	.free_folio		= gmem_free_folio,
};

/* fallocate */

/*
 * A huge folio across an edge of the hole that could not be split, because
 * somebody has pinned it, is still there: it reads as zeroes from now on.
 */
static void gmem_zero_edge(struct address_space *mapping, pgoff_t index,
			   pgoff_t start, pgoff_t end)
{
	struct folio *folio = filemap_lock_folio(mapping, index);
	pgoff_t first;

	if (IS_ERR(folio))
		return;
	first = folio->index;
	start = max(start, first);
	end = min(end, folio_next_index(folio));
	folio_zero_range(folio, (start - first) << PAGE_SHIFT, (end - start) << PAGE_SHIFT);
	folio_unlock(folio);
	folio_put(folio);
}

static long gmem_punch_hole(struct gmem_inode *storage, loff_t offset, loff_t len)
{
	struct address_space *mapping = storage->inode.i_mapping;
	pgoff_t start = offset >> PAGE_SHIFT;
	pgoff_t end = (offset + len) >> PAGE_SHIFT;

	gmem_unmap_views(storage, start, end);
	unmap_mapping_pages(mapping, start, end - start, false);
	truncate_inode_pages_range(mapping, offset, offset + len - 1);
	gmem_zero_edge(mapping, start, start, end);
	gmem_zero_edge(mapping, end - 1, start, end);
	return 0;
}

static long gmem_allocate(struct gmem_inode *storage, loff_t offset, loff_t len)
{
	pgoff_t start = offset >> PAGE_SHIFT;
	pgoff_t end = (offset + len) >> PAGE_SHIFT;
	pgoff_t index = start;
	struct folio *folio;

	if (offset + len > i_size_read(&storage->inode))
		return -EINVAL;

	while (index < end) {
		if (signal_pending(current))
			return -EINTR;
		folio = gmem_get_folio(storage, index, start, end);
		if (IS_ERR(folio))
			return PTR_ERR(folio);
		index = folio_next_index(folio);
		folio_put(folio);
		cond_resched();
	}
	return 0;
}

long gmem_fallocate(struct file *file, int mode, loff_t offset, loff_t len)
{
	struct gmem_inode *storage = to_gmem_inode(file_inode(file));
	struct gmem_view *view = file->private_data;
	struct rw_semaphore *lock = &storage->inode.i_mapping->invalidate_lock;

	/* The VFS has seen to it that the range does not overflow. */
	if (mode != FALLOC_FL_KEEP_SIZE &&
	    mode != (FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;
	if (!PAGE_ALIGNED(offset) || !PAGE_ALIGNED(len))
		return -EINVAL;

	if (mode & FALLOC_FL_PUNCH_HOLE) {
		guard(rwsem_write)(lock);
		if (storage->owner != view->kvm->id)
			return -EPERM;
		return gmem_punch_hole(storage, offset, len);
	}
	guard(rwsem_read)(lock);
	if (storage->owner != view->kvm->id)
		return -EPERM;
	return gmem_allocate(storage, offset, len);
}

/* mmap */

static vm_fault_t gmem_fault(struct vm_fault *vmf)
{
	struct gmem_inode *storage = to_gmem_inode(file_inode(vmf->vma->vm_file));
	pgoff_t end = i_size_read(&storage->inode) >> PAGE_SHIFT;
	struct folio *folio;
	struct page *page;

	if (vmf->pgoff >= end || !(storage->flags & GUEST_MEMFD_FLAG_INIT_SHARED))
		return VM_FAULT_SIGBUS;

	/*
	 * A punch unmaps under the folio's lock what it removes, and it holds
	 * the other side of invalidate_lock: the folio is still there.
	 */
	guard(rwsem_read)(&storage->inode.i_mapping->invalidate_lock);
	folio = gmem_get_folio(storage, vmf->pgoff, 0, end);
	if (IS_ERR(folio))
		return VM_FAULT_OOM;
	folio_lock(folio);
	page = folio_file_page(folio, vmf->pgoff);
	if (PageHWPoison(page)) {
		folio_unlock(folio);
		folio_put(folio);
		return VM_FAULT_HWPOISON;
	}
	vmf->page = page;
	return VM_FAULT_LOCKED;
}

static const struct vm_operations_struct gmem_vm_ops = {
	.fault = gmem_fault,
};

int gmem_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct gmem_inode *storage = to_gmem_inode(file_inode(file));

	if (!(storage->flags & GUEST_MEMFD_FLAG_MMAP))
		return -ENODEV;
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vma->vm_ops = &gmem_vm_ops;
	return 0;
}

/* Inodes */

static int gmem_getattr(struct mnt_idmap *idmap, const struct path *path,
			struct kstat *stat, u32 mask, unsigned int flags)
{
	struct inode *inode = d_inode(path->dentry);

	generic_fillattr(idmap, mask, inode, stat);
	stat->blocks = (u64)READ_ONCE(inode->i_mapping->nrpages) <<
		       (PAGE_SHIFT - SECTOR_SHIFT);
	return 0;
}

/* Size and mode are what they were made. */
static int gmem_setattr(struct mnt_idmap *idmap, struct dentry *dentry,
			struct iattr *attr)
{
	return -EINVAL;
}

static const struct inode_operations gmem_iops = {
	.getattr	= gmem_getattr,
	.setattr	= gmem_setattr,
};

struct gmem_inode *gmem_new_inode(loff_t size, u64 flags, u64 owner)
{
	struct gmem_inode *storage;
	struct inode *inode;

	inode = anon_inode_make_secure_inode(gmem_mnt->mnt_sb, "[kvm-gmem]", NULL);
	if (IS_ERR(inode))
		return ERR_CAST(inode);
	inode->i_mode |= S_IFREG;
	inode->i_size = size;
	inode->i_op = &gmem_iops;
	inode->i_mapping->a_ops = &gmem_aops;
	mapping_set_gfp_mask(inode->i_mapping, GFP_HIGHUSER);
	mapping_set_large_folios(inode->i_mapping);
	/* Unevictable, too. */
	mapping_set_inaccessible(inode->i_mapping);

	storage = to_gmem_inode(inode);
	storage->flags = flags;
	storage->owner = owner;
	return storage;
}

struct file *gmem_new_file(struct gmem_inode *storage, struct gmem_view *view,
			   const struct file_operations *fops)
{
	struct file *file;

	/* Like every file the view pins the module; the VFS drops it again. */
	if (!fops_get(fops))
		return ERR_PTR(-ENOENT);
	file = alloc_file_pseudo(&storage->inode, gmem_mnt, "[kvm-gmem]",
				 O_RDWR | O_LARGEFILE, fops);
	if (IS_ERR(file)) {
		fops_put(fops);
		return file;
	}
	file->private_data = view;
	return file;
}

static struct inode *gmem_alloc_inode(struct super_block *sb)
{
	struct gmem_inode *storage = alloc_inode_sb(sb, gmem_inode_cache, GFP_KERNEL_ACCOUNT);

	if (!storage)
		return NULL;
	mutex_init(&storage->lock);
	INIT_LIST_HEAD(&storage->views);
	return &storage->inode;
}

static void gmem_free_inode(struct inode *inode)
{
	kmem_cache_free(gmem_inode_cache, to_gmem_inode(inode));
}

/* The last file is closed. Every page passes through gmem_free_folio(). */
static void gmem_evict_inode(struct inode *inode)
{
	truncate_inode_pages_final(inode->i_mapping);
	clear_inode(inode);
}

static void gmem_init_once(void *storage)
{
	inode_init_once(&((struct gmem_inode *)storage)->inode);
}

static const struct super_operations gmem_sops = {
	.alloc_inode	= gmem_alloc_inode,
	.free_inode	= gmem_free_inode,
	.evict_inode	= gmem_evict_inode,
	.statfs		= simple_statfs,
};

static char *gmem_dname(struct dentry *dentry, char *buffer, int buflen)
{
	static const char name[] = "anon_inode:[kvm-gmem]";

	if (buflen < sizeof(name))
		return ERR_PTR(-ENAMETOOLONG);
	return memcpy(buffer + buflen - sizeof(name), name, sizeof(name));
}

static const struct dentry_operations gmem_dops = {
	.d_dname = gmem_dname,
};

static int gmem_init_fs_context(struct fs_context *fc)
{
	struct pseudo_fs_context *ctx = init_pseudo(fc, GMEM_MAGIC);

	if (!ctx)
		return -ENOMEM;
	ctx->ops = &gmem_sops;
	ctx->dops = &gmem_dops;
	return 0;
}

static struct file_system_type gmem_fs = {
	.name			= "kvm_gmem",
	.init_fs_context	= gmem_init_fs_context,
	.kill_sb		= kill_anon_super,
};

int kvm_gmem_init(void)
{
	gmem_inode_cache = kmem_cache_create("kvm_gmem_inode", sizeof(struct gmem_inode), 0,
					     SLAB_RECLAIM_ACCOUNT | SLAB_ACCOUNT,
					     gmem_init_once);
	if (!gmem_inode_cache)
		return -ENOMEM;
	gmem_mnt = kern_mount(&gmem_fs);
	if (!IS_ERR(gmem_mnt))
		return 0;
	kmem_cache_destroy(gmem_inode_cache);
	return PTR_ERR(gmem_mnt);
}

void kvm_gmem_exit(void)
{
	kern_unmount(gmem_mnt);
	/* Inodes are freed by RCU. */
	rcu_barrier();
	kmem_cache_destroy(gmem_inode_cache);
}
