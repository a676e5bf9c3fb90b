// SPDX-License-Identifier: GPL-2.0
/* Ends the machine under a guest that runs: leave reboot|kexec|crash KERNEL */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/kexec.h>
#include <linux/reboot.h>

#include "kvm.h"

/* How the next kernel is known on the console. */
#define COMMAND_LINE	"console=ttyS0 panic=-1 next-kernel"

GUEST_CODE16(spin, "1: jmp 1b");

static void *run(void *vcpu)
{
	vcpu_run(vcpu);
	return NULL;
}

static void load_kernel(const char *path, unsigned long flags)
{
	int fd = open(path, O_RDONLY);

	kvm_must(syscall(SYS_kexec_file_load, fd, -1, sizeof(COMMAND_LINE), COMMAND_LINE,
			 flags | KEXEC_FILE_NO_INITRAMFS), "kexec_file_load", __FILE__, __LINE__);
}

int main(int argc, char **argv)
{
	const char *how = argc == 3 ? argv[1] : "";
	struct guest guest;
	pthread_t thread;
	int fd;

	guest_create(&guest);
	guest_load(&guest, spin);
	vcpu_real_mode(&guest, &guest.vcpu[0]);
	if (!strcmp(how, "kexec"))
		load_kernel(argv[2], 0);
	else if (!strcmp(how, "crash"))
		load_kernel(argv[2], KEXEC_FILE_ON_CRASH);

	pthread_create(&thread, NULL, run, &guest.vcpu[0]);
	sleep(1);
	puts("the guest runs");
	fflush(stdout);
	sleep(1);

	if (!strcmp(how, "reboot"))
		reboot(LINUX_REBOOT_CMD_RESTART);
	if (!strcmp(how, "kexec"))
		reboot(LINUX_REBOOT_CMD_KEXEC);
	fd = open("/proc/sysrq-trigger", O_WRONLY);
	if (!strcmp(how, "crash"))
		kvm_must(write(fd, "c", 1), "sysrq", __FILE__, __LINE__);
	return 1;
}
