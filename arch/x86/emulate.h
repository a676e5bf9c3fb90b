/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Carrying out one instruction for the guest.
 *
 * It goes in steps: the memory operands are translated, then loaded; the
 * operation computes; results are stored; registers, flags and RIP change last
 * and at once. A load or store that userspace has to answer leaves KVM_RUN and
 * goes on where it stopped. All that can fault is tried before the first load.
 */
#ifndef KVM_X86_EMULATE_H
#define KVM_X86_EMULATE_H

#include <linux/kvm_types.h>

#include "insn.h"

struct x86_vcpu;

/* Operands in memory: two explicit ones, and the stack of PUSH and POP. */
#define EMUL_STACK	2
#define EMUL_MEMS	3
#define EMUL_MAX_WIDTH	32

/**
 * struct emul_mem - an operand in memory
 * @load: it is read
 * @store: it is written
 * @atomic: in memory, both are one
 * @linear: its linear address
 * @gpa: where it begins, and where it goes on in a second page
 * @len: bytes; 0 if there is no such operand
 * @first: bytes in the first page
 * @data: what was read, then what is to be written: @buf, or the vCPU's page
 *	of port data
 * @old: what an atomic operand must still be
 */
struct emul_mem {
	bool load;
	bool store;
	bool atomic;
	u16 len;
	u16 first;
	u64 linear;
	u64 gpa[2];
	u8 *data;
	u8 buf[EMUL_MAX_WIDTH];
	u8 old[16];
};

enum emul_step {
	EMUL_LOAD,
	EMUL_STORE,
};

/**
 * struct x86_emul - the instruction that is being emulated
 * @vcpu: whose
 * @code: the instruction
 * @op: what it does
 * @exit_gpa: the exit's address is that of its only operand in memory
 * @step: how far it is
 * @index: operand that is being moved
 * @done: bytes of it that are
 * @piece: and bytes that userspace is asked for
 * @rip: linear; if userspace sends the guest elsewhere, it is over
 * @mem: operands in memory
 * @stack_width: bytes of RSP that the stack uses
 * @rsp: their new value
 * @written: registers that change, a bit each
 * @gpr: their new values
 * @rflags: new flags
 * @count: elements of a string in this round
 * @last: no round follows
 */
struct x86_emul {
	struct x86_vcpu *vcpu;
	const struct x86_code *code;
	const struct emul_op *op;
	bool exit_gpa;
	u8 step;
	u8 index;
	u16 done;
	u16 piece;
	u64 rip;
	struct emul_mem mem[EMUL_MEMS];
	u8 stack_width;
	u64 rsp;
	u32 written;
	unsigned long gpr[16];
	unsigned long rflags;
	u32 count;
	bool last;
};

/* What an operation does with its operands. */
#define EMUL_READ_0	0x01
#define EMUL_WRITE_0	0x02
#define EMUL_READ_1	0x04
#define EMUL_STRING	0x08	/* one element of each round */
#define EMUL_BIT	0x10	/* operand 1 counts bits from the address of operand 0 */
#define EMUL_PUSH	0x20
#define EMUL_POP	0x40
#define EMUL_PORT	0x80	/* only behind an exit that has checked the port */

/**
 * struct emul_op - an operation
 * @execute: from the loaded operands to the results; enum x86_emul_result
 * @access: EMUL_READ_0 to EMUL_PORT
 */
struct emul_op {
	int (*execute)(struct x86_emul *e);
	u8 access;
};

/**
 * x86_emulate() - carry out an instruction whose operand is not in memory
 * @vcpu: the vCPU, behind a nested page fault that is MMIO
 *
 * Return: X86_RUN_*, or errno.
 */
int x86_emulate(struct x86_vcpu *vcpu);

/**
 * x86_emulate_string_io() - INS or OUTS, with or without REP
 * @vcpu: the vCPU, behind X86_EXIT_IO
 *
 * Return: X86_RUN_*, or errno.
 */
int x86_emulate_string_io(struct x86_vcpu *vcpu);

/* Goes on with an instruction once userspace has answered; X86_RUN_* or errno. */
int x86_emul_resume(struct x86_vcpu *vcpu);

/* What follows is between the emulator's own files. */

static inline u64 emul_mask(unsigned int width)
{
	return width < 8 ? (1ULL << width * 8) - 1 : ~0ULL;
}

/* emulate.c: operands. Registers read as this instruction has left them. */
u64 emul_gpr(const struct x86_emul *e, unsigned int reg, unsigned int width);
void emul_set_gpr(struct x86_emul *e, unsigned int reg, unsigned int width, u64 val);
/* Of at most 8 bytes. */
u64 emul_get(const struct x86_emul *e, unsigned int nr);
void emul_put(struct x86_emul *e, unsigned int nr, u64 val);

/* emulate_ops.c; NULL for what we cannot do. */
const struct emul_op *emul_find_op(u8 op);

/* emulate_mem.c */

/* Offset in the segment, cut to the address size. */
u64 emul_address(const struct x86_emul *e, const struct x86_mem *addr);
/* Bytes from there to where the segment or the address size ends, at least. */
u64 emul_room(struct x86_emul *e, const struct x86_mem *addr);
/* Check and translate an address; enum x86_emul_result, or errno. */
int emul_translate(struct x86_emul *e, struct emul_mem *m, u8 seg, u64 ea, unsigned int len);
/* Is there no memory that can be read, or written? */
bool emul_is_mmio(struct x86_emul *e, u64 gpa, bool write);
/* Behind a nested page fault: has it been a MOV to a device, and is that done? */
bool emul_store_to_device(struct x86_emul *e);
/* Load all operands, or store them; enum x86_emul_result, or errno. */
int emul_move(struct x86_emul *e, bool write);

/* emulate_string.c */

/* How many elements there are to do; 1 without REP. */
u64 emul_string_left(const struct x86_emul *e);
/* Behind a round: registers advance; is it the last? */
void emul_string_advance(struct x86_emul *e);
/* Before a round of INS or OUTS: as many elements as there is memory for. */
void emul_string_batch(struct x86_emul *e);
int emul_ins(struct x86_emul *e);
int emul_outs(struct x86_emul *e);

/* emulate_vector.c: 16 or 32 bytes; enum x86_emul_result */
int emul_vector_get(struct x86_emul *e, u8 reg, void *data);
int emul_vector_put(struct x86_emul *e, u8 reg, const void *data);

/* emulate_alu.c */

/**
 * emul_alu() - ADD, OR, ADC, SBB, AND, SUB, XOR or CMP, exact in its flags
 * @op: OP_ADD to OP_CMP
 * @a: destination
 * @b: source
 * @width: 1, 2, 4 or 8 bytes; more of @a and @b must be 0
 * @flags: RFLAGS, carry in and all out
 *
 * Return: the result, cut to @width; of OP_CMP the difference.
 */
u64 emul_alu(u8 op, u64 a, u64 b, unsigned int width, unsigned long *flags);
/* INC and DEC: as ADD and SUB of 1, but the carry stays. */
u64 emul_inc_dec(u8 op, u64 a, unsigned int width, unsigned long *flags);

#endif
