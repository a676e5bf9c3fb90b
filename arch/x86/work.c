// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel has for a thread to do before it returns to user mode, done
 * before it goes to guest mode.
 *
 * The one file that knows the kernel's own struct kvm_vcpu, and none of ours.
 */
#include <linux/entry-kvm.h>
#include <linux/kvm_host.h>

#include "work.h"

/* The kernel's function notes there that a signal ended the run; nobody reads it. */
static struct kvm_run stand_in_run;
static struct kvm_vcpu stand_in = { .run = &stand_in_run };

int x86_guest_work(void)
{
	return xfer_to_guest_mode_handle_work(&stand_in);
}
