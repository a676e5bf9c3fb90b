/* SPDX-License-Identifier: GPL-2.0 */
/* A CPU that the module cannot use; each reason is a test in a machine of its own. */
#ifndef REFUSED_H
#define REFUSED_H

#include <string.h>

#include "kselftest_harness.h"
#include "files.h"
#include "module.h"

/* The module says WHY in one line, and is not loaded. */
#define TEST_REFUSED(why)							\
TEST(refused)									\
{										\
	expect_refused(_metadata, why);						\
}

static void expect_refused(struct __test_metadata *_metadata, const char *why)
{
	char line[1024] = "";
	int log;

	EXPECT_EQ(load_module(MODULE), -1);
	EXPECT_EQ(errno, EOPNOTSUPP);
	/* Once the kernel has had its word about modules that are not its own. */
	log = log_open();
	EXPECT_EQ(load_module(MODULE), -1);
	EXPECT_EQ(errno, EOPNOTSUPP);
	EXPECT_EQ(log_count(log, "kvm: ", line, sizeof(line)), 1);
	EXPECT_NE(strstr(line, why), NULL)
		TH_LOG("%s", line);
	EXPECT_EQ(open_kvm(), -1);
	/* Nothing of it stays. */
	EXPECT_EQ(unload_module("kvm"), -1);
	EXPECT_EQ(errno, ENOENT);
}

#endif
