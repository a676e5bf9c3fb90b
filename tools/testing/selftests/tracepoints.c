// SPDX-License-Identifier: GPL-2.0
/* A guest does one of each; tracepoints and counters of the run loop tell of it. */
/* machine: timeout=60 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "kvm.h"

#define INSTANCE	"/sys/kernel/tracing/instances/tracepoints"
#define TEXT_SIZE	(1 << 18)
#define GP_VECTOR	13

GUEST_CODE64(one_of_each,
	     "mov $0x80000000, %eax\n cpuid\n"
	     "mov $0x277, %ecx\n rdmsr\n"
	     "mov $0x1234567, %rax\n vmmcall\n"
	     "mov $0xd0000000, %edx\n mov %al, (%rdx)\n mov (%rdx), %al\n"
	     "out %al, $0x10\n"
	     /* Nowhere: #GP. */
	     "mov $0x12345, %ecx\n rdmsr\n hlt");
GUEST_CODE64(on_gp, "out %al, $0x20\n hlt");
#define HANDLER		0x4000

static bool put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == strlen(text);

	close(fd);
	return ok;
}

static bool seen(const char *text, const char *event)
{
	char name[64];

	snprintf(name, sizeof(name), " %s: ", event);
	return strstr(text, name);
}

/* A number of the vCPU by its name, or -1. */
static long long stat_of(int vcpu, const char *name)
{
	struct { struct kvm_stats_desc d; char name[48]; } desc;
	int fd = ioctl(vcpu, KVM_GET_STATS_FD, NULL);
	struct kvm_stats_header h;
	long long value = -1;

	if (pread(fd, &h, sizeof(h), 0) != sizeof(h))
		return -1;
	for (unsigned int i = 0; i < h.num_desc && value < 0; i++) {
		if (pread(fd, &desc, sizeof(desc), h.desc_offset + i * sizeof(desc)) < 0 ||
		    strcmp(desc.name, name))
			continue;
		if (pread(fd, &value, sizeof(value), h.data_offset + desc.d.offset) < 0)
			break;
	}
	close(fd);
	return value;
}

FIXTURE(tracepoints) {
	struct guest guest;
	struct vcpu *vcpu;
	char *text;
};

FIXTURE_SETUP(tracepoints)
{
	guest_create(&self->guest);
	self->vcpu = &self->guest.vcpu[0];
	self->text = calloc(1, TEXT_SIZE);
	mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL);
	ASSERT_EQ(0, mkdir(INSTANCE, 0700));
	ASSERT_TRUE(put(INSTANCE "/events/kvm/enable", "1"));

	vcpu_set_supported_cpuid(&self->guest, self->vcpu);
	guest_load(&self->guest, one_of_each);
	memcpy(self->guest.mem + GUEST_CODE + HANDLER, on_gp_begin, on_gp_end - on_gp_begin);
	vcpu_long_mode(&self->guest, self->vcpu);
	guest_set_idt64(&self->guest, GP_VECTOR, GUEST_CODE + HANDLER);
}

FIXTURE_TEARDOWN(tracepoints)
{
	rmdir(INSTANCE);
	free(self->text);
	guest_destroy(&self->guest);
}

TEST_F(tracepoints, one_of_each)
{
	static const char *const events[] = {
		"kvm_entry", "kvm_exit", "kvm_userspace_exit", "kvm_page_fault", "kvm_mmio",
		"kvm_pio", "kvm_msr", "kvm_cpuid", "kvm_hypercall", "kvm_inj_exception",
	};
	static const char *const counters[] = {
		"exits", "io_exits", "mmio_exits", "hypercalls", "pf_taken", "pf_fixed",
		"pf_emulate", "insn_emulation",
	};
	size_t i, done = 0;
	int trace;
	ssize_t n;

	while (vcpu_run(self->vcpu) == KVM_EXIT_MMIO ||
	       (self->vcpu->run->exit_reason == KVM_EXIT_IO &&
		self->vcpu->run->io.port == 0x10))
		;
	ASSERT_EQ(KVM_EXIT_IO, self->vcpu->run->exit_reason);
	EXPECT_EQ(0x20, self->vcpu->run->io.port);

	trace = open(INSTANCE "/trace", O_RDONLY);
	ASSERT_LE(0, trace);
	while ((n = read(trace, self->text + done, TEXT_SIZE - 1 - done)) > 0)
		done += n;
	close(trace);
	for (i = 0; i < ARRAY_SIZE(events); i++)
		EXPECT_STREQ(events[i], seen(self->text, events[i]) ? events[i] : "");
	/* What scripts look for, by name and value. */
	EXPECT_TRUE(strstr(self->text, "mmio write len 1 gpa 0xd0000000"));
	EXPECT_TRUE(strstr(self->text, "pio_write at 0x10 size 1"));
	EXPECT_TRUE(strstr(self->text, "msr_read 12345 = 0x0 (#GP)"));

	for (i = 0; i < ARRAY_SIZE(counters); i++)
		EXPECT_STREQ(counters[i],
			     stat_of(self->vcpu->fd, counters[i]) > 0 ? counters[i] : "");
}

TEST_HARNESS_MAIN
