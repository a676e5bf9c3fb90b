/* SPDX-License-Identifier: GPL-2.0 */
/* KVM_RUN: what the run loop, the exits and their helpers share. */
#ifndef KVM_X86_RUN_H
#define KVM_X86_RUN_H

#include <asm/fpu/api.h>

#include "x86.h"

/*
 * Functions on the way of an exit answer to the run loop: enter the guest
 * again, or return to userspace with kvm_run filled; or errno.
 */
enum x86_run {
	X86_RUN_EXIT	= 0,
	X86_RUN_AGAIN	= 1,
};

/* exit.c */
int x86_handle_exit(struct x86_vcpu *vcpu);

/**
 * x86_internal_error() - fill kvm_run for KVM_EXIT_INTERNAL_ERROR
 * @vcpu: the vCPU
 * @suberror: KVM_INTERNAL_ERROR_*
 *
 * Return: X86_RUN_EXIT.
 */
int x86_internal_error(struct x86_vcpu *vcpu, u32 suberror);

/**
 * x86_skip_insn() - go on behind the instruction that exited
 * @vcpu: the vCPU
 *
 * Ends an interrupt shadow; a guest that single-steps gets its #DB.
 *
 * Return: X86_RUN_AGAIN, or what stands in the way.
 */
int x86_skip_insn(struct x86_vcpu *vcpu);

/* exit_cpu.c */
int x86_handle_cpuid(struct x86_vcpu *vcpu);
int x86_handle_msr(struct x86_vcpu *vcpu);
int x86_handle_xsetbv(struct x86_vcpu *vcpu);
int x86_handle_rdpmc(struct x86_vcpu *vcpu);
int x86_handle_mwait(struct x86_vcpu *vcpu);

/* io.c */
int x86_handle_io(struct x86_vcpu *vcpu);

/* Where the guest is; stays the same while it waits for userspace. */
static inline u64 x86_linear_rip(struct x86_vcpu *vcpu)
{
	x86_fetch_code(vcpu);
	return vcpu->rip + vcpu->seg[X86_CS].base;
}

/* KVM_EXIT_IO for the port access that exited, with this many elements in pio_data. */
int x86_io_to_user(struct x86_vcpu *vcpu, u32 count);

/* cr_exit.c */
int x86_handle_cr(struct x86_vcpu *vcpu);

/* hypercall.c */
int x86_handle_hypercall(struct x86_vcpu *vcpu);
int x86_handle_ud(struct x86_vcpu *vcpu);
bool x86_in_64bit_code(struct x86_vcpu *vcpu);

/* block.c */

/**
 * x86_block() - sleep until something ends the halt
 * @vcpu: the vCPU, its mp_state not KVM_MP_STATE_RUNNABLE
 *
 * Return: X86_RUN_AGAIN, also for a signal: the run loop looks for those.
 */
int x86_block(struct x86_vcpu *vcpu);

/* fpu.c */
void x86_fpu_init(void);
int x86_fpu_create(struct x86_vcpu *vcpu);
void x86_fpu_destroy(struct x86_vcpu *vcpu);

/* The thread's FPU registers become the guest's, until x86_fpu_put(). */
static inline void x86_fpu_load(struct x86_vcpu *vcpu)
{
	fpu_swap_kvm_fpstate(&vcpu->fpu, true);
}

static inline void x86_fpu_put(struct x86_vcpu *vcpu)
{
	fpu_swap_kvm_fpstate(&vcpu->fpu, false);
}

/* The same for what interrupt handlers must not find changed; interrupts off. */
void x86_fpu_enter(struct x86_vcpu *vcpu);
void x86_fpu_leave(struct x86_vcpu *vcpu);

#endif
