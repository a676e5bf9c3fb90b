// SPDX-License-Identifier: GPL-2.0
/* The x86 part of a vCPU: birth, death, and its place on a host CPU. */
#include <linux/kvm_para.h>
#include <linux/slab.h>
#include <asm/debugreg.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "backend.h"
#include "apic_base.h"
#include "cpuid.h"
#include "debug.h"
#include "irq.h"
#include "lapic.h"
#include "mce.h"
#include "msr.h"
#include "regs.h"
#include "run.h"
#include "tsc.h"
#include "vcpu_events.h"
#include "walk.h"
#include "xstate.h"

struct kvm_vcpu *kvm_arch_alloc_vcpu(struct kvm *kvm)
{
	struct x86_vcpu *vcpu = kzalloc(sizeof(*vcpu), GFP_KERNEL_ACCOUNT);

	return vcpu ? &vcpu->vcpu : NULL;
}

void kvm_arch_free_vcpu(struct kvm_vcpu *vcpu)
{
	kfree(to_x86(vcpu));
}

static struct kvm_segment reset_segment(u16 selector, u8 type, bool s)
{
	return (struct kvm_segment) {
		.selector = selector, .base = selector << 4, .limit = 0xffff,
		.type = type, .s = s, .present = 1,
	};
}

/* APM 2, table 14-1, as are the next two. */
static void reset_segments(struct x86_vcpu *vcpu)
{
	int i;

	for (i = X86_ES; i <= X86_GS; i++)
		vcpu->seg[i] = reset_segment(0, 3, true);
	vcpu->seg[X86_CS] = reset_segment(0xf000, 11, true);
	vcpu->seg[X86_CS].base = 0xffff0000;
	vcpu->seg[X86_LDTR] = reset_segment(0, 2, false);
	vcpu->seg[X86_TR] = reset_segment(0, 11, false);
	vcpu->cpl = 0;
	vcpu->gdt = (struct x86_table) { .limit = 0xffff };
	vcpu->idt = vcpu->gdt;
	x86_mark_dirty(vcpu, X86_GROUP_SEGMENTS);
	x86_mark_dirty(vcpu, X86_GROUP_TABLES);
}

static void reset_control(struct x86_vcpu *vcpu, bool init)
{
	/* INIT leaves the caches as they are, and PAT. */
	if (init)
		x86_fetch(vcpu, X86_GROUP_CONTROL);
	vcpu->cr0 = X86_CR0_ET |
		    (init ? vcpu->cr0 & (X86_CR0_CD | X86_CR0_NW) : X86_CR0_CD | X86_CR0_NW);
	vcpu->cr2 = 0;
	vcpu->cr3 = 0;
	vcpu->cr4 = 0;
	vcpu->cr8 = 0;
	vcpu->efer = 0;
	x86_mark_dirty(vcpu, X86_GROUP_CONTROL);

	memset(vcpu->db, 0, sizeof(vcpu->db));
	vcpu->dr6 = DR6_RESERVED;
	vcpu->dr7 = DR7_FIXED_1;
	x86_mark_dirty(vcpu, X86_GROUP_DEBUG);
}

static void reset_events(struct x86_vcpu *vcpu)
{
	vcpu->event.type = X86_EVENT_NONE;
	vcpu->events.exception.pending = false;
	vcpu->events.held.type = X86_EVENT_NONE;
	atomic_set(&vcpu->events.nmis, 0);
	vcpu->events.user_irq = X86_NO_VECTOR;
	vcpu->offered_irq = X86_NO_VECTOR;
	vcpu->nmi_masked = false;
	vcpu->intr_shadow = 0;
	vcpu->flush_tlb = true;
}

void x86_vcpu_reset(struct x86_vcpu *vcpu, bool init)
{
	memset(vcpu->gpr, 0, sizeof(vcpu->gpr));
	vcpu->gpr[X86_RDX] = 0x600;	/* family 6, the least that anyone expects */
	vcpu->rip = 0xfff0;
	vcpu->rflags = X86_EFLAGS_FIXED;
	reset_segments(vcpu);
	reset_control(vcpu, init);
	reset_events(vcpu);
	x86_pv_reset(vcpu);
	if (init)
		return;

	x86_apic_base_reset(vcpu);
	x86_msr_reset(vcpu);
	vcpu->pat = PAT_VALUE(WB, WT, UC_MINUS, UC, WB, WT, UC_MINUS, UC);
	x86_mark_dirty(vcpu, X86_GROUP_SYSCALL);
	x86_mark_dirty(vcpu, X86_GROUP_TSC);
	x86_mark_dirty(vcpu, X86_GROUP_INTERCEPTS);
}

int kvm_arch_create_vcpu(struct kvm_vcpu *kv)
{
	struct x86_vcpu *vcpu = to_x86(kv);
	int r;

	r = x86_fpu_create(vcpu);
	if (r)
		return r;
	r = x86_backend_call(create_vcpu)(vcpu);
	if (r)
		goto err_fpu;
	x86_mmu_create_vcpu(vcpu);
	vcpu->mp_state = KVM_MP_STATE_RUNNABLE;
	vcpu->pv.poll_control = 1;
	x86_cpuid_create(vcpu);
	x86_msr_create_vcpu(vcpu);
	x86_tsc_create_vcpu(vcpu);
	x86_apf_create(vcpu);
	x86_vcpu_reset(vcpu, false);
	if (rcu_access_pointer(to_x86_vm(kv->kvm)->msr_filter))
		kvm_make_request(X86_REQ_MSR_FILTER, kv);
	r = lapic_create(vcpu);
	/* Userspace's local APIC hears of each lower priority: KVM_EXIT_SET_TPR. */
	vcpu->cr8_exits = !vcpu->lapic;
	if (!r)
		return 0;

	x86_backend_call(destroy_vcpu)(vcpu);
	x86_mmu_destroy_vcpu(vcpu);
	x86_cpuid_destroy(vcpu);
err_fpu:
	x86_fpu_destroy(vcpu);
	return r;
}

void kvm_arch_destroy_vcpu(struct kvm_vcpu *kvm_vcpu)
{
	struct x86_vcpu *vcpu = to_x86(kvm_vcpu);

	lapic_destroy(vcpu);
	x86_backend_call(destroy_vcpu)(vcpu);
	x86_mmu_destroy_vcpu(vcpu);
	x86_fpu_destroy(vcpu);
	x86_mce_destroy(vcpu);
	x86_cpuid_destroy(vcpu);
}

void x86_fetch_slow(struct x86_vcpu *vcpu, enum x86_group group)
{
	x86_backend_call(fetch)(vcpu, group);
	vcpu->cached |= BIT(group);
}

void kvm_arch_vcpu_added(struct kvm_vcpu *vcpu)
{
	lapic_added(to_x86(vcpu));
}

void kvm_arch_vcpu_load(struct kvm_vcpu *kv, int cpu)
{
	struct x86_vcpu *vcpu = to_x86(kv);

	x86_backend_call(load)(vcpu, cpu);
	if (vcpu->clock.msr & KVM_MSR_ENABLED)
		x86_clock_load(vcpu);
	if (vcpu->pv.steal_msr & KVM_MSR_ENABLED)
		x86_steal_load(vcpu);
}

void kvm_arch_vcpu_put(struct kvm_vcpu *kv)
{
	struct x86_vcpu *vcpu = to_x86(kv);

	if (vcpu->pv.steal_msr & KVM_MSR_ENABLED)
		x86_steal_put(vcpu);
	x86_backend_call(put)(vcpu);
}

struct page *kvm_arch_vcpu_mmap_page(struct kvm_vcpu *vcpu, unsigned long pgoff)
{
	return NULL;
}

/* The ABI gave KVM_SET_DEBUGREGS the same number, with a payload. */
static const struct kvm_ioctl set_tsc_khz = {
	.cmd = KVM_SET_TSC_KHZ, .handler = x86_vcpu_set_tsc_khz,
	.lock = KVM_LOCK_VCPU,
};

long kvm_arch_vcpu_enable_cap(struct kvm_vcpu *vcpu, const struct kvm_enable_cap *cap)
{
	if (cap->cap != KVM_CAP_ENFORCE_PV_FEATURE_CPUID)
		return -EINVAL;
	to_x86(vcpu)->pv.enforce = cap->args[0];
	return 0;
}

/*
 * A page for guests that patch their accesses to the TPR (KVM_CAP_VAPIC, not
 * offered). QEMU takes it back at every reset, offered or not.
 */
static long x86_ioctl_set_vapic_addr(struct kvm_ioctl_args *args)
{
	const struct kvm_vapic_addr *vapic = args->data;

	return vapic->vapic_addr || !to_x86(args->vcpu)->lapic ? -EINVAL : 0;
}

static const struct kvm_ioctl vcpu_rows[] = {
	KVM_ROW(KVM_SET_VAPIC_ADDR, x86_ioctl_set_vapic_addr, .lock = KVM_LOCK_VCPU),
	KVM_ROW(KVM_GET_REGS, x86_get_regs, .lock = KVM_LOCK_VCPU),
	KVM_ROW(KVM_SET_REGS, x86_set_regs, .lock = KVM_LOCK_VCPU),
	KVM_ROW(KVM_GET_SREGS, x86_get_sregs, .lock = KVM_LOCK_VCPU),
	KVM_ROW(KVM_SET_SREGS, x86_set_sregs, .lock = KVM_LOCK_VCPU),
	KVM_ROW(KVM_TRANSLATE, x86_translate, .lock = KVM_LOCK_VCPU),
	KVM_ROW(KVM_GET_MSRS, x86_get_msrs, .lock = KVM_LOCK_VCPU, .no_reply = true),
	KVM_ROW(KVM_SET_MSRS, x86_set_msrs, .lock = KVM_LOCK_VCPU),
	KVM_ROW(KVM_GET_FPU, x86_get_fpu, .lock = KVM_LOCK_VCPU),
	KVM_ROW(KVM_SET_FPU, x86_set_fpu, .lock = KVM_LOCK_VCPU),
	KVM_ROW(KVM_SET_CPUID2, x86_set_cpuid2, .lock = KVM_LOCK_VCPU),
	KVM_ROW(KVM_GET_CPUID2, x86_get_cpuid2, .lock = KVM_LOCK_VCPU),
	KVM_ROW(KVM_GET_LAPIC, x86_ioctl_get_lapic, .lock = KVM_LOCK_VCPU, .raw = true),
	KVM_ROW(KVM_SET_LAPIC, x86_ioctl_set_lapic, .lock = KVM_LOCK_VCPU, .raw = true),
	KVM_ROW(KVM_INTERRUPT, x86_ioctl_interrupt, .lock = KVM_LOCK_VCPU),
	KVM_ROW(KVM_NMI, x86_ioctl_nmi),
	KVM_ROW(KVM_GET_MP_STATE, x86_get_mp_state, .lock = KVM_LOCK_VCPU),
	KVM_ROW(KVM_SET_MP_STATE, x86_set_mp_state, .lock = KVM_LOCK_VCPU),
	KVM_ROW(KVM_KVMCLOCK_CTRL, x86_ioctl_kvmclock_ctrl, .lock = KVM_LOCK_VCPU),
	KVM_ROW(KVM_X86_SETUP_MCE, x86_setup_mce, .lock = KVM_LOCK_VCPU),
	KVM_ROW(KVM_X86_SET_MCE, x86_set_mce, .lock = KVM_LOCK_VCPU),
	KVM_ROW(KVM_GET_VCPU_EVENTS, x86_get_vcpu_events, .lock = KVM_LOCK_VCPU),
	KVM_ROW(KVM_SET_VCPU_EVENTS, x86_set_vcpu_events, .lock = KVM_LOCK_VCPU),
	KVM_ROW(KVM_GET_DEBUGREGS, x86_get_debugregs, .lock = KVM_LOCK_VCPU),
	KVM_ROW(KVM_SET_DEBUGREGS, x86_set_debugregs, .lock = KVM_LOCK_VCPU,
		.flags = KVM_IOCTL_FIELD(struct kvm_debugregs, flags),
		.next = &set_tsc_khz),
	KVM_ROW(KVM_GET_TSC_KHZ, x86_vcpu_get_tsc_khz, .lock = KVM_LOCK_VCPU),
	KVM_ROW(KVM_GET_XSAVE, x86_get_xsave, .lock = KVM_LOCK_VCPU, .raw = true),
	KVM_ROW(KVM_SET_XSAVE, x86_set_xsave, .lock = KVM_LOCK_VCPU, .raw = true),
	KVM_ROW(KVM_GET_XCRS, x86_get_xcrs, .lock = KVM_LOCK_VCPU),
	KVM_ROW(KVM_SET_XCRS, x86_set_xcrs, .lock = KVM_LOCK_VCPU,
		.flags = KVM_IOCTL_FIELD(struct kvm_xcrs, flags)),
	KVM_ROW(KVM_GET_SREGS2, x86_get_sregs2, .lock = KVM_LOCK_VCPU),
	KVM_ROW(KVM_SET_SREGS2, x86_set_sregs2, .lock = KVM_LOCK_VCPU,
		.flags = KVM_IOCTL_FIELD(struct kvm_sregs2, flags),
		.allowed = KVM_SREGS2_FLAGS_PDPTRS_VALID),
	KVM_ROW(KVM_GET_XSAVE2, x86_get_xsave, .lock = KVM_LOCK_VCPU, .raw = true),
	KVM_ROW(KVM_HAS_DEVICE_ATTR, x86_vcpu_has_attr, .lock = KVM_LOCK_VCPU),
	KVM_ROW(KVM_GET_DEVICE_ATTR, x86_vcpu_get_attr, .lock = KVM_LOCK_VCPU),
	KVM_ROW(KVM_SET_DEVICE_ATTR, x86_vcpu_set_attr, .lock = KVM_LOCK_VCPU),
	KVM_ROW(KVM_SET_GUEST_DEBUG, x86_set_guest_debug, .lock = KVM_LOCK_VCPU,
		.flags = KVM_IOCTL_FIELD(struct kvm_guest_debug, control),
		.allowed = X86_GUESTDBG_FLAGS),
	KVM_ROW(KVM_PRE_FAULT_MEMORY, x86_ioctl_pre_fault, .lock = KVM_LOCK_VCPU,
		.flags = KVM_IOCTL_FIELD(struct kvm_pre_fault_memory, flags),
		.zero = KVM_IOCTL_FIELD(struct kvm_pre_fault_memory, padding)),
};

const struct kvm_ioctl_table kvm_arch_vcpu_ioctls = KVM_IOCTL_TABLE(vcpu_rows);
