// SPDX-License-Identifier: GPL-2.0
/* What CPUID, RDMSR, WRMSR and XSETBV do in a guest, and how userspace takes part. */
#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"
#include "kvm.h"

#define MSR_STAR		0xc0000081
#define MSR_KERNEL_GS_BASE	0xc0000102
#define MSR_TSC_ADJUST		0x3b
#define MSR_PAT			0x277
#define MSR_NOWHERE		0x12345

#define GP_VECTOR		13
#define UD_VECTOR		6

/* Each runs its instruction with the registers given, then tells by a port. */
GUEST_CODE64(insn_cpuid, "cpuid\n out %al, $0x10");
GUEST_CODE64(insn_rdmsr, "rdmsr\n out %al, $0x10");
GUEST_CODE64(insn_wrmsr, "wrmsr\n out %al, $0x10");
GUEST_CODE64(insn_xsetbv, "xsetbv\n out %al, $0x10");

/* Where exceptions go: a port that tells the vector. */
GUEST_CODE64(on_exception, "out %al, $0x20\n hlt\n out %al, $0x21\n hlt");
#define HANDLER		0x4000	/* from GUEST_CODE */

FIXTURE(exits) {
	struct guest guest;
	struct vcpu *vcpu;
	struct kvm_cpuid2 *cpuid;
};

static struct kvm_cpuid_entry2 *find(struct kvm_cpuid2 *cpuid, __u32 function)
{
	for (unsigned int i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == function && !cpuid->entries[i].index)
			return &cpuid->entries[i];
	return NULL;
}

FIXTURE_SETUP(exits)
{
	size_t size = sizeof(struct kvm_cpuid2) + 256 * sizeof(struct kvm_cpuid_entry2);

	guest_create(&self->guest);
	self->vcpu = &self->guest.vcpu[0];
	self->cpuid = calloc(1, size);
	self->cpuid->nent = 256;
	kvm_ioctl_ok(self->guest.kvm, KVM_GET_SUPPORTED_CPUID, self->cpuid);
	kvm_ioctl_ok(self->vcpu->fd, KVM_SET_CPUID2, self->cpuid);
}

FIXTURE_TEARDOWN(exits)
{
	free(self->cpuid);
	guest_destroy(&self->guest);
}

/*
 * Puts the vCPU before the instruction; returns at its next exit.
 */
static __u32 start(struct guest *guest, struct vcpu *vcpu, const __u8 *begin, const __u8 *end,
		   __u64 rax, __u64 rcx, __u64 rdx)
{
	struct kvm_regs regs;

	guest_load_code(guest, begin, end);
	memcpy(guest->mem + GUEST_CODE + HANDLER, on_exception_begin,
	       on_exception_end - on_exception_begin);
	vcpu_long_mode(guest, vcpu);
	guest_set_idt64(guest, GP_VECTOR, GUEST_CODE + HANDLER);
	guest_set_idt64(guest, UD_VECTOR, GUEST_CODE + HANDLER + 3);
	vcpu_get_regs(vcpu, &regs);
	regs.rax = rax;
	regs.rcx = rcx;
	regs.rdx = rdx;
	regs.rbx = ~0UL;
	vcpu_set_regs(vcpu, &regs);
	return vcpu_run(vcpu);
}

#define START(self, insn, rax, rcx, rdx)	\
	start(&(self)->guest, (self)->vcpu, insn##_begin, insn##_end, rax, rcx, rdx)

/* The port that the guest wrote: 0x10 after the instruction, or the handler's. */
static int port(struct vcpu *vcpu)
{
	return vcpu->run->exit_reason == KVM_EXIT_IO ? vcpu->run->io.port : -1;
}

TEST_F(exits, cpuid)
{
	struct kvm_cpuid_entry2 *entry = find(self->cpuid, 0x80000002);
	struct kvm_regs regs;

	/* The upper halves go, as the instruction has it. */
	START(self, insn_cpuid, 0x1234567880000002, 0x9999999900000000, ~0UL);
	EXPECT_EQ(port(self->vcpu), 0x10);
	vcpu_get_regs(self->vcpu, &regs);
	EXPECT_EQ(regs.rax, entry->eax);
	EXPECT_EQ(regs.rbx, entry->ebx);
	EXPECT_EQ(regs.rcx, entry->ecx);
	EXPECT_EQ(regs.rdx, entry->edx);
	/* A leaf that is not there, on a CPU that is not Intel's. */
	START(self, insn_cpuid, 0x80001234, 0, ~0UL);
	vcpu_get_regs(self->vcpu, &regs);
	if (find(self->cpuid, 0)->ebx != 0x756e6547)
		EXPECT_EQ(regs.rax | regs.rbx | regs.rcx | regs.rdx, 0);
}

/* After it has run, the guest's CPUID is what it is. */
TEST_F(exits, cpuid_set_after_run)
{
	struct kvm_cpuid_entry2 *entry = find(self->cpuid, 0x80000008);

	START(self, insn_cpuid, 0, 0, 0);
	EXPECT_EQ(ioctl(self->vcpu->fd, KVM_SET_CPUID2, self->cpuid), 0);
	kvm_ioctl_ok(self->vcpu->fd, KVM_GET_CPUID2, self->cpuid);
	EXPECT_EQ(ioctl(self->vcpu->fd, KVM_SET_CPUID2, self->cpuid), 0);
	entry->eax--;
	EXPECT_EQ(ioctl(self->vcpu->fd, KVM_SET_CPUID2, self->cpuid), -1);
	EXPECT_EQ(errno, EINVAL);
	entry->eax++;
	self->cpuid->nent--;
	EXPECT_EQ(ioctl(self->vcpu->fd, KVM_SET_CPUID2, self->cpuid), -1);
	EXPECT_EQ(errno, EINVAL);
}

TEST_F(exits, msr)
{
	struct kvm_regs regs;

	START(self, insn_wrmsr, 0x55667788, MSR_TSC_ADJUST, 0x11223344);
	EXPECT_EQ(port(self->vcpu), 0x10);
	START(self, insn_rdmsr, ~0UL, MSR_TSC_ADJUST, ~0UL);
	EXPECT_EQ(port(self->vcpu), 0x10);
	vcpu_get_regs(self->vcpu, &regs);
	EXPECT_EQ(regs.rax, 0x55667788);
	EXPECT_EQ(regs.rdx, 0x11223344);
}

TEST_F(exits, msr_faults)
{
	START(self, insn_rdmsr, 0, MSR_NOWHERE, 0);
	EXPECT_EQ(port(self->vcpu), 0x20);
	START(self, insn_wrmsr, 0, MSR_NOWHERE, 0);
	EXPECT_EQ(port(self->vcpu), 0x20);
	START(self, insn_wrmsr, 0x02020202, MSR_PAT, 0);
	EXPECT_EQ(port(self->vcpu), 0x20);
}

/* A register whose CPUID bit the guest does not have. */
TEST_F(exits, msr_without_feature)
{
	find(self->cpuid, 7)->ebx &= ~(1U << 1);
	kvm_ioctl_ok(self->vcpu->fd, KVM_SET_CPUID2, self->cpuid);
	START(self, insn_rdmsr, 0, MSR_TSC_ADJUST, 0);
	EXPECT_EQ(port(self->vcpu), 0x20);
}

static int user_msr(struct guest *guest, __u64 reasons)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X86_USER_SPACE_MSR, .args = { reasons } };

	return ioctl(guest->vm, KVM_ENABLE_CAP, &cap);
}

TEST_F(exits, msr_to_userspace)
{
	struct kvm_run *run = self->vcpu->run;
	struct kvm_regs regs;

	ASSERT_EQ(user_msr(&self->guest, KVM_MSR_EXIT_REASON_UNKNOWN | KVM_MSR_EXIT_REASON_INVAL),
		  0);
	EXPECT_EQ(START(self, insn_rdmsr, 7, MSR_NOWHERE, 8), KVM_EXIT_X86_RDMSR);
	EXPECT_EQ(run->msr.index, MSR_NOWHERE);
	EXPECT_EQ(run->msr.reason, KVM_MSR_EXIT_REASON_UNKNOWN);
	run->msr.data = 0x123456789abcdef0;
	EXPECT_EQ(vcpu_run(self->vcpu), KVM_EXIT_IO);
	EXPECT_EQ(port(self->vcpu), 0x10);
	vcpu_get_regs(self->vcpu, &regs);
	EXPECT_EQ(regs.rax, 0x9abcdef0);
	EXPECT_EQ(regs.rdx, 0x12345678);

	EXPECT_EQ(START(self, insn_wrmsr, 0x02020202, MSR_PAT, 0xf), KVM_EXIT_X86_WRMSR);
	EXPECT_EQ(run->msr.index, MSR_PAT);
	EXPECT_EQ(run->msr.reason, KVM_MSR_EXIT_REASON_INVAL);
	EXPECT_EQ(run->msr.data, 0xf02020202);
	run->msr.error = 1;
	vcpu_run(self->vcpu);
	EXPECT_EQ(port(self->vcpu), 0x20);
}

static int set_filter(struct guest *guest, __u32 flags, __u32 base, __u32 nmsrs, __u32 access,
		      __u8 *bitmap)
{
	struct kvm_msr_filter filter = {
		.flags = flags,
		.ranges[3] = { .flags = access, .base = base, .nmsrs = nmsrs, .bitmap = bitmap },
	};

	return ioctl(guest->vm, KVM_X86_SET_MSR_FILTER, &filter);
}

TEST_F(exits, msr_filter)
{
	__u8 bits[64] = {};

	/* Only reads of one register, which otherwise does not exit at all. */
	ASSERT_EQ(set_filter(&self->guest, 0, MSR_STAR, 1, KVM_MSR_FILTER_READ, bits), 0);
	START(self, insn_rdmsr, 0, MSR_STAR, 0);
	EXPECT_EQ(port(self->vcpu), 0x20);
	START(self, insn_wrmsr, 0, MSR_STAR, 0);
	EXPECT_EQ(port(self->vcpu), 0x10);
	START(self, insn_rdmsr, 0, MSR_STAR + 1, 0);
	EXPECT_EQ(port(self->vcpu), 0x10);

	/* All but one. */
	bits[0] = 1;
	ASSERT_EQ(set_filter(&self->guest, KVM_MSR_FILTER_DEFAULT_DENY, MSR_STAR, 1,
			     KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE, bits), 0);
	START(self, insn_rdmsr, 0, MSR_STAR, 0);
	EXPECT_EQ(port(self->vcpu), 0x10);
	START(self, insn_rdmsr, 0, MSR_KERNEL_GS_BASE, 0);
	EXPECT_EQ(port(self->vcpu), 0x20);
	START(self, insn_rdmsr, 0, MSR_TSC_ADJUST, 0);
	EXPECT_EQ(port(self->vcpu), 0x20);
	ASSERT_EQ(user_msr(&self->guest, KVM_MSR_EXIT_REASON_FILTER), 0);
	EXPECT_EQ(START(self, insn_rdmsr, 0, MSR_TSC_ADJUST, 0), KVM_EXIT_X86_RDMSR);
	EXPECT_EQ(self->vcpu->run->msr.reason, KVM_MSR_EXIT_REASON_FILTER);
	self->vcpu->run->msr.data = 0;
	EXPECT_EQ(vcpu_run(self->vcpu), KVM_EXIT_IO);

	/* No filter. */
	ASSERT_EQ(set_filter(&self->guest, 0, 0, 0, 0, NULL), 0);
	START(self, insn_rdmsr, 0, MSR_KERNEL_GS_BASE, 0);
	EXPECT_EQ(port(self->vcpu), 0x10);
}

#define EXPECT_ERRNO(call, error) do {		\
	errno = 0;				\
	EXPECT_EQ(call, -1);			\
	EXPECT_EQ(errno, error);		\
} while (0)

TEST_F(exits, msr_filter_errors)
{
	struct guest *guest = &self->guest;
	static __u8 bits[0x700];

	EXPECT_ERRNO(set_filter(guest, 2, MSR_STAR, 1, 1, bits), EINVAL);
	EXPECT_ERRNO(set_filter(guest, 1, 0, 0, 0, bits), EINVAL);
	EXPECT_ERRNO(set_filter(guest, 0, MSR_STAR, 1, 4, bits), EINVAL);
	EXPECT_ERRNO(set_filter(guest, 0, MSR_STAR, 0x601 * 8, 1, bits), EINVAL);
	EXPECT_ERRNO(set_filter(guest, 0, MSR_STAR, ~0U, 1, bits), EINVAL);
	EXPECT_ERRNO(set_filter(guest, 0, MSR_STAR, 1, 1, NULL), EFAULT);
	EXPECT_ERRNO(ioctl(guest->vm, KVM_X86_SET_MSR_FILTER, NULL), EFAULT);
	EXPECT_EQ(set_filter(guest, 0, ~0U, 0x600 * 8, 1, bits), 0);
}

TEST_F(exits, xsetbv)
{
	struct kvm_sregs sregs;
	struct kvm_xcrs xcrs;

	if (!(find(self->cpuid, 1)->ecx & 1U << 26))
		SKIP(return, "the host has no XSAVE");
	START(self, insn_xsetbv, 3, 0, 0);
	EXPECT_EQ(port(self->vcpu), 0x21);

	/* With CR4.OSXSAVE, put in after the mode is. */
	guest_load(&self->guest, insn_xsetbv);
	vcpu_long_mode(&self->guest, self->vcpu);
	vcpu_get_sregs(self->vcpu, &sregs);
	sregs.cr4 |= 1UL << 18;
	vcpu_set_sregs(self->vcpu, &sregs);
	vcpu_set_regs(self->vcpu, &(struct kvm_regs) {
		.rip = GUEST_CODE, .rsp = GUEST_STACK, .rax = 3, .rflags = 2 });
	vcpu_run(self->vcpu);
	EXPECT_EQ(port(self->vcpu), 0x10);
	/* The emulator does not intercept the instruction. */
	if (guest_is_emulated())
		SKIP(return, "the CPU is emulated");
	ASSERT_EQ(ioctl(self->vcpu->fd, KVM_GET_XCRS, &xcrs), 0);
	EXPECT_EQ(xcrs.xcrs[0].value, 3);
}

/* All three sets in the run page: what ioctls would show. */
TEST_F(exits, sync_regs)
{
	struct kvm_run *run = self->vcpu->run;
	struct kvm_sync_regs *sync = &run->s.regs;
	struct kvm_vcpu_events events;
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	EXPECT_EQ(ioctl(self->guest.kvm, KVM_CHECK_EXTENSION, KVM_CAP_SYNC_REGS),
		  KVM_SYNC_X86_VALID_FIELDS);
	run->kvm_valid_regs = KVM_SYNC_X86_VALID_FIELDS;
	START(self, insn_rdmsr, 0, MSR_TSC_ADJUST, 0);
	vcpu_get_regs(self->vcpu, &regs);
	vcpu_get_sregs(self->vcpu, &sregs);
	kvm_ioctl_ok(self->vcpu->fd, KVM_GET_VCPU_EVENTS, &events);
	EXPECT_EQ(memcmp(&regs, &sync->regs, sizeof(regs)), 0);
	EXPECT_EQ(memcmp(&sregs, &sync->sregs, sizeof(sregs)), 0);
	EXPECT_EQ(memcmp(&events, &sync->events, sizeof(events)), 0);

	/* Once more, by the page alone. */
	sync->regs.rip = GUEST_CODE;
	sync->regs.rcx = MSR_PAT;
	run->kvm_dirty_regs = KVM_SYNC_X86_REGS;
	vcpu_run(self->vcpu);
	EXPECT_EQ(port(self->vcpu), 0x10);
	EXPECT_EQ(sync->regs.rdx, 0x00070406);
	EXPECT_EQ(run->kvm_dirty_regs, 0);

	run->kvm_dirty_regs = 1U << 3;
	EXPECT_ERRNO(ioctl(self->vcpu->fd, KVM_RUN, 0), EINVAL);
	run->kvm_dirty_regs = 0;
	run->kvm_valid_regs = 1U << 31;
	EXPECT_ERRNO(ioctl(self->vcpu->fd, KVM_RUN, 0), EINVAL);
	run->kvm_valid_regs = 0;
	sync->sregs.cr0 = 1UL << 40;
	run->kvm_dirty_regs = KVM_SYNC_X86_SREGS;
	EXPECT_ERRNO(ioctl(self->vcpu->fd, KVM_RUN, 0), EINVAL);
}

TEST_F(exits, triple_fault_event)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X86_TRIPLE_FAULT_EVENT, .args = { 1 } };
	struct kvm_vcpu_events events;

	kvm_ioctl_ok(self->guest.vm, KVM_ENABLE_CAP, &cap);
	START(self, insn_rdmsr, 0, MSR_PAT, 0);
	kvm_ioctl_ok(self->vcpu->fd, KVM_GET_VCPU_EVENTS, &events);
	events.flags |= KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	events.triple_fault.pending = 1;
	kvm_ioctl_ok(self->vcpu->fd, KVM_SET_VCPU_EVENTS, &events);
	EXPECT_EQ(vcpu_run(self->vcpu), KVM_EXIT_SHUTDOWN);
}

TEST_HARNESS_MAIN
