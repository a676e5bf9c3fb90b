// SPDX-License-Identifier: GPL-2.0
/* What an exit of the guest costs: handled in the kernel, or by userspace. */
#include <errno.h>
#include <sys/ioctl.h>

#include "guest.h"

GUEST_ROUNDS(cpuid, "", "mov $1, %eax; xor %ecx, %ecx; cpuid");
GUEST_ROUNDS(vmmcall, "", "mov $100, %eax; vmmcall");
GUEST_ROUNDS(rdmsr, "", "mov $0x277, %ecx; rdmsr");
GUEST_CODE64(out, "1: out %al, $1; jmp 1b");
GUEST_CODE64(mmio_write, "mov $0x40000000, %ebx; 1: mov %eax, (%rbx); jmp 1b");
GUEST_CODE64(mmio_read, "mov $0x40000000, %ebx; 1: mov (%rbx), %eax; jmp 1b");

#define BEGIN(name)							\
	static void begin_##name(void)					\
	{								\
		bench_create(false);					\
		bench_load(name##_begin, name##_end);			\
		/* Page tables, caches and what else the first round needs. */ \
		vcpu_run(bench_vcpu);					\
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
	bench_vcpu->run->immediate_exit = 1;
}

static void run_to_user(void)
{
	int i;

	for (i = 0; i < NR_ROUNDS; i++)
		if (ioctl(bench_vcpu->fd, KVM_RUN, 0))
			die("KVM_RUN");
}

static void run_immediate_exit(void)
{
	int i;

	for (i = 0; i < NR_ROUNDS; i++)
		if (!ioctl(bench_vcpu->fd, KVM_RUN, 0) || errno != EINTR)
			die("KVM_RUN with immediate_exit");
}

const struct bench exit_benches[] = {
	{ "exit-cpuid", "ns", 10, NR_ROUNDS, begin_cpuid, bench_run, bench_destroy,
	  .reference = 2815, .aim = 1126 },
	{ "exit-vmmcall", "ns", 10, NR_ROUNDS, begin_vmmcall, bench_run, bench_destroy,
	  .reference = 3107, .aim = 1243 },
	{ "exit-rdmsr", "ns", 10, NR_ROUNDS, begin_rdmsr, bench_run, bench_destroy,
	  .reference = 2911, .aim = 1164 },
	{ "exit-port-out", "ns", 10, NR_ROUNDS, begin_out, run_to_user, bench_destroy,
	  .reference = 3190, .aim = 1914 },
	{ "exit-mmio-write", "ns", 10, NR_ROUNDS, begin_mmio_write, run_to_user,
	  bench_destroy, .reference = 5417, .aim = 3250 },
	{ "exit-mmio-read", "ns", 10, NR_ROUNDS, begin_mmio_read, run_to_user,
	  bench_destroy, .reference = 5818, .aim = 3491 },
	{ "run-immediate-exit", "ns", 10, NR_ROUNDS, begin_immediate_exit,
	  run_immediate_exit, bench_destroy, .reference = 1493, .aim = 896 },

	{ }
};
