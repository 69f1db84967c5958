/* SPDX-License-Identifier: MIT
 *
 * gaijinctl tokens: every object that crosses a process now, its host, its
 * holders, and the labels it has at its host now. First the broker's books are read,
 * then the hosts are asked: what changes in between may be seen or not.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/ask/describe.h"
#include "tools/ask/exposed.h"
#include "tools/ask/list.h"
#include "tools/base/text.h"

/* Of a row, in the order of the columns: all that the broker knows. From this version of the wire
 * on there is more behind them: ages of holders, for how long nobody has mentioned it, and whether
 * it is a suspect. */
enum { VALUES = 6, TRIALS_VERSION = 7, TRIAL_VALUES = 9 };

/* So many rows are described: their workers have something else to do. */
enum { DESCRIBED_MOST = 10000 };

/* Cells that only the host can fill. */
struct unknown {
  size_t labels; /* a hole; that of the description follows it */
  uint64_t token;
  uint32_t worker;
};
static size_t hole_of_description(const struct unknown *u) { return u->labels + 1; }

struct listing {
  struct show *s;
  struct exposed *exposed;
  struct unknown *unknown;
  size_t count, room;
};

static void add_unknown(struct listing *l, struct unknown u) {
  l->unknown = tool_grow(l->unknown, l->count, &l->room, sizeof *l->unknown);
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

/* The columns behind those of all versions. */
static bool read_trial(struct observer *o, gaijin_body *b, struct show *s) {
  struct gaijin_value ages, v;
  if (gaijin_wire_version(o->g) < TRIALS_VERSION) {
    show_nil(s);
    show_nil(s);
    return true;
  }
  if (!observe_value(o, b, "tokens", &ages)) return false;
  for (uint32_t i = 0; i < ages.count; i++)
    if (!observe_value(o, b, "tokens", &v)) return false;
  return observe_show(o, b, "tokens", 2, s);
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
  if (!read_holders(o, b, l->s) || !read_trial(o, b, l->s)) return false;
  bool is_dead = dead.type == GAIJIN_BOOL && dead.boolean;
  if (host.type != GAIJIN_STRING || is_dead) {
    show_nil(l->s);
    show_nil(l->s);
  } else {
    size_t labels = show_hole(l->s);
    show_hole(l->s);
    add_unknown(l, (struct unknown){
                       .labels = labels,
                       .token = id.integer,
                       .worker = (uint32_t)exposed_worker(l->exposed, host.bytes, host.size)});
  }
  if (is_dead) show_mark(l->s, SHOW_DIM);
  return true;
}

static void fill_labels(const struct listing *l, struct observer *o) {
  if (show_wants(l->s, "labels")) exposed_ask(l->exposed, o);
  for (size_t i = 0; i < l->count; i++) {
    const struct unknown *u = &l->unknown[i];
    show_fill(l->s, u->labels);
    exposed_show(l->exposed, u->worker, u->token, l->s);
  }
}

/* ---- Descriptions ---- */

/* Of each row that is shown whether it is to be described; the rest is nothing to ask for. False,
 * after an error line: not all are. */
static bool *choose(const struct show *s, bool *all) {
  size_t n, *order = show_order(s, &n);
  bool *chosen = tool_alloc(show_rows(s) + 1, sizeof *chosen);
  *all = n <= DESCRIBED_MOST;
  if (!*all) {
    tool_error("only the first %d of %zu rows are described; --limit or filters choose others",
               DESCRIBED_MOST, n);
    n = DESCRIBED_MOST;
  }
  for (size_t i = 0; i < n; i++) chosen[order[i]] = true;
  free(order);
  return chosen;
}

static void put_description(struct show *s, const struct description *d) {
  struct text t = {0};
  if (d->state == DESCRIPTION_UNKNOWN) {
    show_nil(s);
    return;
  }
  (show_is_json(s) ? description_json : description_text)(&t, d);
  show_rendered(s, &t);
}

/* False, after error lines: not all has been told. */
static bool fill_descriptions(const struct listing *l, struct observer *o) {
  bool all = true, wanted = show_wants(l->s, "description");
  bool *chosen = wanted ? choose(l->s, &all) : NULL;
  struct descriptions *d = descriptions_new();
  size_t *numbers = wanted ? tool_alloc(l->count + 1, sizeof *numbers) : NULL;
  for (size_t i = 0; wanted && i < l->count; i++) {
    const struct unknown *u = &l->unknown[i];
    numbers[i] = SIZE_MAX;
    if (!chosen[show_row_of(l->s, hole_of_description(u))]) continue;
    /* One that has just not answered is not waited for once more, or it would cost twice. */
    if (exposed_is_late(l->exposed, u->worker)) {
      all = false;
      continue;
    }
    const char *host = exposed_name(l->exposed, u->worker);
    numbers[i] = descriptions_add(d, host, strlen(host), u->token);
  }
  if (wanted) all = descriptions_ask(d, o, observe_timeout(o->in)) && all;
  for (size_t i = 0; i < l->count; i++) {
    show_fill(l->s, hole_of_description(&l->unknown[i]));
    if (!numbers || numbers[i] == SIZE_MAX)
      show_nil(l->s);
    else
      put_description(l->s, descriptions_at(d, numbers[i]));
  }
  free(numbers);
  free(chosen);
  descriptions_free(d);
  return all;
}

bool cmd_tokens(struct observer *o, struct show *s) {
  const struct settings *flags = &o->in->settings;
  struct listing l = {.s = s, .exposed = exposed_new()};
  struct observe_book book = {.what = "tokens",
                              .columns = gaijin_wire_version(o->g) < TRIALS_VERSION ? VALUES
                                                                                   : TRIAL_VALUES,
                              .host = settings_text(flags, SETTING_host),
                              .holder = settings_text(flags, SETTING_holder),
                              .least_age = settings_count(flags, SETTING_min_age),
                              .enough = show_enough(s),
                              .row = read_token,
                              .user = &l};
  if (settings_choice(flags, SETTING_kind) > 0)
    book.kind = setting_info(SETTING_kind)->words[settings_choice(flags, SETTING_kind)];
  bool good = observe_read(o, &book);
  if (good && show_rows(s) == 0)
    good = observe_must_know(o, book.host) && observe_must_know(o, book.holder);
  if (good) fill_labels(&l, o);
  if (good) good = fill_descriptions(&l, o);
  exposed_free(l.exposed);
  free(l.unknown);
  return good;
}
