// SPDX-License-Identifier: GPL-2.0
/* A CPU without SVM. */
/* machine: no-module append=clearcpuid=svm */
#include "refused.h"

TEST_REFUSED("no SVM")

TEST_HARNESS_MAIN
