/* SPDX-License-Identifier: GPL-2.0 */
/* The virtual machine: what it owns, and who keeps it alive. */
#ifndef KVM_KVM_H
#define KVM_KVM_H

#include <linux/kvm.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/sched/mm.h>
#include <linux/xarray.h>

#include <kvm/coalesced.h>
#include <kvm/iobus.h>
#include <kvm/irqfd.h>
#include <kvm/irqroute.h>
#include <kvm/memslot.h>
#include <kvm/stats.h>
#include <kvm/types.h>

/* Above these no VM can go; KVM_CAP_MAX_VCPUS and KVM_CAP_MAX_VCPU_ID answer them. */
#define KVM_MAX_VCPUS		1024
#define KVM_MAX_VCPU_IDS	4096

/**
 * struct kvm - one virtual machine
 * @refs: one for every file of the VM; the last put destroys it
 * @dead: the VM was found inconsistent; every ioctl answers EIO from then on
 * @id: never reused; names the VM in tracepoints
 * @type: KVM_X86_*_VM, as given to KVM_CREATE_VM
 * @owner_pid: of the creator, for names that people read
 * @mm: address space of the creator, held by mmgrab(): the struct, not its pages
 * @vm_list: link in the list of live VMs, under kvm_lock
 * @vcpus_stopped: vCPU ioctls wait for @lock; written under it
 * @lock: creation of vCPUs and devices, and configuration that precedes them
 * @vcpus: vCPUs by index, in order of creation; entries appear under @lock
 *	and stay until the VM dies, so that readers need no lock
 * @nr_vcpus: vCPUs in @vcpus; released after the entry, pairs with the acquire
 *	in kvm_nr_vcpus()
 * @max_vcpu_ids: bound on vCPU ids, lowered by KVM_CAP_MAX_VCPU_ID, under @lock
 * @devices: struct kvm_device, newest first, under @lock
 * @mem: guest memory
 * @irq_lock: changes to what follows
 * @irq_table: where GSIs lead; replaced under @irq_lock, read under RCU
 * @irqfds: eventfds that raise interrupts
 * @buses: what the kernel itself emulates
 * @ioeventfds: guest writes that signal eventfds
 * @coalesced: guest writes that wait for userspace
 * @stat: what the core counts
 * @born: jiffies
 * @debugfs_dir: its directory, if it has one
 */
struct kvm {
	refcount_t refs;
	bool dead;
	bool vcpus_stopped;
	u64 id;
	unsigned long type;
	pid_t owner_pid;
	struct mm_struct *mm;
	struct list_head vm_list;

	struct mutex lock;	/* see Documentation/locking.rst */
	struct xarray vcpus;
	unsigned int nr_vcpus;
	unsigned int max_vcpu_ids;
	struct list_head devices;

	struct kvm_memory mem;

	struct mutex irq_lock;
	struct kvm_irq_table __rcu *irq_table;
	struct kvm_irqfds irqfds;
	struct kvm_buses buses;
	struct list_head ioeventfds;
	struct kvm_coalesced_ring coalesced;

	struct kvm_vm_stat stat;
	unsigned long born;
	struct dentry *debugfs_dir;
};

/**
 * kvm_get() - take another reference
 * @kvm: a VM on which the caller already holds one
 */
static inline void kvm_get(struct kvm *kvm)
{
	refcount_inc(&kvm->refs);
}

/**
 * kvm_put() - drop a reference, and with the last one the VM
 * @kvm: the VM
 *
 * Context: process context, may sleep; no lock of the VM may be held.
 */
void kvm_put(struct kvm *kvm);

/**
 * kvm_file_to_vm() - the VM behind a file
 * @file: any file
 *
 * Return: the VM, without a new reference, or NULL if @file is no VM file.
 */
struct kvm *kvm_file_to_vm(struct file *file);

/**
 * kvm_bug() - mark a VM dead after an inconsistency inside it
 * @kvm: the VM
 *
 * Context: task, interrupts on. The host and other VMs go on; the vCPUs are kicked out.
 */
void kvm_bug(struct kvm *kvm);

/**
 * KVM_BUG_ON() - as WARN_ON_ONCE(), and the VM is dead if @cond holds
 * @cond: what must never be
 * @kvm: the VM that it would be true of
 *
 * Return: @cond, so that the caller can answer EIO.
 */
#define KVM_BUG_ON(cond, kvm)						\
({									\
	bool __bug = !!(cond);						\
									\
	WARN_ONCE(__bug, "kvm: VM %llu is dead\n", (kvm)->id);		\
	if (unlikely(__bug))						\
		kvm_bug(kvm);						\
	unlikely(__bug);						\
})

extern const struct kvm_ioctl_table kvm_vm_ioctls;

#endif
