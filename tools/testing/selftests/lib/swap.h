/* SPDX-License-Identifier: GPL-2.0 */
/* Memory that the host swaps out: a test asks for the module zram. */
#ifndef SELFTESTS_SWAP_H
#define SELFTESTS_SWAP_H

#include <stdbool.h>
#include <stddef.h>

/* Swap space in compressed memory, if there is none yet; false if there cannot be. */
bool swap_on(void);

/* How many pages of memory are swapped out; it is not touched by that. */
size_t swapped_pages(const void *memory, size_t size);

#endif
