/* SPDX-License-Identifier: MIT
 *
 * What is said on stderr for a while is kept instead, for those who show it elsewhere. It is the
 * whole process's stderr: one at a time may keep it.
 */
#ifndef GAIJIN_TOOLS_SAID_H
#define GAIJIN_TOOLS_SAID_H

#include <stdbool.h>

#include "tools/base/text.h"

struct said {
  int kept, file; /* what stderr was, and what it is; file -1: it stays as it is */
};

/* From here on stderr is a file of memory, if there can be one. */
void said_begin(struct said *s);
/* Puts stderr back, and adds what was said, lines with their ends. */
void said_end(const struct said *s, struct text *out);

/* The next line of what was said, without what begins the lines of tool_error: true, and *line has
 * *size bytes; false at the end. *at is where to go on, at first the text's bytes (or NULL). */
bool said_next(const char **at, const char **line, size_t *size);

#endif
