/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest for tests: a VM with one block of memory at address 0, vCPUs, and
 * code that the test brings along.
 *
 * What must not fail ends the test with a line that says where. What a test
 * wants to see fail it does by itself, with the descriptors in the structures.
 */
#ifndef SELFTESTS_KVM_H
#define SELFTESTS_KVM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include <linux/kvm.h>

/* Guest memory: what the helpers use stands below GUEST_CODE. */
#define GUEST_GDT	0x1000
#define GUEST_IDT	0x2000
#define GUEST_PML4	0x3000
#define GUEST_PDPT	0x4000
#define GUEST_PD	0x5000	/* four pages: 4 GiB, mapped one to one */
#define GUEST_PD32	0x9000
#define GUEST_TSS	0xa000
#define GUEST_CODE	0x10000
#define GUEST_STACK	0x80000	/* its top */
#define GUEST_MEM	0x200000

/* Selectors of GUEST_GDT. */
#define GUEST_CS64	0x08
#define GUEST_CS32	0x10
#define GUEST_DS	0x18
#define GUEST_TR	0x20	/* two entries */
#define GUEST_CS16	0x30

#define GUEST_VCPUS	16

struct vcpu {
	int fd;
	struct kvm_run *run;
};

struct guest {
	int kvm;
	int vm;
	uint8_t *mem;
	size_t size;
	int nr_vcpus;
	struct vcpu vcpu[GUEST_VCPUS];
};

/*
 * Code of a guest: GUEST_CODE16(name, "hlt") makes name_begin and name_end.
 * It is assembled for the address that it is loaded to: keep it relative.
 */
#define GUEST_ASM(name, mode, text)					\
	extern const uint8_t name##_begin[], name##_end[];		\
	asm(".pushsection .rodata, \"a\"\n"				\
	    ".globl " #name "_begin, " #name "_end\n"			\
	    "." #mode "\n" #name "_begin:\n" text "\n" #name "_end:\n"	\
	    ".code64\n.popsection")

#define GUEST_CODE16(name, text)	GUEST_ASM(name, code16, text)
#define GUEST_CODE32(name, text)	GUEST_ASM(name, code32, text)
#define GUEST_CODE64(name, text)	GUEST_ASM(name, code64, text)

/* A VM with GUEST_MEM bytes of memory and one vCPU; its mode is that of RESET. */
void guest_create(struct guest *guest);
/* The same without a vCPU. */
void guest_create_vm(struct guest *guest, size_t size);
struct vcpu *guest_add_vcpu(struct guest *guest, unsigned long id);
void guest_destroy(struct guest *guest);

/* Copies code to GUEST_CODE. */
void guest_load_code(struct guest *guest, const uint8_t *begin, const uint8_t *end);
#define guest_load(guest, name)	guest_load_code(guest, name##_begin, name##_end)

/* A further block of memory; host may be NULL for fresh pages. Returns where it is. */
void *guest_add_memory(struct guest *guest, uint32_t slot, uint64_t gpa, size_t size,
		       void *host, uint32_t flags);

/* Put a vCPU at GUEST_CODE, with a stack, in a mode; all segments flat from 0. */
void vcpu_real_mode(struct guest *guest, struct vcpu *vcpu);
void vcpu_protected_mode(struct guest *guest, struct vcpu *vcpu);
void vcpu_paging32(struct guest *guest, struct vcpu *vcpu);
void vcpu_pae(struct guest *guest, struct vcpu *vcpu);
void vcpu_long_mode(struct guest *guest, struct vcpu *vcpu);

/* All that KVM_GET_SUPPORTED_CPUID offers; the in-tree module wants it for long mode. */
void vcpu_set_supported_cpuid(struct guest *guest, struct vcpu *vcpu);

/* An entry of the IDT of protected or long mode, to an offset in the code. */
void guest_set_idt32(struct guest *guest, uint8_t vector, uint32_t handler);
void guest_set_idt64(struct guest *guest, uint8_t vector, uint64_t handler);

void vcpu_get_regs(struct vcpu *vcpu, struct kvm_regs *regs);
void vcpu_set_regs(struct vcpu *vcpu, const struct kvm_regs *regs);
void vcpu_get_sregs(struct vcpu *vcpu, struct kvm_sregs *sregs);
void vcpu_set_sregs(struct vcpu *vcpu, const struct kvm_sregs *sregs);

/* One MSR: 1, or 0 if it was refused; and its value, which must be there. */
int vcpu_set_msr(struct vcpu *vcpu, uint32_t index, uint64_t data);
uint64_t vcpu_get_msr(struct vcpu *vcpu, uint32_t index);

/* KVM_RUN that must not fail; returns the exit reason. */
uint32_t vcpu_run(struct vcpu *vcpu);
/* The same, and the test ends unless this is the exit reason. */
void vcpu_run_until(struct vcpu *vcpu, uint32_t reason);
/* Runs to the next OUT of one byte or more; returns its value and, if asked, port. */
uint32_t vcpu_run_out(struct vcpu *vcpu, uint16_t *port);

/* Does the software SVM of QEMU run the guests? It leaves some things out. */
bool guest_is_emulated(void);

const char *kvm_exit_name(uint32_t reason);

#define kvm_ioctl_ok(fd, cmd, arg)	kvm_must(ioctl(fd, cmd, arg), #cmd, __FILE__, __LINE__)

long kvm_must(long r, const char *what, const char *file, int line);
void kvm_die(const char *file, int line, const char *format, ...)
	__attribute__((noreturn, format(printf, 3, 4)));

#endif
