/* SPDX-License-Identifier: GPL-2.0 */
/* The guest's own page tables: from a linear to a guest physical address. */
#ifndef KVM_X86_WALK_H
#define KVM_X86_WALK_H

#include <linux/bits.h>
#include <asm/trap_pf.h>

#include <kvm/guest_words.h>
#include <kvm/ioctl.h>
#include <kvm/types.h>

struct x86_vcpu;

/*
 * What an access is: X86_PF_WRITE, X86_PF_USER, X86_PF_INSTR, or to look
 * without rights, and without a trace in accessed and dirty bits.
 */
#define X86_WALK_PEEK	BIT(16)

/**
 * struct x86_walk - the result of a walk
 * @gpa: where the linear address leads
 * @writable: every level allows writing
 * @user: every level allows user accesses
 * @error_code: of the page fault
 */
struct x86_walk {
	gpa_t gpa;
	bool writable;
	bool user;
	u32 error_code;
};

/**
 * x86_walk() - translate a linear address as the CPU does (APM 2, chapter 5)
 * @vcpu: the vCPU, by its own thread
 * @la: linear address, canonical
 * @access: X86_PF_* and X86_WALK_PEEK
 * @walk: the result
 *
 * Checks rights and reserved bits, sets accessed and dirty bits.
 *
 * Context: the vCPU's thread; may sleep.
 * Return: 0; -EFAULT for a page fault, with walk->error_code; -EAGAIN if an
 * entry changed meanwhile; -EIO if the page tables stand outside of memory.
 */
int x86_walk(struct x86_vcpu *vcpu, u64 la, u32 access, struct x86_walk *walk);

/**
 * x86_walk_words() - x86_walk() that remembers what it read
 * @vcpu: the vCPU, by its own thread
 * @la: linear address, canonical
 * @access: X86_PF_*
 * @walk: the result
 * @words: the entries as the walk left them are added, after a success. While
 *	they stay the same, so does the result for the same CR0, CR3, CR4, EFER
 *	and, of instructions, @access
 *
 * Return: as x86_walk().
 */
int x86_walk_words(struct x86_vcpu *vcpu, u64 la, u32 access, struct x86_walk *walk,
		   struct kvm_words *words);

/* KVM_TRANSLATE */
long x86_translate(struct kvm_ioctl_args *args);

#endif
