/* SPDX-License-Identifier: MIT
 *
 * Names of the command line are asked as they stand there; who is not there is told by the broker.
 */
#include "tools/ask/several.h"

#include <stdlib.h>

#include "tools/base/text.h"

bool several_ask(struct several *s, struct observer *o, enum gaijin_op op, const char *about) {
  const struct invocation *in = o->in;
  *s = (struct several){.names = {.names = in->words, .count = (size_t)in->count}};
  if (in->count == 0) {
    if (!observe_names(o, &s->names)) return false;
    s->owns_names = true;
  }
  s->heard = tool_alloc(s->names.count, sizeof *s->heard);
  observe_ask_each(o,
                   &(struct observe_each){.op = op,
                                          .about = about,
                                          .names = s->names.names,
                                          .count = s->names.count,
                                          .seconds = OBSERVE_SECONDS},
                   s->heard);
  return true;
}

void several_deinit(struct several *s) {
  for (size_t i = 0; s->heard && i < s->names.count; i++) gaijin_body_free(s->heard[i].body);
  free(s->heard);
  if (s->owns_names) observe_names_deinit(&s->names);
}
