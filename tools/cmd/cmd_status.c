/* SPDX-License-Identifier: MIT
 *
 * gaijinctl status: the broker on one screen: how often it was started on its socket, and, after it
 * was killed, for how long it waits still, and for whom.
 */
#include "proto/base.h"
#include "tools/observe.h"

static const char *const fields[] = {"generation", "grace_left_s", "workers", "away", "names"};
/* The last is an array. */
enum { COLUMNS = ARRAY_SIZE(fields) };

static bool read_status(gaijin_body *b, void *user) {
  struct show *s = user;
  struct gaijin_value list, name;
  if (!observe_show(b, "status", COLUMNS - 1, s) || !observe_value(b, "status", &list))
    return false;
  show_list_begin(s);
  for (uint32_t i = 0; i < list.count; i++) {
    if (!observe_value(b, "status", &name)) return false;
    show_list_value(s, &name);
  }
  show_list_end(s);
  return true;
}

int cmd_status(const struct invocation *in) {
  gaijin *g = observe_open(in);
  if (!g) return 1;
  struct show *s = show_new(settings_flag(&in->settings, SETTING_json), fields, COLUMNS);
  bool good = observe_read(g, &(struct observe_book){.what = "status",
                                                     .columns = COLUMNS,
                                                     .row = read_status,
                                                     .user = s});
  gaijin_close(g);
  if (good) return show_end(s);
  show_free(s);
  return 1;
}
