// SPDX-License-Identifier: GPL-2.0
/* A CPU with SVM, but without nested paging: the module says so in one line, and is not loaded. */
/* machine: no-module append=clearcpuid=npt */
#include "kselftest_harness.h"
#include "files.h"
#include "module.h"

TEST(refused)
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
	EXPECT_NE(strstr(line, "nested paging"), NULL)
		TH_LOG("%s", line);
	EXPECT_EQ(open_kvm(), -1);
	/* Nothing of it stays. */
	EXPECT_EQ(unload_module("kvm"), -1);
	EXPECT_EQ(errno, ENOENT);
}

TEST_HARNESS_MAIN
