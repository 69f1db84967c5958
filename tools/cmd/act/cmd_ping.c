/* SPDX-License-Identifier: MIT
 *
 * gaijinctl ping: the time of a round trip to the broker and back, the shortest
 * of a few: the first ones also pay for waking up. With a name, to that worker's scheduler, once: a
 * health check, which blames the worker only if the broker answers.
 */
#include <stdio.h>
#include <string.h>

#include "proto/clock.h"
#include "tools/ask/observe.h"
#include "tools/base/text.h"

enum { PINGS = 10 };

static double now_us(void) { return clock_seconds() * 1e6; }

static double in_tenths(double v) { return (double)(int64_t)(v * 10 + 0.5) / 10; }

static int print(const struct invocation *in, const char *worker, double us, const char *version) {
  struct view view;
  if (!view_read(&view, in)) return EXIT_USAGE;
  if (view.json) {
    struct show *s = show_new(&view);
    if (worker)
      show_text(s, worker);
    else
      show_nil(s);
    show_number(s, in_tenths(us));
    show_text(s, version);
    int status = show_print(s);
    show_free(s);
    return status;
  }
  struct text t = {0};
  text_print(&t, worker ? "worker " : "broker ");
  if (!worker) worker = version;
  text_add_plain(&t, worker, strlen(worker));
  printf("%s answered in %.1f us\n", t.bytes, us);
  text_deinit(&t);
  return EXIT_GOOD;
}

static bool ping_broker(struct observer *o, double *best) {
  for (int i = 0; i < PINGS; i++) {
    double start = now_us();
    gaijin_begin_request(o->g, &(struct gaijin_send){.op = GAIJIN_OP_PING}, 0);
    gaijin_body *b = observe_ask(o, "ping");
    if (!b) return false;
    gaijin_body_free(b);
    double took = now_us() - start;
    if (i == 0 || took < *best) *best = took;
  }
  return true;
}

static bool ping_worker(struct observer *o, char *name, double *took) {
  struct observe_heard heard;
  struct observe_each each = {.op = GAIJIN_OP_ALIVE,
                              .about = "worker ",
                              .names = &name,
                              .count = 1,
                              .seconds = observe_timeout(o->in)};
  double start = now_us();
  observe_ask_each(o, &each, &heard);
  *took = now_us() - start;
  gaijin_body_free(heard.body);
  return heard.body;
}

int cmd_ping(const struct invocation *in) {
  struct observer o;
  double us = 0;
  char *worker = in->count ? in->words[0] : NULL;
  if (!worker && settings_given(&in->settings, SETTING_timeout)) {
    tool_error("ping has a --timeout for a worker only; name one");
    return EXIT_USAGE;
  }
  bool good =
      observe_open(&o, in) && (worker ? ping_worker(&o, worker, &us) : ping_broker(&o, &us));
  if (good) good = print(in, worker, us, gaijin_broker_version(o.g)) == EXIT_GOOD;
  return observe_close(&o, good);
}
