// SPDX-License-Identifier: GPL-2.0
/* String instructions: rounds, and those that go to ports. */
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "emulate.h"
#include "regs.h"
#include "run.h"
#include "trace.h"

#define REPNE	0xf2
#define REPE	0xf3

u64 emul_string_left(const struct x86_emul *e)
{
	const struct x86_insn *insn = &e->code->insn;

	return insn->rep ? emul_gpr(e, X86_RCX, insn->addrsize) : 1;
}

/* CMPS and SCAS end at a difference, or at none. */
static bool condition_ends(const struct x86_emul *e)
{
	u8 op = e->code->insn.op;
	bool equal = e->rflags & X86_EFLAGS_ZF;

	if (op != OP_CMPS && op != OP_SCAS)
		return false;
	return equal == (e->code->insn.rep == REPNE);
}

void emul_string_advance(struct x86_emul *e)
{
	const struct x86_insn *insn = &e->code->insn;
	const struct x86_operand *o;
	u64 step, left;

	/* Userspace may have lowered RCX while it was asked. */
	e->count = min(e->count, emul_string_left(e));
	for (o = insn->operand; o < insn->operand + EMUL_STACK; o++) {
		if (o->kind != OPND_MEM)
			continue;
		step = (u64)e->count * o->width;
		if (e->rflags & X86_EFLAGS_DF)
			step = -step;
		emul_set_gpr(e, o->mem.base, insn->addrsize,
			     emul_gpr(e, o->mem.base, insn->addrsize) + step);
	}
	if (!insn->rep)
		return;
	left = emul_string_left(e) - e->count;
	emul_set_gpr(e, X86_RCX, insn->addrsize, left);
	e->last = !left || condition_ends(e);
}

static unsigned int io_operand(const struct x86_emul *e)
{
	return e->code->insn.op == OP_OUTS ? 1 : 0;
}

void emul_string_batch(struct x86_emul *e)
{
	unsigned int nr = io_operand(e);
	const struct x86_operand *o = &e->code->insn.operand[nr];
	struct emul_mem *m = &e->mem[nr];
	u64 room;

	if (m->first < m->len || (e->rflags & X86_EFLAGS_DF) ||
	    emul_is_mmio(e, m->gpa[0], m->store))
		return;
	room = min_t(u64, emul_room(e, &o->mem), PAGE_SIZE - offset_in_page(m->linear));
	room = min_t(u64, room, KVM_PIO_SIZE);
	e->count = min(emul_string_left(e), room / o->width);
	m->len = e->count * o->width;
	m->first = m->len;
	m->data = e->vcpu->vcpu.pio_data;
}

/* Is this what exited, and not what another vCPU has put there since? */
static bool is_same_io(const struct x86_emul *e, bool in)
{
	const struct x86_exit *exit = &e->vcpu->exit;

	return exit->io.in == in && exit->io.string &&
	       exit->io.size == e->code->insn.operand[io_operand(e)].width;
}

/*
 * To or from a device in the kernel. If it goes away half way, this round ends
 * there.
 */
static bool io_in_kernel(struct x86_emul *e, u8 *data)
{
	const struct x86_exit *exit = &e->vcpu->exit;
	struct kvm *kvm = e->vcpu->vcpu.kvm;
	u32 i;
	int r;

	for (i = 0; i < e->count; i++, data += exit->io.size) {
		if (exit->io.in)
			r = kvm_bus_read(kvm, KVM_BUS_PIO, exit->io.port, exit->io.size, data);
		else
			r = kvm_bus_write(kvm, KVM_BUS_PIO, exit->io.port, exit->io.size, data);
		if (r)
			break;
	}
	if (!i)
		return false;
	e->count = i;
	return true;
}

/* Userspace may have lowered RCX: no more than that is stored. */
static void clamp_input(struct x86_emul *e, struct emul_mem *m)
{
	u64 left = emul_string_left(e);

	if (likely(left >= e->count))
		return;
	m->len = left * e->vcpu->exit.io.size;
	m->first = m->len;
}

/* Userspace has taken the data. */
static int complete_outs(struct x86_vcpu *vcpu)
{
	if (x86_linear_rip(vcpu) != vcpu->io_rip)
		return X86_RUN_AGAIN;
	return x86_emul_resume(vcpu);
}

static int complete_ins(struct x86_vcpu *vcpu)
{
	struct emul_mem *m = &vcpu->emul.mem[0];

	if (x86_linear_rip(vcpu) != vcpu->io_rip)
		return X86_RUN_AGAIN;
	if (m->data == m->buf)
		memcpy(m->data, vcpu->vcpu.pio_data, m->len);
	clamp_input(&vcpu->emul, m);
	return x86_emul_resume(vcpu);
}

int emul_outs(struct x86_emul *e)
{
	struct x86_vcpu *vcpu = e->vcpu;
	struct emul_mem *m = &e->mem[1];

	if (!is_same_io(e, false))
		return EMUL_RETRY;
	if (io_in_kernel(e, m->data))
		return EMUL_OK;
	if (m->data == m->buf)
		memcpy(vcpu->vcpu.pio_data, m->data, m->len);
	vcpu->complete = complete_outs;
	x86_io_to_user(vcpu, e->count);
	return EMUL_USER;
}

int emul_ins(struct x86_emul *e)
{
	struct x86_vcpu *vcpu = e->vcpu;
	struct emul_mem *m = &e->mem[0];

	if (!is_same_io(e, true))
		return EMUL_RETRY;
	if (io_in_kernel(e, m->data)) {
		m->len = e->count * vcpu->exit.io.size;
		m->first = m->len;
		return EMUL_OK;
	}
	vcpu->complete = complete_ins;
	x86_io_to_user(vcpu, e->count);
	return EMUL_USER;
}
