/* SPDX-License-Identifier: MIT
 *
 * gaijinctl tokens: every object that crosses a process now, its host, its
 * holders, and the labels it has at its host now. First the broker's books are read,
 * then the hosts are asked: what changes in between may be seen or not.
 */
#include <stdlib.h>

#include "tools/ask/exposed.h"
#include "tools/ask/list.h"
#include "tools/base/text.h"

/* Of a row, in the order of the columns: all that the broker knows. */
enum { VALUES = 6 };

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

static bool read_holders(struct observer *o, gaijin_body *b, struct show *s) {
  struct gaijin_value list, name, count;
  if (!observe_value(o, b, "tokens", &list)) return false;
  show_list_begin(s);
  for (uint32_t i = 0; i + 1 < list.count; i += 2) {
    if (!observe_value(o, b, "tokens", &name)) return false;
    if (!observe_value(o, b, "tokens", &count)) return false;
    show_list_item(s, name.type == GAIJIN_STRING ? name.bytes : "?",
                   name.type == GAIJIN_STRING ? name.size : 1, count.integer);
  }
  show_list_end(s);
  return true;
}

static bool read_token(struct observer *o, gaijin_body *b, void *user) {
  struct listing *l = user;
  struct gaijin_value host, id, dead;
  if (!observe_value(o, b, "tokens", &host)) return false;
  show_value(l->s, &host);
  if (!observe_value(o, b, "tokens", &id)) return false;
  show_value(l->s, &id);
  if (!observe_show(o, b, "tokens", 2, l->s) || !observe_value(o, b, "tokens", &dead)) return false;
  show_value(l->s, &dead);
  if (!read_holders(o, b, l->s)) return false;
  bool is_dead = dead.type == GAIJIN_BOOL && dead.boolean;
  if (host.type != GAIJIN_STRING || is_dead)
    show_nil(l->s);
  else
    add_unknown(l, (struct unknown){.hole = show_hole(l->s),
                                    .worker = exposed_worker(l->exposed, host.bytes, host.size),
                                    .token = id.integer});
  if (is_dead) show_mark(l->s, SHOW_DIM);
  return true;
}

static void fill_labels(const struct listing *l, struct observer *o) {
  if (show_wants(l->s, "labels")) exposed_ask(l->exposed, o);
  for (size_t i = 0; i < l->count; i++) {
    const struct unknown *u = &l->unknown[i];
    show_fill(l->s, u->hole);
    exposed_show(l->exposed, u->worker, u->token, l->s);
  }
}

/* Nothing was found: whether there is such a worker. */
static bool check_filter(struct observer *o, const char *name) {
  if (!name || observe_knows(o, name)) return true;
  observe_refuse_name(o, name);
  return false;
}

bool cmd_tokens(struct observer *o, struct show *s) {
  const struct settings *flags = &o->in->settings;
  struct listing l = {.s = s, .exposed = exposed_new()};
  struct observe_book book = {.what = "tokens",
                              .columns = VALUES,
                              .host = settings_text(flags, SETTING_host),
                              .holder = settings_text(flags, SETTING_holder),
                              .least_age = settings_count(flags, SETTING_min_age),
                              .enough = show_enough(s),
                              .row = read_token,
                              .user = &l};
  if (settings_choice(flags, SETTING_kind) > 0)
    book.kind = setting_info(SETTING_kind)->words[settings_choice(flags, SETTING_kind)];
  bool good = observe_read(o, &book);
  if (good && show_rows(s) == 0) good = check_filter(o, book.host) && check_filter(o, book.holder);
  if (good) fill_labels(&l, o);
  exposed_free(l.exposed);
  free(l.unknown);
  return good;
}
