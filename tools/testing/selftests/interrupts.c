// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts, eventfds and time as a running guest sees them.
 */
/* machine: smp=2 timeout=500 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "irq.h"
#include "kvm.h"

#define PORT	0x510
#define DONE	0x99	/* a guest's last word */

FIXTURE(guest) {
	struct guest guest;
	struct vcpu *vcpu;
	int vm;
};

static void guest_with_irqchip(struct guest *guest)
{
	guest_create_vm(guest, GUEST_MEM);
	kvm_ioctl_ok(guest->vm, KVM_CREATE_IRQCHIP, 0);
	guest_add_vcpu(guest, 0);
	vcpu_real_mode(guest, &guest->vcpu[0]);
}

FIXTURE_SETUP(guest)
{
	guest_with_irqchip(&self->guest);
	self->vcpu = &self->guest.vcpu[0];
	self->vm = self->guest.vm;
}

FIXTURE_TEARDOWN(guest)
{
	guest_destroy(&self->guest);
}

/* ioeventfd */

static int ioeventfd(int vm, int fd, uint64_t addr, uint32_t len, uint32_t flags,
		     uint64_t match)
{
	struct kvm_ioeventfd args = {
		.fd = fd, .addr = addr, .len = len, .datamatch = match,
		.flags = flags | KVM_IOEVENTFD_FLAG_PIO,
	};

	return ioctl(vm, KVM_IOEVENTFD, &args);
}

#define MATCH	KVM_IOEVENTFD_FLAG_DATAMATCH
#define REMOVE	KVM_IOEVENTFD_FLAG_DEASSIGN

GUEST_CODE16(writes,
	"mov $0x510, %dx\n"
	"mov $7, %eax\n"
	"out %al, %dx\n"
	"out %ax, %dx\n"
	"out %eax, %dx\n"
	"inc %al\n"
	"out %al, %dx\n"
	"mov $0x99, %al\n"
	"out %al, $0x80\n");

/* Runs the four writes of the guest; returns how many came out to userspace. */
static int run_writes(struct guest *guest)
{
	struct vcpu *vcpu = &guest->vcpu[0];
	int seen = 0;
	uint16_t port;

	guest_load(guest, writes);
	vcpu_real_mode(guest, vcpu);
	for (;;) {
		vcpu_run_out(vcpu, &port);
		if (port == 0x80)
			return seen;
		seen++;
	}
}

TEST_F(guest, ioeventfd_takes_its_length)
{
	int event = event_create();

	ASSERT_EQ(0, ioeventfd(self->vm, event, PORT, 1, 0, 0));
	EXPECT_EQ(2, run_writes(&self->guest));
	EXPECT_EQ(2, event_take(event));
	ASSERT_EQ(0, ioeventfd(self->vm, event, PORT, 1, REMOVE, 0));
	EXPECT_EQ(4, run_writes(&self->guest));
	EXPECT_EQ(0, event_take(event));
	close(event);
}

TEST_F(guest, ioeventfd_takes_its_value)
{
	int event = event_create(), other = event_create();

	ASSERT_EQ(0, ioeventfd(self->vm, event, PORT, 1, MATCH, 8));
	ASSERT_EQ(0, ioeventfd(self->vm, other, PORT, 4, MATCH, 7));
	EXPECT_EQ(2, run_writes(&self->guest));
	EXPECT_EQ(1, event_take(event));
	EXPECT_EQ(1, event_take(other));
	close(event);
	close(other);
}

TEST_F(guest, ioeventfd_of_any_length)
{
	int event = event_create();

	ASSERT_EQ(0, ioeventfd(self->vm, event, PORT, 0, 0, 0));
	EXPECT_EQ(0, run_writes(&self->guest));
	EXPECT_EQ(4, event_take(event));
	close(event);
}

/* The same four writes by MMIO, and one of eight bytes. */
#define MMIO	0xd0000000ull

GUEST_CODE64(mmio_writes,
	"mov $0xd0000000, %edx\n"
	"mov $7, %eax\n"
	"mov %al, (%rdx)\n"
	"mov %ax, (%rdx)\n"
	"mov %eax, (%rdx)\n"
	"inc %al\n"
	"mov %al, (%rdx)\n"
	"mov %rax, (%rdx)\n"
	"mov $0x99, %al\n"
	"out %al, $0x80\n");

/* How many of the five came out to userspace. */
static int run_mmio_writes(struct guest *guest)
{
	struct vcpu *vcpu = &guest->vcpu[0];
	int seen = 0;

	guest_load(guest, mmio_writes);
	vcpu_long_mode(guest, vcpu);
	while (vcpu_run(vcpu) == KVM_EXIT_MMIO)
		seen++;
	if (vcpu->run->exit_reason != KVM_EXIT_IO)
		kvm_die(__FILE__, __LINE__, "exit %u", vcpu->run->exit_reason);
	return seen;
}

TEST_F(guest, ioeventfd_by_mmio)
{
	static const struct {
		uint32_t len, flags;
		int takes;
	} kinds[] = {
		{ 0, 0, 5 }, { 1, 0, 2 }, { 1, MATCH, 1 }, { 2, MATCH, 0 }, { 4, 0, 1 },
		{ 8, 0, 1 }, { 8, MATCH, 1 },
	};
	struct kvm_ioeventfd args = { .fd = event_create(), .addr = MMIO, .datamatch = 8 };
	unsigned int i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		args.len = kinds[i].len;
		args.flags = kinds[i].flags;
		ASSERT_EQ(0, ioctl(self->vm, KVM_IOEVENTFD, &args));
		EXPECT_EQ(5 - kinds[i].takes, run_mmio_writes(&self->guest));
		EXPECT_EQ(kinds[i].takes, event_take(args.fd));
		args.flags |= REMOVE;
		ASSERT_EQ(0, ioctl(self->vm, KVM_IOEVENTFD, &args));
		EXPECT_EQ(5, run_mmio_writes(&self->guest));
		EXPECT_EQ(0, event_take(args.fd));
	}
	close(args.fd);
}

TEST_F(guest, ioeventfds_that_cannot_be)
{
	int event = event_create(), pipe_fds[2];
	struct kvm_ioeventfd bad = { .fd = event, .addr = UINT64_MAX, .len = 8 };

	ASSERT_EQ(0, pipe(pipe_fds));
	EXPECT_EQ(-1, ioeventfd(self->vm, event, PORT, 3, 0, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioeventfd(self->vm, event, PORT, 0, MATCH, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioeventfd(self->vm, event, PORT, 1, 1u << 20, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioeventfd(self->vm, event, PORT, 1, KVM_IOEVENTFD_FLAG_VIRTIO_CCW_NOTIFY, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(self->vm, KVM_IOEVENTFD, &bad));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(self->vm, KVM_IOEVENTFD, NULL));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, ioeventfd(self->vm, -1, PORT, 1, 0, 0));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(-1, ioeventfd(self->vm, pipe_fds[0], PORT, 1, 0, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioeventfd(self->vm, event, PORT, 1, REMOVE, 0));
	EXPECT_EQ(ENOENT, errno);

	ASSERT_EQ(0, ioeventfd(self->vm, event, PORT, 1, MATCH, 1));
	EXPECT_EQ(-1, ioeventfd(self->vm, event, PORT, 1, MATCH, 1));
	EXPECT_EQ(EEXIST, errno);
	EXPECT_EQ(-1, ioeventfd(self->vm, event, PORT, 1, 0, 0));
	EXPECT_EQ(EEXIST, errno);
	EXPECT_EQ(-1, ioeventfd(self->vm, event, PORT, 0, 0, 0));
	EXPECT_EQ(EEXIST, errno);
	EXPECT_EQ(0, ioeventfd(self->vm, event, PORT, 1, MATCH, 2));
	EXPECT_EQ(0, ioeventfd(self->vm, event, PORT, 2, MATCH, 1));
	close(event);
}

/* Every one is found among many, and none is lost when others go. */
TEST_F(guest, a_crowded_bus)
{
	int event = event_create(), target = event_create(), i;

	for (i = 0; i < 500; i++)
		ASSERT_EQ(0, ioeventfd(self->vm, event, 0x1000 + i * 7 % 4000, 1, MATCH, i));
	ASSERT_EQ(0, ioeventfd(self->vm, target, PORT, 1, 0, 0));
	for (i = 0; i < 500; i += 2)
		ASSERT_EQ(0, ioeventfd(self->vm, event, 0x1000 + i * 7 % 4000, 1,
				       MATCH | REMOVE, i));
	EXPECT_EQ(2, run_writes(&self->guest));
	EXPECT_EQ(2, event_take(target));
	EXPECT_EQ(0, event_take(event));
	close(event);
	close(target);
}

struct churn {
	int vm, event;
	volatile bool stop;
	int failed;
};

static void *churn_ioeventfds(void *arg)
{
	struct churn *churn = arg;

	while (!churn->stop) {
		if (ioeventfd(churn->vm, churn->event, PORT, 1, 0, 0) ||
		    ioeventfd(churn->vm, churn->event, PORT, 1, REMOVE, 0))
			churn->failed++;
	}
	return NULL;
}

/* Until many writes met either, and whoever wins by far does not for ever. */
TEST_F_TIMEOUT(guest, ioeventfds_come_and_go_under_a_running_guest, 300)
{
	struct churn churn = { .vm = self->vm, .event = event_create() };
	int seen = 0, taken = 0, rounds = 0;
	pthread_t thread;

	pthread_create(&thread, NULL, churn_ioeventfds, &churn);
	while (rounds < 2000 && (rounds < 400 || seen < 400 || taken < 400)) {
		seen += run_writes(&self->guest);
		taken += event_take(churn.event);
		rounds++;
	}
	churn.stop = true;
	pthread_join(thread, NULL);
	TH_LOG("%d writes to userspace, %d to the eventfd in %d rounds", seen, taken, rounds);
	/* Each write went to the one or the other. */
	EXPECT_EQ(4 * rounds, seen + taken);
	EXPECT_EQ(0, churn.failed);
	EXPECT_LT(0, seen);
	EXPECT_LT(0, taken);
	close(churn.event);
}

/* Coalesced writes */

static struct kvm_coalesced_mmio_ring *map_ring(struct vcpu *vcpu)
{
	void *ring = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd,
			  KVM_COALESCED_MMIO_PAGE_OFFSET * getpagesize());

	if (ring == MAP_FAILED)
		kvm_die(__FILE__, __LINE__, "mmap");
	return ring;
}

TEST_F(guest, coalesced_writes_wait_in_the_ring)
{
	struct kvm_coalesced_mmio_zone zone = { .addr = PORT, .size = 4, .pio = 1 };
	struct kvm_coalesced_mmio_ring *ring = map_ring(self->vcpu);

	ASSERT_EQ(0, ioctl(self->vm, KVM_REGISTER_COALESCED_MMIO, &zone));
	EXPECT_EQ(0, run_writes(&self->guest));
	ASSERT_EQ(4, ring->last);
	EXPECT_EQ(0, ring->first);
	EXPECT_EQ(PORT, ring->coalesced_mmio[3].phys_addr);
	EXPECT_EQ(1, ring->coalesced_mmio[3].len);
	EXPECT_EQ(8, ring->coalesced_mmio[3].data[0]);
	EXPECT_EQ(1, ring->coalesced_mmio[3].pio);
	EXPECT_EQ(4, ring->coalesced_mmio[2].len);

	/* Part of a zone is not the zone: it stays whole, or goes whole. */
	zone.size = 8;
	ASSERT_EQ(0, ioctl(self->vm, KVM_UNREGISTER_COALESCED_MMIO, &zone));
	EXPECT_EQ(0, run_writes(&self->guest));
	zone.size = 4;
	ASSERT_EQ(0, ioctl(self->vm, KVM_UNREGISTER_COALESCED_MMIO, &zone));
	EXPECT_EQ(4, run_writes(&self->guest));

	zone.pio = 2;
	EXPECT_EQ(-1, ioctl(self->vm, KVM_REGISTER_COALESCED_MMIO, &zone));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(self->vm, KVM_REGISTER_COALESCED_MMIO, NULL));
	EXPECT_EQ(EFAULT, errno);
	munmap(ring, getpagesize());
}

TEST_F(guest, coalesced_mmio)
{
	struct kvm_coalesced_mmio_zone zone = { .addr = MMIO, .size = 4 };
	struct kvm_coalesced_mmio_ring *ring = map_ring(self->vcpu);

	ASSERT_EQ(0, ioctl(self->vm, KVM_REGISTER_COALESCED_MMIO, &zone));
	/* Eight bytes are more than the zone. */
	EXPECT_EQ(1, run_mmio_writes(&self->guest));
	ASSERT_EQ(4, ring->last);
	EXPECT_EQ(MMIO, ring->coalesced_mmio[1].phys_addr);
	EXPECT_EQ(2, ring->coalesced_mmio[1].len);
	EXPECT_EQ(7, ring->coalesced_mmio[1].data[0]);
	EXPECT_EQ(0, ring->coalesced_mmio[1].pio);
	ASSERT_EQ(0, ioctl(self->vm, KVM_UNREGISTER_COALESCED_MMIO, &zone));
	EXPECT_EQ(5, run_mmio_writes(&self->guest));
	munmap(ring, getpagesize());
}

/* RBX is the edge of a page; four bytes, two on each side. */
GUEST_CODE64(across,
	"mov $0x44332211, %eax\n mov %eax, -2(%rbx)\n"
	"mov $0x99, %al\n out %al, $0x80\n");

static void write_across(struct guest *guest, uint64_t edge)
{
	struct vcpu *vcpu = &guest->vcpu[0];
	struct kvm_regs regs;

	guest_load(guest, across);
	vcpu_long_mode(guest, vcpu);
	vcpu_get_regs(vcpu, &regs);
	regs.rbx = edge;
	vcpu_set_regs(vcpu, &regs);
	vcpu_run_out(vcpu, NULL);
}

/* Half of a write is a device's, the other half goes to memory. */
TEST_F(guest, coalesced_mmio_beside_memory)
{
	struct kvm_coalesced_mmio_zone zone = { .addr = GUEST_MEM, .size = 4 };
	struct kvm_coalesced_mmio_ring *ring = map_ring(self->vcpu);
	long page = getpagesize();
	uint8_t *memory;

	ASSERT_EQ(0, ioctl(self->vm, KVM_REGISTER_COALESCED_MMIO, &zone));
	write_across(&self->guest, GUEST_MEM);
	ASSERT_EQ(1, ring->last);
	EXPECT_EQ(GUEST_MEM, ring->coalesced_mmio[0].phys_addr);
	EXPECT_EQ(2, ring->coalesced_mmio[0].len);
	EXPECT_EQ(0, memcmp(ring->coalesced_mmio[0].data, "\x33\x44", 2));
	EXPECT_EQ(0, memcmp(self->guest.mem + GUEST_MEM - 2, "\x11\x22", 2));

	memory = guest_add_memory(&self->guest, 1, MMIO + page, page, NULL, 0);
	zone.addr = MMIO + page - 2;
	ASSERT_EQ(0, ioctl(self->vm, KVM_REGISTER_COALESCED_MMIO, &zone));
	write_across(&self->guest, MMIO + page);
	ASSERT_EQ(2, ring->last);
	EXPECT_EQ(2, ring->coalesced_mmio[1].len);
	EXPECT_EQ(0, memcmp(ring->coalesced_mmio[1].data, "\x11\x22", 2));
	EXPECT_EQ(0, memcmp(memory, "\x33\x44", 2));
	munmap(ring, page);
	munmap(memory, page);
}

/* Known bug 20, CVE-2019-14821: an index in the ring was trusted. */
TEST_F(guest, known_bug_20_ring_indices_are_not_trusted)
{
	static const uint32_t bad[] = { 0x7fffffff, 0xffffffff, 170, 169, 1u << 16 };
	struct kvm_coalesced_mmio_zone zone = { .addr = PORT, .size = 4, .pio = 1 };
	struct kvm_coalesced_mmio_ring *ring = map_ring(self->vcpu);
	unsigned int i, max = (getpagesize() - 8) / sizeof(ring->coalesced_mmio[0]);

	ASSERT_EQ(0, ioctl(self->vm, KVM_REGISTER_COALESCED_MMIO, &zone));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ring->first = 0;
		ring->last = bad[i];
		if (bad[i] >= max)
			EXPECT_EQ(4, run_writes(&self->guest));
	}
	/* A full ring lets them out; a wrapped one goes on. */
	ring->first = 0;
	ring->last = max - 1;
	EXPECT_EQ(4, run_writes(&self->guest));
	ring->first = 3;
	EXPECT_EQ(1, run_writes(&self->guest));
	EXPECT_EQ(2, ring->last);
	ring->first = 0xffffffff;
	ring->last = 0;
	EXPECT_EQ(0, run_writes(&self->guest));
	munmap(ring, getpagesize());
}

/* PIC and PIT */

/*
 * Counts interrupts of the PIC's pin 0, at vector 0x20, to five; ends each, and
 * sleeps between them.
 */
GUEST_CODE16(ticks,
	"mov $0x11, %al\n out %al, $0x20\n"	/* ICW1: edge, cascade, ICW4 */
	"mov $0x20, %al\n out %al, $0x21\n"
	"mov $0x04, %al\n out %al, $0x21\n"
	"mov $0x01, %al\n out %al, $0x21\n"
	"mov $0xfe, %al\n out %al, $0x21\n"	/* all but pin 0 masked */
	"mov $0x34, %al\n out %al, $0x43\n"	/* counter 0, both bytes, mode 2 */
	"mov $0x9c, %al\n out %al, $0x40\n"
	"mov $0x2e, %al\n out %al, $0x40\n"	/* 11932: 10 ms */
	"xor %bx, %bx\n sti\n"
	"1: hlt\n jmp 1b\n"
	".org ticks_begin + 0x80\n"				/* the handler */
	"inc %bx\n mov $0x20, %al\n out %al, $0x20\n"
	"cmp $5, %bx\n jb 2f\n"
	"mov $0x99, %al\n out %al, $0x80\n"
	"2: iret\n");

static void set_ivt(struct guest *guest, uint8_t vector, uint16_t handler)
{
	/* GUEST_CODE is a segment of its own, or the offset is all. */
	uint32_t entry = (GUEST_CODE >> 4) << 16 | handler;

	memcpy(guest->mem + vector * 4, &entry, sizeof(entry));
}

TEST_F(guest, ticks_of_the_pit_by_the_pic)
{
	struct kvm_pit_config config = { };
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_PIC_MASTER };
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	kvm_ioctl_ok(self->vm, KVM_CREATE_PIT2, &config);
	guest_load(&self->guest, ticks);
	set_ivt(&self->guest, 0x20, 0x80);
	vcpu_real_mode(&self->guest, self->vcpu);
	vcpu_get_sregs(self->vcpu, &sregs);
	sregs.cs.selector = GUEST_CODE >> 4;
	sregs.cs.base = GUEST_CODE;
	vcpu_set_sregs(self->vcpu, &sregs);
	vcpu_get_regs(self->vcpu, &regs);
	regs.rip = 0;
	vcpu_set_regs(self->vcpu, &regs);

	EXPECT_EQ(DONE, vcpu_run_out(self->vcpu, NULL));
	vcpu_get_regs(self->vcpu, &regs);
	EXPECT_EQ(5, (uint16_t)regs.rbx);
	kvm_ioctl_ok(self->vm, KVM_GET_IRQCHIP, &chip);
	EXPECT_EQ(0, chip.chip.pic.isr);
	EXPECT_EQ(0x20, chip.chip.pic.irq_base);
	EXPECT_EQ(0xfe, chip.chip.pic.imr);
}

GUEST_CODE16(pit_latch,
	"mov $0xb4, %al\n out %al, $0x43\n"	/* counter 2, both bytes, mode 2 */
	"mov $0xff, %al\n out %al, $0x42\n out %al, $0x42\n"
	"1: mov $0x80, %al\n out %al, $0x43\n"	/* latch it */
	"in $0x42, %al\n mov %al, %bl\n in $0x42, %al\n mov %al, %bh\n"
	"mov $0xe8, %al\n out %al, $0x43\n"	/* read back: its status */
	"in $0x42, %al\n mov %al, %cl\n"
	"mov $0x99, %al\n out %al, $0x80\n");

TEST_F(guest, the_pit_counts_down)
{
	struct kvm_pit_config config = { };
	struct kvm_regs regs;

	kvm_ioctl_ok(self->vm, KVM_CREATE_PIT2, &config);
	guest_load(&self->guest, pit_latch);
	vcpu_real_mode(&self->guest, self->vcpu);
	EXPECT_EQ(DONE, vcpu_run_out(self->vcpu, NULL));
	vcpu_get_regs(self->vcpu, &regs);
	EXPECT_LT(0, (uint16_t)regs.rbx);
	EXPECT_GT(0xffff, (uint16_t)regs.rbx);
	/* Status: both bytes, mode 2. */
	EXPECT_EQ(0x34, regs.rcx & 0x7f);
}

/* Opens the gate of counter 2, which runs down once, and waits for its output. */
GUEST_CODE16(speaks,
	"xor %al, %al\n out %al, $0x61\n in $0x61, %al\n mov %al, %bl\n"
	"mov $0xb2, %al\n out %al, $0x43\n"	/* counter 2, both bytes, mode 1 */
	"mov $0xff, %al\n out %al, $0x42\n mov $0x10, %al\n out %al, $0x42\n"
	"mov $3, %al\n out %al, $0x61\n in $0x61, %al\n mov %al, %bh\n"
	"1: in $0x61, %al\n test $0x20, %al\n jz 1b\n"
	"mov $0x99, %al\n out %al, $0x80\n");

TEST_F(guest, the_speaker_port)
{
	struct kvm_pit_config config = { .flags = KVM_PIT_SPEAKER_DUMMY };
	struct kvm_pit_state2 pit;
	struct kvm_regs regs;

	kvm_ioctl_ok(self->vm, KVM_CREATE_PIT2, &config);
	guest_load(&self->guest, speaks);
	vcpu_real_mode(&self->guest, self->vcpu);
	EXPECT_EQ(DONE, vcpu_run_out(self->vcpu, NULL));
	vcpu_get_regs(self->vcpu, &regs);
	EXPECT_EQ(0, regs.rbx & 3);
	EXPECT_EQ(3, regs.rbx >> 8 & 3);
	kvm_ioctl_ok(self->vm, KVM_GET_PIT2, &pit);
	EXPECT_EQ(1, pit.channels[2].gate);
	EXPECT_TRUE(!!(pit.flags & KVM_PIT_FLAGS_SPEAKER_DATA_ON));
}

/* A halted vCPU is woken by an eventfd. */
GUEST_CODE16(sleeps, "sti\n 1: hlt\n jmp 1b\n"
	".org sleeps_begin + 0x80\n mov $0x99, %al\n out %al, $0x80\n iret\n");

static void *signal_later(void *arg)
{
	usleep(50000);
	event_signal(*(int *)arg);
	return NULL;
}

TEST_F(guest, an_irqfd_wakes_a_halted_vcpu)
{
	int event = event_create();
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	pthread_t thread;

	lapic_enable(self->vcpu->fd);
	ASSERT_EQ(0, route_msi(self->vm, 24, 0x51));
	ASSERT_EQ(0, irqfd(self->vm, event, 24, 0, -1));
	guest_load(&self->guest, sleeps);
	set_ivt(&self->guest, 0x51, 0x80);
	vcpu_real_mode(&self->guest, self->vcpu);
	vcpu_get_sregs(self->vcpu, &sregs);
	sregs.cs.selector = GUEST_CODE >> 4;
	sregs.cs.base = GUEST_CODE;
	vcpu_set_sregs(self->vcpu, &sregs);
	vcpu_get_regs(self->vcpu, &regs);
	regs.rip = 0;
	vcpu_set_regs(self->vcpu, &regs);
	pthread_create(&thread, NULL, signal_later, &event);
	EXPECT_EQ(DONE, vcpu_run_out(self->vcpu, NULL));
	pthread_join(thread, NULL);
	/* It is in service until the guest says otherwise. */
	EXPECT_EQ(1u << 0x51 % 32, lapic_read(self->vcpu->fd, 0x100 + 0x51 / 32 * 16));
	close(event);
}

/* Time */

TEST_F(guest, the_clock_can_be_set)
{
	struct kvm_clock_data clock = { .clock = 5000000000ull }, later;

	kvm_ioctl_ok(self->vm, KVM_SET_CLOCK, &clock);
	kvm_ioctl_ok(self->vm, KVM_GET_CLOCK, &later);
	EXPECT_LE(5000000000ull, later.clock);
	EXPECT_GT(7000000000ull, later.clock);
	EXPECT_TRUE(later.flags & KVM_CLOCK_HOST_TSC);

	/* A minute passed on the way. */
	clock.flags = KVM_CLOCK_REALTIME;
	clock.realtime = later.realtime - 60000000000ull;
	kvm_ioctl_ok(self->vm, KVM_SET_CLOCK, &clock);
	kvm_ioctl_ok(self->vm, KVM_GET_CLOCK, &later);
	EXPECT_LE(65000000000ull, later.clock);
	EXPECT_GT(67000000000ull, later.clock);
	clock.flags = 1u << 30;
	EXPECT_EQ(-1, ioctl(self->vm, KVM_SET_CLOCK, &clock));
	EXPECT_EQ(EINVAL, errno);
}

struct time_page {
	uint32_t version, pad;
	uint64_t tsc, ns;
	uint32_t mul;
	int8_t shift;
	uint8_t flags;
} __attribute__((packed));

#define TIME_PAGE	0x20000

GUEST_CODE16(reads_tsc, "rdtsc\n out %al, $0x80\n");

TEST_F(guest, kvmclock_is_the_clock)
{
	struct time_page *page = (void *)(self->guest.mem + TIME_PAGE);
	struct kvm_clock_data clock;
	struct kvm_regs regs;
	uint64_t tsc, ns;
	unsigned __int128 product;

	EXPECT_EQ(-1, ioctl(self->vcpu->fd, KVM_KVMCLOCK_CTRL, 0));
	EXPECT_EQ(EINVAL, errno);
	vcpu_set_msr(self->vcpu, 0x4b564d01, TIME_PAGE | 1);
	guest_load(&self->guest, reads_tsc);
	vcpu_real_mode(&self->guest, self->vcpu);
	vcpu_run_out(self->vcpu, NULL);
	kvm_ioctl_ok(self->vm, KVM_GET_CLOCK, &clock);
	vcpu_get_regs(self->vcpu, &regs);
	tsc = regs.rdx << 32 | (uint32_t)regs.rax;

	EXPECT_NE(0, page->version);
	EXPECT_EQ(0, page->version & 1);
	product = tsc - page->tsc;
	product = page->shift < 0 ? product >> -page->shift : product << page->shift;
	ns = page->ns + (uint64_t)(product * page->mul >> 32);
	/* The guest looked first. */
	EXPECT_LE(ns, clock.clock);
	EXPECT_GT(60000000000ull, clock.clock - ns);
	EXPECT_EQ(!!(clock.flags & KVM_CLOCK_TSC_STABLE), page->flags & 1);

	ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_KVMCLOCK_CTRL, 0));
	vcpu_real_mode(&self->guest, self->vcpu);
	vcpu_run_out(self->vcpu, NULL);
	EXPECT_EQ(2, page->flags & 2);
	/* It follows the memory slot that is there now; gone, nothing happens. */
	vcpu_set_msr(self->vcpu, 0x4b564d01, (1ull << 40) | 1);
	vcpu_real_mode(&self->guest, self->vcpu);
	vcpu_run_out(self->vcpu, NULL);
}

TEST_F(guest, wall_clock_is_the_time_of_day)
{
	volatile uint32_t *wall = (void *)(self->guest.mem + TIME_PAGE);
	struct kvm_clock_data clock;
	uint64_t now;

	vcpu_set_msr(self->vcpu, 0x4b564d00, TIME_PAGE);
	kvm_ioctl_ok(self->vm, KVM_GET_CLOCK, &clock);
	EXPECT_NE(0, wall[0]);
	EXPECT_EQ(0, wall[0] & 1);
	now = wall[1] * 1000000000ull + wall[2] + clock.clock;
	EXPECT_GT(2000000000ull, clock.realtime - now + 1000000000ull);
}

TEST_HARNESS_MAIN
