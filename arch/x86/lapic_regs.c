// SPDX-License-Identifier: GPL-2.0
/*
 * The registers of the local APIC: by MMIO in xAPIC mode, as MSRs in x2APIC
 * mode, as a page for userspace. A register is named by its offset in the page.
 */
#include <linux/fault-inject-usercopy.h>
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <asm/apicdef.h>
#include <asm/msr-index.h>

#include "irqchip.h"
#include "lapic.h"
#include "lapic_state.h"
#include "trace.h"
#include "x86.h"

/* Integrated APIC of version 0x14. */
#define LAPIC_VERSION		(0x14 | (NR_LVTS - 1) << 16)

#define LAPIC_REGS_END		0x400
#define LAPIC_REG_STRIDE	0x10

/* What an entry of the LVT can hold; remote IRR and status are not kept. */
static const u32 lvt_bits[NR_LVTS] = {
	[LVT_TIMER]	= APIC_VECTOR_MASK | APIC_LVT_MASKED | APIC_LVT_TIMER_PERIODIC |
			  APIC_LVT_TIMER_TSCDEADLINE,
	[LVT_THERMAL]	= APIC_VECTOR_MASK | APIC_LVT_MASKED | APIC_MODE_MASK,
	[LVT_PERF]	= APIC_VECTOR_MASK | APIC_LVT_MASKED | APIC_MODE_MASK,
	[LVT_LINT0]	= APIC_VECTOR_MASK | APIC_LVT_MASKED | APIC_MODE_MASK |
			  APIC_INPUT_POLARITY | APIC_LVT_LEVEL_TRIGGER,
	[LVT_LINT1]	= APIC_VECTOR_MASK | APIC_LVT_MASKED | APIC_MODE_MASK |
			  APIC_INPUT_POLARITY | APIC_LVT_LEVEL_TRIGGER,
	[LVT_ERROR]	= APIC_VECTOR_MASK | APIC_LVT_MASKED,
};

/* The guest may keep EOIs from userspace's I/O APIC; ours has no EOI register. */
static bool lapic_has_directed_eoi(const struct x86_lapic *apic)
{
	return !to_x86_vm(apic->vcpu->vcpu.kvm)->chips.ioapic;
}

static u32 lapic_version(const struct x86_lapic *apic)
{
	return LAPIC_VERSION | (lapic_has_directed_eoi(apic) ? APIC_LVR_DIRECTED_EOI : 0);
}

static u32 map_word(const unsigned long *map, unsigned int i)
{
	return map[i / 2] >> (32 * (i % 2));
}

static u32 lapic_read(struct x86_lapic *apic, u32 reg)
{
	switch (reg) {
	case APIC_ID:
		return lapic_x2apic(apic) ? apic->id : apic->xapic_id << 24;
	case APIC_LVR:
		return lapic_version(apic);
	case APIC_TASKPRI:
		return lapic_tpr(apic);
	case APIC_PROCPRI:
		return lapic_ppr(apic);
	case APIC_LDR:
		return apic->ldr;
	case APIC_DFR:
		return apic->dfr;
	case APIC_SPIV:
		return apic->svr;
	case APIC_ISR ... APIC_ISR + 0x70:
		return map_word(apic->isr, (reg - APIC_ISR) / LAPIC_REG_STRIDE);
	case APIC_TMR ... APIC_TMR + 0x70:
		return map_word(apic->tmr, (reg - APIC_TMR) / LAPIC_REG_STRIDE);
	case APIC_IRR ... APIC_IRR + 0x70:
		return map_word(apic->irr, (reg - APIC_IRR) / LAPIC_REG_STRIDE);
	case APIC_ESR:
		return apic->esr;
	case APIC_ICR:
		return apic->icr;
	case APIC_ICR2:
		return apic->icr >> 32;
	case APIC_LVTT ... APIC_LVTERR:
		return apic->lvt[array_index_nospec((reg - APIC_LVTT) / LAPIC_REG_STRIDE,
						    NR_LVTS)];
	case APIC_TMICT:
		return apic->timer.tmict;
	case APIC_TMCCT:
		return lapic_timer_left(apic);
	case APIC_TDCR:
		return apic->timer.tdcr;
	default:
		return 0;
	}
}

static void lapic_send(struct x86_lapic *apic, u64 icr)
{
	struct x86_irq irq = {
		.vector = icr & APIC_VECTOR_MASK,
		.delivery = GET_APIC_DELIVERY_MODE(icr),
		.shorthand = (icr >> 18) & 3,
		.logical = icr & APIC_DEST_LOGICAL,
		.deassert = (icr & APIC_INT_LEVELTRIG) && !(icr & APIC_INT_ASSERT),
		.dest = lapic_x2apic(apic) ? icr >> 32 : icr >> 56,
	};

	apic->icr = icr & ~(u64)APIC_ICR_BUSY;
	trace_kvm_apic_ipi(icr, irq.dest);
	if (irq.delivery <= X86_DELIVER_LOWEST && irq.vector < LAPIC_FIRST_VECTOR) {
		set_bit(LAPIC_ESR_SEND_ILLEGAL, &apic->errors);
		lapic_local(apic, LVT_ERROR);
		return;
	}
	x86_deliver_irq(to_x86_vm(apic->vcpu->vcpu.kvm), apic, &irq);
}

static void lapic_write_tpr(struct x86_lapic *apic, u32 val)
{
	apic->tpr = val;
	apic->vcpu->cr8 = apic->tpr >> 4;
	kvm_make_request(X86_REQ_EVENT, &apic->vcpu->vcpu);
}

static void lapic_write_svr(struct x86_lapic *apic, u32 val)
{
	u32 mask = APIC_VECTOR_MASK | APIC_SPIV_APIC_ENABLED | APIC_SPIV_FOCUS_DISABLED;
	int i;

	if (lapic_has_directed_eoi(apic))
		mask |= APIC_SPIV_DIRECTED_EOI;
	WRITE_ONCE(apic->svr, val & mask);
	if (val & APIC_SPIV_APIC_ENABLED)
		return;
	for (i = 0; i < NR_LVTS; i++)
		WRITE_ONCE(apic->lvt[i], apic->lvt[i] | APIC_LVT_MASKED);
}

static void lapic_write_lvt(struct x86_lapic *apic, enum lapic_lvt which, u32 val)
{
	enum lapic_timer_mode old = lapic_timer_mode(apic);

	which = array_index_nospec(which, NR_LVTS);
	val &= lvt_bits[which];
	if (!(apic->svr & APIC_SPIV_APIC_ENABLED))
		val |= APIC_LVT_MASKED;
	WRITE_ONCE(apic->lvt[which], val);
	/* Counts and deadlines do not turn into each other. */
	if (which == LVT_TIMER && old != lapic_timer_mode(apic) &&
	    (old == LAPIC_TSC_DEADLINE || lapic_timer_mode(apic) == LAPIC_TSC_DEADLINE)) {
		lapic_timer_stop(apic);
		apic->timer.tmict = 0;
	}
}

/* What was gathered since the last write becomes visible (Intel SDM 3, 11.5.3). */
static void lapic_write_esr(struct x86_lapic *apic)
{
	apic->esr = xchg(&apic->errors, 0);
}

static void lapic_write_id(struct x86_lapic *apic, u32 val)
{
	WRITE_ONCE(apic->xapic_id, val >> 24);
	if (apic->xapic_id != (apic->id & 0xff))
		WRITE_ONCE(to_x86_vm(apic->vcpu->vcpu.kvm)->chips.odd_ids, true);
}

/* Returns -EINVAL for a register that cannot be written. */
static int lapic_write(struct x86_lapic *apic, u32 reg, u32 val)
{
	switch (reg) {
	case APIC_ID:
		lapic_write_id(apic, val);
		return 0;
	case APIC_TASKPRI:
		lapic_write_tpr(apic, val);
		return 0;
	case APIC_EOI:
		lapic_eoi(apic);
		return 0;
	case APIC_LDR:
		WRITE_ONCE(apic->ldr, val & APIC_LDR_MASK);
		return 0;
	case APIC_DFR:
		WRITE_ONCE(apic->dfr, val | 0x0fffffff);
		return 0;
	case APIC_SPIV:
		lapic_write_svr(apic, val);
		return 0;
	case APIC_ESR:
		lapic_write_esr(apic);
		return 0;
	case APIC_ICR:
		lapic_send(apic, (apic->icr & ~(u64)U32_MAX) | val);
		return 0;
	case APIC_ICR2:
		apic->icr = (u32)apic->icr | (u64)(val & 0xff000000) << 32;
		return 0;
	case APIC_LVTT ... APIC_LVTERR:
		lapic_write_lvt(apic, (reg - APIC_LVTT) / LAPIC_REG_STRIDE, val);
		return 0;
	case APIC_TMICT:
		lapic_timer_start(apic, val);
		return 0;
	case APIC_TDCR:
		lapic_timer_set_divisor(apic, val);
		return 0;
	default:
		return -EINVAL;
	}
}

/* MMIO */

static bool lapic_has_page(const struct x86_lapic *apic, gpa_t gpa)
{
	return apic && gpa_to_gfn(gpa) == apic->vcpu->apic_base >> PAGE_SHIFT;
}

/* A page that is there, but is nothing: the APIC is off, or in x2APIC mode. */
static bool lapic_page_is_hole(const struct x86_lapic *apic)
{
	return !lapic_enabled(apic) || lapic_x2apic(apic);
}

int lapic_mmio_read(struct x86_vcpu *vcpu, gpa_t gpa, unsigned int len, void *val)
{
	struct x86_lapic *apic = vcpu->lapic;
	u32 offset = offset_in_page(gpa), result;

	if (!lapic_has_page(apic, gpa))
		return -EOPNOTSUPP;
	memset(val, lapic_page_is_hole(apic) ? 0xff : 0, len);
	/* Sixteen bytes a register, of which four are there. */
	if (lapic_page_is_hole(apic) || offset >= LAPIC_REGS_END || (offset & 15) + len > 4)
		return 0;
	result = lapic_read(apic, offset & ~15);
	memcpy(val, (u8 *)&result + (offset & 15), len);
	return 0;
}

int lapic_mmio_write(struct x86_vcpu *vcpu, gpa_t gpa, unsigned int len, const void *val)
{
	struct x86_lapic *apic = vcpu->lapic;
	u32 offset = offset_in_page(gpa), data;

	if (!lapic_has_page(apic, gpa))
		return -EOPNOTSUPP;
	/* Anything but an aligned word is undefined, and does nothing here. */
	if (lapic_page_is_hole(apic) || len != 4 || (offset & 15))
		return 0;
	memcpy(&data, val, sizeof(data));
	lapic_write(apic, offset, data);
	return 0;
}

/* x2APIC MSRs */

static bool x2apic_readable(u32 reg)
{
	switch (reg) {
	case APIC_ID:
	case APIC_LVR:
	case APIC_TASKPRI:
	case APIC_PROCPRI:
	case APIC_LDR:
	case APIC_SPIV:
	case APIC_ISR ... APIC_IRR + 0x70:
	case APIC_ESR:
	case APIC_ICR:
	case APIC_LVTT ... APIC_LVTERR:
	case APIC_TMICT:
	case APIC_TMCCT:
	case APIC_TDCR:
		return true;
	default:
		return false;
	}
}

int lapic_get_msr(struct x86_vcpu *vcpu, u32 index, u64 *data)
{
	struct x86_lapic *apic = vcpu->lapic;
	u32 reg = (index - APIC_BASE_MSR) << 4;

	if (!apic || !lapic_x2apic(apic) || !x2apic_readable(reg))
		return -EINVAL;
	*data = reg == APIC_ICR ? apic->icr : lapic_read(apic, reg);
	return 0;
}

/* Must be zero (APM 2, 16.11.1); delivery status is too, but kernels write it back. */
#define X2APIC_ICR_RESERVED	(GENMASK_ULL(31, 20) | GENMASK_ULL(17, 16) | BIT_ULL(13))

int lapic_set_msr(struct x86_vcpu *vcpu, u32 index, u64 data)
{
	struct x86_lapic *apic = vcpu->lapic;
	u32 reg = (index - APIC_BASE_MSR) << 4;

	if (!apic || !lapic_x2apic(apic))
		return -EINVAL;
	switch (reg) {
	case APIC_ICR:
		if (data & X2APIC_ICR_RESERVED)
			return -EINVAL;
		lapic_send(apic, data);
		return 0;
	case APIC_SELF_IPI:
		if (data & ~(u64)APIC_VECTOR_MASK)
			return -EINVAL;
		lapic_send(apic, data | X86_TO_SELF << 18);
		return 0;
	case APIC_EOI:
	case APIC_ESR:
		if (data)
			return -EINVAL;
		break;
	case APIC_ID:
	case APIC_LDR:
	case APIC_DFR:
	case APIC_ICR2:
		return -EINVAL;
	}
	return data >> 32 ? -EINVAL : lapic_write(apic, reg, data);
}

/* Userspace */

/* Its page of registers: of each, 4 bytes of 16 are there. */
#define NR_LAPIC_REGS	(KVM_APIC_REG_SIZE / LAPIC_REG_STRIDE)
#define LAPIC_NR(reg)	((reg) / LAPIC_REG_STRIDE)

static int lapic_regs_to_user(u64 __user *page, const u32 *regs)
{
	u32 i;

	might_fault();
	if (should_fail_usercopy() || !user_write_access_begin(page, KVM_APIC_REG_SIZE))
		return -EFAULT;
#pragma GCC unroll 8
	for (i = 0; i < NR_LAPIC_REGS; i++) {
		unsafe_put_user(regs[i], page + 2 * i, fault);
		unsafe_put_user(0, page + 2 * i + 1, fault);
	}
	user_write_access_end();
	return 0;
fault:
	user_write_access_end();
	return -EFAULT;
}

static int lapic_regs_from_user(u32 *regs, const u64 __user *page)
{
	u64 val;
	u32 i;

	might_fault();
	if (should_fail_usercopy() || !user_read_access_begin(page, KVM_APIC_REG_SIZE))
		return -EFAULT;
#pragma GCC unroll 8
	for (i = 0; i < NR_LAPIC_REGS; i++) {
		unsafe_get_user(val, page + 2 * i, fault);
		regs[i] = val;
	}
	user_read_access_end();
	return 0;
fault:
	user_read_access_end();
	return -EFAULT;
}

/* The old format has no room for more than 8 bits of id. */
static u32 lapic_state_id(struct x86_lapic *apic)
{
	bool old = lapic_x2apic(apic) && !to_x86_vm(apic->vcpu->vcpu.kvm)->chips.msi_ids_32;

	return old ? apic->id << 24 : lapic_read(apic, APIC_ID);
}

static void lapic_save(struct x86_lapic *apic, u32 *regs)
{
	regs[LAPIC_NR(APIC_ID)] = lapic_state_id(apic);
	regs[LAPIC_NR(APIC_LVR)] = lapic_version(apic);
	regs[LAPIC_NR(APIC_TASKPRI)] = lapic_tpr(apic);
	regs[LAPIC_NR(APIC_PROCPRI)] = lapic_ppr(apic);
	regs[LAPIC_NR(APIC_LDR)] = apic->ldr;
	regs[LAPIC_NR(APIC_DFR)] = apic->dfr;
	regs[LAPIC_NR(APIC_SPIV)] = apic->svr;
	/* Bitmaps, words of 32 bits each: the lower half of a long comes first. */
	memcpy(&regs[LAPIC_NR(APIC_ISR)], apic->isr, sizeof(apic->isr));
	memcpy(&regs[LAPIC_NR(APIC_TMR)], apic->tmr, sizeof(apic->tmr));
	memcpy(&regs[LAPIC_NR(APIC_IRR)], apic->irr, sizeof(apic->irr));
	regs[LAPIC_NR(APIC_ESR)] = apic->esr;
	regs[LAPIC_NR(APIC_ICR)] = apic->icr;
	regs[LAPIC_NR(APIC_ICR2)] = apic->icr >> 32;
	memcpy(&regs[LAPIC_NR(APIC_LVTT)], apic->lvt, sizeof(apic->lvt));
	regs[LAPIC_NR(APIC_TMICT)] = apic->timer.tmict;
	regs[LAPIC_NR(APIC_TMCCT)] = lapic_timer_left(apic);
	regs[LAPIC_NR(APIC_TDCR)] = apic->timer.tdcr;
}

long x86_ioctl_get_lapic(struct kvm_ioctl_args *args)
{
	struct x86_lapic *apic = to_x86(args->vcpu)->lapic;
	u32 regs[NR_LAPIC_REGS] = { };

	if (!apic)
		return -EINVAL;
	lapic_save(apic, regs);
	return lapic_regs_to_user((u64 __user *)args->arg, regs);
}

/*
 * In xAPIC mode the guest may choose its id. In x2APIC mode it is the vCPU's, and
 * the old format, which has no room for it, is not asked.
 */
static int lapic_restore_id(struct x86_lapic *apic, u32 id)
{
	if (!lapic_x2apic(apic)) {
		lapic_write_id(apic, id);
		return 0;
	}
	if (!to_x86_vm(apic->vcpu->vcpu.kvm)->chips.msi_ids_32)
		return 0;
	return id == apic->id ? 0 : -EINVAL;
}

static void lapic_restore(struct x86_lapic *apic, const u32 *regs)
{
	int i;

	lapic_timer_stop(apic);
	lapic_write_svr(apic, regs[LAPIC_NR(APIC_SPIV)]);
	/* As it was, also open in an APIC that is off: LINT0 is so after RESET. */
	for (i = 0; i < NR_LVTS; i++)
		WRITE_ONCE(apic->lvt[i], lvt_bits[i] & regs[LAPIC_NR(APIC_LVTT) + i]);
	lapic_write_tpr(apic, regs[LAPIC_NR(APIC_TASKPRI)]);
	if (!lapic_x2apic(apic)) {
		WRITE_ONCE(apic->ldr, regs[LAPIC_NR(APIC_LDR)] & APIC_LDR_MASK);
		WRITE_ONCE(apic->dfr, regs[LAPIC_NR(APIC_DFR)] | 0x0fffffff);
	}
	apic->esr = regs[LAPIC_NR(APIC_ESR)];
	apic->icr = ((u64)regs[LAPIC_NR(APIC_ICR2)] << 32 | regs[LAPIC_NR(APIC_ICR)]) &
		    ~(u64)APIC_ICR_BUSY;
	memcpy(apic->isr, &regs[LAPIC_NR(APIC_ISR)], sizeof(apic->isr));
	memcpy(apic->tmr, &regs[LAPIC_NR(APIC_TMR)], sizeof(apic->tmr));
	memcpy(apic->irr, &regs[LAPIC_NR(APIC_IRR)], sizeof(apic->irr));
	apic->timer.tdcr = regs[LAPIC_NR(APIC_TDCR)] & 0xb;
	apic->timer.tmict = regs[LAPIC_NR(APIC_TMICT)];
	lapic_timer_resume(apic, regs[LAPIC_NR(APIC_TMCCT)]);
	kvm_make_request(X86_REQ_EVENT, &apic->vcpu->vcpu);
}

long x86_ioctl_set_lapic(struct kvm_ioctl_args *args)
{
	struct x86_lapic *apic = to_x86(args->vcpu)->lapic;
	u32 regs[NR_LAPIC_REGS];
	int r;

	if (!apic)
		return -EINVAL;
	r = lapic_regs_from_user(regs, (const u64 __user *)args->arg) ?:
	    lapic_restore_id(apic, regs[LAPIC_NR(APIC_ID)]);
	if (!r)
		lapic_restore(apic, regs);
	return r;
}
