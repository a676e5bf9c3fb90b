// SPDX-License-Identifier: GPL-2.0
/*
 * kvmbench [NAME...]: measures /dev/kvm, whichever module stands behind it; NAME
 * may be the beginning of some.
 * A line for each row: name, wall time, CPU time, unit, reference, aim; "-" for
 * what there is not. Meant to run under -icount, where figures repeat exactly.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

static const struct bench *const groups[] = {
	lifecycle_benches,
	exit_benches,
	state_benches,
	interrupt_benches,
	gmem_benches,
	memory_benches,
	slot_benches,
	dirty_benches,
	NULL
};

/* Seconds before the first row. */
#define SETTLE	5

struct times {
	double wall, cpu;	/* nanoseconds */
};

void die(const char *what)
{
	fprintf(stderr, "kvmbench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * 1e9 + time.tv_nsec;
}

static struct times measure_once(void (*run)(void))
{
	struct times begin, end;

	begin.cpu = now(CLOCK_PROCESS_CPUTIME_ID);
	begin.wall = now(CLOCK_MONOTONIC);
	run();
	end.wall = now(CLOCK_MONOTONIC);
	end.cpu = now(CLOCK_PROCESS_CPUTIME_ID);
	return (struct times){ end.wall - begin.wall, end.cpu - begin.cpu };
}

static void nothing(void)
{
}

/* The mean of all rounds but the first, which warms caches up. */
static struct times measure(const struct bench *bench)
{
	struct times sum = {}, once, empty;
	int times = bench->times ? bench->times : 1;

	for (int i = 0; i <= bench->rounds; i++) {
		if (bench->setup)
			bench->setup();
		once = measure_once(bench->run);
		/* What measuring itself takes. */
		empty = measure_once(nothing);
		if (bench->teardown)
			bench->teardown();
		if (!i)
			continue;
		sum.wall += once.wall - empty.wall;
		sum.cpu += once.cpu - empty.cpu;
	}
	sum.wall /= (double)bench->rounds * times;
	sum.cpu /= (double)bench->rounds * times;
	return sum;
}

static void print_number(double number)
{
	if (number)
		printf(" %.3f", number);
	else
		printf(" -");
}

static void report(const struct bench *bench)
{
	struct times times = {};
	double scale = strcmp(bench->unit, "us") ? 1 : 1000;

	if (bench->possible && !bench->possible())
		;
	else if (bench->value)
		times.wall = bench->value();
	else
		times = measure(bench);
	printf("%s", bench->name);
	print_number(times.wall / scale);
	print_number(times.cpu / scale);
	printf(" %s", bench->unit);
	print_number(bench->reference);
	print_number(bench->aim);
	printf("\n");
	fflush(stdout);
}

static bool wanted(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strncmp(argv[i], name, strlen(argv[i])))
			return true;
	return argc == 1;
}

int main(int argc, char **argv)
{
	const struct bench *const *group, *bench;
	struct rlimit limit = { 8192, 8192 };

	/* A thousand VMs and their vCPUs want descriptors. */
	if (setrlimit(RLIMIT_NOFILE, &limit))
		die("setrlimit");
	/* The kernel goes on with its boot in threads for a while. */
	sleep(SETTLE);
	for (group = groups; *group; group++)
		for (bench = *group; bench->name; bench++)
			if (wanted(bench->name, argc, argv))
				report(bench);
	return 0;
}
