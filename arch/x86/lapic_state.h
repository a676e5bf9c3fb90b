/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the local APIC share. */
#ifndef KVM_X86_LAPIC_STATE_H
#define KVM_X86_LAPIC_STATE_H

#include "lapic.h"

/* Vectors below are the CPU's own; no message may carry them. */
#define LAPIC_FIRST_VECTOR	16

/* The destination that means all, in xAPIC mode and for devices. */
#define LAPIC_BROADCAST		0xff

/* Bits of ESR (Intel SDM 3, 11.5.3). */
enum {
	LAPIC_ESR_SEND_ILLEGAL = 5,
	LAPIC_ESR_RECV_ILLEGAL = 6,
};

/* Task and processor priority (AMD APM 2, 16.6.4). */
u8 lapic_tpr(const struct x86_lapic *apic);
u8 lapic_ppr(const struct x86_lapic *apic);

/* Does it take fixed interrupts? */
bool lapic_sw_enabled(const struct x86_lapic *apic);

/* x2APIC: cluster and bit follow from the id (Intel SDM 3, 11.12.10.2). */
u32 lapic_x2apic_ldr(u32 id);

#endif
