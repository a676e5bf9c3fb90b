// SPDX-License-Identifier: GPL-2.0
/* What an exit of the guest costs: handled in the kernel, or by userspace. */
#include <errno.h>
#include <sys/ioctl.h>

/* First: noreturn, which bench.h defines, is an attribute there. */
#include "kvm.h"
#include "bench.h"

/* Exits in one round. */
#define NR_EXITS	1000

/* The same instruction NR_EXITS times, then an OUT that ends the round. */
#define IN_KERNEL(name, text)						\
	GUEST_CODE64(name, "1: mov $1000, %r15d\n"			\
		     "2: " text "; dec %r15d; jnz 2b; out %al, $1; jmp 1b")

IN_KERNEL(cpuid, "mov $1, %eax; xor %ecx, %ecx; cpuid");
IN_KERNEL(vmmcall, "mov $100, %eax; vmmcall");
IN_KERNEL(rdmsr, "mov $0x277, %ecx; rdmsr");
GUEST_CODE64(out, "1: out %al, $1; jmp 1b");
GUEST_CODE64(mmio_write, "mov $0x40000000, %ebx; 1: mov %eax, (%rbx); jmp 1b");
GUEST_CODE64(mmio_read, "mov $0x40000000, %ebx; 1: mov (%rbx), %eax; jmp 1b");

static struct guest guest;
static struct vcpu *vcpu;

static void begin(const uint8_t *code, const uint8_t *end)
{
	guest_create(&guest);
	vcpu = &guest.vcpu[0];
	guest_load_code(&guest, code, end);
	vcpu_set_supported_cpuid(&guest, vcpu);
	vcpu_long_mode(&guest, vcpu);
	/* Page tables, caches and what else the first round needs. */
	vcpu_run(vcpu);
}

static void end(void)
{
	guest_destroy(&guest);
}

#define BEGIN(name)					\
	static void begin_##name(void)			\
	{						\
		begin(name##_begin, name##_end);	\
	}

BEGIN(cpuid)
BEGIN(vmmcall)
BEGIN(rdmsr)
BEGIN(out)
BEGIN(mmio_write)
BEGIN(mmio_read)

static void begin_immediate_exit(void)
{
	begin_out();
	vcpu->run->immediate_exit = 1;
}

static void run_once(void)
{
	vcpu_run_until(vcpu, KVM_EXIT_IO);
}

static void run_to_user(void)
{
	int i;

	for (i = 0; i < NR_EXITS; i++)
		if (ioctl(vcpu->fd, KVM_RUN, 0))
			die("KVM_RUN");
}

static void run_immediate_exit(void)
{
	int i;

	for (i = 0; i < NR_EXITS; i++)
		if (!ioctl(vcpu->fd, KVM_RUN, 0) || errno != EINTR)
			die("KVM_RUN with immediate_exit");
}

const struct bench exit_benches[] = {
	{ "exit-cpuid", "ns", 10, NR_EXITS, begin_cpuid, run_once, end,
	  .reference = 2815, .aim = 1126 },
	{ "exit-vmmcall", "ns", 10, NR_EXITS, begin_vmmcall, run_once, end,
	  .reference = 3107, .aim = 1243 },
	{ "exit-rdmsr", "ns", 10, NR_EXITS, begin_rdmsr, run_once, end,
	  .reference = 2911, .aim = 1164 },
	{ "exit-port-out", "ns", 10, NR_EXITS, begin_out, run_to_user, end,
	  .reference = 3190, .aim = 1914 },
	{ "exit-mmio-write", "ns", 10, NR_EXITS, begin_mmio_write, run_to_user, end,
	  .reference = 5417, .aim = 3250 },
	{ "exit-mmio-read", "ns", 10, NR_EXITS, begin_mmio_read, run_to_user, end,
	  .reference = 5818, .aim = 3491 },
	{ "run-immediate-exit", "ns", 10, NR_EXITS, begin_immediate_exit,
	  run_immediate_exit, end, .reference = 1493, .aim = 896 },

	{ }
};
