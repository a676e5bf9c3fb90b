/* SPDX-License-Identifier: GPL-2.0 */
/* The guest that a group of rows measures with: one at a time. */
#ifndef BENCH_GUEST_H
#define BENCH_GUEST_H

/* First: noreturn, which bench.h defines, is an attribute there. */
#include "kvm.h"
#include "bench.h"

/* What a guest does without userspace, in one round. */
#define NR_ROUNDS	1000

/* The same instruction NR_ROUNDS times, then an OUT that ends the round. */
#define GUEST_ROUNDS(name, begin, text)					\
	GUEST_CODE64(name, begin "; 1: mov $1000, %r15d\n"		\
		     "2: " text "; dec %r15d; jnz 2b; out %al, $1; jmp 1b")

extern struct guest bench_guest;
extern struct vcpu *bench_vcpu;		/* its first */

/* A guest in long mode, with or without interrupt controllers, that has not run. */
void bench_create(bool irqchip);
/* Its first vCPU stands at the beginning of a piece of GUEST_CODE64(). */
void bench_load(const uint8_t *begin, const uint8_t *end);
void bench_destroy(void);

/* Runs to the next OUT that no one in the kernel takes. */
void bench_run(void);

#endif
