/* SPDX-License-Identifier: GPL-2.0 */
/* A guest that reads and writes memory as the test tells it. */
#ifndef SELFTESTS_ACCESS_H
#define SELFTESTS_ACCESS_H

#include "kvm.h"

#define PAGE	4096ULL
#define LARGE	(512 * PAGE)
#define HUGE	(512 * LARGE)

/* Where tests put the memory that they are about. */
#define AREA	HUGE

/* Makes the vCPU ready for orders. */
void access_start(struct guest *guest, struct vcpu *vcpu);

/* One order: @count accesses of 8 bytes from @gpa on, @stride apart. */
struct access {
	bool write;
	uint64_t gpa;
	uint64_t value;		/* the first that is written; then one more each time */
	uint64_t stride;
	uint64_t count;
};

/*
 * Runs the order; @sum, if asked, is that of what was read.
 * Returns 0, or the errno of KVM_RUN, or -1 for an exit that is not the end.
 */
int access_run(struct vcpu *vcpu, struct access order, uint64_t *sum);

/* Runs on after an exit in the middle of an order. */
int access_continue(struct vcpu *vcpu, uint64_t *sum);

/* The same for one word, which must succeed. */
void guest_write(struct vcpu *vcpu, uint64_t gpa, uint64_t value);
uint64_t guest_read(struct vcpu *vcpu, uint64_t gpa);

#endif
