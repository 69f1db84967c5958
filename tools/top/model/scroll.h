/* SPDX-License-Identifier: MIT
 *
 * Which of many lines is chosen, and which are on the screen. In a table the row that was chosen by
 * a key stays so when rows come, go, or change their places; as long as none was, it is the first.
 *
 * Always true after scroll_show: the chosen line, if there is any, is among those on the screen,
 * and no line is left empty while there are more above.
 */
#ifndef GAIJIN_TOOLS_SCROLL_H
#define GAIJIN_TOOLS_SCROLL_H

#include "tools/top/model/grid.h"

struct scroll {
  size_t at, top; /* the chosen line; the first on the screen */
  struct grid_key key; /* of the row that was chosen, if one was */
  bool has_key;
};

/* Of so many lines, as many lines down (negative: up) as there are. */
void scroll_move(struct scroll *s, size_t count, long lines);
/* Chooses the row chosen before in a table that was arranged anew; if it has gone, the one in its
 * place. */
void scroll_follow(struct scroll *s, const struct grid *g);
/* The chosen row is to be followed, after a move of the user's. */
void scroll_note(struct scroll *s, const struct grid *g);
/* The first is chosen, whichever it is. */
void scroll_home(struct scroll *s);
/* The chosen row; NULL: there is none. */
const struct grid_row *scroll_row(const struct scroll *s, const struct grid *g);
/* On a screen of so many lines. */
void scroll_show(struct scroll *s, size_t count, size_t height);

#endif
