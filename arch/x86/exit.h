/* SPDX-License-Identifier: GPL-2.0 */
/* The exit record: why the guest stopped, in words of no particular vendor. */
#ifndef KVM_X86_EXIT_H
#define KVM_X86_EXIT_H

#include <linux/bits.h>
#include <linux/types.h>

/* As the tracepoint kvm_exit has it. */
#define KVM_ISA_VMX	1
#define KVM_ISA_SVM	2

#define X86_MAX_INSN_LEN	15

enum x86_exit_reason {
	X86_EXIT_UNKNOWN,	/* also what no table names */
	X86_EXIT_NONE,		/* host interrupt, NMI, kick: nothing to do */
	X86_EXIT_FAIL_ENTRY,	/* the hardware refused the state */
	X86_EXIT_SHUTDOWN,	/* triple fault */
	X86_EXIT_IRQ_WINDOW,
	X86_EXIT_NMI_WINDOW,
	X86_EXIT_EXCEPTION,	/* exception */
	X86_EXIT_NPF,		/* npf */
	X86_EXIT_CPUID,
	X86_EXIT_HLT,
	X86_EXIT_IO,		/* io */
	X86_EXIT_MSR,		/* msr */
	X86_EXIT_CR,		/* reg */
	X86_EXIT_DR,		/* reg */
	X86_EXIT_HYPERCALL,
	X86_EXIT_RDPMC,
	X86_EXIT_INVD,
	X86_EXIT_WBINVD,
	X86_EXIT_INVLPG,
	X86_EXIT_XSETBV,
	X86_EXIT_MONITOR,
	X86_EXIT_MWAIT,
	X86_EXIT_PAUSE,
	X86_EXIT_UD_INSN,	/* an instruction that the guest does not have: #UD */
	X86_EXIT_SMI,
	X86_EXIT_INIT,
	X86_NR_EXITS,
};

/* An event on its way into the guest. */
enum x86_event_type {
	X86_EVENT_NONE,
	X86_EVENT_INTERRUPT,	/* external, vector */
	X86_EVENT_NMI,
	X86_EVENT_EXCEPTION,	/* hardware exception, vector and error code */
	X86_EVENT_SOFT_INTERRUPT,	/* INT n, when its delivery was cut short */
	X86_EVENT_SOFT_EXCEPTION,	/* INT3 and INTO likewise */
};

struct x86_event {
	u8 type;
	u8 vector;
	bool has_error;
	u32 error_code;
};

/* Error code of a nested page fault; the low bits are those of #PF. */
#define X86_NPF_PRESENT		BIT_ULL(0)
#define X86_NPF_WRITE		BIT_ULL(1)
#define X86_NPF_USER		BIT_ULL(2)
#define X86_NPF_RSVD		BIT_ULL(3)
#define X86_NPF_FETCH		BIT_ULL(4)
#define X86_NPF_GUEST_FINAL	BIT_ULL(32)	/* on the final address */
#define X86_NPF_GUEST_WALK	BIT_ULL(33)	/* on the guest's page tables */

/**
 * struct x86_exit - one exit
 * @reason: enum x86_exit_reason
 * @isa: KVM_ISA_*, whose number @hw_reason is
 * @hw_reason: the vendor's number, for tracepoints and KVM_EXIT_UNKNOWN
 * @hw_info: what the vendor tells beside it, for tracepoints
 * @insn_len: length of the instruction that exited, 0 if the CPU does not say
 * @nr_bytes: how many bytes at RIP the CPU gave in @bytes, 0 if none
 * @bytes: the instruction
 * @irq_taken: x86_vcpu.offered_irq, if there was one, is the guest's now
 * @vectoring: the event whose delivery the exit cut short, to be injected again
 */
struct x86_exit {
	u8 reason;
	u8 isa;
	u8 insn_len;
	u8 nr_bytes;
	u8 bytes[X86_MAX_INSN_LEN];
	bool irq_taken;
	u64 hw_reason;
	u64 hw_info[2];
	struct x86_event vectoring;
	union {
		struct {
			u64 gpa;
			u64 error_code;	/* X86_NPF_* */
		} npf;
		struct {
			u8 vector;
			u32 error_code;
			u64 cr2;
			u64 dr6;	/* of #DB */
		} exception;
		struct {
			u16 port;
			u8 size;	/* 1, 2, 4 bytes */
			u8 addr_size;	/* 2, 4, 8 bytes */
			u8 seg;		/* enum x86_seg, of OUTS; 0xff if not known */
			bool in;
			bool string;
			bool rep;
		} io;
		struct {
			bool write;
		} msr;
		struct {
			u8 nr;		/* CR or DR number */
			u8 gpr;		/* 0xff if the CPU does not say */
			bool write;
		} reg;
	};
};

#endif
