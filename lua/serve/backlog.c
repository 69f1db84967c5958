/* SPDX-License-Identifier: MIT
 *
 * The askers that have something here are in one list: behind those that have got no fiber for
 * longer are those that have got one since.
 */
#include "lua/serve/backlog.h"

#include <assert.h>
#include <stdlib.h>

#include "lua/fiber/kept.h"

/* The broker counts the requests, so the lowest bits are as good as any. */
static struct backlog_entry **bucket_of(const struct backlog *b, uint64_t request) {
  return &b->by_request[request & (b->n_buckets - 1)];
}

struct backlog_entry *backlog_find(const struct worker *w, uint64_t request) {
  const struct backlog *b = &w->backlog;
  struct backlog_entry *e = b->by_request ? *bucket_of(b, request) : NULL;
  while (e && e->request.id != request) e = e->next_by_request;
  return e;
}

enum { BUCKETS_LEAST = 64 };

/* Twice as many buckets. Without memory for them it stays as it is; false: there are none. */
static bool grow(struct backlog *b) {
  struct backlog grown = {.n_buckets = b->n_buckets ? b->n_buckets * 2 : BUCKETS_LEAST};
  grown.by_request = calloc(grown.n_buckets, sizeof(struct backlog_entry *));
  if (!grown.by_request) return b->by_request;
  for (size_t i = 0; i < b->n_buckets; i++) {
    struct backlog_entry *next;
    for (struct backlog_entry *e = b->by_request[i]; e; e = next) {
      struct backlog_entry **bucket = bucket_of(&grown, e->request.id);
      next = e->next_by_request;
      e->next_by_request = *bucket;
      *bucket = e;
    }
  }
  free(b->by_request);
  b->by_request = grown.by_request;
  b->n_buckets = grown.n_buckets;
  return true;
}

static void append_asker(struct backlog *b, struct asker *a) {
  a->next_waiting = NULL;
  a->prev_waiting = b->last;
  if (b->last)
    b->last->next_waiting = a;
  else
    b->first = a;
  b->last = a;
}

static void unlink_asker(struct backlog *b, struct asker *a) {
  assert(a->prev_waiting ? a->prev_waiting->next_waiting == a : b->first == a);
  if (a->prev_waiting)
    a->prev_waiting->next_waiting = a->next_waiting;
  else
    b->first = a->next_waiting;
  if (a->next_waiting)
    a->next_waiting->prev_waiting = a->prev_waiting;
  else
    b->last = a->prev_waiting;
}

static void remove_asker(struct worker *w, struct asker *a) {
  assert(!a->first && a->n_entries == 0);
  unlink_asker(&w->backlog, a);
  kept_unlist(w, a);
  a->stuck = false;
  a->refuse_at = 0;
}

void backlog_put_last(struct worker *w, struct asker *a) {
  assert(a->n_entries > 0);
  unlink_asker(&w->backlog, a);
  append_asker(&w->backlog, a);
}

static unsigned *counter(struct backlog *b, const struct backlog_entry *e) {
  return e->request.one_way ? &b->n_posts : &b->n_calls;
}

/* About, with what the heap needs; the record of a fiber is not larger than an entry. */
enum { BODY_RECORD = 256 };

size_t backlog_size(const gaijin_body *body) {
  return sizeof(struct backlog_entry) + BODY_RECORD + gaijin_body_size(body);
}

void backlog_init(struct worker *w) {
  size_t messages = (size_t)BACKLOG_MESSAGES * gaijin_max_message(w->g);
  w->backlog.most = messages > BACKLOG_BYTES ? messages : BACKLOG_BYTES;
}

static bool fits(const struct backlog *b, size_t size, size_t most) {
  return size <= most && b->bytes <= most - size;
}

struct backlog_entry *backlog_excess(const struct worker *w, const struct asker *asker, size_t size,
                                     bool *has_room) {
  const struct backlog *b = &w->backlog;
  *has_room = fits(b, size, b->most);
  if (*has_room) return NULL;
  const struct asker *most = kept_most(w);
  if (most && most != asker && most->bytes > asker->bytes + size) return most->last;
  *has_room = asker->bytes == 0 && size <= BACKLOG_SMALL &&
              fits(b, size, b->most + b->most / BACKLOG_EXTRA);
  return NULL;
}

bool backlog_add(struct worker *w, struct asker *a, const struct gaijin_request *request,
                 double asked_until, gaijin_body *body) {
  struct backlog *b = &w->backlog;
  if (backlog_count(w) >= b->n_buckets && !grow(b)) return false;
  struct backlog_entry *e = malloc(sizeof *e), **bucket = bucket_of(b, request->id);
  if (!e) return false;
  *e = (struct backlog_entry){.prev = a->last,
                              .next_by_request = *bucket,
                              .asker = a,
                              .request = *request,
                              .asked_until = asked_until,
                              .body = body};
  *bucket = e;
  if (a->last)
    a->last->next = e;
  else
    a->first = e;
  a->last = e;
  ++*counter(b, e);
  kept_add(w, a, backlog_size(body));
  if (a->n_entries++ == 0) {
    append_asker(b, a);
    kept_list(w, a);
  }
  return true;
}

void backlog_take(struct worker *w, struct backlog_entry *e) {
  struct backlog *b = &w->backlog;
  struct asker *a = e->asker;
  struct backlog_entry **p = bucket_of(b, e->request.id);
  while (*p != e) p = &(*p)->next_by_request;
  *p = e->next_by_request;
  if (e->prev)
    e->prev->next = e->next;
  else
    a->first = e->next;
  if (e->next)
    e->next->prev = e->prev;
  else
    a->last = e->prev;
  assert(a->n_entries > 0 && *counter(b, e) > 0);
  --*counter(b, e);
  kept_remove(w, a, backlog_size(e->body));
  if (--a->n_entries == 0) remove_asker(w, a);
}

void backlog_deinit(struct worker *w) {
  while (w->backlog.first) {
    struct backlog_entry *e = w->backlog.first->first;
    backlog_take(w, e);
    gaijin_body_free(e->body);
    free(e);
  }
  free(w->backlog.by_request);
  w->backlog.by_request = NULL;
  w->backlog.n_buckets = 0;
}

const char *backlog_check(const struct worker *w) {
  const struct backlog *b = &w->backlog;
  unsigned n = 0;
  for (const struct asker *a = b->first; a; a = a->next_waiting) {
    unsigned entries = 0;
    for (const struct backlog_entry *e = a->first; e; e = e->next, entries++) {
      if (e->asker != a || (e->next ? e->next->prev != e : a->last != e))
        return "backlog: an entry is not linked both ways";
      if (backlog_find(w, e->request.id) != e) return "backlog: an entry is not found";
    }
    if (!entries || entries != a->n_entries) return "backlog: another number of an asker's entries";
    if (a->next_waiting ? a->next_waiting->prev_waiting != a : a != b->last)
      return "backlog: the list of askers is not linked both ways";
    n += entries;
  }
  return n == backlog_count(w) ? kept_check(w) : "backlog: another number of entries";
}
