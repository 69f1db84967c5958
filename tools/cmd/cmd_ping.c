/* SPDX-License-Identifier: MIT
 *
 * gaijinctl ping: the time of a round trip to the broker and back, the shortest
 * of a few: the first ones also pay for waking up.
 */
#include <stdio.h>
#include <string.h>

#include "proto/base.h"
#include "proto/clock.h"
#include "tools/observe.h"
#include "tools/text.h"

enum { PINGS = 10 };

static const char *const fields[] = {"round_trip_us", "broker_version"};

static double now_us(void) { return clock_seconds() * 1e6; }

int cmd_ping(const struct invocation *in) {
  gaijin *g = observe_open(in);
  if (!g) return 1;
  double best = 0;
  bool good = true;
  for (int i = 0; good && i < PINGS; i++) {
    double start = now_us();
    gaijin_begin_request(g, &(struct gaijin_send){.op = GAIJIN_OP_PING}, 0);
    gaijin_body *b = observe_ask(g, "ping");
    good = b != NULL;
    gaijin_body_free(b);
    double took = now_us() - start;
    if (i == 0 || took < best) best = took;
  }
  int status = good ? 0 : 1;
  if (good && settings_flag(&in->settings, SETTING_json)) {
    struct show *s = show_new(true, fields, ARRAY_SIZE(fields));
    show_number(s, (double)(int64_t)(best * 10 + 0.5) / 10);
    show_text(s, gaijin_broker_version(g));
    status = show_end(s);
  } else if (good) {
    struct text t = {0};
    text_add_plain(&t, gaijin_broker_version(g), strlen(gaijin_broker_version(g)));
    printf("broker %s answered in %.1f us\n", t.bytes ? t.bytes : "", best);
    text_deinit(&t);
  }
  gaijin_close(g);
  return status;
}
