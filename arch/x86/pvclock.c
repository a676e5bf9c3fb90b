// SPDX-License-Identifier: GPL-2.0
/*
 * kvmclock (Documentation/virt/kvm/x86/msr.rst). The VM's clock is a line
 * through one point: so many nanoseconds at that value of the host's counter.
 * Guests get the point in terms of their own counter, and the slope; the
 * kernel reads the same line, and so never disagrees with them.
 */
#include <linux/cleanup.h>
#include <linux/clocksource_ids.h>
#include <linux/math64.h>
#include <linux/time.h>
#include <linux/timekeeping.h>
#include <asm/kvm_para.h>
#include <asm/pvclock.h>
#include <asm/tsc.h>

#include <kvm/guest_io.h>
#include <kvm/ioctl.h>

#include "pvclock.h"
#include "tsc.h"
#include "x86.h"

void pvclock_scale(u32 khz, u32 *mul, s8 *shift)
{
	u64 rate = (u64)khz * 1000;

	/* To between one and two cycles a nanosecond: then 32 bits are exact enough. */
	for (*shift = 0; rate > 2 * NSEC_PER_SEC; (*shift)--)
		rate >>= 1;
	for (; rate <= NSEC_PER_SEC; (*shift)++)
		rate <<= 1;
	*mul = div64_u64((u64)NSEC_PER_SEC << 32, rate);
}

/* Suspends of the host; the vCPUs were out of the guest, and find out when they load. */
static unsigned int clock_resumes;

void x86_clock_resume(void)
{
	WRITE_ONCE(clock_resumes, clock_resumes + 1);
}

static u64 clock_at(const struct x86_clock *clock, u64 host_tsc)
{
	u32 mul;
	s8 shift;

	pvclock_scale(tsc_khz, &mul, &shift);
	return clock->base_ns + pvclock_scale_delta(host_tsc - clock->base_tsc, mul, shift);
}

/* The counter, and what all clocks of the host show just then. */
static bool clock_snapshot(struct system_time_snapshot *snap)
{
	ktime_get_snapshot(snap);
	if (snap->cs_id == CSID_X86_TSC)
		return true;
	snap->cycles = rdtsc();
	return false;
}

/* Put the base where the host's clock is now. */
static void clock_rebase(struct x86_clock *clock)
{
	struct system_time_snapshot snap;

	lockdep_assert_held(&clock->lock);
	clock->resumes = READ_ONCE(clock_resumes);
	clock->stable = clock_snapshot(&snap);
	clock->base_tsc = snap.cycles;
	clock->base_ns = ktime_to_ns(snap.raw) + clock->offset;
}

/* A base is good as long as counter and clock run on together. */
static void clock_refresh(struct x86_clock *clock)
{
	if (!clock->stable || clock->resumes != READ_ONCE(clock_resumes))
		clock_rebase(clock);
}

void x86_clock_init(struct x86_vm *vm)
{
	struct x86_clock *clock = &vm->clock;

	spin_lock_init(&clock->lock);
	guard(spinlock)(&clock->lock);
	clock->offset = -ktime_to_ns(ktime_get_raw());
	clock_rebase(clock);
}

/* Guests read one vCPU's page on another: all counters must be the same. */
static bool clock_vcpus_agree(struct x86_vm *vm)
{
	struct kvm_vcpu *vcpu;
	unsigned int i;

	kvm_for_each_vcpu(i, vcpu, &vm->kvm)
		if (READ_ONCE(to_x86(vcpu)->tsc_offset) != vm->tsc.offset ||
		    READ_ONCE(to_x86(vcpu)->tsc_ratio) != vm->tsc.ratio)
			return false;
	return true;
}

static int clock_write_page(struct x86_vcpu *vcpu, struct pvclock_vcpu_time_info *page)
{
	gpa_t gpa = vcpu->clock.msr & ~1ull;
	int r;

	/* Odd, then the contents, then even: a reader that saw odd looks again. */
	page->version = vcpu->clock.version + 1;
	r = kvm_write_guest(&vcpu->vcpu, gpa, &page->version, sizeof(page->version));
	if (r)
		return r;
	/* Pairs with the guest's barriers around its reads of the version. */
	smp_wmb();
	r = kvm_write_guest(&vcpu->vcpu, gpa, page, sizeof(*page));
	/* Pairs with the guest's barriers around its reads of the version. */
	smp_wmb();
	page->version++;
	vcpu->clock.version = page->version;
	return r ?: kvm_write_guest(&vcpu->vcpu, gpa, &page->version,
				    sizeof(page->version));
}

void x86_clock_update(struct x86_vcpu *vcpu)
{
	struct x86_vm *vm = to_x86_vm(vcpu->vcpu.kvm);
	struct pvclock_vcpu_time_info page = {};

	if (!(vcpu->clock.msr & KVM_MSR_ENABLED))
		return;
	x86_fetch(vcpu, X86_GROUP_TSC);
	if (vcpu->clock.resumes != READ_ONCE(clock_resumes))
		vcpu->clock.guest_stopped = true;
	scoped_guard(spinlock, &vm->clock.lock) {
		clock_refresh(&vm->clock);
		vcpu->clock.resumes = vm->clock.resumes;
		page.tsc_timestamp = x86_guest_tsc(vcpu, vm->clock.base_tsc);
		page.system_time = vm->clock.base_ns;
		if (vm->clock.stable && clock_vcpus_agree(vm))
			page.flags |= PVCLOCK_TSC_STABLE_BIT;
	}
	pvclock_scale(x86_guest_tsc_khz(vcpu), &page.tsc_to_system_mul, &page.tsc_shift);
	if (vcpu->clock.guest_stopped)
		page.flags |= PVCLOCK_GUEST_STOPPED;
	/* Where there is no memory the guest gets no time. */
	if (!clock_write_page(vcpu, &page))
		vcpu->clock.guest_stopped = false;
}

void x86_clock_load(struct x86_vcpu *vcpu)
{
	if (!READ_ONCE(to_x86_vm(vcpu->vcpu.kvm)->clock.stable) ||
	    vcpu->clock.resumes != READ_ONCE(clock_resumes))
		kvm_make_request(X86_REQ_CLOCK_UPDATE, &vcpu->vcpu);
}

void x86_clock_tsc_changed(struct x86_vcpu *vcpu)
{
	if (kvm_nr_vcpus(vcpu->vcpu.kvm))
		kvm_make_all_request(vcpu->vcpu.kvm, X86_REQ_CLOCK_UPDATE, false);
}

int x86_clock_set_msr(struct x86_vcpu *vcpu, u64 data)
{
	vcpu->clock.msr = data;
	vcpu->clock.resumes = READ_ONCE(clock_resumes);
	kvm_make_request(X86_REQ_CLOCK_UPDATE, &vcpu->vcpu);
	return 0;
}

/* The time of day when the clock read zero; version as for the page. */
int x86_clock_set_wall_msr(struct x86_vcpu *vcpu, u64 data)
{
	struct x86_clock *clock = &to_x86_vm(vcpu->vcpu.kvm)->clock;
	struct system_time_snapshot snap;
	struct pvclock_wall_clock wall;
	struct timespec64 ts;
	u32 version;
	u64 now;

	vcpu->clock.wall_msr = data;
	if (!data || kvm_read_guest(&vcpu->vcpu, data, &version, sizeof(version)))
		return 0;
	version = (version | 1) + (version & 1 ? 2 : 0);
	if (kvm_write_guest(&vcpu->vcpu, data, &version, sizeof(version)))
		return 0;

	scoped_guard(spinlock, &clock->lock) {
		clock_refresh(clock);
		clock_snapshot(&snap);
		now = clock_at(clock, snap.cycles);
	}
	ts = ns_to_timespec64(ktime_to_ns(snap.real) - now);
	wall.version = version;
	wall.sec = ts.tv_sec;
	wall.nsec = ts.tv_nsec;
	/* Pairs with the guest's barriers around its reads of the version. */
	smp_wmb();
	kvm_write_guest(&vcpu->vcpu, data, &wall, sizeof(wall));
	/* Pairs with the guest's barriers around its reads of the version. */
	smp_wmb();
	version++;
	kvm_write_guest(&vcpu->vcpu, data, &version, sizeof(version));
	return 0;
}

long x86_ioctl_get_clock(struct kvm_ioctl_args *args)
{
	struct x86_vm *vm = to_x86_vm(args->kvm);
	struct kvm_clock_data *data = args->data;
	struct system_time_snapshot snap;

	guard(spinlock)(&vm->clock.lock);
	clock_refresh(&vm->clock);
	if (clock_snapshot(&snap)) {
		data->flags = KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC;
		data->realtime = ktime_to_ns(snap.real);
		data->host_tsc = snap.cycles;
		if (clock_vcpus_agree(vm))
			data->flags |= KVM_CLOCK_TSC_STABLE;
	}
	data->clock = clock_at(&vm->clock, snap.cycles);
	return 0;
}

long x86_ioctl_set_clock(struct kvm_ioctl_args *args)
{
	struct x86_vm *vm = to_x86_vm(args->kvm);
	const struct kvm_clock_data *data = args->data;
	struct system_time_snapshot snap;
	s64 clock = data->clock, passed;

	scoped_guard(spinlock, &vm->clock.lock) {
		clock_snapshot(&snap);
		passed = ktime_to_ns(snap.real) - (s64)data->realtime;
		/* Time that the VM spent between two hosts; it does not run backwards. */
		if ((data->flags & KVM_CLOCK_REALTIME) && passed > 0)
			clock += passed;
		vm->clock.offset = clock - ktime_to_ns(snap.raw);
		clock_rebase(&vm->clock);
	}
	kvm_make_all_request(args->kvm, X86_REQ_CLOCK_UPDATE, false);
	return 0;
}

long x86_ioctl_kvmclock_ctrl(struct kvm_ioctl_args *args)
{
	struct x86_vcpu *vcpu = to_x86(args->vcpu);

	if (!(vcpu->clock.msr & KVM_MSR_ENABLED))
		return -EINVAL;
	vcpu->clock.guest_stopped = true;
	kvm_make_request(X86_REQ_CLOCK_UPDATE, args->vcpu);
	return 0;
}
