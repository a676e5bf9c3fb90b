/* SPDX-License-Identifier: GPL-2.0 */
/* Nested page tables: what the rest of the architecture knows of them. */
#ifndef KVM_X86_MMU_H
#define KVM_X86_MMU_H

#include <linux/mm_types.h>

#include <kvm/types.h>

struct kvm_ioctl_args;
struct x86_vm;
struct x86_vcpu;

/* Page tables that one fault can need: 5 levels, less the root. */
#define TDP_MAX_TABLES	4

/**
 * struct tdp_tables - empty page tables, got before the locks that they are needed under
 * @page: the tables
 * @nr: how many there are
 */
struct tdp_tables {
	struct page *page[TDP_MAX_TABLES];
	unsigned int nr;
};

/* The least that KVM_SET_NR_MMU_PAGES takes: enough for any one fault. */
#define TDP_MIN_LIMIT	64

/**
 * struct x86_mmu - the nested page tables of a VM
 * @root: the top table, from the VM's creation to its end
 * @nr_tables: how many there are below it
 * @limit: of KVM_SET_NR_MMU_PAGES: with more tables than this a fault begins
 *	with none; 0 for no limit
 */
struct x86_mmu {
	u64 *root;
	atomic_long_t nr_tables;
	unsigned long limit;
};

/**
 * struct x86_mmu_vcpu - what a vCPU keeps for its faults
 * @tables: for the next fault
 * @mmio_gfn: a frame that had no slot
 * @mmio_generation: in this generation of the slots
 */
struct x86_mmu_vcpu {
	struct tdp_tables tables;
	gfn_t mmio_gfn;
	u64 mmio_generation;
};

enum x86_fault_result {
	X86_FAULT_USER,		/* kvm_run says why */
	X86_FAULT_RESUME,	/* enter the guest again */
	X86_FAULT_EMULATE,	/* MMIO: no slot, or a write to a read-only one */
};

/**
 * x86_mmu_create() - page tables for a VM
 * @vm: the VM
 *
 * Return: 0 or -ENOMEM.
 */
int x86_mmu_create(struct x86_vm *vm);

/**
 * x86_mmu_destroy() - and away with them
 * @vm: the VM, without vCPUs. Notifications of the host may still come.
 */
void x86_mmu_destroy(struct x86_vm *vm);

void x86_mmu_create_vcpu(struct x86_vcpu *vcpu);
void x86_mmu_destroy_vcpu(struct x86_vcpu *vcpu);

/**
 * x86_mmu_root() - host physical address of the top table, for nCR3
 * @vcpu: the vCPU
 *
 * It has as many levels as the host's own page tables (APM 2, 15.25.3), and
 * stays the same for the life of the VM.
 */
u64 x86_mmu_root(struct x86_vcpu *vcpu);

/**
 * x86_mmu_fault() - resolve a nested page fault
 * @vcpu: the vCPU, its mutex held
 * @gpa: the guest physical address
 * @error_code: X86_NPF_*
 *
 * Context: process context, interrupts on; may sleep for long.
 * Return: enum x86_fault_result, or errno: -EINTR for a signal; -EFAULT with
 * KVM_EXIT_MEMORY_FAULT in kvm_run for memory that is not there; -ENOMEM.
 */
int x86_mmu_fault(struct x86_vcpu *vcpu, gpa_t gpa, u64 error_code);

/**
 * x86_mmu_is_mmio() - was there no slot the last time, and has none changed since?
 * @vcpu: the vCPU
 * @gfn: a frame
 *
 * Return: false also if nobody has looked.
 */
bool x86_mmu_is_mmio(struct x86_vcpu *vcpu, gfn_t gfn);

long x86_vm_set_nr_mmu_pages(struct kvm_ioctl_args *args);

/* KVM_PRE_FAULT_MEMORY. */
long x86_ioctl_pre_fault(struct kvm_ioctl_args *args);

#endif
