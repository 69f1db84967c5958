/* SPDX-License-Identifier: MIT
 *
 * Has Graphviz draw: its program `dot` runs as a child, with a limit of time and of what it may
 * write. It is another program, so this one stays small, and a picture of anything that strangers
 * have named is made outside of it.
 */
#ifndef GAIJIN_TOOLS_GRAPH_PICTURE_H
#define GAIJIN_TOOLS_GRAPH_PICTURE_H

#include <stdbool.h>

#include "tools/base/text.h"

/* Bytes of a picture. */
enum { PICTURE_BYTES_MOST = 64 << 20 };

/* Draws `dot` as `format` ("svg", "png"); false after an error line. */
bool picture_draw(const struct text *dot, const char *format, double seconds, struct text *picture);

#endif
