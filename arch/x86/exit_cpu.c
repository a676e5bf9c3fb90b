// SPDX-License-Identifier: GPL-2.0
/* Exits for the CPU's own registers: CPUID, RDMSR, WRMSR, XSETBV, RDPMC. */
#include <asm/processor-flags.h>

#include "cpuid.h"
#include "msr.h"
#include "msr_filter.h"
#include "regs.h"
#include "run.h"
#include "trace.h"
#include "xstate.h"

static int inject_gp(struct x86_vcpu *vcpu)
{
	x86_queue_gp(vcpu);
	return X86_RUN_AGAIN;
}

int x86_handle_cpuid(struct x86_vcpu *vcpu)
{
	u32 function = vcpu->gpr[X86_RAX], index = vcpu->gpr[X86_RCX];

	if (!x86_cpuid_insn(vcpu))
		return inject_gp(vcpu);
	trace_kvm_cpuid(function, index, vcpu->gpr[X86_RAX], vcpu->gpr[X86_RBX],
			vcpu->gpr[X86_RCX], vcpu->gpr[X86_RDX]);
	return x86_skip_insn(vcpu);
}

/* EDX:EAX, as several instructions take and give 64 bits. */

static u64 get_edx_eax(const struct x86_vcpu *vcpu)
{
	return (u32)vcpu->gpr[X86_RAX] | (u64)vcpu->gpr[X86_RDX] << 32;
}

static void set_edx_eax(struct x86_vcpu *vcpu, u64 data)
{
	vcpu->gpr[X86_RAX] = lower_32_bits(data);
	vcpu->gpr[X86_RDX] = upper_32_bits(data);
}

/* Userspace was asked for an MSR, and has answered. */
static int complete_msr(struct x86_vcpu *vcpu)
{
	const struct kvm_run *run = vcpu->vcpu.run;

	if (READ_ONCE(run->msr.error))
		return inject_gp(vcpu);
	if (!vcpu->exit.msr.write)
		set_edx_eax(vcpu, READ_ONCE(run->msr.data));
	return x86_skip_insn(vcpu);
}

/* Why the access failed, as KVM_CAP_X86_USER_SPACE_MSR counts it. */
static u32 msr_reason(int error)
{
	switch (error) {
	case -EPERM:
		return KVM_MSR_EXIT_REASON_FILTER;
	case -ENOENT:
		return KVM_MSR_EXIT_REASON_UNKNOWN;
	default:
		return KVM_MSR_EXIT_REASON_INVAL;
	}
}

static int msr_failed(struct x86_vcpu *vcpu, u64 data, int error)
{
	struct kvm_run *run = vcpu->vcpu.run;
	u32 reason = msr_reason(error);

	if (!(to_x86_vm(vcpu->vcpu.kvm)->user_msr_reasons & reason))
		return inject_gp(vcpu);

	run->exit_reason = vcpu->exit.msr.write ? KVM_EXIT_X86_WRMSR : KVM_EXIT_X86_RDMSR;
	run->msr.error = 0;
	memset(run->msr.pad, 0, sizeof(run->msr.pad));
	run->msr.reason = reason;
	run->msr.index = vcpu->gpr[X86_RCX];
	run->msr.data = data;
	vcpu->complete = complete_msr;
	return X86_RUN_EXIT;
}

int x86_handle_msr(struct x86_vcpu *vcpu)
{
	bool write = vcpu->exit.msr.write;
	u32 index = vcpu->gpr[X86_RCX];
	u64 data = 0;
	int r = -EPERM;

	if (write)
		data = get_edx_eax(vcpu);
	if (likely(x86_msr_allowed(to_x86_vm(vcpu->vcpu.kvm), index,
				   write ? KVM_MSR_FILTER_WRITE : KVM_MSR_FILTER_READ)))
		r = write ? x86_set_msr(vcpu, index, data, false) :
			    x86_get_msr(vcpu, index, &data, false);
	trace_kvm_msr(write, index, data, r);
	if (unlikely(r))
		return msr_failed(vcpu, data, r);
	if (!write)
		set_edx_eax(vcpu, data);
	return x86_skip_insn(vcpu);
}

int x86_handle_xsetbv(struct x86_vcpu *vcpu)
{
	x86_fetch(vcpu, X86_GROUP_CONTROL);
	if (!(vcpu->cr4 & X86_CR4_OSXSAVE)) {
		x86_queue_ud(vcpu);
		return X86_RUN_AGAIN;
	}
	if (x86_cpl(vcpu) || x86_set_xcr(vcpu, vcpu->gpr[X86_RCX], get_edx_eax(vcpu)))
		return inject_gp(vcpu);
	return x86_skip_insn(vcpu);
}

/* The guest has no performance counters: no index is valid. */
int x86_handle_rdpmc(struct x86_vcpu *vcpu)
{
	return inject_gp(vcpu);
}

/* MONITOR too. Nothing is watched, and nobody waits: the guest looks again. */
int x86_handle_mwait(struct x86_vcpu *vcpu)
{
	struct kvm_cpuid_entry2 entry;

	if (x86_has_quirk(vcpu, KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS))
		return x86_skip_insn(vcpu);
	x86_cpuid(vcpu, 0x1, 0, &entry);
	if (entry.ecx & BIT(X86_FEATURE_MWAIT & 31))
		return x86_skip_insn(vcpu);
	x86_queue_ud(vcpu);
	return X86_RUN_AGAIN;
}
