/* SPDX-License-Identifier: MIT
 *
 * A part is chosen while rows come, without knowing how many there will be: the n-th takes the
 * place of a chosen one with probability GROWTH_MOST / n. So rows are not kept.
 */
#define _GNU_SOURCE /* POLLRDHUP */
#include "tools/ask/growth.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/base.h"
#include "proto/clock.h"
#include "tools/base/text.h"

/* Of a row, in the order of docs/protocol.md. */
enum { VALUES = 6 };

/* ---- Classes and names ---- */

/* Where all classes of a host are. */
static struct growth_class **bucket_of(struct growth *s, const struct gaijin_value *host) {
  return &s->buckets[text_hash(0, host->bytes, host->size) % GROWTH_BUCKETS];
}

static bool is_text(const char *text, const struct gaijin_value *v) {
  return strlen(text) == v->size && memcmp(text, v->bytes, v->size) == 0;
}

static struct growth_class *class_of(struct growth *s, const struct gaijin_value *host,
                                     const struct gaijin_value *kind) {
  struct growth_class **bucket = bucket_of(s, host), *c = *bucket;
  while (c && !(is_text(c->host, host) && is_text(c->kind, kind))) c = c->next;
  if (c) return c;
  c = tool_alloc(1, sizeof *c);
  c->host = tool_copy(host->bytes, host->size);
  c->host_size = host->size;
  c->kind = tool_copy(kind->bytes, kind->size);
  c->next = *bucket;
  s->classes = tool_grow(s->classes, s->n_classes, &s->classes_room, sizeof(struct growth_class *));
  s->classes[s->n_classes++] = c;
  return *bucket = c;
}

/* The number of a holder's name. */
static uint32_t name_of(struct growth *s, const struct gaijin_value *name) {
  uint32_t *first = &s->name_buckets[text_hash(0, name->bytes, name->size) % GROWTH_BUCKETS];
  for (uint32_t i = *first; i; i = s->names[i - 1].next)
    if (is_text(s->names[i - 1].text, name)) return i - 1;
  s->names = tool_grow(s->names, s->n_names, &s->names_room, sizeof *s->names);
  s->names[s->n_names++] =
      (struct growth_name){.text = tool_copy(name->bytes, name->size), .next = *first};
  *first = (uint32_t)s->n_names;
  return *first - 1;
}

void growth_deinit(struct growth *s) {
  for (size_t i = 0; i < s->n_classes; i++) {
    struct growth_class *c = s->classes[i];
    free(c->old.objects);
    free(c->new.objects);
    free(c->host);
    free(c->kind);
    free(c);
  }
  for (size_t i = 0; i < s->n_names; i++) free(s->names[i].text);
  free(s->classes);
  free(s->names);
  descriptions_free(s->descriptions);
  *s = (struct growth){0};
}

/* ---- Choosing ---- */

/* The place for one more of a part; NULL: it is not chosen. */
static struct growth_object *choose(struct growth *s, struct growth_part *p) {
  p->of++;
  if (p->count < GROWTH_MOST) {
    if (!p->objects) p->objects = tool_alloc(GROWTH_MOST, sizeof *p->objects);
    return &p->objects[p->count++];
  }
  s->random = mix64(s->random + p->of);
  uint64_t place = s->random % p->of;
  return place < GROWTH_MOST ? &p->objects[place] : NULL;
}

static int compare_ids(const void *x, const void *y) {
  const struct growth_object *a = x, *b = y;
  return (a->id > b->id) - (a->id < b->id);
}

static struct growth_object *find_old(const struct growth_class *c, uint64_t id) {
  struct growth_object wanted = {.id = id};
  if (!c->old.count) return NULL;
  return bsearch(&wanted, c->old.objects, c->old.count, sizeof wanted, compare_ids);
}

/* The place for what is to be remembered of an object; NULL: nothing. */
static struct growth_object *note(struct growth *s, struct growth_class *c, uint64_t id) {
  if (!s->second) {
    if (id > c->largest) c->largest = id;
    return choose(s, &c->old);
  }
  c->now++;
  struct growth_object *old = find_old(c, id);
  if (old) return old;
  /* If all that were there are known, what is not among them has come, whatever its id. */
  bool all_known = c->old.count == c->old.of;
  return all_known || id > c->largest ? choose(s, &c->new) : NULL;
}

/* ---- Reading ---- */

static bool read_holders(struct growth *s, struct observer *o, gaijin_body *b,
                         struct growth_object *of) {
  struct gaijin_value list, name, count;
  if (!observe_value(o, b, "tokens", &list)) return false;
  for (uint32_t i = 0; i + 1 < list.count; i += 2) {
    if (!observe_value(o, b, "tokens", &name) || !observe_value(o, b, "tokens", &count))
      return false;
    bool is_rest = name.size == 3 && name.bytes && memcmp(name.bytes, "...", 3) == 0;
    if (of && of->n_holders < GROWTH_HOLDERS && name.type == GAIJIN_STRING && !is_rest)
      of->holders[of->n_holders++] = name_of(s, &name);
  }
  return true;
}

static bool read_token(struct observer *o, gaijin_body *b, void *user) {
  struct growth *s = user;
  struct gaijin_value host, id, kind, age, dead;
  struct growth_object *of = NULL;
  if (!observe_value(o, b, "tokens", &host) || !observe_value(o, b, "tokens", &id) ||
      !observe_value(o, b, "tokens", &kind) || !observe_value(o, b, "tokens", &age) ||
      !observe_value(o, b, "tokens", &dead))
    return false;
  /* What a worker that has ended had is no growth of its. */
  bool counts = host.type == GAIJIN_STRING && kind.type == GAIJIN_STRING &&
                id.type == GAIJIN_NUMBER && dead.type == GAIJIN_BOOL && !dead.boolean;
  if (counts) of = note(s, class_of(s, &host, &kind), id.integer);
  if (of) {
    size_t description = s->second ? of->description : 0;
    *of = (struct growth_object){.id = id.integer, .description = description,
                                 .lives = s->second, .age = age.number};
  }
  return read_holders(s, o, b, of);
}

/* Reads all; false after an error line. */
static bool look(struct growth *s, struct observer *o, char *const *workers, size_t count) {
  struct observe_book book = {.what = "tokens", .columns = VALUES, .row = read_token, .user = s};
  bool good = true;
  if (!count) return observe_read(o, &book);
  for (size_t i = 0; good && i < count; i++) {
    book.host = workers[i];
    size_t k = 0;
    while (strcmp(workers[k], workers[i]) != 0) k++;
    if (k == i) good = observe_read(o, &book); /* else it was named before */
  }
  return good;
}

/* ---- Workers that were started anew ---- */

static bool read_incarnation(struct observer *o, gaijin_body *b, void *user) {
  struct growth *s = user;
  struct gaijin_value name, id;
  if (!observe_value(o, b, "clients", &name) || !observe_value(o, b, "clients", &id)) return false;
  if (name.type != GAIJIN_STRING) return true;
  for (struct growth_class *c = *bucket_of(s, &name); c; c = c->next) {
    if (c->host_size != name.size || memcmp(c->host, name.bytes, name.size) != 0) continue;
    if (s->second && c->incarnation != id.integer) {
      /* Another worker of that name: all that it has, has come. */
      c->old.count = 0;
      c->old.of = c->largest = 0;
    }
    c->incarnation = id.integer;
  }
  return true;
}

static bool read_incarnations(struct growth *s, struct observer *o) {
  return observe_read(o, &(struct observe_book){
                             .what = "clients", .columns = 2, .row = read_incarnation, .user = s});
}

/* ---- Describing ---- */

static void add_part(struct growth *s, const struct growth_class *c, struct growth_part *p) {
  for (size_t i = 0; i < p->count; i++)
    p->objects[i].description =
        descriptions_add(s->descriptions, c->host, c->host_size, p->objects[i].id);
}

static bool describe(struct growth *s, struct observer *o, bool new) {
  for (size_t i = 0; i < s->n_classes; i++)
    add_part(s, s->classes[i], new ? &s->classes[i]->new : &s->classes[i]->old);
  return descriptions_ask(s->descriptions, o, observe_timeout(o->in));
}

/* ---- All ---- */

/* Not longer than the broker is there: the next question says that it has gone. */
static void wait_until(const struct observer *o, double end) {
  struct pollfd broker = {.fd = gaijin_fd(o->g), .events = POLLRDHUP};
  for (double left; (left = end - clock_seconds()) > 0;) {
    int ms = (int)fmin(ceil(left * 1000), INT_MAX);
    if (poll(&broker, 1, ms) != 0 && errno != EINTR) return;
  }
}

/* Somebody sits there, and sees nothing meanwhile. */
static void tell_wait(const struct observer *o, double seconds) {
  bool repeats = settings_given(&o->in->settings, SETTING_watch);
  if (isatty(STDERR_FILENO) && !repeats && seconds >= 1)
    tool_error("leaks: looks again in %.0f s (--over)", seconds);
}

static bool look_first(struct growth *s, struct observer *o, char *const *workers, size_t count,
                       double seconds, bool *all) {
  double begun = clock_seconds();
  if (!look(s, o, workers, count) || !read_incarnations(s, o)) return false;
  *all = describe(s, o, false); /* what will have gone cannot be described then */
  for (size_t i = 0; i < s->n_classes; i++) {
    struct growth_part *p = &s->classes[i]->old;
    if (p->count) qsort(p->objects, p->count, sizeof *p->objects, compare_ids);
  }
  if (o->no_broker) return false;
  tell_wait(o, begun + seconds - clock_seconds());
  wait_until(o, begun + seconds);
  return true;
}

bool growth_take(struct growth *s, struct observer *o, char *const *workers, size_t count,
                 double seconds) {
  bool all = true;
  *s = (struct growth){.descriptions = descriptions_new(), .compares = seconds > 0};
  s->random = (uint64_t)(clock_seconds() * 1e9);
  if (s->compares && !look_first(s, o, workers, count, seconds, &all)) return false;
  s->second = true;
  if (s->compares && !read_incarnations(s, o)) return false;
  if (!look(s, o, workers, count)) return false;
  return describe(s, o, true) && all;
}
