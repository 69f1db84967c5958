/* SPDX-License-Identifier: MIT
 *
 * gaijinctl labels: what workers expose, and the id of its token if others hold
 * it (`gaijinctl tokens` knows more of it by host and id). The workers are asked, all at once;
 * one that does not answer (a script in a long computation) costs a line on
 * stderr and status 1, the others are shown.
 */
#include <stdlib.h>

#include "proto/base.h"
#include "tools/observe.h"
#include "tools/text.h"

static const char *const fields[] = {"name", "label", "kind", "id"};

enum { LABEL_VALUES = 3 }; /* of each label in an answer */

static uint64_t ask(gaijin *g, const char *name) {
  uint64_t id = 0;
  gaijin_begin_request(g, &(struct gaijin_send){.op = GAIJIN_OP_LABELS, .name = name}, 0);
  return observe_send(g, name, &id) ? id : 0;
}

static bool read_labels(gaijin *g, const char *name, uint64_t id, struct show *s) {
  gaijin_body *b = id ? observe_await(g, name, id) : NULL;
  if (!b) return false;
  bool good = gaijin_body_count(b) % LABEL_VALUES == 0;
  if (!good) observe_report_form(name);
  while (good && gaijin_body_count(b)) {
    show_text(s, name);
    good = observe_show(b, name, LABEL_VALUES, s);
  }
  gaijin_body_free(b);
  return good;
}

int cmd_labels(const struct invocation *in) {
  gaijin *g = observe_open(in);
  if (!g) return 1;
  struct observe_names all = {0};
  if (in->count == 1)
    all = (struct observe_names){.names = in->words, .count = 1};
  else if (!observe_names(g, &all)) {
    gaijin_close(g);
    return 1;
  }
  uint64_t *ids = tool_alloc(all.count, sizeof *ids);
  for (size_t i = 0; i < all.count; i++) ids[i] = ask(g, all.names[i]);
  struct show *s = show_new(settings_flag(&in->settings, SETTING_json), fields, ARRAY_SIZE(fields));
  size_t failed = 0;
  for (size_t i = 0; i < all.count; i++) failed += !read_labels(g, all.names[i], ids[i], s);
  gaijin_close(g);
  free(ids);
  bool named = in->count == 1;
  if (!named) observe_names_deinit(&all);
  if (named && failed) {
    show_free(s);
    return 1;
  }
  return show_end(s) || failed ? 1 : 0;
}
