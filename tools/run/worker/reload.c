/* SPDX-License-Identifier: MIT
 *
 * The new plan is read and checked whole before anything of the old one ends.
 */
#include "tools/run/worker/reload.h"

#include <string.h>

#include "tools/base/said.h"
#include "tools/run/core/service.h"
#include "tools/run/worker/worker.h"

/* The fresh plan, after error lines on stderr and in `said` if there is none. */
static bool read_again(struct run *r, struct run_plan *fresh, struct text *said) {
  struct text own = {0}, *to = said ? said : &own;
  const char *line, *at;
  size_t size;
  tool_error_to(to);
  bool good = plan_again(r->plan, fresh);
  if (!good) tool_error("run: nothing has changed");
  tool_error_to(NULL);
  for (at = to->bytes; said_next(&at, &line, &size);) tool_error("%.*s", (int)size, line);
  text_deinit(&own);
  return good;
}

/* The broker goes on as it is. */
static void look_at_broker(const struct run *r, const struct run_plan *fresh) {
  const char *before = r->plan->said_socket, *now = fresh->said_socket;
  bool same_socket = before && now ? strcmp(before, now) == 0 : before == now;
  if (!same_socket || !words_equal(&r->plan->broker_flags, &fresh->broker_flags))
    tool_error("run: what is said of the broker has changed, and is heeded when the supervisor is "
               "started again");
}

bool reload(struct run *r, struct text *said) {
  struct run_plan fresh = {0};
  run_service_reloads(r);
  bool good = !r->stopping && read_again(r, &fresh, said);
  if (good) {
    size_t before = r->count;
    look_at_broker(r, &fresh);
    for (size_t i = 0; i < before; i++) {
      struct worker *w = r->workers[i];
      bool left = w->leaving;
      w->leaving = plan_find(&fresh, w->plan->name) == fresh.count;
      if (left && !w->leaving) life_start(&w->life); /* it had not ended yet */
    }
    r->changing = true; /* until all is as it is to be */
    for (size_t i = 0; i < before; i++)
      if (r->workers[i]->leaving) worker_stop(r->workers[i], false);
    for (size_t i = 0; i < fresh.count; i++) {
      struct worker *w = worker_find(r, fresh.workers[i].name);
      if (w)
        worker_change(w, &fresh.workers[i]);
      else
        worker_add(r, &fresh.workers[i]);
    }
    fresh.count = 0; /* they are the run's */
    r->changing = false;
    r->changed(r);
  }
  plan_deinit(&fresh);
  run_service_reloaded(r);
  return good;
}
