// SPDX-License-Identifier: GPL-2.0
/* INS and OUTS to userspace, and instructions whose length the CPU does not tell. */
/* machine: timeout=60 */
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "kvm.h"

#define BUFFER	0x100f00u	/* near the end of a page */
#define PORT	0x1f0

FIXTURE(string_io) {
	struct guest guest;
	struct vcpu *vcpu;
	struct kvm_run *run;
	uint8_t data[16384];
	unsigned int exits;
};

FIXTURE_SETUP(string_io)
{
	unsigned int i;

	guest_create(&self->guest);
	self->vcpu = &self->guest.vcpu[0];
	self->run = self->vcpu->run;
	for (i = 0; i < sizeof(self->data); i++)
		self->data[i] = i * 7 + i / 256;
}

FIXTURE_TEARDOWN(string_io)
{
	guest_destroy(&self->guest);
}

#define string_io_fixture	struct _test_data_string_io

/* All that goes through PORT until the guest halts: from, or to, @data. */
static unsigned int transfer(string_io_fixture *self, uint8_t *data, size_t max)
{
	struct kvm_run *run = self->run;
	unsigned int n, done = 0;
	uint8_t *page;

	while (vcpu_run(self->vcpu) == KVM_EXIT_IO) {
		n = run->io.size * run->io.count;
		if (run->io.port != PORT || !n || done + n > max ||
		    run->io.data_offset + n > 2 * 0x1000)
			kvm_die(__FILE__, __LINE__, "port %x, %u of %u bytes", run->io.port,
				run->io.count, run->io.size);
		page = (uint8_t *)run + run->io.data_offset;
		if (run->io.direction == KVM_EXIT_IO_OUT)
			memcpy(data + done, page, n);
		else
			memcpy(page, data + done, n);
		done += n;
		self->exits++;
	}
	if (run->exit_reason != KVM_EXIT_HLT)
		kvm_die(__FILE__, __LINE__, "exit %s, suberror %u",
			kvm_exit_name(run->exit_reason), run->internal.suberror);
	return done;
}

static void start(string_io_fixture *self, uint64_t count)
{
	struct kvm_regs regs;

	vcpu_get_regs(self->vcpu, &regs);
	regs.rsi = BUFFER;
	regs.rdi = BUFFER;
	regs.rcx = count;
	regs.rdx = PORT;
	vcpu_set_regs(self->vcpu, &regs);
}

GUEST_CODE64(outs64, "rep outsb; hlt");
GUEST_CODE64(ins64, "rep insw; hlt");
GUEST_CODE64(ins64_back, "std; rep insl; hlt");
GUEST_CODE64(outs_none, "rep outsb; hlt");

TEST_F(string_io, outs_over_several_pages)
{
	uint8_t got[sizeof(self->data)];
	struct kvm_regs regs;

	guest_load(&self->guest, outs64);
	vcpu_long_mode(&self->guest, self->vcpu);
	memcpy(self->guest.mem + BUFFER, self->data, sizeof(self->data));
	start(self, 10001);
	ASSERT_EQ(10001, transfer(self, got, sizeof(got)));
	EXPECT_EQ(0, memcmp(got, self->data, 10001));
	vcpu_get_regs(self->vcpu, &regs);
	EXPECT_EQ(0, regs.rcx);
	EXPECT_EQ(BUFFER + 10001, regs.rsi);
	/* One exit for what is in one page, a kilobyte at the most. */
	EXPECT_EQ(11, self->exits);
}

TEST_F(string_io, ins_over_several_pages)
{
	struct kvm_regs regs;

	guest_load(&self->guest, ins64);
	vcpu_long_mode(&self->guest, self->vcpu);
	start(self, 5000);
	ASSERT_EQ(10000, transfer(self, self->data, sizeof(self->data)));
	EXPECT_EQ(0, memcmp(self->guest.mem + BUFFER, self->data, 10000));
	EXPECT_EQ(0, self->guest.mem[BUFFER + 10000]);
	vcpu_get_regs(self->vcpu, &regs);
	EXPECT_EQ(0, regs.rcx);
	EXPECT_EQ(BUFFER + 10000, regs.rdi);
}

TEST_F(string_io, ins_backwards)
{
	uint32_t *mem = (uint32_t *)(self->guest.mem + BUFFER), *data = (void *)self->data;

	guest_load(&self->guest, ins64_back);
	vcpu_long_mode(&self->guest, self->vcpu);
	start(self, 3);
	ASSERT_EQ(12, transfer(self, self->data, sizeof(self->data)));
	EXPECT_EQ(data[0], mem[0]);
	EXPECT_EQ(data[1], mem[-1]);
	EXPECT_EQ(data[2], mem[-2]);
}

/* Userspace changes RCX while it is asked: what it says then holds. */
TEST_F(string_io, count_changed_meanwhile)
{
	static const struct { uint64_t from, to; } rounds[] = { { 5, 2 }, { 5, 0 }, { 2, 3000 } };
	struct kvm_regs regs;
	unsigned int i, done;

	guest_load(&self->guest, ins64);
	for (i = 0; i < 3; i++) {
		memset(self->guest.mem + BUFFER, 0, sizeof(self->data));
		vcpu_long_mode(&self->guest, self->vcpu);
		start(self, rounds[i].from);
		vcpu_run_until(self->vcpu, KVM_EXIT_IO);
		ASSERT_EQ(rounds[i].from, self->run->io.count);
		memcpy((uint8_t *)self->run + self->run->io.data_offset, self->data, 16);
		vcpu_get_regs(self->vcpu, &regs);
		regs.rcx = rounds[i].to;
		vcpu_set_regs(self->vcpu, &regs);
		done = rounds[i].from < rounds[i].to ? 2 * rounds[i].from : 2 * rounds[i].to;
		transfer(self, self->data + done, sizeof(self->data) - done);
		done = 2 * rounds[i].to;
		EXPECT_EQ(0, memcmp(self->guest.mem + BUFFER, self->data, done));
		EXPECT_EQ(0, self->guest.mem[BUFFER + done]);
		vcpu_get_regs(self->vcpu, &regs);
		EXPECT_EQ(0, regs.rcx);
		EXPECT_EQ(BUFFER + done, regs.rdi);
	}
}

TEST_F(string_io, nothing_to_do)
{
	uint8_t got[1];

	guest_load(&self->guest, outs_none);
	vcpu_long_mode(&self->guest, self->vcpu);
	start(self, 0);
	EXPECT_EQ(0, transfer(self, got, sizeof(got)));
}

/* The segment of the source can be chosen; that of the destination cannot. */
GUEST_CODE16(outs16, "mov $0x8000, %ax; mov %ax, %es; mov $0x1f0, %dx\n"
	     "mov $0xfffe, %si; mov $4, %cx; rep es outsw\n"
	     "mov $0x20, %di; mov $3, %cx; rep insb; hlt");

TEST_F(string_io, segments_of_real_mode)
{
	uint8_t *mem = self->guest.mem + 0x80000;
	struct kvm_run *run = self->run;
	uint8_t got[8];
	int i;

	guest_load(&self->guest, outs16);
	vcpu_real_mode(&self->guest, self->vcpu);
	memcpy(mem + 0xfffe, "ab", 2);
	memcpy(mem, "cdefgh", 6);
	/* SI wraps in the segment; so the exits are at least two. */
	for (i = 0; i < 8; i += run->io.size * run->io.count) {
		vcpu_run_until(self->vcpu, KVM_EXIT_IO);
		ASSERT_EQ(2, run->io.size);
		ASSERT_LE(i + 2 * run->io.count, 8);
		memcpy(got + i, (uint8_t *)run + run->io.data_offset, 2 * run->io.count);
	}
	EXPECT_EQ(0, memcmp(got, "abcdefgh", 8));
	EXPECT_EQ(3, transfer(self, self->data, 3));
	EXPECT_EQ(0, memcmp(mem + 0x20, self->data, 3));
}

/* Where there is no memory, the port's data go on as MMIO, one by one. */
TEST_F(string_io, ins_to_a_device)
{
	struct kvm_run *run = self->run;
	struct kvm_regs regs;
	int i;

	guest_load(&self->guest, ins64);
	vcpu_long_mode(&self->guest, self->vcpu);
	start(self, 2);
	vcpu_get_regs(self->vcpu, &regs);
	regs.rdi = 0x40000000;
	vcpu_set_regs(self->vcpu, &regs);
	for (i = 0; i < 2; i++) {
		vcpu_run_until(self->vcpu, KVM_EXIT_IO);
		ASSERT_EQ(1, run->io.count);
		memcpy((uint8_t *)run + run->io.data_offset, self->data + 2 * i, 2);
		vcpu_run_until(self->vcpu, KVM_EXIT_MMIO);
		EXPECT_EQ(1, run->mmio.is_write);
		EXPECT_EQ(2, run->mmio.len);
		EXPECT_EQ(0x40000000 + 2 * i, run->mmio.phys_addr);
		EXPECT_EQ(0, memcmp(run->mmio.data, self->data + 2 * i, 2));
	}
	vcpu_run_until(self->vcpu, KVM_EXIT_HLT);
}

/* Prefixes that change nothing but the length. */
GUEST_CODE64(prefixes, ".byte 0x3e, 0x66, 0x48, 0x0f, 0xa2\n .byte 0x2e, 0x3e, 0xf4\n"
	     "mov $0x5a, %al; out %al, $0x10");

TEST_F(string_io, length_with_prefixes)
{
	struct kvm_regs regs;

	guest_load(&self->guest, prefixes);
	vcpu_long_mode(&self->guest, self->vcpu);
	vcpu_run_until(self->vcpu, KVM_EXIT_HLT);
	vcpu_get_regs(self->vcpu, &regs);
	EXPECT_EQ(GUEST_CODE + 8, regs.rip);
	EXPECT_EQ(0x5a, vcpu_run_out(self->vcpu, NULL));
}

/* CR4 is checked by us: what is written comes from the register that is named. */
GUEST_CODE64(cr4, "mov %cr4, %r9; or $0x80, %r9; mov %r9, %cr4; mov %cr4, %rbx; hlt");

TEST_F(string_io, control_register)
{
	struct kvm_regs regs;

	guest_load(&self->guest, cr4);
	vcpu_long_mode(&self->guest, self->vcpu);
	vcpu_run_until(self->vcpu, KVM_EXIT_HLT);
	vcpu_get_regs(self->vcpu, &regs);
	EXPECT_EQ(0x80, regs.rbx & 0x80);
	EXPECT_EQ(regs.r9, regs.rbx);
}

static void translate(string_io_fixture *self, uint64_t la, struct kvm_translation *tr)
{
	memset(tr, 0, sizeof(*tr));
	tr->linear_address = la;
	kvm_ioctl_ok(self->vcpu->fd, KVM_TRANSLATE, tr);
}

/* A walk in each kind of page tables, none of which is marked by it. */
TEST_F(string_io, translation)
{
	uint64_t *pd = (uint64_t *)(self->guest.mem + GUEST_PD);
	struct kvm_translation tr;

	translate(self, 0x12345, &tr);
	EXPECT_EQ(0x12345, tr.physical_address);

	vcpu_paging32(&self->guest, self->vcpu);
	((uint32_t *)(self->guest.mem + GUEST_PD32))[0x40] = 0x12c00085;
	translate(self, 0x10345678, &tr);
	EXPECT_EQ(1, tr.valid);
	EXPECT_EQ(0x12f45678, tr.physical_address);
	EXPECT_EQ(0, tr.writeable);
	((uint32_t *)(self->guest.mem + GUEST_PD32))[0x40] = 0;
	translate(self, 0x10345678, &tr);
	EXPECT_EQ(0, tr.valid);
	EXPECT_EQ(~0ull, tr.physical_address);

	vcpu_pae(&self->guest, self->vcpu);
	pd[3] = 0xb003;
	((uint64_t *)(self->guest.mem + 0xb000))[5] = 0x0000000312345007;
	translate(self, 0x605678, &tr);
	EXPECT_EQ(1, tr.valid);
	EXPECT_EQ(0x312345678, tr.physical_address);
	EXPECT_EQ(0, tr.usermode);
	EXPECT_EQ(1, tr.writeable);

	vcpu_long_mode(&self->guest, self->vcpu);
	pd[3] = 0xb007;
	translate(self, 0x605678, &tr);
	EXPECT_EQ(0x312345678, tr.physical_address);
	EXPECT_EQ(1, tr.usermode);
	EXPECT_EQ(0xb007, pd[3]);
}

TEST_HARNESS_MAIN
