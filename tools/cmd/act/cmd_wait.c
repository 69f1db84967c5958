/* SPDX-License-Identifier: MIT
 *
 * gaijinctl wait: until a worker serves, or exposes something under a label; for scripts that start
 * systems. The broker may come within the same time.
 */
#include <math.h>

#include "proto/clock.h"
#include "tools/ask/observe.h"
#include "tools/base/text.h"

/* Begins the wait. */
static bool ask(struct observer *o, const char *name, const char *label, uint64_t *id) {
  if (label) {
    gaijin_begin_request(o->g, &(struct gaijin_send){.op = GAIJIN_OP_S2T, .name = name}, 2);
    gaijin_put_text(o->g, label);
    gaijin_put_bool(o->g, true);
  } else {
    gaijin_begin_request(o->g, &(struct gaijin_send){.op = GAIJIN_OP_WATCH}, 2);
    gaijin_put_text(o->g, name);
    gaijin_put_text(o->g, "ready");
  }
  return observe_send(o, name, id);
}

static bool wait_for(struct observer *o, const char *name, const char *label, double left,
                     double limit) {
  uint64_t id;
  struct text what = {0};
  text_print(&what, label ? "%s of worker %s" : "%.0sworker %s", label ? label : "", name);
  gaijin_body *b = NULL;
  if (ask(o, name, label, &id)) b = observe_await_left(o, what.bytes, id, left, limit);
  text_deinit(&what);
  gaijin_body_free(b);
  return b;
}

int cmd_wait(const struct invocation *in) {
  struct observer o;
  const struct settings *s = &in->settings;
  bool ends = settings_given(s, SETTING_timeout);
  double limit = ends ? observe_timeout(in) : OBSERVE_EVER;
  double end = clock_seconds() + limit;
  const char *label = in->count > 1 ? in->words[1] : NULL;
  bool good = observe_open_within(&o, in, limit);
  /* A label is asked of the worker, which has to be there. */
  good = good && wait_for(&o, in->words[0], NULL, fmax(end - clock_seconds(), 0), limit);
  if (good && label)
    good = wait_for(&o, in->words[0], label, fmax(end - clock_seconds(), 0), limit);
  return observe_close(&o, good);
}
