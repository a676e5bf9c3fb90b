/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the SVM backend share. */
#ifndef KVM_SVM_H
#define KVM_SVM_H

#include <linux/percpu.h>
#include <asm/svm.h>

#include "../backend.h"
#include "asid.h"
#include "entry.h"

/* Parts of the VMCB that the CPU may still have from the last time (APM 2, 15.15). */
enum svm_clean {
	SVM_CLEAN_INTERCEPTS	= BIT(0),	/* intercepts, TSC offset, pause filter */
	SVM_CLEAN_IOPM		= BIT(1),	/* both permission maps */
	SVM_CLEAN_ASID		= BIT(2),
	SVM_CLEAN_TPR		= BIT(3),	/* int_ctl and int_vector */
	SVM_CLEAN_NP		= BIT(4),	/* nested paging and g_pat */
	SVM_CLEAN_CR		= BIT(5),	/* CR0, CR3, CR4, EFER */
	SVM_CLEAN_DR		= BIT(6),	/* DR6, DR7 */
	SVM_CLEAN_DT		= BIT(7),	/* GDTR, IDTR */
	SVM_CLEAN_SEG		= BIT(8),	/* CS, DS, SS, ES, CPL */
	SVM_CLEAN_CR2		= BIT(9),
	SVM_CLEAN_ALL		= GENMASK(9, 0),
};

/* Reads and writes of DR0 to DR7. */
#define SVM_ALL_DR	0x00ff00ff

/**
 * struct svm_cpu - a host CPU that runs guests
 * @pages: for VM_HSAVE_PA, and after it for VMSAVE of the host's state
 * @host_pa: the latter
 * @asids: its address space identifiers
 * @tsc_aux: TSC_AUX now
 * @host_tsc_aux: and what the host keeps there
 * @tsc_ratio: TSC_RATIO now, where the CPU has it
 * @last_vcpu: who ran last, by svm_vcpu.id: branch predictors remember it
 */
struct svm_cpu {
	struct page *pages;
	hpa_t host_pa;
	struct svm_asid_pool asids;
	u64 tsc_aux, host_tsc_aux;
	u64 tsc_ratio;
	u64 last_vcpu;
};

DECLARE_PER_CPU(struct svm_cpu, svm_cpu);

/**
 * struct svm_vcpu - a vCPU under SVM
 * @vmcb: control block and guest state, one page (APM 2, appendix B)
 * @msrpm: an MSR permission map of its own, or NULL
 * @entry: for svm_vmrun()
 * @clean: SVM_CLEAN_* for the next entry
 * @cs: what x86_vcpu.seg[X86_CS] was made of
 * @id: never given twice
 * @asid: the current one
 * @virq: VMRUN is given a virtual interrupt
 * @irq_window: and exits instead of its delivery
 * @db_open: no access to debug registers exits
 * @iret_exits: IRET is intercepted
 * @iret_seen: the guest is at the IRET that ends its NMI handler, at @iret_rip
 * @stepping: RFLAGS.TF is ours, to get to where an NMI can come in
 */
struct svm_vcpu {
	struct vmcb *vmcb;
	void *msrpm;
	struct svm_entry entry;
	u32 clean;
	struct vmcb_seg cs;
	u64 id;
	struct svm_asid asid;
	bool virq;
	bool irq_window;
	bool db_open;
	bool iret_exits;
	bool iret_seen;
	bool stepping;
	u64 iret_rip;
};

static inline struct svm_vcpu *to_svm(struct x86_vcpu *vcpu)
{
	return vcpu->backend;
}

static inline void svm_set_intercept(struct vmcb *vmcb, unsigned int bit, bool on)
{
	if (on)
		vmcb->control.intercepts[bit / 32] |= BIT(bit % 32);
	else
		vmcb->control.intercepts[bit / 32] &= ~BIT(bit % 32);
}

/* svm.c */
u64 svm_vm_cr(void);
const char *svm_why_not(void);

/* vmcb.c */
int svm_iopm_init(void);
void svm_iopm_exit(void);
int svm_create_vcpu(struct x86_vcpu *vcpu);
void svm_destroy_vcpu(struct x86_vcpu *vcpu);
void svm_flush_groups(struct x86_vcpu *vcpu);
void svm_fetch(struct x86_vcpu *vcpu, enum x86_group group);
void svm_unpack_code(struct x86_vcpu *vcpu);

/* X86_GROUP_CODE: the guest seldom changes CS. */
static inline void svm_fetch_code(struct x86_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	const struct vmcb_save_area *save = &svm->vmcb->save;

	vcpu->cpl = save->cpl;
	if (unlikely(memcmp(&svm->cs, &save->cs, sizeof(svm->cs))))
		svm_unpack_code(vcpu);
}

/* enter.c */
void svm_load(struct x86_vcpu *vcpu, int cpu);
void svm_put(struct x86_vcpu *vcpu);
void svm_run(struct x86_vcpu *vcpu);
#if IS_ENABLED(CONFIG_KUNIT)
void svm_prepare_asid(struct x86_vcpu *vcpu);
#endif

/* exit.c */
void svm_fill_exit(struct x86_vcpu *vcpu);

/* msrpm.c */
int svm_msrpm_init(void);
void svm_msrpm_exit(void);
hpa_t svm_msrpm_pa(struct svm_vcpu *svm);
void svm_msrpm_free(struct svm_vcpu *svm);

/**
 * svm_set_msr_exits() - which accesses of the guest to an MSR exit
 * @vcpu: the vCPU, not running
 * @msr: the MSR
 * @read: RDMSR exits
 * @write: WRMSR exits
 *
 * Return: 0, or -ENOMEM; then nothing has changed.
 */
int svm_set_msr_exits(struct x86_vcpu *vcpu, u32 msr, bool read, bool write);
int svm_filter_msrs(struct x86_vcpu *vcpu);

#endif
