// SPDX-License-Identifier: GPL-2.0
/*
 * Boots Linux by its 64-bit boot protocol (Documentation/arch/x86/boot.rst of
 * the kernel): no firmware, the vCPU begins in long mode with memory mapped one
 * to one. The guest finds a serial console, the interrupt controllers and the
 * timer that KVM has in the kernel, and ends by a reset through port 0x64.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <asm/bootparam.h>

#include "vmm.h"

#define BOOT_PARAMS	0x7000
#define BOOT_CMDLINE	0x20000
#define LOW_MEMORY	0x9fc00	/* what a PC has below its video memory */
#define HIGH_MEMORY	0x100000
#define ENTRY_64	0x200	/* from the begin of the kernel proper */
#define E820_RAM	1

struct image {
	const uint8_t *data;
	uint64_t size;
};

static struct image map_file(const char *path)
{
	int fd = must(open(path, O_RDONLY | O_CLOEXEC), path);
	struct image image;
	struct stat stat;

	must(fstat(fd, &stat), path);
	image.size = stat.st_size;
	image.data = mmap(NULL, image.size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (image.data == MAP_FAILED)
		die("%s: %s", path, strerror(errno));
	close(fd);
	return image;
}

static void copy_to_guest(struct vm *vm, uint64_t gpa, const void *data, uint64_t size)
{
	if (gpa > vm->size || size > vm->size - gpa)
		die("%lu bytes at %#lx do not fit into the guest", size, gpa);
	memcpy(vm->mem + gpa, data, size);
}

/* The kernel proper, behind its real-mode part. Returns where it begins. */
static uint64_t load_kernel(struct vm *vm, const char *path, struct boot_params *params)
{
	struct image image = map_file(path);
	struct setup_header *hdr = &params->hdr;
	uint64_t setup;

	if (image.size < sizeof(*params))
		die("%s is too short for a kernel", path);
	memcpy(hdr, image.data + offsetof(struct boot_params, hdr), sizeof(*hdr));
	if (memcmp(&hdr->header, "HdrS", 4) || hdr->version < 0x20c ||
	    !(hdr->xloadflags & XLF_KERNEL_64))
		die("%s is no 64-bit bzImage", path);
	setup = ((hdr->setup_sects ?: 4) + 1) * 512;
	if (setup > image.size || hdr->pref_address + hdr->init_size > vm->size)
		die("%s needs more memory", path);
	copy_to_guest(vm, hdr->pref_address, image.data + setup, image.size - setup);
	return hdr->pref_address;
}

/* As high as it may be: the kernel unpacks itself below. */
static void load_initramfs(struct vm *vm, const char *path, struct boot_params *params)
{
	struct image image = map_file(path);
	uint64_t end = vm->size, gpa;

	if (end > params->hdr.initrd_addr_max)
		end = params->hdr.initrd_addr_max;
	gpa = (end - image.size) & -4096;
	copy_to_guest(vm, gpa, image.data, image.size);
	params->hdr.ramdisk_image = gpa;
	params->hdr.ramdisk_size = image.size;
}

static void fill_params(struct vm *vm, struct boot_params *params, const char *cmdline)
{
	if (strlen(cmdline) > params->hdr.cmdline_size)
		die("the command line is too long");
	copy_to_guest(vm, BOOT_CMDLINE, cmdline, strlen(cmdline) + 1);
	params->hdr.type_of_loader = 0xff;
	params->hdr.cmd_line_ptr = BOOT_CMDLINE;
	params->e820_entries = 2;
	params->e820_table[0] = (struct boot_e820_entry) { 0, LOW_MEMORY, E820_RAM };
	params->e820_table[1] = (struct boot_e820_entry) {
		HIGH_MEMORY, vm->size - HIGH_MEMORY, E820_RAM };
	copy_to_guest(vm, BOOT_PARAMS, params, sizeof(*params));
}

void boot_linux(struct vm *vm, const char *kernel, const char *initramfs, const char *cmdline)
{
	struct boot_params params = {};
	struct kvm_regs regs = { .rsi = BOOT_PARAMS };

	regs.rip = load_kernel(vm, kernel, &params) + ENTRY_64;
	load_initramfs(vm, initramfs, &params);
	fill_params(vm, &params, cmdline);
	mptable_build(vm);
	vm_map_flat(vm);
	vcpu_start_flat(&vm->vcpu[0], &regs);
}
