/* SPDX-License-Identifier: MIT
 *
 * gaijinctl loads: per pair of workers, how many tokens of the host the client
 * holds, and how many it may before it is asked to collect.
 */
#include "proto/base.h"
#include "tools/observe.h"

static const char *const fields[] = {"host", "client", "held", "shadow", "allowance", "free_outstanding"};
enum { COLUMNS = ARRAY_SIZE(fields) };

int cmd_loads(const struct invocation *in) {
  gaijin *g = observe_open(in);
  if (!g) return 1;
  gaijin_begin_request(g, &(struct gaijin_send){.op = OP_inspect}, 1);
  gaijin_put_text(g, "loads");
  gaijin_body *b = observe_ask(g, "loads");
  struct gaijin_value cursor;
  bool good = b && observe_value(b, "loads", &cursor);
  struct show *s = show_new(in->json, fields, COLUMNS);
  uint32_t left = 0;
  int r = 0;
  while (good && (r = observe_row(b, "loads", COLUMNS, &left)) > 0)
    good = observe_show(b, "loads", COLUMNS, s) && observe_skip(b, "loads", left - COLUMNS);
  gaijin_body_free(b);
  gaijin_close(g);
  if (good && r == 0) return show_end(s);
  show_free(s);
  return 1;
}
