/* SPDX-License-Identifier: GPL-2.0 */
/* What is counted on x86; see include/kvm/stats.h. */
#ifndef KVM_X86_STATS_H
#define KVM_X86_STATS_H

#include <kvm/stats.h>

/* Of a vCPU, written by its own thread. */
struct x86_vcpu_stat {
	u64 exits;
	u64 io_exits;
	u64 mmio_exits;
	u64 signal_exits;
	u64 irq_window_exits;
	u64 nmi_window_exits;
	u64 halt_exits;
	u64 irq_exits;
	u64 hypercalls;
	u64 pf_taken;
	u64 pf_fixed;
	u64 pf_emulate;
	u64 insn_emulation;
	u64 insn_emulation_fail;
	u64 irq_injections;
	u64 nmi_injections;
	u64 req_event;
	u64 tlb_flush;
};

/* Of a VM: mappings by size. */
struct x86_vm_stat {
	u64 pages_4k;
	u64 pages_2m;
	u64 pages_1g;
};

#endif
