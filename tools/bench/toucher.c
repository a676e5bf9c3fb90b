// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include <sys/mman.h>

#include "toucher.h"
#include "bench.h"

GUEST_CODE64(toucher,
	"1: out %al, $0x80\n"
	"2: mov %rsi, (%rsi)\n"
	"   add %rdx, %rsi\n"
	"   dec %rcx\n"
	"   jnz 2b\n"
	"   jmp 1b\n");

void toucher_create(struct toucher *toucher)
{
	struct guest *guest = &toucher->guest;

	guest_create(guest);
	guest_load(guest, toucher);
	vcpu_set_supported_cpuid(guest, &guest->vcpu[0]);
	vcpu_long_mode(guest, &guest->vcpu[0]);
	vcpu_run_until(&guest->vcpu[0], KVM_EXIT_IO);
}

void toucher_destroy(struct toucher *toucher)
{
	guest_destroy(&toucher->guest);
}

static void *all;
static size_t all_size;

uint8_t *toucher_memory(size_t size, int advice)
{
	uint8_t *memory;

	all_size = size + LARGE;
	all = mmap(NULL, all_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (all == MAP_FAILED)
		die("mmap");
	memory = (uint8_t *)(((uintptr_t)all + LARGE - 1) & -LARGE);
	if (madvise(memory, size, advice))
		die("madvise");
	return memory;
}

void toucher_drop_memory(void)
{
	munmap(all, all_size);
}

void toucher_set_slot(struct toucher *toucher, void *memory, size_t size, uint32_t flags)
{
	struct kvm_userspace_memory_region region = {
		.slot = TOUCHER_SLOT, .flags = flags, .guest_phys_addr = TOUCHER_AREA,
		.memory_size = size, .userspace_addr = (uint64_t)memory,
	};

	if (ioctl(toucher->guest.vm, KVM_SET_USER_MEMORY_REGION, &region))
		die("KVM_SET_USER_MEMORY_REGION");
}

void toucher_order(struct toucher *toucher, uint64_t offset, uint64_t nr, uint64_t stride)
{
	struct kvm_regs regs;

	vcpu_get_regs(&toucher->guest.vcpu[0], &regs);
	regs.rsi = TOUCHER_AREA + offset;
	regs.rcx = nr;
	regs.rdx = stride;
	vcpu_set_regs(&toucher->guest.vcpu[0], &regs);
}

void toucher_run(struct toucher *toucher)
{
	vcpu_run_until(&toucher->guest.vcpu[0], KVM_EXIT_IO);
}
