// SPDX-License-Identifier: GPL-2.0
/*
 * Two VMMs, each a process of its own, and one guest_memfd: the guest goes from
 * one to the other while the first is killed, or their guests talk through it.
 */
/* machine: smp=2 timeout=240 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "agent.h"
#include "files.h"
#include "gmem.h"

#define SLOT	3
#define GPA	0x40000000UL
#define SIZE	(2 * HUGE)
#define ROUNDS	12

/* Counts in (RSI), and never leaves. */
GUEST_CODE64(count,
	     "1:	incq	(%rsi)\n"
	     "	jmp	1b\n");

/*
 * Sends RCX messages to (RDI), and waits for the answer in (RSI), which is the
 * message inverted. RAX is the last message, RDX how many answers were wrong.
 */
GUEST_CODE64(ping,
	     "1:	inc	%rax\n"
	     "	mov	(%rsi), %r8\n"
	     "	mov	%rax, (%rdi)\n"
	     "2:	pause\n"
	     "	mov	(%rsi), %rbx\n"
	     "	cmp	%r8, %rbx\n"
	     "	je	2b\n"
	     "	not	%rbx\n"
	     "	cmp	%rax, %rbx\n"
	     "	je	3f\n"
	     "	inc	%rdx\n"
	     "3:	cmp	%rcx, %rax\n"
	     "	jb	1b\n"
	     "	out	%al, $0x80\n"
	     "	jmp	3b\n");

/* Answers them. RAX is the last one. */
GUEST_CODE64(pong,
	     "1:	pause\n"
	     "	mov	(%rsi), %rbx\n"
	     "	cmp	%rax, %rbx\n"
	     "	je	1b\n"
	     "	mov	%rbx, %rax\n"
	     "	not	%rbx\n"
	     "	mov	%rbx, (%rdi)\n"
	     "	jmp	1b\n");

/* A VMM with a slot that shows the memory, made here or linked from @link. */
struct vmm {
	struct agent agent;
	int vm, fd;
	uint8_t *mem;
};

static void open_vmm(struct vmm *vmm, unsigned long type, uint64_t gpa, int link, uint64_t flags)
{
	agent_create(&vmm->agent, type, 1);
	vmm->vm = vmm->agent.guest.vm;
	vmm->fd = kvm_must(link < 0 ? create_gmem(vmm->vm, SIZE, flags) :
				      link_gmem(vmm->vm, link, flags),
			   "guest_memfd", __FILE__, __LINE__);
	vmm->mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	kvm_must(set_gmem_slot(vmm->vm, SLOT, gpa, SIZE, vmm->mem, vmm->fd, 0), "slot",
		 __FILE__, __LINE__);
}

static void close_vmm(struct vmm *vmm)
{
	agent_destroy(&vmm->agent);
	munmap(vmm->mem, SIZE);
	close(vmm->fd);
}

static void set_regs(struct vmm *vmm, uint64_t rsi, uint64_t rdi, uint64_t rax, uint64_t rcx)
{
	struct kvm_regs regs = {
		.rip = GUEST_CODE, .rflags = 2, .rsp = GUEST_STACK,
		.rsi = rsi, .rdi = rdi, .rax = rax, .rcx = rcx,
	};

	vcpu_set_regs(&vmm->agent.guest.vcpu[0], &regs);
}

/* For ever, or until the guest is done or, in a VM that was moved, EIO. */
static int run(struct vmm *vmm)
{
	int r;

	do {
		r = ioctl(vmm->agent.guest.vcpu[0].fd, KVM_RUN, 0);
	} while (r && errno == EINTR);
	return r ? errno : 0;
}

/* What a page holds is its offset, but for the counter in the first one. */
static uint64_t stamp(uint64_t offset)
{
	return offset ?: 1;
}

/* The old VMM: all of its memory private, written by the guest, which then counts on. */
static void old_vmm(int sock)
{
	struct vmm vmm;
	uint64_t offset;
	int fds[2];

	open_vmm(&vmm, KVM_X86_SW_PROTECTED_VM, GPA, -1, 0);
	if (set_private(vmm.vm, GPA, SIZE, true))
		_exit(1);
	for (offset = 0; offset < SIZE; offset += PAGE)
		agent_store(&vmm.agent, GPA + offset, stamp(offset));
	fds[0] = vmm.vm;
	fds[1] = vmm.fd;
	if (send_fds(sock, fds, 2))
		_exit(2);
	guest_load(&vmm.agent.guest, count);
	set_regs(&vmm, GPA, 0, 0, 0);
	_exit(run(&vmm) == EIO ? 0 : 3);
}

FIXTURE(upgrade) {
	struct vmm next;
	pid_t pid;	/* of the old VMM */
	int fds[2];	/* its VM, and its memory */
};

FIXTURE_SETUP(upgrade)
{
	int socks[2];

	ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, socks), 0);
	self->pid = fork();
	if (!self->pid)
		old_vmm(socks[1]);
	ASSERT_EQ(recv_fds(socks[0], self->fds, 2), 0);
	close(socks[0]);
	close(socks[1]);
	open_vmm(&self->next, KVM_X86_SW_PROTECTED_VM, GPA, self->fds[1], 0);
}

FIXTURE_TEARDOWN(upgrade)
{
	close_vmm(&self->next);
}

static int kill_and_wait(pid_t pid)
{
	int status = -1;

	kill(pid, SIGKILL);
	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) ? 0 : -1;
}

/* Until the vCPU pauses, as all of them do when they are killed. */
static int move_when_idle(int to, int from)
{
	while (move_vm(to, from))
		if (errno != EBUSY)
			return -1;
	return 0;
}

#define EXPECT_ALL_THERE(vmm) do {						\
	uint64_t __offset;							\
	EXPECT_GE(agent_load(&(vmm)->agent, GPA), stamp(0));			\
	for (__offset = PAGE; __offset < SIZE; __offset += PAGE)		\
		EXPECT_EQ(agent_load(&(vmm)->agent, GPA + __offset), stamp(__offset)); \
	EXPECT_EQ(gmem_allocate((vmm)->fd, 0, SIZE), 0);			\
} while (0)

TEST_F(upgrade, source_dies_before)
{
	struct vmm *next = &self->next;

	ASSERT_EQ(kill_and_wait(self->pid), 0);
	EXPECT_EQ(gmem_used(next->fd), SIZE);
	ASSERT_EQ(move_vm(next->vm, self->fds[0]), 0);
	close(self->fds[0]);
	close(self->fds[1]);
	EXPECT_ALL_THERE(next);
}

struct killer {
	pid_t pid;
	unsigned int delay;
};

static void *kill_later(void *arg)
{
	struct killer *killer = arg;

	usleep(killer->delay);
	kill(killer->pid, SIGKILL);
	return NULL;
}

/* Its vCPU is busy until it dies, so that the move falls into its death. */
TEST_F_TIMEOUT(upgrade, source_dies_meanwhile, 60)
{
	struct killer killer = { .pid = self->pid, .delay = 30000 };
	struct vmm *next = &self->next;
	pthread_t thread;

	/* Nobody but the process holds its VM and its memory any longer than it must. */
	close(self->fds[1]);
	EXPECT_ERROR(move_vm(next->vm, self->fds[0]), EBUSY);
	ASSERT_EQ(pthread_create(&thread, NULL, kill_later, &killer), 0);
	if (move_when_idle(next->vm, self->fds[0])) {
		/* Its file went first: what its slot showed is not known any more. */
		EXPECT_EQ(errno, EINVAL);
		EXPECT_ERROR(gmem_allocate(next->fd, 0, PAGE), EPERM);
	} else {
		EXPECT_ALL_THERE(next);
	}
	pthread_join(thread, NULL);
	ASSERT_EQ(waitpid(self->pid, NULL, 0), self->pid);
	close(self->fds[0]);
	EXPECT_EQ(gmem_used(next->fd), SIZE);
}

/* The same, with the memory's file held here, as an upgrade does: it always succeeds. */
TEST_F_TIMEOUT(upgrade, source_dies_during, 60)
{
	struct killer killer = { .pid = self->pid, .delay = 30000 };
	struct vmm *next = &self->next;
	pthread_t thread;

	ASSERT_EQ(pthread_create(&thread, NULL, kill_later, &killer), 0);
	ASSERT_EQ(move_when_idle(next->vm, self->fds[0]), 0);
	pthread_join(thread, NULL);
	EXPECT_ALL_THERE(next);
	ASSERT_EQ(waitpid(self->pid, NULL, 0), self->pid);
	close(self->fds[0]);
	close(self->fds[1]);
	EXPECT_ALL_THERE(next);
}

/* Stopped, and killed only when it has nothing any more. */
TEST_F(upgrade, source_dies_after)
{
	struct vmm *next = &self->next;

	/* A stopped process is out of KVM_RUN, in its signal stop, on its way back in. */
	kill(self->pid, SIGSTOP);
	ASSERT_EQ(waitpid(self->pid, NULL, WUNTRACED), self->pid);
	ASSERT_EQ(move_when_idle(next->vm, self->fds[0]), 0);
	EXPECT_ALL_THERE(next);
	ASSERT_EQ(kill_and_wait(self->pid), 0);
	close(self->fds[0]);
	close(self->fds[1]);
	EXPECT_ALL_THERE(next);
}

/* And if it is not killed at all, it finds itself without a VM. */
TEST_F(upgrade, source_lives)
{
	struct vmm *next = &self->next;
	int status;

	kill(self->pid, SIGSTOP);
	ASSERT_EQ(waitpid(self->pid, NULL, WUNTRACED), self->pid);
	ASSERT_EQ(move_when_idle(next->vm, self->fds[0]), 0);
	kill(self->pid, SIGCONT);
	ASSERT_EQ(waitpid(self->pid, &status, 0), self->pid);
	EXPECT_EQ(status, 0);
	close(self->fds[0]);
	close(self->fds[1]);
	EXPECT_ALL_THERE(next);
}

/* Messages */

#define THERE	(GPA + 0x20000000UL)	/* where the other guest has the memory */
#define BOX	PAGE			/* offset of the answers */
#define MESSAGES 3000

static pid_t start_pong(int link, uint64_t last)
{
	struct vmm vmm;
	pid_t pid = fork();

	if (pid)
		return pid;
	open_vmm(&vmm, KVM_X86_DEFAULT_VM, THERE, link, KVM_LINK_GUEST_MEMFD_SHARED);
	guest_load(&vmm.agent.guest, pong);
	set_regs(&vmm, THERE, THERE + BOX, last, 0);
	run(&vmm);
	_exit(1);
}

static void *ping_thread(void *vmm)
{
	return (void *)(long)run(vmm);
}

FIXTURE(messages) {
};

FIXTURE_SETUP(messages)
{
}

FIXTURE_TEARDOWN(messages)
{
}

/* The other VMM is killed in the middle of the conversation; a third one takes it up. */
TEST_F_TIMEOUT(messages, between_two_guests, 120)
{
	volatile uint64_t *sent, *answered;
	struct kvm_regs regs;
	pthread_t thread;
	struct vmm vmm;
	void *result;
	pid_t pid;
	int i;

	open_vmm(&vmm, KVM_X86_DEFAULT_VM, GPA, -1, GMEM_SHARED);
	sent = (uint64_t *)gmem_map(vmm.fd, SIZE);
	ASSERT_NE((void *)sent, MAP_FAILED);
	answered = sent + BOX / 8;
	guest_load(&vmm.agent.guest, ping);
	set_regs(&vmm, GPA + BOX, GPA, 0, MESSAGES);
	pid = start_pong(vmm.fd, 0);
	ASSERT_EQ(pthread_create(&thread, NULL, ping_thread, &vmm), 0);
	for (i = 1; i <= 4; i++) {
		while (*sent < i * MESSAGES / 6)
			usleep(1000);
		ASSERT_EQ(kill_and_wait(pid), 0);
		/* Nothing that was said is lost; the guest still waits for its answer. */
		EXPECT_TRUE(*sent == ~*answered || *sent == ~*answered + 1);
		pid = start_pong(vmm.fd, ~*answered);
	}
	ASSERT_EQ(pthread_join(thread, &result), 0);
	EXPECT_EQ((long)result, 0);
	ASSERT_EQ(kill_and_wait(pid), 0);
	vcpu_get_regs(&vmm.agent.guest.vcpu[0], &regs);
	EXPECT_EQ(regs.rax, MESSAGES);
	EXPECT_EQ(regs.rdx, 0);
	EXPECT_EQ(*answered, ~(uint64_t)MESSAGES);
	munmap((void *)sent, SIZE);
	close_vmm(&vmm);
}

TEST_HARNESS_MAIN
