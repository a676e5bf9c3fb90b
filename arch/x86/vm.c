// SPDX-License-Identifier: GPL-2.0
/* The x86 part of a VM. */
#include <linux/kvm_para.h>
#include <linux/slab.h>

#include "backend.h"
#include "debug.h"
#include "irqchip.h"
#include "msr_filter.h"
#include "pit.h"
#include "tsc.h"

/* Hypercalls that userspace can ask to see. */
#define X86_EXIT_HYPERCALLS	BIT(KVM_HC_MAP_GPA_RANGE)

/*
 * Quirks that can be disabled. Those that kvmcore never had are among them: a
 * slot's deletion touches that slot alone, an OUT to port 0x7e completes as any
 * other, and there is nothing below a local APIC in x2APIC mode.
 */
#define X86_QUIRKS							\
	(KVM_X86_QUIRK_LINT0_REENABLED | KVM_X86_QUIRK_CD_NW_CLEARED |	\
	 KVM_X86_QUIRK_LAPIC_MMIO_HOLE | KVM_X86_QUIRK_OUT_7E_INC_RIP |	\
	 KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT |				\
	 KVM_X86_QUIRK_FIX_HYPERCALL_INSN |				\
	 KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS | KVM_X86_QUIRK_SLOT_ZAP_ALL)

/* MWAIT sleeps on the host's own hardware, if that does. */
static u64 disable_exits_supported(void)
{
	u64 exits = KVM_X86_DISABLE_EXITS_HLT | KVM_X86_DISABLE_EXITS_PAUSE;

	return boot_cpu_has(X86_FEATURE_MWAIT) ? exits | KVM_X86_DISABLE_EXITS_MWAIT : exits;
}

static long enable_disable_exits(struct x86_vm *vm, u64 exits)
{
	if (exits & ~disable_exits_supported())
		return -EINVAL;
	WRITE_ONCE(vm->disabled_exits, vm->disabled_exits | exits);
	kvm_make_all_request(&vm->kvm, X86_REQ_INTERCEPTS, false);
	return 0;
}

/* Once, and before there are vCPUs that it might exclude; the boot CPU counts. */
static long enable_max_vcpu_id(struct kvm *kvm, u64 ids)
{
	if (!ids || ids > KVM_MAX_VCPU_IDS || kvm_nr_vcpus(kvm))
		return -EINVAL;
	if (to_x86_vm(kvm)->chips.boot_cpu_id > ids)
		return -EINVAL;
	if (kvm->max_vcpu_ids != KVM_MAX_VCPU_IDS && kvm->max_vcpu_ids != ids)
		return -EINVAL;
	kvm->max_vcpu_ids = ids;
	return 0;
}

static long enable_user_msr(struct x86_vm *vm, u64 reasons)
{
	if (reasons & ~(u64)KVM_MSR_EXIT_REASON_VALID_MASK)
		return -EINVAL;
	vm->user_msr_reasons = reasons;
	return 0;
}

long kvm_arch_check_extension(struct kvm *kvm, unsigned long cap)
{
	switch (cap) {
	case KVM_CAP_ASYNC_PF:
	case KVM_CAP_ASYNC_PF_INT:
	case KVM_CAP_DEBUGREGS:
	case KVM_CAP_DISABLE_QUIRKS:
	case KVM_CAP_EXCEPTION_PAYLOAD:
	case KVM_CAP_EXIT_ON_EMULATION_FAILURE:
	case KVM_CAP_EXT_CPUID:
	case KVM_CAP_GET_MSR_FEATURES:
	case KVM_CAP_GET_TSC_KHZ:
	case KVM_CAP_HLT:
	case KVM_CAP_INTERNAL_ERROR_DATA:
	case KVM_CAP_INTR_SHADOW:
	case KVM_CAP_IOAPIC_POLARITY_IGNORED:
	case KVM_CAP_IRQCHIP:
	case KVM_CAP_IRQ_INJECT_STATUS:
	case KVM_CAP_KVMCLOCK_CTRL:
	case KVM_CAP_MMU_SHADOW_CACHE_CONTROL:
	case KVM_CAP_MP_STATE:
	case KVM_CAP_MSR_PLATFORM_INFO:
	case KVM_CAP_ENABLE_CAP:
	case KVM_CAP_ENFORCE_PV_FEATURE_CPUID:
	case KVM_CAP_PIT:
	case KVM_CAP_PIT2:
	case KVM_CAP_PIT_STATE2:
	case KVM_CAP_REINJECT_CONTROL:
	case KVM_CAP_SET_BOOT_CPU_ID:
	case KVM_CAP_SET_GUEST_DEBUG:
	case KVM_CAP_SET_IDENTITY_MAP_ADDR:
	case KVM_CAP_SET_TSS_ADDR:
	case KVM_CAP_SIGNAL_MSI:
	case KVM_CAP_SPLIT_IRQCHIP:
	case KVM_CAP_SREGS2:
	case KVM_CAP_SYS_ATTRIBUTES:
	case KVM_CAP_TSC_DEADLINE_TIMER:
	case KVM_CAP_USER_NMI:
	case KVM_CAP_VCPU_ATTRIBUTES:
	case KVM_CAP_VCPU_EVENTS:
	case KVM_CAP_X86_MSR_FILTER:
	case KVM_CAP_X86_ROBUST_SINGLESTEP:
	case KVM_CAP_X86_TRIPLE_FAULT_EVENT:
	case KVM_CAP_XCRS:
	case KVM_CAP_XSAVE:
		return 1;
	case KVM_CAP_DISABLE_QUIRKS2:
		return X86_QUIRKS;
	case KVM_CAP_ADJUST_CLOCK:
		return X86_CLOCK_FLAGS;
	case KVM_CAP_X2APIC_API:
		return KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK;
	case KVM_CAP_X86_APIC_BUS_CYCLES_NS:
		return X86_BUS_CYCLE_NS;
	case KVM_CAP_SYNC_REGS:
		return KVM_SYNC_X86_VALID_FIELDS;
	case KVM_CAP_X86_DISABLE_EXITS:
		return disable_exits_supported();
	case KVM_CAP_X86_USER_SPACE_MSR:
		return KVM_MSR_EXIT_REASON_VALID_MASK;
	case KVM_CAP_XSAVE2:
		return sizeof(struct kvm_xsave);
	case KVM_CAP_MCE:
		return X86_MAX_MCE_BANKS;
	case KVM_CAP_TSC_CONTROL:
	case KVM_CAP_VM_TSC_CONTROL:
		return !!x86_tsc_frac_bits;
	case KVM_CAP_SET_GUEST_DEBUG2:
		return X86_GUESTDBG_FLAGS;
	case KVM_CAP_EXIT_HYPERCALL:
		return X86_EXIT_HYPERCALLS;
	case KVM_CAP_VM_TYPES:
		return BIT(KVM_X86_DEFAULT_VM) | BIT(KVM_X86_SW_PROTECTED_VM);
	case KVM_CAP_PRE_FAULT_MEMORY:
		return 1;
	default:
		return 0;
	}
}

long kvm_arch_enable_cap(struct kvm *kvm, const struct kvm_enable_cap *cap)
{
	struct x86_vm *vm = to_x86_vm(kvm);
	u64 arg = cap->args[0];

	guard(mutex)(&kvm->lock);
	switch (cap->cap) {
	case KVM_CAP_DISABLE_QUIRKS:
	case KVM_CAP_DISABLE_QUIRKS2:
		if (arg & ~(u64)X86_QUIRKS)
			return -EINVAL;
		WRITE_ONCE(vm->disabled_quirks, arg);
		return 0;
	case KVM_CAP_EXIT_ON_EMULATION_FAILURE:
		if (arg & ~1ULL)
			return -EINVAL;
		vm->exit_on_emulation_failure = arg;
		return 0;
	case KVM_CAP_EXCEPTION_PAYLOAD:
		vm->exception_payload = arg;
		return 0;
	case KVM_CAP_MAX_VCPU_ID:
		return enable_max_vcpu_id(kvm, arg);
	case KVM_CAP_MSR_PLATFORM_INFO:
		vm->no_platform_info = !arg;
		return 0;
	case KVM_CAP_SPLIT_IRQCHIP:
		return x86_enable_split_irqchip(vm, arg);
	case KVM_CAP_X2APIC_API:
		return x86_enable_x2apic_api(vm, arg);
	case KVM_CAP_X86_APIC_BUS_CYCLES_NS:
		return x86_set_apic_bus_cycle(vm, arg);
	case KVM_CAP_EXIT_HYPERCALL:
		if (arg & ~X86_EXIT_HYPERCALLS)
			return -EINVAL;
		WRITE_ONCE(vm->exit_hypercalls, arg);
		return 0;
	case KVM_CAP_X86_DISABLE_EXITS:
		return enable_disable_exits(vm, arg);
	case KVM_CAP_X86_TRIPLE_FAULT_EVENT:
		vm->triple_fault_event = arg;
		return 0;
	case KVM_CAP_X86_USER_SPACE_MSR:
		return enable_user_msr(vm, arg);
	default:
		return -EINVAL;
	}
}

struct kvm *kvm_arch_alloc_vm(void)
{
	struct x86_vm *vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);

	return vm ? &vm->kvm : NULL;
}

void kvm_arch_free_vm(struct kvm *kvm)
{
	x86_msr_filter_destroy(to_x86_vm(kvm));
	kfree(to_x86_vm(kvm));
}

int kvm_arch_create_vm(struct kvm *kvm)
{
	int r;

	if (kvm->type != KVM_X86_DEFAULT_VM && kvm->type != KVM_X86_SW_PROTECTED_VM)
		return -EINVAL;

	x86_tsc_create_vm(to_x86_vm(kvm));
	x86_irqchip_init(to_x86_vm(kvm));
	x86_clock_init(to_x86_vm(kvm));
	r = x86_mmu_create(to_x86_vm(kvm));
	if (r)
		return r;
	r = x86_backend_call(create_vm)(to_x86_vm(kvm));
	if (r)
		x86_mmu_destroy(to_x86_vm(kvm));
	return r;
}

void kvm_arch_remove_vm(struct kvm *kvm)
{
	struct kvm_vcpu *vcpu;
	unsigned int i;

	kvm_for_each_vcpu(i, vcpu, kvm)
		x86_apf_stop(to_x86(vcpu));
	x86_irqchip_stop(to_x86_vm(kvm));
}

void kvm_arch_destroy_vm(struct kvm *kvm)
{
	kvm_destroy_vcpus(kvm);
	x86_irqchip_destroy(to_x86_vm(kvm));
	x86_backend_call(destroy_vm)(to_x86_vm(kvm));
	x86_mmu_destroy(to_x86_vm(kvm));
}

bool kvm_arch_has_private_mem(const struct kvm *kvm)
{
	return kvm->type == KVM_X86_SW_PROTECTED_VM;
}

/* The pages of a software-protected VM are ordinary memory to the hardware. */
void kvm_arch_gmem_reclaim(kvm_pfn_t pfn, unsigned long nr)
{
}

void kvm_arch_set_noncoherent_dma(struct kvm *kvm, bool noncoherent)
{
	WRITE_ONCE(to_x86_vm(kvm)->noncoherent_dma, noncoherent);
}

/*
 * Pages that a CPU without unrestricted guests needs to run real mode. SVM needs
 * neither; userspace, which cannot know, is told when it asks for nonsense.
 */
#define X86_TSS_PAGES	3

static long x86_vm_set_tss_addr(struct kvm_ioctl_args *args)
{
	u64 end = (u64)args->arg + X86_TSS_PAGES * PAGE_SIZE;

	return end < args->arg || end > BIT_ULL(32) ? -EINVAL : 0;
}

static long x86_vm_set_identity_map_addr(struct kvm_ioctl_args *args)
{
	/* The address must be known before the first vCPU. */
	return args->kvm->nr_vcpus ? -EINVAL : 0;
}

static const struct kvm_ioctl vm_rows[] = {
	KVM_ROW(KVM_SET_TSS_ADDR, x86_vm_set_tss_addr),
	KVM_ROW(KVM_SET_IDENTITY_MAP_ADDR, x86_vm_set_identity_map_addr,
		.lock = KVM_LOCK_VM),
	KVM_ROW(KVM_SET_NR_MMU_PAGES, x86_vm_set_nr_mmu_pages),
	KVM_ROW(KVM_X86_SET_MSR_FILTER, x86_set_msr_filter, .lock = KVM_LOCK_VM,
		.flags = KVM_IOCTL_FIELD(struct kvm_msr_filter, flags),
		.allowed = KVM_MSR_FILTER_VALID_MASK,
		.next = IS_ENABLED(CONFIG_COMPAT) ? &x86_set_msr_filter_compat : NULL),
	KVM_ROW(KVM_SET_TSC_KHZ, x86_vm_set_tsc_khz, .lock = KVM_LOCK_VM),
	KVM_ROW(KVM_GET_TSC_KHZ, x86_vm_get_tsc_khz),
	KVM_ROW(KVM_CREATE_IRQCHIP, x86_ioctl_create_irqchip, .lock = KVM_LOCK_VM),
	KVM_ROW(KVM_IRQ_LINE, x86_ioctl_irq_line),
	KVM_ROW(KVM_GET_IRQCHIP, x86_ioctl_get_irqchip),
	KVM_ROW(KVM_SET_IRQCHIP, x86_ioctl_set_irqchip, .raw = true),
	KVM_ROW(KVM_CREATE_PIT, x86_ioctl_create_pit),
	KVM_ROW(KVM_GET_PIT, x86_ioctl_get_pit),
	KVM_ROW(KVM_SET_PIT, x86_ioctl_set_pit, .raw = true),
	KVM_ROW(KVM_IRQ_LINE_STATUS, x86_ioctl_irq_line_status),
	KVM_ROW(KVM_REINJECT_CONTROL, x86_ioctl_reinject_control),
	KVM_ROW(KVM_CREATE_PIT2, x86_ioctl_create_pit2),
	KVM_ROW(KVM_SET_BOOT_CPU_ID, x86_ioctl_set_boot_cpu_id, .lock = KVM_LOCK_VM),
	KVM_ROW(KVM_SET_CLOCK, x86_ioctl_set_clock,
		.flags = KVM_IOCTL_FIELD(struct kvm_clock_data, flags),
		.allowed = X86_CLOCK_FLAGS),
	KVM_ROW(KVM_GET_CLOCK, x86_ioctl_get_clock),
	KVM_ROW(KVM_GET_PIT2, x86_ioctl_get_pit2),
	KVM_ROW(KVM_SET_PIT2, x86_ioctl_set_pit2),
	KVM_ROW(KVM_SIGNAL_MSI, x86_ioctl_signal_msi),
};

const struct kvm_ioctl_table kvm_arch_vm_ioctls = KVM_IOCTL_TABLE(vm_rows);
