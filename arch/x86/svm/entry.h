/* SPDX-License-Identifier: GPL-2.0 */
/* What C tells entry.S, and where it stands. */
#ifndef KVM_SVM_ENTRY_H
#define KVM_SVM_ENTRY_H

#define SVM_ENTRY_GPR		0
#define SVM_ENTRY_VMCB_PA	8
#define SVM_ENTRY_HOST_PA	16
#define SVM_ENTRY_GUEST_SPEC	24
#define SVM_ENTRY_HOST_SPEC	28
#define SVM_ENTRY_READ_SPEC	32

#ifndef __ASSEMBLY__

#include <linux/build_bug.h>
#include <linux/types.h>

/**
 * struct svm_entry - the arguments of svm_vmrun()
 * @gpr: general registers in the order of enum x86_gpr; RAX and RSP stand in
 *	the VMCB
 * @vmcb_pa: physical address of the VMCB
 * @host_pa: this CPU's area of VMSAVE
 * @guest_spec_ctrl: SPEC_CTRL while the guest runs
 * @host_spec_ctrl: and while the host does
 * @read_spec_ctrl: the guest may write SPEC_CTRL without an exit
 */
struct svm_entry {
	unsigned long *gpr;
	u64 vmcb_pa;
	u64 host_pa;
	u32 guest_spec_ctrl;
	u32 host_spec_ctrl;
	u32 read_spec_ctrl;
};

static_assert(offsetof(struct svm_entry, gpr) == SVM_ENTRY_GPR);
static_assert(offsetof(struct svm_entry, vmcb_pa) == SVM_ENTRY_VMCB_PA);
static_assert(offsetof(struct svm_entry, host_pa) == SVM_ENTRY_HOST_PA);
static_assert(offsetof(struct svm_entry, guest_spec_ctrl) == SVM_ENTRY_GUEST_SPEC);
static_assert(offsetof(struct svm_entry, host_spec_ctrl) == SVM_ENTRY_HOST_SPEC);
static_assert(offsetof(struct svm_entry, read_spec_ctrl) == SVM_ENTRY_READ_SPEC);

/**
 * svm_vmrun() - into the guest and out again
 * @entry: see there
 *
 * Context: interrupts off, before and after; host state saved in
 * @entry->host_pa.
 * Return: false if this CPU is not in SVM mode any more (reboot): the guest
 * did not run.
 */
bool svm_vmrun(struct svm_entry *entry);

#endif
#endif
