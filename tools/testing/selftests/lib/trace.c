// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "kselftest.h"
#include "trace.h"

static const char *const stages[] = {
	"unlist", "arch_remove", "devices", "arch_destroy", "memslots", "drop",
};

#define NR_STAGES	((int)ARRAY_SIZE(stages))

static int trace_enable(struct trace *trace, const char *name)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/events/kvm/kvm_vm_%s/enable", trace->folder, name);
	return write_text(path, "1");
}

struct trace *trace_start(void)
{
	struct trace *trace = calloc(1, sizeof(*trace));
	char path[96];
	int i;

	trace->pipe = -1;
	snprintf(trace->folder, sizeof(trace->folder),
		 "/sys/kernel/tracing/instances/test-%d", getpid());
	if (mkdir(trace->folder, 0700)) {
		free(trace);
		return NULL;
	}
	/* Reading it takes no grace period, as reading the file "trace" does. */
	snprintf(path, sizeof(path), "%s/trace_pipe", trace->folder);
	trace->pipe = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	for (i = 0; i < NR_STAGES; i++)
		if (trace_enable(trace, stages[i]))
			break;
	if (trace->pipe >= 0 && i == NR_STAGES && !trace_enable(trace, "add"))
		return trace;
	trace_stop(trace);
	return NULL;
}

void trace_stop(struct trace *trace)
{
	int saved = errno;

	close(trace->pipe);
	rmdir(trace->folder);
	free(trace);
	errno = saved;
}

void trace_forget(struct trace *trace)
{
	trace->nr = 0;
}

static int trace_line(struct trace *trace, const char *line)
{
	struct trace_event event;
	const char *text = strstr(line, " kvm_vm_");

	if (strstr(line, "LOST") || trace->nr == TRACE_MAX_EVENTS) {
		errno = EOVERFLOW;
		return -1;
	}
	if (text && sscanf(text, " kvm_vm_%31[^:]: vm %llu", event.name, &event.vm) == 2)
		trace->events[trace->nr++] = event;
	return 0;
}

int trace_update(struct trace *trace)
{
	/* Larger than what the kernel has at once: no line is cut. */
	static char buffer[1 << 16];
	char *line, *next;
	ssize_t len;

	while ((len = read(trace->pipe, buffer, sizeof(buffer) - 1)) > 0) {
		buffer[len] = '\0';
		for (line = buffer; *line; line = next) {
			next = strchrnul(line, '\n');
			if (*next)
				*next++ = '\0';
			if (trace_line(trace, line))
				return -1;
		}
	}
	return len < 0 && errno != EAGAIN ? -1 : 0;
}

int trace_count(const struct trace *trace, const char *name, unsigned long long vm)
{
	int i, nr = 0;

	for (i = 0; i < trace->nr; i++)
		if (!strcmp(trace->events[i].name, name) &&
		    (!vm || trace->events[i].vm == vm))
			nr++;
	return nr;
}

unsigned long long trace_last_vm(const struct trace *trace)
{
	int i;

	for (i = trace->nr - 1; i >= 0; i--)
		if (!strcmp(trace->events[i].name, "add"))
			return trace->events[i].vm;
	return 0;
}

/* How many stages are over; -1 if they came in another order or twice. */
static int trace_stage(const struct trace *trace, unsigned long long vm)
{
	int i, stage = 0;

	for (i = 0; i < trace->nr; i++) {
		if (trace->events[i].vm != vm || !strcmp(trace->events[i].name, "add"))
			continue;
		if (stage == NR_STAGES || strcmp(trace->events[i].name, stages[stage]))
			return -1;
		stage++;
	}
	return stage;
}

bool trace_alive(const struct trace *trace, unsigned long long vm)
{
	return trace_stage(trace, vm) == 0;
}

bool trace_dead(const struct trace *trace, unsigned long long vm)
{
	return trace_stage(trace, vm) == NR_STAGES;
}
