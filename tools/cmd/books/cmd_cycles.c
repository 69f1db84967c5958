/* SPDX-License-Identifier: MIT
 *
 * gaijinctl cycles: the last rounds of the broker's that looked for garbage in cycles.
 */
#include "tools/ask/list.h"

bool cmd_cycles(struct observer *o, struct show *s) { return list_book(o, s, "cycles"); }
