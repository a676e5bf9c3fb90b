// SPDX-License-Identifier: GPL-2.0
/*
 * The emulator against the CPU: the same instruction with the same operands,
 * once on memory, where the CPU does it, and once on addresses without memory,
 * for which this test answers. Registers, flags and contents must be the same.
 */
/* machine: timeout=240 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "kvm.h"

/*
 * A window of two pages at one linear address. Its page table is changed to
 * show memory, nothing, or one of each.
 */
#define WINDOW		0x40000000u
#define WINDOW_TABLE	0xb000u
#define RAM		0x10000000u
#define MMIO		0x20000000u
#define PAGE		0x1000u

#define DONE		0xe9	/* the port behind each instruction */

#define FLAGS_ARITH	0x8d5u
#define FLAG_DF		0x400u

#define CR4_OSXSAVE	0x40000u

enum mode { LONG, PAE, PAGING32, CODE16, NR_MODES };

/* What a case needs. */
#define MODE		0x0f
#define ALIGNED		0x10	/* faults otherwise */
#define ONLY_CF		0x20	/* what else BT does to the flags is not defined */
#define STACK		0x40	/* the stack, too, is in the window */
#define AVX		0x80

struct insn {
	const uint8_t *begin, *end;
	const char *text;
	uint64_t flags;
};

#define STRINGIFY(x)	#x
#define INSN(code, flags, text)						\
	asm(".pushsection .rodata, \"a\"\n." code "\n771:" text "\n772:\n"	\
	    "773: .asciz \"" text "\"\n.code64\n.popsection\n"		\
	    ".pushsection insns, \"a\"\n.quad 771b, 772b, 773b, " STRINGIFY(flags) "\n" \
	    ".popsection");
#define INSN64(flags, text)	INSN("code64", flags, text)
/* In three kinds of code; their numbers are those of enum mode. */
#define INSN32(flags, text)						\
	INSN("code32", 1 + flags, text) INSN("code32", 2 + flags, text)
#define INSN16(flags, text)	INSN("code16", 3 + flags, text)

#include "emulate_insns.h"

/* The CPU's state before or behind an instruction, and the window's contents. */
struct state {
	struct kvm_regs regs;
	struct kvm_xsave vectors;
	uint8_t window[2 * PAGE];
};

FIXTURE(emulate) {
	struct guest guest;
	struct vcpu *vcpu;
	uint8_t *ram;
	uint8_t mmio[2 * PAGE];
	struct kvm_sregs sregs;
	enum mode mode;
	bool is_mmio[2];
	unsigned int exits;
};

FIXTURE_SETUP(emulate)
{
	guest_create(&self->guest);
	self->vcpu = &self->guest.vcpu[0];
	self->ram = guest_add_memory(&self->guest, 1, RAM, 2 * PAGE, NULL, 0);
	srand(1);
}

FIXTURE_TEARDOWN(emulate)
{
	munmap(self->ram, 2 * PAGE);
	guest_destroy(&self->guest);
}

#define emulate_fixture	struct _test_data_emulate

/* Where the CPU keeps them in an XSAVE area. */
#define XMM		160
#define XMM_SIZE	256
#define XSTATE_BV	512
#define YMM		576
#define YMM_SIZE	256

/* 0 where there is no AVX. */
static unsigned int ymm_size;

#define xmm(state)	((uint8_t *)(state)->vectors.region + XMM)
#define ymm_high(state)	((uint8_t *)(state)->vectors.region + YMM)

/* AVX for the guest, if the CPU has it. */
static void allow_avx(emulate_fixture *self)
{
	struct kvm_xcrs xcrs = { .nr_xcrs = 1, .xcrs[0].value = 7 };

	ymm_size = __builtin_cpu_supports("avx") ? YMM_SIZE : 0;
	if (!ymm_size)
		return;
	vcpu_set_supported_cpuid(&self->guest, self->vcpu);
	kvm_ioctl_ok(self->vcpu->fd, KVM_SET_XCRS, &xcrs);
	self->sregs.cr4 |= CR4_OSXSAVE;
}

static void set_mode(emulate_fixture *self, enum mode mode)
{
	self->mode = mode;
	if (mode == LONG)
		vcpu_long_mode(&self->guest, self->vcpu);
	else if (mode == PAE)
		vcpu_pae(&self->guest, self->vcpu);
	else
		vcpu_paging32(&self->guest, self->vcpu);
	vcpu_get_sregs(self->vcpu, &self->sregs);
	if (mode == LONG)
		allow_avx(self);
	if (mode != CODE16)
		return;
	/* 16-bit addresses: the segments are the window. */
	self->sregs.cs.selector = GUEST_CS16;
	self->sregs.cs.db = 0;
	self->sregs.ds.base = WINDOW;
	self->sregs.es.base = WINDOW;
	self->sregs.ss.base = WINDOW;
	self->sregs.ss.db = 0;
}

static uint32_t frame(emulate_fixture *self, int page)
{
	return (self->is_mmio[page] ? MMIO : RAM) + page * PAGE;
}

/* Only the table of the window changes; KVM_SET_SREGS makes the CPU forget the old. */
static void map_window(emulate_fixture *self, uint64_t rights)
{
	uint8_t *mem = self->guest.mem;
	uint64_t *wide = (uint64_t *)(mem + WINDOW_TABLE);
	uint32_t *narrow = (uint32_t *)(mem + WINDOW_TABLE);
	int i;

	memset(wide, 0, PAGE);
	if (self->mode == LONG || self->mode == PAE) {
		((uint64_t *)(mem + GUEST_PD))[WINDOW >> 21] = WINDOW_TABLE | 7;
		for (i = 0; i < 2; i++)
			wide[i] = frame(self, i) | rights;
	} else {
		((uint32_t *)(mem + GUEST_PD32))[WINDOW >> 22] = WINDOW_TABLE | 7;
		for (i = 0; i < 2; i++)
			narrow[i] = frame(self, i) | rights;
	}
	vcpu_set_sregs(self->vcpu, &self->sregs);
}

static void load(emulate_fixture *self, const struct state *state)
{
	int i;

	for (i = 0; i < 2; i++)
		memcpy((self->is_mmio[i] ? self->mmio : self->ram) + i * PAGE,
		       state->window + i * PAGE, PAGE);
	vcpu_set_regs(self->vcpu, &state->regs);
	kvm_ioctl_ok(self->vcpu->fd, KVM_SET_XSAVE, &state->vectors);
}

static void save(emulate_fixture *self, struct state *state)
{
	int i;

	for (i = 0; i < 2; i++)
		memcpy(state->window + i * PAGE,
		       (self->is_mmio[i] ? self->mmio : self->ram) + i * PAGE, PAGE);
	vcpu_get_regs(self->vcpu, &state->regs);
	kvm_ioctl_ok(self->vcpu->fd, KVM_GET_XSAVE, &state->vectors);
}

/* The device behind the window. */
static void answer(emulate_fixture *self)
{
	struct kvm_run *run = self->vcpu->run;
	uint64_t offset = run->mmio.phys_addr - MMIO;

	if (offset >= 2 * PAGE || !run->mmio.len || run->mmio.len > 8 ||
	    offset / PAGE != (offset + run->mmio.len - 1) / PAGE ||
	    !self->is_mmio[offset / PAGE])
		kvm_die(__FILE__, __LINE__, "MMIO of %u bytes at %llx", run->mmio.len,
			run->mmio.phys_addr);
	if (run->mmio.is_write)
		memcpy(self->mmio + offset, run->mmio.data, run->mmio.len);
	else
		memcpy(run->mmio.data, self->mmio + offset, run->mmio.len);
	self->exits++;
}

/* Runs to the port behind the instruction. */
static void finish(emulate_fixture *self, const char *text)
{
	struct kvm_run *run = self->vcpu->run;
	uint32_t reason;

	while ((reason = vcpu_run(self->vcpu)) == KVM_EXIT_MMIO)
		answer(self);
	if (reason != KVM_EXIT_IO || run->io.port != DONE)
		kvm_die(__FILE__, __LINE__, "%s, pages %d%d: exit %s, suberror %u, code %02x %02x",
			text, self->is_mmio[0], self->is_mmio[1], kvm_exit_name(reason),
			run->internal.suberror, run->emulation_failure.insn_bytes[0],
			run->emulation_failure.insn_bytes[1]);
}

static void execute(emulate_fixture *self, const struct insn *insn, bool first, bool second,
		    const struct state *before, struct state *after)
{
	self->is_mmio[0] = first;
	self->is_mmio[1] = second;
	map_window(self, 7);
	load(self, before);
	self->exits = 0;
	finish(self, insn->text);
	save(self, after);
}

static void load_insn(emulate_fixture *self, const struct insn *insn)
{
	uint8_t *code = self->guest.mem + GUEST_CODE;
	size_t len = insn->end - insn->begin;

	memcpy(code, insn->begin, len);
	/* out %al, $DONE */
	code[len] = 0xe6;
	code[len + 1] = DONE;
}

static uint64_t random64(void)
{
	return (uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ rand();
}

/*
 * Bytes that often repeat, for comparisons; registers that are the addresses
 * of operands at @pos, small counts, and anything.
 */
static void make_state(const struct insn *insn, unsigned int pos, struct state *s)
{
	bool is_long = (insn->flags & MODE) == LONG;
	uint64_t base = (insn->flags & MODE) == CODE16 ? 0 : WINDOW;
	uint64_t *gpr = (uint64_t *)&s->regs;
	unsigned int i;

	for (i = 0; i < sizeof(s->window); i++)
		s->window[i] = rand() & 3 ? 0x5a : rand();
	for (i = 0; i < 16; i++)
		gpr[i] = is_long ? random64() : (uint32_t)random64();
	s->regs.rcx = rand() % 6;
	s->regs.rdx = (int16_t)rand() / 64;
	if (!is_long)
		s->regs.rdx = (uint32_t)s->regs.rdx;
	s->regs.rdi = base + pos;
	s->regs.rsi = base + (pos ^ 0x400);
	s->regs.rsp = insn->flags & STACK ? base + (pos ^ 0x200) : base + 0x100;
	if (!(insn->flags & STACK) && base)
		s->regs.rsp = GUEST_STACK;
	/* What CMPXCHG looks for. */
	if (rand() & 1) {
		memcpy(&s->regs.rax, s->window + pos, is_long ? 8 : 4);
		memcpy(&s->regs.rdx, s->window + pos + (rand() & 1 ? 4 : 8), is_long ? 8 : 4);
	}
	s->regs.rip = GUEST_CODE;
	s->regs.rflags = 2 | (rand() & FLAGS_ARITH) | (rand() & 1 ? FLAG_DF : 0);
	for (i = 0; i < XMM_SIZE; i++)
		xmm(s)[i] = rand();
	for (i = 0; i < ymm_size; i++)
		ymm_high(s)[i] = rand();
	s->vectors.region[XSTATE_BV / 4] |= ymm_size ? 7 : 3;
}

/* The first difference, for the log. */
static const char *difference(const struct insn *insn, const struct state *a,
			      const struct state *b)
{
	uint64_t flags = insn->flags & ONLY_CF ? 1 : ~0ull;
	static char text[128];
	unsigned int i;

	for (i = 0; i < 17; i++) {
		const uint64_t *x = (const uint64_t *)&a->regs + i;
		const uint64_t *y = (const uint64_t *)&b->regs + i;

		if (*x == *y)
			continue;
		snprintf(text, sizeof(text), "register %u: %llx, not %llx", i,
			 (unsigned long long)*y, (unsigned long long)*x);
		return text;
	}
	if ((a->regs.rflags ^ b->regs.rflags) & flags) {
		snprintf(text, sizeof(text), "flags: %llx, not %llx", b->regs.rflags,
			 a->regs.rflags);
		return text;
	}
	if (memcmp(xmm(a), xmm(b), XMM_SIZE))
		return "vector registers";
	if (memcmp(ymm_high(a), ymm_high(b), ymm_size))
		return "upper halves of vector registers";
	for (i = 0; i < sizeof(a->window); i++) {
		if (a->window[i] == b->window[i])
			continue;
		snprintf(text, sizeof(text), "byte %x: %02x, not %02x", i, b->window[i],
			 a->window[i]);
		return text;
	}
	return NULL;
}

static void setup_vectors(emulate_fixture *self, struct state *state)
{
	kvm_ioctl_ok(self->vcpu->fd, KVM_GET_XSAVE, &state->vectors);
}

/* One instruction at one place, with each of the pages a device. */
static unsigned int compare(emulate_fixture *self, const struct insn *insn, unsigned int pos)
{
	static struct state before, cpu, ours;
	unsigned int failures = 0, layout;
	const char *what;

	setup_vectors(self, &before);
	make_state(insn, pos, &before);
	execute(self, insn, false, false, &before, &cpu);
	for (layout = 1; layout < 4; layout++) {
		execute(self, insn, layout & 1, layout & 2, &before, &ours);
		what = difference(insn, &cpu, &ours);
		if (!what)
			continue;
		printf("# %s, mode %u, at %x, layout %u: %s\n", insn->text,
		       (unsigned int)insn->flags & MODE, pos, layout, what);
		failures++;
	}
	return failures;
}

static unsigned int compare_all(emulate_fixture *self, enum mode mode)
{
	static const unsigned int over_end[] = { 0xfff, 0xffe, 0xffd, 0xffb, 0xff9 };
	unsigned int failures = 0, nr = 0;
	const struct insn *insn;

	set_mode(self, mode);
	for (insn = __start_insns; insn < __stop_insns; insn++) {
		if ((insn->flags & MODE) != mode || (insn->flags & AVX && !ymm_size))
			continue;
		load_insn(self, insn);
		failures += compare(self, insn, 0x640);
		if (!(insn->flags & ALIGNED)) {
			failures += compare(self, insn, over_end[nr % 5]);
			failures += compare(self, insn, over_end[(nr + 2) % 5]);
		}
		nr++;
	}
	return nr ? failures : 1;
}

TEST_F_TIMEOUT(emulate, long_mode, 150)
{
	EXPECT_EQ(0, compare_all(self, LONG));
}

TEST_F_TIMEOUT(emulate, pae, 150)
{
	EXPECT_EQ(0, compare_all(self, PAE));
}

TEST_F_TIMEOUT(emulate, paging32, 150)
{
	EXPECT_EQ(0, compare_all(self, PAGING32));
}

TEST_F_TIMEOUT(emulate, code16, 150)
{
	EXPECT_EQ(0, compare_all(self, CODE16));
}

/*
 * Faults. The handler is the same port; what the CPU pushed is on the stack,
 * where it can be compared.
 */
#define STACK_ERROR	(64 - 48)
#define STACK_FLAGS	(64 - 24)

GUEST_CODE64(handler, "out %al, $0xe9");

static uint64_t fault(emulate_fixture *self, const struct insn *insn, uint64_t rights, bool mmio,
		      struct state *state, uint8_t *stack)
{
	struct kvm_sregs sregs;

	self->is_mmio[0] = mmio;
	self->is_mmio[1] = mmio;
	self->sregs.cr2 = 0;
	map_window(self, 7);
	/* The operand's second page is what is wrong. */
	((uint64_t *)(self->guest.mem + WINDOW_TABLE))[1] = frame(self, 1) | rights;
	load(self, state);
	memset(self->guest.mem + GUEST_STACK - 64, 0, 64);
	finish(self, insn->text);
	memcpy(stack, self->guest.mem + GUEST_STACK - 64, 64);
	/*
	 * The test machine's CPU reads what it will write, and faults as for a
	 * read; and it does not set RF in the flags that it pushes.
	 */
	if (!rights)
		stack[STACK_ERROR] &= ~2;
	stack[STACK_FLAGS + 2] &= ~1;
	vcpu_get_sregs(self->vcpu, &sregs);
	return sregs.cr2;
}

static unsigned int compare_faults(emulate_fixture *self, const struct insn *insn,
				   uint64_t rights)
{
	static struct state before, cpu, ours;
	uint8_t cpu_stack[64], our_stack[64];
	uint64_t cpu_cr2, our_cr2;

	setup_vectors(self, &before);
	load_insn(self, insn);
	make_state(insn, 0xffd, &before);
	cpu_cr2 = fault(self, insn, rights, false, &before, cpu_stack);
	save(self, &cpu);
	our_cr2 = fault(self, insn, rights, true, &before, our_stack);
	save(self, &ours);
	if (cpu_cr2 == our_cr2 && !memcmp(cpu_stack, our_stack, 64) &&
	    !difference(insn, &cpu, &ours))
		return 0;
	printf("# %s, rights %llx: CR2 %llx, not %llx; error %x, not %x; %s\n", insn->text,
	       (unsigned long long)rights, (unsigned long long)our_cr2,
	       (unsigned long long)cpu_cr2, our_stack[STACK_ERROR], cpu_stack[STACK_ERROR],
	       difference(insn, &cpu, &ours) ?: "else alike");
	return 1;
}

#define CR0_WP	0x10000

TEST_F_TIMEOUT(emulate, page_faults, 150)
{
	unsigned int failures = 0, nr = 0;
	const struct insn *insn;

	set_mode(self, LONG);
	self->sregs.cr0 |= CR0_WP;
	memcpy(self->guest.mem + GUEST_CODE + 0x800, handler_begin, handler_end - handler_begin);
	guest_set_idt64(&self->guest, 14, GUEST_CODE + 0x800);
	for (insn = __start_insns; insn < __stop_insns; insn++) {
		/* Some of each kind; strings would do one element before they fault. */
		if ((insn->flags & MODE) != LONG || insn->flags & (ALIGNED | STACK | AVX) ||
		    strstr(insn->text, "rep") || nr++ % 3)
			continue;
		failures += compare_faults(self, insn, 0);
		failures += compare_faults(self, insn, 5);
	}
	EXPECT_LT(20, nr);
	EXPECT_EQ(0, failures);
}

/* Accessed and dirty, as the CPU marks them. */
TEST_F(emulate, accessed_and_dirty)
{
	uint64_t *pte = (uint64_t *)(self->guest.mem + WINDOW_TABLE);
	static struct state state;
	const struct insn *insn;
	unsigned int nr = 0;

	set_mode(self, LONG);
	setup_vectors(self, &state);
	for (insn = __start_insns; insn < __stop_insns && nr < 12; insn++, nr++) {
		uint64_t cpu, ours;

		load_insn(self, insn);
		make_state(insn, 0x640, &state);
		execute(self, insn, false, false, &state, &state);
		cpu = pte[0];
		make_state(insn, 0x640, &state);
		execute(self, insn, true, true, &state, &state);
		ours = pte[0];
		EXPECT_EQ(cpu ^ RAM, ours ^ MMIO);
		EXPECT_EQ(0x20, ours & 0x20);
	}
}

/* An instruction that we cannot do is userspace's to know. */
GUEST_CODE64(float_load, "flds (%rdi)");

TEST_F(emulate, failure)
{
	struct insn insn = { float_load_begin, float_load_end, "flds", LONG };
	struct kvm_run *run = self->vcpu->run;
	static struct state state;

	set_mode(self, LONG);
	setup_vectors(self, &state);
	load_insn(self, &insn);
	make_state(&insn, 0x640, &state);
	self->is_mmio[0] = true;
	map_window(self, 7);
	load(self, &state);
	vcpu_run_until(self->vcpu, KVM_EXIT_INTERNAL_ERROR);
	EXPECT_EQ(KVM_INTERNAL_ERROR_EMULATION, run->emulation_failure.suberror);
	EXPECT_EQ(KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES,
		  run->emulation_failure.flags);
	EXPECT_EQ(3, run->emulation_failure.ndata);
	EXPECT_LE(2, run->emulation_failure.insn_size);
	EXPECT_EQ(0, memcmp(run->emulation_failure.insn_bytes, float_load_begin, 2));
}

/* Userspace sends the guest elsewhere while it is asked: the rest is dropped. */
GUEST_CODE64(read_device, "mov (%rdi), %rax; out %al, $0xe9");

TEST_F(emulate, moved_away)
{
	struct insn insn = { read_device_begin, read_device_end, "mov", LONG };
	struct kvm_regs regs;
	static struct state state;

	set_mode(self, LONG);
	setup_vectors(self, &state);
	load_insn(self, &insn);
	make_state(&insn, 0x640, &state);
	self->is_mmio[0] = true;
	map_window(self, 7);
	load(self, &state);
	vcpu_run_until(self->vcpu, KVM_EXIT_MMIO);
	vcpu_get_regs(self->vcpu, &regs);
	EXPECT_EQ(GUEST_CODE, regs.rip);
	memset(self->vcpu->run->mmio.data, 0x77, 8);
	regs.rip = GUEST_CODE + 3;
	regs.rax = 0x1234;
	vcpu_set_regs(self->vcpu, &regs);
	vcpu_run_until(self->vcpu, KVM_EXIT_IO);
	vcpu_get_regs(self->vcpu, &regs);
	EXPECT_EQ(0x1234, regs.rax);
}

TEST_HARNESS_MAIN
