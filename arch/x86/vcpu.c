// SPDX-License-Identifier: GPL-2.0
/* The x86 part of a vCPU: birth, death, and its place on a host CPU. */
#include <linux/slab.h>

#include "backend.h"

struct kvm_vcpu *kvm_arch_alloc_vcpu(struct kvm *kvm)
{
	struct x86_vcpu *vcpu = kzalloc(sizeof(*vcpu), GFP_KERNEL_ACCOUNT);

	return vcpu ? &vcpu->vcpu : NULL;
}

void kvm_arch_free_vcpu(struct kvm_vcpu *vcpu)
{
	kfree(to_x86(vcpu));
}

int kvm_arch_create_vcpu(struct kvm_vcpu *vcpu)
{
	return x86_backend_call(create_vcpu)(to_x86(vcpu));
}

void kvm_arch_destroy_vcpu(struct kvm_vcpu *vcpu)
{
	x86_backend_call(destroy_vcpu)(to_x86(vcpu));
}

void x86_fetch_slow(struct x86_vcpu *vcpu, enum x86_group group)
{
	x86_backend_call(fetch)(vcpu, group);
	vcpu->cached |= BIT(group);
}

void kvm_arch_vcpu_added(struct kvm_vcpu *vcpu)
{
}

void kvm_arch_vcpu_load(struct kvm_vcpu *vcpu, int cpu)
{
	x86_backend_call(load)(to_x86(vcpu), cpu);
}

void kvm_arch_vcpu_put(struct kvm_vcpu *vcpu)
{
	x86_backend_call(put)(to_x86(vcpu));
}

struct page *kvm_arch_vcpu_mmap_page(struct kvm_vcpu *vcpu, unsigned long pgoff)
{
	return NULL;
}

static const struct kvm_ioctl vcpu_rows[] = {
};

const struct kvm_ioctl_table kvm_arch_vcpu_ioctls = KVM_IOCTL_TABLE(vcpu_rows);
