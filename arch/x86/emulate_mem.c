// SPDX-License-Identifier: GPL-2.0
/*
 * Operands in memory: their addresses, and moving them from and to memory,
 * devices in the kernel, and userspace.
 */
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/string.h>

#include <kvm/guest_io.h>

#include "emulate.h"
#include "guest_cmpxchg.h"
#include "lapic.h"
#include "regs.h"
#include "run.h"
#include "trace.h"
#include "walk.h"

/* What KVM_EXIT_MMIO takes at once. */
#define MMIO_MAX	8U

#define SEG_EXPAND_DOWN	4
#define SEG_WRITABLE	2	/* of code: readable */
#define SEG_CODE	8

/* Addresses */

static int segment_fault(struct x86_emul *e, u8 seg)
{
	x86_queue_exception_error(e->vcpu, seg == X86_SS ? X86_TRAP_SS : X86_TRAP_GP, 0);
	return EMUL_RETRY;
}

static bool expands_down(const struct kvm_segment *seg)
{
	return (seg->type & (SEG_CODE | SEG_EXPAND_DOWN)) == SEG_EXPAND_DOWN;
}

static bool segment_allows(const struct x86_emul *e, const struct kvm_segment *seg, bool write)
{
	if (e->code->mode == DECODE_REAL)
		return true;
	if (seg->unusable || !seg->present)
		return false;
	if (write)
		return (seg->type & (SEG_CODE | SEG_WRITABLE)) == SEG_WRITABLE;
	return !(seg->type & SEG_CODE) || (seg->type & SEG_WRITABLE);
}

/* How many bytes of the segment there are from @ea on; outside of 64-bit mode. */
static u64 segment_room(const struct kvm_segment *seg, u64 ea)
{
	u64 first = 0, last = seg->limit;

	if (expands_down(seg)) {
		first = last + 1;
		last = seg->db ? U32_MAX : U16_MAX;
	}
	return ea < first || ea > last ? 0 : last - ea + 1;
}

u64 emul_room(struct x86_emul *e, const struct x86_mem *addr)
{
	u64 ea = emul_address(e, addr), wrap = emul_mask(e->code->insn.addrsize) - ea;

	x86_fetch(e->vcpu, X86_GROUP_SEGMENTS);
	if (e->code->mode == DECODE_64)
		return wrap;
	return min(wrap + 1, segment_room(&e->vcpu->seg[addr->seg], ea));
}

static int linear_address(struct x86_emul *e, u8 nr, u64 ea, unsigned int len, bool write,
			  u64 *la)
{
	const struct kvm_segment *seg = &e->vcpu->seg[nr];

	/* 64-bit mode knows no others. */
	if (e->code->mode != DECODE_64 || nr >= X86_FS)
		x86_fetch(e->vcpu, X86_GROUP_SEGMENTS);
	if (e->code->mode == DECODE_64) {
		*la = ea + (nr >= X86_FS ? seg->base : 0);
		if (x86_is_canonical(e->vcpu, *la) && x86_is_canonical(e->vcpu, *la + len - 1))
			return EMUL_OK;
		return segment_fault(e, nr);
	}
	if (!segment_allows(e, seg, write) || segment_room(seg, ea) < len)
		return segment_fault(e, nr);
	*la = (u32)(ea + seg->base);
	return EMUL_OK;
}

u64 emul_address(const struct x86_emul *e, const struct x86_mem *addr)
{
	u64 ea = addr->disp;

	if (addr->base == X86_REG_RIP)
		ea += e->vcpu->rip + e->code->insn.len;
	else if (addr->base != X86_REG_NONE)
		ea += emul_gpr(e, addr->base, 8);
	if (addr->index != X86_REG_NONE)
		ea += emul_gpr(e, addr->index, 8) * addr->scale;
	return ea & emul_mask(e->code->insn.addrsize);
}

/*
 * The CPU has just translated the address itself, with the rights that the
 * instruction needs: the exit says where it leads. It speaks of one access, so
 * there must be one operand alone, and of the round that exited.
 */
static bool exit_translated(const struct x86_emul *e, const struct emul_mem *m)
{
	const struct x86_exit *exit = &e->vcpu->exit;

	return e->exit_gpa && m->first == m->len &&
	       offset_in_page(m->linear) == offset_in_page(exit->npf.gpa) &&
	       (!m->store || (exit->npf.error_code & X86_NPF_WRITE));
}

/* From a linear address to one or two guest physical ones. */
static int translate_linear(struct x86_emul *e, struct emul_mem *m, unsigned int len)
{
	u32 access = (m->store ? X86_PF_WRITE : 0) | (e->vcpu->cpl == 3 ? X86_PF_USER : 0);
	struct x86_walk walk;
	u64 la = m->linear;
	int i, r;

	m->len = len;
	m->first = min_t(u64, len, PAGE_SIZE - offset_in_page(la));
	if (exit_translated(e, m)) {
		m->gpa[0] = e->vcpu->exit.npf.gpa;
		return EMUL_OK;
	}
	for (i = 0; i < (m->first < len ? 2 : 1); i++) {
		r = x86_walk(e->vcpu, la, access, &walk);
		if (r)
			return x86_walk_failed(e->vcpu, &walk, la, r);
		m->gpa[i] = walk.gpa;
		la += m->first;
		if (e->code->mode != DECODE_64)
			la = (u32)la;
	}
	return EMUL_OK;
}

int emul_translate(struct x86_emul *e, struct emul_mem *m, u8 seg, u64 ea, unsigned int len)
{
	int r = linear_address(e, seg, ea, len, m->store, &m->linear);

	return r ?: translate_linear(e, m, len);
}

/* Moving */

bool emul_is_mmio(struct x86_emul *e, u64 gpa, bool write)
{
	struct kvm_vcpu *vcpu = &e->vcpu->vcpu;
	struct kvm_memory_slot *slot;
	bool mmio;

	if (x86_mmu_is_mmio(e->vcpu, gpa_to_gfn(gpa)))
		return true;
	slot = kvm_hold_slot(vcpu, gpa_to_gfn(gpa));
	mmio = !slot || (write && (slot->flags & KVM_MEM_READONLY));
	if (slot)
		kvm_release_slot(vcpu);
	return mmio;
}

static void trace_access(int type, u64 gpa, const void *data, unsigned int len)
{
	u64 val = 0;

	if (!trace_kvm_mmio_enabled())
		return;
	memcpy(&val, data, min(len, 8U));
	trace_kvm_mmio(type, len, gpa, val);
}

/* Userspace has answered. It may have sent the guest elsewhere, too. */
static int complete_mmio(struct x86_vcpu *vcpu)
{
	struct x86_emul *e = &vcpu->emul;
	struct emul_mem *m = &e->mem[e->index];

	if (x86_linear_rip(vcpu) != e->rip)
		return X86_RUN_AGAIN;
	if (e->step == EMUL_LOAD) {
		memcpy(m->data + e->done, vcpu->vcpu.run->mmio.data, e->piece);
		trace_access(KVM_TRACE_MMIO_READ, vcpu->vcpu.run->mmio.phys_addr,
			     m->data + e->done, e->piece);
	}
	e->done += e->piece;
	return x86_emul_resume(vcpu);
}

static bool mmio_in_kernel(struct x86_emul *e, u64 gpa, void *data, unsigned int len,
			   bool write)
{
	struct kvm *kvm = e->vcpu->vcpu.kvm;

	if (write) {
		if (lapic_mmio_write(e->vcpu, gpa, len, data) &&
		    kvm_bus_write(kvm, KVM_BUS_MMIO, gpa, len, data))
			return false;
	} else if (lapic_mmio_read(e->vcpu, gpa, len, data) &&
		   kvm_bus_read(kvm, KVM_BUS_MMIO, gpa, len, data)) {
		return false;
	}
	trace_access(write ? KVM_TRACE_MMIO_WRITE : KVM_TRACE_MMIO_READ, gpa, data, len);
	return true;
}

/*
 * What drivers do most: MOV to a register of a device that the kernel has. It may
 * go the long way, too, and goes it if anything is out of the ordinary.
 */
bool emul_store_to_device(struct x86_emul *e)
{
	const struct x86_insn *insn = &e->code->insn;
	const struct x86_exit *exit = &e->vcpu->exit;
	const struct x86_operand *to = &insn->operand[0], *from = &insn->operand[1];
	unsigned int offset = offset_in_page(exit->npf.gpa);
	u64 val;

	if (insn->op != OP_MOV || to->kind != OPND_MEM || from->kind == OPND_SEG ||
	    !e->exit_gpa || !(exit->npf.error_code & X86_NPF_WRITE))
		return false;
	/* The address that the exit has is of this access, and of all of it. */
	if (e->code->mode != DECODE_64 || to->mem.seg >= X86_FS ||
	    offset_in_page(emul_address(e, &to->mem)) != offset ||
	    offset + to->width > PAGE_SIZE || !emul_is_mmio(e, exit->npf.gpa, true))
		return false;
	val = emul_get(e, 1);
	return mmio_in_kernel(e, exit->npf.gpa, &val, to->width, true);
}

static int mmio_to_user(struct x86_emul *e, u64 gpa, void *data, unsigned int len, bool write)
{
	struct x86_vcpu *vcpu = e->vcpu;
	struct kvm_run *run = vcpu->vcpu.run;

	if (write)
		trace_access(KVM_TRACE_MMIO_WRITE, gpa, data, len);
	else
		trace_kvm_mmio(KVM_TRACE_MMIO_READ_UNSATISFIED, len, gpa, 0);
	vcpu->stat.mmio_exits++;
	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = gpa;
	run->mmio.len = len;
	run->mmio.is_write = write;
	if (write)
		memcpy(run->mmio.data, data, len);
	e->piece = len;
	e->rip = x86_linear_rip(vcpu);
	vcpu->complete = complete_mmio;
	return EMUL_USER;
}

/* As much as one page, or one access to a device, takes. */
static int move_piece(struct x86_emul *e, struct emul_mem *m, bool write)
{
	bool second = e->done >= m->first;
	u64 gpa = second ? m->gpa[1] + e->done - m->first : m->gpa[0] + e->done;
	unsigned int n = (second ? m->len : m->first) - e->done;
	u8 *data = m->data + e->done;
	int r = -EFAULT;

	if (!emul_is_mmio(e, gpa, write))
		r = write ? kvm_write_guest(&e->vcpu->vcpu, gpa, data, n) :
			    kvm_read_guest(&e->vcpu->vcpu, gpa, data, n);
	/* A slot that has gone since then has left a device's place behind. */
	if (r == -EFAULT) {
		n = min(n, MMIO_MAX);
		if (!mmio_in_kernel(e, gpa, data, n, write))
			return mmio_to_user(e, gpa, data, n, write);
		r = EMUL_OK;
	}
	if (!r)
		e->done += n;
	return r;
}

/* The second half of a locked operation on memory; one on a device has no lock. */
static int store_atomic(struct x86_emul *e, struct emul_mem *m)
{
	int r = x86_guest_cmpxchg(e->vcpu, m->gpa[0], m->old, m->data, m->len);

	if (r)
		return r == -EAGAIN ? EMUL_RETRY : r;
	e->done = m->len;
	return EMUL_OK;
}

static int move(struct x86_emul *e, struct emul_mem *m, bool write)
{
	int r = EMUL_OK;

	if (write && m->atomic && m->first == m->len && !emul_is_mmio(e, m->gpa[0], true)) {
		r = store_atomic(e, m);
		if (r != -EFAULT && r != -EROFS)
			return r;
		r = EMUL_OK;
	}
	while (!r && e->done < m->len)
		r = move_piece(e, m, write);
	if (!r && !write && m->atomic)
		memcpy(m->old, m->data, m->len);
	return r;
}

int emul_move(struct x86_emul *e, bool write)
{
	struct emul_mem *m;
	int r;

	for (; e->index < EMUL_MEMS; e->index++, e->done = 0) {
		m = &e->mem[e->index];
		if (!m->len || !(write ? m->store : m->load))
			continue;
		r = move(e, m, write);
		if (r)
			return r;
	}
	e->index = 0;
	return EMUL_OK;
}
