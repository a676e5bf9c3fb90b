// SPDX-License-Identifier: GPL-2.0
/* Threads that run vCPUs; save and restore of a vCPU. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "vmm.h"

#define MSR_TSC		0x10

/* What is the vCPU's own, and what KVM leaves to a VMM with its local APIC. */
static void fit_cpuid(struct vcpu *vcpu, struct kvm_cpuid_entry2 *entry)
{
	switch (entry->function) {
	case 1:
		entry->ebx = (entry->ebx & 0xffffff) | (uint32_t)vcpu->id << 24;
		if (vcpu->vm->irqchip)
			entry->ecx |= 1 << 24;	/* TSC deadline timer */
		break;
	case 0xb:
	case 0x1f:
		entry->edx = vcpu->id;
		break;
	}
}

static void set_cpuid(struct vcpu *vcpu)
{
	struct kvm_cpuid2 *cpuid;
	const uint32_t max = 256;
	uint32_t i;

	cpuid = calloc(1, sizeof(*cpuid) + max * sizeof(cpuid->entries[0]));
	cpuid->nent = max;
	vm_ioctl(vcpu->vm->kvm, KVM_GET_SUPPORTED_CPUID, cpuid);
	for (i = 0; i < cpuid->nent; i++)
		fit_cpuid(vcpu, &cpuid->entries[i]);
	vm_ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid);
	free(cpuid);
}

void vcpu_create(struct vm *vm, int id)
{
	struct vcpu *vcpu = &vm->vcpu[id];
	long size = vm_ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);

	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->fd = vm_ioctl(vm->fd, KVM_CREATE_VCPU, id);
	vcpu->run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED)
		die("mmap of vCPU %d: %s", id, strerror(errno));
	set_cpuid(vcpu);
}

void vcpu_start_flat(struct vcpu *vcpu, struct kvm_regs *regs)
{
	struct kvm_segment data = {
		.limit = 0xffffffff, .selector = GUEST_DS, .type = 3, .present = 1,
		.s = 1, .db = 1, .g = 1,
	};
	struct kvm_sregs sregs;

	regs->rflags = 2;
	vm_ioctl(vcpu->fd, KVM_GET_SREGS, &sregs);
	sregs.ds = data;
	sregs.es = data;
	sregs.fs = data;
	sregs.gs = data;
	sregs.ss = data;
	sregs.cs = data;
	sregs.cs.selector = GUEST_CS;
	sregs.cs.type = 11;
	sregs.cs.l = 1;
	sregs.cs.db = 0;
	sregs.gdt = (struct kvm_dtable) { .base = GUEST_GDT, .limit = GUEST_DS + 7 };
	sregs.cr0 = 0x80000011;	/* PG, ET, PE */
	sregs.cr3 = GUEST_PML4;
	sregs.cr4 = 0x20;	/* PAE */
	sregs.efer = 0x500;	/* LMA, LME */
	vm_ioctl(vcpu->fd, KVM_SET_SREGS, &sregs);
	vm_ioctl(vcpu->fd, KVM_SET_REGS, regs);
}

/* Threads */

static void on_kick(int nr)
{
	(void)nr;
}

static void *vcpu_thread(void *arg)
{
	struct vcpu *vcpu = arg;

	while (!__atomic_load_n(&vcpu->vm->stop, __ATOMIC_ACQUIRE)) {
		if (!ioctl(vcpu->fd, KVM_RUN, 0)) {
			if (!io_exit(vcpu))
				die("vCPU %d: exit %u", vcpu->id, vcpu->run->exit_reason);
		} else if (errno != EINTR) {
			die("vCPU %d: KVM_RUN: %s, exit %u", vcpu->id, strerror(errno),
			    vcpu->run->exit_reason);
		}
	}
	return NULL;
}

void vcpus_run(struct vm *vm)
{
	struct sigaction action = { .sa_handler = on_kick };
	int i;

	sigaction(SIGUSR1, &action, NULL);
	vm->stop = false;
	for (i = 0; i < vm->nr_vcpus; i++) {
		vm->vcpu[i].run->immediate_exit = 0;
		if (pthread_create(&vm->vcpu[i].thread, NULL, vcpu_thread, &vm->vcpu[i]))
			die("no thread for vCPU %d", i);
	}
}

/* Behind this no vCPU is inside KVM_RUN. */
void vcpus_stop(struct vm *vm)
{
	int i;

	__atomic_store_n(&vm->stop, true, __ATOMIC_RELEASE);
	for (i = 0; i < vm->nr_vcpus; i++) {
		/* For a thread that is about to enter; the signal is for one inside. */
		__atomic_store_n(&vm->vcpu[i].run->immediate_exit, 1, __ATOMIC_SEQ_CST);
		pthread_kill(vm->vcpu[i].thread, SIGUSR1);
	}
	for (i = 0; i < vm->nr_vcpus; i++)
		pthread_join(vm->vcpu[i].thread, NULL);
}

/* State */

/*
 * The guest's clock is the host's plus an offset. On the same host the offset is
 * all that has to go over, and the clock has not stopped meanwhile; a counter
 * that is read here and written there would have.
 */
static void tsc_offset(struct vcpu *vcpu, unsigned long cmd, uint64_t *offset)
{
	struct kvm_device_attr attr = {
		.group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET,
		.addr = (uintptr_t)offset,
	};

	vm_ioctl(vcpu->fd, cmd, &attr);
}

/* Every MSR that KVM says is worth saving, but the clock. */
static void save_msrs(struct vcpu *vcpu, struct vcpu_state *state)
{
	struct {
		struct kvm_msr_list head;
		uint32_t indices[MAX_MSRS];
	} list = { .head.nmsrs = MAX_MSRS };
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msr = { .head.nmsrs = 1 };
	uint32_t i;

	vm_ioctl(vcpu->vm->kvm, KVM_GET_MSR_INDEX_LIST, &list);
	state->nr_msrs = 0;
	for (i = 0; i < list.head.nmsrs; i++) {
		msr.entry.index = list.head.indices[i];
		if (msr.entry.index == MSR_TSC)
			continue;
		/* The list is of all CPUs; this one may lack some. */
		if (ioctl(vcpu->fd, KVM_GET_MSRS, &msr) == 1)
			state->msrs[state->nr_msrs++] = msr.entry;
	}
}

static void restore_msrs(struct vcpu *vcpu, const struct vcpu_state *state)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entries[MAX_MSRS];
	} msrs = { .head.nmsrs = state->nr_msrs };
	int done;

	memcpy(msrs.entries, state->msrs, state->nr_msrs * sizeof(msrs.entries[0]));
	done = vm_ioctl(vcpu->fd, KVM_SET_MSRS, &msrs);
	if (done != (int)state->nr_msrs)
		die("vCPU %d: MSR %x cannot be restored", vcpu->id, state->msrs[done].index);
}

/* What not every kernel has; where it is, it is there on both sides. */
static const struct {
	int cap;
	unsigned long get, set;
	size_t offset;
} optional[] = {
	{ KVM_CAP_DEBUGREGS, KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS,
	  offsetof(struct vcpu_state, debugregs) },
	{ KVM_CAP_VCPU_EVENTS, KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS,
	  offsetof(struct vcpu_state, events) },
	{ KVM_CAP_MP_STATE, KVM_GET_MP_STATE, KVM_SET_MP_STATE,
	  offsetof(struct vcpu_state, mp_state) },
};

static void each_optional(struct vcpu *vcpu, void *state, bool set)
{
	unsigned int i;

	for (i = 0; i < sizeof(optional) / sizeof(optional[0]); i++)
		if (ioctl(vcpu->vm->fd, KVM_CHECK_EXTENSION, optional[i].cap) > 0)
			vm_ioctl(vcpu->fd, set ? optional[i].set : optional[i].get,
				 state + optional[i].offset);
}

void vcpu_save(struct vcpu *vcpu, struct vcpu_state *state)
{
	memset(state, 0, sizeof(*state));
	vm_ioctl(vcpu->fd, KVM_GET_REGS, &state->regs);
	vm_ioctl(vcpu->fd, KVM_GET_SREGS, &state->sregs);
	vm_ioctl(vcpu->fd, KVM_GET_XSAVE, state->xsave);
	vm_ioctl(vcpu->fd, KVM_GET_XCRS, &state->xcrs);
	each_optional(vcpu, state, false);
	save_msrs(vcpu, state);
	tsc_offset(vcpu, KVM_GET_DEVICE_ATTR, &state->tsc_offset);
}

void vcpu_restore(struct vcpu *vcpu, const struct vcpu_state *state)
{
	vm_ioctl(vcpu->fd, KVM_SET_SREGS, &state->sregs);
	vm_ioctl(vcpu->fd, KVM_SET_REGS, &state->regs);
	vm_ioctl(vcpu->fd, KVM_SET_XCRS, &state->xcrs);
	vm_ioctl(vcpu->fd, KVM_SET_XSAVE, state->xsave);
	restore_msrs(vcpu, state);
	tsc_offset(vcpu, KVM_SET_DEVICE_ATTR, (uint64_t *)&state->tsc_offset);
	each_optional(vcpu, (void *)state, true);
}
