// SPDX-License-Identifier: GPL-2.0
/*
 * Segments, as the emulator sees them: limits, growing down, rights, what is not
 * there. Each access is tried on a device and on memory. What has to come of it
 * stands in the table (APM 2, 4.12 and 4.5.3), since not every CPU of a test machine
 * looks at limits; one that does must agree.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "kvm.h"

/* What the segments are about: no memory, or two pages of it. */
#define MMIO		0x20000000u
#define RAM		0x10000000u
#define PAGE		0x1000u

/* The handlers of the guest say which exception it was; 0 stands for none. */
#define DONE		0xe9
#define SS		12
#define GP		13

#define DATA		3
#define READ_ONLY	1
#define DOWN		7
#define CODE		11	/* and readable */
#define EXECUTE_ONLY	9

enum which { IN_DS, IN_ES, IN_SS, IN_FS, IN_CS };

/*
 * The operand is at EBX or EDI, which is @at; ECX is @count. The segment begins at
 * the device, or at 0 for the stack, which is elsewhere: there @at and @limit count
 * from the device, too.
 */
struct access {
	const char *name;
	const uint8_t *begin, *end;
	enum which which;
	uint8_t type;
	uint32_t limit;
	uint32_t at;
	uint8_t fault;
	uint32_t count;
	bool small, absent, code16;
};

GUEST_CODE16(load4_16, "mov (%bx), %eax");
GUEST_CODE16(store4_16, "mov %eax, (%bx)");
GUEST_CODE16(rep_stos_16, "rep stosb");
GUEST_CODE32(load4, "mov (%ebx), %eax");
GUEST_CODE32(store4, "mov %eax, (%ebx)");
GUEST_CODE32(store1, "mov %al, (%ebx)");
GUEST_CODE32(add4, "add %eax, (%ebx)");
GUEST_CODE32(cmp4, "cmp %eax, (%ebx)");
GUEST_CODE32(fs_store4, "mov %eax, %fs:(%ebx)");
GUEST_CODE32(cs_load4, "mov %cs:(%ebx), %eax");
GUEST_CODE32(cs_store4, "mov %eax, %cs:(%ebx)");
GUEST_CODE32(stack_load4, "mov (%ebp), %eax");
GUEST_CODE32(stack_store4, "mov %eax, (%ebp)");
GUEST_CODE32(push4, "pushl (%ebx)");
GUEST_CODE32(pop4, "popl (%ebx)");
GUEST_CODE32(stos4, "stosl");
GUEST_CODE32(rep_stos, "rep stosb");
GUEST_CODE32(null_load, "xor %eax, %eax; mov %eax, %ds; mov (%ebx), %eax");
GUEST_CODE32(null_store, "xor %eax, %eax; mov %eax, %ds; mov %eax, (%ebx)");
GUEST_CODE32(null_es, "xor %eax, %eax; mov %eax, %es; stosl");
GUEST_CODE32(sse_store, "movups %xmm0, (%ebx)");

#define ACCESS(insn, segment, kind, last, address, vector, ...)		\
	{ .name = #insn, .begin = insn##_begin, .end = insn##_end,	\
	  .which = segment, .type = kind, .limit = last, .at = address,	\
	  .fault = vector, __VA_ARGS__ }

static const struct access accesses[] = {
	/* The last byte counts; one beyond it is one too many. */
	ACCESS(store4, IN_DS, DATA, 0xfff, 0xffc, 0),
	ACCESS(store4, IN_DS, DATA, 0xfff, 0xffd, GP),
	ACCESS(store4, IN_DS, DATA, 0xffe, 0xffc, GP),
	ACCESS(load4, IN_DS, DATA, 0xfff, 0xffc, 0),
	ACCESS(load4, IN_DS, DATA, 0xfff, 0xffe, GP),
	ACCESS(load4, IN_DS, DATA, 0xfff, 0x1000, GP),
	ACCESS(store1, IN_DS, DATA, 0xfff, 0xfff, 0),
	ACCESS(store1, IN_DS, DATA, 0xfff, 0x1000, GP),
	ACCESS(add4, IN_DS, DATA, 0x7ff, 0x7fc, 0),
	ACCESS(add4, IN_DS, DATA, 0x7ff, 0x7fd, GP),
	ACCESS(push4, IN_DS, DATA, 0x7ff, 0x7fc, 0),
	ACCESS(push4, IN_DS, DATA, 0x7ff, 0x7fd, GP),
	ACCESS(pop4, IN_DS, DATA, 0x7ff, 0x7fc, 0),
	ACCESS(pop4, IN_DS, DATA, 0x7ff, 0x7fd, GP),
	ACCESS(sse_store, IN_DS, DATA, 0x7ff, 0x7f0, 0),
	ACCESS(sse_store, IN_DS, DATA, 0x7ff, 0x7f1, GP),
	ACCESS(fs_store4, IN_FS, DATA, 0x7ff, 0x7fc, 0),
	ACCESS(fs_store4, IN_FS, DATA, 0x7ff, 0x7fd, GP),
	ACCESS(stos4, IN_ES, DATA, 0x7ff, 0x7fc, 0),
	ACCESS(stos4, IN_ES, DATA, 0x7ff, 0x7fd, GP),
	/* Growing down: what the limit says is what is not there. */
	ACCESS(store4, IN_DS, DOWN, 0x7ff, 0x800, 0),
	ACCESS(store4, IN_DS, DOWN, 0x7ff, 0x7ff, GP),
	ACCESS(load4, IN_DS, DOWN, 0x7ff, 0x10, GP),
	ACCESS(load4, IN_DS, DOWN, 0x7ff, 0x12345, 0),
	ACCESS(store4, IN_DS, DOWN, 0x7ff, 0xfffc, 0, .small = true),
	ACCESS(store4, IN_DS, DOWN, 0x7ff, 0xfffd, GP, .small = true),
	ACCESS(load4, IN_DS, DOWN, 0x7ff, 0x10000, GP, .small = true),
	/* Rights. */
	ACCESS(load4, IN_DS, READ_ONLY, 0xfff, 0, 0),
	ACCESS(cmp4, IN_DS, READ_ONLY, 0xfff, 0, 0),
	ACCESS(store4, IN_DS, READ_ONLY, 0xfff, 0, GP),
	ACCESS(add4, IN_DS, READ_ONLY, 0xfff, 0, GP),
	ACCESS(stos4, IN_ES, READ_ONLY, 0xfff, 0, GP),
	ACCESS(load4, IN_DS, CODE, 0xfff, 0, 0),
	ACCESS(store4, IN_DS, CODE, 0xfff, 0, GP),
	ACCESS(load4, IN_DS, EXECUTE_ONLY, 0xfff, 0, GP),
	ACCESS(cs_load4, IN_CS, CODE, 0xffffffff, MMIO, 0),
	ACCESS(cs_store4, IN_CS, CODE, 0xffffffff, MMIO, GP),
	/* No segment. */
	ACCESS(load4, IN_DS, DATA, 0xfff, 0, GP, .absent = true),
	ACCESS(store4, IN_DS, DATA, 0xfff, 0, GP, .absent = true),
	ACCESS(null_load, IN_DS, DATA, 0xfff, MMIO, GP),
	ACCESS(null_store, IN_DS, DATA, 0xfff, MMIO, GP),
	ACCESS(null_es, IN_ES, DATA, 0xfff, MMIO, GP),
	/* The stack has an exception of its own. */
	ACCESS(stack_load4, IN_SS, DATA, 0xfff, 0xffc, 0),
	ACCESS(stack_load4, IN_SS, DATA, 0xfff, 0xffd, SS),
	ACCESS(stack_store4, IN_SS, DATA, 0x7ff, 0x7fc, 0),
	ACCESS(stack_store4, IN_SS, DATA, 0x7ff, 0x800, SS),
	/* Strings go as far as they can. */
	ACCESS(rep_stos, IN_ES, DATA, 0x7ff, 0x7f8, 0, .count = 8),
	ACCESS(rep_stos, IN_ES, DATA, 0x7ff, 0x7f8, GP, .count = 9),
	ACCESS(rep_stos, IN_ES, DATA, 0x7ff, 0x7f8, GP, .count = 100),
	/* From code of 16 bits. */
	ACCESS(store4_16, IN_DS, DATA, 0x7ff, 0x7fc, 0, .small = true, .code16 = true),
	ACCESS(store4_16, IN_DS, DATA, 0x7ff, 0x7fd, GP, .small = true, .code16 = true),
	ACCESS(store4_16, IN_DS, DOWN, 0x7ff, 0x800, 0, .small = true, .code16 = true),
	ACCESS(store4_16, IN_DS, DOWN, 0x7ff, 0x7fe, GP, .small = true, .code16 = true),
	ACCESS(store4_16, IN_DS, READ_ONLY, 0x7ff, 0, GP, .small = true, .code16 = true),
	ACCESS(load4_16, IN_DS, EXECUTE_ONLY, 0x7ff, 0, GP, .small = true, .code16 = true),
	ACCESS(load4_16, IN_DS, DATA, 0xffff, 0xfffc, 0, .small = true, .code16 = true),
	ACCESS(load4_16, IN_DS, DATA, 0xffff, 0xfffe, GP, .small = true, .code16 = true),
	ACCESS(rep_stos_16, IN_ES, DATA, 0x7ff, 0x7f8, GP,
	       .count = 9, .small = true, .code16 = true),
};

GUEST_CODE32(handlers,
	"movb $13, %al; out %al, $0xe9\n"
	".org handlers_begin + 0x10\n"
	"movb $12, %al; out %al, $0xe9\n");

FIXTURE(segments) {
	struct guest guest;
	struct vcpu *vcpu;
	uint8_t *ram;
	struct kvm_sregs sregs;
	unsigned int exits;
};

#define segments_fixture	struct _test_data_segments

FIXTURE_SETUP(segments)
{
	guest_create(&self->guest);
	self->vcpu = &self->guest.vcpu[0];
	self->ram = guest_add_memory(&self->guest, 1, RAM, 32 * PAGE, NULL, 0);
}

FIXTURE_TEARDOWN(segments)
{
	munmap(self->ram, 32 * PAGE);
	guest_destroy(&self->guest);
}

struct outcome {
	uint8_t fault;
	uint32_t error, eip, esp, ecx, edi;
	unsigned int exits;
};

static struct kvm_segment *segment_of(struct kvm_sregs *sregs, enum which which)
{
	switch (which) {
	case IN_DS:
		return &sregs->ds;
	case IN_ES:
		return &sregs->es;
	case IN_SS:
		return &sregs->ss;
	case IN_FS:
		return &sregs->fs;
	default:
		return &sregs->cs;
	}
}

/* Code stays where it is; the stack begins at 0, so that its limit alone is different. */
static uint32_t set_segment(segments_fixture *self, const struct access *access, uint32_t place)
{
	struct kvm_sregs sregs = self->sregs;
	struct kvm_segment *segment = segment_of(&sregs, access->which);
	uint32_t at = access->at;

	if (access->which == IN_SS) {
		segment->limit = place + access->limit;
		at += place;
	} else if (access->which != IN_CS) {
		segment->base = place;
		segment->limit = access->limit;
		segment->type = access->type;
		segment->db = !access->small;
		segment->g = 0;
		segment->present = !access->absent;
		segment->unusable = access->absent;
	}
	if (access->code16) {
		sregs.cs.selector = GUEST_CS16;
		sregs.cs.db = 0;
	}
	if (at == MMIO)
		at = place;
	vcpu_set_sregs(self->vcpu, &sregs);
	return at;
}

/* Runs it to the port behind it, or in a handler. */
static void finish(segments_fixture *self, const struct access *access, struct outcome *outcome)
{
	struct kvm_run *run = self->vcpu->run;

	memset(outcome, 0, sizeof(*outcome));
	while (vcpu_run(self->vcpu) == KVM_EXIT_MMIO) {
		if (!run->mmio.is_write)
			memset(run->mmio.data, 0x5a, sizeof(run->mmio.data));
		outcome->exits++;
	}
	if (run->exit_reason != KVM_EXIT_IO || run->io.port != DONE)
		kvm_die(__FILE__, __LINE__, "%s at %x: exit %s", access->name, access->at,
			kvm_exit_name(run->exit_reason));
}

static void try_access(segments_fixture *self, const struct access *access, uint32_t place,
		       struct outcome *outcome)
{
	size_t len = access->end - access->begin;
	uint8_t *code = self->guest.mem + GUEST_CODE;
	struct kvm_regs regs = { .rip = GUEST_CODE, .rsp = GUEST_STACK, .rflags = 2 };
	uint32_t *stack;

	memcpy(code, access->begin, len);
	memcpy(code + len, (uint8_t []){ 0xb0, 0, 0xe6, DONE }, 4);
	regs.rbx = set_segment(self, access, place);
	regs.rdi = regs.rbx;
	regs.rbp = regs.rbx;
	regs.rcx = access->count;
	regs.rax = 0x1234;
	vcpu_set_regs(self->vcpu, &regs);
	finish(self, access, outcome);
	outcome->fault = ((uint8_t *)self->vcpu->run)[self->vcpu->run->io.data_offset];
	vcpu_get_regs(self->vcpu, &regs);
	outcome->esp = regs.rsp;
	outcome->ecx = regs.rcx;
	outcome->edi = regs.rdi - (access->which == IN_ES ? 0 : place);
	if (!outcome->fault)
		return;
	stack = (uint32_t *)(self->guest.mem + regs.rsp);
	outcome->error = stack[0];
	outcome->eip = stack[1];
}

static bool as_it_must_be(const struct access *access, const struct outcome *outcome)
{
	/* All of an element, or nothing of it. */
	uint32_t room = access->limit + 1 - access->at;
	uint32_t done = access->fault ? room : access->count;

	if (outcome->fault != access->fault)
		return false;
	if (access->count && (outcome->ecx != access->count - done ||
			      outcome->edi != access->at + done))
		return false;
	/* Restartable, with no selector to blame, and nothing pushed but the frame. */
	return !access->fault ||
	       (!outcome->error && outcome->eip < GUEST_CODE + 8 &&
		outcome->esp == GUEST_STACK - 16);
}

/* Does the CPU look at limits? QEMU's does not. */
static bool cpu_has_limits(segments_fixture *self)
{
	struct outcome outcome;

	try_access(self, &accesses[1], RAM, &outcome);
	return outcome.fault;
}

static void set_up(segments_fixture *self)
{
	vcpu_protected_mode(&self->guest, self->vcpu);
	vcpu_get_sregs(self->vcpu, &self->sregs);
	memcpy(self->guest.mem + GUEST_CODE + 0x800, handlers_begin, handlers_end - handlers_begin);
	guest_set_idt32(&self->guest, GP, GUEST_CODE + 0x800);
	guest_set_idt32(&self->guest, SS, GUEST_CODE + 0x810);
}

TEST_F(segments, protected_mode)
{
	unsigned int i, failures = 0;
	struct outcome device, memory;
	bool limits;

	set_up(self);
	limits = cpu_has_limits(self);
	for (i = 0; i < sizeof(accesses) / sizeof(accesses[0]); i++) {
		const struct access *access = &accesses[i];

		try_access(self, access, MMIO, &device);
		if (!as_it_must_be(access, &device) ||
		    !device.exits != (access->fault && !access->count)) {
			printf("# %s, segment %u, type %u, at %x: %u, not %u; %u exits, %x left\n",
			       access->name, access->which, access->type, access->at,
			       device.fault, access->fault, device.exits, device.ecx);
			failures++;
		}
		if (!limits)
			continue;
		try_access(self, access, RAM, &memory);
		if (!as_it_must_be(access, &memory)) {
			printf("# %s, type %u, at %x: the CPU says %u\n", access->name,
			       access->type, access->at, memory.fault);
			failures++;
		}
	}
	EXPECT_EQ(0, failures);
}

/*
 * Real mode: 64 KiB from a base that is the device's (a base outlives the way into
 * protected mode and back), and no rights.
 */
GUEST_CODE16(real_accesses,
	"mov %eax, (%bx); out %al, $0xe9\n"
	".org real_accesses_begin + 0x10\n"
	"mov (%bx), %eax; out %al, $0xe9\n"
	".org real_accesses_begin + 0x20\n"
	"stosw; out %al, $0xe9\n"
	/* The handler. */
	".org real_accesses_begin + 0x80\n"
	"mov $13, %al; out %al, $0xe9\n");

static uint8_t real_access(segments_fixture *self, uint16_t entry, uint16_t at)
{
	struct kvm_regs regs = { .rip = entry, .rsp = 0x8000, .rflags = 2, .rbx = at, .rdi = at };
	static const struct access access = { .name = "real mode" };
	struct kvm_sregs sregs = self->sregs;
	uint16_t *frame = (uint16_t *)(self->guest.mem + 0x8000);
	struct outcome outcome;
	uint8_t said;

	sregs.ds.base = MMIO;
	sregs.es.base = MMIO;
	vcpu_set_sregs(self->vcpu, &sregs);
	vcpu_set_regs(self->vcpu, &regs);
	finish(self, &access, &outcome);
	said = ((uint8_t *)self->vcpu->run)[self->vcpu->run->io.data_offset];
	vcpu_get_regs(self->vcpu, &regs);
	/* No error code. */
	if (said == GP && (regs.rsp != 0x8000 - 6 || frame[-3] != entry))
		return 0xff;
	return said;
}

TEST_F(segments, real_mode)
{
	uint16_t *ivt = (uint16_t *)self->guest.mem;

	guest_load(&self->guest, real_accesses);
	vcpu_real_mode(&self->guest, self->vcpu);
	vcpu_get_sregs(self->vcpu, &self->sregs);
	ivt[2 * GP] = 0x80;
	ivt[2 * GP + 1] = GUEST_CODE >> 4;

	EXPECT_EQ(0, real_access(self, 0x00, 0xfffc));
	EXPECT_EQ(GP, real_access(self, 0x00, 0xfffd));
	EXPECT_EQ(GP, real_access(self, 0x00, 0xffff));
	EXPECT_EQ(0x5a, real_access(self, 0x10, 0xfffc));
	EXPECT_EQ(GP, real_access(self, 0x10, 0xfffe));
	EXPECT_EQ(0, real_access(self, 0x20, 0xfffe));
	EXPECT_EQ(GP, real_access(self, 0x20, 0xffff));
	/* Rights are protected mode's. */
	self->sregs.ds.type = READ_ONLY;
	EXPECT_EQ(0, real_access(self, 0x00, 0x100));
}

TEST_HARNESS_MAIN
