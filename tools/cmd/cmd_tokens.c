/* SPDX-License-Identifier: MIT
 *
 * gaijinctl tokens: every object that crosses a process now, its host, its
 * holders, and the labels it has at its host now. First the broker's books are read,
 * then the hosts are asked: what changes in between may be seen or not.
 */
#include <stdlib.h>

#include "proto/base.h"
#include "tools/exposed.h"
#include "tools/observe.h"
#include "tools/text.h"

static const char *const fields[] = {"host", "id", "kind", "age_s", "dead", "holders", "labels"};
/* What the broker knows: all but the labels. */
enum { COLUMNS = ARRAY_SIZE(fields) - 1 };

/* A cell of labels that is to be filled. */
struct unknown {
  size_t hole, worker;
  uint64_t token;
};

struct listing {
  struct show *s;
  struct exposed *exposed;
  struct unknown *unknown;
  size_t count, room;
};

static void add_unknown(struct listing *l, struct unknown u) {
  if (l->count == l->room) {
    l->room = l->room ? l->room * 2 : 64;
    struct unknown *all = realloc(l->unknown, l->room * sizeof *all);
    if (!all) {
      tool_error("out of memory");
      exit(1);
    }
    l->unknown = all;
  }
  l->unknown[l->count++] = u;
}

static bool read_holders(gaijin_body *b, struct show *s) {
  struct gaijin_value list, name, count;
  if (!observe_value(b, "tokens", &list)) return false;
  show_list_begin(s);
  for (uint32_t i = 0; i + 1 < list.count; i += 2) {
    if (!observe_value(b, "tokens", &name) || !observe_value(b, "tokens", &count)) return false;
    show_list_item(s, name.type == GAIJIN_STRING ? name.bytes : "?",
                   name.type == GAIJIN_STRING ? name.size : 1, count.integer);
  }
  show_list_end(s);
  return true;
}

static bool read_token(gaijin_body *b, void *user) {
  struct listing *l = user;
  struct gaijin_value host, id, dead;
  if (!observe_value(b, "tokens", &host)) return false;
  show_value(l->s, &host);
  if (!observe_value(b, "tokens", &id)) return false;
  show_value(l->s, &id);
  if (!observe_show(b, "tokens", 2, l->s) || !observe_value(b, "tokens", &dead)) return false;
  show_value(l->s, &dead);
  if (!read_holders(b, l->s)) return false;
  if (host.type != GAIJIN_STRING || dead.type != GAIJIN_BOOL || dead.boolean)
    show_nil(l->s);
  else
    add_unknown(l, (struct unknown){.hole = show_hole(l->s),
                                    .worker = exposed_worker(l->exposed, host.bytes, host.size),
                                    .token = id.integer});
  return true;
}

static void fill_labels(const struct listing *l, gaijin *g) {
  exposed_ask(l->exposed, g);
  for (size_t i = 0; i < l->count; i++) {
    const struct unknown *u = &l->unknown[i];
    show_fill(l->s, u->hole);
    exposed_show(l->exposed, u->worker, u->token, l->s);
  }
}

int cmd_tokens(const struct invocation *in) {
  gaijin *g = observe_open(in);
  if (!g) return 1;
  struct listing l = {
      .s = show_new(settings_flag(&in->settings, SETTING_json), fields, ARRAY_SIZE(fields)),
      .exposed = exposed_new()};
  struct observe_book book = {.what = "tokens",
                              .columns = COLUMNS,
                              .host = settings_text(&in->settings, SETTING_host),
                              .holder = settings_text(&in->settings, SETTING_holder),
                              .row = read_token,
                              .user = &l};
  bool good = observe_read(g, &book);
  if (good) fill_labels(&l, g);
  exposed_free(l.exposed);
  free(l.unknown);
  gaijin_close(g);
  if (good) return show_end(l.s);
  show_free(l.s);
  return 1;
}
