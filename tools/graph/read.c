/* SPDX-License-Identifier: MIT
 *
 * Which workers are near an object in focus is found in the book of loads, which has a row for each
 * pair of workers, before the objects are read.
 */
#include "tools/graph/read.h"

#include <stdlib.h>
#include <string.h>

#include "proto/base.h"
#include "tools/ask/describe.h"
#include "tools/ask/exposed.h"
#include "tools/ask/queued.h"

/* Of a row of tokens: host, id, kind, age, dead, holders. */
enum { TOKEN_VALUES = 6, LOAD_VALUES = 3, CLIENT_VALUES = 6 };

/* Of what is under way so much is noted, and the rest counted. */
enum { WAITING_MOST = 100000 };

/* An object in messages under way to a worker; of host and worker their numbers as living ones. */
struct waiting {
  uint32_t host, to;
  uint64_t id, count;
};

struct reading {
  struct graph *g;
  struct waiting *waiting; /* sorted */
  size_t n_waiting, waiting_room;
  struct exposed *exposed;
  struct living { /* workers, by number in the fold */
    uint32_t number; /* in `exposed`, + 1; 0: it is none */
    bool has_objects;
  } *living;
  size_t living_room;
  struct fold_hold *holds; /* of the object that is read */
  size_t holds_room;
  bool *near; /* workers whose objects are wanted, by number; NULL: all are */
  uint32_t near_room;
  bool found; /* what is in focus */
};

/* ---- Workers ---- */

static bool read_client(struct observer *o, gaijin_body *b, void *user) {
  struct reading *r = user;
  struct gaijin_value name, host, pid, uid, uptime, exports;
  if (!observe_value(o, b, "clients", &name) || !observe_value(o, b, "clients", &host) ||
      !observe_value(o, b, "clients", &pid) || !observe_value(o, b, "clients", &uid) ||
      !observe_value(o, b, "clients", &uptime) || !observe_value(o, b, "clients", &exports))
    return false;
  if (name.type != GAIJIN_STRING) return true;
  uint32_t i = fold_worker(&r->g->fold, name.bytes, name.size, false);
  r->g->fold.workers[i].is_known = true;
  r->g->fold.workers[i].pid = pid.integer;
  if (i >= r->living_room) {
    size_t room = r->living_room ? r->living_room : 16;
    while (room <= i) room *= 2;
    r->living = tool_resize(r->living, room, sizeof *r->living);
    memset(r->living + r->living_room, 0, (room - r->living_room) * sizeof *r->living);
    r->living_room = room;
  }
  r->living[i] = (struct living){
      .number = (uint32_t)exposed_worker(r->exposed, name.bytes, name.size) + 1,
      .has_objects = exports.integer > 0};
  return true;
}

/* Its number in `exposed` + 1; 0: it is no living worker. */
static uint32_t number_of(const struct reading *r, uint32_t worker) {
  return worker < r->living_room ? r->living[worker].number : 0;
}

/* ---- What is under way ---- */

static void note_waiting(void *user, const struct queued *q) {
  struct reading *r = user;
  if (q->host.type != GAIJIN_STRING || r->n_waiting == WAITING_MOST) {
    r->g->waiting_more += q->objects ? q->objects : 1;
    return;
  }
  r->waiting = tool_grow(r->waiting, r->n_waiting, &r->waiting_room, sizeof *r->waiting);
  struct fold *f = &r->g->fold;
  uint32_t host = fold_worker(f, q->host.bytes, q->host.size, false);
  r->waiting[r->n_waiting++] = (struct waiting){
      .host = host, .to = fold_worker(f, q->to.bytes, q->to.size, false), .id = q->id, .count = 1};
}

static int compare_waiting(const void *x, const void *y) {
  const struct waiting *a = x, *b = y;
  if (a->host != b->host) return a->host < b->host ? -1 : 1;
  if (a->id != b->id) return a->id < b->id ? -1 : 1;
  return a->to < b->to ? -1 : a->to > b->to;
}

static bool read_waiting(struct reading *r, struct observer *o) {
  if (!queued_read(o, r->g->scope.host, note_waiting, r)) return false;
  size_t n = 0;
  if (r->n_waiting) qsort(r->waiting, r->n_waiting, sizeof *r->waiting, compare_waiting);
  for (size_t i = 0; i < r->n_waiting; i++) {
    if (n && compare_waiting(&r->waiting[n - 1], &r->waiting[i]) == 0)
      r->waiting[n - 1].count++;
    else
      r->waiting[n++] = r->waiting[i];
  }
  r->n_waiting = n;
  return true;
}

/* How often the object is under way to the worker. */
static uint64_t count_waiting(const struct reading *r, uint32_t host, uint64_t id, uint32_t to) {
  struct waiting wanted = {.host = host, .id = id, .to = to};
  const struct waiting *w =
      r->n_waiting ? bsearch(&wanted, r->waiting, r->n_waiting, sizeof wanted, compare_waiting)
                   : NULL;
  return w ? w->count : 0;
}

/* ---- What is near ---- */

struct pairs {
  struct reading *r;
  struct pair {
    uint32_t host, client;
  } *all;
  size_t count, room;
};

static bool read_load(struct observer *o, gaijin_body *b, void *user) {
  struct pairs *p = user;
  struct gaijin_value host, client, held;
  if (!observe_value(o, b, "loads", &host) || !observe_value(o, b, "loads", &client) ||
      !observe_value(o, b, "loads", &held))
    return false;
  if (host.type != GAIJIN_STRING || client.type != GAIJIN_STRING) return true;
  p->all = tool_grow(p->all, p->count, &p->room, sizeof *p->all);
  struct fold *f = &p->r->g->fold;
  uint32_t from = fold_worker(f, host.bytes, host.size, false);
  p->all[p->count++] = (struct pair){from, fold_worker(f, client.bytes, client.size, false)};
  return true;
}

/* The holders of the one in focus. */
static bool read_focus(struct observer *o, gaijin_body *b, void *user);

/* Whose objects are wanted: of those who hold what is in focus, of those who hold objects of these,
 * and so on. */
static bool find_near(struct reading *r, struct observer *o) {
  const struct graph_scope *s = &r->g->scope;
  struct pairs p = {.r = r};
  char *host = tool_copy(s->focus, s->focus_size);
  r->near_room = 0;
  bool good = observe_read(o, &(struct observe_book){.what = "tokens", .columns = TOKEN_VALUES,
                                                     .host = host, .id = s->focus_id,
                                                     .row = read_focus, .user = r});
  if (good && !r->found) good = observe_must_know(o, host);
  if (good && !r->found) {
    tool_error("nobody holds an object %s:%llu; `gaijinctl tokens` lists those that are held", host,
               (unsigned long long)s->focus_id);
    good = false;
  }
  good = good && observe_read(o, &(struct observe_book){.what = "loads", .columns = LOAD_VALUES,
                                                        .row = read_load, .user = &p});
  free(host);
  uint32_t all = r->g->fold.n_workers;
  bool *near = tool_alloc(all, 1), *next = tool_alloc(all, 1);
  for (uint32_t i = 0; i < r->near_room; i++) near[i] = s->depth > 1 && r->near[i];
  for (uint32_t step = 2; step < s->depth && good; step++) {
    memcpy(next, near, all);
    for (size_t i = 0; i < p.count; i++)
      if (near[p.all[i].host]) next[p.all[i].client] = true;
    if (memcmp(next, near, all) == 0) break;
    memcpy(near, next, all);
  }
  free(next);
  free(p.all);
  free(r->near);
  r->near = near;
  r->near_room = all;
  return good;
}

/* ---- Objects ---- */

struct row {
  uint32_t host;
  bool is_dead;
  uint64_t id, age_s, others;
  const char *kind;
  uint32_t n_holds;
};

static const char *kind_of(const struct gaijin_value *v) {
  static const char *const kinds[] = {"table", "function", "thread", "userdata"};
  for (size_t i = 0; v->type == GAIJIN_STRING && i < ARRAY_SIZE(kinds); i++)
    if (strlen(kinds[i]) == v->size && memcmp(kinds[i], v->bytes, v->size) == 0) return kinds[i];
  return NULL;
}

static bool read_holders(struct reading *r, struct observer *o, gaijin_body *b, struct row *w) {
  struct gaijin_value list, name, count;
  if (!observe_value(o, b, "tokens", &list)) return false;
  for (uint32_t i = 0; i + 1 < list.count; i += 2) {
    if (!observe_value(o, b, "tokens", &name) || !observe_value(o, b, "tokens", &count))
      return false;
    if (name.type != GAIJIN_STRING) continue;
    if (name.size == 3 && memcmp(name.bytes, "...", 3) == 0) { /* the last: so many more */
      w->others = count.integer;
      continue;
    }
    r->holds = tool_grow(r->holds, w->n_holds, &r->holds_room, sizeof *r->holds);
    r->holds[w->n_holds++] = (struct fold_hold){
        .worker = fold_worker(&r->g->fold, name.bytes, name.size, false),
        .objects = 1, .count = count.integer};
  }
  return true;
}

static bool read_row(struct reading *r, struct observer *o, gaijin_body *b, struct row *w) {
  struct gaijin_value host, id, kind, age, dead;
  *w = (struct row){0};
  if (!observe_value(o, b, "tokens", &host) || !observe_value(o, b, "tokens", &id) ||
      !observe_value(o, b, "tokens", &kind) || !observe_value(o, b, "tokens", &age) ||
      !observe_value(o, b, "tokens", &dead))
    return false;
  w->is_dead = dead.type == GAIJIN_BOOL && dead.boolean;
  bool named = host.type == GAIJIN_STRING;
  w->host = fold_worker(&r->g->fold, named ? host.bytes : "?", named ? host.size : 1, w->is_dead);
  w->id = id.integer;
  w->kind = kind_of(&kind);
  w->age_s = age.integer;
  return read_holders(r, o, b, w);
}

static bool is_focus(const struct reading *r, const struct row *w) {
  const struct graph_scope *s = &r->g->scope;
  const char *name = r->g->fold.workers[w->host].name;
  return s->focus && w->id == s->focus_id && strlen(name) == s->focus_size &&
         memcmp(name, s->focus, s->focus_size) == 0;
}

static bool read_focus(struct observer *o, gaijin_body *b, void *user) {
  struct reading *r = user;
  struct row w;
  if (!read_row(r, o, b, &w)) return false;
  if (!is_focus(r, &w)) return true;
  r->found = true;
  uint32_t all = r->g->fold.n_workers;
  r->near = tool_resize(r->near, all, 1);
  memset(r->near + r->near_room, 0, all - r->near_room);
  r->near_room = all;
  for (uint32_t i = 0; i < w.n_holds; i++) r->near[r->holds[i].worker] = true;
  return true;
}

static bool read_token(struct observer *o, gaijin_body *b, void *user) {
  struct reading *r = user;
  struct row w;
  if (!read_row(r, o, b, &w)) return false;
  bool kept = is_focus(r, &w);
  bool is_near = !r->near || (w.host < r->near_room && r->near[w.host]);
  if (!kept && !is_near) return true;
  struct text labels = {0};
  const char *name = r->g->fold.workers[w.host].name;
  uint32_t living = !w.is_dead       ? w.host
                    : r->n_waiting ? fold_worker(&r->g->fold, name, strlen(name), false)
                                   : 0;
  for (uint32_t i = 0; i < w.n_holds; i++)
    r->holds[i].waiting = count_waiting(r, living, w.id, r->holds[i].worker);
  if (!w.is_dead && number_of(r, w.host))
    exposed_texts(r->exposed, number_of(r, w.host) - 1, w.id, FOLD_LABELS, &labels);
  fold_put(&r->g->fold, &(struct fold_object){.host = w.host, .kind = w.kind, .id = w.id,
                                              .age_s = w.age_s, .is_kept = kept, .labels = &labels,
                                              .holds = r->holds, .n_holds = w.n_holds,
                                              .others = w.others});
  text_deinit(&labels);
  return true;
}

/* Workers whose objects are read one worker after the other: of more all objects are read at once,
 * because each time the broker looks at all that it has. */
enum { READ_ONE_BY_ONE = 8 };

/* Those of one worker (NULL: of all, or of the one in the filter), or one of them. */
static bool read_book(struct reading *r, struct observer *o, const char *host, uint64_t id) {
  const struct graph_scope *s = &r->g->scope;
  if (host && s->host && strcmp(host, s->host) != 0) return true;
  return observe_read(o, &(struct observe_book){.what = "tokens", .columns = TOKEN_VALUES,
                                                .host = host ? host : s->host,
                                                .holder = s->holder, .kind = s->kind, .id = id,
                                                .least_age = s->least_age, .row = read_token,
                                                .user = r});
}

/* One that lives and whose objects nobody holds has none; what one had that has ended is read. */
static bool is_worth_reading(const struct reading *r, uint32_t worker) {
  return !number_of(r, worker) || r->living[worker].has_objects;
}

/* What is in focus, and all objects of those that are near. */
static bool read_near(struct reading *r, struct observer *o) {
  const struct graph_scope *s = &r->g->scope;
  char *focus = tool_copy(s->focus, s->focus_size);
  bool good = true, focus_is_near = false;
  for (uint32_t i = 0; i < r->near_room && good; i++) {
    if (!r->near[i] || !is_worth_reading(r, i)) continue;
    /* Workers may move when another one is noted. */
    char *host = tool_copy(r->g->fold.workers[i].name, strlen(r->g->fold.workers[i].name));
    focus_is_near = focus_is_near || strcmp(host, focus) == 0;
    good = read_book(r, o, host, 0);
    free(host);
  }
  if (good && !focus_is_near) good = read_book(r, o, focus, s->focus_id);
  free(focus);
  return good;
}

static bool read_objects(struct reading *r, struct observer *o) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < r->near_room; i++) n += r->near[i] && is_worth_reading(r, i);
  return r->near && n <= READ_ONE_BY_ONE ? read_near(r, o) : read_book(r, o, NULL, 0);
}

/* Only a node of one living object has something to say. Before nodes and workers are sorted. */
static void describe(struct reading *r, struct observer *o) {
  struct graph *g = r->g;
  struct fold *f = &g->fold;
  struct descriptions *all = descriptions_new();
  size_t *numbers = tool_alloc(f->n_nodes + 1, sizeof *numbers);
  for (uint32_t i = 0; i < f->n_nodes; i++) {
    const struct fold_node *n = &f->nodes[i];
    numbers[i] = SIZE_MAX;
    bool lives = !n->is_dead && number_of(r, n->host);
    if (!lives || n->objects != 1) continue;
    if (exposed_is_late(r->exposed, number_of(r, n->host) - 1)) {
      g->untold = true; /* it has had its time, and its error line */
      continue;
    }
    const char *host = f->workers[n->host].name;
    numbers[i] = descriptions_add(all, host, strlen(host), n->id);
  }
  if (!descriptions_ask(all, o, g->scope.seconds)) g->untold = true;
  for (uint32_t i = 0; i < f->n_nodes; i++) {
    struct text said = {0}, json = {0};
    if (numbers[i] == SIZE_MAX) continue;
    const struct description *d = descriptions_at(all, numbers[i]);
    if (d->state != DESCRIPTION_TOLD) continue;
    description_text(&said, d);
    f->nodes[i].said = tool_copy(said.bytes, said.size);
    text_deinit(&said);
    description_json(&json, d);
    f->nodes[i].said_json = tool_copy(json.bytes, json.size);
    text_deinit(&json);
  }
  free(numbers);
  descriptions_free(all);
}

bool graph_read(struct graph *g, struct observer *o) {
  const struct graph_scope *s = &g->scope;
  struct reading r = {.g = g, .exposed = exposed_new()};
  bool good = observe_read(o, &(struct observe_book){.what = "clients", .columns = CLIENT_VALUES,
                                                     .row = read_client, .user = &r});
  if (good && s->focus) good = find_near(&r, o);
  if (good) exposed_ask(r.exposed, o);
  good = good && !o->no_broker && read_waiting(&r, o) && read_objects(&r, o);
  if (good && !g->fold.n_nodes)
    good = observe_must_know(o, s->host) && observe_must_know(o, s->holder);
  if (good && s->describe) describe(&r, o);
  fold_sort(&g->fold);
  exposed_free(r.exposed);
  free(r.living);
  free(r.waiting);
  free(r.holds);
  free(r.near);
  return good;
}
