/* SPDX-License-Identifier: MIT
 *
 * `beside` is there exactly while a task is with a thread, or has come back and is not handed over
 * yet.
 */
#include "broker/base/reread.h"

#include <errno.h>

static void begin(struct reread *r);

static void on_run(void *reread, void *task) {
  struct reread *r = reread;
  r->beside = NULL;
  r->way->done(r->user, task);
  if (r->again)
    begin(r);
  else
    r->way->ended(r->user);
}

static void on_slow(void *reread) {
  const struct reread *r = reread;
  r->way->slow(r->user);
}

static void begin(struct reread *r) {
  const struct beside_way way = {.run = r->way->run, .done = on_run, .slow = on_slow,
                                 .free = r->way->free};
  void *task = r->way->begin(r->user);
  r->again = false;
  r->began_ms = uv_now(r->loop);
  if (task) r->beside = beside_begin(r->loop, &way, task, r);
  if (r->beside) return;
  int why = errno;
  if (task) r->way->free(task);
  r->way->failed(r->user, why);
  r->way->ended(r->user);
}

bool reread_ask(struct reread *r, uv_loop_t *loop, const struct reread_way *way, void *user) {
  if (r->beside) {
    r->again = true;
    return false;
  }
  r->loop = loop;
  r->way = way;
  r->user = user;
  begin(r);
  return true;
}

bool reread_lasts(const struct reread *r, unsigned *seconds) {
  if (!r->beside) return false;
  *seconds = (unsigned)((uv_now(r->loop) - r->began_ms) / 1000);
  return true;
}

void reread_stop(struct reread *r) {
  if (r->beside) beside_abandon(r->beside);
  *r = (struct reread){0};
}
