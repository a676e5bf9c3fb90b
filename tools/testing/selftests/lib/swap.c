// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/swap.h>
#include <unistd.h>

#include "files.h"
#include "swap.h"

#define PAGE		4096
#define PAGES		((64 << 20) / PAGE)
#define DEVICE		"/dev/zram0"
#define IS_SWAPPED	(1ULL << 62)

/* The first page of swap space: see union swap_header of the kernel. */
static bool make_swap(void)
{
	static char page[PAGE];
	uint32_t info[3] = { 1, PAGES - 1, 0 };
	int fd = open(DEVICE, O_WRONLY);
	bool good;

	memcpy(page + 1024, info, sizeof(info));
	memcpy(page + PAGE - 10, "SWAPSPACE2", 10);
	good = write(fd, page, PAGE) == PAGE && !fsync(fd);
	close(fd);
	return good;
}

bool swap_on(void)
{
	/* Refused if it has one: then it is in use already. */
	if (write_text("/sys/block/zram0/disksize", "64M"))
		return access(DEVICE, F_OK) == 0;
	return make_swap() && !swapon(DEVICE, 0);
}

size_t swapped_pages(const void *memory, size_t size)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	off_t at = (uintptr_t)memory / PAGE * sizeof(uint64_t);
	size_t i, n = 0;
	uint64_t entry;

	for (i = 0; i < size / PAGE; i++)
		if (pread(fd, &entry, 8, at + i * 8) == 8 && (entry & IS_SWAPPED))
			n++;
	close(fd);
	return n;
}
