/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The x86 VM and vCPU. Everything here is neutral: it reads the same whether
 * SVM or VMX runs the guest.
 */
#ifndef KVM_X86_H
#define KVM_X86_H

#include <linux/bits.h>
#include <linux/kvm.h>
#include <linux/spinlock.h>
#include <asm/cpufeature.h>
#include <asm/fpu/types.h>

#include <kvm/arch.h>
#include <kvm/vcpu.h>

#include "apf.h"
#include "emulate.h"
#include "event.h"
#include "exit.h"
#include "mmu/mmu.h"
#include "irqchip.h"
#include "pv.h"
#include "pvclock.h"
#include "stats.h"

/* Requests of the architecture. */
enum x86_request {
	X86_REQ_EVENT = KVM_REQ_ARCH_BASE,	/* look for events to inject */
	X86_REQ_TRIPLE_FAULT,
	X86_REQ_NMI,
	X86_REQ_CLOCK_UPDATE,
	X86_REQ_STEAL_UPDATE,
	X86_REQ_APF_READY,
	X86_REQ_APICV,
	X86_REQ_SCAN_IOAPIC,
	X86_REQ_IOAPIC_EOI_EXIT,
	X86_REQ_MSR_FILTER,
	X86_REQ_INTERCEPTS,	/* those of the VM have changed */
};

/* General registers, numbered as instructions encode them. */
enum x86_gpr {
	X86_RAX, X86_RCX, X86_RDX, X86_RBX, X86_RSP, X86_RBP, X86_RSI, X86_RDI,
	X86_R8, X86_R9, X86_R10, X86_R11, X86_R12, X86_R13, X86_R14, X86_R15,
	X86_NR_GPRS,
};

/* Segment registers, the first six numbered as instructions encode them. */
enum x86_seg {
	X86_ES, X86_CS, X86_SS, X86_DS, X86_FS, X86_GS, X86_LDTR, X86_TR,
	X86_NR_SEGS,
};

/*
 * The state of a vCPU stands either in struct x86_vcpu or with the backend.
 * A group that is not in @cached must be fetched before it is read, one that
 * is changed must be marked in @dirty; the backend flushes dirty groups before
 * it enters the guest and forgets cached ones when it leaves. gpr[], rip and
 * rflags are always here.
 */
enum x86_group {
	X86_GROUP_SEGMENTS,	/* seg[], cpl */
	X86_GROUP_CODE,		/* of these CS and cpl: see x86_fetch_code() */
	X86_GROUP_TABLES,	/* gdt, idt */
	X86_GROUP_CONTROL,	/* cr0, cr2, cr3, cr4, efer, pat */
	X86_GROUP_DEBUG,	/* dr6, dr7, db[]: always here, only ever dirty */
	X86_GROUP_SYSCALL,	/* star to sysenter_eip */
	X86_GROUP_TSC,		/* tsc_offset, tsc_ratio */
	X86_GROUP_INTERCEPTS,	/* what userspace and the guest's CPUID change */
	X86_NR_GROUPS,
};

struct x86_cpuid;
struct x86_msr_filter;

struct x86_table {
	u64 base;
	u32 limit;
};

#define X86_NR_VAR_MTRRS	8
#define X86_MAX_MCE_BANKS	32

/**
 * struct x86_mtrrs - memory types that the guest asked for
 * @var: base and mask in turn
 * @fixed: below 1 MiB, in the order of their numbers
 * @def_type: MTRRdefType
 */
struct x86_mtrrs {
	u64 var[2 * X86_NR_VAR_MTRRS];
	u64 fixed[11];
	u64 def_type;
};

/**
 * struct x86_mce - machine-check registers
 * @cap: MCG_CAP; no banks until KVM_X86_SETUP_MCE
 * @status: MCG_STATUS
 * @ctl: MCG_CTL
 * @banks: four registers for each bank in @cap
 */
struct x86_mce {
	u64 cap, status, ctl;
	u64 *banks;
};

/**
 * struct x86_vm_tsc - what the TSCs of a VM's vCPUs have in common
 * @lock: of what follows but @khz
 * @started: the first vCPU has set @offset
 * @khz: rate of vCPUs to come; does not change once there is one
 * @offset: of the last counter that was set
 * @ratio: and its ratio
 */
struct x86_vm_tsc {
	spinlock_t lock;
	bool started;
	u32 khz;
	u64 offset, ratio;
};

/**
 * struct x86_vm - a VM on x86
 * @kvm: the core's part
 * @stat: what x86 counts
 * @chips: interrupt controllers
 * @clock: kvmclock
 * @disabled_exits: KVM_X86_DISABLE_EXITS_*; only ever more
 * @mmu: nested page tables
 * @tsc: what keeps its vCPUs' counters together
 * @exit_hypercalls: hypercalls that exit to userspace, a bit for each number
 * @no_platform_info: the guest may not read MSR_PLATFORM_INFO
 * @exception_payload: KVM_CAP_EXCEPTION_PAYLOAD is on
 * @triple_fault_event: KVM_CAP_X86_TRIPLE_FAULT_EVENT is on
 * @user_msr_reasons: KVM_MSR_EXIT_REASON_*; what else would be #GP
 * @msr_filter: what the guest may touch; replaced under kvm->lock, read under RCU
 * @exit_on_emulation_failure: KVM_CAP_EXIT_ON_EMULATION_FAILURE is on
 * @disabled_quirks: KVM_X86_QUIRK_* that are off; may change at any time
 * @noncoherent_dma: a device may bypass the caches of the CPUs
 */
struct x86_vm {
	struct kvm kvm;
	struct x86_vm_stat stat;
	struct x86_irqchips chips;
	struct x86_clock clock;
	u64 disabled_exits;
	struct x86_mmu mmu;
	struct x86_vm_tsc tsc;
	u32 exit_hypercalls;
	bool no_platform_info;
	bool exception_payload;
	bool triple_fault_event;
	u32 user_msr_reasons;
	struct x86_msr_filter __rcu *msr_filter;
	bool exit_on_emulation_failure;
	u64 disabled_quirks;
	bool noncoherent_dma;
};

/**
 * struct x86_vcpu - a vCPU on x86
 * @vcpu: the core's part
 * @backend: the backend's own
 * @gpr: general registers; RSP among them
 * @cached: groups whose copy here is current
 * @dirty: groups whose copy here is newer than the backend's
 * @cr8: the task priority that the CPU itself knows, 0 to 15; always current
 * @lapic: the local APIC, or NULL
 * @clock: kvmclock
 * @pv: what else the guest asked of us
 * @apf: page faults that others wait out
 * @event: what the next entry injects; the backend clears it once delivered
 * @events: what waits to be injected
 * @offered_irq: vector that the guest takes as soon as it can, or X86_NO_VECTOR;
 *	this entry's alone; the controller has it neither requested nor in service
 * @want_irq_window: exit as soon as the guest can take an interrupt
 * @want_nmi_window: exit as soon as the guest can take an NMI
 * @intr_shadow: the guest is behind STI or MOV SS (KVM_X86_SHADOW_INT_*)
 * @nmi_masked: the guest is inside an NMI handler
 * @flush_tlb: the next entry starts with no cached translation of the guest
 * @cr8_exits: writes of CR8 exit (X86_GROUP_INTERCEPTS)
 * @db_open: the next entry, and that alone, leaves the debug registers to the guest
 * @debug_db: DR0 to DR3 under KVM_GUESTDBG_USE_HW_BP
 * @debug_dr7: and DR7
 * @mp_state: KVM_MP_STATE_*
 * @poll_ns: how long a halt spins before it sleeps
 * @complete: finishes, at the next KVM_RUN, what userspace was asked for
 * @io_rip: where, linear, the guest waits for userspace to do its port I/O
 * @fetched: instructions that exited
 * @next_fetched: index of the one that was replaced last
 * @emul: the instruction that is being emulated
 * @fpu: the guest's FPU
 * @xcr0: the guest's XCR0
 * @pkru: the guest's PKRU, outside of run()
 * @host_pkru: the thread's, inside
 * @exit: the last exit
 * @stat: what x86 counts
 * @mmu: what it keeps for its nested page faults
 * @rcu_noted: jiffies when RCU was last told that the vCPU enters the guest
 * @has_run: the guest has been entered; its CPUID does not change any more
 * @maxphyaddr: width of the guest's physical addresses
 * @cpuid: KVM_SET_CPUID2, or NULL
 * @caps: what it says, by the kernel's words of features, cut to what we can do
 * @cr4_allowed: bits of CR4 that are not reserved
 * @xcr0_allowed: and of XCR0
 * @tsc_khz: rate of the guest's TSC
 * @owns_spec_ctrl: the guest need not exit to access SPEC_CTRL
 *
 * The remaining members are the MSRs of their names: always current here.
 */
struct x86_vcpu {
	struct kvm_vcpu vcpu;
	void *backend;

	unsigned long gpr[X86_NR_GPRS];
	unsigned long rip;
	unsigned long rflags;

	unsigned long cached;
	unsigned long dirty;

	struct kvm_segment seg[X86_NR_SEGS];
	u8 cpl;
	struct x86_table gdt, idt;
	u64 cr0, cr2, cr3, cr4, efer, pat;
	u64 db[4], dr6, dr7;
	u64 star, lstar, cstar, sfmask, kernel_gs_base;
	u64 sysenter_cs, sysenter_esp, sysenter_eip;
	u64 tsc_offset, tsc_ratio;

	u8 cr8;
	struct x86_lapic *lapic;
	struct x86_pvclock clock;
	struct x86_pv pv;
	struct x86_apf apf;

	struct x86_event event;
	struct x86_events events;
	int offered_irq;
	bool want_irq_window;
	bool want_nmi_window;
	bool nmi_masked;
	bool flush_tlb;
	u8 intr_shadow;
	bool cr8_exits;
	bool db_open;
	u64 debug_db[4];
	u64 debug_dr7;

	u32 mp_state;
	unsigned int poll_ns;
	int (*complete)(struct x86_vcpu *vcpu);
	u64 io_rip;
	struct x86_fetched fetched[X86_NR_FETCHED];
	u8 next_fetched;
	struct x86_emul emul;
	struct fpu_guest fpu;
	u64 xcr0;
	u32 pkru, host_pkru;

	struct x86_exit exit;
	struct x86_vcpu_stat stat;

	struct x86_mmu_vcpu mmu;

	unsigned long rcu_noted;
	bool has_run;
	u8 maxphyaddr;
	struct x86_cpuid *cpuid;
	u32 caps[NR_CPUID_WORDS];
	u64 cr4_allowed, xcr0_allowed;

	u32 tsc_khz;
	bool owns_spec_ctrl;
	u64 tsc_adjust, tsc_aux;
	u64 apic_base;
	u64 spec_ctrl, power_ctl;
	u64 misc_enable, misc_features, platform_info;
	u64 hwcr, de_cfg, ucode_rev;
	struct x86_mtrrs mtrr;
	struct x86_mce mce;
};

static inline struct x86_vm *to_x86_vm(struct kvm *kvm)
{
	return container_of(kvm, struct x86_vm, kvm);
}

static inline struct x86_vcpu *to_x86(struct kvm_vcpu *vcpu)
{
	return container_of(vcpu, struct x86_vcpu, vcpu);
}

/* Does a quirk that userspace can disable still hold? */
static inline bool x86_has_quirk(const struct x86_vcpu *vcpu, u64 quirk)
{
	return !(READ_ONCE(to_x86_vm(vcpu->vcpu.kvm)->disabled_quirks) & quirk);
}

/**
 * x86_vcpu_reset() - the state behind RESET, or INIT
 * @vcpu: the vCPU, by its own thread or not yet to be found
 * @init: INIT: the FPU, the MSRs and the time stay (APM 2, table 14-1)
 */
void x86_vcpu_reset(struct x86_vcpu *vcpu, bool init);

void x86_fetch_slow(struct x86_vcpu *vcpu, enum x86_group group);

/**
 * x86_fetch() - make the copy of a group in struct x86_vcpu current
 * @vcpu: the vCPU, by its own thread
 * @group: to be read next
 */
static inline void x86_fetch(struct x86_vcpu *vcpu, enum x86_group group)
{
	if (!(vcpu->cached & BIT(group)))
		x86_fetch_slow(vcpu, group);
}

/**
 * x86_fetch_code() - as x86_fetch() of the segments, for who needs but CS and cpl
 * @vcpu: the vCPU, by its own thread
 *
 * Most exits ask where the guest is, and few for more. Nobody marks this group
 * dirty.
 */
static inline void x86_fetch_code(struct x86_vcpu *vcpu)
{
	if (!(vcpu->cached & (BIT(X86_GROUP_SEGMENTS) | BIT(X86_GROUP_CODE))))
		x86_fetch_slow(vcpu, X86_GROUP_CODE);
}

/**
 * x86_mark_dirty() - the copy of a group in struct x86_vcpu is the newer one
 * @vcpu: the vCPU, by its own thread
 * @group: fetched before, or about to be written whole
 */
static inline void x86_mark_dirty(struct x86_vcpu *vcpu, enum x86_group group)
{
	vcpu->cached |= BIT(group);
	vcpu->dirty |= BIT(group);
}

/**
 * x86_pv_eoi_settle() - take an offer of x86_pv_eoi_offer() back
 * @vcpu: the vCPU, by its own thread
 *
 * What the guest has ended is ended. Before anybody looks at what is in service.
 */
static inline void x86_pv_eoi_settle(struct x86_vcpu *vcpu)
{
	if (unlikely(vcpu->pv.eoi_offered))
		x86_pv_eoi_settle_slow(vcpu);
}

#endif
