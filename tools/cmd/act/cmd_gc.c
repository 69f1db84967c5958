/* SPDX-License-Identifier: MIT
 *
 * gaijinctl gc: has workers collect completely and let go of what they no
 * longer use. Done when each has answered, so what is held afterwards is in use. With --cycles the
 * broker looks for objects that only keep each other.
 */
#include <stdio.h>
#include <string.h>

#include "tools/ask/list.h"
#include "tools/ask/several.h"
#include "tools/base/text.h"

/* Such a round checks for 90 s and halts for 30 s at most, and ends what is under way then. */
#define ROUND_SECONDS 150.0

/* [condemned, suspects, members, ms, outcome, why] */
static bool look_for_cycles(struct observer *o, struct show *s) {
  struct gaijin_value v[6];
  char outcome[700];
  if (o->in->count) {
    tool_error("gc: --cycles is for all workers; name none");
    return false;
  }
  o->patience = ROUND_SECONDS;
  gaijin_begin_request(o->g, &(struct gaijin_send){.op = GAIJIN_OP_ACT}, 2);
  gaijin_put_text(o->g, "cycles");
  gaijin_put_text(o->g, "");
  gaijin_body *b = observe_ask(o, "gc --cycles");
  bool good = b != NULL;
  for (int i = 0; good && i < 6; i++) good = observe_value(o, b, "gc --cycles", &v[i]);
  if (good && v[4].type == GAIJIN_STRING && v[5].type == GAIJIN_STRING) {
    bool is_done = v[4].size != 7 || memcmp(v[4].bytes, "aborted", 7) != 0;
    snprintf(outcome, sizeof outcome, "%.*s%s%.*s", (int)v[4].size, v[4].bytes,
             v[5].size ? ": " : "", (int)v[5].size, v[5].bytes);
    show_nil(s);
    show_bool(s, is_done);
    show_value(s, &v[0]);
    show_text(s, outcome);
    if (!is_done) show_mark(s, SHOW_BAD);
    good = is_done;
  }
  gaijin_body_free(b);
  return good;
}

bool cmd_gc(struct observer *o, struct show *s) {
  struct several all;
  if (settings_flag(&o->in->settings, SETTING_cycles)) return look_for_cycles(o, s);
  bool good = several_ask(&all, o, GAIJIN_OP_GC, "gc of ");
  for (size_t i = 0; i < all.names.count; i++) {
    bool collected = all.heard[i].body;
    show_text(s, all.names.names[i]);
    show_bool(s, collected);
    show_nil(s);
    show_nil(s);
    if (!collected) show_mark(s, SHOW_BAD);
    good = good && collected;
  }
  several_deinit(&all);
  return good;
}
