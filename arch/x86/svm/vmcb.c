// SPDX-License-Identifier: GPL-2.0
/* The VMCB: made, filled, read back. */
#include <linux/gfp.h>
#include <linux/slab.h>

#include "svm.h"

int svm_create_vcpu(struct x86_vcpu *vcpu)
{
	struct svm_vcpu *svm = kzalloc(sizeof(*svm), GFP_KERNEL_ACCOUNT);

	if (!svm)
		return -ENOMEM;
	svm->vmcb = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!svm->vmcb) {
		kfree(svm);
		return -ENOMEM;
	}
	vcpu->backend = svm;
	return 0;
}

void svm_destroy_vcpu(struct x86_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	free_page((unsigned long)svm->vmcb);
	kfree(svm);
}

void svm_load(struct x86_vcpu *vcpu, int cpu)
{
}

void svm_put(struct x86_vcpu *vcpu)
{
}

void svm_run(struct x86_vcpu *vcpu)
{
	vcpu->exit.reason = X86_EXIT_FAIL_ENTRY;
}

void svm_fetch(struct x86_vcpu *vcpu, enum x86_group group)
{
}
