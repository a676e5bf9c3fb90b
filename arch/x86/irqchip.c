// SPDX-License-Identifier: GPL-2.0
/*
 * The interrupt controllers of a VM: made together, wired together. Routes
 * lead here from the core, messages leave here for the local APICs.
 */
#include <linux/nospec.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/msr-index.h>

#include <kvm/ioctl.h>

#include "ioapic.h"
#include "irqchip.h"
#include "lapic.h"
#include "lapic_state.h"
#include "pic.h"
#include "pit.h"
#include "x86.h"

#define NR_PIC_PINS	16

/* Delivery */

/*
 * The members of an x2APIC cluster have ids in a row. All other sets of
 * destinations are found by asking everyone.
 */
static bool irq_to_cluster(const struct x86_vm *vm, const struct x86_lapic *src,
			   const struct x86_irq *irq)
{
	if (atomic_read(&vm->chips.nr_xapic) || irq->dest == U32_MAX)
		return false;
	return src || vm->chips.no_broadcast_quirk || irq->dest != LAPIC_BROADCAST;
}

/* How messages find their way: the candidates, to be asked if it is for them. */
struct irq_scan {
	struct x86_vm *vm;
	u32 next;
	u32 end;
	bool by_index;
};

static void irq_scan_init(struct irq_scan *scan, struct x86_vm *vm,
			  const struct x86_lapic *src, const struct x86_irq *irq)
{
	*scan = (struct irq_scan) {
		.vm = vm, .end = kvm_nr_vcpus(&vm->kvm), .by_index = true,
	};
	if (irq->shorthand != X86_TO_DEST)
		return;
	if (irq->logical) {
		if (!irq_to_cluster(vm, src, irq))
			return;
		scan->next = irq->dest >> 16 << 4;
		scan->end = scan->next + 16;
	} else {
		if (irq->dest == LAPIC_BROADCAST || irq->dest == U32_MAX ||
		    READ_ONCE(vm->chips.odd_ids))
			return;
		scan->next = irq->dest;
		scan->end = irq->dest + 1;
	}
	scan->by_index = false;
}

static struct x86_lapic *irq_scan_next(struct irq_scan *scan)
{
	struct x86_lapic *apic = NULL;
	struct kvm_vcpu *vcpu;

	while (!apic && scan->next < scan->end) {
		if (scan->by_index) {
			vcpu = kvm_get_vcpu(&scan->vm->kvm, scan->next++);
			apic = vcpu ? to_x86(vcpu)->lapic : NULL;
		} else {
			apic = xa_load(&scan->vm->chips.apics, scan->next++);
		}
	}
	return apic;
}

static bool irq_is_for(const struct x86_lapic *apic, const struct x86_lapic *src,
		       const struct x86_irq *irq)
{
	switch (irq->shorthand) {
	case X86_TO_ALL:
		return true;
	case X86_TO_OTHERS:
		return apic != src;
	default:
		return lapic_matches(apic, src, irq);
	}
}

/* Of those that are meant, the one that has had the fewest turns. */
static int irq_deliver_lowest(struct irq_scan *scan, struct x86_lapic *src,
			      const struct x86_irq *irq)
{
	struct x86_lapic *apic, *best = NULL;

	while ((apic = irq_scan_next(scan))) {
		if (!irq_is_for(apic, src, irq) || !lapic_sw_enabled(apic))
			continue;
		if (!best || READ_ONCE(apic->turns) < READ_ONCE(best->turns))
			best = apic;
	}
	if (!best)
		return -1;
	/* Races lose a turn now and then; it is fair on the whole. */
	WRITE_ONCE(best->turns, best->turns + 1);
	return lapic_accept(best, irq);
}

int x86_deliver_irq(struct x86_vm *vm, struct x86_lapic *src, const struct x86_irq *irq)
{
	struct x86_lapic *apic;
	struct irq_scan scan;
	int delivered = -1, r;

	if (irq->shorthand == X86_TO_SELF)
		return lapic_accept(src, irq);
	irq_scan_init(&scan, vm, src, irq);
	if (irq->delivery == X86_DELIVER_LOWEST)
		return irq_deliver_lowest(&scan, src, irq);
	while ((apic = irq_scan_next(&scan))) {
		if (!irq_is_for(apic, src, irq))
			continue;
		r = lapic_accept(apic, irq);
		if (r >= 0)
			delivered = max(delivered, 0) + r;
	}
	return delivered;
}

/* AMD APM 2, 16.11; Intel SDM 3, 11.11. */
void x86_msi_to_irq(const struct x86_vm *vm, const struct kvm_irq_msi *msi,
		    struct x86_irq *irq)
{
	*irq = (struct x86_irq) {
		.dest = (msi->address_lo >> 12) & 0xff,
		.logical = msi->address_lo & BIT(2),
		.vector = msi->data & 0xff,
		.delivery = (msi->data >> 8) & 7,
		.level = msi->data & BIT(15),
	};
	if (vm->chips.msi_ids_32)
		irq->dest |= msi->address_hi & 0xffffff00;
	/* The redirection hint: whoever has the lowest priority. */
	if ((msi->address_lo & BIT(3)) && irq->delivery == X86_DELIVER_FIXED)
		irq->delivery = X86_DELIVER_LOWEST;
}

/* Routes */

bool kvm_arch_can_route_irqs(struct kvm *kvm)
{
	return x86_has_irqchip(&to_x86_vm(kvm)->chips);
}

int kvm_arch_check_route(struct kvm *kvm, const struct kvm_irq_route *route)
{
	struct x86_irqchips *chips = &to_x86_vm(kvm)->chips;

	if (route->type == KVM_IRQ_ROUTING_MSI)
		return chips->msi_ids_32 && (route->msi.address_hi & 0xff) ? -EINVAL : 0;
	if (!chips->pic)
		return -EINVAL;
	return route->pin < (route->irqchip == KVM_IRQCHIP_IOAPIC ?
			     KVM_IOAPIC_NUM_PINS : NR_PIC_PINS / 2) ? 0 : -EINVAL;
}

int kvm_arch_set_irq(struct kvm *kvm, const struct kvm_irq_route *route,
		     enum kvm_irq_source source, bool level)
{
	struct x86_vm *vm = to_x86_vm(kvm);
	struct x86_irq irq;

	if (route->type == KVM_IRQ_ROUTING_MSI) {
		if (!level)
			return -1;
		x86_msi_to_irq(vm, &route->msi, &irq);
		return x86_deliver_irq(vm, NULL, &irq);
	}
	if (route->irqchip == KVM_IRQCHIP_IOAPIC)
		return ioapic_set_irq(vm->chips.ioapic, route->pin, source, level);
	return pic_set_irq(vm->chips.pic, route->irqchip * 8 + route->pin, source, level);
}

/* Does the PIT's GSI lead to this pin? */
static bool irq_is_pit_pin(struct kvm *kvm, u32 irqchip, u32 pin)
{
	const struct kvm_irq_table *table;
	const struct kvm_irq_route *route;

	guard(rcu)();
	table = rcu_dereference(kvm->irq_table);
	kvm_for_each_irq_route(route, table, 0)
		if (route->type == KVM_IRQ_ROUTING_IRQCHIP &&
		    route->irqchip == irqchip && route->pin == pin)
			return true;
	return false;
}

void x86_pin_acked(struct x86_vm *vm, u32 irqchip, u32 pin)
{
	/* Pairs with the release when the PIT is complete. */
	struct x86_pit *pit = smp_load_acquire(&vm->chips.pit);

	if (pit && irq_is_pit_pin(&vm->kvm, irqchip, pin))
		pit_acked(pit);
	kvm_irq_acked(&vm->kvm, irqchip, pin);
}

void x86_pin_unmasked(struct x86_vm *vm, u32 irqchip, u32 pin)
{
	/* Pairs with the release when the PIT is complete. */
	struct x86_pit *pit = smp_load_acquire(&vm->chips.pit);

	if (pit && irq_is_pit_pin(&vm->kvm, irqchip, pin))
		pit_unmasked(pit);
}

void x86_pic_raised(struct x86_vm *vm)
{
	struct kvm_vcpu *vcpu;
	unsigned int i;

	kvm_for_each_vcpu(i, vcpu, &vm->kvm) {
		if (!lapic_takes_pic(to_x86(vcpu)->lapic))
			continue;
		kvm_make_request(X86_REQ_EVENT, vcpu);
		kvm_vcpu_kick(vcpu);
	}
}

/* Birth and death */

/* GSIs 0 to 15 go to the PIC and the I/O APIC, the rest to the I/O APIC alone. */
static int irqchip_default_routes(struct kvm *kvm)
{
	struct kvm_irq_routing_entry *entries __free(kfree) = NULL;
	u32 gsi, n = 0;

	entries = kcalloc(NR_PIC_PINS + KVM_IOAPIC_NUM_PINS, sizeof(*entries),
			  GFP_KERNEL_ACCOUNT);
	if (!entries)
		return -ENOMEM;
	for (gsi = 0; gsi < KVM_IOAPIC_NUM_PINS; gsi++) {
		entries[n].gsi = gsi;
		entries[n].type = KVM_IRQ_ROUTING_IRQCHIP;
		entries[n].u.irqchip.irqchip = KVM_IRQCHIP_IOAPIC;
		entries[n++].u.irqchip.pin = gsi;
		if (gsi >= NR_PIC_PINS)
			continue;
		entries[n].gsi = gsi;
		entries[n].type = KVM_IRQ_ROUTING_IRQCHIP;
		entries[n].u.irqchip.irqchip = gsi / 8;
		entries[n++].u.irqchip.pin = gsi % 8;
	}
	return kvm_set_irq_routes(kvm, entries, n);
}

/* The mode can change once, before there is a vCPU. */
static int irqchip_may_create(struct kvm *kvm)
{
	lockdep_assert_held(&kvm->lock);
	if (to_x86_vm(kvm)->chips.mode != X86_IRQCHIP_NONE)
		return -EEXIST;
	return kvm->nr_vcpus ? -EINVAL : 0;
}

long x86_ioctl_create_irqchip(struct kvm_ioctl_args *args)
{
	struct x86_irqchips *chips = &to_x86_vm(args->kvm)->chips;
	int r;

	r = irqchip_may_create(args->kvm);
	if (r)
		return r;
	guard(mutex)(&args->kvm->irq_lock);
	chips->pic = pic_create(to_x86_vm(args->kvm));
	if (IS_ERR(chips->pic)) {
		r = PTR_ERR(chips->pic);
		goto err_pic;
	}
	chips->ioapic = ioapic_create(to_x86_vm(args->kvm));
	if (IS_ERR(chips->ioapic)) {
		r = PTR_ERR(chips->ioapic);
		goto err_ioapic;
	}
	r = irqchip_default_routes(args->kvm);
	if (r)
		goto err_routes;
	/* Pairs with x86_has_irqchip(). */
	smp_store_release(&chips->mode, X86_IRQCHIP_FULL);
	return 0;

err_routes:
	ioapic_remove(chips->ioapic);
err_ioapic:
	chips->ioapic = NULL;
	pic_remove(chips->pic);
err_pic:
	chips->pic = NULL;
	return r;
}

int x86_enable_split_irqchip(struct x86_vm *vm, u64 nr_reserved_pins)
{
	int r;

	if (nr_reserved_pins > KVM_MAX_GSIS)
		return -EINVAL;
	r = irqchip_may_create(&vm->kvm);
	if (r)
		return r;
	vm->chips.nr_reserved_pins = nr_reserved_pins;
	/* Pairs with x86_has_irqchip(). */
	smp_store_release(&vm->chips.mode, X86_IRQCHIP_SPLIT);
	return 0;
}

int x86_enable_x2apic_api(struct x86_vm *vm, u64 flags)
{
	if (flags & ~(u64)(KVM_X2APIC_API_USE_32BIT_IDS |
			   KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK))
		return -EINVAL;
	if (flags & KVM_X2APIC_API_USE_32BIT_IDS)
		vm->chips.msi_ids_32 = true;
	if (flags & KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK)
		vm->chips.no_broadcast_quirk = true;
	return 0;
}

/* The longest count with the highest divisor must fit a signed time. */
int x86_set_apic_bus_cycle(struct x86_vm *vm, u64 ns)
{
	if (!ns || ns > KTIME_MAX / (128ull * U32_MAX))
		return -EINVAL;
	if (vm->chips.mode == X86_IRQCHIP_NONE)
		return -ENXIO;
	if (vm->kvm.nr_vcpus)
		return -EINVAL;
	vm->chips.bus_cycle_ns = ns;
	return 0;
}

void x86_irqchip_init(struct x86_vm *vm)
{
	xa_init_flags(&vm->chips.apics, XA_FLAGS_ACCOUNT);
	vm->chips.bus_cycle_ns = X86_BUS_CYCLE_NS;
}

void x86_irqchip_stop(struct x86_vm *vm)
{
	struct kvm_vcpu *vcpu;
	unsigned int i;

	pit_stop(vm->chips.pit);
	kvm_for_each_vcpu(i, vcpu, &vm->kvm)
		if (to_x86(vcpu)->lapic)
			lapic_timer_stop(to_x86(vcpu)->lapic);
}

void x86_irqchip_destroy(struct x86_vm *vm)
{
	kfree(vm->chips.pit);
	kfree(vm->chips.ioapic);
	kfree(vm->chips.pic);
	xa_destroy(&vm->chips.apics);
}

/* Ioctls */

static long irqchip_get(struct x86_irqchips *chips, struct kvm_irqchip *chip)
{
	switch (chip->chip_id) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		pic_get_state(chips->pic, array_index_nospec(chip->chip_id, 2),
			      &chip->chip.pic);
		return 0;
	case KVM_IRQCHIP_IOAPIC:
		ioapic_get_state(chips->ioapic, &chip->chip.ioapic);
		return 0;
	default:
		return -EINVAL;
	}
}

long x86_ioctl_get_irqchip(struct kvm_ioctl_args *args)
{
	struct x86_irqchips *chips = &to_x86_vm(args->kvm)->chips;

	if (!x86_has_irqchip(chips) || !chips->pic)
		return -ENXIO;
	return irqchip_get(chips, args->data);
}

static long irqchip_set(struct x86_irqchips *chips, const struct kvm_irqchip *chip)
{
	switch (chip->chip_id) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		pic_set_state(chips->pic, array_index_nospec(chip->chip_id, 2),
			      &chip->chip.pic);
		return 0;
	case KVM_IRQCHIP_IOAPIC:
		ioapic_set_state(chips->ioapic, &chip->chip.ioapic);
		return 0;
	default:
		return -EINVAL;
	}
}

/* The direction in this ioctl's number is wrong: it takes its payload in. */
long x86_ioctl_set_irqchip(struct kvm_ioctl_args *args)
{
	struct x86_irqchips *chips = &to_x86_vm(args->kvm)->chips;
	struct kvm_irqchip *chip __free(kfree) = NULL;

	chip = kmalloc(sizeof(*chip), GFP_KERNEL_ACCOUNT);
	if (!chip)
		return -ENOMEM;
	if (copy_from_user(chip, (void __user *)args->arg, sizeof(*chip)))
		return -EFAULT;
	if (!x86_has_irqchip(chips) || !chips->pic)
		return -ENXIO;
	return irqchip_set(chips, chip);
}

long x86_ioctl_irq_line_status(struct kvm_ioctl_args *args)
{
	struct kvm_irq_level *line = args->data;

	if (!kvm_arch_can_route_irqs(args->kvm))
		return -ENXIO;
	line->status = kvm_set_irq(args->kvm, KVM_IRQ_SOURCE_USER, line->irq, line->level);
	return 0;
}

long x86_ioctl_irq_line(struct kvm_ioctl_args *args)
{
	return x86_ioctl_irq_line_status(args);
}

/* How many vCPUs took it; 0 if the guest does not listen. */
long x86_ioctl_signal_msi(struct kvm_ioctl_args *args)
{
	const struct kvm_msi *msi = args->data;
	struct kvm_irq_route route = {
		.type = KVM_IRQ_ROUTING_MSI,
		.msi = {
			.address_lo = msi->address_lo,
			.address_hi = msi->address_hi,
			.data = msi->data,
		},
	};

	if (!kvm_arch_can_route_irqs(args->kvm) || msi->flags)
		return -EINVAL;
	if (kvm_arch_check_route(args->kvm, &route))
		return -EINVAL;
	return max(kvm_arch_set_irq(args->kvm, &route, KVM_IRQ_SOURCE_USER, true), 0);
}

long x86_ioctl_set_boot_cpu_id(struct kvm_ioctl_args *args)
{
	if (args->kvm->nr_vcpus)
		return -EBUSY;
	if (args->arg >= args->kvm->max_vcpu_ids)
		return -EINVAL;
	to_x86_vm(args->kvm)->chips.boot_cpu_id = args->arg;
	return 0;
}
