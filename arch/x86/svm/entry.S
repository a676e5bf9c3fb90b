/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Into the guest and out again (APM 2, 15.5 and 15.6).
 *
 * VMRUN and the exit switch RAX, RSP, RIP, RFLAGS, the control registers, most
 * segments; VMLOAD and VMSAVE switch FS, GS, TR, LDTR and the MSRs of system
 * calls. The other general registers are ours.
 */
#include <linux/linkage.h>
#include <asm/asm.h>
#include <asm/msr-index.h>
#include <asm/nospec-branch.h>

#include "entry.h"

/* Jump to @skip unless SPEC_CTRL is there and the CPU leaves it to us. */
.macro UNLESS_SPEC_CTRL skip:req
	ALTERNATIVE_2 "jmp \skip", "", X86_FEATURE_MSR_SPEC_CTRL, \
		      "jmp \skip", X86_FEATURE_V_SPEC_CTRL
.endm

.macro WRITE_SPEC_CTRL
	mov	$MSR_IA32_SPEC_CTRL, %ecx
	xor	%edx, %edx
	wrmsr
.endm

.section .noinstr.text, "ax"

SYM_FUNC_START(svm_vmrun)
	push	%rbp
	mov	%rsp, %rbp
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%rbx
	push	%rdi
	push	SVM_ENTRY_GPR(%rdi)

	/*
	 * From here on nothing interrupts, not even an NMI, so that this is the
	 * one place where SVM can turn out to have been switched off by a reboot:
	 * what follows cannot fault. RFLAGS.IF at VMRUN says whether interrupts
	 * end the guest, so it must be set.
	 */
.Lclgi:	clgi
	_ASM_EXTABLE(.Lclgi, .Lsvm_is_off)
	sti

	/* No return and no indirect branch between this and VMRUN. */
	UNLESS_SPEC_CTRL .Lenter
	mov	SVM_ENTRY_GUEST_SPEC(%rdi), %eax
	cmp	SVM_ENTRY_HOST_SPEC(%rdi), %eax
	je	.Lenter
	WRITE_SPEC_CTRL

.Lenter:
	mov	SVM_ENTRY_VMCB_PA(%rdi), %rax
	vmload	%rax

	mov	SVM_ENTRY_GPR(%rdi), %rdi
	mov	1 * 8(%rdi), %rcx
	mov	2 * 8(%rdi), %rdx
	mov	3 * 8(%rdi), %rbx
	mov	5 * 8(%rdi), %rbp
	mov	6 * 8(%rdi), %rsi
	mov	8 * 8(%rdi), %r8
	mov	9 * 8(%rdi), %r9
	mov	10 * 8(%rdi), %r10
	mov	11 * 8(%rdi), %r11
	mov	12 * 8(%rdi), %r12
	mov	13 * 8(%rdi), %r13
	mov	14 * 8(%rdi), %r14
	mov	15 * 8(%rdi), %r15
	mov	7 * 8(%rdi), %rdi

	VM_CLEAR_CPU_BUFFERS
	vmrun	%rax

	/* RAX and RSP are the host's again. */
	pop	%rax
	mov	%rcx, 1 * 8(%rax)
	mov	%rdx, 2 * 8(%rax)
	mov	%rbx, 3 * 8(%rax)
	mov	%rbp, 5 * 8(%rax)
	mov	%rsi, 6 * 8(%rax)
	mov	%rdi, 7 * 8(%rax)
	mov	%r8, 8 * 8(%rax)
	mov	%r9, 9 * 8(%rax)
	mov	%r10, 10 * 8(%rax)
	mov	%r11, 11 * 8(%rax)
	mov	%r12, 12 * 8(%rax)
	mov	%r13, 13 * 8(%rax)
	mov	%r14, 14 * 8(%rax)
	mov	%r15, 15 * 8(%rax)

	pop	%rdi
	mov	SVM_ENTRY_VMCB_PA(%rdi), %rax
	vmsave	%rax
	mov	SVM_ENTRY_HOST_PA(%rdi), %rax
	vmload	%rax

	/* Before any RET: the guest filled the return stack. */
	FILL_RETURN_BUFFER %rax, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT

	UNLESS_SPEC_CTRL .Lleft
	cmpl	$0, SVM_ENTRY_READ_SPEC(%rdi)
	je	.Lhost_spec_ctrl
	mov	$MSR_IA32_SPEC_CTRL, %ecx
	rdmsr
	mov	%eax, SVM_ENTRY_GUEST_SPEC(%rdi)
.Lhost_spec_ctrl:
	mov	SVM_ENTRY_HOST_SPEC(%rdi), %eax
	cmp	SVM_ENTRY_GUEST_SPEC(%rdi), %eax
	je	.Lleft
	WRITE_SPEC_CTRL

.Lleft:
	/* Before NMIs and interrupts: their handlers return, too. */
	UNTRAIN_RET_VM

	cli
	stgi
	mov	$1, %eax

	/* No value of the guest is left for speculation to use. */
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%esi, %esi
	xor	%edi, %edi
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	xor	%ebx, %ebx
	xor	%ebp, %ebp
	xor	%r12d, %r12d
	xor	%r13d, %r13d
	xor	%r14d, %r14d
	xor	%r15d, %r15d

.Lout:
	pop	%rbx
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	pop	%rbp
	RET

.Lsvm_is_off:
	add	$16, %rsp
	xor	%eax, %eax
	jmp	.Lout
SYM_FUNC_END(svm_vmrun)
