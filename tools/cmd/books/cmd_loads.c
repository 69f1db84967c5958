/* SPDX-License-Identifier: MIT
 *
 * gaijinctl loads: per pair of workers, how many tokens of the host the holder
 * has, how many it may before it is asked to collect, and how it collects.
 */
#include "tools/ask/list.h"

bool cmd_loads(struct observer *o, struct show *s) { return list_book(o, s, "loads"); }
