// SPDX-License-Identifier: GPL-2.0
/* KVM_CAP_DISABLE_QUIRKS2: what differs with each quirk and without it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"
#include "kvm.h"

#define ALL_QUIRKS							\
	(KVM_X86_QUIRK_LINT0_REENABLED | KVM_X86_QUIRK_CD_NW_CLEARED |	\
	 KVM_X86_QUIRK_LAPIC_MMIO_HOLE | KVM_X86_QUIRK_OUT_7E_INC_RIP |	\
	 KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT |				\
	 KVM_X86_QUIRK_FIX_HYPERCALL_INSN |				\
	 KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS | KVM_X86_QUIRK_SLOT_ZAP_ALL)

#define MSR_MISC_ENABLE		0x1a0
#define MISC_ENABLE_MWAIT	(1U << 18)
#define CPUID_MWAIT		(1U << 3)
#define CR0_CD			(1UL << 30)
#define CR0_NW			(1UL << 29)
#define APIC_LVT_LINT0		0x350
#define UD_VECTOR		6

/* Ports that tell how far the guest came. */
#define PORT_DONE	0x10
#define PORT_UD		0x21

GUEST_CODE64(vmcall, "vmcall\n out %al, $0x10");
GUEST_CODE64(vmcall_rex, ".byte 0x48\n vmcall\n out %al, $0x10");
GUEST_CODE64(mwait, "mwait\n out %al, $0x10");
GUEST_CODE64(cpuid, "cpuid\n out %al, $0x10");
GUEST_CODE64(read_cr0, "mov %cr0, %rax\n out %al, $0x10");
GUEST_CODE64(out_7e, "out %al, $0x7e\n out %al, $0x10");
GUEST_CODE64(on_ud, "out %al, $0x21\n hlt");
#define HANDLER		(GUEST_CODE + 0x4000)
#define READONLY	0x40000000

FIXTURE(quirks) {
	struct guest guest;
	struct vcpu *vcpu;
	struct kvm_cpuid2 *cpuid;
};

FIXTURE_SETUP(quirks)
{
	size_t size = sizeof(struct kvm_cpuid2) + 256 * sizeof(struct kvm_cpuid_entry2);

	guest_create(&self->guest);
	self->vcpu = &self->guest.vcpu[0];
	self->cpuid = calloc(1, size);
	self->cpuid->nent = 256;
	kvm_ioctl_ok(self->guest.kvm, KVM_GET_SUPPORTED_CPUID, self->cpuid);
	kvm_ioctl_ok(self->vcpu->fd, KVM_SET_CPUID2, self->cpuid);
}

FIXTURE_TEARDOWN(quirks)
{
	free(self->cpuid);
	guest_destroy(&self->guest);
}

static int disable(int vm, __u32 which, __u64 quirks)
{
	struct kvm_enable_cap cap = { .cap = which, .args = { quirks } };

	return ioctl(vm, KVM_ENABLE_CAP, &cap);
}

static void must_disable(struct guest *guest, __u64 quirks)
{
	kvm_must(disable(guest->vm, KVM_CAP_DISABLE_QUIRKS2, quirks), "quirks",
		 __FILE__, __LINE__);
}

/* Runs to the next port; the registers then. */
static int run_at(struct guest *guest, __u64 rip, struct kvm_regs *regs)
{
	struct vcpu *vcpu = &guest->vcpu[0];

	memcpy(guest->mem + HANDLER, on_ud_begin, on_ud_end - on_ud_begin);
	vcpu_long_mode(guest, vcpu);
	guest_set_idt64(guest, UD_VECTOR, HANDLER);
	vcpu_get_regs(vcpu, regs);
	regs->rip = rip;
	regs->rax = 1;	/* KVM_HC_VAPIC_POLL_IRQ, and a leaf of CPUID */
	regs->rcx = 0;
	vcpu_set_regs(vcpu, regs);
	vcpu_run_until(vcpu, KVM_EXIT_IO);
	vcpu_get_regs(vcpu, regs);
	return vcpu->run->io.port;
}

static int run(struct guest *guest, struct kvm_regs *regs)
{
	return run_at(guest, GUEST_CODE, regs);
}

TEST_F(quirks, capability)
{
	struct guest *guest = &self->guest;

	EXPECT_EQ(ioctl(guest->vm, KVM_CHECK_EXTENSION, KVM_CAP_DISABLE_QUIRKS2), ALL_QUIRKS);
	EXPECT_EQ(ioctl(guest->vm, KVM_CHECK_EXTENSION, KVM_CAP_DISABLE_QUIRKS), 1);
	EXPECT_EQ(disable(guest->vm, KVM_CAP_DISABLE_QUIRKS2, 1ULL << 63), -1);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(disable(guest->vm, KVM_CAP_DISABLE_QUIRKS2, ALL_QUIRKS + 1), -1);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(disable(guest->vm, KVM_CAP_DISABLE_QUIRKS, ALL_QUIRKS), 0);
}

/* The hypercall of Intel becomes that of AMD, whatever stands before it. */
TEST_F(quirks, fix_hypercall)
{
	struct guest *guest = &self->guest;
	struct kvm_regs regs;

	guest_load(guest, vmcall);
	EXPECT_EQ(run(guest, &regs), PORT_DONE);
	EXPECT_EQ(regs.rax, 0);
	EXPECT_EQ(guest->mem[GUEST_CODE + 2], 0xd9);
	guest_load(guest, vmcall_rex);
	EXPECT_EQ(run(guest, &regs), PORT_DONE);
	EXPECT_EQ(regs.rax, 0);
	EXPECT_EQ(guest->mem[GUEST_CODE + 3], 0xd9);

	must_disable(guest, KVM_X86_QUIRK_FIX_HYPERCALL_INSN);
	guest_load(guest, vmcall);
	EXPECT_EQ(run(guest, &regs), PORT_UD);
	EXPECT_EQ(regs.rax, 1);
	EXPECT_EQ(guest->mem[GUEST_CODE + 2], 0xc1);
}

TEST_F(quirks, fix_hypercall_in_readonly_memory)
{
	struct guest *guest = &self->guest;
	struct kvm_regs regs;
	__u8 *mem;

	mem = guest_add_memory(guest, 1, READONLY, 0x1000, NULL, KVM_MEM_READONLY);
	memcpy(mem, vmcall_begin, vmcall_end - vmcall_begin);
	EXPECT_EQ(run_at(guest, READONLY, &regs), PORT_UD);
	EXPECT_EQ(mem[2], 0xc1);
}

TEST_F(quirks, mwait_never_ud_faults)
{
	struct guest *guest = &self->guest;
	struct kvm_regs regs;

	guest_load(guest, mwait);
	EXPECT_EQ(run(guest, &regs), PORT_DONE);
	must_disable(guest, KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS);
	EXPECT_EQ(run(guest, &regs), PORT_UD);
}

static void set_misc_enable(struct vcpu *vcpu, __u64 data)
{
	struct {
		struct kvm_msrs header;
		struct kvm_msr_entry entry;
	} msrs = { .header.nmsrs = 1, .entry = { .index = MSR_MISC_ENABLE, .data = data } };

	if (kvm_ioctl_ok(vcpu->fd, KVM_SET_MSRS, &msrs) != 1)
		kvm_die(__FILE__, __LINE__, "MISC_ENABLE");
}

/* The CPUID bit follows MISC_ENABLE, and the instruction follows the bit. */
TEST_F(quirks, misc_enable_no_mwait)
{
	struct guest *guest = &self->guest;
	struct kvm_regs regs;

	guest_load(guest, cpuid);
	set_misc_enable(self->vcpu, MISC_ENABLE_MWAIT);
	EXPECT_EQ(run(guest, &regs), PORT_DONE);
	EXPECT_EQ(regs.rcx & CPUID_MWAIT, 0);

	must_disable(guest, KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT |
			    KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS);
	EXPECT_EQ(run(guest, &regs), PORT_DONE);
	EXPECT_EQ(regs.rcx & CPUID_MWAIT, CPUID_MWAIT);
	guest_load(guest, mwait);
	EXPECT_EQ(run(guest, &regs), PORT_DONE);

	set_misc_enable(self->vcpu, 0);
	EXPECT_EQ(run(guest, &regs), PORT_UD);
	guest_load(guest, cpuid);
	EXPECT_EQ(run(guest, &regs), PORT_DONE);
	EXPECT_EQ(regs.rcx & CPUID_MWAIT, 0);
}

/* What the guest reads from CR0 after userspace has set both bits. */
static __u64 guest_cr0(struct guest *guest)
{
	struct vcpu *vcpu = &guest->vcpu[0];
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	vcpu_long_mode(guest, vcpu);
	vcpu_get_sregs(vcpu, &sregs);
	sregs.cr0 |= CR0_CD | CR0_NW;
	vcpu_set_sregs(vcpu, &sregs);
	vcpu_run_until(vcpu, KVM_EXIT_IO);
	vcpu_get_regs(vcpu, &regs);
	return regs.rax & (CR0_CD | CR0_NW);
}

TEST_F(quirks, cd_nw_cleared)
{
	struct guest *guest = &self->guest;

	guest_load(guest, read_cr0);
	EXPECT_EQ(guest_cr0(guest), 0);
	must_disable(guest, KVM_X86_QUIRK_CD_NW_CLEARED);
	EXPECT_EQ(guest_cr0(guest), CR0_CD | CR0_NW);
}

/* RIP stands on the instruction until userspace has done it, as for every port. */
TEST_F(quirks, out_7e_inc_rip)
{
	struct guest *guest = &self->guest;
	struct kvm_regs regs;

	must_disable(guest, KVM_X86_QUIRK_OUT_7E_INC_RIP);
	guest_load(guest, out_7e);
	EXPECT_EQ(run(guest, &regs), 0x7e);
	EXPECT_EQ(regs.rip, GUEST_CODE);
	vcpu_run_until(self->vcpu, KVM_EXIT_IO);
	EXPECT_EQ(self->vcpu->run->io.port, PORT_DONE);
}

static __u32 lint0(__u64 quirks)
{
	struct kvm_lapic_state lapic;
	struct guest guest;
	__u32 lvt;

	guest_create_vm(&guest, GUEST_MEM);
	must_disable(&guest, quirks);
	kvm_ioctl_ok(guest.vm, KVM_CREATE_IRQCHIP, 0);
	kvm_ioctl_ok(guest_add_vcpu(&guest, 0)->fd, KVM_GET_LAPIC, &lapic);
	memcpy(&lvt, lapic.regs + APIC_LVT_LINT0, sizeof(lvt));
	guest_destroy(&guest);
	return lvt;
}

TEST(lint0_reenabled)
{
	EXPECT_EQ(lint0(0), 0x700);
	EXPECT_EQ(lint0(KVM_X86_QUIRK_LINT0_REENABLED), 0x10000);
}

TEST_HARNESS_MAIN
