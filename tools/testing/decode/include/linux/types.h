/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's names of the fixed-size types, for code built in user space. */
#ifndef DECODE_LINUX_TYPES_H
#define DECODE_LINUX_TYPES_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <asm/types.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s64 s64;

#endif
