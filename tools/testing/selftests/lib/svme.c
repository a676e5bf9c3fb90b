// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "svme.h"

#define MSR_EFER	0xc0000080
#define EFER_SVME	0x1000
#define MSR_VM_HSAVE_PA	0xc0010117

static bool read_msr(int cpu, uint32_t msr, uint64_t *value)
{
	char path[32];
	bool good;
	int fd;

	snprintf(path, sizeof(path), "/dev/cpu/%d/msr", cpu);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	good = pread(fd, value, sizeof(*value), msr) == sizeof(*value);
	close(fd);
	return good;
}

bool svme_readable(void)
{
	uint64_t efer;

	return read_msr(0, MSR_EFER, &efer);
}

bool svme_take(int cpu, bool on)
{
	uint64_t efer;
	char path[32];
	bool good;
	int fd;

	if (!read_msr(cpu, MSR_EFER, &efer))
		return false;
	efer = on ? efer | EFER_SVME : efer & ~(uint64_t)EFER_SVME;
	snprintf(path, sizeof(path), "/dev/cpu/%d/msr", cpu);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	good = pwrite(fd, &efer, sizeof(efer), MSR_EFER) == sizeof(efer);
	close(fd);
	return good;
}

struct svme svme_count(void)
{
	int cpu, nr = sysconf(_SC_NPROCESSORS_CONF);
	struct svme count = {};
	uint64_t efer, hsave;

	for (cpu = 0; cpu < nr; cpu++) {
		/* An offline CPU has no registers to read. */
		if (!read_msr(cpu, MSR_EFER, &efer) || !read_msr(cpu, MSR_VM_HSAVE_PA, &hsave))
			continue;
		if ((efer & EFER_SVME) && hsave)
			count.on++;
		else if (!(efer & EFER_SVME) && !hsave)
			count.off++;
		else
			count.half++;
	}
	return count;
}

bool svme_all_on(void)
{
	struct svme count = svme_count();

	return count.on == sysconf(_SC_NPROCESSORS_ONLN) && !count.half;
}

bool svme_all_off(void)
{
	struct svme count = svme_count();

	return count.off == sysconf(_SC_NPROCESSORS_ONLN) && !count.half;
}
