/* SPDX-License-Identifier: GPL-2.0 */
/* A guest in long mode that reads and writes where it is told to. */
#ifndef AGENT_H
#define AGENT_H

#include "kvm.h"

/* Agents reach guest physical addresses below 4 GiB; their own memory ends at GUEST_MEM. */

struct agent {
	struct guest guest;
};

/* On a new VM of this type, with its own memory in slot 0; one vCPU, or more. */
void agent_create(struct agent *agent, unsigned long type, int nr_vcpus);
void agent_destroy(struct agent *agent);

/*
 * vCPU @nr reads or writes eight bytes. 0, or the errno of KVM_RUN; ECANCELED for an
 * exit that was not expected.
 */
int agent_read(struct agent *agent, int nr, uint64_t gpa, uint64_t *value);
int agent_write(struct agent *agent, int nr, uint64_t gpa, uint64_t value);

/* The value at an address that must be readable, and of one that must be writable. */
uint64_t agent_load(struct agent *agent, uint64_t gpa);
void agent_store(struct agent *agent, uint64_t gpa, uint64_t value);

/* The last access ended with KVM_EXIT_MEMORY_FAULT at this page, with these flags. */
bool agent_saw_memory_fault(struct agent *agent, uint64_t gpa, uint64_t flags);

#endif
