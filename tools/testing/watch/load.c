// SPDX-License-Identifier: GPL-2.0
/*
 * A VMM whose guest makes exits of many kinds, a handful in each round. Commands
 * come on the standard input, one answer for each goes to the standard output:
 *
 *   run N	N rounds; then "ran"
 *   go		rounds until the next command; "going"
 *   stats	"NAME VALUE" for each number of the VM and its vCPU; then "end"
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kvm.h"

#define LOGGED_GPA	0x40000000ul
#define LOGGED_SIZE	0x10000
#define LOGGED_SLOT	1
#define END_OF_ROUND	0x80

GUEST_CODE64(round_of_exits,
	     "1: xor %eax, %eax\n cpuid\n"
	     "mov $0x277, %ecx\n rdmsr\n"
	     "mov $100, %eax\n vmmcall\n"
	     "mov $0xd0000000, %ebx\n mov %eax, (%rbx)\n mov (%rbx), %eax\n"
	     "mov $0x40000000, %ebx\n mov %eax, (%rbx)\n"
	     "hlt\n"
	     "out %al, $0x80\n jmp 1b");

static struct guest guest;
static struct vcpu *vcpu;

/* The page that the guest has written is to be noticed again. */
static void collect_log(void)
{
	uint64_t bitmap[LOGGED_SIZE / 4096 / 64 + 1];
	struct kvm_dirty_log log = { .slot = LOGGED_SLOT, .dirty_bitmap = bitmap };

	kvm_ioctl_ok(guest.vm, KVM_GET_DIRTY_LOG, &log);
}

static void run_round(void)
{
	while (vcpu_run(vcpu) != KVM_EXIT_IO || vcpu->run->io.port != END_OF_ROUND)
		;
	collect_log();
}

static bool command_waits(void)
{
	struct pollfd in = { .fd = 0, .events = POLLIN };

	return poll(&in, 1, 0);
}

static void show_stats(int fd)
{
	int stats = kvm_ioctl_ok(fd, KVM_GET_STATS_FD, NULL);
	struct kvm_stats_header header;
	struct { struct kvm_stats_desc d; char name[48]; } desc;
	unsigned long long value;

	kvm_must(pread(stats, &header, sizeof(header), 0), "header", __FILE__, __LINE__);
	for (unsigned int i = 0; i < header.num_desc; i++) {
		kvm_must(pread(stats, &desc, sizeof(desc), header.desc_offset + i * sizeof(desc)),
			 "descriptor", __FILE__, __LINE__);
		kvm_must(pread(stats, &value, sizeof(value), header.data_offset + desc.d.offset),
			 "value", __FILE__, __LINE__);
		printf("%s %llu\n", desc.name, value);
	}
	close(stats);
}

int main(void)
{
	char command[64];

	guest_create(&guest);
	vcpu = &guest.vcpu[0];
	vcpu_set_supported_cpuid(&guest, vcpu);
	guest_add_memory(&guest, LOGGED_SLOT, LOGGED_GPA, LOGGED_SIZE, NULL,
			 KVM_MEM_LOG_DIRTY_PAGES);
	guest_load(&guest, round_of_exits);
	vcpu_long_mode(&guest, vcpu);

	setbuf(stdin, NULL);
	setlinebuf(stdout);
	while (fgets(command, sizeof(command), stdin)) {
		if (!strncmp(command, "run ", 4)) {
			for (int n = atoi(command + 4); n > 0; n--)
				run_round();
			puts("ran");
		} else if (!strcmp(command, "go\n")) {
			puts("going");
			while (!command_waits())
				run_round();
		} else if (!strcmp(command, "stats\n")) {
			show_stats(guest.vm);
			show_stats(vcpu->fd);
			puts("end");
		}
	}
	return 0;
}
