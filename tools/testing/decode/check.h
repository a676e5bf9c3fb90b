/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DECODE_CHECK_H
#define DECODE_CHECK_H

#include <Zydis/Zydis.h>

#include "decode.h"

/* One byte more than fits: room for an instruction that is too long. */
#define BUF_LEN		(X86_INSN_MAX + 1)
#define NR_MODES	(DECODE_64 + 1)

/* One input, and what both decoders make of it. */
struct pair {
	enum decode_mode mode;
	const u8 *bytes;
	unsigned int len;

	int err;
	struct x86_insn insn;

	ZyanStatus status;
	ZydisDecodedInstruction z;
	ZydisDecodedOperand zop[ZYDIS_MAX_OPERAND_COUNT];
};

/* compare.c */
void decode_pair(struct pair *p, enum decode_mode mode, const u8 *bytes,
		 unsigned int len);
/* NULL if both agree or the difference is known, else what it is. */
const char *compare(const struct pair *p);
void compare_init(void);

/* generate.c */
void generate_seed(u64 seed);
u64 generate_word(void);
/* The next input, from the one before, which is in @buf. */
enum decode_mode generate(u8 *buf);

/* mnemonic.c */
void mnemonic_init(void);
enum x86_op op_of(const struct pair *p);

/* known.c: one question for each difference that is known. */
bool known_refusal(const struct pair *p);
bool known_extra(const struct pair *p);
bool known_hint(const struct pair *p);
bool known_implied(const struct pair *p);
bool known_width(const struct pair *p, const struct x86_operand *o);
bool known_segment(const struct pair *p, const ZydisDecodedOperandMem *mem);
bool known_base(const struct pair *p, const ZydisDecodedOperandMem *mem);
bool known_is4(const struct pair *p);
bool known_is4_imm(const struct pair *p, const struct x86_operand *o,
		   const ZydisDecodedOperandImm *imm);
void known_print(void);

#endif
