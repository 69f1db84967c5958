/* SPDX-License-Identifier: MIT
 *
 * The three pages: which table each shows, in which order, and what is chosen in it.
 */
#ifndef GAIJIN_TOOLS_PAGES_H
#define GAIJIN_TOOLS_PAGES_H

#include "tools/top/pages/state.h"

/* Where one begins: workers, those with most requests first. */
void pages_init(struct top *t);
/* Makes the current page's table of what has been read last. */
void pages_build(struct top *t);
/* Arranges the table that is there anew: sorting or filter has changed. */
void pages_arrange(struct top *t);

void pages_go(struct top *t, enum sample_page page);
/* Sorts by the next column that is shown (steps 1), or the one before (-1). */
void pages_sort(struct top *t, int steps);
void pages_reverse(struct top *t);
/* The filter of the page has been changed. */
void pages_filtered(struct top *t);
/* Reads objects again, for what the page of tokens shows. */
void pages_read_tokens(struct top *t);
/* Asks for the labels of those objects that are on the screen, of which `height` are. */
void pages_ask_labels(struct top *t, size_t height);

/* What is chosen; NULL: nothing is. */
const struct worker *pages_worker(const struct top *t);
const struct token *pages_token(const struct top *t);

#endif
