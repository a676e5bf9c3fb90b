/* SPDX-License-Identifier: GPL-2.0 */
/* The 8254 interval timer and the speaker port. */
#ifndef KVM_X86_PIT_H
#define KVM_X86_PIT_H

#include <linux/hrtimer.h>
#include <linux/kvm.h>

#include <kvm/iobus.h>

struct x86_vm;

/**
 * struct x86_pit - the timer
 * @vm: whose it is
 * @lock: everything below; no other lock inside it but the hrtimer's
 * @state: in the ABI's format; count_load_time is of CLOCK_MONOTONIC
 * @reinject: a tick that finds the last one not acknowledged is kept for later
 * @waiting: a tick was injected and is not acknowledged
 * @missed: ticks kept
 * @stopped: the VM dies; the timer does not start any more
 * @period: of channel 0, in ns; 0 if it fires once
 * @timer: channel 0
 * @ports: counters
 * @speaker: port 0x61; on the bus if userspace wants it
 */
struct x86_pit {
	struct x86_vm *vm;
	raw_spinlock_t lock;
	struct kvm_pit_state2 state;
	bool reinject;
	bool waiting;
	bool stopped;
	u32 missed;
	u64 period;
	struct hrtimer timer;
	struct kvm_io_device ports;
	struct kvm_io_device speaker;
	struct rcu_head rcu;
};

/**
 * pit_create() - one as after power-on, on the port bus
 * @vm: a VM with an I/O APIC
 * @speaker: it has the speaker port, too
 *
 * Context: kvm->irq_lock.
 * Return: it or an ERR_PTR(); on failure nothing is on the bus.
 */
struct x86_pit *pit_create(struct x86_vm *vm, bool speaker);

/**
 * pit_stop() - no tick after the return
 * @pit: the timer, or NULL
 */
void pit_stop(struct x86_pit *pit);

/**
 * pit_acked() - the guest took the last tick
 * @pit: the timer
 *
 * Context: any, but no lock of an interrupt controller.
 */
void pit_acked(struct x86_pit *pit);

/**
 * pit_unmasked() - the guest wants ticks again; those it missed are forgotten
 * @pit: the timer
 */
void pit_unmasked(struct x86_pit *pit);

long x86_ioctl_create_pit(struct kvm_ioctl_args *args);
long x86_ioctl_create_pit2(struct kvm_ioctl_args *args);
long x86_ioctl_get_pit(struct kvm_ioctl_args *args);
long x86_ioctl_set_pit(struct kvm_ioctl_args *args);
long x86_ioctl_get_pit2(struct kvm_ioctl_args *args);
long x86_ioctl_set_pit2(struct kvm_ioctl_args *args);
long x86_ioctl_reinject_control(struct kvm_ioctl_args *args);

#endif
