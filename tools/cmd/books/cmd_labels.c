/* SPDX-License-Identifier: MIT
 *
 * gaijinctl labels: what workers expose, and the id of its token if others hold
 * it (`gaijinctl tokens` knows more of it by host and id). The workers are asked, all at once;
 * one that does not answer (a script in a long computation) costs a line on
 * stderr and status 1, the others are shown.
 */
#include "tools/ask/list.h"
#include "tools/ask/several.h"
#include "tools/base/text.h"

enum { LABEL_VALUES = 3 }; /* of each label in an answer */

static bool read_labels(struct observer *o, const char *name, gaijin_body *b, struct show *s) {
  bool good = gaijin_body_count(b) % LABEL_VALUES == 0;
  if (!good) tool_error("labels of %s: its answer is no list of labels", name);
  while (good && gaijin_body_count(b)) {
    show_text(s, name);
    good = observe_show(o, b, name, LABEL_VALUES, s);
  }
  return good;
}

bool cmd_labels(struct observer *o, struct show *s) {
  struct several all;
  bool good = several_ask(&all, o, GAIJIN_OP_LABELS, "labels of ");
  for (size_t i = 0; i < all.names.count; i++) {
    gaijin_body *b = all.heard[i].body;
    good = b && read_labels(o, all.names.names[i], b, s) && good;
  }
  several_deinit(&all);
  return good;
}
