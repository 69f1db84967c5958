/* SPDX-License-Identifier: MIT
 *
 * gaijinctl gc: has workers collect completely and let go of what they no
 * longer use. Done when each has answered, so what is held afterwards is in use.
 */
#include "tools/ask/list.h"
#include "tools/ask/several.h"

bool cmd_gc(struct observer *o, struct show *s) {
  struct several all;
  bool good = several_ask(&all, o, GAIJIN_OP_GC, "gc of ");
  for (size_t i = 0; i < all.names.count; i++) {
    bool collected = all.heard[i].body;
    show_text(s, all.names.names[i]);
    show_bool(s, collected);
    if (!collected) show_mark(s, SHOW_BAD);
    good = good && collected;
  }
  several_deinit(&all);
  return good;
}
