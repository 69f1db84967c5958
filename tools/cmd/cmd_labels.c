/* SPDX-License-Identifier: MIT
 *
 * gaijinctl labels: what workers expose, and the id of its token if others hold
 * it (`gaijinctl tokens` knows more of it by host and id). The workers are asked, all at once;
 * one that does not answer (a script in a long computation) costs a line on
 * stderr and status 1, the others are shown.
 */
#include <stdlib.h>

#include "tools/list.h"
#include "tools/text.h"

enum { LABEL_VALUES = 3 }; /* of each label in an answer */

static uint64_t ask(struct observer *o, const char *name) {
  uint64_t id = 0;
  gaijin_begin_request(o->g, &(struct gaijin_send){.op = GAIJIN_OP_LABELS, .name = name}, 0);
  return observe_send(o, name, &id) ? id : 0;
}

static bool read_labels(struct observer *o, const char *name, uint64_t id, struct show *s) {
  gaijin_body *b = id ? observe_await(o, name, id) : NULL;
  if (!b) return false;
  bool good = gaijin_body_count(b) % LABEL_VALUES == 0;
  if (!good) tool_error("labels of %s: its answer is no list of labels", name);
  while (good && gaijin_body_count(b)) {
    show_text(s, name);
    good = observe_show(o, b, name, LABEL_VALUES, s);
  }
  gaijin_body_free(b);
  return good;
}

bool cmd_labels(struct observer *o, struct show *s) {
  const struct invocation *in = o->in;
  struct observe_names all = {.names = in->words, .count = (size_t)in->count};
  if (in->count == 0 && !observe_names(o, &all)) return false;
  uint64_t *ids = tool_alloc(all.count, sizeof *ids);
  for (size_t i = 0; i < all.count; i++) ids[i] = ask(o, all.names[i]);
  bool good = true;
  for (size_t i = 0; i < all.count; i++) good = read_labels(o, all.names[i], ids[i], s) && good;
  free(ids);
  if (in->count == 0) observe_names_deinit(&all);
  return good;
}
