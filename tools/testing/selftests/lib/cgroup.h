/* SPDX-License-Identifier: GPL-2.0 */
/* Memory cgroups (version 2). */
#ifndef CGROUP_H
#define CGROUP_H

/* Makes a cgroup of this name below the root; 0 or -1. Removes it, once empty. */
int cgroup_create(const char *name);
int cgroup_remove(const char *name);

/* The calling process moves there. */
int cgroup_enter(const char *name);

/* Bytes of kernel memory that are charged to it, or -1. */
long cgroup_kernel_memory(const char *name);

#endif
