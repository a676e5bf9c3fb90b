/* SPDX-License-Identifier: GPL-2.0 */
/* Machine-check registers, and machine checks that userspace injects. */
#ifndef KVM_X86_MCE_H
#define KVM_X86_MCE_H

#include "x86.h"

int x86_mce_set_status(struct x86_vcpu *vcpu, u32 index, u64 data, bool host);
int x86_mce_get_ctl(struct x86_vcpu *vcpu, u32 index, u64 *data, bool host);
int x86_mce_set_ctl(struct x86_vcpu *vcpu, u32 index, u64 data, bool host);
int x86_mce_get_bank(struct x86_vcpu *vcpu, u32 index, u64 *data, bool host);
int x86_mce_set_bank(struct x86_vcpu *vcpu, u32 index, u64 data, bool host);

void x86_mce_destroy(struct x86_vcpu *vcpu);

long x86_get_mce_cap_supported(struct kvm_ioctl_args *args);
long x86_setup_mce(struct kvm_ioctl_args *args);
long x86_set_mce(struct kvm_ioctl_args *args);

#endif
