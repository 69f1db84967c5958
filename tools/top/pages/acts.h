/* SPDX-License-Identifier: MIT
 *
 * What keys do to a system, and ask of it: `gaijinctl gc`, `stop` and `why`, run beside (helper.h).
 * One act, and one question, at a time.
 */
#ifndef GAIJIN_TOOLS_ACTS_H
#define GAIJIN_TOOLS_ACTS_H

#include "tools/top/pages/state.h"

/* Has the chosen worker, or all who hold the chosen object, collect. */
void acts_free(struct top *t);
/* Asks whether to stop the chosen worker; and does it. */
void acts_ask_stop(struct top *t);
void acts_stop(struct top *t);
/* Shows why the chosen object lives, as soon as it is told. */
void acts_why(struct top *t);

/* Takes what has been said; whether there is something new to see. */
bool acts_read(struct top *t);
/* The lines are looked at no more. */
void acts_leave_lines(struct top *t);
void acts_deinit(struct top *t);

#endif
