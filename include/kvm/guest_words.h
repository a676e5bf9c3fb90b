/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Words of guest memory that were read, to be found unchanged later: what was
 * made of them is then what would be made of them anew.
 */
#ifndef KVM_GUEST_WORDS_H
#define KVM_GUEST_WORDS_H

#include <kvm/types.h>

struct kvm_vcpu;

#define KVM_MAX_WORDS	8

/**
 * struct kvm_word - one aligned word
 * @user: where it stands in the owner's address space
 * @value: what it was
 */
struct kvm_word {
	const u64 __user *user;
	u64 value;
};

/**
 * struct kvm_words - some aligned words of eight bytes
 * @generation: of the slots, when the words were found; odd if the words are
 *	not to be relied on
 * @nr: how many there are
 * @word: the words
 */
struct kvm_words {
	u64 generation;
	unsigned int nr;
	struct kvm_word word[KVM_MAX_WORDS];
};

/**
 * kvm_words_begin() - before the first of them is read
 * @vcpu: the vCPU, by the thread that holds its mutex
 * @words: empty afterwards
 */
void kvm_words_begin(struct kvm_vcpu *vcpu, struct kvm_words *words);

/**
 * kvm_words_add() - remember a piece of memory that has been read
 * @vcpu: the vCPU
 * @words: from kvm_words_begin(), which was called before the piece was read
 * @gpa: where it stands; it does not leave its page
 * @data: what was read
 * @len: how many bytes
 *
 * If there is no room, if the memory may be a guest_memfd's, or if it is not the
 * same any more, @words will never be found to be the same.
 *
 * Context: the owner's address space; may sleep.
 */
void kvm_words_add(struct kvm_vcpu *vcpu, struct kvm_words *words, gpa_t gpa,
		   const void *data, unsigned int len);

/**
 * kvm_words_same() - are there words, and do they all stand where and as they did?
 * @vcpu: the vCPU
 * @words: any
 *
 * Context: the owner's address space.
 * Return: false also if some are not in memory right now.
 */
bool kvm_words_same(struct kvm_vcpu *vcpu, const struct kvm_words *words);

#endif
