/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The contract between the core (virt/) and an architecture (arch/).
 *
 * The architecture embeds struct kvm and struct kvm_vcpu in structures of its
 * own; the core never looks outside them.
 */
#ifndef KVM_ARCH_H
#define KVM_ARCH_H

#include <linux/kvm.h>

#include <kvm/ioctl.h>
#include <kvm/irqroute.h>
#include <kvm/types.h>

/* Module */

/**
 * kvm_arch_init() - find the hardware and a backend for it
 *
 * Return: 0; -EOPNOTSUPP without usable virtualization hardware, after one
 * line in the log that says what to do.
 */
int kvm_arch_init(void);
void kvm_arch_exit(void);

/**
 * kvm_arch_enable_cpu() - enter virtualization mode on this CPU
 *
 * Context: interrupts off, or the CPU's hotplug thread.
 * Return: 0, or -EBUSY if somebody else has it enabled.
 */
int kvm_arch_enable_cpu(void);
void kvm_arch_disable_cpu(void);

/**
 * kvm_arch_resume() - the host was suspended
 *
 * Context: one CPU, interrupts off, tasks frozen.
 */
void kvm_arch_resume(void);

/**
 * kvm_arch_check_extension() - the architecture's answer to KVM_CHECK_EXTENSION
 * @kvm: the VM that is asked, or NULL for /dev/kvm
 * @cap: KVM_CAP_*
 *
 * Return: 0 for what is not there; else a promise.
 */
long kvm_arch_check_extension(struct kvm *kvm, unsigned long cap);

/**
 * kvm_arch_enable_cap() - KVM_ENABLE_CAP on a VM, what the core does not know
 * @kvm: the VM
 * @cap: flags are 0
 *
 * Return: 0; -EINVAL for what is not there, or nothing to be enabled.
 */
long kvm_arch_enable_cap(struct kvm *kvm, const struct kvm_enable_cap *cap);

extern const struct kvm_ioctl_table kvm_arch_dev_ioctls;
extern const struct kvm_ioctl_table kvm_arch_vm_ioctls;
extern const struct kvm_ioctl_table kvm_arch_vcpu_ioctls;

/* VM */

/**
 * kvm_arch_alloc_vm() - memory for a VM, zeroed
 *
 * Return: the struct kvm inside it, or NULL.
 */
struct kvm *kvm_arch_alloc_vm(void);
void kvm_arch_free_vm(struct kvm *kvm);

/**
 * kvm_arch_create_vm() - the architecture's part of birth
 * @kvm: memory slots are there; nothing can find the VM yet
 *
 * Return: 0; -EINVAL for a kvm->type that it does not know; -ENOMEM.
 */
int kvm_arch_create_vm(struct kvm *kvm);

/**
 * kvm_arch_remove_vm() - second stage of death: stop what runs on its own
 * @kvm: off the list, everything of it still there
 *
 * Timers, workers, notifiers into the VM: none runs after the return.
 */
void kvm_arch_remove_vm(struct kvm *kvm);

/**
 * kvm_arch_destroy_vm() - fourth stage of death
 * @kvm: its devices are gone
 *
 * Frees vCPUs (by kvm_destroy_vcpus()), interrupt controllers, page tables.
 */
void kvm_arch_destroy_vm(struct kvm *kvm);

/**
 * kvm_arch_has_private_mem() - may memory of the VM be private?
 * @kvm: the VM
 */
bool kvm_arch_has_private_mem(const struct kvm *kvm);

/**
 * kvm_arch_gmem_reclaim() - pages of a guest_memfd go back to the host
 * @pfn: the first
 * @nr: how many
 *
 * The last to touch them as the guest's: whatever the hardware knows of them
 * ends here. No guest maps them; the VM may be gone.
 *
 * Context: may sleep, except under memory_failure().
 */
void kvm_arch_gmem_reclaim(kvm_pfn_t pfn, unsigned long nr);

/**
 * kvm_arch_set_noncoherent_dma() - do devices bypass the caches of the CPUs?
 * @kvm: the VM whose memory they reach
 * @noncoherent: some do; then what the guest does about its caches matters
 *
 * Context: may sleep.
 */
void kvm_arch_set_noncoherent_dma(struct kvm *kvm, bool noncoherent);

/* Interrupts */

/* Are there interrupt controllers in the kernel that a GSI can lead to? */
bool kvm_arch_can_route_irqs(struct kvm *kvm);

/**
 * kvm_arch_check_route() - can this route be?
 * @kvm: the VM
 * @route: of a known type, its chip below KVM_NR_IRQCHIPS
 *
 * Return: 0 or -EINVAL.
 */
int kvm_arch_check_route(struct kvm *kvm, const struct kvm_irq_route *route);

/**
 * kvm_arch_set_irq() - move the line, or send the message, of one route
 * @kvm: the VM
 * @route: it
 * @source: who moves it
 * @level: up or down
 *
 * Context: any, interrupts included; under RCU.
 * Return: as kvm_set_irq().
 */
int kvm_arch_set_irq(struct kvm *kvm, const struct kvm_irq_route *route,
		     enum kvm_irq_source source, bool level);

/* vCPU */

/**
 * kvm_arch_alloc_vcpu() - memory for a vCPU, zeroed
 * @kvm: the VM
 *
 * Return: the struct kvm_vcpu inside it, or NULL.
 */
struct kvm_vcpu *kvm_arch_alloc_vcpu(struct kvm *kvm);
void kvm_arch_free_vcpu(struct kvm_vcpu *vcpu);

/**
 * kvm_arch_create_vcpu() - the architecture's part of a vCPU
 * @vcpu: the core's part is complete, nothing can find it yet
 *
 * Context: kvm->lock.
 * Return: 0 or errno; on failure nothing is left.
 */
int kvm_arch_create_vcpu(struct kvm_vcpu *vcpu);
void kvm_arch_destroy_vcpu(struct kvm_vcpu *vcpu);

/**
 * kvm_arch_vcpu_enable_cap() - KVM_ENABLE_CAP on a vCPU
 * @vcpu: the vCPU, its mutex held
 * @cap: flags are zero
 *
 * Return: 0; -EINVAL for a capability that a vCPU cannot be given.
 */
long kvm_arch_vcpu_enable_cap(struct kvm_vcpu *vcpu, const struct kvm_enable_cap *cap);

/**
 * kvm_arch_vcpu_added() - the vCPU can be found from now on
 * @vcpu: the vCPU, its index known
 *
 * Context: kvm->lock.
 */
void kvm_arch_vcpu_added(struct kvm_vcpu *vcpu);

/**
 * kvm_arch_vcpu_load() - make the vCPU current on @cpu
 * @vcpu: the vCPU
 * @cpu: this CPU
 *
 * Context: preemption off; also from the scheduler.
 */
void kvm_arch_vcpu_load(struct kvm_vcpu *vcpu, int cpu);
void kvm_arch_vcpu_put(struct kvm_vcpu *vcpu);

/**
 * kvm_arch_vcpu_run() - KVM_RUN
 * @vcpu: its mutex held, signals masked as asked; not loaded: that is done where
 *	it is needed
 *
 * Return: 0 with kvm_run->exit_reason set, or errno; EINTR for a signal.
 */
int kvm_arch_vcpu_run(struct kvm_vcpu *vcpu);

/**
 * kvm_arch_vcpu_mmap_page() - further pages of a vCPU file's mapping
 * @vcpu: the vCPU
 * @pgoff: page offset, at or above KVM_RUN_PAGES
 *
 * Return: the page, or NULL for SIGBUS.
 */
struct page *kvm_arch_vcpu_mmap_page(struct kvm_vcpu *vcpu, unsigned long pgoff);

/* Guest memory */

/**
 * kvm_arch_max_gfn() - the last guest frame that the hardware can address
 * @kvm: the VM
 */
gfn_t kvm_arch_max_gfn(struct kvm *kvm);

/**
 * kvm_arch_unmap() - take away the guest's mappings of frames
 * @kvm: the VM; its page tables may be gone already
 * @start: first frame
 * @end: first frame behind
 * @may_block: yield to others on the way
 *
 * After the return no vCPU reaches the pages that were mapped there.
 *
 * Context: takes mmu_lock.
 */
void kvm_arch_unmap(struct kvm *kvm, gfn_t start, gfn_t end, bool may_block);

/**
 * kvm_arch_age() - has the guest used frames?
 * @kvm: the VM; its page tables may be gone already
 * @start: first frame
 * @end: first frame behind
 * @clear: forget it
 *
 * Context: any; takes mmu_lock.
 */
bool kvm_arch_age(struct kvm *kvm, gfn_t start, gfn_t end, bool clear);

/**
 * kvm_arch_start_dirty_log() - the flag of the slot has been set
 * @slot: in force
 * @protect: from the return on the first write of each page is noticed
 *
 * Context: slots_lock; may sleep.
 */
void kvm_arch_start_dirty_log(struct kvm_memory_slot *slot, bool protect);

/**
 * kvm_arch_stop_dirty_log() - the flag of the slot has been cleared
 * @slot: in force; what was split for the log may become large again
 *
 * Context: slots_lock; the owner's address space; may sleep.
 */
void kvm_arch_stop_dirty_log(struct kvm_memory_slot *slot);

/**
 * kvm_arch_write_protect() - notice the next write of pages
 * @slot: in force
 * @base: the frame that bit 0 of @mask stands for
 * @mask: which pages
 * @nbits: size of @mask
 *
 * Complete only after kvm_arch_flush_tlbs().
 *
 * Context: slots_lock; may sleep.
 */
void kvm_arch_write_protect(struct kvm_memory_slot *slot, gfn_t base,
			    const unsigned long *mask, unsigned long nbits);

/**
 * kvm_arch_flush_tlbs() - no vCPU runs on with translations of before
 * @kvm: the VM
 *
 * Context: any with interrupts on.
 */
void kvm_arch_flush_tlbs(struct kvm *kvm);

#endif
