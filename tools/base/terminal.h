/* SPDX-License-Identifier: MIT
 *
 * What standard output is: a terminal with a size and colours, or a file, pipe or the like, which
 * is given everything, and plain.
 */
#ifndef GAIJIN_TOOLS_TERMINAL_H
#define GAIJIN_TOOLS_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct terminal {
  bool is_one;
  size_t width, height; /* in characters; 80 by 24 where the terminal does not say */
  bool colours;
};

/* How it is now; a window may change its size at any time. */
struct terminal terminal_look(FILE *out);

#endif
