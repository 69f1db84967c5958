/* SPDX-License-Identifier: MIT
 *
 * gaijinctl ping: the time of a round trip to the broker and back, the shortest
 * of a few: the first ones also pay for waking up.
 */
#include <stdio.h>
#include <string.h>

#include "proto/clock.h"
#include "tools/observe.h"
#include "tools/text.h"

enum { PINGS = 10 };

static double now_us(void) { return clock_seconds() * 1e6; }

static int print(const struct invocation *in, double us, const char *version) {
  struct view view;
  if (!view_read(&view, in)) return EXIT_USAGE;
  if (view.json) {
    struct show *s = show_new(&view);
    show_number(s, (double)(int64_t)(us * 10 + 0.5) / 10);
    show_text(s, version);
    int status = show_print(s);
    show_free(s);
    return status;
  }
  struct text t = {0};
  text_add_plain(&t, version, strlen(version));
  printf("broker %s answered in %.1f us\n", t.bytes ? t.bytes : "", us);
  text_deinit(&t);
  return EXIT_GOOD;
}

int cmd_ping(const struct invocation *in) {
  struct observer o;
  double best = 0;
  bool good = observe_open(&o, in);
  for (int i = 0; good && i < PINGS; i++) {
    double start = now_us();
    gaijin_begin_request(o.g, &(struct gaijin_send){.op = GAIJIN_OP_PING}, 0);
    gaijin_body *b = observe_ask(&o, "ping");
    good = b != NULL;
    gaijin_body_free(b);
    double took = now_us() - start;
    if (i == 0 || took < best) best = took;
  }
  if (good) good = print(in, best, gaijin_broker_version(o.g)) == EXIT_GOOD;
  return observe_close(&o, good);
}
