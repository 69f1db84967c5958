/* SPDX-License-Identifier: MIT
 *
 * gaijinctl tokens: every object that crosses a process now, its host and its
 * holders. The broker answers in pages, so a large system is not held up; what
 * changes between two pages may be seen or not.
 */
#include "proto/base.h"
#include "tools/observe.h"

static const char *const fields[] = {"host", "id", "kind", "age_s", "dead", "holders"};
enum { COLUMNS = ARRAY_SIZE(fields) };

static bool read_holders(gaijin_body *b, struct show *s) {
  struct gaijin_value list, name, count;
  if (!observe_value(b, "tokens", &list)) return false;
  show_list_begin(s);
  for (uint32_t i = 0; i + 1 < list.count; i += 2) {
    if (!observe_value(b, "tokens", &name) || !observe_value(b, "tokens", &count)) return false;
    show_list_item(s, name.type == GAIJIN_STRING ? name.bytes : "?", name.type == GAIJIN_STRING ? name.size : 1, count.integer);
  }
  show_list_end(s);
  return true;
}

static void put_filter(gaijin *g, const char *name) {
  if (name)
    gaijin_put_text(g, name);
  else
    gaijin_put_nil(g);
}

/* Reads one page. 1 there may be more from *cursor on, 0 that was the last, -1 failed. */
static int read_page(gaijin *g, const struct invocation *in, struct show *s, uint64_t *cursor, bool first) {
  gaijin_begin_request(g, &(struct gaijin_send){.op = OP_inspect}, 4);
  gaijin_put_text(g, "tokens");
  if (first)
    gaijin_put_nil(g);
  else
    gaijin_put_number(g, (double)*cursor);
  put_filter(g, in->values[0]);
  put_filter(g, in->values[1]);
  gaijin_body *b = observe_ask(g, "tokens");
  struct gaijin_value next = {0};
  bool good = b && observe_value(b, "tokens", &next);
  uint32_t left = 0;
  int r = 0;
  while (good && (r = observe_row(b, "tokens", COLUMNS, &left)) > 0)
    good = observe_show(b, "tokens", COLUMNS - 1, s) && read_holders(b, s) && observe_skip(b, "tokens", left - COLUMNS);
  gaijin_body_free(b);
  if (!good || r != 0) return -1;
  *cursor = next.integer;
  return next.type == GAIJIN_NUMBER;
}

int cmd_tokens(const struct invocation *in) {
  gaijin *g = observe_open(in);
  if (!g) return 1;
  struct show *s = show_new(in->json, fields, COLUMNS);
  uint64_t cursor = 0;
  int r = read_page(g, in, s, &cursor, true);
  while (r > 0) r = read_page(g, in, s, &cursor, false);
  gaijin_close(g);
  if (r == 0) return show_end(s);
  show_free(s);
  return 1;
}
