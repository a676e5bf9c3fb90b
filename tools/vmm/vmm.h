/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A small VMM. It boots Linux, or hands a running guest to another VMM.
 *
 *   vm.c       a VM and its memory
 *   vcpu.c     threads that run vCPUs; save and restore of a vCPU
 *   boot.c     Linux into memory, by its boot protocol
 *   mptable.c  which CPUs and interrupts there are
 *   io.c       a serial line, and a way to end
 *   channel.c  messages with descriptors over a UNIX socket
 *   upgrade.c  both ends of the upgrade
 *   guest.S    the guest that goes over: it counts, and checks every word of its memory
 *   main.c     the command line
 */
#ifndef VMM_H
#define VMM_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/kvm.h>
#include <linux/kvmcore.h>

#define MAX_VCPUS	2
#define MAX_MSRS	256
#define XSAVE_SIZE	4096

/* Selectors, as Linux wants them, of the table at GUEST_GDT. */
#define GUEST_CS	0x10
#define GUEST_DS	0x18

/* Of guest.S: what stands below GUEST_DATA is not checked. */
#define GUEST_GDT	0x1000
#define GUEST_STATUS	0x2000	/* struct status, 0x100 for each vCPU */
#define GUEST_CODE	0x3000
#define GUEST_PML4	0x10000
#define GUEST_PDPT	0x11000
#define GUEST_PD	0x12000	/* a page for each GiB */
#define GUEST_DATA	0x200000
#define MAX_MEMORY	(64ull << 30)

/* What the guest tells; guest.S knows the offsets. One writer each. */
struct status {
	uint64_t passes;	/* over its part of the memory */
	uint64_t words;		/* checked in all */
	uint64_t errors;
	uint64_t longest_gap;	/* between two looks at the clock, in TSC ticks */
	uint64_t checksum;	/* of the last whole pass: the sum of its words */
	uint64_t bad_address;
	uint64_t gaps;		/* how many were longer than... */
	uint64_t gap_limit;	/* ...this; the VMM writes it */
};

struct vm;

struct vcpu {
	struct vm *vm;
	int id;
	int fd;
	struct kvm_run *run;
	pthread_t thread;
	bool running;
};

/* A 16550. */
struct serial {
	pthread_mutex_t lock;
	pthread_cond_t taken;	/* the guest has read the last byte */
	uint8_t reg[8], divisor[2];
	uint8_t byte;
	bool received;		/* a byte that the guest has not read */
	bool sent;		/* the guest does not know yet */
	uint32_t level;		/* of the interrupt line */
};

struct vm {
	int kvm, fd, gmem;
	uint64_t size;
	uint8_t *mem;
	bool irqchip;		/* the kernel's */
	int nr_vcpus;
	bool stop;		/* vCPU threads leave the guest and end */
	sem_t ended;		/* the guest has switched itself off */
	struct serial serial;
	struct vcpu vcpu[MAX_VCPUS];
};

/* Everything of a vCPU that another VMM needs. */
struct vcpu_state {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_debugregs debugregs;
	struct kvm_vcpu_events events;
	struct kvm_mp_state mp_state;
	struct kvm_xcrs xcrs;
	uint8_t xsave[XSAVE_SIZE];
	uint64_t tsc_offset;
	uint32_t nr_msrs;
	struct kvm_msr_entry msrs[MAX_MSRS];
};

/* vm.c */
void vm_create(struct vm *vm, uint64_t size, int nr_vcpus);
/* Memory of this process; interrupt controllers and timer in the kernel. */
void vm_create_pc(struct vm *vm, uint64_t size, int nr_vcpus);
void vm_adopt(struct vm *vm, int gmem, uint64_t size, int nr_vcpus);
void vm_load_guest(struct vm *vm);
/* Page tables and a GDT: all memory one to one. */
void vm_map_flat(struct vm *vm);
struct status *vm_status(struct vm *vm, int vcpu);
/* The part of its memory that a vCPU checks. */
uint64_t vm_data_start(const struct vm *vm, int vcpu);
/* No word was found wrong, and the sums of the last passes are right. */
bool vm_check(struct vm *vm);

/* vcpu.c */
void vcpu_create(struct vm *vm, int id);
/* Into long mode, with the tables of vm_map_flat(). */
void vcpu_start_flat(struct vcpu *vcpu, struct kvm_regs *regs);
void vcpus_run(struct vm *vm);
void vcpus_stop(struct vm *vm);
void vcpu_save(struct vcpu *vcpu, struct vcpu_state *state);
void vcpu_restore(struct vcpu *vcpu, const struct vcpu_state *state);

/* boot.c */
void boot_linux(struct vm *vm, const char *kernel, const char *initramfs, const char *cmdline);

/* mptable.c */
void mptable_build(struct vm *vm);

/* io.c */
void serial_start(struct vm *vm);
/* Do what the exit asks for; false if it is not for us. */
bool io_exit(struct vcpu *vcpu);

/* channel.c: 0, or -1 if the other end is gone or talks nonsense. */
int channel_listen(const char *path);
int channel_connect(const char *path);
int channel_send(int sock, const void *data, size_t size, const int *fds, int nr_fds);
int channel_receive(int sock, void *data, size_t size, int *fds, int nr_fds);

/* upgrade.c: true once the guest runs elsewhere, or here. */
bool upgrade_give(struct vm *vm, const char *path);
bool upgrade_take(struct vm *vm, const char *path);

/* Say it and exit. */
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* ioctl() that must not fail. */
long must(long r, const char *what);
#define vm_ioctl(fd, cmd, arg)	must(ioctl(fd, cmd, arg), #cmd)

uint64_t ticks(void);		/* TSC */
uint64_t now(void);		/* nanoseconds */
double ticks_to_ms(uint64_t ticks);

#endif
