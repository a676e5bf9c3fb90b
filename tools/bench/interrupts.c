// SPDX-License-Identifier: GPL-2.0
/* Eventfds, interrupts, and who sleeps until they come. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "guest.h"
#include "irq.h"

#define PORT	0x510
#define MMIO	0x40000000
#define VECTOR	0x51
#define GSI	24

/* Signals to a thread, and wake-ups, of one round. */
#define NR_WAKEUPS	100

static int event = -1, done = -1;

static void begin(const uint8_t *code, const uint8_t *end, bool irqchip)
{
	bench_create(irqchip);
	bench_load(code, end);
	if (irqchip)
		lapic_enable(bench_vcpu->fd);
	event = event_create();
}

static void end(void)
{
	bench_destroy();
	close(event);
}

/* ioeventfd, local APIC */

GUEST_ROUNDS(port, "mov $0x510, %edx", "out %ax, %dx");
GUEST_ROUNDS(mmio, "mov $0x40000000, %ebx", "mov %eax, (%rbx)");
GUEST_ROUNDS(eoi, "mov $0xfee000b0, %ebx; xor %eax, %eax", "mov %eax, (%rbx)");
/* Far away: one-shot, 2^31 ticks. */
GUEST_ROUNDS(timer, "mov $0xfee00380, %ebx; mov $0x7fffffff, %eax", "mov %eax, (%rbx)");

static void bind(uint64_t addr, uint32_t len, uint32_t flags)
{
	struct kvm_ioeventfd args = { .fd = event, .addr = addr, .len = len, .flags = flags };

	if (ioctl(bench_guest.vm, KVM_IOEVENTFD, &args))
		die("KVM_IOEVENTFD");
}

static void begin_port(void)
{
	begin(port_begin, port_end, false);
	bind(PORT, 2, KVM_IOEVENTFD_FLAG_PIO);
	bench_run();
}

static void begin_mmio(void)
{
	begin(mmio_begin, mmio_end, false);
	bind(MMIO, 4, 0);
	bench_run();
}

static void begin_eoi(void)
{
	begin(eoi_begin, eoi_end, true);
	bench_run();
}

static void begin_timer(void)
{
	begin(timer_begin, timer_end, true);
	bench_run();
}

/* From userspace to the guest's handler, which tells userspace */

GUEST_CODE64(handler,
	     "sti; 1: jmp 1b\n"
	     ".org handler_begin + 0x40\n"
	     "mov $0xfee000b0, %ebx; movl $0, (%rbx); out %al, $1; iretq");
GUEST_CODE64(bare_handler,
	     "sti; 1: jmp 1b\n"
	     ".org bare_handler_begin + 0x40\n"
	     "out %al, $1; iretq");

static void begin_handler(void)
{
	begin(handler_begin, handler_end, true);
	guest_set_idt64(&bench_guest, VECTOR, GUEST_CODE + 0x40);
	if (route_msi(bench_guest.vm, GSI, VECTOR) ||
	    irqfd(bench_guest.vm, event, GSI, 0, -1))
		die("irqfd");
	event_signal(event);
	bench_run();
}

static void begin_bare_handler(void)
{
	begin(bare_handler_begin, bare_handler_end, false);
	guest_set_idt64(&bench_guest, VECTOR, GUEST_CODE + 0x40);
}

static void run_irqfd(void)
{
	int i;

	for (i = 0; i < NR_ROUNDS; i++) {
		event_signal(event);
		bench_run();
	}
}

static void run_msi(void)
{
	int i;

	for (i = 0; i < NR_ROUNDS; i++) {
		if (signal_msi(bench_guest.vm, 0, VECTOR) != 1)
			die("KVM_SIGNAL_MSI");
		bench_run();
	}
}

static void run_interrupt(void)
{
	struct kvm_interrupt interrupt = { .irq = VECTOR };
	int i;

	for (i = 0; i < NR_ROUNDS; i++) {
		if (ioctl(bench_vcpu->fd, KVM_INTERRUPT, &interrupt))
			die("KVM_INTERRUPT");
		bench_run();
	}
}

/* vCPUs that sleep, each in a thread */

/* The handler says by an ioeventfd that it has run. */
GUEST_CODE64(sleeper,
	     "sti; 1: hlt; jmp 1b\n"
	     ".org sleeper_begin + 0x40\n"
	     "mov $0xfee000b0, %ebx; movl $0, (%rbx); mov $0x510, %edx; out %ax, %dx; iretq");

/* A vCPU answers each IPI with one; the first, with R14 0, counts and tells userspace. */
GUEST_CODE64(ipi,
	     "mov $0xfee00000, %ebx; sti; test %r14, %r14; jnz 1f\n"
	     "mov $100, %r15d; call 4f\n"
	     "1: hlt; jmp 1b\n"
	     ".org ipi_begin + 0x40\n"
	     "2: movl $0, 0xb0(%rbx); test %r14, %r14; jnz 3f\n"
	     "dec %r15d; jnz 3f; out %al, $1; mov $100, %r15d\n"
	     "3: call 4f; iretq\n"
	     "4: mov %r14d, %eax; xor $1, %eax; shl $24, %eax\n"
	     "mov %eax, 0x310(%rbx); movl $0x4051, 0x300(%rbx); ret");

static pthread_t thread;

static void interrupted(int number)
{
}

static void *run_vcpu(void *arg)
{
	struct vcpu *vcpu = arg;

	while (!ioctl(vcpu->fd, KVM_RUN, 0))
		;
	return NULL;
}

static void begin_thread(struct vcpu *vcpu)
{
	struct sigaction action = { .sa_handler = interrupted };

	sigaction(SIGUSR1, &action, NULL);
	if (pthread_create(&thread, NULL, run_vcpu, vcpu))
		die("pthread_create");
}

static void end_thread(struct vcpu *vcpu)
{
	vcpu->run->immediate_exit = 1;
	pthread_kill(thread, SIGUSR1);
	pthread_join(thread, NULL);
}

static void run_wakeups(void)
{
	uint64_t count;
	int i;

	for (i = 0; i < NR_WAKEUPS; i++) {
		event_signal(event);
		if (read(done, &count, sizeof(count)) != sizeof(count))
			die("read");
	}
}

static void begin_sleeper(void)
{
	struct kvm_ioeventfd args = { .addr = PORT, .len = 2, .flags = KVM_IOEVENTFD_FLAG_PIO };

	begin(sleeper_begin, sleeper_end, true);
	guest_set_idt64(&bench_guest, VECTOR, GUEST_CODE + 0x40);
	done = eventfd(0, 0);
	args.fd = done;
	if (route_msi(bench_guest.vm, GSI, VECTOR) ||
	    irqfd(bench_guest.vm, event, GSI, 0, -1) ||
	    ioctl(bench_guest.vm, KVM_IOEVENTFD, &args))
		die("eventfds");
	begin_thread(bench_vcpu);
	run_wakeups();
}

static void end_sleeper(void)
{
	end_thread(bench_vcpu);
	close(done);
	end();
}

static void begin_ipi(void)
{
	struct kvm_mp_state runnable = { .mp_state = KVM_MP_STATE_RUNNABLE };
	struct vcpu *other;
	struct kvm_regs regs;

	begin(ipi_begin, ipi_end, true);
	guest_set_idt64(&bench_guest, VECTOR, GUEST_CODE + 0x40);
	other = guest_add_vcpu(&bench_guest, 1);
	vcpu_set_supported_cpuid(&bench_guest, other);
	vcpu_long_mode(&bench_guest, other);
	lapic_enable(other->fd);
	vcpu_get_regs(other, &regs);
	regs.r14 = 1;
	regs.rsp -= 0x1000;
	vcpu_set_regs(other, &regs);
	kvm_ioctl_ok(other->fd, KVM_SET_MP_STATE, &runnable);
	begin_thread(other);
	bench_run();
}

static void end_ipi(void)
{
	end_thread(&bench_guest.vcpu[1]);
	end();
}

/* What userspace sets up */

static struct {
	struct kvm_irq_routing head;
	struct kvm_irq_routing_entry entries[NR_GSIS];
} routing;

static void begin_setup(void)
{
	int i;

	bench_create(true);
	event = event_create();
	routing.head.nr = NR_GSIS;
	for (i = 0; i < NR_GSIS; i++)
		routing.entries[i] = (struct kvm_irq_routing_entry) {
			.gsi = i, .type = KVM_IRQ_ROUTING_MSI,
			.u.msi = { .address_lo = 0xfee00000, .data = VECTOR },
		};
}

static void assign(void)
{
	if (irqfd(bench_guest.vm, event, GSI, 0, -1))
		die("KVM_IRQFD");
}

static void deassign(void)
{
	if (irqfd(bench_guest.vm, event, GSI, KVM_IRQFD_FLAG_DEASSIGN, -1))
		die("KVM_IRQFD");
}

static void begin_assigned(void)
{
	begin_setup();
	assign();
}

static void replace_routes(void)
{
	if (ioctl(bench_guest.vm, KVM_SET_GSI_ROUTING, &routing))
		die("KVM_SET_GSI_ROUTING");
}

static void begin_routed(void)
{
	begin_setup();
	replace_routes();
}

const struct bench interrupt_benches[] = {
	{ "ioeventfd-port", "ns", 10, NR_ROUNDS, begin_port, bench_run, end,
	  .reference = 1350, .aim = 675 },
	{ "ioeventfd-mmio", "ns", 10, NR_ROUNDS, begin_mmio, bench_run, end,
	  .reference = 3791, .aim = 1895 },
	{ "apic-eoi-mmio", "ns", 10, NR_ROUNDS, begin_eoi, bench_run, end,
	  .reference = 3847, .aim = 1923 },
	{ "apic-timer-mmio", "ns", 10, NR_ROUNDS, begin_timer, bench_run, end,
	  .reference = 4512, .aim = 2256 },
	{ "irqfd-to-handler", "ns", 10, NR_ROUNDS, begin_handler, run_irqfd, end,
	  .reference = 11737, .aim = 5868 },
	{ "msi-to-handler", "ns", 10, NR_ROUNDS, begin_handler, run_msi, end,
	  .reference = 11712, .aim = 5856 },
	{ "interrupt-to-handler", "ns", 10, NR_ROUNDS, begin_bare_handler, run_interrupt, end,
	  .reference = 5948, .aim = 2974 },
	{ "hlt-wakeup", "ns", 10, NR_WAKEUPS, begin_sleeper, run_wakeups, end_sleeper,
	  .reference = 18372, .aim = 9186 },
	{ "ipi-round-trip", "ns", 10, NR_WAKEUPS, begin_ipi, bench_run, end_ipi,
	  .reference = 40794, .aim = 20397 },
	{ "irqfd-assign", "us", 100, .setup = begin_setup, .run = assign, .teardown = end,
	  .reference = 1.3, .aim = 5 },
	{ "irqfd-deassign", "us", 100, .setup = begin_assigned, .run = deassign,
	  .teardown = end, .reference = 23.7, .aim = 5 },
	{ "routing-4096", "us", 20, .setup = begin_routed, .run = replace_routes,
	  .teardown = end, .reference = 2782.1, .aim = 5 },

	{ }
};
