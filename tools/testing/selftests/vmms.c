// SPDX-License-Identifier: GPL-2.0
/*
 * What virtual machine monitors ask before they start, from their sources: without one of
 * these they refuse. (QEMU itself boots guests in tools/testing/guests.)
 */
#include <stdbool.h>

#include "kselftest_harness.h"
#include "kvm.h"

#define ALL(...)	(const int []){ __VA_ARGS__, 0 }
#define CAP(name)	KVM_CAP_##name

FIXTURE(vmm) {
	struct guest guest;
};

/* Capabilities end with 0, which is KVM_CAP_IRQCHIP: all but QEMU need that one. */
FIXTURE_VARIANT(vmm) {
	const int *caps;
};

FIXTURE_VARIANT_ADD(vmm, qemu) {
	.caps = ALL(CAP(USER_MEMORY), CAP(DESTROY_MEMORY_REGION_WORKS),
		    CAP(JOIN_MEMORY_REGIONS_WORKS), CAP(INTERNAL_ERROR_DATA), CAP(IOEVENTFD),
		    CAP(IOEVENTFD_ANY_LENGTH), CAP(SET_TSS_ADDR), CAP(EXT_CPUID), CAP(MP_STATE),
		    CAP(SIGNAL_MSI), CAP(IRQ_ROUTING), CAP(DEBUGREGS), CAP(XSAVE),
		    CAP(VCPU_EVENTS), CAP(X86_ROBUST_SINGLESTEP), CAP(MCE), CAP(ADJUST_CLOCK),
		    CAP(SET_IDENTITY_MAP_ADDR), CAP(IRQFD), CAP(IMMEDIATE_EXIT),
		    CAP(NR_MEMSLOTS), CAP(READONLY_MEM)),
};

FIXTURE_VARIANT_ADD(vmm, kvmtool) {
	.caps = ALL(CAP(COALESCED_MMIO), CAP(SET_TSS_ADDR), CAP(PIT2), CAP(USER_MEMORY),
		    CAP(IRQ_ROUTING), CAP(HLT), CAP(IRQ_INJECT_STATUS), CAP(EXT_CPUID)),
};

FIXTURE_VARIANT_ADD(vmm, firecracker) {
	.caps = ALL(CAP(IOEVENTFD), CAP(IRQFD), CAP(USER_MEMORY), CAP(SET_TSS_ADDR), CAP(PIT2),
		    CAP(PIT_STATE2), CAP(ADJUST_CLOCK), CAP(DEBUGREGS), CAP(MP_STATE),
		    CAP(VCPU_EVENTS), CAP(XCRS), CAP(XSAVE), CAP(EXT_CPUID), CAP(XSAVE2),
		    CAP(KVMCLOCK_CTRL)),
};

FIXTURE_VARIANT_ADD(vmm, cloud_hypervisor) {
	.caps = ALL(CAP(ADJUST_CLOCK), CAP(EXT_CPUID), CAP(GET_TSC_KHZ), CAP(IMMEDIATE_EXIT),
		    CAP(IOEVENTFD), CAP(IRQFD), CAP(IRQ_ROUTING), CAP(MP_STATE),
		    CAP(SET_IDENTITY_MAP_ADDR), CAP(SET_TSS_ADDR), CAP(SPLIT_IRQCHIP),
		    CAP(TSC_DEADLINE_TIMER), CAP(USER_MEMORY), CAP(USER_NMI), CAP(VCPU_EVENTS),
		    CAP(XSAVE), CAP(X2APIC_API)),
};

FIXTURE_VARIANT_ADD(vmm, crosvm) {
	.caps = ALL(CAP(PIT2), CAP(SPLIT_IRQCHIP), CAP(IRQFD), CAP(IRQFD_RESAMPLE),
		    CAP(IOEVENTFD), CAP(IRQ_ROUTING), CAP(USER_MEMORY)),
};

/* Those whose answer is a number, and not yes or no. */
static const int numbers[] = {
	CAP(MCE), CAP(ADJUST_CLOCK), CAP(NR_MEMSLOTS), CAP(COALESCED_MMIO), CAP(XSAVE2),
	CAP(X2APIC_API), CAP(IRQ_ROUTING),
};

static bool is_number(int cap)
{
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (numbers[i] == cap)
			return true;
	return false;
}

FIXTURE_SETUP(vmm)
{
	guest_create_vm(&self->guest, GUEST_MEM);
}

FIXTURE_TEARDOWN(vmm)
{
	guest_destroy(&self->guest);
}

TEST_F(vmm, starts)
{
	const int fds[] = { self->guest.kvm, self->guest.vm };

	EXPECT_EQ(ioctl(self->guest.kvm, KVM_GET_API_VERSION, 0), 12);
	EXPECT_GE(ioctl(self->guest.kvm, KVM_GET_VCPU_MMAP_SIZE, 0), (int)sizeof(struct kvm_run));
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(ioctl(fds[i], KVM_CHECK_EXTENSION, KVM_CAP_IRQCHIP), 1);
		for (const int *cap = variant->caps; *cap; cap++) {
			int answer = ioctl(fds[i], KVM_CHECK_EXTENSION, *cap);

			/* Some take anything but 1 for no. */
			if (answer < 1 || (answer != 1 && !is_number(*cap)))
				TH_LOG("capability %d: %d", *cap, answer);
			EXPECT_GE(answer, 1);
			EXPECT_TRUE(answer == 1 || is_number(*cap));
		}
	}
}

TEST_HARNESS_MAIN
