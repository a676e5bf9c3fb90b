/* SPDX-License-Identifier: GPL-2.0 */
/* The virtual CPU: one thread of a guest. */
#ifndef KVM_VCPU_H
#define KVM_VCPU_H

#include <linux/preempt.h>
#include <linux/rcuwait.h>
#include <linux/signal_types.h>

#include <kvm/dirty.h>
#include <kvm/kvm.h>

/* Where the run page's neighbours stand in the mapping of a vCPU file, in pages. */
#define KVM_RUN_PAGES		3	/* struct kvm_run, what spills, coalesced writes */

/*
 * Data of port accesses, in bytes: behind struct kvm_run in the same page, which
 * leaves enough for a sector of a disk and saves each vCPU a page.
 */
#define KVM_PIO_OFFSET		3072
#define KVM_PIO_SIZE		(PAGE_SIZE - KVM_PIO_OFFSET)

/*
 * Where a vCPU is, for whoever wants its attention. The vCPU moves itself
 * from OUTSIDE to IN and back; a kick moves IN to EXITING.
 */
enum kvm_vcpu_mode {
	OUTSIDE_GUEST_MODE,
	IN_GUEST_MODE,
	EXITING_GUEST_MODE,
};

/*
 * Requests are bits in vcpu->requests. The core owns the first four; the
 * architecture counts from KVM_REQ_ARCH_BASE.
 */
enum kvm_request {
	KVM_REQ_TLB_FLUSH,
	KVM_REQ_VM_DEAD,
	KVM_REQ_UNBLOCK,
	KVM_REQ_DIRTY_RING_FULL,
	KVM_REQ_ARCH_BASE = 8,
};

/**
 * struct kvm_vcpu - one virtual CPU, from its creation to the end of the VM
 * @kvm: the VM; the vCPU's files hold the reference
 * @vcpu_id: chosen by userspace (the APIC id on x86)
 * @index: position in kvm->vcpus
 * @cpu: host CPU it is loaded on, or -1
 * @mode: enum kvm_vcpu_mode
 * @requests: bits of enum kvm_request, set with kvm_make_request()
 * @mutex: held by the one vCPU ioctl in progress
 * @run: the page shared with userspace; read every field of it once
 * @pio_data: %KVM_PIO_SIZE bytes in that page, at %KVM_PIO_OFFSET
 * @pio_spill: the page behind it, if userspace ever touched that
 * @notifier: loads and puts the vCPU when its thread is scheduled
 * @wait: where a halted vCPU sleeps
 * @thread: the one in KVM_RUN, or NULL; read under RCU
 * @sigset: the signals blocked during KVM_RUN
 * @sigset_active: @sigset is in force
 * @guest_debug: KVM_GUESTDBG_* of KVM_SET_GUEST_DEBUG
 * @wants_to_run: KVM_RUN is in progress and saw immediate_exit clear
 * @stat: what the core counts
 * @reader: the vCPU's hold on guest memory, see Documentation/memory.rst
 * @ring: which pages it has written, if KVM_CAP_DIRTY_LOG_RING is on
 */
struct kvm_vcpu {
	struct kvm *kvm;
	int vcpu_id;
	int index;
	int cpu;
	int mode;
	unsigned long requests;
	struct mutex mutex;	/* see Documentation/locking.rst */
	struct kvm_run *run;
	void *pio_data;
	struct page *pio_spill;
	struct preempt_notifier notifier;
	struct rcuwait wait;
	struct task_struct *thread;
	sigset_t sigset;
	bool sigset_active;
	bool wants_to_run;
	u32 guest_debug;
	struct kvm_vcpu_stat stat;
	struct kvm_memory_reader reader;
	struct kvm_dirty_ring ring;
};

/**
 * kvm_nr_vcpus() - how many vCPUs can be looked up by index
 * @kvm: the VM
 */
static inline unsigned int kvm_nr_vcpus(struct kvm *kvm)
{
	/* Pairs with the release in kvm_add_vcpu(): the entries below it are there. */
	return smp_load_acquire(&kvm->nr_vcpus);
}

/**
 * kvm_get_vcpu() - a vCPU by its index
 * @kvm: the VM
 * @index: 0 to kvm_nr_vcpus() - 1; anything else finds nothing
 *
 * Return: the vCPU or NULL.
 */
struct kvm_vcpu *kvm_get_vcpu(struct kvm *kvm, unsigned int index);

/**
 * kvm_get_vcpu_by_id() - a vCPU by the id that userspace gave it
 * @kvm: the VM
 * @id: any number
 *
 * Return: the vCPU or NULL. O(1) where ids are given in order.
 */
struct kvm_vcpu *kvm_get_vcpu_by_id(struct kvm *kvm, unsigned int id);

#define kvm_for_each_vcpu(index, vcpu, kvm)				\
	for ((index) = 0; ((vcpu) = kvm_get_vcpu(kvm, index)); (index)++)

/**
 * kvm_make_request() - ask the vCPU to do something before it next runs
 * @req: enum kvm_request or one of the architecture
 * @vcpu: the vCPU
 *
 * Everything written before is seen by who finds the request set. Follow it
 * with kvm_vcpu_kick() if the vCPU may be running or asleep.
 */
static inline void kvm_make_request(int req, struct kvm_vcpu *vcpu)
{
	/* Pairs with the barrier in kvm_check_request(). */
	smp_mb__before_atomic();
	set_bit(req, &vcpu->requests);
}

static inline bool kvm_request_pending(struct kvm_vcpu *vcpu)
{
	return READ_ONCE(vcpu->requests);
}

/**
 * kvm_check_request() - has it been asked? Then it is no longer.
 * @req: the request
 * @vcpu: the vCPU, by its own thread
 */
static inline bool kvm_check_request(int req, struct kvm_vcpu *vcpu)
{
	if (!test_bit(req, &vcpu->requests))
		return false;
	clear_bit(req, &vcpu->requests);
	/* Pairs with the barrier in kvm_make_request(). */
	smp_mb__after_atomic();
	return true;
}

/**
 * kvm_vcpu_kick() - bring the vCPU out of the guest or of its sleep
 * @vcpu: the vCPU
 *
 * Context: any. Returns at once.
 */
void kvm_vcpu_kick(struct kvm_vcpu *vcpu);

/**
 * kvm_vcpu_wake_up() - bring the vCPU out of its sleep
 * @vcpu: the vCPU
 *
 * Return: whether it slept.
 */
bool kvm_vcpu_wake_up(struct kvm_vcpu *vcpu);

/**
 * kvm_vcpu_yield_to() - give the rest of this thread's time to a vCPU
 * @vcpu: the vCPU; nothing happens unless its thread waits for a CPU
 *
 * Context: process context.
 */
void kvm_vcpu_yield_to(struct kvm_vcpu *vcpu);

/**
 * kvm_make_all_request() - a request to every vCPU, and a kick to each that runs
 * @kvm: the VM
 * @req: the request
 * @wait: return only when no vCPU is in the guest with the request unseen
 *
 * Context: process context if @wait, else any.
 */
void kvm_make_all_request(struct kvm *kvm, int req, bool wait);

/**
 * kvm_vcpu_load() - make the vCPU's state current on this CPU
 * @vcpu: the vCPU, its mutex held
 *
 * Until kvm_vcpu_put() it follows the thread from CPU to CPU.
 */
void kvm_vcpu_load(struct kvm_vcpu *vcpu);
void kvm_vcpu_put(struct kvm_vcpu *vcpu);

/**
 * kvm_stop_vcpus() - keep every vCPU of a VM from doing anything
 * @kvm: the VM
 *
 * vCPU ioctls wait until kvm_resume_vcpus(); vCPUs can neither come nor go.
 *
 * Context: kvm->lock, until kvm_resume_vcpus().
 * Return: 0, or -EBUSY if a vCPU ioctl is in progress.
 */
int kvm_stop_vcpus(struct kvm *kvm);
void kvm_resume_vcpus(struct kvm *kvm);

int kvm_vcpu_wait_resumed(struct kvm_vcpu *vcpu);

/**
 * kvm_vcpu_begin() - may a vCPU ioctl go on?
 * @vcpu: the vCPU, its mutex just taken
 *
 * Return: 0; -EIO if the VM is dead; -EINTR.
 */
static inline int kvm_vcpu_begin(struct kvm_vcpu *vcpu)
{
	struct kvm *kvm = vcpu->kvm;

	/* Pairs with the barrier in kvm_stop_vcpus(). */
	smp_mb();
	/* Pairs with the release in kvm_resume_vcpus(). */
	if (unlikely(smp_load_acquire(&kvm->vcpus_stopped)) && kvm_vcpu_wait_resumed(vcpu))
		return -EINTR;
	return READ_ONCE(kvm->dead) ? -EIO : 0;
}

long kvm_create_vcpu(struct kvm *kvm, unsigned long id);

/**
 * kvm_destroy_vcpus() - the architecture calls it from kvm_arch_destroy_vm()
 * @kvm: a VM without files
 */
void kvm_destroy_vcpus(struct kvm *kvm);

extern const struct kvm_ioctl_table kvm_vcpu_ioctls;

#endif
