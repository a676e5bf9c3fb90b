// SPDX-License-Identifier: GPL-2.0
/*
 * guestboot MACHINE: boots a guest with QEMU, and prints figures of it as
 * kvmbench does. The first guest is timed, from its first instruction; the
 * second has its exits counted by what they are for, because counting takes time.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EXITS		"/sys/kernel/debug/kvm/exits"
#define EXIT_EVENT	"/sys/kernel/tracing/events/kvm/kvm_exit/"

/* APM 2, appendix C. */
static const struct {
	unsigned int first, last;
	const char *name;
} reasons[] = {
	{ 0x00, 0x1f, "control-register" }, { 0x20, 0x3f, "debug-register" },
	{ 0x60, 0x60, "interrupt" }, { 0x64, 0x64, "irq-window" },
	{ 0x72, 0x72, "cpuid" }, { 0x78, 0x78, "halt" },
	{ 0x7b, 0x7b, "port" }, { 0x7c, 0x7c, "msr" }, { 0x81, 0x81, "hypercall" },
	{ 0x400, 0x400, "nested-fault" }, { 0, -1, "other" },
};

#define NR_REASONS	(sizeof(reasons) / sizeof(reasons[0]))

/*
 * The emulator may deliver an interrupt twice, which can leave the guest spinning; see
 * Documentation/testing.rst. A boot takes some five seconds of the machine.
 */
#define BOOT_SECONDS	25
#define BOOTS		3

#define CONSOLE_FD	3	/* of QEMU, beside the monitor on its standard files */

struct vmm {
	pid_t pid;
	FILE *console, *monitor;
	int commands;
	double called, began;
};

static void must(bool good, const char *what)
{
	if (good)
		return;
	printf("guestboot: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

/* As kvmbench prints it; the in-tree module's figures stand beside it. */
static void row(const char *machine, const char *name, double value, const char *unit)
{
	printf("%s-%s %.3f - %s - -\n", machine, name, value, unit);
	fflush(stdout);
}

static void exec_qemu(char *machine, const char *task)
{
	bool micro = !strcmp(machine, "microvm");
	char cmdline[100], device[100], type[100];

	/* QEMU's second I/O APIC hears of no EOI from a local APIC in the kernel. */
	snprintf(type, sizeof(type), "%s%s", machine, micro ? ",ioapic2=off" : "");
	snprintf(device, sizeof(device), "virtio-blk-%s,drive=disk", micro ? "device" : "pci");
	snprintf(cmdline, sizeof(cmdline), "console=ttyS0 quiet panic=-1 cpus=1 task=%s", task);
	execl("/usr/bin/qemu-system-x86_64", "qemu", "-accel", "kvm", "-M", type, "-cpu", "host",
	      "-m", "256", "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
	      "-L", "/rom", "-kernel", "/guest/kernel", "-initrd", "/guest/initramfs",
	      "-drive", "file=/guest/disk,format=raw,if=none,id=disk", "-device", device,
	      "-append", cmdline, "-S", "-monitor", "stdio",
	      "-serial", "file:/proc/self/fd/3", NULL);
	must(false, "qemu");
}

/* QEMU has made its machine when its monitor asks for a command. */
static void wait_prompt(struct vmm *vmm)
{
	static const char prompt[] = "(qemu) ";
	size_t seen = 0;
	int c;

	while (prompt[seen]) {
		c = fgetc(vmm->monitor);
		must(c != EOF, "QEMU's monitor");
		seen = c == prompt[seen] ? seen + 1 : c == prompt[0];
	}
}

static void start(struct vmm *vmm, char *machine, const char *task)
{
	int console[2], out[2], in[2];

	must(!pipe(console) && !pipe(out) && !pipe(in), "pipe");
	vmm->called = now();
	vmm->pid = fork();
	must(vmm->pid >= 0, "fork");
	if (!vmm->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		must(dup2(in[0], STDIN_FILENO) >= 0 && dup2(out[1], STDOUT_FILENO) >= 0 &&
		     dup2(console[1], CONSOLE_FD) >= 0, "dup2");
		close_range(CONSOLE_FD + 1, ~0U, 0);
		exec_qemu(machine, task);
	}
	close(console[1]);
	close(out[1]);
	close(in[0]);
	vmm->console = fdopen(console[0], "r");
	vmm->monitor = fdopen(out[0], "r");
	vmm->commands = in[1];
	must(vmm->console && vmm->monitor, "fdopen");
	wait_prompt(vmm);
	vmm->began = now();
	must(write(vmm->commands, "cont\n", 5) == 5, "cont");
}

/* The next line of the guest that begins so; what stands behind it. */
static char *expect(struct vmm *vmm, const char *begin)
{
	static char line[1000];

	while (fgets(line, sizeof(line), vmm->console)) {
		if (!strncmp(line, begin, strlen(begin)))
			return line + strlen(begin);
	}
	printf("guestboot: no '%s'\n", begin);
	exit(1);
}

static void finish(struct vmm *vmm)
{
	char line[1000];
	int status;

	while (fgets(line, sizeof(line), vmm->console))
		;
	fclose(vmm->console);
	fclose(vmm->monitor);
	close(vmm->commands);
	must(waitpid(vmm->pid, &status, 0) == vmm->pid, "waitpid");
	if (status) {
		printf("guestboot: QEMU ended with %x\n", status);
		exit(1);
	}
}

static double read_exits(void)
{
	FILE *file = fopen(EXITS, "r");
	double value;

	must(file && fscanf(file, "%lf", &value) == 1, EXITS);
	fclose(file);
	return value;
}

/* CPU time of a process until now, in ticks of the clock. */
struct times {
	double user, kernel, guest;	/* the guest's is in the user's, too */
};

/* A field of /proc/PID/stat, counted from 1; the second is a name in brackets. */
static double field(const char *line, int nr)
{
	const char *at = strrchr(line, ')');

	for (; at && nr > 2; nr--)
		at = strchr(at + 1, ' ');
	must(at, "stat");
	return atof(at);
}

static struct times read_times(pid_t pid)
{
	char path[50], line[1000];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "r");
	must(file && fgets(line, sizeof(line), file), path);
	fclose(file);
	return (struct times) { field(line, 14), field(line, 15), field(line, 43) };
}

/* Whose the time was: the guest's, QEMU's, the kernel's for both. */
static void show_times(const char *machine, struct times begin, struct times end)
{
	double tick = 1e3 / sysconf(_SC_CLK_TCK), guest = end.guest - begin.guest;

	row(machine, "boot-in-guest", guest * tick, "ms");
	row(machine, "boot-in-qemu", (end.user - begin.user - guest) * tick, "ms");
	row(machine, "boot-in-kernel", (end.kernel - begin.kernel) * tick, "ms");
}

static void timed(char *machine)
{
	char name[100];
	struct times begin;
	struct vmm vmm;
	double value, end;

	start(&vmm, machine, "load");
	begin = read_times(vmm.pid);
	expect(&vmm, "GUEST: userspace");
	end = now();
	show_times(machine, begin, read_times(vmm.pid));
	row(machine, "boot-exits", read_exits(), "exits");
	row(machine, "boot", end - vmm.began, "ms");
	row(machine, "start", vmm.began - vmm.called, "ms");
	while (sscanf(expect(&vmm, "GUEST: "), "figure %99s %lf", name, &value) == 2)
		row(machine, name, value, "ns");
	finish(&vmm);
}

static bool write_trigger(const char *text)
{
	int fd = open(EXIT_EVENT "trigger", O_WRONLY);
	bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return good;
}

static void show_reasons(const char *machine)
{
	FILE *file = fopen(EXIT_EVENT "hist", "r");
	double counts[NR_REASONS] = {}, count;
	unsigned int code, i;
	char line[1000], name[100];

	must(file, "hist");
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "{ exit_reason: %u } hitcount: %lf", &code, &count) != 2)
			continue;
		for (i = 0; code < reasons[i].first || code > reasons[i].last; i++)
			;
		counts[i] += count;
	}
	fclose(file);
	for (i = 0; i < NR_REASONS; i++) {
		snprintf(name, sizeof(name), "boot-exits-%s", reasons[i].name);
		if (counts[i])
			row(machine, name, counts[i], "exits");
	}
}

static void counted(char *machine)
{
	struct vmm vmm;

	must(write_trigger("hist:keys=exit_reason\n"), "trigger");
	start(&vmm, machine, "boot");
	expect(&vmm, "GUEST: userspace");
	show_reasons(machine);
	finish(&vmm);
}

/* In a process of its own, which ends if the guest does not; returns its exit status. */
static int attempt(void (*boot)(char *machine), char *machine)
{
	int i, status;
	pid_t pid;

	for (i = 0; i < BOOTS; i++) {
		pid = fork();
		must(pid >= 0, "fork");
		if (!pid) {
			alarm(BOOT_SECONDS);
			boot(machine);
			exit(0);
		}
		must(waitpid(pid, &status, 0) == pid, "waitpid");
		write_trigger("!hist:keys=exit_reason\n");
		if (WIFEXITED(status))
			return WEXITSTATUS(status);
		printf("guestboot: no end within %d s, a fault of the emulator\n", BOOT_SECONDS);
		fflush(stdout);
	}
	return 1;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		printf("guestboot MACHINE\n");
		return 1;
	}
	return attempt(timed, argv[1]) || attempt(counted, argv[1]);
}
