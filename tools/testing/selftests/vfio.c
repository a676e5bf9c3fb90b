// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_DEV_TYPE_VFIO: what it answers, and a real device behind an IOMMU (of the
 * emulator) whose registers and DMA a guest uses.
 */
/* A loaded host may be late with the timer that the kernel tests behind an IOMMU. */
/* machine: device=intel-iommu device=edu modules=vfio-pci,vfio_iommu_type1 append=no_timer_check */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "fail.h"
#include "files.h"
#include "irq.h"
#include "kvm.h"
#include "trace.h"
#include "vfio.h"
#include "vmstat.h"

#define EXPECT_ERRNO(call, error) do {	\
	EXPECT_EQ(call, -1);		\
	EXPECT_EQ(errno, error);	\
} while (0)

#define BAR_GPA		0x40000000ul
#define BAR_SLOT	1
#define NR_WBINVD	100

/* RDI is where, ESI what to write, EDX whether to. The answer is in EAX. */
GUEST_CODE64(registers,
	     "1: test %edx, %edx\n jnz 2f\n"
	     "mov (%rdi), %eax\n out %eax, $0x80\n jmp 1b\n"
	     "2: mov %esi, (%rdi)\n out %eax, $0x80\n jmp 1b");
GUEST_CODE64(forever, "1: mov (%rdi), %eax\n jmp 1b");
GUEST_CODE64(wbinvds, "1: mov $100, %ecx\n 2: wbinvd\n loop 2b\n out %al, $0x80\n jmp 1b");

/* Without hardware */

FIXTURE(answers) {
	int vm, device;
};

FIXTURE_SETUP(answers)
{
	self->vm = create_vm();
	ASSERT_GE(self->vm, 0);
	self->device = kvm_vfio_create(self->vm);
	ASSERT_GE(self->device, 0);
}

FIXTURE_TEARDOWN(answers)
{
	close(self->device);
	close(self->vm);
}

TEST_F(answers, one_for_a_vm)
{
	struct kvm_create_device cd = {
		.type = KVM_DEV_TYPE_VFIO, .flags = KVM_CREATE_DEVICE_TEST,
	};

	EXPECT_EQ(ioctl(self->vm, KVM_CREATE_DEVICE, &cd), 0);
	EXPECT_ERRNO(kvm_vfio_create(self->vm), EBUSY);
	/* Its descriptor may go; the device stays. */
	close(self->device);
	EXPECT_ERRNO(kvm_vfio_create(self->vm), EBUSY);
	self->device = -1;
}

TEST_F(answers, attributes)
{
	struct kvm_device_attr attr = { .group = KVM_DEV_VFIO_FILE };

	for (attr.attr = 0; attr.attr < 5; attr.attr++) {
		bool known = attr.attr == KVM_DEV_VFIO_FILE_ADD ||
			     attr.attr == KVM_DEV_VFIO_FILE_DEL;

		EXPECT_EQ(ioctl(self->device, KVM_HAS_DEVICE_ATTR, &attr), known ? 0 : -1);
		/* Nothing at address 0. */
		EXPECT_ERRNO(ioctl(self->device, KVM_SET_DEVICE_ATTR, &attr),
			     known ? EFAULT : ENXIO);
	}
	EXPECT_ERRNO(ioctl(self->device, KVM_GET_DEVICE_ATTR, &attr), EPERM);
	attr.group = KVM_DEV_VFIO_FILE + 1;
	attr.attr = KVM_DEV_VFIO_FILE_ADD;
	EXPECT_ERRNO(ioctl(self->device, KVM_HAS_DEVICE_ATTR, &attr), ENXIO);
	EXPECT_ERRNO(ioctl(self->device, KVM_SET_DEVICE_ATTR, &attr), ENXIO);
}

TEST_F(answers, other_files)
{
	int container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);

	EXPECT_ERRNO(kvm_vfio_add(self->device, -1), EBADF);
	EXPECT_ERRNO(kvm_vfio_del(self->device, 1000), EBADF);
	EXPECT_ERRNO(kvm_vfio_add(self->device, self->vm), EINVAL);
	EXPECT_ERRNO(kvm_vfio_add(self->device, self->device), EINVAL);
	EXPECT_ERRNO(kvm_vfio_del(self->device, self->vm), ENOENT);
	if (container >= 0)
		EXPECT_ERRNO(kvm_vfio_add(self->device, container), EINVAL);
	close(container);
}

/* A VM with the device, as a VMM has it */

struct vmm {
	struct guest guest;
	struct vcpu *vcpu;
	struct vfio vfio;
	int device;
};

static void vmm_create(struct vmm *vmm, int group)
{
	guest_create_vm(&vmm->guest, GUEST_MEM);
	kvm_ioctl_ok(vmm->guest.vm, KVM_CREATE_IRQCHIP, 0);
	vmm->vcpu = guest_add_vcpu(&vmm->guest, 0);
	vmm->device = kvm_must(kvm_vfio_create(vmm->guest.vm), "device", __FILE__, __LINE__);
	kvm_must(kvm_vfio_add(vmm->device, group), "group", __FILE__, __LINE__);
	vfio_open(&vmm->vfio, group, vmm->guest.mem, GUEST_MEM);
	guest_add_memory(&vmm->guest, BAR_SLOT, BAR_GPA, vmm->vfio.bar_size, vmm->vfio.bar, 0);
	guest_load(&vmm->guest, registers);
	vcpu_long_mode(&vmm->guest, vmm->vcpu);
}

static void vmm_destroy(struct vmm *vmm)
{
	close(vmm->device);
	guest_destroy(&vmm->guest);
	vfio_close(&vmm->vfio);
}

static uint32_t access_register(struct vmm *vmm, uint32_t reg, uint32_t value, bool write)
{
	struct kvm_regs regs;

	vcpu_get_regs(vmm->vcpu, &regs);
	regs.rdi = BAR_GPA + reg;
	regs.rsi = value;
	regs.rdx = write;
	vcpu_set_regs(vmm->vcpu, &regs);
	return vcpu_run_out(vmm->vcpu, NULL);
}

static uint32_t guest_read(struct vmm *vmm, uint32_t reg)
{
	return access_register(vmm, reg, 0, false);
}

static void guest_write(struct vmm *vmm, uint32_t reg, uint32_t value)
{
	access_register(vmm, reg, value, true);
}

static void guest_dma(struct vmm *vmm, uint32_t from, uint32_t to, uint32_t size, uint32_t flags)
{
	guest_write(vmm, EDU_DMA_FROM, from);
	guest_write(vmm, EDU_DMA_TO, to);
	guest_write(vmm, EDU_DMA_COUNT, size);
	guest_write(vmm, EDU_DMA_COMMAND, EDU_DMA_RUN | flags);
	while (guest_read(vmm, EDU_DMA_COMMAND) & EDU_DMA_RUN)
		usleep(10000);
}

/* The last close of a group may still be under way. */
static int open_free_group(void)
{
	int i, group = -1;

	for (i = 0; group < 0 && i < 1200; i++) {
		group = vfio_open_group();
		if (group < 0)
			usleep(50000);
	}
	return group;
}

#define TRACING		"/sys/kernel/tracing"
#define INSTANCE	TRACING "/instances/vfio"
#define TEXT_SIZE	(1 << 18)

FIXTURE(hardware) {
	int group;
	char *text;
};

FIXTURE_SETUP(hardware)
{
	self->group = open_free_group();
	if (self->group < 0)
		SKIP(return, "no edu device behind an IOMMU");
	self->text = calloc(1, TEXT_SIZE);
	ASSERT_TRUE(!mkdir(INSTANCE, 0700) || errno == EEXIST);
}

FIXTURE_TEARDOWN(hardware)
{
	close(self->group);
	rmdir(INSTANCE);
	write_text(TRACING "/kprobe_events", "");
	free(self->text);
}

/* Calls of a kernel function show up in the trace under this name. */
static int probe(const char *name, const char *function)
{
	char text[128];

	snprintf(text, sizeof(text), "p:vfio_test/%s %s", name, function);
	if (write_text(TRACING "/kprobe_events", text))
		return -1;
	snprintf(text, sizeof(text), INSTANCE "/events/vfio_test/%s/enable", name);
	return write_text(text, "1");
}

/* All that was traced since the last time. */
static const char *take_trace(char *text)
{
	int fd = open(INSTANCE "/trace", O_RDONLY | O_CLOEXEC);
	ssize_t n, done = 0;

	while ((n = read(fd, text + done, TEXT_SIZE - 1 - done)) > 0)
		done += n;
	text[done] = '\0';
	close(fd);
	close(open(INSTANCE "/trace", O_WRONLY | O_TRUNC | O_CLOEXEC));
	return text;
}

static int count(const char *text, const char *word)
{
	int n = 0;

	while ((text = strstr(text, word)) && ++n)
		text++;
	return n;
}

TEST_F(hardware, add_and_delete)
{
	int vm = create_vm(), device = kvm_vfio_create(vm);

	EXPECT_ERRNO(kvm_vfio_del(device, self->group), ENOENT);
	EXPECT_EQ(kvm_vfio_add(device, self->group), 0);
	EXPECT_ERRNO(kvm_vfio_add(device, self->group), EEXIST);
	EXPECT_EQ(kvm_vfio_del(device, self->group), 0);
	EXPECT_ERRNO(kvm_vfio_del(device, self->group), ENOENT);
	EXPECT_EQ(kvm_vfio_add(device, self->group), 0);

	/* The VM holds it now, and nobody else. */
	close(self->group);
	EXPECT_ERRNO(vfio_open_group(), EBUSY);
	/* Its device may lose its descriptor; the VM's death lets go. */
	close(device);
	EXPECT_ERRNO(vfio_open_group(), EBUSY);
	close(vm);
	self->group = vfio_open_group();
	EXPECT_GE(self->group, 0);
}

struct add {
	int device, group;
};

static int op_add(void *arg)
{
	struct add *add = arg;

	return kvm_vfio_add(add->device, add->group);
}

/* An attempt that fails leaves nothing behind. */
TEST_F(hardware, add_fails)
{
	int vm = create_vm(), nth, result, error, failed = 0;
	struct add add = { kvm_vfio_create(vm), self->group };

	if (!fail_setup())
		SKIP(goto out, "the kernel has no fault injection");
	for (nth = 1; fail_nth(nth, op_add, &add, &result, &error); nth++) {
		/* Not every allocation is needed. */
		if (!result) {
			EXPECT_EQ(kvm_vfio_del(add.device, add.group), 0);
			continue;
		}
		EXPECT_TRUE(error == ENOMEM || error == EFAULT);
		EXPECT_ERRNO(kvm_vfio_del(add.device, add.group), ENOENT);
		failed++;
	}
	EXPECT_EQ(result, 0);
	EXPECT_GE(failed, 2);
out:
	close(add.device);
	close(vm);
}

TEST_F(hardware, guest_reaches_registers)
{
	struct vmm vmm;

	vmm_create(&vmm, self->group);
	EXPECT_EQ(guest_read(&vmm, EDU_ID), EDU_ID_VALUE);
	guest_write(&vmm, EDU_INVERT, 0x12345678);
	EXPECT_EQ(guest_read(&vmm, EDU_INVERT), ~0x12345678);
	/* It was the device itself: the owner sees the same. */
	EXPECT_EQ(((volatile uint32_t *)vmm.vfio.bar)[EDU_INVERT / 4], ~0x12345678);
	/* No exit for it but the fault that mapped it. */
	EXPECT_NE(vmm.vcpu->run->exit_reason, KVM_EXIT_MMIO);
	vmm_destroy(&vmm);
	self->group = -1;
}

TEST_F(hardware, device_reaches_memory)
{
	enum { FROM = 0x100000, TO = 0x101000, SIZE = 0x800 };
	struct vmm vmm;

	vmm_create(&vmm, self->group);
	for (int i = 0; i < SIZE; i++)
		vmm.guest.mem[FROM + i] = i * 7;
	guest_dma(&vmm, FROM, EDU_BUFFER, SIZE, 0);
	guest_dma(&vmm, EDU_BUFFER, TO, SIZE, EDU_DMA_OUT);
	EXPECT_EQ(memcmp(vmm.guest.mem + FROM, vmm.guest.mem + TO, SIZE), 0);
	vmm_destroy(&vmm);
	self->group = -1;
}

/* From the device to the guest's local APIC; the VMM only wires them. */
TEST_F(hardware, device_interrupts_the_guest)
{
	enum { GSI = 24, VECTOR = 0x61 };
	int event = event_create();
	struct vmm vmm;

	vmm_create(&vmm, self->group);
	lapic_enable(vmm.vcpu->fd);
	ASSERT_EQ(route_msi(vmm.guest.vm, GSI, VECTOR), 0);
	ASSERT_EQ(irqfd(vmm.guest.vm, event, GSI, 0, -1), 0);
	vfio_set_msi(&vmm.vfio, event);

	EXPECT_FALSE(lapic_irr(vmm.vcpu->fd, VECTOR));
	guest_write(&vmm, EDU_INTERRUPT, 1);
	EXPECT_TRUE(lapic_wait_irr(vmm.vcpu->fd, VECTOR));

	vmm_destroy(&vmm);
	close(event);
	self->group = -1;
}

/* Sleeps until VECTOR comes, and then says so. */
GUEST_CODE64(sleeps,
	     "1: sti\n hlt\n jmp 1b\n"
	     ".org sleeps_begin + 0x40\n"
	     "out %al, $0x80\n iretq");

static void *run_sleeper(void *vcpu)
{
	vcpu_run_out(vcpu, NULL);
	return NULL;
}

/* The fields of a line that tell the context: "h" and "H" are an interrupt's. */
static bool traced_in_interrupt(const char *text, const char *event)
{
	const char *at = strstr(text, event), *line = at;
	char flags[8];

	while (line > text && line[-1] != '\n')
		line--;
	return at && sscanf(line, "%*[^[][%*d] %7s", flags) == 1 &&
	       strpbrk(flags, "hH");
}

/* With interrupts off, in the host's handler of the device's: and the guest wakes up. */
TEST_F(hardware, an_interrupt_signals_the_eventfd)
{
	enum { GSI = 24, VECTOR = 0x61 };
	int event = event_create();
	pthread_t thread;
	struct vmm vmm;

	vmm_create(&vmm, self->group);
	guest_load(&vmm.guest, sleeps);
	guest_set_idt64(&vmm.guest, VECTOR, GUEST_CODE + 0x40);
	lapic_enable(vmm.vcpu->fd);
	ASSERT_EQ(route_msi(vmm.guest.vm, GSI, VECTOR), 0);
	ASSERT_EQ(irqfd(vmm.guest.vm, event, GSI, 0, -1), 0);
	vfio_set_msi(&vmm.vfio, event);
	ASSERT_EQ(write_text(INSTANCE "/events/kvm/kvm_set_irq/enable", "1"), 0);

	pthread_create(&thread, NULL, run_sleeper, vmm.vcpu);
	while (!kvm_stat(vmm.vcpu->fd, "blocking"))
		usleep(1000);
	((volatile uint32_t *)vmm.vfio.bar)[EDU_INTERRUPT / 4] = 1;
	pthread_join(thread, NULL);
	EXPECT_EQ(vmm.vcpu->run->exit_reason, KVM_EXIT_IO);
	EXPECT_TRUE(traced_in_interrupt(take_trace(self->text), " kvm_set_irq: "))
		TH_LOG("%s", self->text);

	write_text(INSTANCE "/events/kvm/kvm_set_irq/enable", "0");
	vmm_destroy(&vmm);
	close(event);
	self->group = -1;
}

/* The IOMMU does not keep devices from bypassing caches, so WBINVD must be true. */
TEST_F(hardware, noncoherent)
{
	struct guest guest;
	int device;

	ASSERT_EQ(probe("wbinvd", "wbinvd_on_all_cpus"), 0);
	guest_create(&guest);
	guest_load(&guest, wbinvds);
	vcpu_long_mode(&guest, &guest.vcpu[0]);
	device = kvm_vfio_create(guest.vm);

	vcpu_run_out(&guest.vcpu[0], NULL);
	EXPECT_EQ(count(take_trace(self->text), " wbinvd: "), 0);
	EXPECT_EQ(kvm_vfio_add(device, self->group), 0);
	vcpu_run_out(&guest.vcpu[0], NULL);
	EXPECT_EQ(count(take_trace(self->text), " wbinvd: "), NR_WBINVD);
	EXPECT_EQ(kvm_vfio_del(device, self->group), 0);
	vcpu_run_out(&guest.vcpu[0], NULL);
	EXPECT_EQ(count(take_trace(self->text), " wbinvd: "), 0);

	close(device);
	guest_destroy(&guest);
}

static void *run_forever(void *vcpu)
{
	ioctl(((struct vcpu *)vcpu)->fd, KVM_RUN, 0);
	return NULL;
}

/* A VMM whose guest is at the device's registers; says so, and never ends. */
static void endless_vmm(int group, int ready)
{
	struct kvm_regs regs;
	pthread_t thread;
	struct vmm vmm;

	vmm_create(&vmm, group);
	if (guest_read(&vmm, EDU_ID) != EDU_ID_VALUE)
		_exit(1);
	guest_load(&vmm.guest, forever);
	vcpu_get_regs(vmm.vcpu, &regs);
	regs.rip = GUEST_CODE;
	vcpu_set_regs(vmm.vcpu, &regs);
	pthread_create(&thread, NULL, run_forever, vmm.vcpu);
	usleep(200000);
	if (write(ready, "", 1) == 1)
		pause();
	_exit(1);
}

/* Runs a VMM in a process, which has the group from now on; its pid when it is ready. */
static pid_t start_vmm(void (*vmm)(int group, int ready), int group)
{
	int ready[2];
	char byte;
	pid_t pid;

	if (pipe(ready))
		return -1;
	pid = fork();
	if (!pid)
		vmm(group, ready[1]);
	close(group);
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		pid = -1;
	close(ready[0]);
	return pid;
}

static bool kill_vmm(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status);
}

TEST_F(hardware, killed_vmm_frees_the_device)
{
	struct trace *trace = trace_start();
	struct vmm next;
	pid_t pid;

	ASSERT_NE(trace, NULL);
	pid = start_vmm(endless_vmm, self->group);
	self->group = -1;
	ASSERT_GT(pid, 0);
	EXPECT_ERRNO(vfio_open_group(), EBUSY);
	EXPECT_TRUE(kill_vmm(pid));
	self->group = open_free_group();
	ASSERT_GE(self->group, 0);
	ASSERT_EQ(trace_update(trace), 0);
	EXPECT_TRUE(trace_dead(trace, trace_last_vm(trace)));
	trace_stop(trace);

	vmm_create(&next, self->group);
	EXPECT_EQ(guest_read(&next, EDU_ID), EDU_ID_VALUE);
	vmm_destroy(&next);
	self->group = -1;
}

/* A VMM that leaves the group to the VM alone. */
static void idle_vmm(int group, int ready)
{
	int vm = create_vm();

	if (kvm_vfio_add(kvm_vfio_create(vm), group))
		_exit(1);
	close(group);
	if (write(ready, "", 1) == 1)
		pause();
	_exit(1);
}

TEST_F(hardware, killed_vmm_releases_before_arch_destroy)
{
	const char *text, *devices, *release, *destroy;
	pid_t pid;

	ASSERT_EQ(probe("release", "vfio_group_fops_release"), 0);
	ASSERT_EQ(write_text(INSTANCE "/events/kvm/kvm_vm_devices/enable", "1"), 0);
	ASSERT_EQ(write_text(INSTANCE "/events/kvm/kvm_vm_arch_destroy/enable", "1"), 0);
	pid = start_vmm(idle_vmm, self->group);
	self->group = -1;
	ASSERT_GT(pid, 0);
	EXPECT_TRUE(kill_vmm(pid));

	text = take_trace(self->text);
	devices = strstr(text, " kvm_vm_devices: ");
	release = strstr(text, " release: ");
	destroy = strstr(text, " kvm_vm_arch_destroy: ");
	ASSERT_TRUE(devices && release && destroy);
	EXPECT_LT(devices, release);
	EXPECT_LT(release, destroy);
}

TEST_HARNESS_MAIN
