// SPDX-License-Identifier: GPL-2.0
/* The architecture's part of load and unload, and the choice of a backend. */
#include <linux/module.h>
#include <linux/string.h>

#include "apf.h"
#include "backend.h"
#include "cpuid.h"
#include "mce.h"
#include "msr.h"
#include "run.h"
#include "xstate.h"

#define X86_BACKEND_DEFINE(op)						\
	DEFINE_STATIC_CALL_NULL(x86_##op, *((struct x86_backend *)0)->op);
X86_BACKEND_OPS(X86_BACKEND_DEFINE)

static const struct x86_backend *const backends[] = {
	&svm_backend,
#ifdef KVMCORE_KUNIT
	&fake_backend,
#endif
};

static const struct x86_backend *backend;

/* Only builds with tests have more than one to choose from. */
#ifdef KVMCORE_KUNIT
static char *backend_name = "svm";
module_param_named(backend, backend_name, charp, 0444);
MODULE_PARM_DESC(backend, "what runs the guests: svm, or fake for KUnit");
#else
static const char *const backend_name = "svm";
#endif

int __init kvm_arch_init(void)
{
	int i, r;

	for (i = 0; i < ARRAY_SIZE(backends); i++)
		if (!strcmp(backends[i]->name, backend_name))
			backend = backends[i];
	if (!backend)
		return -EINVAL;

	r = x86_apf_init();
	if (r)
		return r;
	r = backend->probe();
	if (r) {
		x86_apf_exit();
		return r;
	}

#define X86_BACKEND_UPDATE(op)	static_call_update(x86_##op, backend->op);
	X86_BACKEND_OPS(X86_BACKEND_UPDATE)
	x86_fpu_init();
	x86_xstate_init();
	x86_cpuid_init();
	return 0;
}

void kvm_arch_exit(void)
{
	backend->exit();
	x86_apf_exit();
}

int kvm_arch_enable_cpu(void)
{
	return x86_backend_call(enable_cpu)();
}

void kvm_arch_disable_cpu(void)
{
	x86_backend_call(disable_cpu)();
}

void kvm_arch_resume(void)
{
	x86_clock_resume();
}

static const struct kvm_ioctl dev_rows[] = {
	KVM_ROW(KVM_GET_MSR_INDEX_LIST, x86_get_msr_index_list, .raw = true),
	KVM_ROW(KVM_GET_SUPPORTED_CPUID, x86_get_supported_cpuid),
	KVM_ROW(KVM_GET_EMULATED_CPUID, x86_get_emulated_cpuid),
	KVM_ROW(KVM_GET_MSR_FEATURE_INDEX_LIST, x86_get_msr_feature_index_list,
		.raw = true),
	KVM_ROW(KVM_GET_MSRS, x86_get_feature_msrs),
	KVM_ROW(KVM_X86_GET_MCE_CAP_SUPPORTED, x86_get_mce_cap_supported),
	KVM_ROW(KVM_GET_DEVICE_ATTR, x86_dev_get_attr),
	KVM_ROW(KVM_HAS_DEVICE_ATTR, x86_dev_has_attr),
};

const struct kvm_ioctl_table kvm_arch_dev_ioctls = KVM_IOCTL_TABLE(dev_rows);
