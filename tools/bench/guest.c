// SPDX-License-Identifier: GPL-2.0
#include "guest.h"

struct guest bench_guest;
struct vcpu *bench_vcpu;

void bench_create(bool irqchip)
{
	guest_create_vm(&bench_guest, GUEST_MEM);
	if (irqchip)
		kvm_ioctl_ok(bench_guest.vm, KVM_CREATE_IRQCHIP, 0);
	bench_vcpu = guest_add_vcpu(&bench_guest, 0);
	vcpu_set_supported_cpuid(&bench_guest, bench_vcpu);
	vcpu_long_mode(&bench_guest, bench_vcpu);
}

void bench_load(const uint8_t *begin, const uint8_t *end)
{
	guest_load_code(&bench_guest, begin, end);
}

void bench_destroy(void)
{
	guest_destroy(&bench_guest);
}

void bench_run(void)
{
	vcpu_run_until(bench_vcpu, KVM_EXIT_IO);
}
