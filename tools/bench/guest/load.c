// SPDX-License-Identifier: GPL-2.0
/*
 * Runs in a guest: how long a system call, a switch between two processes, the
 * first touch of a page and a read from the disk take there. A line for each:
 * "GUEST: figure NAME NANOSECONDS".
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SYSCALLS	200000
#define SWITCHES	20000	/* two for each byte that goes to and fro */
#define PAGES		8192
#define READS		1000
#define BLOCK		4096

static void must(int good, const char *what)
{
	if (!good) {
		printf("load: %s: %s\n", what, strerror(errno));
		exit(1);
	}
}

static void syscalls(void)
{
	int i;

	for (i = 0; i < SYSCALLS; i++)
		syscall(SYS_getppid);
}

static void echo(int from, int to)
{
	char byte;

	while (read(from, &byte, 1) == 1)
		must(write(to, &byte, 1) == 1, "pipe");
	exit(0);
}

static void switches(void)
{
	int there[2], back[2], i;
	char byte = 0;

	must(!pipe(there) && !pipe(back), "pipe");
	if (!fork()) {
		close(there[1]);
		echo(there[0], back[1]);
	}
	for (i = 0; i < SWITCHES / 2; i++)
		must(write(there[1], &byte, 1) == 1 && read(back[0], &byte, 1) == 1, "pipe");
	close(there[1]);
}

static void touch(void)
{
	size_t size = (size_t)PAGES * BLOCK;
	char *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t at;

	must(mem != MAP_FAILED && !madvise(mem, size, MADV_NOHUGEPAGE), "mmap");
	for (at = 0; at < size; at += BLOCK)
		mem[at] = 1;
}

static void disk_reads(void)
{
	int fd = open("/dev/vda", O_RDONLY | O_DIRECT), i;
	void *block = aligned_alloc(BLOCK, BLOCK);

	must(fd >= 0 && block, "/dev/vda");
	for (i = 0; i < READS; i++)
		must(pread(fd, block, BLOCK, (off_t)i * BLOCK) == BLOCK, "/dev/vda");
}

static const struct {
	const char *name;
	void (*run)(void);
	int times;
} loads[] = {
	{ "syscall", syscalls, SYSCALLS },
	{ "switch", switches, SWITCHES },
	{ "first-touch", touch, PAGES },
	{ "disk-read", disk_reads, READS },
};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e9 + time.tv_nsec;
}

int main(void)
{
	unsigned int i;
	double begin;

	for (i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
		begin = now();
		loads[i].run();
		printf("GUEST: figure %s %.1f\n", loads[i].name, (now() - begin) / loads[i].times);
		fflush(stdout);
	}
	return 0;
}
