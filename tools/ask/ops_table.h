/* SPDX-License-Identifier: MIT
 *
 * The table of `gaijinctl stats`: what went through the broker, a row for each op.
 */
#ifndef GAIJIN_TOOLS_OPS_TABLE_H
#define GAIJIN_TOOLS_OPS_TABLE_H

#include "tools/ask/list.h"

/* A list_fn. */
bool ops_table_fill(struct observer *o, struct show *s);

#endif
