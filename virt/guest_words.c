// SPDX-License-Identifier: GPL-2.0
/* Words of guest memory that were read, to be found unchanged later. */
#include <linux/cleanup.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <kvm/guest_words.h>
#include <kvm/vcpu.h>

/* Odd: no generation to rely on. */
#define NEVER	1

void kvm_words_begin(struct kvm_vcpu *vcpu, struct kvm_words *words)
{
	words->generation = kvm_memory_generation(vcpu->kvm);
	words->nr = 0;
}

static bool word_read(struct kvm_vcpu *vcpu, gpa_t gpa, struct kvm_word *word)
{
	struct kvm_memory_slot *slot = kvm_hold_slot(vcpu, gpa_to_gfn(gpa));
	bool ok = false;

	if (!slot)
		return false;
	/* What is private is not what the owner's mappings show. */
	if (!(slot->flags & KVM_MEM_GUEST_MEMFD)) {
		word->user = (u64 __user *)(kvm_slot_hva(slot, gpa_to_gfn(gpa)) +
					    offset_in_page(gpa));
		ok = !get_user(word->value, word->user);
	}
	kvm_release_slot(vcpu);
	return ok;
}

void kvm_words_add(struct kvm_vcpu *vcpu, struct kvm_words *words, gpa_t gpa,
		   const void *data, unsigned int len)
{
	unsigned int skip = gpa & (sizeof(u64) - 1), nr = words->nr;
	gpa_t at = gpa - skip;
	u8 bytes[sizeof(u64)];
	unsigned int n;

	for (; len; at += sizeof(u64), skip = 0, nr++) {
		if (nr == KVM_MAX_WORDS || !word_read(vcpu, at, &words->word[nr]))
			goto fail;
		n = min_t(unsigned int, len, sizeof(u64) - skip);
		memcpy(bytes, &words->word[nr].value, sizeof(bytes));
		if (memcmp(bytes + skip, data, n))
			goto fail;
		data += n;
		len -= n;
	}
	words->nr = nr;
	return;
fail:
	words->generation = NEVER;
}

/*
 * The addresses are those of slots, which were checked when the slots were
 * made; access_ok() for the first of them opens the way to all. Pointers and not
 * an index: a check of bounds would be a call in the middle.
 */
static bool words_compare(const struct kvm_words *words)
{
	const struct kvm_word *word = words->word, *end = word + words->nr;
	u64 value, differ = 0;

	if (!user_read_access_begin(word->user, sizeof(u64)))
		return false;
	for (; word < end; word++) {
		unsafe_get_user(value, word->user, fault);
		differ |= value ^ word->value;
	}
	user_read_access_end();
	return !differ;
fault:
	user_read_access_end();
	return false;
}

bool kvm_words_same(struct kvm_vcpu *vcpu, const struct kvm_words *words)
{
	bool same;

	if (!words->nr)
		return false;
	guard(preempt)();
	if (!kvm_hold_generation(vcpu, words->generation))
		return false;
	pagefault_disable();
	same = words_compare(words);
	pagefault_enable();
	kvm_release_slot_atomic(vcpu);
	return same;
}
