/* SPDX-License-Identifier: MIT
 *
 * gaijinctl clients: one row per worker that is connected.
 */
#include "proto/base.h"
#include "tools/observe.h"

static const char *const fields[] = {
    "name",      "host",         "pid",         "uid",          "uptime_s", "exports",  "holds",
    "in_flight", "queued_bytes", "messages_in", "messages_out", "ready",    "answering",
    "bytes",     "waits",        "refused"};
enum { COLUMNS = ARRAY_SIZE(fields) };

static bool read_client(gaijin_body *b, void *user) {
  struct show *s = user;
  struct gaijin_value v;
  if (!observe_show(b, "clients", 1, s) || !observe_value(b, "clients", &v)) return false;
  /* As a number a host id would lose bits in most readers of JSON. */
  show_hex(s, v.is_uint ? v.integer : 0);
  return observe_show(b, "clients", COLUMNS - 2, s);
}

int cmd_clients(const struct invocation *in) {
  gaijin *g = observe_open(in);
  if (!g) return 1;
  struct show *s = show_new(settings_flag(&in->settings, SETTING_json), fields, COLUMNS);
  bool good = observe_read(
      g,
      &(struct observe_book){.what = "clients", .columns = COLUMNS, .row = read_client, .user = s});
  gaijin_close(g);
  if (good) return show_end(s);
  show_free(s);
  return 1;
}
