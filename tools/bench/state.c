// SPDX-License-Identifier: GPL-2.0
/* What it costs to save and to restore a block of a vCPU's state. */
#include <sys/ioctl.h>

#include "guest.h"

GUEST_CODE64(once, "out %al, $1");

/* Some that every guest has set: system calls, APIC, times. */
static struct {
	struct kvm_msrs head;
	struct kvm_msr_entry entries[8];
} msrs = {
	.head.nmsrs = 8,
	.entries = {
		{ .index = 0xc0000081 }, { .index = 0xc0000082 }, { .index = 0xc0000084 },
		{ .index = 0xc0000102 }, { .index = 0x174 }, { .index = 0x175 },
		{ .index = 0x176 }, { .index = 0x277 },
	},
};

/* A guest that has run: its state is the hardware's, not what was set before. */
static void begin(void)
{
	bench_create(true);
	bench_load(once_begin, once_end);
	bench_run();
}

/* The block @data, after @set of which @get gets it back; both NR_ROUNDS times. */
#define STATE(name, get, set, data)					\
	static void get_##name(void)					\
	{								\
		int i;							\
									\
		for (i = 0; i < NR_ROUNDS; i++)				\
			if (ioctl(bench_vcpu->fd, get, &(data)) < 0)	\
				die(#get);				\
	}								\
									\
	static void set_##name(void)					\
	{								\
		int i;							\
									\
		for (i = 0; i < NR_ROUNDS; i++)				\
			if (ioctl(bench_vcpu->fd, set, &(data)) < 0)	\
				die(#set);				\
	}								\
									\
	static void begin_##name(void)					\
	{								\
		begin();						\
		if (ioctl(bench_vcpu->fd, get, &(data)) < 0)		\
			die(#get);					\
	}

static struct kvm_regs regs;
static struct kvm_sregs sregs;
static struct kvm_fpu fpu;
static struct kvm_xsave xsave;
static struct kvm_xcrs xcrs;
static struct kvm_vcpu_events vcpu_events;
static struct kvm_debugregs debugregs;
static struct kvm_mp_state mp_state;
static struct kvm_lapic_state lapic;

STATE(regs, KVM_GET_REGS, KVM_SET_REGS, regs)
STATE(sregs, KVM_GET_SREGS, KVM_SET_SREGS, sregs)
STATE(fpu, KVM_GET_FPU, KVM_SET_FPU, fpu)
STATE(xsave, KVM_GET_XSAVE, KVM_SET_XSAVE, xsave)
STATE(xcrs, KVM_GET_XCRS, KVM_SET_XCRS, xcrs)
STATE(msrs, KVM_GET_MSRS, KVM_SET_MSRS, msrs)
STATE(vcpu_events, KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS, vcpu_events)
STATE(debugregs, KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS, debugregs)
STATE(mp_state, KVM_GET_MP_STATE, KVM_SET_MP_STATE, mp_state)
STATE(lapic, KVM_GET_LAPIC, KVM_SET_LAPIC, lapic)

#define ROW(name, op, ...)						\
	{ #op "-" #name, "ns", 5, NR_ROUNDS, begin_##name, op##_##name,	\
	  bench_destroy, __VA_ARGS__ }

const struct bench state_benches[] = {
	ROW(regs, get, .reference = 1365, .aim = 819),
	ROW(regs, set, .reference = 1607, .aim = 964),
	ROW(sregs, get, .reference = 2215, .aim = 1329),
	ROW(sregs, set, .reference = 3336, .aim = 2001),
	ROW(fpu, get, .reference = 1676, .aim = 1005),
	ROW(fpu, set, .reference = 1907, .aim = 1144),
	ROW(xsave, get, .reference = 7440, .aim = 4464),
	ROW(xsave, set, .reference = 7203, .aim = 4321),
	ROW(xcrs, get, .reference = 1650, .aim = 990),
	ROW(xcrs, set, .reference = 1947, .aim = 1168),
	ROW(msrs, get, .reference = 2886, .aim = 1731),
	ROW(msrs, set, .reference = 2631, .aim = 1578),
	ROW(vcpu_events, get, .reference = 1226, .aim = 735),
	ROW(vcpu_events, set, .reference = 1251, .aim = 750),
	ROW(debugregs, get, .reference = 1206, .aim = 723),
	ROW(debugregs, set, .reference = 1203, .aim = 721),
	ROW(mp_state, get, .reference = 1012, .aim = 607),
	ROW(mp_state, set, .reference = 967, .aim = 580),
	ROW(lapic, get, .reference = 2529, .aim = 1264),
	ROW(lapic, set, .reference = 9574, .aim = 4787),

	{ }
};
