// SPDX-License-Identifier: GPL-2.0
/* A CPU with SVM, but without nested paging. */
/* machine: no-module append=clearcpuid=npt */
#include "refused.h"

TEST_REFUSED("nested paging")

TEST_HARNESS_MAIN
