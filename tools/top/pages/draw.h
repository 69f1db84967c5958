/* SPDX-License-Identifier: MIT
 *
 * The picture: a line about the broker, one of the pages, the table, and a last line for what was
 * asked and what happened. On a screen with fewer lines the table has what is left.
 */
#ifndef GAIJIN_TOOLS_DRAW_H
#define GAIJIN_TOOLS_DRAW_H

#include "tools/top/pages/state.h"

void draw(struct top *t);
/* Lines of the screen that the table, or the lines of a text, have. */
size_t draw_height(const struct top *t);

#endif
