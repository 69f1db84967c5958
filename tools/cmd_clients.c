/* SPDX-License-Identifier: MIT
 *
 * gaijinctl clients: one row per worker that is connected.
 */
#include "proto/base.h"
#include "tools/observe.h"

static const char *const fields[] = {"name",      "host",         "pid",         "uid",          "uptime_s", "exports", "holds",
                                     "in_flight", "queued_bytes", "messages_in", "messages_out", "ready"};
enum { COLUMNS = ARRAY_SIZE(fields) };

static bool read_client(gaijin_body *b, uint32_t left, struct show *s) {
  struct gaijin_value v;
  if (!observe_show(b, "clients", 1, s) || !observe_value(b, "clients", &v)) return false;
  /* As a number a host id would lose bits in most readers of JSON. */
  show_hex(s, v.is_uint ? v.integer : 0);
  return observe_show(b, "clients", COLUMNS - 2, s) && observe_skip(b, "clients", left - COLUMNS);
}

int cmd_clients(const struct invocation *in) {
  gaijin *g = observe_open(in);
  if (!g) return 1;
  gaijin_begin_request(g, &(struct gaijin_send){.op = OP_inspect}, 1);
  gaijin_put_text(g, "clients");
  gaijin_body *b = observe_ask(g, "clients");
  struct gaijin_value cursor;
  bool good = b && observe_value(b, "clients", &cursor);
  struct show *s = show_new(in->json, fields, COLUMNS);
  uint32_t left = 0;
  int r = 0;
  while (good && (r = observe_row(b, "clients", COLUMNS, &left)) > 0) good = read_client(b, left, s);
  gaijin_body_free(b);
  gaijin_close(g);
  if (good && r == 0) return show_end(s);
  show_free(s);
  return 1;
}
