/* SPDX-License-Identifier: GPL-2.0 */
/* What tests of interrupts share: chips, routes, local APICs, eventfds. */
#ifndef SELFTESTS_IRQ_H
#define SELFTESTS_IRQ_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/kvm.h>

#define NR_GSIS		4096

/* Offsets in the page of a local APIC. */
#define APIC_ID		0x20
#define APIC_TPR	0x80
#define APIC_LDR	0xd0
#define APIC_DFR	0xe0
#define APIC_SVR	0xf0
#define APIC_ISR	0x100
#define APIC_TMR	0x180
#define APIC_IRR	0x200
#define APIC_ICR	0x300
#define APIC_LVTT	0x320
#define APIC_LVT0	0x350
#define APIC_TMICT	0x380
#define APIC_TMCCT	0x390
#define APIC_TDCR	0x3e0

/* A VM in a struct of its own, so that no guest memory is needed. */
int vm_create(void);
int vm_create_irqchip(void);
int vm_create_split(int nr_pins);
int vm_add_vcpu(int vm, unsigned long id);

uint32_t lapic_read(int vcpu, unsigned int reg);
void lapic_write(int vcpu, unsigned int reg, uint32_t val);
/* Sets the enable bit of SVR: a local APIC takes nothing without it. */
void lapic_enable(int vcpu);
/* Is @vector requested, or in service? */
bool lapic_irr(int vcpu, uint8_t vector);
bool lapic_isr(int vcpu, uint8_t vector);
void lapic_clear(int vcpu);

/* Polls for up to a second. */
bool lapic_wait_irr(int vcpu, uint8_t vector);

int route_msi(int vm, uint32_t gsi, uint8_t vector);
int set_routes(int vm, const struct kvm_irq_routing_entry *entries, uint32_t nr);

int irq_line(int vm, uint32_t gsi, int level);
int signal_msi(int vm, uint32_t dest, uint32_t data);

/* KVM_IRQFD; resample is -1 for none. 0, or -1 with errno. */
int irqfd(int vm, int fd, uint32_t gsi, uint32_t flags, int resample);

void event_signal(int fd);
/* What it counted since the last time; 0 if nothing. */
uint64_t event_take(int fd);
int event_create(void);

#endif
