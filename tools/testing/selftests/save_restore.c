// SPDX-License-Identifier: GPL-2.0
/*
 * A guest is stopped at random points, and each time all of its state goes to a
 * fresh VM, where it continues. Its result is that of a guest that nobody stopped.
 */
/* machine: timeout=300 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "kselftest_harness.h"
#include "kvm.h"

#define MOVES		300
#define ROUNDS		3000000UL
#define DATA		0x100000	/* in guest memory, a page that it scrambles */
#define MAX_MSRS	200

#define CR4_OSFXSR	(1UL << 9)
#define CR4_OSXMMEXCPT	(1UL << 10)

#define MSR_TSC		0x10

/*
 * A hash of many registers, flags, vector registers and memory. RCX counts down;
 * a carry is taken over from round to round in the flags alone.
 */
GUEST_CODE64(work,
	"1:\n"
	"lea -1(%rcx), %rcx\n"
	"adc %r8, %rax\n"
	"pushfq\n"
	"mov %rax, %r10\n rol $13, %r10\n xor %r10, %rbx\n"
	"mov %rbx, %r11\n and $0xff8, %r11\n"
	"add %rax, (%rdi,%r11)\n xor (%rdi,%r11), %rdx\n"
	"movq %rdx, %xmm0\n paddq %xmm0, %xmm1\n pxor %xmm1, %xmm7\n psrlq $3, %xmm7\n"
	"paddq %xmm7, %xmm15\n"
	"swapgs\n rdgsbase %r12\n add %rdx, %r13\n xor %r12, %r13\n swapgs\n"
	"mov %r13, %r14\n lea 7(%r9,%r14,2), %r9\n"
	"jrcxz 2f\n"
	"popfq\n"
	"jmp 1b\n"
	"2: popfq\n"
	"movq %xmm15, %rsi\n"
	"out %al, $0x10\n");

struct state {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_xsave xsave;
	struct kvm_xcrs xcrs;
	struct kvm_vcpu_events events;
	struct kvm_debugregs debugregs;
	struct kvm_mp_state mp_state;
	struct {
		struct kvm_msrs header;
		struct kvm_msr_entry entries[MAX_MSRS];
	} msrs;
};

FIXTURE(move) {
	struct guest guest;
	struct kvm_cpuid2 *cpuid;
	struct kvm_msr_list *list;
};

static void on_alarm(int signal)
{
}

FIXTURE_SETUP(move)
{
	struct sigaction action = { .sa_handler = on_alarm };

	sigaction(SIGALRM, &action, NULL);
	self->cpuid = calloc(1, sizeof(*self->cpuid) + 256 * sizeof(self->cpuid->entries[0]));
	self->list = calloc(1, sizeof(*self->list) + MAX_MSRS * sizeof(__u32));
	guest_create(&self->guest);
	self->cpuid->nent = 256;
	kvm_ioctl_ok(self->guest.kvm, KVM_GET_SUPPORTED_CPUID, self->cpuid);
	self->list->nmsrs = MAX_MSRS;
	kvm_ioctl_ok(self->guest.kvm, KVM_GET_MSR_INDEX_LIST, self->list);
}

FIXTURE_TEARDOWN(move)
{
	guest_destroy(&self->guest);
	free(self->cpuid);
	free(self->list);
}

static void start(struct guest *guest, struct kvm_cpuid2 *cpuid)
{
	struct vcpu *vcpu = &guest->vcpu[0];
	struct {
		struct kvm_msrs header;
		struct kvm_msr_entry entry;
	} msr = { .header.nmsrs = 1, .entry = { .index = 0xc0000102, .data = 0x123456789abc } };
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	kvm_ioctl_ok(vcpu->fd, KVM_SET_CPUID2, cpuid);
	guest_load(guest, work);
	vcpu_long_mode(guest, vcpu);
	vcpu_get_sregs(vcpu, &sregs);
	sregs.cr4 |= CR4_OSFXSR | CR4_OSXMMEXCPT | 1UL << 16;	/* and FSGSBASE */
	sregs.gs.base = 0x4ba987654321;
	vcpu_set_sregs(vcpu, &sregs);
	kvm_ioctl_ok(vcpu->fd, KVM_SET_MSRS, &msr);
	vcpu_get_regs(vcpu, &regs);
	regs.rax = 1;
	regs.rbx = 2;
	regs.rcx = ROUNDS;
	regs.rdx = 3;
	regs.rdi = DATA;
	regs.r8 = 0x9e3779b97f4a7c15;
	regs.r9 = 4;
	regs.r13 = 5;
	vcpu_set_regs(vcpu, &regs);
}

static void save(struct vcpu *vcpu, struct kvm_msr_list *list, struct state *state)
{
	memset(state, 0, sizeof(*state));
	vcpu_get_regs(vcpu, &state->regs);
	vcpu_get_sregs(vcpu, &state->sregs);
	kvm_ioctl_ok(vcpu->fd, KVM_GET_XSAVE, &state->xsave);
	kvm_ioctl_ok(vcpu->fd, KVM_GET_XCRS, &state->xcrs);
	kvm_ioctl_ok(vcpu->fd, KVM_GET_VCPU_EVENTS, &state->events);
	kvm_ioctl_ok(vcpu->fd, KVM_GET_DEBUGREGS, &state->debugregs);
	kvm_ioctl_ok(vcpu->fd, KVM_GET_MP_STATE, &state->mp_state);
	state->msrs.header.nmsrs = list->nmsrs;
	for (unsigned int i = 0; i < list->nmsrs; i++)
		state->msrs.entries[i].index = list->indices[i];
	if (ioctl(vcpu->fd, KVM_GET_MSRS, &state->msrs) != (int)list->nmsrs)
		kvm_die(__FILE__, __LINE__, "not all MSRs were read");
}

static void restore(struct vcpu *vcpu, struct state *state)
{
	kvm_ioctl_ok(vcpu->fd, KVM_SET_XCRS, &state->xcrs);
	kvm_ioctl_ok(vcpu->fd, KVM_SET_XSAVE, &state->xsave);
	vcpu_set_sregs(vcpu, &state->sregs);
	if (ioctl(vcpu->fd, KVM_SET_MSRS, &state->msrs) != (int)state->msrs.header.nmsrs)
		kvm_die(__FILE__, __LINE__, "not all MSRs were written");
	vcpu_set_regs(vcpu, &state->regs);
	kvm_ioctl_ok(vcpu->fd, KVM_SET_DEBUGREGS, &state->debugregs);
	kvm_ioctl_ok(vcpu->fd, KVM_SET_MP_STATE, &state->mp_state);
	kvm_ioctl_ok(vcpu->fd, KVM_SET_VCPU_EVENTS, &state->events);
}

/* What was set is what is there, but for the counter that runs. */
static bool same(struct state *a, struct state *b)
{
	for (unsigned int i = 0; i < a->msrs.header.nmsrs; i++)
		if (a->msrs.entries[i].index == MSR_TSC)
			b->msrs.entries[i].data = a->msrs.entries[i].data;
	return !memcmp(a, b, sizeof(*a));
}

/* Runs for a random time; true at the guest's end. */
static bool run_a_while(struct vcpu *vcpu, bool stop)
{
	struct itimerval timer = { .it_value.tv_usec = 1 + rand() % 3000,
				   .it_interval.tv_usec = 1000 };
	int r;

	if (stop)
		setitimer(ITIMER_REAL, &timer, NULL);
	r = ioctl(vcpu->fd, KVM_RUN, 0);
	memset(&timer, 0, sizeof(timer));
	setitimer(ITIMER_REAL, &timer, NULL);
	if (!r && vcpu->run->exit_reason == KVM_EXIT_IO)
		return true;
	if (r != -1 || errno != EINTR)
		kvm_die(__FILE__, __LINE__, "KVM_RUN: %d, exit %u", r, vcpu->run->exit_reason);
	return false;
}

static void move(struct guest *guest, struct kvm_cpuid2 *cpuid, struct state *state)
{
	struct guest fresh;

	guest_create(&fresh);
	memcpy(fresh.mem, guest->mem, guest->size);
	guest_destroy(guest);
	*guest = fresh;
	kvm_ioctl_ok(guest->vcpu[0].fd, KVM_SET_CPUID2, cpuid);
	restore(&guest->vcpu[0], state);
}

TEST_F_TIMEOUT(move, random_points, 280)
{
	static struct state state, again;
	struct kvm_regs expected, got;
	unsigned char page[4096];
	int moves = 0;

	start(&self->guest, self->cpuid);
	ASSERT_TRUE(run_a_while(&self->guest.vcpu[0], false));
	vcpu_get_regs(&self->guest.vcpu[0], &expected);
	EXPECT_EQ(expected.rcx, 0);
	memcpy(page, self->guest.mem + DATA, sizeof(page));

	/* As often as it takes: how far a guest gets between stops, nobody knows. */
	while (moves < MOVES) {
		guest_destroy(&self->guest);
		guest_create(&self->guest);
		start(&self->guest, self->cpuid);
		while (!run_a_while(&self->guest.vcpu[0], moves < MOVES)) {
			save(&self->guest.vcpu[0], self->list, &state);
			move(&self->guest, self->cpuid, &state);
			save(&self->guest.vcpu[0], self->list, &again);
			ASSERT_TRUE(same(&state, &again));
			moves++;
		}
		vcpu_get_regs(&self->guest.vcpu[0], &got);
		ASSERT_EQ(memcmp(&expected, &got, sizeof(got)), 0);
		ASSERT_EQ(memcmp(page, self->guest.mem + DATA, sizeof(page)), 0);
	}
	TH_LOG("%d moves", moves);
}

TEST_HARNESS_MAIN
