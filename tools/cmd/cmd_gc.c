/* SPDX-License-Identifier: MIT
 *
 * gaijinctl gc: has workers collect completely and let go of what they no
 * longer use. Done when each has answered, so what is held afterwards is in use.
 */
#include <stdlib.h>

#include "proto/base.h"
#include "tools/observe.h"
#include "tools/text.h"

static const char *const fields[] = {"name", "collected"};

static uint64_t ask(gaijin *g, const char *name) {
  uint64_t id = 0;
  gaijin_begin_request(g, &(struct gaijin_send){.op = GAIJIN_OP_GC, .name = name}, 0);
  return observe_send(g, name, &id) ? id : 0;
}

int cmd_gc(const struct invocation *in) {
  gaijin *g = observe_open(in);
  if (!g) return 1;
  struct observe_names all = {.names = in->words, .count = (size_t)in->count};
  if (in->count == 0 && !observe_names(g, &all)) {
    gaijin_close(g);
    return 1;
  }
  uint64_t *ids = tool_alloc(all.count, sizeof *ids);
  for (size_t i = 0; i < all.count; i++) ids[i] = ask(g, all.names[i]);
  struct show *s = show_new(settings_flag(&in->settings, SETTING_json), fields, ARRAY_SIZE(fields));
  bool failed = false;
  for (size_t i = 0; i < all.count; i++) {
    gaijin_body *b = ids[i] ? observe_await(g, all.names[i], ids[i]) : NULL;
    show_text(s, all.names[i]);
    show_bool(s, b != NULL);
    failed = failed || !b;
    gaijin_body_free(b);
  }
  gaijin_close(g);
  free(ids);
  if (in->count == 0) observe_names_deinit(&all);
  return show_end(s) || failed ? 1 : 0;
}
