/* SPDX-License-Identifier: MIT
 *
 * gaijinctl why NAME:ID: why an object lives. The broker's books say who holds it, its host under
 * which labels it is exposed, and each holder how it reaches it (op paths): all holders are asked
 * at once, each walks its heap in a forked copy. One that does not tell costs a line in the answer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ask/queued.h"
#include "tools/base/object.h"
#include "tools/cmd/find/why.h"

enum { COLUMNS = 7 };
/* A copy may take 10, and then one may have to wait for another's to end. */
static const double standard_seconds = 15;

/* NAME:ID; false after an error line. */
static bool parse(struct why *y, const char *word) {
  struct object_name object;
  if (!object_read(word, &object)) {
    tool_error("'%.80s' is no object: write NAME:ID, as `gaijinctl tokens` shows worker and id",
               word);
    return false;
  }
  y->id = object.id;
  y->host = tool_copy(object.worker, object.size);
  return true;
}

static bool add_holder(struct why *y, const struct gaijin_value *name, uint64_t count) {
  bool is_rest = name->size == 3 && memcmp(name->bytes, "...", 3) == 0;
  if (is_rest || y->n == WHY_HOLDERS_MOST) {
    y->more += is_rest ? count : 1;
    return true;
  }
  y->asked[y->n++] = (struct why_asked){.name = tool_copy(name->bytes, name->size), .count = count};
  return true;
}

static bool read_token(struct observer *o, gaijin_body *b, void *user) {
  struct why *y = user;
  struct gaijin_value host, id, kind, age, dead, list, name, count;
  if (!observe_value(o, b, "why", &host) || !observe_value(o, b, "why", &id) ||
      !observe_value(o, b, "why", &kind) || !observe_value(o, b, "why", &age) ||
      !observe_value(o, b, "why", &dead) || !observe_value(o, b, "why", &list))
    return false;
  bool is_it = id.type == GAIJIN_NUMBER && id.integer == y->id && kind.type == GAIJIN_STRING;
  if (is_it) {
    /* Of two hosts of that name the living one is meant. */
    bool is_dead = dead.type != GAIJIN_BOOL || dead.boolean;
    is_it = !y->found || y->dead;
    if (is_it) {
      for (size_t i = 0; i < y->n; i++) free(y->asked[i].name);
      memset(y->asked, 0, sizeof y->asked);
      free(y->kind);
      y->n = 0;
      y->more = 0;
      y->found = true;
      y->dead = is_dead;
      y->kind = tool_copy(kind.bytes, kind.size);
      y->age = age.number;
    }
  }
  for (uint32_t i = 0; i + 1 < list.count; i += 2) {
    if (!observe_value(o, b, "why", &name) || !observe_value(o, b, "why", &count)) return false;
    if (is_it && name.type == GAIJIN_STRING && !add_holder(y, &name, count.integer)) return false;
  }
  if (!observe_value(o, b, "why", &list)) return false;
  for (uint32_t i = 0; i < list.count; i++) {
    if (!observe_value(o, b, "why", &age)) return false;
    if (is_it && i < y->n) y->asked[i].since_s = age.integer;
  }
  return true;
}

/* ---- What is under way ---- */

static bool is_same(const char *a, const char *b) { return a == b || (a && b && !strcmp(a, b)); }

static void note_waiting(void *user, const struct queued *q) {
  struct why *y = user;
  if (q->host.type != GAIJIN_STRING) {
    y->more_waiting++;
    return;
  }
  if (q->id != y->id) return;
  struct why_waiting w = {.to = tool_copy(q->to.bytes, q->to.size),
                          .op = tool_copy(q->op.bytes, q->op.size), .kind = q->kind, .count = 1};
  if (q->from.type == GAIJIN_STRING) w.from = tool_copy(q->from.bytes, q->from.size);
  size_t i = 0;
  for (; i < y->n_waiting; i++) {
    const struct why_waiting *k = &y->waiting[i];
    if (k->kind == w.kind && is_same(k->to, w.to) && is_same(k->from, w.from) &&
        is_same(k->op, w.op))
      break;
  }
  if (i < WHY_WAITING_MOST && i == y->n_waiting) {
    y->waiting[y->n_waiting++] = w;
    return;
  }
  if (i < y->n_waiting)
    y->waiting[i].count++;
  else
    y->more_waiting++;
  free(w.to);
  free(w.from);
  free(w.op);
}

/* False if somebody has not told, or the output was not taken. */
static bool show(const struct why *y, bool json) {
  struct text t = {0};
  why_show(y, json, &t);
  bool good = fwrite(t.bytes, 1, t.size, stdout) == t.size;
  text_deinit(&t);
  for (size_t i = 0; i < y->n + !y->dead; i++) good = good && y->asked[i].told;
  return good;
}

static void deinit(struct why *y) {
  for (size_t i = 0; i < y->n + !y->dead; i++) {
    free(y->asked[i].name);
    free(y->asked[i].fault);
    text_deinit(&y->asked[i].paths);
  }
  for (size_t i = 0; i < y->n_waiting; i++) {
    free(y->waiting[i].to);
    free(y->waiting[i].from);
    free(y->waiting[i].op);
  }
  free(y->kind);
  free(y->host);
}

int cmd_why(const struct invocation *in) {
  struct why y = {.dead = true};
  if (!parse(&y, in->words[0])) return EXIT_USAGE;
  struct observe_book book = {.what = "tokens", .columns = COLUMNS, .host = y.host,
                              .id = y.id, .row = read_token, .user = &y};
  bool good = observe_open(&y.o, in) && observe_read(&y.o, &book);
  if (good && !y.found) {
    good = observe_must_know(&y.o, y.host);
  }
  if (good && !y.found) {
    tool_error("nobody holds an object %s:%llu; `gaijinctl tokens` lists those that are held",
               y.host, (unsigned long long)y.id);
    good = false;
  } else if (good && (good = queued_read(&y.o, y.host, note_waiting, &y))) {
    bool given = settings_given(&in->settings, SETTING_timeout);
    why_ask(&y, given ? observe_timeout(in) : standard_seconds);
    good = observe_is_connected(&y.o, "why") &&
           show(&y, settings_flag(&in->settings, SETTING_json)) && !y.o.no_broker;
  }
  int status = observe_close(&y.o, good);
  deinit(&y);
  return status;
}
