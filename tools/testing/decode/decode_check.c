// SPDX-License-Identifier: GPL-2.0
/*
 * decode-check [count [seed]]: holds arch/x86/decode.c against Zydis, and
 * checks that it never reads past its input.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"

#define MAX_REPORTS	20

static unsigned long inputs, valid, bad;
/* Bytes that end here end at a page that faults. */
static u8 *guard;

static void report(const struct pair *p, const char *what)
{
	static const char * const name[NR_MODES] = { "real", "16", "32", "64" };
	unsigned int i;

	if (bad++ >= MAX_REPORTS)
		return;
	printf("# %s:", name[p->mode]);
	for (i = 0; i < p->len; i++)
		printf(" %02x", p->bytes[i]);
	printf(": %s\n", what);
}

static void check_one(enum decode_mode mode, const u8 *bytes)
{
	const char *diff;
	struct pair p;

	decode_pair(&p, mode, bytes, BUF_LEN);
	inputs++;
	valid += p.err == DECODE_OK;
	diff = compare(&p);
	if (diff)
		report(&p, diff);
}

static void check_random(unsigned long count)
{
	u8 buf[BUF_LEN] = {};

	while (count--)
		check_one(generate(buf), buf);
}

/* All values of the first three bytes in all modes, the rest at random. */
static void check_exhaustive(void)
{
	unsigned int head, mode;

	for (head = 0; head < 1 << 24; head++) {
		u64 word[2] = { generate_word() << 24 | head, generate_word() };

		for (mode = 0; mode < NR_MODES; mode++)
			check_one(mode, (u8 *)word);
	}
}

static const char *check_length(const struct pair *whole, const u8 *bytes,
				unsigned int len)
{
	const u8 *cut = memcpy(guard - len, bytes, len);
	struct x86_insn insn;
	int err = x86_decode(&insn, cut, len, whole->mode);

	if (insn.len > len || insn.len > X86_INSN_MAX)
		return "reads too far";
	if (whole->err != DECODE_OK)
		return err == whole->err || err == DECODE_TRUNCATED ?
			NULL : "another error when cut";
	if (len < whole->insn.len)
		return err == DECODE_TRUNCATED ? NULL : "not truncated";
	if (err || memcmp(&insn, &whole->insn, sizeof(insn)))
		return "depends on what follows";
	return NULL;
}

/* Every length up to the whole; the input ends where memory ends. */
static void check_lengths(enum decode_mode mode, const u8 *bytes)
{
	struct pair whole;
	const char *diff;
	unsigned int len;

	decode_pair(&whole, mode, bytes, BUF_LEN);
	valid += whole.err == DECODE_OK;
	for (len = 0; len <= BUF_LEN; len++) {
		inputs++;
		diff = check_length(&whole, bytes, len);
		if (diff)
			report(&whole, diff);
	}
}

/* One more prefix, and one more, until it is too long. */
static void check_padded(enum decode_mode mode, const u8 *bytes)
{
	u8 buf[2 * BUF_LEN];
	struct x86_insn insn;
	struct pair whole;
	unsigned int pad;
	int err, expect;

	decode_pair(&whole, mode, bytes, BUF_LEN);
	if (whole.err != DECODE_OK)
		return;
	/* CS overrides do no harm before anything. */
	memset(buf, 0x2e, BUF_LEN);
	memcpy(buf + BUF_LEN, bytes, BUF_LEN);
	for (pad = 1; pad <= BUF_LEN; pad++) {
		expect = pad + whole.insn.len > X86_INSN_MAX ?
			 DECODE_TOO_LONG : DECODE_OK;
		inputs++;
		err = x86_decode(&insn, buf + BUF_LEN - pad, BUF_LEN + pad, mode);
		if (err != expect)
			report(&whole, "wrong result with CS prefixes");
	}
}

static void check_truncated(unsigned long count)
{
	long page = sysconf(_SC_PAGESIZE);
	u8 buf[BUF_LEN] = {};
	u8 *map;

	map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED || mprotect(map + page, page, PROT_NONE)) {
		perror("guard page");
		exit(1);
	}
	guard = map + page;
	while (count--) {
		enum decode_mode mode = generate(buf);

		check_lengths(mode, buf);
		check_padded(mode, buf);
	}
}

static bool result(unsigned int test, const char *name)
{
	bool ok = !bad;

	printf("# %s: %lu inputs, %lu instructions, %lu failures\n", name,
	       inputs, valid, bad);
	printf("%sok %u %s\n", ok ? "" : "not ", test, name);
	fflush(stdout);
	inputs = 0;
	valid = 0;
	bad = 0;
	return ok;
}

int main(int argc, char **argv)
{
	unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 0) : 20000000;
	u64 seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	bool ok = true;

	setvbuf(stdout, NULL, _IOLBF, 0);
	compare_init();
	mnemonic_init();
	generate_seed(seed);
	printf("TAP version 13\n1..3\n");

	check_random(count);
	ok &= result(1, "random and mutated instructions agree with Zydis");
	check_exhaustive();
	ok &= result(2, "all three-byte openings agree with Zydis");
	known_print();
	check_truncated(count / 10);
	ok &= result(3, "lengths: cut short, padded, at the end of memory");
	return !ok;
}
