// SPDX-License-Identifier: GPL-2.0
/*
 * guest_memfd: files, pages, faults of private memory, attributes, link and
 * move. Prints `name value unit`, nothing where the module cannot do it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "gmem.h"
#include "kvm.h"

#define SLOT	3
#define GPA	0x40000000UL
#define MIB	(1UL << 20)
#define ROUNDS	8

/* Touches RCX pages, RDX bytes apart, from RSI on. */
GUEST_CODE64(touch,
	     "1:	movb	$1, (%rsi)\n"
	     "	add	%rdx, %rsi\n"
	     "	dec	%rcx\n"
	     "	jnz	1b\n"
	     "	out	%al, $0x80\n"
	     "	jmp	1b\n");

static struct guest guest;
static uint8_t *mem;

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000UL + ts.tv_nsec;
}

static void print(const char *name, uint64_t ns, uint64_t times)
{
	printf("%s %.0f ns\n", name, (double)ns / times);
}

static void guest_open(void)
{
	memset(&guest, 0, sizeof(guest));
	guest.kvm = kvm_must(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm", __FILE__, __LINE__);
	guest.vm = kvm_ioctl_ok(guest.kvm, KVM_CREATE_VM, KVM_X86_SW_PROTECTED_VM);
	guest.size = GUEST_MEM;
	guest.mem = guest_add_memory(&guest, 0, 0, GUEST_MEM, NULL, 0);
	guest_load(&guest, touch);
	vcpu_long_mode(&guest, guest_add_vcpu(&guest, 0));
}

static void guest_touch(uint64_t gpa, uint64_t nr, uint64_t step)
{
	struct kvm_regs regs;

	vcpu_get_regs(&guest.vcpu[0], &regs);
	regs.rsi = gpa;
	regs.rcx = nr;
	regs.rdx = step;
	vcpu_set_regs(&guest.vcpu[0], &regs);
	vcpu_run_out(&guest.vcpu[0], NULL);
}

static int bind_new(uint64_t size)
{
	int fd = kvm_must(create_gmem(guest.vm, size, 0), "create", __FILE__, __LINE__);

	kvm_must(set_gmem_slot(guest.vm, SLOT, GPA, size, mem, fd, 0), "slot", __FILE__, __LINE__);
	return fd;
}

static void unbind(int fd)
{
	set_gmem_slot(guest.vm, SLOT, 0, 0, NULL, -1, 0);
	close(fd);
}

static void files(void)
{
	uint64_t start = now(), made = 0, linked = 0;
	int vm, fd, link, i;

	for (i = 0; i < 100; i++)
		close(create_gmem(guest.vm, 16 * MIB, 0));
	print("gmem-create-close", now() - start, 100);

	fd = create_gmem(guest.vm, 16 * MIB, 0);
	for (i = 0; i < ROUNDS; i++) {
		vm = create_vm_of_type(KVM_X86_SW_PROTECTED_VM);
		start = now();
		link = link_gmem(vm, fd, 0);
		linked += now() - start;
		close(link);
		made += link >= 0;
		close(vm);
	}
	if (made)
		print("gmem-link", linked, made);
	close(fd);
}

static void pages(void)
{
	uint64_t allocate = 0, punch = 0, start;
	int fd = create_gmem(guest.vm, 16 * MIB, 0), i;

	for (i = 0; i < ROUNDS; i++) {
		start = now();
		gmem_allocate(fd, 0, 16 * MIB);
		allocate += now() - start;
		start = now();
		gmem_punch(fd, 0, 16 * MIB);
		punch += now() - start;
	}
	print("gmem-fallocate-mib", allocate, 16 * ROUNDS);
	print("gmem-punch-mib", punch, 16 * ROUNDS);
	close(fd);
}

/* @size below 2 MiB keeps the pages small. */
static void faults(const char *absent, const char *present, uint64_t size, uint64_t step)
{
	uint64_t start, first = 0, second = 0, nr = size / step;
	int i, fd;

	set_private(guest.vm, GPA, 64 * MIB, true);
	for (i = 0; i < ROUNDS; i++) {
		fd = bind_new(size);
		start = now();
		guest_touch(GPA, nr, step);
		first += now() - start;
		/* Taken away and made private again: unmapped, but allocated. */
		set_private(guest.vm, GPA, 64 * MIB, false);
		set_private(guest.vm, GPA, 64 * MIB, true);
		start = now();
		guest_touch(GPA, nr, step);
		second += now() - start;
		unbind(fd);
	}
	print(absent, first, nr * ROUNDS);
	print(present, second, nr * ROUNDS);
	set_private(guest.vm, GPA, 64 * MIB, false);
}

static void attributes(void)
{
	uint64_t start, private = 0, shared = 0, toggle = 0, punch = 0;
	int fd = bind_new(64 * MIB), i;

	for (i = 0; i < ROUNDS; i++) {
		start = now();
		set_private(guest.vm, GPA, 64 * MIB, true);
		private += now() - start;
		guest_touch(GPA, 64 * MIB / PAGE, PAGE);
		start = now();
		gmem_punch(fd, 0, 64 * MIB);
		punch += now() - start;
		guest_touch(GPA, 64 * MIB / PAGE, PAGE);
		start = now();
		set_private(guest.vm, GPA, 64 * MIB, false);
		shared += now() - start;
		set_private(guest.vm, GPA, 64 * MIB, true);
		guest_touch(GPA, 1, PAGE);
		start = now();
		set_private(guest.vm, GPA, PAGE, false);
		toggle += now() - start;
		set_private(guest.vm, GPA, 64 * MIB, false);
	}
	print("gmem-private-64mib", private, ROUNDS);
	print("gmem-shared-64mib-mapped", shared, ROUNDS);
	print("gmem-toggle-mapped-page", toggle, ROUNDS);
	print("gmem-punch-64mib-mapped", punch, ROUNDS);
	unbind(fd);
}

/* The guest's memory to another VM; what is mapped depends on @size. */
static void move(const char *name, uint64_t size)
{
	uint64_t start, moved = 0;
	struct guest old;
	int i, fd, link;

	for (i = 0; i < ROUNDS; i++) {
		guest_open();
		fd = bind_new(size);
		set_private(guest.vm, GPA, size, true);
		guest_touch(GPA, size / PAGE, PAGE);
		old = guest;
		guest_open();
		link = link_gmem(guest.vm, fd, 0);
		if (link < 0)
			return;
		kvm_must(set_gmem_slot(guest.vm, SLOT, GPA, size, mem, link, 0), "slot",
			 __FILE__, __LINE__);
		start = now();
		kvm_must(move_vm(guest.vm, old.vm), "move", __FILE__, __LINE__);
		moved += now() - start;
		guest_destroy(&old);
		close(fd);
		guest_destroy(&guest);
		close(link);
	}
	print(name, moved, ROUNDS);
}

int main(void)
{
	int dev = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (ioctl(dev, KVM_CHECK_EXTENSION, KVM_CAP_GUEST_MEMFD) <= 0 ||
	    !(ioctl(dev, KVM_CHECK_EXTENSION, KVM_CAP_VM_TYPES) & 1 << KVM_X86_SW_PROTECTED_VM)) {
		printf("# no guest_memfd\n");
		return 0;
	}
	mem = mmap(NULL, 64 * MIB, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	guest_open();
	files();
	pages();
	faults("gmem-fault-4k-absent", "gmem-fault-4k-present", 2 * MIB - PAGE, PAGE);
	faults("gmem-fault-2m-absent", "gmem-fault-2m-present", 64 * MIB, 2 * MIB);
	attributes();
	guest_destroy(&guest);
	move("gmem-move-4mib", 4 * MIB);
	move("gmem-move-64mib", 64 * MIB);
	return 0;
}
