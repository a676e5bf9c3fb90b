// SPDX-License-Identifier: GPL-2.0
/* KVM_CAP_SYNC_REGS: registers that travel in the run page. */
#include "regs.h"
#include "sync_regs.h"
#include "vcpu_events.h"

static int from_run(struct x86_vcpu *vcpu, u64 dirty)
{
	const struct kvm_sync_regs *user = &vcpu->vcpu.run->s.regs;
	int r;

	/* Copies: the page is userspace's to change while we look. */
	if (dirty & KVM_SYNC_X86_REGS) {
		struct kvm_regs regs = user->regs;

		barrier();
		r = x86_regs_from_user(vcpu, &regs);
		if (r)
			return r;
	}
	if (dirty & KVM_SYNC_X86_SREGS) {
		struct kvm_sregs sregs = user->sregs;

		barrier();
		r = x86_sregs_from_user(vcpu, &sregs);
		if (r)
			return r;
	}
	if (dirty & KVM_SYNC_X86_EVENTS) {
		struct kvm_vcpu_events events = user->events;

		barrier();
		return x86_events_from_user(vcpu, &events);
	}
	return 0;
}

int x86_sync_from_run(struct x86_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->vcpu.run;
	u64 dirty = READ_ONCE(run->kvm_dirty_regs);
	int r;

	if ((dirty | READ_ONCE(run->kvm_valid_regs)) & ~(u64)KVM_SYNC_X86_VALID_FIELDS)
		return -EINVAL;
	if (!dirty)
		return 0;
	r = from_run(vcpu, dirty);
	if (!r)
		run->kvm_dirty_regs = 0;
	return r;
}

void x86_sync_to_run(struct x86_vcpu *vcpu)
{
	struct kvm_sync_regs *user = &vcpu->vcpu.run->s.regs;
	u64 valid = READ_ONCE(vcpu->vcpu.run->kvm_valid_regs);

	if (valid & KVM_SYNC_X86_REGS)
		x86_regs_to_user(vcpu, &user->regs);
	if (valid & KVM_SYNC_X86_SREGS)
		x86_sregs_to_user(vcpu, &user->sregs);
	if (valid & KVM_SYNC_X86_EVENTS)
		x86_events_to_user(vcpu, &user->events);
}
