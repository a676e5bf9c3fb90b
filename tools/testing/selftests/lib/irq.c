// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "irq.h"
#include "kvm.h"

int vm_create(void)
{
	int dev = kvm_must(open("/dev/kvm", O_RDWR | O_CLOEXEC), "open", __FILE__, __LINE__);
	int vm = kvm_ioctl_ok(dev, KVM_CREATE_VM, 0);

	close(dev);
	return vm;
}

int vm_create_irqchip(void)
{
	int vm = vm_create();

	kvm_ioctl_ok(vm, KVM_CREATE_IRQCHIP, 0);
	return vm;
}

int vm_create_split(int nr_pins)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { nr_pins } };
	int vm = vm_create();

	kvm_ioctl_ok(vm, KVM_ENABLE_CAP, &cap);
	return vm;
}

int vm_add_vcpu(int vm, unsigned long id)
{
	return kvm_ioctl_ok(vm, KVM_CREATE_VCPU, id);
}

uint32_t lapic_read(int vcpu, unsigned int reg)
{
	struct kvm_lapic_state state;
	uint32_t val;

	kvm_ioctl_ok(vcpu, KVM_GET_LAPIC, &state);
	memcpy(&val, state.regs + reg, sizeof(val));
	return val;
}

void lapic_write(int vcpu, unsigned int reg, uint32_t val)
{
	struct kvm_lapic_state state;

	kvm_ioctl_ok(vcpu, KVM_GET_LAPIC, &state);
	memcpy(state.regs + reg, &val, sizeof(val));
	kvm_ioctl_ok(vcpu, KVM_SET_LAPIC, &state);
}

void lapic_enable(int vcpu)
{
	lapic_write(vcpu, APIC_SVR, 0x1ff);
}

bool lapic_irr(int vcpu, uint8_t vector)
{
	return lapic_read(vcpu, APIC_IRR + vector / 32 * 16) >> vector % 32 & 1;
}

bool lapic_isr(int vcpu, uint8_t vector)
{
	return lapic_read(vcpu, APIC_ISR + vector / 32 * 16) >> vector % 32 & 1;
}

void lapic_clear(int vcpu)
{
	struct kvm_lapic_state state;

	kvm_ioctl_ok(vcpu, KVM_GET_LAPIC, &state);
	memset(state.regs + APIC_ISR, 0, 3 * 0x80);
	kvm_ioctl_ok(vcpu, KVM_SET_LAPIC, &state);
}

bool lapic_wait_irr(int vcpu, uint8_t vector)
{
	int i;

	for (i = 0; i < 1000; i++) {
		if (lapic_irr(vcpu, vector))
			return true;
		usleep(1000);
	}
	return false;
}

int set_routes(int vm, const struct kvm_irq_routing_entry *entries, uint32_t nr)
{
	struct kvm_irq_routing *routing;
	int r;

	routing = calloc(1, sizeof(*routing) + nr * sizeof(*entries));
	routing->nr = nr;
	if (nr)
		memcpy(routing->entries, entries, nr * sizeof(*entries));
	r = ioctl(vm, KVM_SET_GSI_ROUTING, routing);
	free(routing);
	return r;
}

int route_msi(int vm, uint32_t gsi, uint8_t vector)
{
	struct kvm_irq_routing_entry entry = {
		.gsi = gsi, .type = KVM_IRQ_ROUTING_MSI,
		.u.msi = { .address_lo = 0xfee00000, .data = vector },
	};

	return set_routes(vm, &entry, 1);
}

int irq_line(int vm, uint32_t gsi, int level)
{
	struct kvm_irq_level line = { .irq = gsi, .level = level };

	kvm_ioctl_ok(vm, KVM_IRQ_LINE_STATUS, &line);
	return line.status;
}

int signal_msi(int vm, uint32_t dest, uint32_t data)
{
	struct kvm_msi msi = { .address_lo = 0xfee00000 | dest << 12, .data = data };

	return ioctl(vm, KVM_SIGNAL_MSI, &msi);
}

int irqfd(int vm, int fd, uint32_t gsi, uint32_t flags, int resample)
{
	struct kvm_irqfd args = { .fd = fd, .gsi = gsi, .flags = flags };

	if (resample >= 0) {
		args.flags |= KVM_IRQFD_FLAG_RESAMPLE;
		args.resamplefd = resample;
	}
	return ioctl(vm, KVM_IRQFD, &args);
}

void event_signal(int fd)
{
	uint64_t one = 1;

	kvm_must(write(fd, &one, sizeof(one)), "write eventfd", __FILE__, __LINE__);
}

uint64_t event_take(int fd)
{
	uint64_t count = 0;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

int event_create(void)
{
	return kvm_must(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd", __FILE__, __LINE__);
}
