/* SPDX-License-Identifier: GPL-2.0 */
/* guest_memfd: making, linking, and looking at what is in it. */
#ifndef GMEM_H
#define GMEM_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/kvmcore.h>

#define GMEM_SHARED	(GUEST_MEMFD_FLAG_MMAP | GUEST_MEMFD_FLAG_INIT_SHARED)

#define PAGE		4096UL
#define HUGE		(2UL << 20)

/* @call fails with @error. For tests of the harness. */
#define EXPECT_ERROR(call, error) do {					\
	errno = 0;							\
	EXPECT_EQ(call, -1);						\
	EXPECT_EQ(errno, error);					\
} while (0)

/* All of them: a descriptor, or -1 with errno. */
int create_vm_of_type(unsigned long type);
int create_gmem(int vm, uint64_t size, uint64_t flags);
int link_gmem(int vm, int fd, uint64_t flags);

/* A slot that shows the file from @offset on, @mem where it does not; 0 or -1 with errno. */
int set_gmem_slot(int vm, uint32_t slot, uint64_t gpa, uint64_t size, void *mem, int fd,
		  uint64_t offset);

/* KVM_CAP_VM_MOVE_ENC_CONTEXT_FROM; 0 or -1 with errno. */
int move_vm(int to, uint64_t from);

/* Make a range of frames private, or shared; 0 or -1 with errno. */
int set_private(int vm, uint64_t gpa, uint64_t size, bool private);

/* fallocate() with KEEP_SIZE; 0 or -1 with errno. */
int gmem_allocate(int fd, uint64_t offset, uint64_t size);
int gmem_punch(int fd, uint64_t offset, uint64_t size);

/* Bytes that are allocated. */
uint64_t gmem_used(int fd);
uint64_t gmem_inode_number(int fd);

/* The whole file, shared, readable and writable; or MAP_FAILED. */
uint8_t *gmem_map(int fd, uint64_t size);

/* Every byte has this value. */
bool all_bytes(const uint8_t *mem, uint8_t value, uint64_t size);

/* Touching the byte raises SIGBUS; its si_code, or 0 if it does not. */
int touch_sigbus(const uint8_t *mem);

#endif
