/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the SVM backend share. */
#ifndef KVM_SVM_H
#define KVM_SVM_H

#include <asm/svm.h>

#include "../backend.h"

/**
 * struct svm_vcpu - a vCPU under SVM
 * @vmcb: control block and guest state, one page (APM 2, appendix B)
 */
struct svm_vcpu {
	struct vmcb *vmcb;
};

static inline struct svm_vcpu *to_svm(struct x86_vcpu *vcpu)
{
	return vcpu->backend;
}

int svm_create_vcpu(struct x86_vcpu *vcpu);
void svm_destroy_vcpu(struct x86_vcpu *vcpu);
void svm_load(struct x86_vcpu *vcpu, int cpu);
void svm_put(struct x86_vcpu *vcpu);
void svm_run(struct x86_vcpu *vcpu);
void svm_fetch(struct x86_vcpu *vcpu, enum x86_group group);

#endif
