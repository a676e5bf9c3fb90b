// SPDX-License-Identifier: GPL-2.0
/* KVM_{GET,SET}_{VCPU_EVENTS,DEBUGREGS,MP_STATE}, and the capabilities behind them. */
#include <sys/ioctl.h>

#include "kselftest_harness.h"
#include "files.h"

#define EXPECT_ERRNO(call, error) do {		\
	errno = 0;				\
	EXPECT_EQ(call, -1);			\
	EXPECT_EQ(errno, error);		\
} while (0)

FIXTURE(events) {
	int vm, vcpu;
};

FIXTURE_SETUP(events)
{
	self->vm = create_vm();
	ASSERT_GE(self->vm, 0);
	self->vcpu = create_vcpu(self->vm, 0);
	ASSERT_GE(self->vcpu, 0);
}

FIXTURE_TEARDOWN(events)
{
	close(self->vcpu);
	close(self->vm);
}

static int enable_cap(int vm, __u32 cap, __u64 arg)
{
	struct kvm_enable_cap enable = { .cap = cap, .args = { arg } };

	return ioctl(vm, KVM_ENABLE_CAP, &enable);
}

static struct kvm_vcpu_events get_events(int vcpu)
{
	struct kvm_vcpu_events events;

	memset(&events, 0xff, sizeof(events));
	ioctl(vcpu, KVM_GET_VCPU_EVENTS, &events);
	return events;
}

TEST_F(events, nothing_waits)
{
	struct kvm_vcpu_events events = get_events(self->vcpu), none = {
		.flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW,
	};

	EXPECT_EQ(memcmp(&events, &none, sizeof(none)), 0);
	EXPECT_EQ(ioctl(self->vcpu, KVM_SET_VCPU_EVENTS, &events), 0);
}

TEST_F(events, round_trip)
{
	struct kvm_vcpu_events set = {
		.flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW,
		.exception = { .injected = 1, .nr = 13, .has_error_code = 1, .error_code = 0x18 },
		.interrupt = { .injected = 1, .nr = 0x41, .shadow = KVM_X86_SHADOW_INT_STI },
		.nmi = { .pending = 1, .masked = 1 },
	}, got;
	struct kvm_sregs sregs;

	ASSERT_EQ(ioctl(self->vcpu, KVM_SET_VCPU_EVENTS, &set), 0);
	got = get_events(self->vcpu);
	EXPECT_EQ(memcmp(&set, &got, sizeof(set)), 0);
	/* The interrupt stands in the older place too. */
	ASSERT_EQ(ioctl(self->vcpu, KVM_GET_SREGS, &sregs), 0);
	EXPECT_EQ(sregs.interrupt_bitmap[1], 2);

	/* What is not valid in the flags stays. */
	set.flags = 0;
	set.interrupt.shadow = 0;
	set.nmi.pending = 0;
	ASSERT_EQ(ioctl(self->vcpu, KVM_SET_VCPU_EVENTS, &set), 0);
	got = get_events(self->vcpu);
	EXPECT_EQ(got.interrupt.shadow, KVM_X86_SHADOW_INT_STI);
	EXPECT_EQ(got.nmi.pending, 1);

	memset(&set, 0, sizeof(set));
	set.flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW;
	set.nmi.injected = 1;
	ASSERT_EQ(ioctl(self->vcpu, KVM_SET_VCPU_EVENTS, &set), 0);
	got = get_events(self->vcpu);
	EXPECT_EQ(memcmp(&set, &got, sizeof(set)), 0);
}

TEST_F(events, nmis_are_bounded)
{
	struct kvm_vcpu_events events = get_events(self->vcpu);

	events.nmi.pending = 255;
	ASSERT_EQ(ioctl(self->vcpu, KVM_SET_VCPU_EVENTS, &events), 0);
	EXPECT_EQ(get_events(self->vcpu).nmi.pending, 2);
	for (int i = 0; i < 5; i++)
		EXPECT_EQ(ioctl(self->vcpu, KVM_NMI), 0);
	EXPECT_EQ(get_events(self->vcpu).nmi.pending, 2);
}

TEST_F(events, illegal)
{
	static const __u32 flags[] = {
		KVM_VCPUEVENT_VALID_SMM, KVM_VCPUEVENT_VALID_PAYLOAD,
		KVM_VCPUEVENT_VALID_TRIPLE_FAULT, 1U << 31,
	};
	struct kvm_vcpu_events events;

	for (unsigned int i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		events = get_events(self->vcpu);
		events.flags |= flags[i];
		EXPECT_ERRNO(ioctl(self->vcpu, KVM_SET_VCPU_EVENTS, &events), EINVAL);
	}
	events = get_events(self->vcpu);
	events.exception.injected = 1;
	events.exception.nr = 32;
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_SET_VCPU_EVENTS, &events), EINVAL);
	events.exception.nr = 2;
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_SET_VCPU_EVENTS, &events), EINVAL);
	events = get_events(self->vcpu);
	events.interrupt.shadow = 4;
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_SET_VCPU_EVENTS, &events), EINVAL);
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_SET_VCPU_EVENTS, NULL), EFAULT);
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_GET_VCPU_EVENTS, NULL), EFAULT);
	EXPECT_EQ(get_events(self->vcpu).exception.injected, 0);
}

TEST_F(events, payload)
{
	struct kvm_vcpu_events set = {
		.flags = KVM_VCPUEVENT_VALID_PAYLOAD,
		.exception = { .pending = 1, .nr = 14, .has_error_code = 1, .error_code = 2 },
		.exception_has_payload = 1, .exception_payload = 0xabc000,
	}, got;
	struct kvm_sregs sregs;

	ASSERT_EQ(enable_cap(self->vm, KVM_CAP_EXCEPTION_PAYLOAD, 1), 0);
	ASSERT_EQ(ioctl(self->vcpu, KVM_SET_VCPU_EVENTS, &set), 0);
	got = get_events(self->vcpu);
	EXPECT_EQ(got.flags & KVM_VCPUEVENT_VALID_PAYLOAD, KVM_VCPUEVENT_VALID_PAYLOAD);
	EXPECT_EQ(got.exception.pending, 1);
	EXPECT_EQ(got.exception.injected, 0);
	EXPECT_EQ(got.exception.nr, 14);
	EXPECT_EQ(got.exception_has_payload, 1);
	EXPECT_EQ(got.exception_payload, 0xabc000);
	ASSERT_EQ(ioctl(self->vcpu, KVM_GET_SREGS, &sregs), 0);
	EXPECT_EQ(sregs.cr2, 0);

	/* To userspace that does not know payloads, CR2 is what it will be. */
	ASSERT_EQ(enable_cap(self->vm, KVM_CAP_EXCEPTION_PAYLOAD, 0), 0);
	got = get_events(self->vcpu);
	EXPECT_EQ(got.exception.injected, 1);
	EXPECT_EQ(got.exception.pending, 0);
	EXPECT_EQ(got.exception_has_payload, 0);
	ASSERT_EQ(ioctl(self->vcpu, KVM_GET_SREGS, &sregs), 0);
	EXPECT_EQ(sregs.cr2, 0xabc000);
}

TEST_F(events, triple_fault)
{
	struct kvm_vcpu_events events = get_events(self->vcpu);

	EXPECT_EQ(events.flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT, 0);
	ASSERT_EQ(enable_cap(self->vm, KVM_CAP_X86_TRIPLE_FAULT_EVENT, 1), 0);
	for (int on = 1; on >= 0; on--) {
		events.flags |= KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
		events.triple_fault.pending = on;
		ASSERT_EQ(ioctl(self->vcpu, KVM_SET_VCPU_EVENTS, &events), 0);
		events = get_events(self->vcpu);
		EXPECT_NE(events.flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT, 0);
		EXPECT_EQ(events.triple_fault.pending, on);
	}
}

TEST_F(events, debugregs)
{
	struct kvm_debugregs set = {
		.db = { 0x1000, 0x2000, 0x3000, 0x4000 }, .dr6 = 0xffff0ff1, .dr7 = 0x403,
	}, got;

	memset(&got, 0xff, sizeof(got));
	ASSERT_EQ(ioctl(self->vcpu, KVM_GET_DEBUGREGS, &got), 0);
	EXPECT_EQ(got.dr6, 0xffff0ff0);
	EXPECT_EQ(got.dr7, 0x400);
	EXPECT_EQ(got.flags, 0);
	ASSERT_EQ(ioctl(self->vcpu, KVM_SET_DEBUGREGS, &set), 0);
	ASSERT_EQ(ioctl(self->vcpu, KVM_GET_DEBUGREGS, &got), 0);
	EXPECT_EQ(memcmp(&set, &got, sizeof(set)), 0);

	set.flags = 1;
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_SET_DEBUGREGS, &set), EINVAL);
	set.flags = 0;
	set.dr6 |= 1UL << 32;
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_SET_DEBUGREGS, &set), EINVAL);
	set.dr6 = 0;
	set.dr7 |= 1UL << 63;
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_SET_DEBUGREGS, &set), EINVAL);
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_SET_DEBUGREGS, NULL), EFAULT);
	/* The number that this shares with KVM_SET_TSC_KHZ. */
	EXPECT_EQ(ioctl(self->vcpu, KVM_SET_TSC_KHZ, 0), 0);
}

/* Without interrupt controllers in the kernel a vCPU runs, or userspace halts it. */
TEST_F(events, mp_state)
{
	struct kvm_mp_state state = { .mp_state = 77 };

	ASSERT_EQ(ioctl(self->vcpu, KVM_GET_MP_STATE, &state), 0);
	EXPECT_EQ(state.mp_state, KVM_MP_STATE_RUNNABLE);
	EXPECT_EQ(ioctl(self->vcpu, KVM_SET_MP_STATE, &state), 0);
	state.mp_state = KVM_MP_STATE_HALTED;
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_SET_MP_STATE, &state), EINVAL);
	state.mp_state = 77;
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_SET_MP_STATE, &state), EINVAL);
	EXPECT_ERRNO(ioctl(self->vcpu, KVM_GET_MP_STATE, NULL), EFAULT);
}

TEST_F(events, enable_cap_errors)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_EXCEPTION_PAYLOAD, .flags = 1 };
	int vm = create_vm();

	EXPECT_ERRNO(ioctl(self->vm, KVM_ENABLE_CAP, &cap), EINVAL);
	EXPECT_ERRNO(ioctl(self->vm, KVM_ENABLE_CAP, NULL), EFAULT);
	EXPECT_ERRNO(enable_cap(self->vm, KVM_CAP_USER_MEMORY, 0), EINVAL);
	EXPECT_ERRNO(enable_cap(self->vm, KVM_CAP_X86_USER_SPACE_MSR, 1U << 3), EINVAL);
	/* Too late: there is a vCPU. */
	EXPECT_ERRNO(enable_cap(self->vm, KVM_CAP_MAX_VCPU_ID, 10), EINVAL);

	EXPECT_ERRNO(enable_cap(vm, KVM_CAP_X86_DISABLE_EXITS, 1UL << 40), EINVAL);
	EXPECT_EQ(enable_cap(vm, KVM_CAP_X86_DISABLE_EXITS, KVM_X86_DISABLE_EXITS_HLT), 0);
	EXPECT_ERRNO(enable_cap(vm, KVM_CAP_MAX_VCPU_ID, 0), EINVAL);
	EXPECT_ERRNO(enable_cap(vm, KVM_CAP_MAX_VCPU_ID, 1UL << 32 | 1), EINVAL);
	EXPECT_EQ(enable_cap(vm, KVM_CAP_MAX_VCPU_ID, 5), 0);
	EXPECT_EQ(enable_cap(vm, KVM_CAP_MAX_VCPU_ID, 5), 0);
	EXPECT_ERRNO(enable_cap(vm, KVM_CAP_MAX_VCPU_ID, 6), EINVAL);
	EXPECT_ERRNO(create_vcpu(vm, 5), EINVAL);
	close(vm);
}

TEST_HARNESS_MAIN
