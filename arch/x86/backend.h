/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The seam. A backend runs the guest and says why it stopped; it does not
 * emulate, does not dispatch, does not touch the irqchip.
 */
#ifndef KVM_X86_BACKEND_H
#define KVM_X86_BACKEND_H

#include <linux/static_call.h>

#include "x86.h"

/**
 * struct x86_backend - the ops, at most 24, none of them NULL
 * @name: for the log and the parameter "backend"
 * @probe: is the hardware there? 0, or errno after one line in the log
 * @exit: undo of @probe
 * @enable_cpu: virtualization mode on, on this CPU; EBUSY if it is on already
 * @disable_cpu: and off
 * @create_vm: errno, and then nothing is left
 * @destroy_vm: undoes it
 * @create_vcpu: fills vcpu->backend; errno, and then nothing is left
 * @destroy_vcpu: undoes it
 * @load: the vCPU becomes current on @cpu; preemption off
 * @put: no longer
 * @run: flush dirty groups, enter, leave, fill vcpu->exit. Interrupts off,
 *	guest FPU loaded. Sets vcpu->cached to none but what it copied back
 * @filter_msrs: look again at x86_msr_allowed() for what does not exit; ENOMEM
 * @fetch: copy one group from the hardware's format into the vCPU
 */
struct x86_backend {
	const char *name;
	int (*probe)(void);
	void (*exit)(void);
	int (*enable_cpu)(void);
	void (*disable_cpu)(void);
	int (*create_vm)(struct x86_vm *vm);
	void (*destroy_vm)(struct x86_vm *vm);
	int (*create_vcpu)(struct x86_vcpu *vcpu);
	void (*destroy_vcpu)(struct x86_vcpu *vcpu);
	void (*load)(struct x86_vcpu *vcpu, int cpu);
	void (*put)(struct x86_vcpu *vcpu);
	void (*run)(struct x86_vcpu *vcpu);
	int (*filter_msrs)(struct x86_vcpu *vcpu);
	void (*fetch)(struct x86_vcpu *vcpu, enum x86_group group);
};

/* The ops that are called while VMs live; probe and exit are not among them. */
#define X86_BACKEND_OPS(OP)						\
	OP(enable_cpu) OP(disable_cpu) OP(create_vm) OP(destroy_vm)	\
	OP(create_vcpu) OP(destroy_vcpu) OP(load) OP(put) OP(run)	\
	OP(filter_msrs) OP(fetch)

#define X86_BACKEND_DECLARE(op)						\
	DECLARE_STATIC_CALL(x86_##op, *((struct x86_backend *)0)->op);
X86_BACKEND_OPS(X86_BACKEND_DECLARE)

#define x86_backend_call(op)	static_call(x86_##op)

extern const struct x86_backend svm_backend;
#ifdef KVMCORE_KUNIT
extern const struct x86_backend fake_backend;
#endif

/* Helpers that a backend may call upward: x86_mmu_root(), x86_msr_allowed(). */

#endif
