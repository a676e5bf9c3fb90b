// SPDX-License-Identifier: GPL-2.0
/*
 * irqfds and routing: that a signal arrives, and where; what is refused; and
 * a storm of signals against everything that can change meanwhile.
 */
/* machine: smp=2 timeout=300 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "irq.h"
#include "kvm.h"

#define VECTOR	0x51
#define GSI	24
#define ROUNDS	100000

FIXTURE(irqfd) {
	int vm, vcpu, event;
};

FIXTURE_SETUP(irqfd)
{
	self->vm = vm_create_irqchip();
	self->vcpu = vm_add_vcpu(self->vm, 0);
	lapic_enable(self->vcpu);
	self->event = event_create();
	ASSERT_EQ(0, route_msi(self->vm, GSI, VECTOR));
}

FIXTURE_TEARDOWN(irqfd)
{
	close(self->event);
	close(self->vcpu);
	close(self->vm);
}

TEST_F(irqfd, a_signal_requests_the_vector)
{
	ASSERT_EQ(0, irqfd(self->vm, self->event, GSI, 0, -1));
	EXPECT_FALSE(lapic_irr(self->vcpu, VECTOR));
	event_signal(self->event);
	EXPECT_TRUE(lapic_irr(self->vcpu, VECTOR));
	/* The kernel took it; nothing is left to read. */
	EXPECT_EQ(0, event_take(self->event));
}

TEST_F(irqfd, a_signal_before_the_binding_counts)
{
	event_signal(self->event);
	ASSERT_EQ(0, irqfd(self->vm, self->event, GSI, 0, -1));
	EXPECT_TRUE(lapic_irr(self->vcpu, VECTOR));
}

TEST_F(irqfd, deassigned_it_is_silent)
{
	ASSERT_EQ(0, irqfd(self->vm, self->event, GSI, 0, -1));
	ASSERT_EQ(0, irqfd(self->vm, self->event, GSI, KVM_IRQFD_FLAG_DEASSIGN, -1));
	event_signal(self->event);
	EXPECT_FALSE(lapic_irr(self->vcpu, VECTOR));
	EXPECT_EQ(1, event_take(self->event));
}

TEST_F(irqfd, follows_the_routes)
{
	ASSERT_EQ(0, irqfd(self->vm, self->event, GSI, 0, -1));
	ASSERT_EQ(0, route_msi(self->vm, GSI, VECTOR + 1));
	event_signal(self->event);
	EXPECT_FALSE(lapic_irr(self->vcpu, VECTOR));
	EXPECT_TRUE(lapic_irr(self->vcpu, VECTOR + 1));
}

/* Known bug 24: an eventfd bound in two VMs lost interrupts silently. */
TEST_F(irqfd, known_bug_24_second_binding_is_refused)
{
	int other = vm_create_irqchip();

	ASSERT_EQ(0, irqfd(self->vm, self->event, GSI, 0, -1));
	EXPECT_EQ(-1, irqfd(self->vm, self->event, GSI, 0, -1));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_EQ(-1, irqfd(self->vm, self->event, GSI + 1, 0, -1));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_EQ(-1, irqfd(other, self->event, GSI, 0, -1));
	EXPECT_EQ(EBUSY, errno);

	/* Free again, it can go to the other. */
	ASSERT_EQ(0, irqfd(self->vm, self->event, GSI, KVM_IRQFD_FLAG_DEASSIGN, -1));
	EXPECT_EQ(0, irqfd(other, self->event, GSI, 0, -1));
	close(other);
	EXPECT_EQ(0, irqfd(self->vm, self->event, GSI, 0, -1));
}

/* Known bug 22, CVE-2017-1000252: a GSI out of range. */
TEST_F(irqfd, known_bug_22_gsi_limits)
{
	EXPECT_EQ(0, irqfd(self->vm, self->event, NR_GSIS - 1, 0, -1));
	EXPECT_EQ(0, irqfd(self->vm, self->event, NR_GSIS - 1, KVM_IRQFD_FLAG_DEASSIGN, -1));
	EXPECT_EQ(-1, irqfd(self->vm, self->event, NR_GSIS, 0, -1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, irqfd(self->vm, self->event, UINT32_MAX, 0, -1));
	EXPECT_EQ(EINVAL, errno);

	EXPECT_EQ(0, route_msi(self->vm, NR_GSIS - 1, VECTOR));
	EXPECT_EQ(1, irq_line(self->vm, NR_GSIS - 1, 1));
	EXPECT_EQ(-1, route_msi(self->vm, NR_GSIS, VECTOR));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, route_msi(self->vm, UINT32_MAX, VECTOR));
	EXPECT_EQ(EINVAL, errno);
	/* The table before is still there. */
	EXPECT_TRUE(lapic_irr(self->vcpu, VECTOR));
	EXPECT_EQ(0, irq_line(self->vm, NR_GSIS - 1, 1));
	EXPECT_EQ(-1, irq_line(self->vm, NR_GSIS, 1));
	EXPECT_EQ(-1, irq_line(self->vm, UINT32_MAX, 1));
}

TEST_F(irqfd, refuses_what_is_wrong)
{
	int pipe_fds[2], none = vm_create();

	ASSERT_EQ(0, pipe(pipe_fds));
	EXPECT_EQ(-1, irqfd(self->vm, -1, GSI, 0, -1));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(-1, irqfd(self->vm, pipe_fds[0], GSI, 0, -1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, irqfd(self->vm, self->event, GSI, 0, pipe_fds[0]));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, irqfd(self->vm, self->event, GSI, 1u << 31, -1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, irqfd(none, self->event, GSI, 0, -1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, irqfd(self->vm, -1, GSI, KVM_IRQFD_FLAG_DEASSIGN, -1));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(-1, ioctl(self->vm, KVM_IRQFD, NULL));
	EXPECT_EQ(EFAULT, errno);
	/* None of it stuck. */
	EXPECT_EQ(0, irqfd(self->vm, self->event, GSI, 0, -1));
	close(none);
}

TEST_F(irqfd, closing_the_eventfd_unbinds)
{
	int fd = event_create(), i;

	for (i = 0; i < 1000; i++) {
		ASSERT_EQ(0, irqfd(self->vm, fd, GSI, 0, -1));
		close(fd);
		fd = event_create();
	}
	EXPECT_EQ(0, irqfd(self->vm, fd, GSI, 0, -1));
	event_signal(fd);
	EXPECT_TRUE(lapic_irr(self->vcpu, VECTOR));
	close(fd);
}

TEST_F(irqfd, closing_the_vm_unbinds_though_a_vcpu_file_holds_it)
{
	int vm = vm_create_irqchip(), vcpu = vm_add_vcpu(vm, 0);

	ASSERT_EQ(0, irqfd(vm, self->event, GSI, 0, -1));
	close(vm);
	event_signal(self->event);
	EXPECT_EQ(1, event_take(self->event));
	EXPECT_EQ(0, irqfd(self->vm, self->event, GSI, 0, -1));
	close(vcpu);
}

static void ioapic_route(int vm, unsigned int pin, uint8_t vector, bool level)
{
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };

	kvm_ioctl_ok(vm, KVM_GET_IRQCHIP, &chip);
	chip.chip.ioapic.redirtbl[pin].bits = vector;
	chip.chip.ioapic.redirtbl[pin].fields.trig_mode = level;
	kvm_ioctl_ok(vm, KVM_SET_IRQCHIP, &chip);
}

TEST(resample_holds_the_line_until_it_is_removed)
{
	int vm = vm_create_irqchip(), vcpu = vm_add_vcpu(vm, 0);
	int event = event_create(), resample = event_create();
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };

	lapic_enable(vcpu);
	ioapic_route(vm, 10, VECTOR, true);
	ASSERT_EQ(0, irqfd(vm, event, 10, 0, resample));
	event_signal(event);
	EXPECT_TRUE(lapic_irr(vcpu, VECTOR));
	kvm_ioctl_ok(vm, KVM_GET_IRQCHIP, &chip);
	EXPECT_EQ(1u << 10, chip.chip.ioapic.irr);
	EXPECT_TRUE(!!chip.chip.ioapic.redirtbl[10].fields.remote_irr);
	EXPECT_EQ(0, event_take(resample));

	/* The last one takes the line down with it. */
	ASSERT_EQ(0, irqfd(vm, event, 10, KVM_IRQFD_FLAG_DEASSIGN, -1));
	kvm_ioctl_ok(vm, KVM_GET_IRQCHIP, &chip);
	EXPECT_EQ(0, chip.chip.ioapic.irr);
	close(event);
	close(resample);
	close(vcpu);
	close(vm);
}

/* Routing */

TEST_F(irqfd, routes_that_cannot_be)
{
	struct kvm_irq_routing_entry two[2] = {
		{ .gsi = 5, .type = KVM_IRQ_ROUTING_MSI },
		{ .gsi = 5, .type = KVM_IRQ_ROUTING_MSI },
	};
	struct kvm_irq_routing head = { .nr = NR_GSIS + 1 };

	EXPECT_EQ(-1, set_routes(self->vm, two, 2));
	EXPECT_EQ(EINVAL, errno);
	two[1].type = KVM_IRQ_ROUTING_IRQCHIP;
	EXPECT_EQ(-1, set_routes(self->vm, two, 2));
	two[0] = two[1];
	EXPECT_EQ(-1, set_routes(self->vm, two, 2));
	two[1].u.irqchip.irqchip = KVM_IRQCHIP_IOAPIC;
	EXPECT_EQ(0, set_routes(self->vm, two, 2));
	two[1].u.irqchip.pin = 24;
	EXPECT_EQ(-1, set_routes(self->vm, two, 2));
	two[1].u.irqchip.pin = 0;
	two[1].u.irqchip.irqchip = 3;
	EXPECT_EQ(-1, set_routes(self->vm, two, 2));
	two[0].u.irqchip.pin = 8;
	EXPECT_EQ(-1, set_routes(self->vm, two, 1));
	two[0].type = 77;
	EXPECT_EQ(-1, set_routes(self->vm, two, 1));
	two[0].type = KVM_IRQ_ROUTING_MSI;
	two[0].flags = 1u << 9;
	EXPECT_EQ(-1, set_routes(self->vm, two, 1));

	EXPECT_EQ(-1, ioctl(self->vm, KVM_SET_GSI_ROUTING, &head));
	EXPECT_EQ(EINVAL, errno);
	head.nr = 0;
	head.flags = 1;
	EXPECT_EQ(-1, ioctl(self->vm, KVM_SET_GSI_ROUTING, &head));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(self->vm, KVM_SET_GSI_ROUTING, NULL));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(0, set_routes(self->vm, NULL, 0));
	EXPECT_EQ(-1, irq_line(self->vm, 5, 1));
}

TEST_F(irqfd, a_full_table_leads_everywhere)
{
	struct kvm_irq_routing_entry *entries = calloc(NR_GSIS, sizeof(*entries));
	unsigned int i;

	/* Backwards, so that it has to be sorted. */
	for (i = 0; i < NR_GSIS; i++) {
		entries[i].gsi = NR_GSIS - 1 - i;
		entries[i].type = KVM_IRQ_ROUTING_MSI;
		entries[i].u.msi.address_lo = 0xfee00000;
		entries[i].u.msi.data = 0x20 + entries[i].gsi % 200;
	}
	ASSERT_EQ(0, set_routes(self->vm, entries, NR_GSIS));
	for (i = 0; i < NR_GSIS; i += 97) {
		lapic_clear(self->vcpu);
		EXPECT_EQ(1, irq_line(self->vm, i, 1));
		EXPECT_TRUE(lapic_irr(self->vcpu, 0x20 + i % 200));
	}
	free(entries);
}

/* The storm */

/* What its threads do with eventfds that all of them signal. A round is one such change. */
enum change { BIND, UNBIND, ROUTE, CLOSE_VM, NR_CHANGES };

struct storm {
	int vm, vcpu;
	int bound;		/* to the VM now and then */
	int mortal[2];		/* to a VM that dies */
	unsigned int rounds;	/* of all threads */
	unsigned int count[NR_CHANGES];
	bool failed;
};

/* False when there were enough rounds. Each begins with signals. */
static bool storm_goes_on(struct storm *storm)
{
	unsigned int rounds = __atomic_load_n(&storm->rounds, __ATOMIC_RELAXED);

	event_signal(storm->bound);
	event_signal(storm->mortal[rounds % 2]);
	return rounds < ROUNDS;
}

static void storm_changed(struct storm *storm, enum change change, bool good)
{
	__atomic_add_fetch(&storm->rounds, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&storm->count[change], 1, __ATOMIC_RELAXED);
	if (!good)
		__atomic_store_n(&storm->failed, true, __ATOMIC_RELAXED);
}

static void *bind_and_unbind(void *arg)
{
	struct storm *storm = arg;

	while (storm_goes_on(storm)) {
		storm_changed(storm, BIND, !irqfd(storm->vm, storm->bound, GSI, 0, -1));
		event_signal(storm->bound);
		storm_changed(storm, UNBIND, !irqfd(storm->vm, storm->bound, GSI,
						    KVM_IRQFD_FLAG_DEASSIGN, -1));
	}
	return NULL;
}

/* Known bug 23: whoever unbinds the GSI meanwhile, the last route set is the one that counts. */
static void *replace_routes(void *arg)
{
	struct storm *storm = arg;
	unsigned int i;

	for (i = 0; storm_goes_on(storm); i++) {
		uint8_t vector = VECTOR + i % 100;
		bool good = !route_msi(storm->vm, GSI, vector);

		if (i % 32 == 31) {
			irq_line(storm->vm, GSI, 1);
			good &= lapic_irr(storm->vcpu, vector);
			lapic_clear(storm->vcpu);
		}
		storm_changed(storm, ROUTE, good);
	}
	return NULL;
}

/* Known bug 26: the VM goes while eventfds are signalled and their callbacks wait. */
static void *close_vms(void *arg)
{
	struct storm *storm = arg;
	unsigned int i;

	for (i = 0; storm_goes_on(storm); i++) {
		int vm = vm_create_irqchip(), other = event_create();

		/* It resamples into the other: each is signalled in the middle of the end. */
		storm_changed(storm, BIND, !irqfd(vm, storm->mortal[0], GSI, 0, -1));
		storm_changed(storm, BIND, !irqfd(vm, storm->mortal[1], 10, 0, other));
		storm_changed(storm, BIND, !irqfd(vm, other, GSI, 0, -1));
		if (i & 1)
			close(other);
		close(vm);
		if (!(i & 1))
			close(other);
		storm_changed(storm, CLOSE_VM, true);
	}
	return NULL;
}

TEST_F_TIMEOUT(irqfd, known_bugs_23_and_26_a_storm, 800)
{
	static void *(*const actors[])(void *) = { bind_and_unbind, replace_routes, close_vms };
	struct storm storm = {
		.vm = self->vm, .vcpu = self->vcpu, .bound = self->event,
		.mortal = { event_create(), event_create() },
	};
	pthread_t threads[3];
	unsigned int i;

	for (i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, actors[i], &storm);
	for (i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	TH_LOG("%u bound, %u unbound, %u routes, %u VMs closed", storm.count[BIND],
	       storm.count[UNBIND], storm.count[ROUTE], storm.count[CLOSE_VM]);
	EXPECT_FALSE(storm.failed);
	EXPECT_LT(100, storm.count[CLOSE_VM]);
	EXPECT_LT(10000, storm.count[ROUTE]);

	lapic_clear(self->vcpu);
	ASSERT_EQ(0, route_msi(self->vm, GSI, VECTOR + 9));
	event_take(self->event);
	ASSERT_EQ(0, irqfd(self->vm, self->event, GSI, 0, -1));
	event_signal(self->event);
	EXPECT_TRUE(lapic_irr(self->vcpu, VECTOR + 9));
	close(storm.mortal[0]);
	close(storm.mortal[1]);
}

TEST_HARNESS_MAIN
