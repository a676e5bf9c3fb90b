// SPDX-License-Identifier: GPL-2.0
/*
 * Asynchronous page faults: the guest runs on while its page is away. There is
 * but one thread here: what KVM_RUN waited for would never come.
 */
/* machine: timeout=240 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <asm/kvm_para.h>
#include <linux/userfaultfd.h>

#include "kselftest_harness.h"
#include "irq.h"
#include "kvm.h"

#define VECTOR		0x71
#define SHARED		0x20000	/* struct kvm_vcpu_pv_apf_data */
#define AREA		0x40000000ull
#define PAGE		4096ull
#define PAGES		16
#define SIZE		(PAGES * PAGE)

/* Ports that say where the guest is. */
#define ABSENT		0x81
#define READY		0x82
#define READ		0x83

#define ENABLED		(KVM_ASYNC_PF_ENABLED | KVM_ASYNC_PF_DELIVERY_AS_INT)
#define ALWAYS		(ENABLED | KVM_ASYNC_PF_SEND_ALWAYS)

/*
 * Reads what RSI points to, into RBX. Behind ABSENT, with the token in R13, it
 * does what RDX says: goes to RDX (another read), or sleeps until R14, the token
 * that is ready, is not 0 any more.
 */
GUEST_CODE64(reads,
	"1: mov (%rsi), %rbx\n"
	"mov $1, %al\n out %al, $0x83\n jmp 1b\n"
	/* #PF: is it one of those? */
	".org reads_begin + 0x80\n"
	"cmpl $1, 0x20000\n jne 9f\n"
	"movl $0, 0x20000\n"
	"mov %cr2, %r13\n"
	"mov $1, %al\n out %al, $0x81\n"
	"test %rdx, %rdx\n jnz 3f\n"
	"2: sti\n hlt\n cli\n"
	"cmp %r13, %r14\n jne 2b\n"
	"add $8, %rsp\n iretq\n"
	/* Another task, so to say. */
	"3: mov %rdx, %rsi\n xor %edx, %edx\n sti\n jmp 1b\n"
	"9: mov $0xff, %al\n out %al, $0x83\n hlt\n"
	/* The page is ready. */
	".org reads_begin + 0x100\n"
	"mov 0x20004, %r14d\n"
	"movl $0, 0x20004\n"
	"push %rax\n push %rcx\n push %rdx\n"
	"mov $1, %eax\n out %al, $0x82\n"
	"mov $0x4b564d07, %ecx\n mov $1, %eax\n xor %edx, %edx\n wrmsr\n"
	"mov $0xfee000b0, %ecx\n movl $0, (%rcx)\n"
	"pop %rdx\n pop %rcx\n pop %rax\n iretq\n");

FIXTURE(apf) {
	struct guest guest;
	struct vcpu *vcpu;
	uint64_t *memory;
	int uffd;
};

static struct kvm_regs get_regs(struct vcpu *vcpu)
{
	struct kvm_regs regs;

	vcpu_get_regs(vcpu, &regs);
	return regs;
}

static void read_from(struct vcpu *vcpu, uint64_t gpa, uint64_t then, uint64_t rflags)
{
	struct kvm_regs regs = get_regs(vcpu);

	regs.rip = GUEST_CODE;
	regs.rsi = gpa;
	regs.rdx = then;
	regs.rflags = 2 | rflags;
	vcpu_set_regs(vcpu, &regs);
}

#define IF	0x200

static bool begin(FIXTURE_DATA(apf) *self)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct guest *guest = &self->guest;

	guest_create_vm(guest, GUEST_MEM);
	kvm_ioctl_ok(guest->vm, KVM_CREATE_IRQCHIP, 0);
	self->vcpu = guest_add_vcpu(guest, 0);
	lapic_enable(self->vcpu->fd);
	self->memory = guest_add_memory(guest, 1, AREA, SIZE, NULL, 0);
	self->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (self->uffd < 0 || ioctl(self->uffd, UFFDIO_API, &api))
		return false;
	reg.range.start = (uintptr_t)self->memory;
	reg.range.len = SIZE;
	kvm_ioctl_ok(self->uffd, UFFDIO_REGISTER, &reg);

	guest_load(guest, reads);
	vcpu_long_mode(guest, self->vcpu);
	guest_set_idt64(guest, 14, GUEST_CODE + 0x80);
	guest_set_idt64(guest, VECTOR, GUEST_CODE + 0x100);
	memset(guest->mem + SHARED, 0, 64);
	return vcpu_set_msr(self->vcpu, MSR_KVM_ASYNC_PF_INT, VECTOR) == 1;
}

static void end(FIXTURE_DATA(apf) *self)
{
	guest_destroy(&self->guest);
	munmap(self->memory, SIZE);
	if (self->uffd >= 0)
		close(self->uffd);
}

FIXTURE_SETUP(apf)
{
	if (!begin(self))
		SKIP(return, "no userfaultfd");
}

FIXTURE_TEARDOWN(apf)
{
	end(self);
}

/* What enabling says: everything is ready. */
static void enable(FIXTURE_DATA(apf) *self, uint64_t how)
{
	uint16_t port;

	if (vcpu_set_msr(self->vcpu, MSR_KVM_ASYNC_PF_EN, SHARED | how) != 1)
		kvm_die(__FILE__, __LINE__, "MSR_KVM_ASYNC_PF_EN");
	/* From its own memory, which is there. */
	read_from(self->vcpu, SHARED, 0, IF);
	vcpu_run_out(self->vcpu, &port);
	if (port != READY || (uint32_t)get_regs(self->vcpu).r14 != UINT32_MAX)
		kvm_die(__FILE__, __LINE__, "port %x, token %llx", port,
			get_regs(self->vcpu).r14);
	vcpu_run_out(self->vcpu, &port);
	if (port != READ)
		kvm_die(__FILE__, __LINE__, "port %x", port);
}

/* The next page that somebody waits for, in pages; -1 if none is asked for soon. */
static int wanted(FIXTURE_DATA(apf) *self, int ms)
{
	struct pollfd poll_fd = { .fd = self->uffd, .events = POLLIN };
	struct uffd_msg msg;

	if (poll(&poll_fd, 1, ms) != 1 || read(self->uffd, &msg, sizeof(msg)) != sizeof(msg))
		return -1;
	return (msg.arg.pagefault.address - (uintptr_t)self->memory) / PAGE;
}

/* A page that holds its number plus 1000. */
static void supply(FIXTURE_DATA(apf) *self, int page)
{
	static uint64_t data[512];
	struct uffdio_copy copy = {
		.dst = (uintptr_t)self->memory + page * PAGE,
		.src = (uintptr_t)data, .len = PAGE,
	};

	data[0] = 1000 + page;
	kvm_ioctl_ok(self->uffd, UFFDIO_COPY, &copy);
}

static uint16_t run(FIXTURE_DATA(apf) *self)
{
	uint16_t port;

	vcpu_run_out(self->vcpu, &port);
	return port;
}

TEST_F(apf, the_guest_runs_on)
{
	uint64_t token;

	enable(self, ALWAYS);
	read_from(self->vcpu, AREA + 3 * PAGE, 0, IF);
	ASSERT_EQ(ABSENT, run(self));
	token = get_regs(self->vcpu).r13;
	EXPECT_NE(0, token);
	ASSERT_EQ(3, wanted(self, 10000));
	supply(self, 3);
	ASSERT_EQ(READY, run(self));
	EXPECT_EQ(token, get_regs(self->vcpu).r14);
	ASSERT_EQ(READ, run(self));
	EXPECT_EQ(1003, get_regs(self->vcpu).rbx);
}

/* One after the other is reported, each when the guest has seen the one before. */
TEST_F(apf, several_at_once)
{
	uint64_t first, second;

	enable(self, ALWAYS);
	read_from(self->vcpu, AREA, AREA + PAGE, IF);
	ASSERT_EQ(ABSENT, run(self));
	first = get_regs(self->vcpu).r13;
	ASSERT_EQ(0, wanted(self, 10000));
	ASSERT_EQ(ABSENT, run(self));
	second = get_regs(self->vcpu).r13;
	EXPECT_NE(first, second);
	ASSERT_EQ(1, wanted(self, 10000));
	supply(self, 0);
	ASSERT_EQ(READY, run(self));
	EXPECT_EQ(first, get_regs(self->vcpu).r14);
	supply(self, 1);
	ASSERT_EQ(READY, run(self));
	EXPECT_EQ(second, get_regs(self->vcpu).r14);
	ASSERT_EQ(READ, run(self));
	EXPECT_EQ(1001, get_regs(self->vcpu).rbx);
}

/* Wherever the guest is: it reads what is there, and nobody tells it anything. */
static bool nothing_comes(FIXTURE_DATA(apf) *self)
{
	int i;

	for (i = 0; i < 20; i++) {
		read_from(self->vcpu, SHARED, 0, IF);
		if (run(self) != READ)
			return false;
		usleep(1000);
	}
	return true;
}

/* The next one comes when the last is taken out of memory, and acknowledged. */
TEST_F(apf, not_before_the_last_is_seen)
{
	uint32_t *token = (uint32_t *)(self->guest.mem + SHARED + 4), second;

	enable(self, ALWAYS);
	read_from(self->vcpu, AREA, AREA + PAGE, IF);
	ASSERT_EQ(ABSENT, run(self));
	ASSERT_EQ(0, wanted(self, 10000));
	ASSERT_EQ(ABSENT, run(self));
	second = get_regs(self->vcpu).r13;
	ASSERT_EQ(1, wanted(self, 10000));
	supply(self, 0);
	ASSERT_EQ(READY, run(self));
	supply(self, 1);
	/* Out of the handler, which has taken the token, and done no more. */
	lapic_clear(self->vcpu->fd);
	EXPECT_TRUE(nothing_comes(self));
	*token = 0x55;
	ASSERT_EQ(1, vcpu_set_msr(self->vcpu, MSR_KVM_ASYNC_PF_ACK, 1));
	EXPECT_TRUE(nothing_comes(self));
	EXPECT_EQ(0x55, *token);
	*token = 0;
	ASSERT_EQ(1, vcpu_set_msr(self->vcpu, MSR_KVM_ASYNC_PF_ACK, 1));
	ASSERT_EQ(READY, run(self));
	EXPECT_EQ(second, get_regs(self->vcpu).r14);
}

static void *serve_one(void *data)
{
	FIXTURE_DATA(apf) *self = data;
	int page = wanted(self, 60000);

	if (page >= 0)
		supply(self, page);
	return NULL;
}

/* A guest that cannot be told waits: interrupts off, or in the kernel. */
TEST_F(apf, who_cannot_be_told_waits)
{
	pthread_t thread;
	int i;

	enable(self, ALWAYS);
	for (i = 0; i < 3; i++) {
		if (i == 1)
			ASSERT_EQ(1, vcpu_set_msr(self->vcpu, MSR_KVM_ASYNC_PF_EN,
						  SHARED | ENABLED));
		if (i == 2)
			ASSERT_EQ(1, vcpu_set_msr(self->vcpu, MSR_KVM_ASYNC_PF_EN, 0));
		pthread_create(&thread, NULL, serve_one, self);
		read_from(self->vcpu, AREA + i * PAGE, 0, i ? IF : 0);
		if (i == 1)
			EXPECT_EQ(READY, run(self));
		EXPECT_EQ(READ, run(self));
		EXPECT_EQ(1000 + i, get_regs(self->vcpu).rbx);
		pthread_join(thread, NULL);
	}
}

/* Nobody is told of what it has switched off; the page comes all the same. */
TEST_F(apf, switched_off_it_is_silent)
{
	enable(self, ALWAYS);
	read_from(self->vcpu, AREA, 0, IF);
	ASSERT_EQ(ABSENT, run(self));
	ASSERT_EQ(0, wanted(self, 10000));
	ASSERT_EQ(1, vcpu_set_msr(self->vcpu, MSR_KVM_ASYNC_PF_EN, 0));
	supply(self, 0);
	read_from(self->vcpu, AREA, 0, IF);
	ASSERT_EQ(READ, run(self));
	EXPECT_EQ(1000, get_regs(self->vcpu).rbx);
	EXPECT_EQ(0, *(uint32_t *)(self->guest.mem + SHARED + 4));
	EXPECT_FALSE(lapic_irr(self->vcpu->fd, VECTOR));
}

/* Nor when it is on again: what was before is forgotten. */
TEST_F(apf, switched_on_again_it_knows_nothing)
{
	enable(self, ALWAYS);
	read_from(self->vcpu, AREA, 0, IF);
	ASSERT_EQ(ABSENT, run(self));
	ASSERT_EQ(0, wanted(self, 10000));
	ASSERT_EQ(1, vcpu_set_msr(self->vcpu, MSR_KVM_ASYNC_PF_EN, 0));
	enable(self, ALWAYS);
	supply(self, 0);
	EXPECT_TRUE(nothing_comes(self));
}

static void alarmed(int number)
{
}

/* More than the kernel waits for: then the guest waits, until a signal. */
TEST_F(apf, a_page_many_times)
{
	struct sigaction action = { .sa_handler = alarmed };
	int i, told;

	sigaction(SIGALRM, &action, NULL);
	enable(self, ALWAYS);
	for (told = 0; told < 64; told++) {
		read_from(self->vcpu, AREA + PAGE, 0, IF);
		ASSERT_EQ(ABSENT, run(self));
	}
	read_from(self->vcpu, AREA + PAGE, 0, IF);
	alarm(1);
	EXPECT_EQ(-1, ioctl(self->vcpu->fd, KVM_RUN, 0));
	EXPECT_EQ(EINTR, errno);
	ASSERT_EQ(1, wanted(self, 10000));
	supply(self, 1);
	read_from(self->vcpu, AREA + PAGE, 0, IF);
	for (i = 0; i < 64; i++)
		ASSERT_EQ(READY, run(self));
	ASSERT_EQ(READ, run(self));
}

TEST_F(apf, what_is_refused)
{
	EXPECT_EQ(0, vcpu_set_msr(self->vcpu, MSR_KVM_ASYNC_PF_EN, SHARED | ALWAYS | 0x10));
	EXPECT_EQ(0, vcpu_set_msr(self->vcpu, MSR_KVM_ASYNC_PF_EN, SHARED | ALWAYS | 0x20));
	/* Nested guests are not told. */
	EXPECT_EQ(0, vcpu_set_msr(self->vcpu, MSR_KVM_ASYNC_PF_EN,
			     SHARED | KVM_ASYNC_PF_DELIVERY_AS_PF_VMEXIT));
	EXPECT_EQ(0, vcpu_set_msr(self->vcpu, MSR_KVM_ASYNC_PF_INT, 0x100));
	EXPECT_EQ(1, ioctl(self->guest.kvm, KVM_CHECK_EXTENSION, KVM_CAP_ASYNC_PF));
	EXPECT_EQ(1, ioctl(self->guest.kvm, KVM_CHECK_EXTENSION, KVM_CAP_ASYNC_PF_INT));
}

TEST(not_without_a_local_apic)
{
	struct guest guest;

	guest_create(&guest);
	EXPECT_EQ(0, vcpu_set_msr(&guest.vcpu[0], MSR_KVM_ASYNC_PF_EN, SHARED | ALWAYS));
	EXPECT_EQ(0, vcpu_set_msr(&guest.vcpu[0], MSR_KVM_ASYNC_PF_INT, VECTOR));
	EXPECT_EQ(1, vcpu_set_msr(&guest.vcpu[0], MSR_KVM_ASYNC_PF_EN, 0));
	guest_destroy(&guest);
}

/* The end of the VM does not wait for pages that nobody brings. */
TEST(the_vm_ends_while_pages_are_away)
{
	FIXTURE_DATA(apf) data, *self = &data;
	int i;

	for (i = 0; i < 30; i++) {
		if (!begin(self))
			SKIP(return, "no userfaultfd");
		enable(self, ALWAYS);
		read_from(self->vcpu, AREA, AREA + PAGE, IF);
		ASSERT_EQ(ABSENT, run(self));
		ASSERT_EQ(ABSENT, run(self));
		/* With the workers asleep, or about to, or not yet there. */
		if (i % 3 == 0)
			wanted(self, 10000);
		if (i % 3 == 1)
			usleep(i * 100);
		guest_destroy(&self->guest);
		munmap(self->memory, SIZE);
		close(self->uffd);
	}
}

/* Nor does the end of the process, though another one was to bring them. */
TEST(the_process_ends_while_another_has_the_pages)
{
	FIXTURE_DATA(apf) data, *self = &data;
	int status, pipe_fds[2];
	pid_t vmm, server;
	char byte;

	ASSERT_EQ(0, pipe(pipe_fds));
	vmm = fork();
	ASSERT_GE(vmm, 0);
	if (!vmm) {
		if (!begin(self))
			_exit(KSFT_SKIP);
		server = fork();
		if (!server) {
			/* Keeps the userfaultfd, and nothing of the VM. */
			guest_destroy(&self->guest);
			close(pipe_fds[1]);
			_exit(read(pipe_fds[0], &byte, 1));
		}
		enable(self, ALWAYS);
		read_from(self->vcpu, AREA, 0, IF);
		if (run(self) != ABSENT || wanted(self, 10000) != 0)
			_exit(1);
		_exit(0);
	}
	close(pipe_fds[0]);
	ASSERT_EQ(vmm, waitpid(vmm, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	if (WEXITSTATUS(status) == KSFT_SKIP)
		SKIP(return, "no userfaultfd");
	EXPECT_EQ(0, WEXITSTATUS(status));
	/* The server goes by itself. */
	close(pipe_fds[1]);
}

TEST_HARNESS_MAIN
