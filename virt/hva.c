// SPDX-License-Identifier: GPL-2.0
/* From a guest frame to the host page behind it. */
#include <linux/cleanup.h>
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/swap.h>

#include <kvm/hva.h>

static int kvm_set_host_page(struct kvm_host_page *host, struct page *page, bool writable)
{
	host->page = page;
	host->pfn = page_to_pfn(page);
	host->writable = writable;
	return 0;
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

int kvm_get_host_page(const struct kvm_memory_slot *slot, gfn_t gfn, unsigned int flags,
		      struct kvm_host_page *host)
{
	bool write = flags & KVM_HOST_WRITE;
	bool may_write = !(slot->flags & KVM_MEM_READONLY);
	hva_t hva = kvm_slot_hva(slot, gfn);
	struct page *page;
	long r;

	if (may_write && get_user_pages_fast_only(hva, 1, FOLL_WRITE, &page) == 1)
		return kvm_set_host_page(host, page, true);

	r = get_user_pages_unlocked(hva, 1, &page, kvm_gup_flags(flags));
	if (r == -EINTR || r == -EHWPOISON)
		return r;
	if (!r && (flags & KVM_HOST_NOWAIT))
		return -EBUSY;
	if (r != 1)
		return kvm_get_pfnmap(hva, write, host);
	kvm_set_host_page(host, page, write);

	/* Only read, but if the host has it writable a later write costs nothing. */
	if (may_write && !write && get_user_pages_fast_only(hva, 1, FOLL_WRITE, &page) == 1) {
		put_page(host->page);
		kvm_set_host_page(host, page, true);
	}
	return 0;
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
	pgd_t *pgdp, pgd;
	p4d_t *p4dp, p4d;
	pud_t *pudp, pud;
	pmd_t pmd;

	/* The host frees a page table only after all CPUs took an interrupt. */
	guard(irqsave)();
	pgdp = pgd_offset(current->mm, hva);
	pgd = READ_ONCE(*pgdp);
	if (pgd_none(pgd))
		return 0;
	p4dp = p4d_offset_lockless(pgdp, pgd, hva);
	p4d = READ_ONCE(*p4dp);
	if (!p4d_present(p4d))
		return 0;
	pudp = pud_offset_lockless(p4dp, p4d, hva);
	pud = READ_ONCE(*pudp);
	if (!pud_present(pud))
		return 0;
	if (pud_leaf(pud))
		return PUD_SHIFT - PAGE_SHIFT;
	pmd = READ_ONCE(*pmd_offset_lockless(pudp, pud, hva));
	return pmd_present(pmd) && pmd_leaf(pmd) ? PMD_SHIFT - PAGE_SHIFT : 0;
}

void kvm_mark_host_page(const struct kvm_host_page *host)
{
	if (host->page && !PageReserved(host->page) && !PageDirty(host->page))
		set_page_dirty(host->page);
}

void kvm_put_host_page(const struct kvm_host_page *host)
{
	if (host->page)
		put_page(host->page);
}
