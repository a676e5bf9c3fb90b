// SPDX-License-Identifier: GPL-2.0
/* The instruction at RIP: its bytes, its length, and what to do if it defeats us. */
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/string.h>

#include <kvm/guest_io.h>

#include "insn.h"
#include "regs.h"
#include "run.h"
#include "walk.h"

static enum decode_mode code_mode(const struct x86_vcpu *vcpu)
{
	if (!(vcpu->cr0 & X86_CR0_PE) || (vcpu->rflags & X86_EFLAGS_VM))
		return DECODE_REAL;
	if ((vcpu->efer & EFER_LMA) && vcpu->seg[X86_CS].l)
		return DECODE_64;
	return vcpu->seg[X86_CS].db ? DECODE_32 : DECODE_16;
}

int x86_walk_failed(struct x86_vcpu *vcpu, const struct x86_walk *walk, u64 la, int r)
{
	switch (r) {
	case -EFAULT:
		x86_queue_page_fault(vcpu, walk->error_code, la);
		return EMUL_RETRY;
	case -EAGAIN:
		return EMUL_RETRY;
	case -EIO:
		return EMUL_FAIL;
	default:
		return r;
	}
}

static u64 linear_rip(const struct x86_vcpu *vcpu, enum decode_mode mode)
{
	return mode == DECODE_64 ? vcpu->rip : (u32)(vcpu->rip + vcpu->seg[X86_CS].base);
}

/* More bytes behind those that are here, up to the end of their page. */
static int fetch_page(struct x86_vcpu *vcpu, struct x86_fetched *f)
{
	u32 access = X86_PF_INSTR | (f->cpl == 3 ? X86_PF_USER : 0);
	struct x86_code *code = &f->code;
	u64 la = f->la + code->nr;
	struct x86_walk walk;
	unsigned int n;
	int r;

	if (code->mode != DECODE_64)
		la = (u32)la;
	r = x86_walk_words(vcpu, la, access, &walk, &f->words);
	if (r)
		return x86_walk_failed(vcpu, &walk, la, r);
	n = min_t(unsigned int, X86_INSN_MAX - code->nr, PAGE_SIZE - offset_in_page(la));
	if (kvm_read_guest(&vcpu->vcpu, walk.gpa, code->bytes + code->nr, n))
		return EMUL_FAIL;
	if (!code->nr)
		f->gpa = walk.gpa;
	code->nr += n;
	return EMUL_OK;
}

static int try_decode(struct x86_code *code)
{
	return code->nr ? x86_decode(&code->insn, code->bytes, code->nr, code->mode) :
			  DECODE_TRUNCATED;
}

/* An instruction has two pages at most. */
static int fetch_and_decode(struct x86_vcpu *vcpu, struct x86_fetched *f)
{
	struct x86_code *code = &f->code;
	int i, r, decoded = try_decode(code);

	for (i = 0; i < 2 && decoded == DECODE_TRUNCATED; i++) {
		r = fetch_page(vcpu, f);
		if (r)
			return r;
		decoded = try_decode(code);
	}
	switch (decoded) {
	case DECODE_OK:
		return EMUL_OK;
	case DECODE_TOO_LONG:
		x86_queue_gp(vcpu);
		return EMUL_RETRY;
	case DECODE_INVALID:
		x86_queue_ud(vcpu);
		return EMUL_RETRY;
	default:
		return EMUL_FAIL;
	}
}

/* That which was fetched from @la before, or else the one whose turn it is to go. */
static struct x86_fetched *find_fetched(struct x86_vcpu *vcpu, u64 la)
{
	struct x86_fetched *f;

	for (f = vcpu->fetched; f < vcpu->fetched + X86_NR_FETCHED; f++)
		if (f->la == la)
			return f;
	vcpu->next_fetched = (vcpu->next_fetched + 1) % X86_NR_FETCHED;
	return &vcpu->fetched[vcpu->next_fetched];
}

/* Is it what @f was fetched for? Then make it so. */
static bool same_place(struct x86_vcpu *vcpu, struct x86_fetched *f, u64 la,
		       enum decode_mode mode)
{
	if (f->la == la && f->cr3 == vcpu->cr3 && f->cr0 == vcpu->cr0 &&
	    f->cr4 == vcpu->cr4 && f->efer == vcpu->efer && f->cpl == vcpu->cpl &&
	    f->code.mode == mode)
		return true;
	f->la = la;
	f->cr0 = vcpu->cr0;
	f->cr3 = vcpu->cr3;
	f->cr4 = vcpu->cr4;
	f->efer = vcpu->efer;
	f->cpl = vcpu->cpl;
	f->code.mode = mode;
	return false;
}

static int fetch_anew(struct x86_vcpu *vcpu, struct x86_fetched *f)
{
	const struct x86_exit *exit = &vcpu->exit;
	struct x86_code *code = &f->code;
	int r;

	kvm_words_begin(&vcpu->vcpu, &f->words);
	code->nr = min_t(u8, exit->nr_bytes, X86_INSN_MAX);
	memcpy(code->bytes, exit->bytes, code->nr);
	r = fetch_and_decode(vcpu, f);
	if (r)
		return r;
	/* One page is all that the words have room for. */
	if (exit->nr_bytes || offset_in_page(f->la) + code->insn.len > PAGE_SIZE)
		f->words.nr = 0;
	else
		kvm_words_add(&vcpu->vcpu, &f->words, f->gpa, code->bytes, code->insn.len);
	return EMUL_OK;
}

int x86_fetch_insn(struct x86_vcpu *vcpu, const struct x86_code **code)
{
	struct x86_fetched *f;
	enum decode_mode mode;
	int r = EMUL_OK;
	u64 la;

	x86_fetch(vcpu, X86_GROUP_CONTROL);
	x86_fetch_code(vcpu);
	mode = code_mode(vcpu);
	la = linear_rip(vcpu, mode);
	f = find_fetched(vcpu, la);
	*code = &f->code;
	if (!same_place(vcpu, f, la, mode) || !kvm_words_same(&vcpu->vcpu, &f->words)) {
		r = fetch_anew(vcpu, f);
		if (r)
			f->words.nr = 0;
	}
	if (!r)
		vcpu->exit.insn_len = f->code.insn.len;
	return r;
}

/* KVM_INTERNAL_ERROR_EMULATION, with the bytes; a user of the guest gets #UD instead. */
static int emulation_failed(struct x86_vcpu *vcpu, const struct x86_code *code)
{
	struct kvm_run *run = vcpu->vcpu.run;

	vcpu->stat.insn_emulation_fail++;
	if (x86_cpl(vcpu) == 3 && !to_x86_vm(vcpu->vcpu.kvm)->exit_on_emulation_failure) {
		x86_queue_ud(vcpu);
		return X86_RUN_AGAIN;
	}
	x86_internal_error(vcpu, KVM_INTERNAL_ERROR_EMULATION);
	run->emulation_failure.flags = 0;
	run->emulation_failure.ndata = 1;
	if (!code->nr)
		return X86_RUN_EXIT;
	run->emulation_failure.flags = KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
	run->emulation_failure.ndata += 2;
	run->emulation_failure.insn_size = code->nr;
	memset(run->emulation_failure.insn_bytes, 0x90,
	       sizeof(run->emulation_failure.insn_bytes));
	memcpy(run->emulation_failure.insn_bytes, code->bytes, code->nr);
	return X86_RUN_EXIT;
}

int x86_emul_done(struct x86_vcpu *vcpu, const struct x86_code *code, int r)
{
	switch (r) {
	case EMUL_OK:
	case EMUL_RETRY:
		return X86_RUN_AGAIN;
	case EMUL_USER:
		return X86_RUN_EXIT;
	case EMUL_FAIL:
		return emulation_failed(vcpu, code);
	default:
		return r;
	}
}
