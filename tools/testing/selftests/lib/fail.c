// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fail.h"
#include "files.h"
#include "kselftest.h"

bool fail_setup(void)
{
	static const char *const settings[][2] = {
		/* A failure is loud enough in the result. */
		{ "failslab/verbose", "0" },
		{ "fail_page_alloc/verbose", "0" },
		{ "fail_usercopy/verbose", "0" },
		/* By default allocations that may sleep are spared, and single pages. */
		{ "failslab/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "fail_page_alloc/min-order", "0" },
	};
	char path[96];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(settings); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s", settings[i][0]);
		if (write_text(path, settings[i][1]))
			return false;
	}
	return !access("/proc/self/fail-nth", W_OK);
}

bool fail_nth(int nth, int (*op)(void *), void *arg, int *result, int *error)
{
	int fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	char text[16] = "";
	int len = snprintf(text, sizeof(text), "%d", nth);

	if (fd < 0 || pwrite(fd, text, len, 0) != len)
		abort();
	*result = op(arg);
	*error = errno;
	/*
	 * What is left of the count. Reading it is a chance, too: if that one
	 * fails, the operation had its chances and did not use them up.
	 */
	if (pread(fd, text, sizeof(text) - 1, 0) < 0)
		len = 1;
	else
		len = atoi(text);
	if (pwrite(fd, "0", 1, 0) != 1 && pwrite(fd, "0", 1, 0) != 1)
		abort();
	close(fd);
	return !len;
}
