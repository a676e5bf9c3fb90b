/* SPDX-License-Identifier: GPL-2.0 */
/* KVM descriptors for tests that need no guest, and descriptors in general. */
#ifndef FILES_H
#define FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/kvm.h>

/* Only debug builds of the module have it; virt/tests/device.c. */
#define KVM_DEV_TYPE_TEST	0x7e57
#define TEST_DEVICE_VALUE	0	/* attribute: a number it keeps */
#define TEST_DEVICE_KILL	1	/* attribute: setting it marks the VM dead */

/* All of them: a descriptor, or -1 with errno. */
int open_kvm(void);
int create_vm(void);
int create_vcpu(int vm, unsigned long id);
int create_test_device(int vm);
int create_guest_memfd(int vm);
int create_stats(int vm_or_vcpu);

/* Does this build of the module have the test device? */
bool has_test_device(int vm);

/* Length of a vCPU's mapping; the mapping, or MAP_FAILED. */
size_t run_size(void);
struct kvm_run *map_run(int vcpu);

/* Over a socket of the unix family; 0 or -1. */
int send_fds(int sock, const int *fds, int nr);
int recv_fds(int sock, int *fds, int nr);

/* How many descriptors this process has open. */
int count_fds(void);

/* A number or a word in a file of procfs or sysfs; reading answers -1 on failure. */
long read_number(const char *path);
int write_text(const char *path, const char *text);

#endif
