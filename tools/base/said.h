/* SPDX-License-Identifier: MIT
 *
 * Reads what was said on stderr, or would have been (tool_error_to), for those who show it
 * elsewhere.
 */
#ifndef GAIJIN_TOOLS_SAID_H
#define GAIJIN_TOOLS_SAID_H

#include <stdbool.h>
#include <stddef.h>

/* The next line of what was said, without what begins the lines of tool_error: true, and *line has
 * *size bytes; false at the end. *at is where to go on, at first the text's bytes (or NULL). */
bool said_next(const char **at, const char **line, size_t *size);

#endif
