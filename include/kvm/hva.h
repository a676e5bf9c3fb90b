/* SPDX-License-Identifier: GPL-2.0 */
/* From a guest frame to the host page behind it. */
#ifndef KVM_HVA_H
#define KVM_HVA_H

#include <kvm/memslot.h>

/**
 * struct kvm_host_page - what stands behind a guest frame
 * @pfn: host frame
 * @page: its page, or NULL where the host's mapping has none; no reference
 * @writable: the host lets it be written through this mapping
 * @decrypted: the host's mapping bypasses memory encryption, as those of devices do;
 *	means nothing where there is none
 * @order: log2 of the pages that one entry of the host's page tables maps there
 */
struct kvm_host_page {
	kvm_pfn_t pfn;
	struct page *page;
	bool writable;
	bool decrypted;
	unsigned int order;
};

/**
 * kvm_get_host_page() - fault the host page behind a guest frame in
 * @slot: the slot, held
 * @gfn: a frame of it
 * @flags: KVM_HOST_*
 * @host: the answer
 *
 * The answer is good until the slot's notifier says otherwise: check with
 * mmu_interval_read_retry() under mmu_lock against a number taken before.
 *
 * Context: the owner's address space; may sleep for long, until a signal.
 * Return: 0; -EINTR for a signal; -EHWPOISON; -EFAULT without memory there, or
 * none that can be written; -EAGAIN to try again; -EBUSY for what would take
 * long, with %KVM_HOST_NOWAIT.
 */
int kvm_get_host_page(const struct kvm_memory_slot *slot, gfn_t gfn, unsigned int flags,
		      struct kvm_host_page *host);

#define KVM_HOST_WRITE	BIT(0)	/* the page will be written */
#define KVM_HOST_NOWAIT	BIT(1)	/* not for a device, nor for another process */

/**
 * kvm_wait_host_page() - wait for a page that kvm_get_host_page() found busy
 * @mm: the owner's address space, held
 * @hva: in it
 * @write: the page will be written
 *
 * Context: any thread; may sleep for long, until a signal.
 */
void kvm_wait_host_page(struct mm_struct *mm, hva_t hva, bool write);

/**
 * kvm_host_order() - how large the host maps what stands at an address
 * @hva: in the current address space
 *
 * As with kvm_get_host_page() the answer must be checked against the notifier.
 *
 * Return: log2 of the pages that one entry of the host's page tables maps.
 */
unsigned int kvm_host_order(hva_t hva);

/**
 * kvm_mark_host_page() - the guest may write the page from now on
 * @host: of kvm_get_host_page()
 *
 * Marks it dirty once, for as long as the mapping lives: whoever cleans the
 * page takes the mapping away first.
 *
 * Context: mmu_lock, after mmu_interval_read_retry().
 */
void kvm_mark_host_page(const struct kvm_host_page *host);

#endif
