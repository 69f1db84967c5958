/* SPDX-License-Identifier: MIT
 *
 * A plan that has changed while it is carried out: what is new starts, what is gone stops, what has
 * changed is started again, and the rest goes on.
 */
#ifndef GAIJIN_TOOLS_RUN_RELOAD_H
#define GAIJIN_TOOLS_RUN_RELOAD_H

#include "tools/base/text.h"
#include "tools/run/core/state.h"

/* Makes the plan again from its command line, and does what follows. False after error lines, of
 * which `said` gets a copy (NULL: none): then nothing has changed. */
bool reload(struct run *r, struct text *said);

#endif
