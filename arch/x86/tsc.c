// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's time-stamp counter: the host's, scaled, plus an offset.
 *
 * vCPUs of one VM are born with one offset. When userspace writes TSC values
 * that would put them within a second of each other, it restores counters
 * that were equal, one after the other: they get the same offset again.
 */
#include <linux/math64.h>
#include <linux/uaccess.h>
#include <asm/msr.h>
#include <asm/tsc.h>

#include "lapic.h"
#include "tsc.h"

/* Closer than this, a rate is the host's own: parts in a million. */
#define TSC_TOLERANCE_PPM	250

u8 x86_tsc_frac_bits __ro_after_init;
u64 x86_tsc_max_ratio __ro_after_init;

u64 x86_tsc_scale(u64 tsc, u64 ratio, u8 frac_bits)
{
	return ratio ? mul_u64_u64_shr(tsc, ratio, frac_bits) : tsc;
}

int x86_tsc_ratio(u32 khz, u32 host_khz, u8 frac_bits, u64 max, u64 *ratio)
{
	u32 apart = khz > host_khz ? khz - host_khz : host_khz - khz;

	*ratio = 0;
	if (!khz)
		return -EINVAL;
	if ((u64)apart * 1000000 <= (u64)host_khz * TSC_TOLERANCE_PPM)
		return 0;
	if (!frac_bits)
		return -EINVAL;
	*ratio = mul_u64_u32_div(BIT_ULL(frac_bits), khz, host_khz);
	return *ratio && *ratio <= max ? 0 : -EINVAL;
}

static u64 scale(const struct x86_vcpu *vcpu, u64 host_tsc)
{
	return x86_tsc_scale(host_tsc, vcpu->tsc_ratio, x86_tsc_frac_bits);
}

u64 x86_guest_tsc(struct x86_vcpu *vcpu, u64 host_tsc)
{
	return scale(vcpu, host_tsc) + vcpu->tsc_offset;
}

u32 x86_guest_tsc_khz(const struct x86_vcpu *vcpu)
{
	return vcpu->tsc_khz;
}

static int tsc_ratio_of(u32 khz, u64 *ratio)
{
	return x86_tsc_ratio(khz, tsc_khz, x86_tsc_frac_bits, x86_tsc_max_ratio, ratio);
}

static void set_offset(struct x86_vcpu *vcpu, u64 offset)
{
	vcpu->tsc_offset = offset;
	x86_mark_dirty(vcpu, X86_GROUP_TSC);
	lapic_tsc_changed(vcpu);
	x86_clock_tsc_changed(vcpu);
}

void x86_tsc_create_vm(struct x86_vm *vm)
{
	spin_lock_init(&vm->tsc.lock);
	vm->tsc.khz = tsc_khz;
}

void x86_tsc_create_vcpu(struct x86_vcpu *vcpu)
{
	struct x86_vm *vm = to_x86_vm(vcpu->vcpu.kvm);

	vcpu->tsc_khz = vm->tsc.khz;
	/* The VM's rate was checked when it was set. */
	tsc_ratio_of(vcpu->tsc_khz, &vcpu->tsc_ratio);

	guard(spinlock)(&vm->tsc.lock);
	if (!vm->tsc.started) {
		vm->tsc.started = true;
		vm->tsc.ratio = vcpu->tsc_ratio;
		vm->tsc.offset = -scale(vcpu, rdtsc());
	}
	set_offset(vcpu, vm->tsc.offset);
}

/* Userspace sets a counter. */
static void host_write(struct x86_vcpu *vcpu, u64 data)
{
	struct x86_vm *vm = to_x86_vm(vcpu->vcpu.kvm);
	u64 second = (u64)vcpu->tsc_khz * 1000;
	u64 offset, apart;

	guard(spinlock)(&vm->tsc.lock);
	offset = data - scale(vcpu, rdtsc());
	apart = offset - vm->tsc.offset + second;
	if (vcpu->tsc_ratio == vm->tsc.ratio && apart < 2 * second) {
		offset = vm->tsc.offset;
	} else {
		vm->tsc.offset = offset;
		vm->tsc.ratio = vcpu->tsc_ratio;
	}
	set_offset(vcpu, offset);
}

int x86_tsc_get_msr(struct x86_vcpu *vcpu, u32 index, u64 *data, bool host)
{
	*data = x86_guest_tsc(vcpu, rdtsc());
	return 0;
}

/* A guest that moves its counter sees so in TSC_ADJUST (SDM 3, 18.17.3). */
int x86_tsc_set_msr(struct x86_vcpu *vcpu, u32 index, u64 data, bool host)
{
	u64 by;

	if (host) {
		host_write(vcpu, data);
		return 0;
	}
	by = data - x86_guest_tsc(vcpu, rdtsc());
	vcpu->tsc_adjust += by;
	set_offset(vcpu, vcpu->tsc_offset + by);
	return 0;
}

/* Userspace restores the register, and the counter by itself. */
int x86_tsc_set_adjust(struct x86_vcpu *vcpu, u32 index, u64 data, bool host)
{
	if (!host)
		set_offset(vcpu, vcpu->tsc_offset + data - vcpu->tsc_adjust);
	vcpu->tsc_adjust = data;
	return 0;
}

/* Rates */

long x86_vm_set_tsc_khz(struct kvm_ioctl_args *args)
{
	struct x86_vm *vm = to_x86_vm(args->kvm);
	u32 khz = args->arg ?: tsc_khz;
	u64 ratio;

	/* Those that exist have theirs. */
	if (args->arg > U32_MAX || kvm_nr_vcpus(args->kvm))
		return -EINVAL;
	if (tsc_ratio_of(khz, &ratio))
		return -EINVAL;
	vm->tsc.khz = khz;
	return 0;
}

long x86_vm_get_tsc_khz(struct kvm_ioctl_args *args)
{
	return to_x86_vm(args->kvm)->tsc.khz;
}

/* The counter goes on from where it is, at the new rate. */
long x86_vcpu_set_tsc_khz(struct kvm_ioctl_args *args)
{
	struct x86_vcpu *vcpu = to_x86(args->vcpu);
	u32 khz = args->arg ?: tsc_khz;
	u64 ratio, now, host_tsc;

	if (args->arg > U32_MAX || tsc_ratio_of(khz, &ratio))
		return -EINVAL;
	vcpu->tsc_khz = khz;
	if (ratio == vcpu->tsc_ratio)
		return 0;
	host_tsc = rdtsc();
	now = x86_guest_tsc(vcpu, host_tsc);
	vcpu->tsc_ratio = ratio;
	set_offset(vcpu, now - scale(vcpu, host_tsc));
	return 0;
}

long x86_vcpu_get_tsc_khz(struct kvm_ioctl_args *args)
{
	return x86_guest_tsc_khz(to_x86(args->vcpu));
}

/* The offset itself, for those who save and restore without the second's grace. */

static bool is_offset_attr(const struct kvm_device_attr *attr)
{
	return !attr->flags && attr->group == KVM_VCPU_TSC_CTRL &&
	       attr->attr == KVM_VCPU_TSC_OFFSET;
}

long x86_vcpu_has_attr(struct kvm_ioctl_args *args)
{
	return is_offset_attr(args->data) ? 0 : -ENXIO;
}

long x86_vcpu_get_attr(struct kvm_ioctl_args *args)
{
	struct kvm_device_attr *attr = args->data;

	if (!is_offset_attr(attr))
		return -ENXIO;
	return put_user(to_x86(args->vcpu)->tsc_offset, (u64 __user *)attr->addr);
}

long x86_vcpu_set_attr(struct kvm_ioctl_args *args)
{
	struct kvm_device_attr *attr = args->data;
	struct x86_vcpu *vcpu = to_x86(args->vcpu);
	struct x86_vm *vm = to_x86_vm(args->kvm);
	u64 offset;

	if (!is_offset_attr(attr))
		return -ENXIO;
	if (get_user(offset, (u64 __user *)attr->addr))
		return -EFAULT;
	guard(spinlock)(&vm->tsc.lock);
	vm->tsc.offset = offset;
	vm->tsc.ratio = vcpu->tsc_ratio;
	set_offset(vcpu, offset);
	return 0;
}
