// SPDX-License-Identifier: GPL-2.0
/* A VM and its memory: of this process, or in one guest_memfd that can go elsewhere. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm.h"

extern const uint8_t guest_begin[], guest_end[];

#define PTE_TABLE	0x3ull	/* present, writable */
#define PTE_LARGE	0x83ull

/* The descriptors of the VM, its one slot, its vCPUs. */
static void vm_open(struct vm *vm, uint64_t size, int nr_vcpus)
{
	memset(vm, 0, sizeof(*vm));
	vm->size = size;
	vm->kvm = must(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
	vm->fd = vm_ioctl(vm->kvm, KVM_CREATE_VM, 0);
	vm->nr_vcpus = nr_vcpus;
	sem_init(&vm->ended, 0, 0);
}

static void vm_set_memory(struct vm *vm)
{
	struct kvm_userspace_memory_region2 region = {
		.flags = KVM_MEM_GUEST_MEMFD,
		.memory_size = vm->size,
		.guest_memfd = vm->gmem,
	};

	vm->mem = mmap(NULL, vm->size, PROT_READ | PROT_WRITE, MAP_SHARED, vm->gmem, 0);
	if (vm->mem == MAP_FAILED)
		die("mmap of the guest's memory: %s", strerror(errno));
	region.userspace_addr = (uintptr_t)vm->mem;
	vm_ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION2, &region);
}

static void vm_create_vcpus(struct vm *vm)
{
	int i;

	for (i = 0; i < vm->nr_vcpus; i++)
		vcpu_create(vm, i);
}

void vm_create(struct vm *vm, uint64_t size, int nr_vcpus)
{
	struct kvm_create_guest_memfd create = {
		.size = size,
		.flags = GUEST_MEMFD_FLAG_MMAP | GUEST_MEMFD_FLAG_INIT_SHARED,
	};

	vm_open(vm, size, nr_vcpus);
	vm->gmem = vm_ioctl(vm->fd, KVM_CREATE_GUEST_MEMFD, &create);
	vm_set_memory(vm);
	vm_create_vcpus(vm);
}

void vm_create_pc(struct vm *vm, uint64_t size, int nr_vcpus)
{
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
	struct kvm_userspace_memory_region region = { .memory_size = size };

	vm_open(vm, size, nr_vcpus);
	vm->irqchip = true;
	/* Intel's CPUs need room for it, outside of the guest's memory. */
	vm_ioctl(vm->fd, KVM_SET_TSS_ADDR, 0xfffbd000);
	vm_ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0);
	vm_ioctl(vm->fd, KVM_CREATE_PIT2, &pit);
	vm->mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (vm->mem == MAP_FAILED)
		die("no memory for the guest: %s", strerror(errno));
	region.userspace_addr = (uintptr_t)vm->mem;
	vm_ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region);
	vm_create_vcpus(vm);
}

/* The same slots on memory that is still another VM's. */
void vm_adopt(struct vm *vm, int gmem, uint64_t size, int nr_vcpus)
{
	struct kvm_link_guest_memfd link = { .fd = gmem };

	vm_open(vm, size, nr_vcpus);
	vm->gmem = vm_ioctl(vm->fd, KVM_LINK_GUEST_MEMFD, &link);
	vm_set_memory(vm);
	vm_create_vcpus(vm);
}

static void put64(struct vm *vm, uint64_t gpa, uint64_t value)
{
	memcpy(vm->mem + gpa, &value, sizeof(value));
}

/* In pages of 2 MiB. */
void vm_map_flat(struct vm *vm)
{
	uint64_t i, gib = (vm->size + (1 << 30) - 1) >> 30;

	put64(vm, GUEST_GDT + GUEST_CS, 0x00af9b000000ffff);
	put64(vm, GUEST_GDT + GUEST_DS, 0x00cf93000000ffff);
	put64(vm, GUEST_PML4, GUEST_PDPT | PTE_TABLE);
	for (i = 0; i < gib; i++)
		put64(vm, GUEST_PDPT + i * 8, (GUEST_PD + i * 4096) | PTE_TABLE);
	for (i = 0; i < gib * 512; i++)
		put64(vm, GUEST_PD + i * 8, i << 21 | PTE_LARGE);
}

void vm_load_guest(struct vm *vm)
{
	int i;

	vm_map_flat(vm);
	memcpy(vm->mem + GUEST_CODE, guest_begin, guest_end - guest_begin);
	for (i = 0; i < vm->nr_vcpus; i++) {
		struct kvm_regs regs = {
			.rip = GUEST_CODE,
			.rsp = GUEST_STATUS + 0x100 * (i + 1),
			.rbx = GUEST_STATUS + 0x100 * i,
			.rdi = vm_data_start(vm, i),
			.rsi = vm_data_start(vm, i + 1),
		};

		vcpu_start_flat(&vm->vcpu[i], &regs);
	}
}

struct status *vm_status(struct vm *vm, int vcpu)
{
	return (struct status *)(vm->mem + GUEST_STATUS + vcpu * 0x100);
}

uint64_t vm_data_start(const struct vm *vm, int vcpu)
{
	uint64_t share = (vm->size - GUEST_DATA) / vm->nr_vcpus & -4096;

	return vcpu == vm->nr_vcpus ? vm->size : GUEST_DATA + vcpu * share;
}

/* The sum of A + pass over all words A of a vCPU's part; a word more is 8 more. */
static uint64_t expected_sum(const struct vm *vm, int vcpu, uint64_t pass)
{
	uint64_t start = vm_data_start(vm, vcpu);
	uint64_t words = (vm_data_start(vm, vcpu + 1) - start) / 8;

	return words * (start + pass) + 4 * words * (words - 1);
}

bool vm_check(struct vm *vm)
{
	const struct status *status;
	bool good = true;
	int i;

	for (i = 0; i < vm->nr_vcpus; i++) {
		status = vm_status(vm, i);
		if (status->errors) {
			printf("vCPU %d: %lu words are wrong, the last at %lx\n", i,
			       status->errors, status->bad_address);
			good = false;
		}
		if (status->passes &&
		    status->checksum != expected_sum(vm, i, status->passes - 1)) {
			printf("vCPU %d: the sum of pass %lu is wrong\n", i, status->passes);
			good = false;
		}
	}
	return good;
}
