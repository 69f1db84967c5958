/* SPDX-License-Identifier: MIT
 *
 * Our own stdout and stderr: what they are is looked at once. Those of a system pass through relays
 * (relay.h), so that whoever reads them, or does not, keeps nobody from being looked after; the
 * broker's lines go the same way. Scripts of a command line wait for their reader, as programs in a
 * pipeline do, and lose nothing.
 */
#ifndef GAIJIN_TOOLS_RUN_PRINTED_H
#define GAIJIN_TOOLS_RUN_PRINTED_H

#include "tools/run/core/state.h"

/* Before there is a child. */
void printed_begin(struct run *r);
/* Says so when one of them cannot be written any more, once; and how many lines were lost as soon
 * as there is room for that again. After workers' lines were written. */
void printed_check(struct run *r);
/* When there is no child any more; what waits to be read has two seconds. */
void printed_end(struct run *r);

#endif
