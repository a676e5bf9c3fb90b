// SPDX-License-Identifier: GPL-2.0
/* A guest for tests; see kvm.h. */
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kvm.h"

void kvm_die(const char *file, int line, const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "# %s:%d: ", file, line);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

long kvm_must(long r, const char *what, const char *file, int line)
{
	if (r < 0)
		kvm_die(file, line, "%s: %s", what, strerror(errno));
	return r;
}

/* Birth and death */

static void *pages(size_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		kvm_die(__FILE__, __LINE__, "mmap: %s", strerror(errno));
	return mem;
}

void *guest_add_memory(struct guest *guest, uint32_t slot, uint64_t gpa, size_t size,
		       void *host, uint32_t flags)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot, .flags = flags, .guest_phys_addr = gpa, .memory_size = size,
	};

	if (!host)
		host = pages(size);
	region.userspace_addr = (uintptr_t)host;
	kvm_ioctl_ok(guest->vm, KVM_SET_USER_MEMORY_REGION, &region);
	return host;
}

void guest_create_vm(struct guest *guest, size_t size)
{
	memset(guest, 0, sizeof(*guest));
	guest->kvm = kvm_must(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm",
			      __FILE__, __LINE__);
	guest->vm = kvm_ioctl_ok(guest->kvm, KVM_CREATE_VM, 0);
	guest->size = size;
	guest->mem = guest_add_memory(guest, 0, 0, size, NULL, 0);
}

struct vcpu *guest_add_vcpu(struct guest *guest, unsigned long id)
{
	struct vcpu *vcpu = &guest->vcpu[guest->nr_vcpus++];
	long size = kvm_ioctl_ok(guest->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);

	vcpu->fd = kvm_ioctl_ok(guest->vm, KVM_CREATE_VCPU, id);
	vcpu->run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED)
		kvm_die(__FILE__, __LINE__, "mmap of the vCPU: %s", strerror(errno));
	return vcpu;
}

void guest_create(struct guest *guest)
{
	guest_create_vm(guest, GUEST_MEM);
	guest_add_vcpu(guest, 0);
}

void guest_destroy(struct guest *guest)
{
	long size = kvm_ioctl_ok(guest->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	int i;

	for (i = 0; i < guest->nr_vcpus; i++) {
		munmap(guest->vcpu[i].run, size);
		close(guest->vcpu[i].fd);
	}
	close(guest->vm);
	close(guest->kvm);
	munmap(guest->mem, guest->size);
}

void guest_load_code(struct guest *guest, const uint8_t *begin, const uint8_t *end)
{
	memcpy(guest->mem + GUEST_CODE, begin, end - begin);
}

/* Registers */

void vcpu_get_regs(struct vcpu *vcpu, struct kvm_regs *regs)
{
	kvm_ioctl_ok(vcpu->fd, KVM_GET_REGS, regs);
}

void vcpu_set_regs(struct vcpu *vcpu, const struct kvm_regs *regs)
{
	kvm_ioctl_ok(vcpu->fd, KVM_SET_REGS, regs);
}

void vcpu_get_sregs(struct vcpu *vcpu, struct kvm_sregs *sregs)
{
	kvm_ioctl_ok(vcpu->fd, KVM_GET_SREGS, sregs);
}

void vcpu_set_sregs(struct vcpu *vcpu, const struct kvm_sregs *sregs)
{
	kvm_ioctl_ok(vcpu->fd, KVM_SET_SREGS, sregs);
}

void vcpu_set_supported_cpuid(struct guest *guest, struct vcpu *vcpu)
{
	struct {
		struct kvm_cpuid2 cpuid;
		struct kvm_cpuid_entry2 entries[256];
	} all = { .cpuid.nent = 256 };

	kvm_ioctl_ok(guest->kvm, KVM_GET_SUPPORTED_CPUID, &all);
	kvm_ioctl_ok(vcpu->fd, KVM_SET_CPUID2, &all);
}

struct one_msr {
	struct kvm_msrs head;
	struct kvm_msr_entry entry;
};

int vcpu_set_msr(struct vcpu *vcpu, uint32_t index, uint64_t data)
{
	struct one_msr msr = { { .nmsrs = 1 }, { .index = index, .data = data } };

	return kvm_ioctl_ok(vcpu->fd, KVM_SET_MSRS, &msr);
}

uint64_t vcpu_get_msr(struct vcpu *vcpu, uint32_t index)
{
	struct one_msr msr = { { .nmsrs = 1 }, { .index = index } };

	if (kvm_ioctl_ok(vcpu->fd, KVM_GET_MSRS, &msr) != 1)
		kvm_die(__FILE__, __LINE__, "MSR %x cannot be read", index);
	return msr.entry.data;
}

/* Modes */

#define CR0_PE		0x1u
#define CR0_MP		0x2u
#define CR0_ET		0x10u
#define CR0_NE		0x20u
#define CR0_PG		0x80000000u
#define CR4_PSE		0x10u
#define CR4_PAE		0x20u
#define CR4_OSFXSR	0x200u
#define CR4_OSXMMEXCPT	0x400u
#define EFER_LME	0x100u
#define EFER_LMA	0x400u

#define PTE_TABLE	0x7u	/* present, writable, user */
#define PTE_LARGE	0x87u

static void set_entry(struct guest *guest, uint64_t table, int i, uint64_t entry)
{
	memcpy(guest->mem + table + i * 8, &entry, sizeof(entry));
}

static void make_gdt(struct guest *guest)
{
	set_entry(guest, GUEST_GDT, GUEST_CS64 / 8, 0x00af9b000000ffff);
	set_entry(guest, GUEST_GDT, GUEST_CS32 / 8, 0x00cf9b000000ffff);
	set_entry(guest, GUEST_GDT, GUEST_DS / 8, 0x00cf93000000ffff);
	set_entry(guest, GUEST_GDT, GUEST_TR / 8,
		  0x00008b0000000067 | (uint64_t)GUEST_TSS << 16);
	set_entry(guest, GUEST_GDT, GUEST_CS16 / 8, 0x000f9b000000ffff);
}

/* One to one, in pages of 2 MiB, writable and open to user code. */
static void make_page_tables(struct guest *guest)
{
	uint32_t *pd32 = (uint32_t *)(guest->mem + GUEST_PD32);
	int i;

	set_entry(guest, GUEST_PML4, 0, GUEST_PDPT | PTE_TABLE);
	for (i = 0; i < 4; i++)
		set_entry(guest, GUEST_PDPT, i, (GUEST_PD + i * 0x1000) | PTE_TABLE);
	for (i = 0; i < 4 * 512; i++)
		set_entry(guest, GUEST_PD, i, (uint64_t)i << 21 | PTE_LARGE);
	for (i = 0; i < 1024; i++)
		pd32[i] = (uint32_t)i << 22 | PTE_LARGE;
}

/* The PDPT of PAE has no room for the bits that long mode has there. */
static void make_pae_tables(struct guest *guest)
{
	int i;

	make_page_tables(guest);
	for (i = 0; i < 4; i++)
		set_entry(guest, GUEST_PDPT, i, (GUEST_PD + i * 0x1000) | 1);
}

static void set_segments(struct kvm_sregs *sregs, uint16_t cs, bool l, bool db)
{
	struct kvm_segment data = {
		.limit = 0xffffffff, .selector = GUEST_DS, .type = 3, .present = 1,
		.s = 1, .db = 1, .g = 1,
	};

	sregs->ds = data;
	sregs->es = data;
	sregs->fs = data;
	sregs->gs = data;
	sregs->ss = data;
	sregs->cs = data;
	sregs->cs.selector = cs;
	sregs->cs.type = 11;
	sregs->cs.l = l;
	sregs->cs.db = db;
	sregs->tr = (struct kvm_segment) {
		.base = GUEST_TSS, .limit = 0x67, .selector = GUEST_TR, .type = 11,
		.present = 1,
	};
	sregs->gdt = (struct kvm_dtable) { .base = GUEST_GDT, .limit = 0x3f };
	sregs->idt = (struct kvm_dtable) { .base = GUEST_IDT, .limit = 0xfff };
}

static void start(struct vcpu *vcpu)
{
	struct kvm_regs regs = {
		.rip = GUEST_CODE,
		/* Each vCPU has a stack of its own. */
		.rsp = GUEST_STACK,
		.rflags = 2,
	};

	vcpu_set_regs(vcpu, &regs);
}

static void set_mode(struct guest *guest, struct vcpu *vcpu, bool l, uint64_t cr0,
		     uint64_t cr3, uint64_t cr4, uint64_t efer)
{
	struct kvm_sregs sregs;

	make_gdt(guest);
	vcpu_get_sregs(vcpu, &sregs);
	set_segments(&sregs, l ? GUEST_CS64 : GUEST_CS32, l, !l);
	sregs.cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | cr0;
	sregs.cr3 = cr3;
	sregs.cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT | cr4;
	sregs.efer = efer;
	vcpu_set_sregs(vcpu, &sregs);
	start(vcpu);
}

void vcpu_real_mode(struct guest *guest, struct vcpu *vcpu)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs = { .rsp = 0xfff0, .rflags = 2 };

	vcpu_get_sregs(vcpu, &sregs);
	sregs.cs.selector = GUEST_CODE >> 4;
	sregs.cs.base = GUEST_CODE;
	vcpu_set_sregs(vcpu, &sregs);
	vcpu_set_regs(vcpu, &regs);
}

void vcpu_protected_mode(struct guest *guest, struct vcpu *vcpu)
{
	set_mode(guest, vcpu, false, 0, 0, 0, 0);
}

void vcpu_paging32(struct guest *guest, struct vcpu *vcpu)
{
	make_page_tables(guest);
	set_mode(guest, vcpu, false, CR0_PG, GUEST_PD32, CR4_PSE, 0);
}

void vcpu_pae(struct guest *guest, struct vcpu *vcpu)
{
	make_pae_tables(guest);
	set_mode(guest, vcpu, false, CR0_PG, GUEST_PDPT, CR4_PAE, 0);
}

void vcpu_long_mode(struct guest *guest, struct vcpu *vcpu)
{
	make_page_tables(guest);
	set_mode(guest, vcpu, true, CR0_PG, GUEST_PML4, CR4_PAE, EFER_LME | EFER_LMA);
}

void guest_set_idt32(struct guest *guest, uint8_t vector, uint32_t handler)
{
	set_entry(guest, GUEST_IDT, vector,
		  (uint64_t)(handler >> 16) << 48 | 0x8eull << 40 |
		  (uint64_t)GUEST_CS32 << 16 | (handler & 0xffff));
}

void guest_set_idt64(struct guest *guest, uint8_t vector, uint64_t handler)
{
	set_entry(guest, GUEST_IDT, vector * 2,
		  (handler >> 16 & 0xffff) << 48 | 0x8eull << 40 |
		  (uint64_t)GUEST_CS64 << 16 | (handler & 0xffff));
	set_entry(guest, GUEST_IDT, vector * 2 + 1, handler >> 32);
}

/* Running */

bool guest_is_emulated(void)
{
	unsigned int eax, regs[3];

	__cpuid(0x40000000, eax, regs[0], regs[1], regs[2]);
	return !memcmp(regs, "TCGTCGTCGTCG", 12);
}

uint32_t vcpu_run(struct vcpu *vcpu)
{
	kvm_ioctl_ok(vcpu->fd, KVM_RUN, 0);
	return vcpu->run->exit_reason;
}

const char *kvm_exit_name(uint32_t reason)
{
	static const char *const names[] = {
		[KVM_EXIT_UNKNOWN] = "UNKNOWN", [KVM_EXIT_EXCEPTION] = "EXCEPTION",
		[KVM_EXIT_IO] = "IO", [KVM_EXIT_HYPERCALL] = "HYPERCALL",
		[KVM_EXIT_DEBUG] = "DEBUG", [KVM_EXIT_HLT] = "HLT",
		[KVM_EXIT_MMIO] = "MMIO", [KVM_EXIT_IRQ_WINDOW_OPEN] = "IRQ_WINDOW_OPEN",
		[KVM_EXIT_SHUTDOWN] = "SHUTDOWN", [KVM_EXIT_FAIL_ENTRY] = "FAIL_ENTRY",
		[KVM_EXIT_INTR] = "INTR", [KVM_EXIT_SET_TPR] = "SET_TPR",
		[KVM_EXIT_INTERNAL_ERROR] = "INTERNAL_ERROR",
		[KVM_EXIT_X86_RDMSR] = "X86_RDMSR", [KVM_EXIT_X86_WRMSR] = "X86_WRMSR",
		[KVM_EXIT_MEMORY_FAULT] = "MEMORY_FAULT",
	};

	if (reason >= sizeof(names) / sizeof(names[0]) || !names[reason])
		return "another";
	return names[reason];
}

void vcpu_run_until(struct vcpu *vcpu, uint32_t reason)
{
	struct kvm_run *run = vcpu->run;
	struct kvm_regs regs;

	if (vcpu_run(vcpu) == reason)
		return;
	vcpu_get_regs(vcpu, &regs);
	kvm_die(__FILE__, __LINE__, "exit %s (%u, suberror %u, data %llx) at %llx, not %s",
		kvm_exit_name(run->exit_reason), run->exit_reason, run->internal.suberror,
		run->internal.ndata ? run->internal.data[0] : 0, regs.rip,
		kvm_exit_name(reason));
}

uint32_t vcpu_run_out(struct vcpu *vcpu, uint16_t *port)
{
	struct kvm_run *run = vcpu->run;
	uint32_t value = 0;

	vcpu_run_until(vcpu, KVM_EXIT_IO);
	if (run->io.direction != KVM_EXIT_IO_OUT)
		kvm_die(__FILE__, __LINE__, "IN from port %x, not OUT", run->io.port);
	memcpy(&value, (uint8_t *)run + run->io.data_offset, run->io.size);
	if (port)
		*port = run->io.port;
	return value;
}
