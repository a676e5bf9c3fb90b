// SPDX-License-Identifier: GPL-2.0
/* KVM_{GET,SET}_SREGS{,2}: segments, tables, control registers. */
#include <linux/bitmap.h>
#include <linux/string.h>

#include "apic_base.h"
#include "regs.h"
#include "vcpu_events.h"

/* Both structures start alike; everything but what differs moves as sregs2. */
static_assert(offsetof(struct kvm_sregs, interrupt_bitmap) ==
	      offsetof(struct kvm_sregs2, flags));

static void table_to_user(const struct x86_table *table, struct kvm_dtable *out)
{
	*out = (struct kvm_dtable){ .base = table->base, .limit = table->limit };
}

static struct x86_table table_from_user(const struct kvm_dtable *in)
{
	return (struct x86_table){ .base = in->base, .limit = in->limit };
}

static void sregs_to_user(struct x86_vcpu *vcpu, struct kvm_sregs2 *sregs)
{
	x86_fetch(vcpu, X86_GROUP_SEGMENTS);
	x86_fetch(vcpu, X86_GROUP_TABLES);
	x86_fetch(vcpu, X86_GROUP_CONTROL);

	sregs->cs = vcpu->seg[X86_CS];
	sregs->ds = vcpu->seg[X86_DS];
	sregs->es = vcpu->seg[X86_ES];
	sregs->fs = vcpu->seg[X86_FS];
	sregs->gs = vcpu->seg[X86_GS];
	sregs->ss = vcpu->seg[X86_SS];
	sregs->tr = vcpu->seg[X86_TR];
	sregs->ldt = vcpu->seg[X86_LDTR];
	table_to_user(&vcpu->gdt, &sregs->gdt);
	table_to_user(&vcpu->idt, &sregs->idt);
	sregs->cr0 = vcpu->cr0;
	sregs->cr2 = vcpu->cr2;
	sregs->cr3 = vcpu->cr3;
	sregs->cr4 = vcpu->cr4;
	sregs->cr8 = x86_get_cr8(vcpu);
	sregs->efer = vcpu->efer;
	sregs->apic_base = vcpu->apic_base;
}

static void segments_from_user(struct x86_vcpu *vcpu, const struct kvm_sregs2 *sregs)
{
	vcpu->seg[X86_CS] = sregs->cs;
	vcpu->seg[X86_DS] = sregs->ds;
	vcpu->seg[X86_ES] = sregs->es;
	vcpu->seg[X86_FS] = sregs->fs;
	vcpu->seg[X86_GS] = sregs->gs;
	vcpu->seg[X86_SS] = sregs->ss;
	vcpu->seg[X86_TR] = sregs->tr;
	vcpu->seg[X86_LDTR] = sregs->ldt;
	vcpu->cpl = sregs->ss.dpl & 3;
	x86_mark_dirty(vcpu, X86_GROUP_SEGMENTS);
}

static int sregs_from_user(struct x86_vcpu *vcpu, const struct kvm_sregs2 *sregs)
{
	int r = x86_check_control(vcpu, sregs);

	if (!r)
		r = x86_set_apic_base(vcpu, sregs->apic_base, true);
	if (r)
		return r;

	/* The control group is written whole but for PAT. */
	x86_fetch(vcpu, X86_GROUP_CONTROL);
	segments_from_user(vcpu, sregs);
	vcpu->gdt = table_from_user(&sregs->gdt);
	vcpu->idt = table_from_user(&sregs->idt);
	x86_mark_dirty(vcpu, X86_GROUP_TABLES);
	vcpu->cr0 = sregs->cr0;
	vcpu->cr2 = sregs->cr2;
	vcpu->cr3 = sregs->cr3;
	vcpu->cr4 = sregs->cr4;
	vcpu->efer = sregs->efer;
	x86_mark_dirty(vcpu, X86_GROUP_CONTROL);
	x86_set_cr8(vcpu, sregs->cr8);

	vcpu->flush_tlb = true;
	kvm_make_request(X86_REQ_EVENT, &vcpu->vcpu);
	return 0;
}

void x86_sregs_to_user(struct x86_vcpu *vcpu, struct kvm_sregs *sregs)
{
	int vector = x86_saved_interrupt(vcpu);

	sregs_to_user(vcpu, (struct kvm_sregs2 *)sregs);
	memset(sregs->interrupt_bitmap, 0, sizeof(sregs->interrupt_bitmap));
	if (vector >= 0)
		__set_bit(vector, (unsigned long *)sregs->interrupt_bitmap);
}

int x86_sregs_from_user(struct x86_vcpu *vcpu, const struct kvm_sregs *sregs)
{
	unsigned int vector;
	int r;

	r = sregs_from_user(vcpu, (const struct kvm_sregs2 *)sregs);
	if (r)
		return r;
	vector = find_first_bit((const unsigned long *)sregs->interrupt_bitmap,
				KVM_NR_INTERRUPTS);
	if (vector < KVM_NR_INTERRUPTS)
		x86_restore_interrupt(vcpu, vector);
	return 0;
}

long x86_get_sregs(struct kvm_ioctl_args *args)
{
	x86_sregs_to_user(to_x86(args->vcpu), args->data);
	return 0;
}

long x86_set_sregs(struct kvm_ioctl_args *args)
{
	return x86_sregs_from_user(to_x86(args->vcpu), args->data);
}

/*
 * Under nested paging the PDPTEs of PAE paging are read from memory with
 * every walk (APM 2, 15.25.10): there are no registers to save, and those of
 * another host that had them are in the guest's memory too.
 */
long x86_get_sregs2(struct kvm_ioctl_args *args)
{
	sregs_to_user(to_x86(args->vcpu), args->data);
	return 0;
}

long x86_set_sregs2(struct kvm_ioctl_args *args)
{
	const struct kvm_sregs2 *sregs = args->data;
	bool pae = (sregs->cr0 & X86_CR0_PG) && (sregs->cr4 & X86_CR4_PAE) &&
		   !(sregs->efer & EFER_LMA);

	if ((sregs->flags & KVM_SREGS2_FLAGS_PDPTRS_VALID) && !pae)
		return -EINVAL;
	return sregs_from_user(to_x86(args->vcpu), sregs);
}
