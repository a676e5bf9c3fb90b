// SPDX-License-Identifier: GPL-2.0
/*
 * Which encodings of vector, x87 and VEX instructions exist.
 *
 * The emulator carries out plain moves only; for the rest it is enough to know
 * their shape, and which ones are invalid.  After APM volumes 4 and 5.
 */
#include "decode_tables.h"

#define S	V_SSE
#define V	V_VEX
#define SV	(V_SSE | V_VEX)
#define M	V_MEM
#define R	V_REG
#define I	V_IMM
#define N	V_2OP
#define K	V_REFUSE
#define L0	V_L0
#define L1	V_L1
#define W0	V_W0
#define W1	V_W1
#define MOVA	(SV | N | V_MOVA)
#define MOVU	(SV | N | V_MOVU)
#define ST	V_STORE

/* The columns: no prefix, 66, F3, F2. */
const u16 vector_map[4][256][4] = {
[1] = {
	[0x10] = { MOVU, MOVU, SV | V_2MEM, SV | V_2MEM },
	[0x11] = { MOVU | ST, MOVU | ST, SV | V_2MEM, SV | V_2MEM },
	[0x12] = { SV | L0, SV | M | L0, SV | N, SV | N },
	[0x13] = { SV | M | N | L0, SV | M | N | L0 },
	[0x14 ... 0x15] = { SV, SV },
	[0x16] = { SV | L0, SV | M | L0, SV | N },
	[0x17] = { SV | M | N | L0, SV | M | N | L0 },
	[0x28] = { MOVA, MOVA },
	[0x29] = { MOVA | ST, MOVA | ST },
	[0x2a] = { S, S, SV, SV },
	[0x2b] = { MOVA | ST | M, MOVA | ST | M, S | M, S | M },
	[0x2c ... 0x2d] = { S, S, SV | N, SV | N },
	[0x2e ... 0x2f] = { SV | N, SV | N },
	[0x41 ... 0x4b] = { K, K },			/* opmask */
	[0x50] = { SV | R | N, SV | R | N },
	[0x51] = { SV | N, SV | N, SV, SV },
	[0x52 ... 0x53] = { SV | N, 0, SV },
	[0x54 ... 0x57] = { SV, SV },
	[0x58 ... 0x59] = { SV, SV, SV, SV },
	[0x5a] = { SV | N, SV | N, SV, SV },
	[0x5b] = { SV | N, SV | N, SV | N },
	[0x5c ... 0x5f] = { SV, SV, SV, SV },
	[0x60 ... 0x6b] = { S, SV },
	[0x6c ... 0x6d] = { 0, SV },
	[0x6e] = { S, SV | N | L0 },
	[0x6f] = { S, MOVA, MOVU },
	[0x70] = { S | I, SV | N | I, SV | N | I, SV | N | I },
	[0x71 ... 0x73] = { S | R | I, SV | R | I },
	[0x74 ... 0x76] = { S, SV },
	[0x77] = { V | N | V_NOMODRM },
	[0x7c ... 0x7d] = { 0, SV, 0, SV },
	[0x7e] = { S, SV | N | L0, SV | N | L0 },
	[0x7f] = { S, MOVA | ST, MOVU | ST },
	[0x90 ... 0x93] = { K, K, 0, K },		/* opmask */
	[0x98 ... 0x99] = { K, K },
	[0xae] = { V | M | N | L0 },
	[0xc2] = { SV | I, SV | I, SV | I, SV | I },
	[0xc4] = { S | I, SV | I | L0 },
	[0xc5] = { S | R | I, SV | R | I | N | L0 },
	[0xc6] = { SV | I, SV | I },
	[0xd0] = { 0, SV, 0, SV },
	[0xd1 ... 0xd5] = { S, SV },
	[0xd6] = { 0, SV | N | L0, S | R, S | R },
	[0xd7] = { S | R, SV | R | N },
	[0xd8 ... 0xe5] = { S, SV },
	[0xe6] = { 0, SV | N, SV | N, SV | N },
	[0xe7] = { S | M, MOVA | ST | M },
	[0xe8 ... 0xef] = { S, SV },
	[0xf0] = { 0, 0, 0, MOVU | M },
	[0xf1 ... 0xf6] = { S, SV },
	[0xf7] = { S | R, SV | R | N | L0 },
	[0xf8 ... 0xfe] = { S, SV },
},
[2] = {
	[0x00 ... 0x0b] = { S, SV },
	[0x0c ... 0x0d] = { 0, V | W0 },
	[0x0e ... 0x0f] = { 0, V | N | W0 },
	[0x10] = { 0, S },
	[0x13] = { 0, V | N | W0 },
	[0x14 ... 0x15] = { 0, S },
	[0x16] = { 0, V | L1 | W0 },
	[0x17] = { 0, SV | N },
	[0x18] = { 0, V | N | W0 },
	[0x19] = { 0, V | N | L1 | W0 },
	[0x1a] = { 0, V | M | N | L1 | W0 },
	[0x1c ... 0x1e] = { S, SV | N },
	[0x20 ... 0x25] = { 0, SV | N },
	[0x28 ... 0x29] = { 0, SV },
	[0x2a] = { 0, MOVA | M },
	[0x2b] = { 0, SV },
	[0x2c ... 0x2f] = { 0, V | M | W0 },
	[0x30 ... 0x35] = { 0, SV | N },
	[0x36] = { 0, V | L1 | W0 },
	[0x37 ... 0x40] = { 0, SV },
	[0x41] = { 0, SV | N | L0 },
	[0x45] = { 0, V },
	[0x46] = { 0, V | W0 },
	[0x47] = { 0, V },
	[0x50 ... 0x53] = { 0, V | W0 },
	[0x58 ... 0x59] = { 0, V | N | W0 },
	[0x5a] = { 0, V | M | N | L1 | W0 },
	[0x78 ... 0x79] = { 0, V | N | W0 },
	[0x8c] = { 0, V | M },
	[0x8e] = { 0, V | M },
	[0x90 ... 0x93] = { 0, V | M | V_VSIB },
	[0x96 ... 0x9f] = { 0, V },
	[0xa6 ... 0xaf] = { 0, V },
	[0xb6 ... 0xbf] = { 0, V },
	[0xc8 ... 0xcd] = { S },			/* SHA */
	[0xcf] = { 0, SV | W0 },
	[0xdb] = { 0, SV | N | L0 },
	[0xdc ... 0xdf] = { 0, SV },
	[0xf2 ... 0xf3] = { V | L0 },			/* BMI */
	[0xf5] = { V | L0, 0, V | L0, V | L0 },
	[0xf6] = { 0, 0, 0, V | L0 },
	[0xf7] = { V | L0, V | L0, V | L0, V | L0 },
},
[3] = {
	[0x00 ... 0x01] = { 0, V | N | L1 | W1 | I },
	[0x02] = { 0, V | W0 | I },
	[0x04 ... 0x05] = { 0, V | N | W0 | I },
	[0x06] = { 0, V | L1 | W0 | I },
	[0x08 ... 0x09] = { 0, SV | N | I },
	[0x0a ... 0x0e] = { 0, SV | I },
	[0x0f] = { S | I, SV | I },
	[0x14 ... 0x17] = { 0, SV | N | L0 | I },
	[0x18] = { 0, V | L1 | W0 | I },
	[0x19] = { 0, V | N | L1 | W0 | I },
	[0x1d] = { 0, V | N | W0 | I },
	[0x20 ... 0x22] = { 0, SV | L0 | I },
	[0x30 ... 0x33] = { 0, K },				/* opmask */
	[0x38] = { 0, V | L1 | W0 | I },
	[0x39] = { 0, V | N | L1 | W0 | I },
	[0x40] = { 0, SV | I },
	[0x41] = { 0, SV | L0 | I },
	[0x42] = { 0, SV | I },
	[0x44] = { 0, SV | I },
	[0x46] = { 0, V | L1 | W0 | I },
	[0x48 ... 0x49] = { 0, V | I },
	[0x4a ... 0x4c] = { 0, V | W0 | I },
	[0x5c ... 0x5f] = { 0, V | I },
	[0x60 ... 0x63] = { 0, SV | N | L0 | I },
	[0x68 ... 0x6f] = { 0, V | I },			/* FMA4 */
	[0x78 ... 0x7f] = { 0, V | I },
	[0xcc] = { S | I },				/* SHA */
	[0xce ... 0xcf] = { 0, SV | W1 | I },
	[0xdf] = { 0, SV | N | L0 | I },
	[0xf0] = { 0, 0, 0, V | N | L0 | I },		/* RORX */
},
};

const u8 x87_mem[8][8] = {
	[0] = { 4, 4, 4, 4, 4, 4, 4, 4 },
	[1] = { 4, 0, 4, 4, X87_ENV, 2, X87_ENV, 2 },
	[2] = { 4, 4, 4, 4, 4, 4, 4, 4 },
	[3] = { 4, 4, 4, 4, 0, 10, 0, 10 },
	[4] = { 8, 8, 8, 8, 8, 8, 8, 8 },
	[5] = { 8, 8, 8, 8, X87_STATE, 0, X87_STATE, 2 },
	[6] = { 2, 2, 2, 2, 2, 2, 2, 2 },
	[7] = { 2, 2, 2, 2, 10, 8, 10, 8 },
};

/* One byte for each value of ModRM.reg, reg 7 leftmost; bit n is rm n. */
const u64 x87_reg[8] = {
	[0] = 0xffffffffffffffff,
	[1] = 0xffff7f33ff01ffff,
	[2] = 0x00000200ffffffff,
	[3] = 0x00ffff1fffffffff,
	[4] = 0xffffffffffffffff,
	[5] = 0x0000ffffffffffff,
	[6] = 0xffffffff02ffffff,
	[7] = 0x00ffff01ffffffff,
};
