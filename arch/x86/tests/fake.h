/* SPDX-License-Identifier: GPL-2.0 */
/* A backend without hardware, for KUnit: "backend=fake" selects it. */
#ifndef KVM_X86_FAKE_H
#define KVM_X86_FAKE_H

#include <linux/types.h>

/* The ops that can be told to fail. */
enum fake_op {
	FAKE_ENABLE_CPU,	/* on the last CPU alone */
	FAKE_CREATE_VM,
	FAKE_CREATE_VCPU,
	FAKE_NR_OPS,
};

/**
 * fake_active() - is this the backend in use?
 *
 * Tests that would touch hardware through another one skip themselves.
 */
bool fake_active(void);

/* Forget the log and the failures. */
void fake_reset(void);

/**
 * fake_fail() - let an op fail from now on
 * @op: which
 * @error: what it returns; 0 lets it succeed again
 */
void fake_fail(enum fake_op op, int error);

/**
 * fake_note() - append a word to the log
 * @word: what happened
 *
 * The backend notes each op that is called; a test may add what it sees by
 * other means. A word that comes again at once (an op on every CPU) is noted
 * only once.
 */
void fake_note(const char *word);

/**
 * fake_log() - the words so far, in order, with spaces between
 */
const char *fake_log(void);

/**
 * fake_enabled() - how many CPUs are in virtualization mode
 */
int fake_enabled(void);

#endif
