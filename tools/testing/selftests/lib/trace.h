/* SPDX-License-Identifier: GPL-2.0 */
/* The tracepoints of a VM's life, read through a tracefs instance of the test's own. */
#ifndef TRACE_H
#define TRACE_H

#include <stdbool.h>

#define TRACE_MAX_EVENTS	8192

struct trace_event {
	char name[32];		/* without "kvm_vm_" */
	unsigned long long vm;
};

struct trace {
	char folder[64];
	int pipe;
	int nr;
	struct trace_event events[TRACE_MAX_EVENTS];
};

/* NULL with errno. Events before this call are not seen. */
struct trace *trace_start(void);
void trace_stop(struct trace *trace);

/* Forget the events that were read. */
void trace_forget(struct trace *trace);

/* Read what has happened since; -1 with errno, EOVERFLOW if some events were lost. */
int trace_update(struct trace *trace);

/* How many events have this name; @vm 0 stands for any. */
int trace_count(const struct trace *trace, const char *name, unsigned long long vm);

/* The VM that was added last. */
unsigned long long trace_last_vm(const struct trace *trace);

/* Nothing of this VM's death was seen yet. */
bool trace_alive(const struct trace *trace, unsigned long long vm);

/* The six stages of this VM's death were seen, each once and in order. */
bool trace_dead(const struct trace *trace, unsigned long long vm);

#endif
