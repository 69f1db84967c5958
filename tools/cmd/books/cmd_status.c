/* SPDX-License-Identifier: MIT
 *
 * gaijinctl status: the broker on one screen: what it is, how much it keeps, who has not come back
 * after it was killed, and what an operator should look at.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ask/list.h"
#include "tools/ask/several.h"
#include "tools/base/text.h"

/* Of the row, which older brokers end after the names. */
enum { OLD_VALUES = 5, VALUES = 16 };
/* Of those behind the names: a policy that was refused, which is a warning. */
enum { REFUSED = 8 };
/* Workers that hang and are named. */
enum { NAMED_MOST = 5 };

struct report {
  struct show *s;
  struct text *warnings;
  size_t count, room;
};

__attribute__((format(printf, 2, 3))) static void warn(struct report *r, const char *format, ...) {
  va_list args;
  char line[400];
  va_start(args, format);
  vsnprintf(line, sizeof line, format, args);
  va_end(args);
  r->warnings = tool_grow(r->warnings, r->count, &r->room, sizeof *r->warnings);
  r->warnings[r->count] = (struct text){0};
  text_add(&r->warnings[r->count++], line, strlen(line));
}

static bool put_names(struct observer *o, gaijin_body *b, struct show *s, uint32_t count) {
  struct gaijin_value name;
  show_list_begin(s);
  for (; count; count--) {
    if (!observe_value(o, b, "status", &name)) return false;
    show_list_value(s, &name);
  }
  show_list_end(s);
  return true;
}

/* What is wrong as the broker itself says. */
static void judge(struct report *r, double away, const struct gaijin_value *sums) {
  const struct gaijin_value *refused = &sums[REFUSED];
  if (away > 0) warn(r, "%.0f workers have not come back", away);
  if (sums[4].number > 0.8 * sums[5].number)
    warn(r, "memory is nearly used up: see accounts");
  if (sums[7].number > 0) warn(r, "%.0f lines of the log were lost", sums[7].number);
  if (refused->type == GAIJIN_STRING)
    warn(r, "a newer policy was refused: %.*s", (int)refused->size, refused->bytes);
}

static bool read_status(struct observer *o, gaijin_body *b, void *user) {
  struct report *r = user;
  struct gaijin_value v[3], list, away, sums[VALUES - OLD_VALUES];
  for (int i = 0; i < 3; i++)
    if (!observe_value(o, b, "status", &v[i])) return false;
  if (!observe_value(o, b, "status", &away) || !observe_value(o, b, "status", &list)) return false;
  show_text(r->s, gaijin_broker_version(o->g));
  for (int i = 0; i < 3; i++) show_value(r->s, &v[i]);
  show_value(r->s, &away);
  if (!put_names(o, b, r->s, list.count)) return false;
  for (int i = 0; i < VALUES - OLD_VALUES; i++) {
    if (!observe_value(o, b, "status", &sums[i])) return false;
    if (i != REFUSED) show_value(r->s, &sums[i]);
  }
  judge(r, away.number, sums);
  return true;
}

/* Who hangs: all are asked. */
static void find_hung(struct report *r, struct observer *o) {
  struct several all;
  size_t hung = 0;
  if (several_ask(&all, o, GAIJIN_OP_ALIVE, NULL)) {
    for (size_t i = 0; i < all.names.count; i++) {
      if (!all.heard[i].late || hung++ >= NAMED_MOST) continue;
      warn(r, "worker %s does not answer", all.names.names[i]);
    }
    if (hung > NAMED_MOST) warn(r, "nor do %zu more", hung - NAMED_MOST);
  }
  several_deinit(&all);
}

static void put_warnings(struct report *r) {
  show_list_begin(r->s);
  for (size_t i = 0; i < r->count; i++) {
    struct gaijin_value v = {.type = GAIJIN_STRING,
                             .bytes = r->warnings[i].bytes,
                             .size = (uint32_t)r->warnings[i].size};
    show_list_value(r->s, &v);
    text_deinit(&r->warnings[i]);
  }
  show_list_end(r->s);
  if (r->count) show_mark(r->s, SHOW_BAD);
  free(r->warnings);
}

bool cmd_status(struct observer *o, struct show *s) {
  struct report r = {.s = s};
  bool good = observe_read(o, &(struct observe_book){.what = "status",
                                                     .columns = VALUES,
                                                     .row = read_status,
                                                     .user = &r});
  if (good && show_wants(s, "warnings")) find_hung(&r, o);
  if (good) put_warnings(&r);
  return good;
}
