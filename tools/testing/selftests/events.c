// SPDX-License-Identifier: GPL-2.0
/* Exceptions, NMIs and interrupts on their way into the guest; debugging. */
/* machine: timeout=60 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kselftest_harness.h"
#include "kvm.h"

#define UD	6
#define DF	8
#define GP	13
#define PF	14
#define DB	1
#define BP	3
#define NMI	2

FIXTURE(events) {
	struct guest guest;
	struct vcpu *vcpu;
};

FIXTURE_SETUP(events)
{
	guest_create(&self->guest);
	self->vcpu = &self->guest.vcpu[0];
}

FIXTURE_TEARDOWN(events)
{
	guest_destroy(&self->guest);
}

/* Where a label of the guest's code stands in the guest. */
#define AT(name, label)	(GUEST_CODE + (label - name##_begin))

/* Exceptions */

extern const uint8_t faults_ud[], faults_gp[], faults_pf[];

/* Three faults in a row; each handler tells its vector, error code, RIP and CR2. */
GUEST_CODE64(faults,
	".globl faults_ud, faults_gp, faults_pf\n"
	"ud2\n"
	"mov $0x1234, %ax; mov %ax, %ds\n"		/* beyond the GDT: #GP */
	"mov $0x8000000000, %rax; mov (%rax), %al\n"	/* not mapped: #PF */
	"xor %eax, %eax; vmrun %rax\n"			/* #UD in every guest */
	"hlt\n"
	"faults_ud: mov $6, %al; out %al, $0x10; mov (%rsp), %eax; out %eax, $0x11\n"
	"cmpw $0x0b0f, (%rax); je 1f; incq (%rsp)\n"	/* VMRUN is one longer */
	"1: addq $2, (%rsp); iretq\n"
	"faults_gp: mov $13, %al; out %al, $0x10; pop %rax; out %eax, $0x11\n"
	"addq $2, (%rsp); iretq\n"
	"faults_pf: mov $14, %al; out %al, $0x10; pop %rax; out %eax, $0x11\n"
	"mov %cr2, %rax; shr $32, %rax; out %eax, $0x12; addq $2, (%rsp); iretq");

TEST_F(events, faults_reach_the_guest)
{
	guest_load(&self->guest, faults);
	vcpu_long_mode(&self->guest, self->vcpu);
	guest_set_idt64(&self->guest, UD, AT(faults, faults_ud));
	guest_set_idt64(&self->guest, GP, AT(faults, faults_gp));
	guest_set_idt64(&self->guest, PF, AT(faults, faults_pf));

	EXPECT_EQ(UD, vcpu_run_out(self->vcpu, NULL));
	EXPECT_EQ(GUEST_CODE, vcpu_run_out(self->vcpu, NULL));
	EXPECT_EQ(GP, vcpu_run_out(self->vcpu, NULL));
	EXPECT_EQ(0x1234, vcpu_run_out(self->vcpu, NULL));
	EXPECT_EQ(PF, vcpu_run_out(self->vcpu, NULL));
	EXPECT_EQ(0, vcpu_run_out(self->vcpu, NULL));
	EXPECT_EQ(0x80, vcpu_run_out(self->vcpu, NULL));
	EXPECT_EQ(UD, vcpu_run_out(self->vcpu, NULL));
	EXPECT_LT(GUEST_CODE, vcpu_run_out(self->vcpu, NULL));
	vcpu_run_until(self->vcpu, KVM_EXIT_HLT);
}

/* NMIs */

extern const uint8_t nmi_handler[];

/* Waits for three NMIs; the handler tells of its begin and of its end. */
GUEST_CODE64(nmi,
	".globl nmi_handler\n"
	"xor %ebx, %ebx; mov $1, %al; out %al, $0x10\n"
	"1: cmp $3, %ebx; jne 1b; hlt\n"
	"nmi_handler: inc %ebx; mov $2, %al; out %al, $0x10\n"
	"mov $3, %al; out %al, $0x10; iretq");

TEST_F(events, nmi_waits_for_the_end_of_the_handler)
{
	struct kvm_regs regs;

	guest_load(&self->guest, nmi);
	vcpu_long_mode(&self->guest, self->vcpu);
	guest_set_idt64(&self->guest, NMI, AT(nmi, nmi_handler));

	EXPECT_EQ(1, vcpu_run_out(self->vcpu, NULL));
	kvm_ioctl_ok(self->vcpu->fd, KVM_NMI, 0);
	EXPECT_EQ(2, vcpu_run_out(self->vcpu, NULL));
	/* Inside the handler: two more, of which one waits behind the other. */
	kvm_ioctl_ok(self->vcpu->fd, KVM_NMI, 0);
	kvm_ioctl_ok(self->vcpu->fd, KVM_NMI, 0);
	EXPECT_EQ(3, vcpu_run_out(self->vcpu, NULL));
	vcpu_get_regs(self->vcpu, &regs);
	EXPECT_EQ(1, regs.rbx);
	EXPECT_EQ(2, vcpu_run_out(self->vcpu, NULL));
	EXPECT_EQ(3, vcpu_run_out(self->vcpu, NULL));
	EXPECT_EQ(2, vcpu_run_out(self->vcpu, NULL));
	EXPECT_EQ(3, vcpu_run_out(self->vcpu, NULL));
	vcpu_run_until(self->vcpu, KVM_EXIT_HLT);
	vcpu_get_regs(self->vcpu, &regs);
	EXPECT_EQ(3, regs.rbx);
	/* No step of ours has been left in the guest. */
	EXPECT_EQ(0, regs.rflags & 0x100);
}

/* Whatever else makes the backend think its intercepts over, the NMI stays masked. */
TEST_F(events, nmi_mask_survives_other_intercepts)
{
	struct kvm_guest_debug debug = { .control = KVM_GUESTDBG_ENABLE };
	struct kvm_regs regs;
	int i;

	guest_load(&self->guest, nmi);
	vcpu_long_mode(&self->guest, self->vcpu);
	guest_set_idt64(&self->guest, NMI, AT(nmi, nmi_handler));

	EXPECT_EQ(1, vcpu_run_out(self->vcpu, NULL));
	for (i = 0; i < 3; i++) {
		kvm_ioctl_ok(self->vcpu->fd, KVM_NMI, 0);
		EXPECT_EQ(2, vcpu_run_out(self->vcpu, NULL));
		kvm_ioctl_ok(self->vcpu->fd, KVM_SET_GUEST_DEBUG, &debug);
		EXPECT_EQ(3, vcpu_run_out(self->vcpu, NULL));
	}
	vcpu_run_until(self->vcpu, KVM_EXIT_HLT);
	vcpu_get_regs(self->vcpu, &regs);
	EXPECT_EQ(3, regs.rbx);
}

/* Interrupts, from userspace's controllers */

extern const uint8_t irq_handler[], irq_open[];

GUEST_CODE64(irq,
	".globl irq_handler, irq_open\n"
	"mov $1, %al; out %al, $0x10\n"
	"sti; nop; irq_open: nop; 1: cmp $0, %ebx; je 1b; cli; hlt\n"
	"irq_handler: inc %ebx; mov $2, %al; out %al, $0x10; iretq");

TEST_F(events, interrupt_waits_for_sti)
{
	struct kvm_interrupt interrupt = { .irq = 0x40 };

	guest_load(&self->guest, irq);
	vcpu_long_mode(&self->guest, self->vcpu);
	guest_set_idt64(&self->guest, 0x40, AT(irq, irq_handler));

	EXPECT_EQ(1, vcpu_run_out(self->vcpu, NULL));
	EXPECT_EQ(0, self->vcpu->run->if_flag);
	EXPECT_EQ(0, self->vcpu->run->ready_for_interrupt_injection);
	kvm_ioctl_ok(self->vcpu->fd, KVM_INTERRUPT, &interrupt);
	EXPECT_EQ(-1, ioctl(self->vcpu->fd, KVM_INTERRUPT, &interrupt));
	EXPECT_EQ(EEXIST, errno);
	EXPECT_EQ(2, vcpu_run_out(self->vcpu, NULL));
	vcpu_run_until(self->vcpu, KVM_EXIT_HLT);
}

TEST_F(events, vectors_end_at_255)
{
	struct kvm_interrupt interrupt = { .irq = 256 };

	EXPECT_EQ(-1, ioctl(self->vcpu->fd, KVM_INTERRUPT, &interrupt));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(events, irq_window_opens_behind_sti)
{
	struct kvm_interrupt interrupt = { .irq = 0x40 };
	struct kvm_regs regs;

	guest_load(&self->guest, irq);
	vcpu_long_mode(&self->guest, self->vcpu);
	guest_set_idt64(&self->guest, 0x40, AT(irq, irq_handler));

	EXPECT_EQ(1, vcpu_run_out(self->vcpu, NULL));
	self->vcpu->run->request_interrupt_window = 1;
	vcpu_run_until(self->vcpu, KVM_EXIT_IRQ_WINDOW_OPEN);
	EXPECT_EQ(1, self->vcpu->run->if_flag);
	EXPECT_EQ(1, self->vcpu->run->ready_for_interrupt_injection);
	/* At once, and not when the guest leaves for another reason. */
	vcpu_get_regs(self->vcpu, &regs);
	EXPECT_GE(AT(irq, irq_open), regs.rip);
	self->vcpu->run->request_interrupt_window = 0;
	kvm_ioctl_ok(self->vcpu->fd, KVM_INTERRUPT, &interrupt);
	EXPECT_EQ(2, vcpu_run_out(self->vcpu, NULL));
	vcpu_run_until(self->vcpu, KVM_EXIT_HLT);
}

/* Debugging by userspace */

static void guest_debug(struct vcpu *vcpu, uint32_t control, uint64_t dr0, uint64_t dr7)
{
	struct kvm_guest_debug debug = {
		.control = KVM_GUESTDBG_ENABLE | control,
		.arch.debugreg = { [0] = dr0, [7] = dr7 },
	};

	kvm_ioctl_ok(vcpu->fd, KVM_SET_GUEST_DEBUG, &debug);
}

GUEST_CODE64(steps, "nop; nop; mov $1, %eax; out %al, $0x10; nop; hlt");

TEST_F(events, single_step)
{
	static const int offsets[] = { 1, 2, 7 };
	struct kvm_run *run = self->vcpu->run;
	struct kvm_regs regs;
	int i;

	guest_load(&self->guest, steps);
	vcpu_long_mode(&self->guest, self->vcpu);
	guest_debug(self->vcpu, KVM_GUESTDBG_SINGLESTEP, 0, 0);
	for (i = 0; i < 3; i++) {
		vcpu_run_until(self->vcpu, KVM_EXIT_DEBUG);
		EXPECT_EQ(DB, run->debug.arch.exception);
		EXPECT_EQ(GUEST_CODE + offsets[i], run->debug.arch.pc);
		EXPECT_EQ(1 << 14, run->debug.arch.dr6 & (1 << 14));
	}
	/* What userspace emulates is one step, too. */
	EXPECT_EQ(1, vcpu_run_out(self->vcpu, NULL));
	vcpu_run_until(self->vcpu, KVM_EXIT_DEBUG);
	EXPECT_EQ(GUEST_CODE + 9, run->debug.arch.pc);
	vcpu_get_regs(self->vcpu, &regs);
	EXPECT_EQ(0, regs.rflags & 0x100);
}

TEST_F(events, software_breakpoint)
{
	struct kvm_run *run = self->vcpu->run;

	guest_load(&self->guest, steps);
	self->guest.mem[GUEST_CODE + 1] = 0xcc;
	vcpu_long_mode(&self->guest, self->vcpu);
	guest_debug(self->vcpu, KVM_GUESTDBG_USE_SW_BP, 0, 0);
	if (guest_is_emulated())
		SKIP(return, "the emulator takes INT3 for INT n");
	vcpu_run_until(self->vcpu, KVM_EXIT_DEBUG);
	EXPECT_EQ(BP, run->debug.arch.exception);
	EXPECT_EQ(GUEST_CODE + 1, run->debug.arch.pc);
	self->guest.mem[GUEST_CODE + 1] = 0x90;
	EXPECT_EQ(1, vcpu_run_out(self->vcpu, NULL));
}

TEST_F(events, hardware_breakpoint)
{
	struct kvm_run *run = self->vcpu->run;

	guest_load(&self->guest, steps);
	vcpu_long_mode(&self->guest, self->vcpu);
	guest_debug(self->vcpu, KVM_GUESTDBG_USE_HW_BP, GUEST_CODE + 2, 0x402);
	if (guest_is_emulated())
		SKIP(return, "the emulator arms no breakpoint at VMRUN");
	vcpu_run_until(self->vcpu, KVM_EXIT_DEBUG);
	EXPECT_EQ(DB, run->debug.arch.exception);
	EXPECT_EQ(GUEST_CODE + 2, run->debug.arch.pc);
	EXPECT_EQ(1, run->debug.arch.dr6 & 1);
	guest_debug(self->vcpu, 0, 0, 0);
	EXPECT_EQ(1, vcpu_run_out(self->vcpu, NULL));
}

TEST_F(events, unknown_debug_flags_are_refused)
{
	struct kvm_guest_debug debug = { .control = 1u << 31 };

	EXPECT_EQ(-1, ioctl(self->vcpu->fd, KVM_SET_GUEST_DEBUG, &debug));
	EXPECT_EQ(EINVAL, errno);
}

/* The guest's own debug registers */

extern const uint8_t own_db[];

/* A breakpoint that the guest sets for itself; exits come in between. */
GUEST_CODE64(own,
	".globl own_db\n"
	"lea 1f(%rip), %rax; mov %rax, %dr0; mov $0x402, %eax; mov %rax, %dr7\n"
	"mov $1, %al; out %al, $0x10\n"
	"1: nop; mov $3, %al; out %al, $0x10; mov %dr0, %rax; hlt\n"
	"own_db: mov $2, %al; out %al, $0x10\n"
	"mov %dr6, %rax; out %eax, $0x11; xor %eax, %eax; mov %rax, %dr7; iretq");

TEST_F(events, the_guests_own_breakpoint)
{
	struct kvm_regs regs;

	guest_load(&self->guest, own);
	vcpu_long_mode(&self->guest, self->vcpu);
	guest_set_idt64(&self->guest, DB, AT(own, own_db));
	EXPECT_EQ(1, vcpu_run_out(self->vcpu, NULL));
	EXPECT_EQ(2, vcpu_run_out(self->vcpu, NULL));
	EXPECT_EQ(1, vcpu_run_out(self->vcpu, NULL) & 0xf);
	EXPECT_EQ(3, vcpu_run_out(self->vcpu, NULL));
	vcpu_run_until(self->vcpu, KVM_EXIT_HLT);
	vcpu_get_regs(self->vcpu, &regs);
	EXPECT_EQ(GUEST_CODE, regs.rax & ~0xffull);
}

/* TF set by the guest steps over instructions that exit, too. */
extern const uint8_t tf_db[];

GUEST_CODE64(tf,
	".globl tf_db\n"
	"pushf; orl $0x100, (%rsp); popf; nop; vmmcall; nop\n"
	"pushf; andl $~0x100, (%rsp); popf; mov %ebx, %eax; out %eax, $0x10; hlt\n"
	"tf_db: inc %ebx; iretq");

TEST_F(events, the_guests_own_single_step)
{
	guest_load(&self->guest, tf);
	vcpu_long_mode(&self->guest, self->vcpu);
	guest_set_idt64(&self->guest, DB, AT(tf, tf_db));
	/* nop, vmmcall, nop, pushf, and, popf. */
	EXPECT_EQ(6, vcpu_run_out(self->vcpu, NULL));
}

TEST_HARNESS_MAIN
