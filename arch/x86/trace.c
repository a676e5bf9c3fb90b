// SPDX-License-Identifier: GPL-2.0
/* Where the tracepoints of x86 are made. */
#define CREATE_TRACE_POINTS
#include "trace.h"
