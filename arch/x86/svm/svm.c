// SPDX-License-Identifier: GPL-2.0
/* SVM: is it there, switch it on and off. */
#include <linux/cpu.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mem_encrypt.h>
#include <linux/percpu.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/perf_event.h>
#include <asm/reboot.h>
#include <asm/svm.h>

#ifdef KVMCORE_KUNIT
#include <kunit/static_stub.h>
#else
#define KUNIT_STATIC_STUB_REDIRECT(...)	do { } while (0)
#endif

#include "../tsc.h"
#include "svm.h"

/* The ratio is a fixed-point number of 8 and 32 bits (APM 2, 15.30.5). */
#define SVM_TSC_FRAC_BITS	32

/* Two pages a CPU: for VMRUN (APM 2, 15.30.4) and for VMSAVE. */
#define SVM_HOST_ORDER	1

DEFINE_PER_CPU(struct svm_cpu, svm_cpu);

static void svm_disable_cpu(void)
{
	u64 efer;

	amd_pmu_disable_virt();
	/* As it was found: whoever comes next may not know of it. */
	if (boot_cpu_has(X86_FEATURE_TSCRATEMSR))
		wrmsrl(MSR_AMD64_TSC_RATIO, SVM_TSC_RATIO_DEFAULT);
	rdmsrl(MSR_EFER, efer);
	wrmsrl(MSR_EFER, efer & ~EFER_SVME);
	wrmsrl(MSR_VM_HSAVE_PA, 0);
}

static int svm_enable_cpu(void)
{
	struct svm_cpu *here = this_cpu_ptr(&svm_cpu);
	u64 efer, area;

	rdmsrl(MSR_EFER, efer);
	if (efer & EFER_SVME)
		return -EBUSY;
	/* #GP if the firmware has locked this CPU alone. */
	if (wrmsrl_safe(MSR_EFER, efer | EFER_SVME))
		return -EBUSY;
	/* Where the host encrypts its memory, the CPU must do so here, too. */
	area = __sme_set(page_to_phys(here->pages));
	wrmsrl(MSR_VM_HSAVE_PA, area);
	here->host_pa = area + PAGE_SIZE;
	here->last_vcpu = 0;
	here->tsc_ratio = SVM_TSC_RATIO_DEFAULT;
	if (boot_cpu_has(X86_FEATURE_TSCRATEMSR))
		wrmsrl(MSR_AMD64_TSC_RATIO, here->tsc_ratio);
	if (boot_cpu_has(X86_FEATURE_RDTSCP))
		rdmsrl(MSR_TSC_AUX, here->host_tsc_aux);
	here->tsc_aux = here->host_tsc_aux;
	/* From here on counters can tell host from guest. */
	amd_pmu_enable_virt();
	svm_asid_init_pool(&here->asids, cpuid_ebx(SVM_CPUID_FUNC));
	return 0;
}

/*
 * Crash and kexec: no lock, perhaps in the middle of anything. With SVME on,
 * INIT would be held back while GIF is clear, and the other CPUs would not
 * come to the new kernel.
 */
static void svm_emergency_disable(void)
{
	u64 efer;

	rdmsrl(MSR_EFER, efer);
	if (!(efer & EFER_SVME))
		return;
	asm volatile("stgi" ::: "memory");
	wrmsrl(MSR_EFER, efer & ~EFER_SVME);
}

static void svm_free_cpus(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct svm_cpu *there = per_cpu_ptr(&svm_cpu, cpu);

		if (there->pages)
			__free_pages(there->pages, SVM_HOST_ORDER);
		there->pages = NULL;
	}
}

static int svm_alloc_cpus(void)
{
	struct page *pages;
	int cpu;

	for_each_possible_cpu(cpu) {
		pages = alloc_pages_node(cpu_to_node(cpu), GFP_KERNEL | __GFP_ZERO,
					 SVM_HOST_ORDER);
		if (!pages) {
			svm_free_cpus();
			return -ENOMEM;
		}
		per_cpu(svm_cpu, cpu).pages = pages;
	}
	return 0;
}

/* What the firmware left in VM_CR (APM 2, 15.30.1); nothing where there is no such MSR. */
u64 svm_vm_cr(void)
{
	u64 vm_cr;

	KUNIT_STATIC_STUB_REDIRECT(svm_vm_cr);
	return rdmsrl_safe(MSR_VM_CR, &vm_cr) ? 0 : vm_cr;
}

/* Why this CPU cannot be used, for the log; NULL if it can. */
const char *svm_why_not(void)
{
	/* First: where it is locked the kernel has cleared the feature bit. */
	if (svm_vm_cr() & SVM_VM_CR_SVM_DIS_MASK)
		return "SVM is locked by the firmware: enable virtualization in its setup";
	if (!boot_cpu_has(X86_FEATURE_SVM))
		return "this CPU has no SVM: kvmcore needs an AMD CPU, in a guest one with SVM";
	if (!boot_cpu_has(X86_FEATURE_NPT))
		return "this CPU has no nested paging, which kvmcore needs";
	return NULL;
}

static int svm_probe(void)
{
	const char *why_not = svm_why_not();
	int r;

	if (why_not) {
		pr_err("kvm: %s\n", why_not);
		return -EOPNOTSUPP;
	}
	r = svm_alloc_cpus();
	if (r)
		return r;
	r = svm_iopm_init();
	if (r)
		goto err_cpus;
	r = svm_msrpm_init();
	if (r)
		goto err_iopm;
	cpu_emergency_register_virt_callback(svm_emergency_disable);
	if (boot_cpu_has(X86_FEATURE_TSCRATEMSR)) {
		x86_tsc_frac_bits = SVM_TSC_FRAC_BITS;
		x86_tsc_max_ratio = SVM_TSC_RATIO_MAX;
	}
	return 0;

err_iopm:
	svm_iopm_exit();
err_cpus:
	svm_free_cpus();
	return r;
}

static void svm_exit(void)
{
	cpu_emergency_unregister_virt_callback(svm_emergency_disable);
	svm_msrpm_exit();
	svm_iopm_exit();
	svm_free_cpus();
}

static int svm_create_vm(struct x86_vm *vm)
{
	return 0;
}

static void svm_destroy_vm(struct x86_vm *vm)
{
}

const struct x86_backend svm_backend = {
	.name		= "svm",
	.probe		= svm_probe,
	.exit		= svm_exit,
	.enable_cpu	= svm_enable_cpu,
	.disable_cpu	= svm_disable_cpu,
	.create_vm	= svm_create_vm,
	.destroy_vm	= svm_destroy_vm,
	.create_vcpu	= svm_create_vcpu,
	.destroy_vcpu	= svm_destroy_vcpu,
	.load		= svm_load,
	.put		= svm_put,
	.run		= svm_run,
	.filter_msrs	= svm_filter_msrs,
	.fetch		= svm_fetch,
};
