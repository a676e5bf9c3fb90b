// SPDX-License-Identifier: GPL-2.0
/*
 * Inputs: random bytes, bytes led into the rarer parts of the opcode space,
 * and mutations of the input before.
 */
#include <string.h>

#include "check.h"

static u64 state;

void generate_seed(u64 seed)
{
	state = seed;
}

/* splitmix64: one word of state, any seed will do. */
u64 generate_word(void)
{
	u64 z = state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static unsigned int below(unsigned int n)
{
	return generate_word() % n;
}

static u8 random_byte(void)
{
	return generate_word();
}

static void fill_random(u8 *buf)
{
	u64 word[BUF_LEN / 8];

	word[0] = generate_word();
	word[1] = generate_word();
	memcpy(buf, word, BUF_LEN);
}

static unsigned int add_prefixes(u8 *head, enum decode_mode mode)
{
	static const u8 prefix[] = {
		0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x66,
		0x67, 0xf0, 0xf2, 0xf2, 0xf3, 0xf3,
	};
	unsigned int n = 0, todo;

	/* Mostly none, some, and now and then too many. */
	switch (below(64)) {
	case 0:
		todo = below(X86_INSN_MAX - 4);
		break;
	case 1 ... 32:
		todo = below(4);
		break;
	default:
		todo = 0;
	}
	while (todo--)
		head[n++] = prefix[below(sizeof(prefix))];
	if (mode == DECODE_64 && below(2))
		head[n++] = 0x40 | below(16);
	return n;
}

/* Appends what selects an opcode map; prefixes before VEX are errors. */
static unsigned int add_map(u8 *head, unsigned int n, enum decode_mode mode)
{
	/* Outside of 64-bit mode this tells VEX from LES and LDS. */
	u8 legacy = mode == DECODE_64 ? 0 : 0xc0;
	unsigned int kind = below(32);

	if (kind >= 16 && below(8))
		n = 0;
	switch (kind) {
	case 0 ... 4:
		break;
	case 5 ... 10:
		head[n++] = 0x0f;
		break;
	case 11 ... 13:
		head[n++] = 0x0f;
		head[n++] = below(2) ? 0x38 : 0x3a;
		break;
	case 14:
		head[n++] = 0x0f;
		head[n++] = below(2) ? 0x01 : below(2) ? 0xae : 0xc7;
		break;
	case 15:
		head[n++] = 0x8f;
		head[n++] = below(4) ? 0xe8 + below(3) : random_byte();
		break;
	case 16 ... 20:
		head[n++] = 0xc5;
		head[n++] = random_byte() | (below(2) ? 0xf8 : legacy);
		break;
	case 21 ... 30:
		head[n++] = 0xc4;
		head[n++] = (random_byte() & 0xe0) | (1 + below(3)) | legacy;
		head[n++] = random_byte() | (below(2) ? 0x78 : 0);
		break;
	case 31:
		head[n++] = 0x62;
		head[n++] = (random_byte() & 0xf0) | (1 + below(3)) | legacy;
		head[n++] = random_byte() | 0x04;
		break;
	}
	return n;
}

static void fill_shaped(u8 *buf, enum decode_mode mode)
{
	u8 head[BUF_LEN + 4];
	unsigned int n;

	n = add_map(head, add_prefixes(head, mode), mode);
	fill_random(buf);
	memcpy(buf, head, n < BUF_LEN ? n : BUF_LEN);
}

static void mutate(u8 *buf)
{
	unsigned int todo = 1 + below(3);

	while (todo--) {
		u8 *byte = &buf[below(BUF_LEN / 2)];

		*byte = below(2) ? *byte ^ 1 << below(8) : random_byte();
	}
}

enum decode_mode generate(u8 *buf)
{
	/* 64-bit mode twice as often as any other. */
	unsigned int mode = below(NR_MODES + 1);

	if (mode > DECODE_64)
		mode = DECODE_64;
	switch (below(4)) {
	case 0:
		fill_random(buf);
		break;
	case 1:
		mutate(buf);
		break;
	default:
		fill_shaped(buf, mode);
	}
	return mode;
}
