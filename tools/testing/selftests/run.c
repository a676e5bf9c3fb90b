// SPDX-License-Identifier: GPL-2.0
/* KVM_RUN: guests of every mode, port I/O, signals and kicks, shutdown. */
/* machine: timeout=60 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <time.h>

#include "kselftest_harness.h"
#include "kvm.h"
#include "files.h"

FIXTURE(run) {
	struct guest guest;
	struct vcpu *vcpu;
};

FIXTURE_SETUP(run)
{
	guest_create(&self->guest);
	self->vcpu = &self->guest.vcpu[0];
}

FIXTURE_TEARDOWN(run)
{
	guest_destroy(&self->guest);
}

/* The first guest: a byte to a port, then halt. */
GUEST_CODE16(first, "mov $0x5a, %al; out %al, $0x10; hlt");

TEST_F(run, real_mode)
{
	uint16_t port;

	guest_load(&self->guest, first);
	vcpu_real_mode(&self->guest, self->vcpu);
	EXPECT_EQ(0x5a, vcpu_run_out(self->vcpu, &port));
	EXPECT_EQ(0x10, port);
	vcpu_run_until(self->vcpu, KVM_EXIT_HLT);
}

/* A processor that was never given state starts at the reset vector. */
TEST_F(run, reset_vector)
{
	uint8_t *rom = guest_add_memory(&self->guest, 1, 0xfffff000, 0x1000, NULL, 0);

	memcpy(rom + 0xff0, first_begin, first_end - first_begin);
	EXPECT_EQ(0x5a, vcpu_run_out(self->vcpu, NULL));
	vcpu_run_until(self->vcpu, KVM_EXIT_HLT);
}

/* Userspace's interrupt controllers hear of each lower priority, and only of those. */
GUEST_CODE64(set_cr8,
	"mov $9, %eax; mov %rax, %cr8; mov $5, %eax; mov %rax, %cr8\n"
	"mov %rax, %cr8; mov $7, %eax; mov %rax, %cr8; out %al, $0x10\n");

TEST_F(run, set_tpr)
{
	guest_load(&self->guest, set_cr8);
	vcpu_long_mode(&self->guest, self->vcpu);
	vcpu_run_until(self->vcpu, KVM_EXIT_SET_TPR);
	EXPECT_EQ(5, self->vcpu->run->cr8);
	EXPECT_EQ(7, vcpu_run_out(self->vcpu, NULL));
	EXPECT_EQ(7, self->vcpu->run->cr8);
}

/* Sums the numbers to 100 with a stack and memory operands. */
GUEST_CODE32(sum32,
	"xor %eax, %eax; mov $100, %ecx\n"
	"1: push %ecx; add (%esp), %eax; pop %ecx; loop 1b\n"
	"mov $0x10, %dx; out %eax, %dx; hlt");

TEST_F(run, protected_mode)
{
	guest_load(&self->guest, sum32);
	vcpu_protected_mode(&self->guest, self->vcpu);
	EXPECT_EQ(5050, vcpu_run_out(self->vcpu, NULL));
	vcpu_run_until(self->vcpu, KVM_EXIT_HLT);
}

#define SECOND_TSS	0xc000

/* The CPU switches tasks by itself: nothing of it is the host's. */
GUEST_CODE32(switch_task,
	"ljmp $0x38, $0\n"
	"mov %esp, %eax; out %eax, $0x10\n"
	"jmp 2f\n"
	/* The other task, at 0x20. */
	".org switch_task_begin + 0x20\n"
	"out %eax, $0x10; ljmp $0x20, $0\n"
	"2: hlt");

TEST_F(run, task_switch)
{
	uint32_t *tss = (uint32_t *)(self->guest.mem + SECOND_TSS);

	guest_load(&self->guest, switch_task);
	vcpu_protected_mode(&self->guest, self->vcpu);
	memset(tss, 0, 0x68);
	tss[8] = GUEST_CODE + 0x20;	/* EIP, EFLAGS, EAX, ESP; then ES to GS */
	tss[9] = 2;
	tss[10] = 0x5a5a;
	tss[14] = GUEST_STACK - 0x1000;
	for (int i = 18; i < 24; i++)
		tss[i] = i == 19 ? GUEST_CS32 : GUEST_DS;
	((uint64_t *)(self->guest.mem + GUEST_GDT))[7] =
		0x0000890000000067 | (uint64_t)SECOND_TSS << 16;
	/* That of the first is busy, and free for the way back. */
	((uint64_t *)(self->guest.mem + GUEST_GDT))[4] =
		0x00008b0000000067 | (uint64_t)GUEST_TSS << 16;
	EXPECT_EQ(0x5a5a, vcpu_run_out(self->vcpu, NULL));
	EXPECT_EQ(GUEST_STACK, vcpu_run_out(self->vcpu, NULL));
	vcpu_run_until(self->vcpu, KVM_EXIT_HLT);
}

TEST_F(run, paging_with_32_bits)
{
	guest_load(&self->guest, sum32);
	vcpu_paging32(&self->guest, self->vcpu);
	EXPECT_EQ(5050, vcpu_run_out(self->vcpu, NULL));
	vcpu_run_until(self->vcpu, KVM_EXIT_HLT);
}

TEST_F(run, paging_with_pae)
{
	guest_load(&self->guest, sum32);
	vcpu_pae(&self->guest, self->vcpu);
	EXPECT_EQ(5050, vcpu_run_out(self->vcpu, NULL));
	vcpu_run_until(self->vcpu, KVM_EXIT_HLT);
}

GUEST_CODE64(sum64,
	"xor %r8, %r8; mov $100, %ecx\n"
	"1: push %rcx; add (%rsp), %r8; pop %rcx; loop 1b\n"
	"mov %r8d, %eax; mov $0x10, %dx; out %eax, %dx; hlt");

TEST_F(run, long_mode)
{
	guest_load(&self->guest, sum64);
	vcpu_long_mode(&self->guest, self->vcpu);
	EXPECT_EQ(5050, vcpu_run_out(self->vcpu, NULL));
	vcpu_run_until(self->vcpu, KVM_EXIT_HLT);
}

/* From real mode to long mode and back to 32 bits, by the guest's own hand. */
GUEST_CODE16(modes,
	"modes16:\n"
	"lgdtl %cs:(gdtr - modes16); mov %cr0, %eax; or $1, %eax; mov %eax, %cr0\n"
	"ljmpl $0x10, $0x10000 + modes32 - modes16\n"
	"gdtr: .word 0x3f; .long 0x1000\n"
	".code32\n"
	"modes32: mov $0x18, %ax; mov %ax, %ds; mov %ax, %ss; mov $0x80000, %esp\n"
	"mov $32, %al; out %al, $0x10\n"
	"mov %cr4, %eax; or $0x20, %eax; mov %eax, %cr4\n"
	"mov $0x3000, %eax; mov %eax, %cr3\n"
	"mov $0xc0000080, %ecx; rdmsr; or $0x100, %eax; wrmsr\n"
	"mov %cr0, %eax; or $0x80000000, %eax; mov %eax, %cr0\n"
	"ljmpl $0x08, $0x10000 + modes64 - modes16\n"
	".code64\n"
	"modes64: mov $64, %al; out %al, $0x10\n"
	"push $0x10; lea back(%rip), %rax; push %rax; lretq\n"
	".code32\n"
	"back: mov $33, %al; out %al, $0x10; hlt");

TEST_F(run, mode_switches)
{
	struct kvm_sregs sregs;

	guest_load(&self->guest, modes);
	/* For the tables; then back to where it begins. */
	vcpu_get_sregs(self->vcpu, &sregs);
	vcpu_long_mode(&self->guest, self->vcpu);
	vcpu_set_sregs(self->vcpu, &sregs);
	vcpu_real_mode(&self->guest, self->vcpu);

	EXPECT_EQ(32, vcpu_run_out(self->vcpu, NULL));
	EXPECT_EQ(64, vcpu_run_out(self->vcpu, NULL));
	vcpu_get_sregs(self->vcpu, &sregs);
	EXPECT_EQ(0x500, sregs.efer);
	EXPECT_EQ(1, sregs.cs.l);
	EXPECT_EQ(33, vcpu_run_out(self->vcpu, NULL));
	vcpu_get_sregs(self->vcpu, &sregs);
	EXPECT_EQ(0, sregs.cs.l);
	vcpu_run_until(self->vcpu, KVM_EXIT_HLT);
}

TEST_F(run, other_arguments_are_refused)
{
	EXPECT_EQ(-1, ioctl(self->vcpu->fd, KVM_RUN, 1));
	EXPECT_EQ(EINVAL, errno);
}

/* Port I/O */

/* IN of each size leaves of RAX what the manual says, then tells what it has. */
GUEST_CODE64(ports,
	"mov $-1, %rax; in $0x20, %al; mov %rax, %r8\n"
	"mov $-1, %rax; in $0x20, %ax; mov %rax, %r9\n"
	"mov $-1, %rax; in $0x20, %eax; mov %rax, %r10\n"
	"mov $0x12345678, %eax; mov $0xfedc, %dx\n"
	"out %al, %dx; out %ax, %dx; out %eax, %dx; hlt");

TEST_F(run, ports_of_each_size)
{
	static const uint32_t sizes[] = { 1, 2, 4 };
	static const uint32_t values[] = { 0x78, 0x5678, 0x12345678 };
	struct kvm_run *run = self->vcpu->run;
	uint32_t value = 0xa1b2c3d4;
	struct kvm_regs regs;
	uint16_t port;
	int i;

	guest_load(&self->guest, ports);
	vcpu_long_mode(&self->guest, self->vcpu);
	for (i = 0; i < 3; i++) {
		vcpu_run_until(self->vcpu, KVM_EXIT_IO);
		EXPECT_EQ(KVM_EXIT_IO_IN, run->io.direction);
		EXPECT_EQ(sizes[i], run->io.size);
		EXPECT_EQ(1, run->io.count);
		EXPECT_EQ(0x20, run->io.port);
		memcpy((uint8_t *)run + run->io.data_offset, &value, sizes[i]);
	}
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(values[i], vcpu_run_out(self->vcpu, &port));
		EXPECT_EQ(sizes[i], run->io.size);
		EXPECT_EQ(0xfedc, port);
	}
	vcpu_run_until(self->vcpu, KVM_EXIT_HLT);
	vcpu_get_regs(self->vcpu, &regs);
	EXPECT_EQ(0xffffffffffffffd4, regs.r8);
	EXPECT_EQ(0xffffffffffffc3d4, regs.r9);
	EXPECT_EQ(0x00000000a1b2c3d4, regs.r10);
}

/* What userspace does to the registers in the middle of an OUT stays. */
TEST_F(run, reset_during_out)
{
	guest_load(&self->guest, first);
	vcpu_real_mode(&self->guest, self->vcpu);
	EXPECT_EQ(0x5a, vcpu_run_out(self->vcpu, NULL));
	vcpu_real_mode(&self->guest, self->vcpu);
	EXPECT_EQ(0x5a, vcpu_run_out(self->vcpu, NULL));
	vcpu_run_until(self->vcpu, KVM_EXIT_HLT);
}

/* immediate_exit */

TEST_F(run, immediate_exit_runs_nothing)
{
	guest_load(&self->guest, first);
	vcpu_real_mode(&self->guest, self->vcpu);
	self->vcpu->run->immediate_exit = 1;
	EXPECT_EQ(-1, ioctl(self->vcpu->fd, KVM_RUN, 0));
	EXPECT_EQ(EINTR, errno);
	self->vcpu->run->immediate_exit = 0;
	EXPECT_EQ(0x5a, vcpu_run_out(self->vcpu, NULL));
}

/* It still finishes what userspace has done its part of: state is whole then. */
TEST_F(run, immediate_exit_finishes_io)
{
	struct kvm_regs regs;

	guest_load(&self->guest, first);
	vcpu_real_mode(&self->guest, self->vcpu);
	vcpu_run_out(self->vcpu, NULL);
	self->vcpu->run->immediate_exit = 1;
	EXPECT_EQ(-1, ioctl(self->vcpu->fd, KVM_RUN, 0));
	EXPECT_EQ(EINTR, errno);
	vcpu_get_regs(self->vcpu, &regs);
	EXPECT_EQ(4, regs.rip);
}

/* Signals and kicks */

GUEST_CODE64(spin, "1: incq 0x100000; jmp 1b");

static void on_signal(int nr)
{
}

static void catch(int nr)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(nr, &action, NULL);
}

static uint64_t counter(struct guest *guest)
{
	return *(volatile uint64_t *)(guest->mem + 0x100000);
}

TEST_F(run, a_signal_ends_a_spinning_guest)
{
	struct itimerval soon = { .it_value.tv_usec = 50000 };

	catch(SIGALRM);
	guest_load(&self->guest, spin);
	vcpu_long_mode(&self->guest, self->vcpu);
	setitimer(ITIMER_REAL, &soon, NULL);
	EXPECT_EQ(-1, ioctl(self->vcpu->fd, KVM_RUN, 0));
	EXPECT_EQ(EINTR, errno);
	EXPECT_EQ(KVM_EXIT_INTR, self->vcpu->run->exit_reason);
	EXPECT_NE(0, counter(&self->guest));
}

/* As soon as it is asked for, also with a guest that has run; and for good. */
static void *run_to_death(void *arg)
{
	struct vcpu *vcpu = arg;

	return (void *)(long)(ioctl(vcpu->fd, KVM_RUN, NULL) ? errno : 0);
}

/* A VM that is found inconsistent stops its guests, wherever they are. */
TEST_F(run, a_dead_vm_stops_a_spinning_guest)
{
	unsigned long long value = 0;
	struct kvm_device_attr attr = { .attr = TEST_DEVICE_KILL, .addr = (unsigned long)&value };
	struct guest *guest = &self->guest;
	struct vcpu *vcpu = guest->vcpu;
	pthread_t thread;
	uint64_t before;
	void *error;
	int device;

	if (!has_test_device(guest->vm))
		SKIP(return, "no test device: not a debug build of the module");
	device = create_test_device(guest->vm);
	ASSERT_LE(0, device);
	guest_load(guest, spin);
	vcpu_long_mode(guest, vcpu);
	ASSERT_EQ(0, pthread_create(&thread, NULL, run_to_death, vcpu));
	before = counter(guest);
	while (counter(guest) == before)
		sched_yield();
	EXPECT_EQ(0, ioctl(device, KVM_SET_DEVICE_ATTR, &attr));
	pthread_join(thread, &error);
	EXPECT_EQ(EIO, (long)error);
	EXPECT_EQ(-1, ioctl(vcpu->fd, KVM_RUN, NULL));
	EXPECT_EQ(EIO, errno);
	close(device);
}

GUEST_CODE16(halts, "hlt; out %al, $0x11; 1: hlt; jmp 1b");

static void disable_exits(struct guest *guest, uint64_t exits)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X86_DISABLE_EXITS, .args = { exits } };

	kvm_ioctl_ok(guest->vm, KVM_ENABLE_CAP, &cap);
}

TEST_F(run, disable_exits)
{
	uint16_t port;

	guest_load(&self->guest, halts);
	vcpu_real_mode(&self->guest, self->vcpu);
	vcpu_run_until(self->vcpu, KVM_EXIT_HLT);
	vcpu_run_out(self->vcpu, &port);
	EXPECT_EQ(0x11, port);

	disable_exits(&self->guest, KVM_X86_DISABLE_EXITS_HLT);
	disable_exits(&self->guest, 0);
	/* Now it sleeps in the guest until something of the host's ends that. */
	catch(SIGALRM);
	alarm(1);
	EXPECT_EQ(-1, ioctl(self->vcpu->fd, KVM_RUN, 0));
	EXPECT_EQ(EINTR, errno);
}

/* Blocked outside, open in KVM_RUN: the way without a race, before immediate_exit. */
TEST_F(run, signal_mask_of_kvm_run)
{
	uint64_t none = 0;
	struct {
		struct kvm_signal_mask mask;
		uint64_t set;
	} __attribute__((packed)) run_mask = { .mask.len = sizeof(none) };
	sigset_t set;

	catch(SIGUSR1);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	memcpy(run_mask.mask.sigset, &none, sizeof(none));
	ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_SET_SIGNAL_MASK, &run_mask));

	guest_load(&self->guest, spin);
	vcpu_long_mode(&self->guest, self->vcpu);
	raise(SIGUSR1);
	EXPECT_EQ(-1, ioctl(self->vcpu->fd, KVM_RUN, 0));
	EXPECT_EQ(EINTR, errno);
	EXPECT_EQ(KVM_EXIT_INTR, self->vcpu->run->exit_reason);
	/* It is still blocked out here. */
	pthread_sigmask(SIG_SETMASK, NULL, &set);
	EXPECT_EQ(1, sigismember(&set, SIGUSR1));
}

#define ROUNDS	100000
#define SECONDS	10

struct storm {
	struct vcpu *vcpu;
	volatile int rounds;
	volatile bool over;
	int bad;
};

static void *run_in_storm(void *arg)
{
	struct storm *storm = arg;

	while (!storm->over) {
		if (ioctl(storm->vcpu->fd, KVM_RUN, 0) != -1 || errno != EINTR)
			storm->bad++;
		storm->vcpu->run->immediate_exit = 0;
		storm->rounds++;
	}
	return NULL;
}

/*
 * Every signal must end one KVM_RUN: a lost one would leave the guest spinning
 * for ever, and the test without an end.
 */
TEST_F_TIMEOUT(run, no_signal_is_lost, 50)
{
	struct storm storm = { .vcpu = self->vcpu };
	time_t end = time(NULL) + SECONDS;
	pthread_t thread;
	int seen = -1;

	catch(SIGUSR1);
	guest_load(&self->guest, spin);
	vcpu_long_mode(&self->guest, self->vcpu);
	ASSERT_EQ(0, pthread_create(&thread, NULL, run_in_storm, &storm));
	while (!storm.over) {
		if (storm.rounds == seen) {
			sched_yield();
			continue;
		}
		seen = storm.rounds;
		/* Before the last signal, which ends the thread, too. */
		storm.over = seen >= ROUNDS || time(NULL) > end;
		self->vcpu->run->immediate_exit = 1;
		pthread_kill(thread, SIGUSR1);
	}
	pthread_join(thread, NULL);
	EXPECT_EQ(0, storm.bad);
	/* On one CPU each round takes a time slice. */
	EXPECT_LT(100, storm.rounds);
}

/* Two vCPUs count up to the same number in turns. */
GUEST_CODE64(turns,
	"mov $100, %ecx\n"
	"1: mov 0x100000, %rax; mov %eax, %edx; and $1, %edx; cmp %rbx, %rdx; je 2f\n"
	"pause; jmp 1b\n"
	"2: incq 0x100000; loop 1b; hlt");

static void *run_to_halt(void *arg)
{
	vcpu_run_until(arg, KVM_EXIT_HLT);
	return NULL;
}

TEST_F_TIMEOUT(run, two_vcpus_share_memory, 50)
{
	struct vcpu *second = guest_add_vcpu(&self->guest, 1);
	struct kvm_regs regs;
	pthread_t thread;

	guest_load(&self->guest, turns);
	vcpu_long_mode(&self->guest, self->vcpu);
	vcpu_long_mode(&self->guest, second);
	vcpu_get_regs(second, &regs);
	regs.rbx = 1;
	vcpu_set_regs(second, &regs);
	ASSERT_EQ(0, pthread_create(&thread, NULL, run_to_halt, second));
	vcpu_run_until(self->vcpu, KVM_EXIT_HLT);
	pthread_join(thread, NULL);
	EXPECT_EQ(200, counter(&self->guest));
}

/* The end */

/* No IDT: the first exception becomes a double, then a triple fault. */
GUEST_CODE64(triple, "ud2");

TEST_F(run, triple_fault_is_shutdown)
{
	struct kvm_sregs sregs;

	guest_load(&self->guest, triple);
	vcpu_long_mode(&self->guest, self->vcpu);
	vcpu_get_sregs(self->vcpu, &sregs);
	sregs.idt.limit = 0;
	vcpu_set_sregs(self->vcpu, &sregs);
	vcpu_run_until(self->vcpu, KVM_EXIT_SHUTDOWN);
}

/* The stack is a device's: no exception can be delivered, and nobody can push there. */
TEST_F(run, delivery_to_a_device)
{
	struct kvm_run *run = self->vcpu->run;
	struct kvm_regs regs;

	guest_load(&self->guest, triple);
	vcpu_long_mode(&self->guest, self->vcpu);
	guest_set_idt64(&self->guest, 6, GUEST_CODE);
	vcpu_get_regs(self->vcpu, &regs);
	regs.rsp = 0x40000800;
	vcpu_set_regs(self->vcpu, &regs);
	vcpu_run_until(self->vcpu, KVM_EXIT_INTERNAL_ERROR);
	EXPECT_EQ(KVM_INTERNAL_ERROR_DELIVERY_EV, run->internal.suberror);
	EXPECT_EQ(4, run->internal.ndata);
	EXPECT_EQ(6, run->internal.data[0] & 0xff);
	EXPECT_EQ(0x40000, run->internal.data[3] >> 12);
}

/* State that no processor can be in: userspace hears of it, the host lives on. */
TEST_F(run, impossible_state_fails_entry_or_is_refused)
{
	struct kvm_sregs sregs;

	guest_load(&self->guest, sum64);
	vcpu_long_mode(&self->guest, self->vcpu);
	vcpu_get_sregs(self->vcpu, &sregs);
	sregs.cr0 |= 1ull << 40;
	if (ioctl(self->vcpu->fd, KVM_SET_SREGS, &sregs)) {
		EXPECT_EQ(EINVAL, errno);
		return;
	}
	EXPECT_EQ(0, ioctl(self->vcpu->fd, KVM_RUN, 0));
	EXPECT_EQ(KVM_EXIT_FAIL_ENTRY, self->vcpu->run->exit_reason);
}

TEST_HARNESS_MAIN
