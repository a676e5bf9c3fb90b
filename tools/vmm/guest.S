/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest. Word A of its memory is A before the first pass and one more after
 * each; the guest checks that on every pass, adds the words up, and measures
 * the time between two pages by the TSC.
 *
 *   RDI  first byte of the vCPU's part     RSI  first byte behind
 *   RBX  struct status                     RBP  pass
 *   R8   time of the last page             R9   sum of this pass
 *   R12  the word's address
 */
	.section .rodata
	.globl	guest_begin, guest_end
	.code64
guest_begin:
	mov	%rdi, %r12
1:	mov	%r12, (%r12)
	add	$8, %r12
	cmp	%rsi, %r12
	jb	1b

	xor	%ebp, %ebp
	call	clock
	mov	%rax, %r8
pass:
	mov	%rdi, %r12
	xor	%r9d, %r9d
page:
	mov	$512, %ecx
word:
	lea	(%r12, %rbp), %r10
	mov	(%r12), %r11
	cmp	%r10, %r11
	jne	bad
next:
	add	%r11, %r9
	inc	%r10
	mov	%r10, (%r12)
	add	$8, %r12
	dec	%ecx
	jnz	word

	addq	$512, 8(%rbx)
	call	clock
	mov	%rax, %rdx
	sub	%r8, %rdx
	mov	%rax, %r8
	cmp	24(%rbx), %rdx
	jbe	2f
	mov	%rdx, 24(%rbx)
2:	cmp	56(%rbx), %rdx
	jbe	3f
	incq	48(%rbx)
3:	cmp	%rsi, %r12
	jb	page

	mov	%r9, 32(%rbx)
	inc	%rbp
	mov	%rbp, (%rbx)
	jmp	pass

bad:
	incq	16(%rbx)
	mov	%r12, 40(%rbx)
	jmp	next

clock:
	rdtsc
	shl	$32, %rdx
	or	%rdx, %rax
	ret
guest_end:
	.section .note.GNU-stack, "", @progbits
