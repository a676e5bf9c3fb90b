// SPDX-License-Identifier: GPL-2.0
/*
 * XMM and YMM registers of the guest. They are the thread's own while the
 * guest's FPU is loaded, which it is not yet when KVM_RUN completes what
 * userspace has answered.
 */
#include <asm/cpufeature.h>
#include <asm/fpu/api.h>
#include <asm/fpu/types.h>

#include "emulate.h"
#include "run.h"

#define MOVE_CASE(insn, n)							\
	case n:									\
		asm volatile(MOVE_##insn(n) : : "r" (data) : "memory");		\
		break;
#define MOVE_SSE_GET(n)		"movdqu %%xmm" #n ", (%0)"
#define MOVE_SSE_PUT(n)		"movdqu (%0), %%xmm" #n
#define MOVE_AVX_GET(n)		"vmovdqu %%ymm" #n ", (%0)"
#define MOVE_AVX_PUT(n)		"vmovdqu (%0), %%ymm" #n
/* Clears the upper half of the YMM register. */
#define MOVE_VEX_PUT(n)		"vmovdqu (%0), %%xmm" #n

#define MOVE_FUNCTION(name, insn)						\
static void name(u8 reg, void *data)						\
{										\
	switch (reg) {								\
	MOVE_CASE(insn, 0) MOVE_CASE(insn, 1) MOVE_CASE(insn, 2) MOVE_CASE(insn, 3)	\
	MOVE_CASE(insn, 4) MOVE_CASE(insn, 5) MOVE_CASE(insn, 6) MOVE_CASE(insn, 7)	\
	MOVE_CASE(insn, 8) MOVE_CASE(insn, 9) MOVE_CASE(insn, 10) MOVE_CASE(insn, 11)	\
	MOVE_CASE(insn, 12) MOVE_CASE(insn, 13) MOVE_CASE(insn, 14) MOVE_CASE(insn, 15)	\
	}									\
}

MOVE_FUNCTION(sse_get, SSE_GET)
MOVE_FUNCTION(sse_put, SSE_PUT)
MOVE_FUNCTION(avx_get, AVX_GET)
MOVE_FUNCTION(avx_put, AVX_PUT)
MOVE_FUNCTION(vex_put, VEX_PUT)

/* Would the CPU have let the guest use it? */
static bool has_vectors(const struct x86_emul *e)
{
	return !e->code->insn.vex ||
	       (boot_cpu_has(X86_FEATURE_AVX) && (e->vcpu->xcr0 & XFEATURE_MASK_YMM));
}

static int move_vector(struct x86_emul *e, void (*move)(u8 reg, void *data), u8 reg, void *data)
{
	bool loaded = e->vcpu->fpu.fpstate->in_use;

	if (!has_vectors(e))
		return EMUL_FAIL;
	if (!loaded)
		x86_fpu_load(e->vcpu);
	fpregs_lock();
	if (test_thread_flag(TIF_NEED_FPU_LOAD))
		switch_fpu_return();
	move(reg, data);
	fpregs_unlock();
	if (!loaded)
		x86_fpu_put(e->vcpu);
	return EMUL_OK;
}

int emul_vector_get(struct x86_emul *e, u8 reg, void *data)
{
	return move_vector(e, e->code->insn.operand[1].width == 32 ? avx_get : sse_get, reg, data);
}

int emul_vector_put(struct x86_emul *e, u8 reg, const void *data)
{
	void (*move)(u8 reg, void *data) = e->code->insn.vex ? vex_put : sse_put;

	if (e->code->insn.operand[0].width == 32)
		move = avx_put;
	return move_vector(e, move, reg, (void *)data);
}
