/* SPDX-License-Identifier: GPL-2.0 */
/* kvmclock: a VM's nanoseconds, which guests compute from their own TSC. */
#ifndef KVM_X86_PVCLOCK_H
#define KVM_X86_PVCLOCK_H

#include <linux/spinlock.h>
#include <linux/types.h>

struct x86_vm;
struct x86_vcpu;
struct kvm_ioctl_args;

/**
 * struct x86_clock - the clock of a VM
 * @lock: all of it
 * @offset: what the clock is ahead of CLOCK_MONOTONIC_RAW, in ns
 * @base_tsc: the host's counter when
 * @base_ns: the clock read this
 * @stable: the host keeps time by the TSC, and so can all vCPUs: from this base
 * @resumes: how often the host had been suspended then
 */
struct x86_clock {
	spinlock_t lock;
	s64 offset;
	u64 base_tsc;
	u64 base_ns;
	bool stable;
	unsigned int resumes;
};

/**
 * struct x86_pvclock - of a vCPU
 * @msr: MSR_KVM_SYSTEM_TIME: where the guest wants its page of time, and bit 0
 * @wall_msr: MSR_KVM_WALL_CLOCK
 * @version: of the page, even; the guest sees it odd during an update
 * @guest_stopped: the guest is to be told that it was paused
 * @resumes: how often the host had been suspended when the page was written
 */
struct x86_pvclock {
	u64 msr;
	u64 wall_msr;
	u32 version;
	bool guest_stopped;
	unsigned int resumes;
};

/**
 * pvclock_scale() - how nanoseconds follow from cycles
 * @khz: rate of the counter, above 0
 * @mul: ns = (cycles << shift) * mul >> 32
 * @shift: may be negative
 */
void pvclock_scale(u32 khz, u32 *mul, s8 *shift);

void x86_clock_init(struct x86_vm *vm);

/**
 * x86_clock_update() - write the guest's page of time
 * @vcpu: the vCPU, loaded, for X86_REQ_CLOCK_UPDATE
 */
void x86_clock_update(struct x86_vcpu *vcpu);

/* A vCPU that has a clock came to this CPU: without a stable clock the page must follow. */
void x86_clock_load(struct x86_vcpu *vcpu);

/* The host was suspended: its clock and its counter have gone apart. */
void x86_clock_resume(void);

/* A vCPU's counter jumped. */
void x86_clock_tsc_changed(struct x86_vcpu *vcpu);

int x86_clock_set_msr(struct x86_vcpu *vcpu, u64 data);
int x86_clock_set_wall_msr(struct x86_vcpu *vcpu, u64 data);

long x86_ioctl_get_clock(struct kvm_ioctl_args *args);
long x86_ioctl_set_clock(struct kvm_ioctl_args *args);
long x86_ioctl_kvmclock_ctrl(struct kvm_ioctl_args *args);

/* What KVM_GET_CLOCK may answer, and KVM_SET_CLOCK takes. */
#define X86_CLOCK_FLAGS	(KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC)

#endif
