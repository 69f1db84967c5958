/* SPDX-License-Identifier: MIT
 *
 * gaijinctl gc: has workers collect completely and let go of what they no
 * longer use. Done when each has answered, so what is held afterwards is in use.
 */
#include <stdlib.h>

#include "tools/list.h"
#include "tools/text.h"

static uint64_t ask(struct observer *o, const char *name) {
  uint64_t id = 0;
  gaijin_begin_request(o->g, &(struct gaijin_send){.op = GAIJIN_OP_GC, .name = name}, 0);
  return observe_send(o, name, &id) ? id : 0;
}

bool cmd_gc(struct observer *o, struct show *s) {
  const struct invocation *in = o->in;
  struct observe_names all = {.names = in->words, .count = (size_t)in->count};
  if (in->count == 0 && !observe_names(o, &all)) return false;
  uint64_t *ids = tool_alloc(all.count, sizeof *ids);
  for (size_t i = 0; i < all.count; i++) ids[i] = ask(o, all.names[i]);
  bool good = true;
  for (size_t i = 0; i < all.count; i++) {
    gaijin_body *b = ids[i] ? observe_await(o, all.names[i], ids[i]) : NULL;
    show_text(s, all.names[i]);
    show_bool(s, b != NULL);
    if (!b) show_mark(s, SHOW_BAD);
    good = good && b;
    gaijin_body_free(b);
  }
  free(ids);
  if (in->count == 0) observe_names_deinit(&all);
  return good;
}
