/* SPDX-License-Identifier: GPL-2.0 */
/* Virtualization mode of the CPUs, read from their registers by the msr driver. */
#ifndef SVME_H
#define SVME_H

#include <stdbool.h>

/* Can registers be read? The driver msr may be missing. */
bool svme_readable(void);

/* CPUs online that have EFER.SVME and a host save area, that have neither, and that have one. */
struct svme {
	int on, off, half;
};

struct svme svme_count(void);

/* Play another hypervisor that has taken a CPU; false without the right to write. */
bool svme_take(int cpu, bool on);

/* Not one online CPU is in another state. */
bool svme_all_on(void);
bool svme_all_off(void);

#endif
