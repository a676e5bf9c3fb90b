/* SPDX-License-Identifier: GPL-2.0 */
/* One number of KVM_GET_STATS_FD. */
#ifndef SELFTESTS_VMSTAT_H
#define SELFTESTS_VMSTAT_H

#include <stdint.h>

/* Of a VM or vCPU; ends the test if there is no such number. */
uint64_t kvm_stat(int fd, const char *name);

#endif
