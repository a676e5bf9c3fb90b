/* SPDX-License-Identifier: GPL-2.0 */
/* Work that waits for a thread on its way to guest mode. */
#ifndef KVM_X86_WORK_H
#define KVM_X86_WORK_H

/**
 * x86_guest_work() - do what __xfer_to_guest_mode_work_pending() speaks of
 *
 * Context: process context, may sleep.
 * Return: 0; -EINTR for a signal.
 */
int x86_guest_work(void);

#endif
