// SPDX-License-Identifier: GPL-2.0
/*
 * From a guest frame to the host page behind it. No page is referenced: what is
 * found here is mapped only if the slot's notifier has not spoken since.
 */
#include <linux/cleanup.h>
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/pgtable.h>

#include <kvm/hva.h>

/*
 * May a page be used without asking get_user_pages()? It refuses some that the
 * kernel must not touch (secretmem); their files are never evicted.
 */
static bool kvm_page_is_plain(struct page *page)
{
	unsigned long mapping = (unsigned long)READ_ONCE(page_folio(page)->mapping);

	return !mapping || (mapping & PAGE_MAPPING_FLAGS) ||
	       !mapping_unevictable((struct address_space *)mapping);
}

static void kvm_set_leaf(struct kvm_host_page *host, hva_t hva, kvm_pfn_t pfn,
			 unsigned int order, bool writable)
{
	host->pfn = pfn + ((hva >> PAGE_SHIFT) & (BIT(order) - 1));
	host->order = order;
	host->writable = writable;
}

/* Leaves of the three sizes differ in type alone. True for one with a page. */
#define kvm_take_leaf(host, hva, size, shift, entry) ({				\
	kvm_set_leaf(host, hva, size##_pfn(entry), (shift) - PAGE_SHIFT,	\
		     size##_access_permitted(entry, true));			\
	size##_access_permitted(entry, false) && !size##_special(entry) &&	\
		!size##_devmap(entry);						\
})

/*
 * What the host's page tables have at an address now; a @pfn of ~0 if nothing.
 * True if it may be used as it is.
 */
static bool kvm_walk_host(hva_t hva, struct kvm_host_page *host)
{
	bool has_page;
	pgd_t *pgdp, pgd;
	p4d_t *p4dp, p4d;
	pud_t *pudp, pud;
	pmd_t pmd;
	pte_t pte;

	*host = (struct kvm_host_page){ .pfn = ~0ULL };

	/* The host frees page tables, and inodes, only after interrupts are on again. */
	guard(irqsave)();
	pgdp = pgd_offset(current->mm, hva);
	pgd = READ_ONCE(*pgdp);
	if (pgd_none(pgd))
		return false;
	p4dp = p4d_offset_lockless(pgdp, pgd, hva);
	p4d = READ_ONCE(*p4dp);
	if (!p4d_present(p4d))
		return false;
	pudp = pud_offset_lockless(p4dp, p4d, hva);
	pud = READ_ONCE(*pudp);
	if (!pud_present(pud))
		return false;
	if (pud_leaf(pud)) {
		has_page = kvm_take_leaf(host, hva, pud, PUD_SHIFT, pud);
	} else {
		pmd = READ_ONCE(*pmd_offset_lockless(pudp, pud, hva));
		if (!pmd_present(pmd))
			return false;
		if (pmd_leaf(pmd)) {
			has_page = kvm_take_leaf(host, hva, pmd, PMD_SHIFT, pmd);
		} else {
			pte = ptep_get_lockless(pte_offset_kernel(&pmd, hva));
			if (!pte_present(pte))
				return false;
			has_page = kvm_take_leaf(host, hva, pte, PAGE_SHIFT, pte);
		}
	}
	if (!has_page)
		return false;
	host->page = pfn_to_page(host->pfn);
	return kvm_page_is_plain(host->page);
}

static bool kvm_prot_decrypted(pgprot_t prot)
{
	return pgprot_val(prot) == pgprot_val(pgprot_decrypted(prot));
}

/* A mapping of plain frames: a device's memory, or a driver's own pages. */
static int kvm_get_pfnmap(hva_t hva, bool write, struct kvm_host_page *host)
{
	struct mm_struct *mm = current->mm;
	struct follow_pfnmap_args args = { .address = hva };
	bool unlocked = false;
	int r = -EFAULT;

	if (mmap_read_lock_killable(mm))
		return -EINTR;
	args.vma = vma_lookup(mm, hva);
	if (!args.vma || !(args.vma->vm_flags & (VM_IO | VM_PFNMAP)))
		goto out;

	r = follow_pfnmap_start(&args);
	if (r) {
		r = fixup_user_fault(mm, hva, write ? FAULT_FLAG_WRITE : 0, &unlocked);
		if (!r)
			r = unlocked ? -EAGAIN : follow_pfnmap_start(&args);
		if (r)
			goto out;
	}
	host->page = NULL;
	host->pfn = args.pfn;
	host->writable = args.writable;
	host->decrypted = kvm_prot_decrypted(args.pgprot);
	follow_pfnmap_end(&args);
	/* Refuse rather than write behind the back of a read-only mapping. */
	r = write && !host->writable ? -EFAULT : 0;
out:
	mmap_read_unlock(mm);
	return r;
}

static unsigned int kvm_gup_flags(unsigned int flags)
{
	return FOLL_HWPOISON | FOLL_INTERRUPTIBLE | (flags & KVM_HOST_WRITE ? FOLL_WRITE : 0) |
	       (flags & KVM_HOST_NOWAIT ? FOLL_NOWAIT : 0);
}

static int kvm_fault_host_page(hva_t hva, unsigned int flags, struct kvm_host_page *host)
{
	bool write = flags & KVM_HOST_WRITE;
	struct kvm_host_page now;
	struct page *page;
	long r;

	r = get_user_pages_unlocked(hva, 1, &page, kvm_gup_flags(flags));
	if (r == -EINTR || r == -EHWPOISON)
		return r;
	if (!r && (flags & KVM_HOST_NOWAIT))
		return -EBUSY;
	if (r == 1) {
		host->page = page;
		host->pfn = page_to_pfn(page);
		host->writable = write;
		put_page(page);
	} else {
		r = kvm_get_pfnmap(hva, write, host);
		if (r)
			return r;
	}
	/* How large it is, and whether a write after this read will cost nothing. */
	kvm_walk_host(hva, &now);
	if (now.pfn == host->pfn) {
		host->order = now.order;
		host->writable |= now.writable;
	}
	return 0;
}

/*
 * As if the owner had touched the address: all that is needed for a plain page, where
 * get_user_pages() would walk to it once more, and take a reference to give it back.
 * Whatever does not come out well, that is asked, for the reason.
 */
static bool kvm_touch_host(hva_t hva, bool write)
{
	const unsigned int flags = FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE |
				   FAULT_FLAG_INTERRUPTIBLE;
	struct mm_struct *mm = current->mm;
	vm_fault_t fault = VM_FAULT_SIGSEGV;
	struct vm_area_struct *vma;

	if (mmap_read_lock_killable(mm))
		return false;
	vma = vma_lookup(mm, hva);
	if (vma && (vma->vm_flags & (write ? VM_WRITE : VM_READ)))
		fault = handle_mm_fault(vma, hva, flags | (write ? FAULT_FLAG_WRITE : 0), NULL);
	/* Who had to wait has let the lock go. */
	if (!(fault & (VM_FAULT_RETRY | VM_FAULT_COMPLETED)))
		mmap_read_unlock(mm);
	return !(fault & (VM_FAULT_ERROR | VM_FAULT_RETRY));
}

/* What the host's page tables have, if it can be used as it is. */
static bool kvm_find_host_page(hva_t hva, bool write, struct kvm_host_page *host)
{
	return kvm_walk_host(hva, host) && (host->writable || !write);
}

int kvm_get_host_page(const struct kvm_memory_slot *slot, gfn_t gfn, unsigned int flags,
		      struct kvm_host_page *host)
{
	hva_t hva = kvm_slot_hva(slot, gfn);
	bool write = flags & KVM_HOST_WRITE;
	int r = 0;

	if (!kvm_find_host_page(hva, write, host) &&
	    (flags & KVM_HOST_NOWAIT || !kvm_touch_host(hva, write) ||
	     !kvm_find_host_page(hva, write, host))) {
		*host = (struct kvm_host_page){};
		r = kvm_fault_host_page(hva, flags, host);
	}
	if (slot->flags & KVM_MEM_READONLY)
		host->writable = false;
	return r;
}

void kvm_wait_host_page(struct mm_struct *mm, hva_t hva, bool write)
{
	unsigned int flags = FOLL_INTERRUPTIBLE | (write ? FOLL_WRITE : 0);
	int locked = 1;

	if (mmap_read_lock_killable(mm))
		return;
	get_user_pages_remote(mm, hva, 1, flags, NULL, &locked);
	if (locked)
		mmap_read_unlock(mm);
}

unsigned int kvm_host_order(hva_t hva)
{
	struct kvm_host_page host;

	kvm_walk_host(hva, &host);
	return host.order;
}

void kvm_mark_host_page(const struct kvm_host_page *host)
{
	if (host->page && !PageReserved(host->page) && !PageDirty(host->page))
		set_page_dirty(host->page);
}
