/* SPDX-License-Identifier: MIT
 *
 * Rows as they come.
 */
#include "tools/ask/queued.h"

enum { VALUES = 7 };

struct reading {
  void (*fn)(void *user, const struct queued *q);
  void *user;
};

static bool read_row(struct observer *o, gaijin_body *b, void *user) {
  const struct reading *r = user;
  struct queued q;
  struct gaijin_value kind, id, objects;
  struct gaijin_value *const values[VALUES] = {&q.to,   &q.from, &kind,   &q.op,
                                               &q.host, &id,     &objects};
  for (int i = 0; i < VALUES; i++)
    if (!observe_value(o, b, "queued", values[i])) return false;
  if (q.to.type != GAIJIN_STRING || q.op.type != GAIJIN_STRING) return true;
  q.kind = kind.integer;
  q.id = id.type == GAIJIN_NUMBER ? id.integer : 0;
  q.objects = objects.integer;
  r->fn(r->user, &q);
  return true;
}

bool queued_read(struct observer *o, const char *host,
                 void (*fn)(void *user, const struct queued *q), void *user) {
  struct reading r = {fn, user};
  return observe_read(o, &(struct observe_book){.what = "queued", .columns = VALUES, .host = host,
                                                .row = read_row, .user = &r});
}
