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
#include "gmem.h"
#include "kvm.h"
#include "vmstat.h"

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
GUEST_CODE64(self_ipi,
	     "mov $0xfee00300, %ebx\n mov $0x40061, %eax\n mov %eax, (%rbx)\n"
	     "out %al, $0x80\n hlt");

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

/* All that was traced. */
static void read_trace(char *text)
{
	int fd = open(INSTANCE "/trace", O_RDONLY);
	size_t done = 0;
	ssize_t n;

	while ((n = read(fd, text + done, TEXT_SIZE - 1 - done)) > 0)
		done += n;
	close(fd);
}

FIXTURE(tracepoints) {
	struct guest guest;
	struct vcpu *vcpu;
	char *text;
};

FIXTURE_SETUP(tracepoints)
{
	mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL);
	ASSERT_EQ(0, mkdir(INSTANCE, 0700));
	ASSERT_TRUE(put(INSTANCE "/events/kvm/enable", "1"));
	self->text = calloc(1, TEXT_SIZE);
	guest_create_vm(&self->guest, GUEST_MEM);
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
	size_t i;

	self->vcpu = guest_add_vcpu(&self->guest, 0);
	vcpu_set_supported_cpuid(&self->guest, self->vcpu);
	guest_load(&self->guest, one_of_each);
	memcpy(self->guest.mem + GUEST_CODE + HANDLER, on_gp_begin, on_gp_end - on_gp_begin);
	vcpu_long_mode(&self->guest, self->vcpu);
	guest_set_idt64(&self->guest, GP_VECTOR, GUEST_CODE + HANDLER);

	while (vcpu_run(self->vcpu) == KVM_EXIT_MMIO ||
	       (self->vcpu->run->exit_reason == KVM_EXIT_IO &&
		self->vcpu->run->io.port == 0x10))
		;
	ASSERT_EQ(KVM_EXIT_IO, self->vcpu->run->exit_reason);
	EXPECT_EQ(0x20, self->vcpu->run->io.port);

	read_trace(self->text);
	for (i = 0; i < ARRAY_SIZE(events); i++)
		EXPECT_STREQ(events[i], seen(self->text, events[i]) ? events[i] : "");
	/* What scripts look for, by name and value. */
	EXPECT_TRUE(strstr(self->text, "mmio write len 1 gpa 0xd0000000"));
	EXPECT_TRUE(strstr(self->text, "pio_write at 0x10 size 1"));
	EXPECT_TRUE(strstr(self->text, "msr_read 12345 = 0x0 (#GP)"));

	for (i = 0; i < ARRAY_SIZE(counters); i++)
		EXPECT_STREQ(counters[i],
			     kvm_stat(self->vcpu->fd, counters[i]) ? counters[i] : "");
}

/* Lines, messages of the guest, memory. */
TEST_F(tracepoints, around_the_guest)
{
	struct kvm_irq_level line = { .irq = 5, .level = 1 };
	int type = KVM_X86_SW_PROTECTED_VM, one = create_vm_of_type(type);
	int two = create_vm_of_type(type), fd = create_gmem(one, PAGE, 0);
	int link = link_gmem(two, fd, 0);

	ASSERT_EQ(0, set_gmem_slot(one, 1, 0, PAGE, self->guest.mem, fd, 0));
	ASSERT_EQ(0, set_gmem_slot(two, 1, 0, PAGE, self->guest.mem, link, 0));
	ASSERT_EQ(0, move_vm(two, one));

	kvm_ioctl_ok(self->guest.vm, KVM_CREATE_IRQCHIP, 0);
	self->vcpu = guest_add_vcpu(&self->guest, 0);
	kvm_ioctl_ok(self->guest.vm, KVM_IRQ_LINE, &line);
	guest_load(&self->guest, self_ipi);
	vcpu_long_mode(&self->guest, self->vcpu);
	vcpu_run_until(self->vcpu, KVM_EXIT_IO);
	guest_add_memory(&self->guest, 5, 0x10000000, 3 * PAGE, self->guest.mem, 0);

	read_trace(self->text);
	EXPECT_TRUE(strstr(self->text, "kvm_set_irq: gsi 5 level 1 source 0"));
	EXPECT_TRUE(strstr(self->text, "kvm_apic_ipi: dst 0 vec 97 (fixed, physical, self)"));
	EXPECT_TRUE(strstr(self->text, " slot 5 gfn 0x10000 npages 0x3 flags 0x0"));
	EXPECT_TRUE(seen(self->text, "kvm_gmem_link"));
	EXPECT_TRUE(seen(self->text, "kvm_gmem_move"));
	/* A write, and where: what an exit tells beside its number. */
	EXPECT_TRUE(strstr(self->text, "info2 0x00000000fee00300"));

	close(link);
	close(fd);
	close(two);
	close(one);
}

TEST_HARNESS_MAIN
