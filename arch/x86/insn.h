/* SPDX-License-Identifier: GPL-2.0 */
/* The instruction at RIP. */
#ifndef KVM_X86_INSN_H
#define KVM_X86_INSN_H

#include <kvm/guest_words.h>

#include "decode.h"

struct x86_vcpu;

/**
 * enum x86_emul - what the steps of emulation answer, beside errno
 * @EMUL_OK: go on
 * @EMUL_RETRY: enter the guest; it has an exception to take, or tries again
 * @EMUL_USER: kvm_run says what is wanted of userspace
 * @EMUL_FAIL: this is beyond us
 */
enum x86_emul_result {
	EMUL_OK,
	EMUL_RETRY,
	EMUL_USER,
	EMUL_FAIL,
};

/**
 * struct x86_code - an instruction of the guest
 * @bytes: what stands at RIP
 * @nr: how many bytes of it are here
 * @mode: of the code segment
 * @insn: the same, decoded
 */
struct x86_code {
	u8 bytes[X86_INSN_MAX];
	u8 nr;
	u8 mode;
	struct x86_insn insn;
};

/**
 * struct x86_fetched - an instruction, and all that fetching it depends on
 * @la: where it stands, linear
 * @gpa: where that leads, unless the CPU gave the bytes
 * @cr0, @cr3, @cr4, @efer: how the address is translated
 * @cpl: for whom
 * @words: page-table entries and bytes of the code
 * @code: what was fetched, and for which mode
 */
struct x86_fetched {
	u64 la;
	gpa_t gpa;
	u64 cr0, cr3, cr4, efer;
	u8 cpl;
	struct kvm_words words;
	struct x86_code code;
};

/*
 * A guest's drivers exit at the same few instructions again and again. More than
 * these would not fit into the memory that a vCPU takes anyway.
 */
#define X86_NR_FETCHED	5

/**
 * x86_fetch_insn() - fetch and decode the instruction that exited
 * @vcpu: the vCPU, by its own thread
 * @code: the result, also of a failure as far as it goes; good until the next
 *	call
 *
 * The bytes are the CPU's, if it gives them, or read by way of the guest's
 * page tables. What was read the last time is not decoded again if it still
 * stands there. Sets exit.insn_len.
 *
 * Context: the vCPU's thread; may sleep.
 * Return: enum x86_emul_result, or errno.
 */
int x86_fetch_insn(struct x86_vcpu *vcpu, const struct x86_code **code);

/**
 * x86_emul_done() - from an answer of the emulator to one of the run loop
 * @vcpu: the vCPU
 * @code: the instruction, as far as it is known; not looked at if @r is errno
 * @r: enum x86_emul_result or errno
 *
 * Return: X86_RUN_*, or errno.
 */
int x86_emul_done(struct x86_vcpu *vcpu, const struct x86_code *code, int r);

/* Queues the page fault, if that is what the walk's @r means; EMUL_*, or errno. */
struct x86_walk;
int x86_walk_failed(struct x86_vcpu *vcpu, const struct x86_walk *walk, u64 la, int r);

#endif
