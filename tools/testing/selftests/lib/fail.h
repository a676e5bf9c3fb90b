/* SPDX-License-Identifier: GPL-2.0 */
/* Fault injection by number: /proc/self/fail-nth, see Documentation/fault-injection. */
#ifndef FAIL_H
#define FAIL_H

#include <stdbool.h>

/* Let slab, page and user copy faults be injected at all; false without a debug kernel. */
bool fail_setup(void);

/*
 * Runs @op with the @nth chance of a fault failing. Its result is stored with
 * its errno. True if a fault was injected; false if @op had fewer chances.
 */
bool fail_nth(int nth, int (*op)(void *), void *arg, int *result, int *error);

#endif
