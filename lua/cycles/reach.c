/* SPDX-License-Identifier: MIT
 *
 * A component is closed after all that it refers to: then its set is made of theirs. Set 0 is the
 * empty one.
 */
#include "lua/cycles/reach.h"

#include <assert.h>
#include <stdlib.h>

#include "proto/base.h"

struct set {
  uint32_t at, count; /* in `members` */
};

struct reach {
  const struct reach_graph *g;
  /* Of each node. */
  uint32_t *number; /* as it was found, from 1; 0: not yet */
  uint32_t *low;    /* the lowest number that is known to be of its component */
  uint32_t *next;   /* where in g->next it goes on */
  uint32_t *set;    /* once it is closed */
  bool *is_closed;
  uint32_t *path, n_path; /* those that are being looked at, each referred to by the one before */
  uint32_t *open, n_open; /* those that are found and not closed */
  uint32_t n_numbers;
  struct set *sets;
  uint32_t n_sets, sets_room;
  uint32_t *members, n_members, members_room;
  uint32_t *seen_set; /* of each set: when it was seen last */
  uint32_t now;
  uint32_t loaded;    /* the set that was added to last; its members are: */
  uint32_t *is_in;    /* of each marked node: `load`, or it is not in that set */
  uint32_t load;
  uint32_t looks;
  bool failed; /* too much, or memory is short */
};

/* ---- Sets ---- */

static bool has_set_room(struct reach *r) {
  if (r->n_sets < r->sets_room) return true;
  uint32_t room = r->sets_room ? r->sets_room * 2 : 1024;
  struct set *sets = realloc(r->sets, room * sizeof *sets);
  if (sets) r->sets = sets;
  uint32_t *seen = realloc(r->seen_set, room * sizeof *seen);
  if (seen) r->seen_set = seen;
  if (!sets || !seen) return false;
  r->sets_room = room;
  return true;
}

static uint32_t new_set(struct reach *r, uint32_t at) {
  if (!has_set_room(r)) {
    r->failed = true;
    return 0;
  }
  r->seen_set[r->n_sets] = 0;
  r->sets[r->n_sets] = (struct set){.at = at, .count = r->n_members - at};
  return r->n_sets++;
}

static void add_member(struct reach *r, uint32_t member) {
  if (r->n_members == r->members_room) {
    uint32_t room = r->members_room ? r->members_room * 2 : 4096;
    uint32_t *all = room <= REACH_MEMBERS_MOST ? realloc(r->members, room * sizeof *all) : NULL;
    r->failed |= !all;
    if (!all) return;
    r->members = all;
    r->members_room = room;
  }
  r->members[r->n_members++] = member;
}

static bool may_look(struct reach *r, uint32_t count) {
  r->failed |= REACH_LOOKS_MOST - r->looks < count;
  if (!r->failed) r->looks += count;
  return !r->failed;
}

static void load(struct reach *r, uint32_t set) {
  struct set s = r->sets[set];
  if (r->loaded == set || !may_look(r, s.count)) return;
  r->loaded = set;
  r->load++;
  for (uint32_t i = 0; i < s.count; i++) r->is_in[r->members[s.at + i]] = r->load;
}

/* What the loaded set has not becomes a member of a new one. */
static void add_missing(struct reach *r, uint32_t set) {
  struct set s = r->sets[set];
  if (set == r->loaded || !may_look(r, s.count)) return;
  for (uint32_t i = 0; i < s.count && !r->failed; i++) {
    uint32_t member = r->members[s.at + i];
    if (r->is_in[member] == r->load) continue;
    r->is_in[member] = r->load;
    add_member(r, member);
  }
}

/* Of the sets that a component refers to. */
struct found {
  uint32_t count, largest;
};

/* Each set once: it is counted in `found`, or, if that is NULL, added. */
static void look_at(struct reach *r, uint32_t set, struct found *found) {
  if (set == 0 || r->seen_set[set] == r->now) return;
  r->seen_set[set] = r->now;
  if (!found) {
    add_missing(r, set);
    return;
  }
  found->count++;
  if (r->sets[set].count > r->sets[found->largest].count) found->largest = set;
}

static void look_at_all(struct reach *r, uint32_t from, struct found *found) {
  const struct reach_graph *g = r->g;
  r->now++;
  for (uint32_t i = from; i < r->n_open; i++) {
    uint32_t node = r->open[i];
    for (uint32_t k = g->first[node]; k < g->first[node + 1]; k++)
      if (r->is_closed[g->next[k]]) look_at(r, r->set[g->next[k]], found);
  }
}

/* Of the component that is open from there on. */
static uint32_t set_of(struct reach *r, uint32_t from) {
  const struct reach_graph *g = r->g;
  uint32_t at = r->n_members, node = r->open[from];
  if (node >= g->marked_at && node - g->marked_at < g->n_marked) {
    add_member(r, node - g->marked_at);
    return new_set(r, at);
  }
  struct found found = {0};
  look_at_all(r, from, &found);
  if (found.count <= 1) return found.largest;
  load(r, found.largest);
  look_at_all(r, from, NULL);
  if (r->n_members == at) return found.largest; /* it has all that the others have */
  struct set s = r->sets[found.largest];
  if (!may_look(r, s.count)) return 0;
  for (uint32_t i = 0; i < s.count && !r->failed; i++) add_member(r, r->members[s.at + i]);
  return r->loaded = new_set(r, at);
}

/* ---- Components ---- */

static void find(struct reach *r, uint32_t node) {
  r->number[node] = r->low[node] = ++r->n_numbers;
  r->next[node] = r->g->first[node];
  r->path[r->n_path++] = r->open[r->n_open++] = node;
}

static void close_component(struct reach *r, uint32_t node) {
  uint32_t from = r->n_open;
  do from--;
  while (r->open[from] != node);
  uint32_t set = set_of(r, from);
  for (uint32_t i = from; i < r->n_open; i++) {
    r->set[r->open[i]] = set;
    r->is_closed[r->open[i]] = true;
  }
  r->n_open = from;
}

static void lower(struct reach *r, uint32_t node, uint32_t to) {
  if (to < r->low[node]) r->low[node] = to;
}

/* One reference further, or the node on the path is done. */
static void step(struct reach *r) {
  uint32_t node = r->path[r->n_path - 1];
  if (r->next[node] < r->g->first[node + 1]) {
    uint32_t to = r->g->next[r->next[node]++];
    if (r->is_closed[to]) return;
    if (r->number[to])
      lower(r, node, r->number[to]);
    else
      find(r, to);
    return;
  }
  r->n_path--;
  if (r->n_path) lower(r, r->path[r->n_path - 1], r->low[node]);
  if (r->low[node] == r->number[node]) close_component(r, node);
}

static void search(struct reach *r, uint32_t node) {
  if (r->number[node] || r->is_closed[node]) return;
  for (find(r, node); r->n_path && !r->failed;) step(r);
}

/* ---- All ---- */

static void deinit(struct reach *r) {
  free(r->number);
  free(r->low);
  free(r->next);
  free(r->set);
  free(r->is_closed);
  free(r->path);
  free(r->open);
  free(r->sets);
  free(r->members);
  free(r->seen_set);
  free(r->is_in);
}

static uint32_t *numbers(size_t n) { return calloc(n + 1, sizeof(uint32_t)); }

static bool init(struct reach *r, const struct reach_graph *g) {
  *r = (struct reach){.g = g,
                      .number = numbers(g->count),
                      .low = numbers(g->count),
                      .next = numbers(g->count),
                      .set = numbers(g->count),
                      .is_closed = calloc((size_t)g->count + 1, sizeof(bool)),
                      .path = numbers(g->count),
                      .open = numbers(g->count),
                      .is_in = numbers(g->n_marked)};
  if (!r->number || !r->low || !r->next || !r->set || !r->is_closed || !r->path || !r->open ||
      !r->is_in)
    return false;
  for (uint32_t i = 0; i < g->count; i++) r->is_closed[i] = g->is_out[i];
  return has_set_room(r) && new_set(r, 0) == 0 && !r->failed;
}

static const struct set *reached(const struct reach *r, uint32_t node) {
  return &r->sets[node == REACH_NO_NODE ? 0 : r->set[node]];
}

static uint8_t *tell(const struct reach *r, const uint32_t *from, uint32_t n_from, uint32_t *n) {
  uint64_t count = 0;
  for (uint32_t i = 0; i < n_from; i++) count += reached(r, from[i])->count;
  if (count == 0 || count > REACH_PAIRS_MOST) return NULL;
  uint8_t *pairs = malloc(count * REACH_PAIR_BYTES), *p = pairs;
  if (!pairs) return NULL;
  for (uint32_t i = 0; i < n_from; i++) {
    const struct set *s = reached(r, from[i]);
    for (uint32_t k = 0; k < s->count; k++, p += REACH_PAIR_BYTES) {
      store_be32(p, i);
      store_be32(p + 4, r->g->marks[r->members[s->at + k]]);
    }
  }
  *n = (uint32_t)count;
  return pairs;
}

uint8_t *reach_pairs(const struct reach_graph *g, const uint32_t *from, uint32_t n_from,
                     uint32_t *n) {
  struct reach r;
  uint8_t *pairs = NULL;
  *n = 0;
  bool good = init(&r, g);
  for (uint32_t i = 0; good && i < n_from && !r.failed; i++)
    if (from[i] != REACH_NO_NODE) search(&r, from[i]);
  if (good && !r.failed) pairs = tell(&r, from, n_from, n);
  deinit(&r);
  return pairs;
}
