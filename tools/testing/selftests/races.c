// SPDX-License-Identifier: GPL-2.0
/*
 * Signals and kicks that meet KVM_RUN at any point, very often. A lost one leaves the
 * guest spinning or asleep, and the test without an end.
 */
/* machine: smp=2 timeout=400 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "irq.h"
#include "kvm.h"

/*
 * Of signals half of it to each guest; a fifth of it of kicks, which take turns between
 * two threads. The debug kernel is slower by more than ten times.
 */
#define ROUNDS		100000
#define DEBUG_ROUNDS	4000

#define COUNTER		0x100000	/* in guest memory */
#define VECTOR		0x51

static int nr_rounds(void)
{
	return access("/proc/lockdep_stats", F_OK) ? ROUNDS : DEBUG_ROUNDS;
}

/* Signals */

struct signals {
	struct guest guest;
	timer_t timer;
	sigset_t set;
};

/* As VMMs do: blocked, but not in KVM_RUN. The timer's interrupt may find the guest running. */
static void signals_create(struct signals *s)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct {
		struct kvm_signal_mask head;
		unsigned char set[8];
	} mask = { .head.len = 8 };

	guest_create(&s->guest);
	sigemptyset(&s->set);
	sigaddset(&s->set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &s->set, NULL);
	kvm_ioctl_ok(s->guest.vcpu[0].fd, KVM_SET_SIGNAL_MASK, &mask);
	kvm_must(timer_create(CLOCK_MONOTONIC, &event, &s->timer), "timer", __FILE__, __LINE__);
}

static void signals_destroy(struct signals *s)
{
	timer_delete(s->timer);
	guest_destroy(&s->guest);
}

/* A signal some time from now, and KVM_RUN until it comes. */
static bool signal_ends_run(struct signals *s)
{
	struct itimerspec when = { .it_value.tv_nsec = 1 + rand() % 20000 };
	struct vcpu *vcpu = &s->guest.vcpu[0];
	struct timespec now = { };

	timer_settime(s->timer, 0, &when, NULL);
	if (ioctl(vcpu->fd, KVM_RUN, 0) != -1 || errno != EINTR ||
	    vcpu->run->exit_reason != KVM_EXIT_INTR)
		return false;
	/* It is still there to be taken, and comes but once. */
	return sigtimedwait(&s->set, NULL, &now) == SIGUSR1 &&
	       sigtimedwait(&s->set, NULL, &now) == -1;
}

/* One guest never leaves by itself, one all the time. */
GUEST_CODE64(spins, "1: incq 0x100000; jmp 1b");
GUEST_CODE64(exits, "1: incq 0x100000; xor %eax, %eax; cpuid; jmp 1b");

FIXTURE(signals) {
	struct signals s;
};

FIXTURE_SETUP(signals)
{
	signals_create(&self->s);
	vcpu_long_mode(&self->s.guest, &self->s.guest.vcpu[0]);
	srand(1);
}

FIXTURE_TEARDOWN(signals)
{
	signals_destroy(&self->s);
}

FIXTURE_VARIANT(signals) {
	const uint8_t *begin, *end;
};

FIXTURE_VARIANT_ADD(signals, spinning) { spins_begin, spins_end };
FIXTURE_VARIANT_ADD(signals, exiting) { exits_begin, exits_end };

static volatile uint64_t *counter(struct guest *guest)
{
	return (volatile uint64_t *)(guest->mem + COUNTER);
}

TEST_F_TIMEOUT(signals, none_is_lost, 200)
{
	int i, bad = 0, rounds = nr_rounds() / 2;

	guest_load_code(&self->s.guest, variant->begin, variant->end);
	for (i = 0; i < rounds; i++)
		bad += !signal_ends_run(&self->s);
	EXPECT_EQ(0, bad);
	/* Some came before the guest, some behind its first step. */
	EXPECT_LT(0, *counter(&self->s.guest));
	TH_LOG("%d signals", rounds);
}

/* Kicks */

/* Asleep but for interrupts, each of which it counts. */
GUEST_CODE64(sleeps,
	"sti\n"
	"1: hlt; jmp 1b\n"
	".org sleeps_begin + 0x80\n"
	"incq 0x100000\n"
	"push %rax; mov $0xfee000b0, %eax; movl $0, (%rax); pop %rax\n"
	"iretq\n");

static void *run_for_ever(void *arg)
{
	struct vcpu *vcpu = arg;

	/* Until the VM's owner says otherwise. */
	while (!ioctl(vcpu->fd, KVM_RUN, 0) || errno == EINTR)
		if (vcpu->run->immediate_exit)
			return NULL;
	return vcpu;
}

static void on_signal(int signal)
{
}

FIXTURE(kicks) {
	struct guest guest;
};

FIXTURE_SETUP(kicks)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct vcpu *vcpu;

	sigaction(SIGUSR1, &action, NULL);
	guest_create_vm(&self->guest, GUEST_MEM);
	kvm_ioctl_ok(self->guest.vm, KVM_CREATE_IRQCHIP, 0);
	vcpu = guest_add_vcpu(&self->guest, 0);
	lapic_enable(vcpu->fd);
	guest_load(&self->guest, sleeps);
	vcpu_long_mode(&self->guest, vcpu);
	guest_set_idt64(&self->guest, VECTOR, GUEST_CODE + 0x80);
	srand(1);
}

FIXTURE_TEARDOWN(kicks)
{
	guest_destroy(&self->guest);
}

/*
 * An interrupt when the last one has been counted, and some time after: the vCPU is
 * in the guest, leaves it, polls, goes to sleep or sleeps.
 */
TEST_F_TIMEOUT(kicks, every_one_wakes, 200)
{
	struct vcpu *vcpu = &self->guest.vcpu[0];
	int i, rounds = nr_rounds() / 5;
	volatile int wait;
	pthread_t thread;
	void *failed;

	ASSERT_EQ(0, pthread_create(&thread, NULL, run_for_ever, vcpu));
	for (i = 0; i < rounds; i++) {
		ASSERT_LT(0, signal_msi(self->guest.vm, 0, VECTOR));
		while (*counter(&self->guest) == i)
			sched_yield();
		ASSERT_EQ(i + 1, *counter(&self->guest));
		for (wait = rand() % 1024; wait > 0; wait--)
			;
	}
	vcpu->run->immediate_exit = 1;
	pthread_kill(thread, SIGUSR1);
	pthread_join(thread, &failed);
	EXPECT_EQ(NULL, failed);
	TH_LOG("%d kicks", rounds);
}

TEST_HARNESS_MAIN
