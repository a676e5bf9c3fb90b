// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup.h"
#include "files.h"

#define ROOT	"/sys/fs/cgroup"

int cgroup_create(const char *name)
{
	char path[96];

	if (write_text(ROOT "/cgroup.subtree_control", "+memory"))
		return -1;
	snprintf(path, sizeof(path), ROOT "/%s", name);
	return mkdir(path, 0755);
}

int cgroup_remove(const char *name)
{
	char path[96];

	snprintf(path, sizeof(path), ROOT "/%s", name);
	return rmdir(path);
}

int cgroup_enter(const char *name)
{
	char path[96];

	snprintf(path, sizeof(path), ROOT "/%s/cgroup.procs", name);
	return write_text(path, "0");
}

long cgroup_kernel_memory(const char *name)
{
	char path[96], line[128];
	long bytes = -1;
	FILE *file;

	snprintf(path, sizeof(path), ROOT "/%s/memory.stat", name);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "kernel %ld", &bytes) == 1)
			break;
	if (file)
		fclose(file);
	return bytes;
}
