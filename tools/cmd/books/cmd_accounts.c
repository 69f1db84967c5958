/* SPDX-License-Identifier: MIT
 *
 * gaijinctl accounts: what each user, and each of its processes, has of what the broker limits. A
 * user's row has no pid.
 */
#include "tools/ask/list.h"

bool cmd_accounts(struct observer *o, struct show *s) { return list_book(o, s, "accounts"); }
