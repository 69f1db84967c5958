/* SPDX-License-Identifier: MIT
 *
 * gaijinctl leaks: what is looked at (growth.h), by where it comes from. Each object that was
 * chosen stands for as many as there are for each chosen one.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ask/list.h"
#include "tools/ask/growth.h"
#include "tools/base/text.h"

/* Who holds most of a group: so many are named. */
enum { HOLDERS_NAMED = 3 };

static const char not_traced[] = "not traced", not_told[] = "not told";

/* An object that was chosen. */
struct entry {
  const struct growth_class *class;
  const struct growth_object *object;
  char *origin; /* as it came */
  size_t size;
  double now, growth; /* what it stands for */
};

struct entries {
  struct entry *all;
  size_t count, room;
};

/* What a holder has of a group. */
struct share {
  uint32_t name;
  double objects;
};

static void add(struct entries *e, struct entry entry) {
  e->all = tool_grow(e->all, e->count, &e->room, sizeof *e->all);
  e->all[e->count++] = entry;
}

static void add_object(struct entries *e, const struct growth *s, const struct growth_class *c,
                       const struct growth_part *p, const struct growth_object *x) {
  const struct description *d = descriptions_at(s->descriptions, x->description);
  double stands_for = (double)p->of / (double)p->count;
  bool is_new = p == &c->new;
  struct text origin = {0};
  /* Gone before it was asked for: it does not stay. */
  if (d->state == DESCRIPTION_GONE && (is_new || !x->lives)) return;
  if (!description_origin(&origin, d))
    text_print(&origin, "%s", d->state == DESCRIPTION_TOLD ? not_traced : not_told);
  add(e, (struct entry){.class = c,
                        .object = x,
                        .origin = origin.bytes,
                        .size = origin.size,
                        .now = x->lives ? stands_for : 0,
                        .growth = is_new ? stands_for : x->lives ? 0 : -stands_for});
}

static void add_all(struct entries *e, const struct growth *s) {
  for (size_t i = 0; i < s->n_classes; i++) {
    const struct growth_class *c = s->classes[i];
    for (size_t k = 0; k < c->old.count; k++) add_object(e, s, c, &c->old, &c->old.objects[k]);
    for (size_t k = 0; k < c->new.count; k++) add_object(e, s, c, &c->new, &c->new.objects[k]);
  }
}

static int compare_entries(const void *x, const void *y) {
  const struct entry *a = x, *b = y;
  if (a->class != b->class) return (uintptr_t)a->class < (uintptr_t)b->class ? -1 : 1;
  int order = memcmp(a->origin, b->origin, a->size < b->size ? a->size : b->size);
  return order ? order : (a->size > b->size) - (a->size < b->size);
}

/* ---- Groups: entries of one class and origin, which follow each other ---- */

static int compare_shares(const void *x, const void *y) {
  const struct share *a = x, *b = y;
  if (a->objects != b->objects) return a->objects > b->objects ? -1 : 1;
  return (a->name > b->name) - (a->name < b->name);
}

static void put_holders(struct show *show, const struct growth *s, const struct entry *group,
                        size_t count) {
  struct share *shares = tool_alloc(count * GROWTH_HOLDERS + 1, sizeof *shares);
  size_t n = 0;
  for (size_t i = 0; i < count; i++) {
    for (uint32_t h = 0; h < group[i].object->n_holders && group[i].now > 0; h++) {
      uint32_t name = group[i].object->holders[h];
      size_t k = 0;
      while (k < n && shares[k].name != name) k++;
      if (k == n) shares[n++] = (struct share){.name = name};
      shares[k].objects += group[i].now;
    }
  }
  qsort(shares, n, sizeof *shares, compare_shares);
  show_list_begin(show);
  for (size_t k = 0; k < n && k < HOLDERS_NAMED; k++) {
    const char *name = s->names[shares[k].name].text;
    show_list_item(show, name, strlen(name), (uint64_t)(shares[k].objects + 0.5));
  }
  show_list_end(show);
  free(shares);
}

static void put_group(struct show *show, const struct growth *s, const struct entry *group,
                      size_t count) {
  const struct growth_class *c = group->class;
  double now = 0, growth = 0, oldest = 0;
  for (size_t i = 0; i < count; i++) {
    now += group[i].now;
    growth += group[i].growth;
    if (group[i].object->lives) oldest = fmax(oldest, group[i].object->age);
  }
  if (round(now) < 1) return; /* all of it has gone */
  show_string(show, c->host, c->host_size);
  show_text(show, c->kind);
  show_string(show, group->origin, group->size);
  show_uint(show, (uint64_t)round(now));
  if (s->compares)
    show_number(show, round(growth) + 0.0); /* no -0 */
  else
    show_nil(show);
  show_number(show, oldest);
  if (c->old.count + c->new.count < c->old.of + c->new.of)
    show_uint(show, c->old.count + c->new.count);
  else
    show_nil(show);
  put_holders(show, s, group, count);
}

static void put_groups(struct show *show, const struct growth *s, struct entries *e) {
  if (e->count) qsort(e->all, e->count, sizeof *e->all, compare_entries);
  for (size_t first = 0, end = 0; first < e->count; first = end) {
    while (end < e->count && compare_entries(&e->all[first], &e->all[end]) == 0) end++;
    put_group(show, s, &e->all[first], end - first);
  }
}

/* The workers that are named are there. False after error lines. */
static bool check_names(struct observer *o) {
  bool good = true;
  for (int i = 0; i < o->in->count && !o->no_broker; i++)
    good = observe_must_know(o, o->in->words[i]) && good;
  return good && !o->no_broker;
}

bool cmd_leaks(struct observer *o, struct show *show) {
  struct growth s;
  struct entries e = {0};
  if (!check_names(o)) return false;
  bool good = growth_take(&s, o, o->in->words, (size_t)o->in->count,
                          settings_seconds(&o->in->settings, SETTING_over));
  if (!o->no_broker) {
    add_all(&e, &s);
    put_groups(show, &s, &e);
  }
  for (size_t i = 0; i < e.count; i++) free(e.all[i].origin);
  free(e.all);
  growth_deinit(&s);
  return good;
}
