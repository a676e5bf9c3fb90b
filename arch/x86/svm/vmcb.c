// SPDX-License-Identifier: GPL-2.0
/* The VMCB: made, filled from the vCPU's state, read back into it. */
#include <linux/atomic.h>
#include <linux/gfp.h>
#include <linux/mem_encrypt.h>
#include <linux/slab.h>
#include <asm/cpufeature.h>
#include <asm/traps.h>

#include "svm.h"

/* I/O permission map: three pages, and every port exits (APM 2, 15.10). */
#define IOPM_SIZE	(3 * PAGE_SIZE)

static void *iopm;

int svm_iopm_init(void)
{
	iopm = alloc_pages_exact(IOPM_SIZE, GFP_KERNEL);
	if (!iopm)
		return -ENOMEM;
	memset(iopm, 0xff, IOPM_SIZE);
	return 0;
}

void svm_iopm_exit(void)
{
	free_pages_exact(iopm, IOPM_SIZE);
}

/* What a guest can never do by itself. */
static const u8 fixed_intercepts[] = {
	INTERCEPT_CR4_WRITE,
	/* The host's own events. */
	INTERCEPT_INTR, INTERCEPT_NMI, INTERCEPT_SMI, INTERCEPT_INIT,
	INTERCEPT_SHUTDOWN,
	/* Exceptions that can repeat without end inside the CPU, and the host's. */
	INTERCEPT_EXCEPTION_OFFSET + X86_TRAP_DB,
	INTERCEPT_EXCEPTION_OFFSET + X86_TRAP_AC,
	INTERCEPT_EXCEPTION_OFFSET + X86_TRAP_MC,
	/* May be the hypercall of another vendor. */
	INTERCEPT_EXCEPTION_OFFSET + X86_TRAP_UD,
	/* What is emulated. */
	INTERCEPT_CPUID, INTERCEPT_IOIO_PROT, INTERCEPT_MSR_PROT,
	INTERCEPT_VMMCALL, INTERCEPT_RDPMC, INTERCEPT_XSETBV, INTERCEPT_RSM,
	/* What would reach the host's caches, TLBs and counters. */
	INTERCEPT_INVD, INTERCEPT_WBINVD, INTERCEPT_INVLPGA, INTERCEPT_RDPRU,
	/* No SVM inside the guest. */
	INTERCEPT_VMRUN, INTERCEPT_VMLOAD, INTERCEPT_VMSAVE, INTERCEPT_STGI,
	INTERCEPT_CLGI, INTERCEPT_SKINIT,
};

/* All of them from scratch, those of open windows for interrupts and NMIs too. */
static void svm_flush_intercepts(struct x86_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct vmcb *vmcb = svm->vmcb;
	u64 disabled = READ_ONCE(to_x86_vm(vcpu->vcpu.kvm)->disabled_exits);
	u32 debug = vcpu->vcpu.guest_debug;
	int i;

	memset(vmcb->control.intercepts, 0, sizeof(vmcb->control.intercepts));
	for (i = 0; i < ARRAY_SIZE(fixed_intercepts); i++)
		svm_set_intercept(vmcb, fixed_intercepts[i], true);

	svm_set_intercept(vmcb, INTERCEPT_HLT, !(disabled & KVM_X86_DISABLE_EXITS_HLT));
	svm_set_intercept(vmcb, INTERCEPT_MONITOR, !(disabled & KVM_X86_DISABLE_EXITS_MWAIT));
	svm_set_intercept(vmcb, INTERCEPT_MWAIT, !(disabled & KVM_X86_DISABLE_EXITS_MWAIT));
	svm_set_intercept(vmcb, INTERCEPT_PAUSE,
			  boot_cpu_has(X86_FEATURE_PAUSEFILTER) &&
			  !(disabled & KVM_X86_DISABLE_EXITS_PAUSE));
	svm_set_intercept(vmcb, INTERCEPT_CR8_WRITE, vcpu->cr8_exits || svm->virq);
	svm_set_intercept(vmcb, INTERCEPT_VINTR, svm->irq_window);
	svm_set_intercept(vmcb, INTERCEPT_IRET, svm->iret_exits);
	svm_set_intercept(vmcb, INTERCEPT_EXCEPTION_OFFSET + X86_TRAP_BP,
			  debug & KVM_GUESTDBG_USE_SW_BP);

	if (!svm->db_open)
		vmcb->control.intercepts[INTERCEPT_DR] = SVM_ALL_DR;
	svm->clean &= ~SVM_CLEAN_INTERCEPTS;
}

/* Segments: the VMCB packs the attributes of a descriptor into twelve bits. */

static void svm_pack_segment(struct vmcb_seg *to, const struct kvm_segment *from)
{
	to->selector = from->selector;
	to->base = from->base;
	to->limit = from->limit;
	to->attrib = 0;
	if (from->unusable)
		return;
	to->attrib = (from->type & 0xf) | (from->s & 1) << SVM_SELECTOR_S_SHIFT |
		     (from->dpl & 3) << SVM_SELECTOR_DPL_SHIFT |
		     (from->present & 1) << SVM_SELECTOR_P_SHIFT |
		     (from->avl & 1) << SVM_SELECTOR_AVL_SHIFT |
		     (from->l & 1) << SVM_SELECTOR_L_SHIFT |
		     (from->db & 1) << SVM_SELECTOR_DB_SHIFT |
		     (from->g & 1) << SVM_SELECTOR_G_SHIFT;
}

static void svm_unpack_segment(struct kvm_segment *to, const struct vmcb_seg *from)
{
	u16 attrib = from->attrib;

	*to = (struct kvm_segment) {
		.selector = from->selector,
		.base = from->base,
		.limit = from->limit,
		.type = attrib & SVM_SELECTOR_TYPE_MASK,
		.s = attrib >> SVM_SELECTOR_S_SHIFT & 1,
		.dpl = attrib >> SVM_SELECTOR_DPL_SHIFT & 3,
		.present = attrib >> SVM_SELECTOR_P_SHIFT & 1,
		.avl = attrib >> SVM_SELECTOR_AVL_SHIFT & 1,
		.l = attrib >> SVM_SELECTOR_L_SHIFT & 1,
		.db = attrib >> SVM_SELECTOR_DB_SHIFT & 1,
		.g = attrib >> SVM_SELECTOR_G_SHIFT & 1,
	};
	to->unusable = !to->present;
}

static struct vmcb_seg *svm_segment(struct vmcb *vmcb, enum x86_seg seg)
{
	switch (seg) {
	case X86_ES:	return &vmcb->save.es;
	case X86_CS:	return &vmcb->save.cs;
	case X86_SS:	return &vmcb->save.ss;
	case X86_DS:	return &vmcb->save.ds;
	case X86_FS:	return &vmcb->save.fs;
	case X86_GS:	return &vmcb->save.gs;
	case X86_LDTR:	return &vmcb->save.ldtr;
	default:	return &vmcb->save.tr;
	}
}

void svm_unpack_code(struct x86_vcpu *vcpu)
{
	struct kvm_segment *cs = &vcpu->seg[X86_CS];
	struct svm_vcpu *svm = to_svm(vcpu);

	svm->cs = svm->vmcb->save.cs;
	svm_unpack_segment(cs, &svm->cs);
	/* The limit is in bytes, and the G bit not always kept (APM 2, 15.5.1). */
	cs->g = cs->limit > 0xfffff;
}

static void svm_fetch_segments(struct x86_vcpu *vcpu)
{
	struct vmcb *vmcb = to_svm(vcpu)->vmcb;
	int i;

	for (i = 0; i < X86_NR_SEGS; i++)
		if (i != X86_CS)
			svm_unpack_segment(&vcpu->seg[i], svm_segment(vmcb, i));
	svm_fetch_code(vcpu);
	/* Neither is the busy bit, nor that CPL is the DPL of SS. */
	vcpu->seg[X86_TR].type |= 2;
	vcpu->seg[X86_SS].dpl = vmcb->save.cpl;
}

static void svm_flush_segments(struct x86_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	int i;

	for (i = 0; i < X86_NR_SEGS; i++)
		svm_pack_segment(svm_segment(svm->vmcb, i), &vcpu->seg[i]);
	svm->vmcb->save.cpl = vcpu->cpl;
	/* What stands in seg[] need not be what the hardware makes of it. */
	svm->cs = (struct vmcb_seg) { .attrib = U16_MAX };
	svm->clean &= ~SVM_CLEAN_SEG;
}

/* The other groups */

static void svm_flush_control(struct x86_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct vmcb_save_area *save = &svm->vmcb->save;

	save->cr0 = vcpu->cr0;
	/* Firmware that never switches the caches on would crawl. */
	if (x86_has_quirk(vcpu, KVM_X86_QUIRK_CD_NW_CLEARED))
		save->cr0 &= ~(u64)(X86_CR0_CD | X86_CR0_NW);
	save->cr2 = vcpu->cr2;
	save->cr3 = vcpu->cr3;
	save->cr4 = vcpu->cr4;
	save->efer = vcpu->efer | EFER_SVME;
	save->g_pat = vcpu->pat;
	svm->clean &= ~(SVM_CLEAN_CR | SVM_CLEAN_CR2 | SVM_CLEAN_NP);
}

static void svm_fetch_control(struct x86_vcpu *vcpu)
{
	struct vmcb_save_area *save = &to_svm(vcpu)->vmcb->save;

	vcpu->cr0 = save->cr0;
	vcpu->cr2 = save->cr2;
	vcpu->cr3 = save->cr3;
	vcpu->cr4 = save->cr4;
	vcpu->efer = save->efer & ~EFER_SVME;
}

static void svm_flush_syscall(struct x86_vcpu *vcpu)
{
	struct vmcb_save_area *save = &to_svm(vcpu)->vmcb->save;

	save->star = vcpu->star;
	save->lstar = vcpu->lstar;
	save->cstar = vcpu->cstar;
	save->sfmask = vcpu->sfmask;
	save->kernel_gs_base = vcpu->kernel_gs_base;
	save->sysenter_cs = vcpu->sysenter_cs;
	save->sysenter_esp = vcpu->sysenter_esp;
	save->sysenter_eip = vcpu->sysenter_eip;
}

static void svm_fetch_syscall(struct x86_vcpu *vcpu)
{
	struct vmcb_save_area *save = &to_svm(vcpu)->vmcb->save;

	vcpu->star = save->star;
	vcpu->lstar = save->lstar;
	vcpu->cstar = save->cstar;
	vcpu->sfmask = save->sfmask;
	vcpu->kernel_gs_base = save->kernel_gs_base;
	vcpu->sysenter_cs = save->sysenter_cs;
	vcpu->sysenter_esp = save->sysenter_esp;
	vcpu->sysenter_eip = save->sysenter_eip;
}

static void svm_flush_tables(struct x86_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	svm->vmcb->save.gdtr.base = vcpu->gdt.base;
	svm->vmcb->save.gdtr.limit = vcpu->gdt.limit;
	svm->vmcb->save.idtr.base = vcpu->idt.base;
	svm->vmcb->save.idtr.limit = vcpu->idt.limit;
	svm->clean &= ~SVM_CLEAN_DT;
}

static void svm_fetch_tables(struct x86_vcpu *vcpu)
{
	struct vmcb_save_area *save = &to_svm(vcpu)->vmcb->save;

	vcpu->gdt = (struct x86_table) { save->gdtr.base, save->gdtr.limit };
	vcpu->idt = (struct x86_table) { save->idtr.base, save->idtr.limit };
}

/* A debugger of the host has its own breakpoints; then the guest's sleep. */
static void svm_flush_debug(struct x86_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	u32 debug = vcpu->vcpu.guest_debug;

	svm->vmcb->save.dr6 = vcpu->dr6;
	svm->vmcb->save.dr7 = debug & KVM_GUESTDBG_USE_HW_BP ? vcpu->debug_dr7 : vcpu->dr7;
	svm->clean &= ~SVM_CLEAN_DR;
}

static void svm_flush_tsc(struct x86_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	svm->vmcb->control.tsc_offset = vcpu->tsc_offset;
	svm->clean &= ~SVM_CLEAN_INTERCEPTS;
}

void svm_flush_groups(struct x86_vcpu *vcpu)
{
	unsigned long dirty = vcpu->dirty;

	vcpu->dirty = 0;
	if (dirty & BIT(X86_GROUP_SEGMENTS))
		svm_flush_segments(vcpu);
	if (dirty & BIT(X86_GROUP_TABLES))
		svm_flush_tables(vcpu);
	if (dirty & BIT(X86_GROUP_CONTROL))
		svm_flush_control(vcpu);
	if (dirty & BIT(X86_GROUP_DEBUG))
		svm_flush_debug(vcpu);
	if (dirty & BIT(X86_GROUP_SYSCALL))
		svm_flush_syscall(vcpu);
	if (dirty & BIT(X86_GROUP_TSC))
		svm_flush_tsc(vcpu);
	if (dirty & BIT(X86_GROUP_INTERCEPTS))
		svm_flush_intercepts(vcpu);
}

void svm_fetch(struct x86_vcpu *vcpu, enum x86_group group)
{
	switch (group) {
	case X86_GROUP_SEGMENTS:
		svm_fetch_segments(vcpu);
		break;
	case X86_GROUP_CODE:
		svm_fetch_code(vcpu);
		break;
	case X86_GROUP_TABLES:
		svm_fetch_tables(vcpu);
		break;
	case X86_GROUP_CONTROL:
		svm_fetch_control(vcpu);
		break;
	case X86_GROUP_SYSCALL:
		svm_fetch_syscall(vcpu);
		break;
	default:
		/* The rest the guest cannot change behind our back. */
		break;
	}
}

/* Birth and death */

static void svm_init_vmcb(struct x86_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct vmcb_control_area *control = &svm->vmcb->control;

	control->iopm_base_pa = __sme_pa(iopm);
	control->msrpm_base_pa = svm_msrpm_pa(svm);
	control->nested_ctl = SVM_NESTED_CTL_NP_ENABLE;
	control->nested_cr3 = x86_mmu_root(vcpu);
	/* RFLAGS.IF and CR8 are the guest's own; the host's stay in force. */
	control->int_ctl = V_INTR_MASKING_MASK;
	if (boot_cpu_has(X86_FEATURE_PAUSEFILTER))
		control->pause_filter_count = 3000;
	if (boot_cpu_has(X86_FEATURE_PFTHRESHOLD))
		control->pause_filter_thresh = 128;
}

int svm_create_vcpu(struct x86_vcpu *vcpu)
{
	static atomic64_t last_id;
	struct svm_vcpu *svm = kzalloc(sizeof(*svm), GFP_KERNEL_ACCOUNT);

	if (!svm)
		return -ENOMEM;
	svm->vmcb = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!svm->vmcb) {
		kfree(svm);
		return -ENOMEM;
	}
	svm->id = atomic64_inc_return(&last_id);
	svm->entry.gpr = vcpu->gpr;
	svm->entry.vmcb_pa = __sme_pa(svm->vmcb);
	vcpu->backend = svm;
	svm_init_vmcb(vcpu);
	return 0;
}

void svm_destroy_vcpu(struct x86_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	if (svm->msrpm)
		svm_msrpm_free(svm);
	free_page((unsigned long)svm->vmcb);
	kfree(svm);
}
