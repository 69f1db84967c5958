/* SPDX-License-Identifier: MIT
 *
 * gaijinctl loads: per pair of workers, how many tokens of the host the client
 * holds, how many it may before it is asked to collect, and how it collects.
 */
#include "proto/base.h"
#include "tools/observe.h"

static const char *const fields[] = {
    "host",      "client",  "held",           "shadow", "allowance", "free_outstanding",
    "budget_ms", "put_off", "free_waiting_s", "dead"};
enum { COLUMNS = ARRAY_SIZE(fields) };

static bool read_load(gaijin_body *b, void *user) {
  return observe_show(b, "loads", COLUMNS, user);
}

int cmd_loads(const struct invocation *in) {
  gaijin *g = observe_open(in);
  if (!g) return 1;
  struct show *s = show_new(settings_flag(&in->settings, SETTING_json), fields, COLUMNS);
  bool good = observe_read(
      g, &(struct observe_book){.what = "loads", .columns = COLUMNS, .row = read_load, .user = s});
  gaijin_close(g);
  if (good) return show_end(s);
  show_free(s);
  return 1;
}
