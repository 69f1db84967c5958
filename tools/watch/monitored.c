/* SPDX-License-Identifier: MIT
 *
 * The broker chooses; only the objects of a --label are looked up here.
 */
#include "tools/watch/monitored.h"

#include <stdlib.h>
#include <string.h>

#include "proto/clock.h"
#include "proto/limits.h"
#include "proto/ops.h"
#include "proto/settings/nearest.h"
#include "tools/base/object.h"
#include "tools/base/text.h"

/* Objects that a request may choose (docs/protocol.md). */
enum { OBJECTS_MOST = 32 };

/* ---- Labels ---- */

struct worker {
  uint64_t host, request;
  char *name;
};
struct workers {
  struct sights *sights;
  const char *name, *label;  /* that somebody wants to see; NULL: none */
  bool has_name, has_label; /* there is such a worker, and a worker exposes something as that */
  struct worker *list;
  size_t count, room;
};

static bool read_worker(struct observer *o, gaijin_body *b, void *user) {
  struct workers *w = user;
  struct gaijin_value name, host;
  if (!observe_value(o, b, "clients", &name) || !observe_value(o, b, "clients", &host))
    return false;
  if (name.type != GAIJIN_STRING || host.type != GAIJIN_NUMBER) return true;
  w->list = tool_grow(w->list, w->count, &w->room, sizeof *w->list);
  w->list[w->count++] =
      (struct worker){.host = host.integer, .name = tool_copy(name.bytes, name.size)};
  known_put(&w->sights->names, host.integer, 0, name.bytes, name.size);
  if (w->name && strcmp(w->name, w->list[w->count - 1].name) == 0) w->has_name = true;
  return true;
}

static void read_labels(struct workers *w, uint64_t host, gaijin_body *b) {
  struct gaijin_value label, kind, id;
  while (gaijin_body_next(b, &label) && gaijin_body_next(b, &kind) && gaijin_body_next(b, &id)) {
    struct text t = {0};
    if (label.type == GAIJIN_STRING)
      text_add(&t, label.bytes, label.size);
    else if (label.type == GAIJIN_NUMBER)
      text_add_number(&t, label.number);
    if (t.size && id.type == GAIJIN_NUMBER && id.is_uint)
      known_put(&w->sights->labels, host, id.integer, t.bytes, t.size);
    if (t.size && w->label && strcmp(t.bytes, w->label) == 0) w->has_label = true;
    text_deinit(&t);
  }
}

static void ask_labels(struct observer *o, struct workers *w) {
  double end = clock_seconds() + MONITORED_SECONDS;
  for (size_t i = 0; i < w->count; i++) {
    struct gaijin_send request = {.op = GAIJIN_OP_LABELS, .name = w->list[i].name};
    gaijin_begin_request(o->g, &request, 0);
    if (gaijin_end_request(o->g, NULL, NULL, &w->list[i].request) != 0) w->list[i].request = 0;
  }
  for (size_t i = 0; i < w->count; i++) {
    struct gaijin_answer a = {0};
    double left = end - clock_seconds();
    if (!w->list[i].request ||
        gaijin_await(o->g, w->list[i].request, left > 0 ? left : 0, &a) != 0)
      continue;
    if (a.ok) read_labels(w, w->list[i].host, a.body);
    gaijin_body_free(a.body);
  }
}

/* What is not there may come: one who monitors waits for it, and should know that. */
static void tell_absent(const struct workers *w) {
  if (w->name && w->name[0] != '@' && !w->has_name)
    tool_error("monitor: no worker %s is there now; its messages are shown when it comes",
               w->name);
  if (w->label && !w->has_label)
    tool_error("monitor: no worker exposes '%s' now; only requests for that label are shown",
               w->label);
}

bool monitored_learn(struct observer *o, struct sights *s) {
  const struct settings *set = &o->in->settings;
  struct workers w = {.sights = s, .name = settings_text(set, SETTING_worker),
                      .label = settings_text(set, SETTING_label)};
  bool good = observe_read(o, &(struct observe_book){
                                  .what = "clients", .columns = 2, .row = read_worker, .user = &w});
  if (good) ask_labels(o, &w);
  if (good) tell_absent(&w);
  for (size_t i = 0; i < w.count; i++) free(w.list[i].name);
  free(w.list);
  return good;
}

/* ---- The request ---- */

struct wish {
  const char *worker, *label, *ops;
  uint64_t slower_us;
  struct object_name objects[OBJECTS_MOST];
  uint32_t n_objects;
};

static bool read_object(const char *text, struct object_name *out) {
  if (object_read(text, out)) return true;
  tool_error("monitor: --object takes WORKER:ID, as `gaijinctl tokens` shows them, not '%s'", text);
  return false;
}

static void find_labelled(const struct sights *s, struct wish *w) {
  for (size_t i = 0; i < s->labels.room && w->n_objects < OBJECTS_MOST; i++) {
    const struct known_text *k = &s->labels.places[i];
    const char *worker = k->text ? known_get(&s->names, k->a, 0) : NULL;
    if (worker && strcmp(k->text, w->label) == 0)
      w->objects[w->n_objects++] = (struct object_name){worker, strlen(worker), k->b};
  }
}

/* The words of a list with commas, one after the other; NULL at the end. */
static const char *next_word(const char **list, size_t *size) {
  const char *word = *list;
  if (!word || !*word) return NULL;
  *size = strcspn(word, ",");
  *list = word + *size + (word[*size] == ',');
  return word;
}

static uint32_t count_words(const char *list) {
  size_t size;
  uint32_t n = 0;
  while (next_word(&list, &size)) n++;
  return n;
}

static bool is_routed(const char *name, size_t size) {
  struct nearest near;
  nearest_begin(&near, name, size);
  for (unsigned op = 0; op < OP_COUNT; op++) {
    const struct op_info *info = op_info(op);
    if (!info || info->way != OP_ROUTED) continue;
    if (strlen(info->name) == size && memcmp(info->name, name, size) == 0) return true;
    nearest_try(&near, info->name, op);
  }
  struct text t = {0};
  text_print(&t, "monitor: --ops takes what workers are asked for (get, call, ...), not '%.*s'",
             (int)(size > 64 ? 64 : size), name);
  if (near.found) text_print(&t, "; did you mean %s?", op_name(near.which));
  tool_error("%s", t.bytes);
  text_deinit(&t);
  return false;
}

bool monitored_ops_are_sound(const struct invocation *in) {
  const char *ops = settings_text(&in->settings, SETTING_ops), *word;
  size_t size;
  while ((word = next_word(&ops, &size)))
    if (!is_routed(word, size)) return false;
  return true;
}

static bool read_wish(const struct invocation *in, const struct sights *s, struct wish *w) {
  const struct settings *set = &in->settings;
  const char *object = settings_text(set, SETTING_object);
  *w = (struct wish){.worker = settings_text(set, SETTING_worker),
                     .label = settings_text(set, SETTING_label),
                     .ops = settings_text(set, SETTING_ops),
                     .slower_us = (uint64_t)(settings_seconds(set, SETTING_slower) * 1e6)};
  if (object && !read_object(object, &w->objects[w->n_objects++])) return false;
  if (w->label) find_labelled(s, w);
  return true;
}

bool monitored_begin(struct observer *o, const struct sights *s, gaijin_answer_fn fn, void *user,
                     uint64_t *id) {
  struct wish w;
  const char *word;
  size_t size;
  if (!read_wish(o->in, s, &w)) return false;
  uint32_t keys = count_words(w.ops) + w.n_objects;
  keys += (uint32_t)((w.worker != NULL) + (w.label != NULL) + (w.slower_us > 0));
  gaijin *g = o->g;
  gaijin_begin_request(g, &(struct gaijin_send){.op = GAIJIN_OP_MONITOR}, 2 * keys);
  if (w.worker) {
    gaijin_put_text(g, "worker");
    gaijin_put_text(g, w.worker);
  }
  if (w.label) {
    gaijin_put_text(g, "label");
    gaijin_put_text(g, w.label);
  }
  while ((word = next_word(&w.ops, &size))) {
    gaijin_put_text(g, "op");
    gaijin_put_string(g, word, size);
  }
  if (w.slower_us) {
    gaijin_put_text(g, "slower_us");
    gaijin_put_number(g, (double)w.slower_us);
  }
  for (uint32_t i = 0; i < w.n_objects; i++) {
    gaijin_put_text(g, "token");
    gaijin_put_array(g, 2);
    gaijin_put_string(g, w.objects[i].worker, w.objects[i].size);
    gaijin_put_number(g, (double)w.objects[i].id);
  }
  int r = gaijin_end_request(g, fn, user, id);
  if (r == 0) return true;
  tool_error("monitor: %s", gaijin_error(g));
  if (r == GAIJIN_STATUS_LOST) o->no_broker = true;
  return false;
}

/* ---- Records ---- */

static bool is_named(const struct sights *s, uint64_t host, const char *name) {
  const char *known = known_get(&s->names, host, 0);
  return known && strcmp(known, name) == 0;
}

bool monitored_fits(const struct invocation *in, const struct sights *s, const struct sight *m) {
  const char *worker = settings_text(&in->settings, SETTING_worker);
  const char *ops = settings_text(&in->settings, SETTING_ops), *word;
  double slower = settings_seconds(&in->settings, SETTING_slower);
  size_t size;
  bool fits = !ops;
  while (!fits && (word = next_word(&ops, &size)))
    fits = strlen(op_name(m->op)) == size && memcmp(op_name(m->op), word, size) == 0;
  if (!fits || (slower > 0 && (double)m->took_ns < slower * 1e9)) return false;
  return !worker || is_named(s, m->from, worker) || is_named(s, m->to, worker);
}
