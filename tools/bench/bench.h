/* SPDX-License-Identifier: GPL-2.0 */
/* One row of the benchmark, and how it is measured. */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stdnoreturn.h>

/**
 * struct bench - one row
 * @name: a word without spaces
 * @unit: of @reference and @aim, and of what is printed: "us" (microseconds
 *	of wall time, and of CPU time of this process), "ns", or "KiB"
 * @rounds: how often it is measured; the mean is printed
 * @times: operations in one @run, 1 if 0; the result is for one operation
 * @setup: before each @run, not measured; may be NULL
 * @run: measured
 * @teardown: after each @run, not measured; may be NULL
 * @possible: whether the module can do it at all; NULL if each can
 * @value: instead of @run, for what is no time: its result is printed
 * @reference: the in-tree module in the test machine under -icount when this
 *	row was written; 0 if it was not measured
 * @aim: what this project wants to reach; 0 if there is none
 *
 * All functions end the program with die() when something fails.
 */
struct bench {
	const char *name;
	const char *unit;
	int rounds;
	int times;
	void (*setup)(void);
	void (*run)(void);
	void (*teardown)(void);
	bool (*possible)(void);
	double (*value)(void);
	double reference;
	double aim;
};

/* Groups of rows, each ended by one without a name. */
extern const struct bench lifecycle_benches[];
extern const struct bench exit_benches[];
extern const struct bench state_benches[];
extern const struct bench interrupt_benches[];
extern const struct bench gmem_benches[];
extern const struct bench memory_benches[];
extern const struct bench slot_benches[];
extern const struct bench dirty_benches[];

/* Says what failed, with errno, and ends the program. */
noreturn void die(const char *what);

#endif
