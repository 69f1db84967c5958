/* SPDX-License-Identifier: MIT
 */
#include "tools/top/feed/reader.h"

#include "proto/clock.h"

static void ask_page(struct reader *r);

static void on_page(void *user, const struct gaijin_answer *a) {
  struct reader *r = user;
  r->request = 0;
  if (!a->ok) {
    gaijin_body_free(a->body);
    r->done(r->user, false, a->text);
    return;
  }
  bool good = observe_read_page(r->o, &r->book, a->body, &r->cursor, &r->count);
  gaijin_body_free(a->body);
  if (good && r->cursor.type == GAIJIN_NUMBER)
    ask_page(r);
  else
    r->done(r->user, good, NULL);
}

static void ask_page(struct reader *r) {
  observe_begin_page(r->o, &r->book, &r->cursor);
  r->since = clock_seconds();
  if (gaijin_end_request(r->o->g, on_page, r, &r->request) == 0) return;
  r->request = 0;
  r->done(r->user, false, gaijin_error(r->o->g));
}

void reader_begin(struct reader *r) {
  r->cursor = (struct gaijin_value){.type = GAIJIN_NIL};
  r->count = 0;
  ask_page(r);
}

void reader_stop(struct reader *r) {
  if (r->request && r->o->g) gaijin_cancel(r->o->g, r->request);
  r->request = 0;
}
