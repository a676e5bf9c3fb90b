// SPDX-License-Identifier: GPL-2.0
/*
 * vmm boot KERNEL INITRAMFS MEGABYTES VCPUS [WORD...]
 *			boot Linux with a serial console here, and more words for its
 *			command line
 * vmm run MEGABYTES VCPUS SOCKET
 *			run the guest of guest.S; hand it over at SOCKET
 * vmm take SOCKET PASSES
 *			take a guest that is handed over at SOCKET
 *
 * The guest goes over once it has been all over its memory. The new VMM lets it
 * do so PASSES times more, and checks what the guest found.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vmm.h"

void die(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "vmm: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

long must(long r, const char *what)
{
	if (r < 0)
		die("%s: %s", what, strerror(errno));
	return r;
}

/* Clocks */

uint64_t ticks(void)
{
	uint32_t low, high;

	asm volatile("lfence; rdtsc" : "=a" (low), "=d" (high));
	return (uint64_t)high << 32 | low;
}

uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* The host's TSC runs at the guest's rate: they are the same. */
static double ticks_per_ms;

static void calibrate(void)
{
	uint64_t time = now(), start = ticks();

	usleep(50000);
	ticks_per_ms = (ticks() - start) / ((now() - time) / 1e6);
}

double ticks_to_ms(uint64_t ticks)
{
	return ticks / ticks_per_ms;
}

/* Watching the guest */

static uint64_t fewest_passes(struct vm *vm)
{
	uint64_t passes, fewest = ~0ull;
	int i;

	for (i = 0; i < vm->nr_vcpus; i++) {
		passes = __atomic_load_n(&vm_status(vm, i)->passes, __ATOMIC_ACQUIRE);
		if (passes < fewest)
			fewest = passes;
	}
	return fewest;
}

static void wait_for_pass(struct vm *vm, uint64_t pass)
{
	while (fewest_passes(vm) < pass)
		usleep(20000);
}

/* From here on the guest measures gaps anew; those of its first touches do not count. */
static void forget_gaps(struct vm *vm)
{
	int i;

	for (i = 0; i < vm->nr_vcpus; i++) {
		vm_status(vm, i)->longest_gap = 0;
		vm_status(vm, i)->gap_limit = ticks_per_ms;
		vm_status(vm, i)->gaps = 0;
	}
}

static void report(struct vm *vm)
{
	struct status *status;
	int i;

	for (i = 0; i < vm->nr_vcpus; i++) {
		status = vm_status(vm, i);
		printf("vCPU %d: %lu passes, %lu words checked, %lu wrong\n", i,
		       status->passes, status->words, status->errors);
		printf("vCPU %d: longest gap in its time %.2f ms, gaps over 1 ms: %lu\n", i,
		       ticks_to_ms(status->longest_gap), status->gaps);
	}
}

static int run(uint64_t megabytes, int nr_vcpus, const char *path)
{
	struct vm vm;

	if (megabytes < 4 || megabytes << 20 > MAX_MEMORY || nr_vcpus < 1 || nr_vcpus > MAX_VCPUS)
		die("4 to %llu MiB, 1 to %d vCPUs", MAX_MEMORY >> 20, MAX_VCPUS);
	vm_create(&vm, megabytes << 20, nr_vcpus);
	vm_load_guest(&vm);
	vcpus_run(&vm);
	wait_for_pass(&vm, 1);
	printf("VMM %d, pid %d: the guest has been over its %lu MiB\n", VERSION, getpid(),
	       megabytes);
	fflush(stdout);
	forget_gaps(&vm);
	if (upgrade_give(&vm, path))
		return 0;

	/* Nobody took it: it must not have suffered from that. */
	wait_for_pass(&vm, fewest_passes(&vm) + 2);
	vcpus_stop(&vm);
	report(&vm);
	return vm_check(&vm) ? 3 : 1;
}

static int take(const char *path, uint64_t passes)
{
	struct vm vm;

	upgrade_take(&vm, path);
	wait_for_pass(&vm, fewest_passes(&vm) + passes);
	vcpus_stop(&vm);
	printf("VMM %d, pid %d, has the guest now\n", VERSION, getpid());
	report(&vm);
	if (!vm_check(&vm))
		return 1;
	printf("not a byte has changed\n");
	return 0;
}

/* The guest ends by a reset: there is no other power switch. */
static int boot(const char *kernel, const char *initramfs, uint64_t megabytes, int nr_vcpus,
		char **words)
{
	char cmdline[2048] = "console=ttyS0 reboot=k";
	struct vm vm;

	if (megabytes < 64 || megabytes > 3072 || nr_vcpus < 1 || nr_vcpus > MAX_VCPUS)
		die("64 to 3072 MiB, 1 to %d vCPUs", MAX_VCPUS);
	for (; *words; words++) {
		if (strlen(cmdline) + strlen(*words) + 2 > sizeof(cmdline))
			die("the command line is too long");
		strcat(strcat(cmdline, " "), *words);
	}
	vm_create_pc(&vm, megabytes << 20, nr_vcpus);
	boot_linux(&vm, kernel, initramfs, cmdline);
	serial_start(&vm);
	vcpus_run(&vm);
	sem_wait(&vm.ended);
	vcpus_stop(&vm);
	return 0;
}

static const char usage[] =
	"one of\n"
	"vmm boot KERNEL INITRAMFS MEGABYTES VCPUS [WORD...]\n"
	"vmm run MEGABYTES VCPUS SOCKET\n"
	"vmm take SOCKET PASSES\n";

int main(int argc, char **argv)
{
	if (argc >= 6 && !strcmp(argv[1], "boot"))
		return boot(argv[2], argv[3], atol(argv[4]), atoi(argv[5]), argv + 6);
	calibrate();
	if (argc == 5 && !strcmp(argv[1], "run"))
		return run(atol(argv[2]), atoi(argv[3]), argv[4]);
	if (argc == 4 && !strcmp(argv[1], "take"))
		return take(argv[2], atol(argv[3]));
	die("%s", usage);
}
