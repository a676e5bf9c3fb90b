/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Asynchronous page faults: where the host would have to wait for a page, the
 * guest is told, may run something else, and is told again.
 */
#ifndef KVM_X86_APF_H
#define KVM_X86_APF_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct x86_vm;
struct x86_vcpu;

/**
 * struct x86_apf - of a vCPU
 * @msr: MSR_KVM_ASYNC_PF_EN: where the guest reads what happened, and how
 * @vector: of the interrupt that says "ready", MSR_KVM_ASYNC_PF_INT
 * @unacked: the guest has not acknowledged the last one
 * @wake_all: it is to be told that everything is ready
 * @last_id: of the last fault; part of what the guest calls it by
 * @lock: what follows
 * @nr: faults in the two lists
 * @waiting: those whose page is not there
 * @ready: and those of which the guest is to be told
 *
 * All above @lock is the vCPU's own thread's.
 */
struct x86_apf {
	u64 msr;
	u8 vector;
	bool unacked;
	bool wake_all;
	u32 last_id;
	spinlock_t lock;	/* see Documentation/locking.rst */
	unsigned int nr;
	struct list_head waiting;
	struct list_head ready;
};

/* Load and unload. */
int x86_apf_init(void);
void x86_apf_exit(void);

void x86_apf_create(struct x86_vcpu *vcpu);

/* RESET and INIT, and what disabling does: nobody is told of what goes on. */
void x86_apf_reset(struct x86_vcpu *vcpu);

/**
 * x86_apf_stop() - end all that waits, in the second stage of death
 * @vcpu: of a VM without files
 *
 * Context: may sleep. No worker is left after the return.
 */
void x86_apf_stop(struct x86_vcpu *vcpu);

/* Can the guest, where it is now, be told that a page is not there? */
bool x86_apf_possible(struct x86_vcpu *vcpu);

/**
 * x86_apf_start() - tell the guest, and let somebody else wait for the page
 * @vcpu: the vCPU, x86_apf_possible(); it may hold a slot
 * @hva: where the page is to be
 * @write: it will be written
 *
 * Return: whether that was done; if not, the caller has to wait himself.
 */
bool x86_apf_start(struct x86_vcpu *vcpu, unsigned long hva, bool write);

/**
 * x86_apf_deliver() - tell the guest of a page that is there
 * @vcpu: the vCPU, for X86_REQ_APF_READY; the next has to wait until the guest
 *	says that it has seen this one
 */
void x86_apf_deliver(struct x86_vcpu *vcpu);

/* MSR_KVM_ASYNC_PF_*; -EINVAL is #GP(0). */
u64 x86_apf_get_msr(const struct x86_vcpu *vcpu, u32 index);
int x86_apf_set_msr(struct x86_vcpu *vcpu, u32 index, u64 data);

#endif
