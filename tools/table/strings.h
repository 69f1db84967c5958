/* SPDX-License-Identifier: MIT
 *
 * Strings that are kept until all are given back together: one behind the other, in few blocks, so
 * that millions of short ones cost hardly more than their bytes.
 */
#ifndef GAIJIN_TOOLS_STRINGS_H
#define GAIJIN_TOOLS_STRINGS_H

#include <stddef.h>

struct strings {
  struct strings_block *blocks; /* the first has the room that is left */
};

/* A copy, with a 0 behind it, which stays where it is. Memory that cannot be had ends the program.
 * A zeroed struct has none, and is valid to deinit. */
const char *strings_add(struct strings *s, const char *bytes, size_t size);
void strings_deinit(struct strings *s);

#endif
