/* SPDX-License-Identifier: MIT
 *
 * One queue for each caller that has something here, and a queue of these callers.
 */
#include "lua/serve/backlog.h"

#include <assert.h>
#include <stdlib.h>

struct backlog_caller {
  struct backlog_caller *next;         /* in backlog.first */
  struct backlog_caller *next_by_host; /* in its bucket */
  uint64_t host;
  struct backlog_entry *first, *last; /* never empty */
};

static struct backlog_caller **bucket_of(struct backlog *b, uint64_t host) {
  return &b->by_host[host % BACKLOG_BUCKETS]; /* the broker chooses them at random */
}

static struct backlog_caller *find(const struct backlog *b, uint64_t host) {
  struct backlog_caller *c = b->by_host[host % BACKLOG_BUCKETS];
  while (c && c->host != host) c = c->next_by_host;
  return c;
}

bool backlog_has(const struct worker *w, uint64_t caller) {
  return w->backlog.first && find(&w->backlog, caller);
}

static void append_caller(struct backlog *b, struct backlog_caller *c) {
  c->next = NULL;
  if (b->last)
    b->last->next = c;
  else
    b->first = c;
  b->last = c;
}

static struct backlog_caller *add_caller(struct backlog *b, uint64_t host) {
  struct backlog_caller *c = calloc(1, sizeof *c), **bucket = bucket_of(b, host);
  if (!c) return NULL;
  c->host = host;
  c->next_by_host = *bucket;
  *bucket = c;
  append_caller(b, c);
  return c;
}

static void remove_caller(struct backlog *b, struct backlog_caller *c) {
  struct backlog_caller **p = bucket_of(b, c->host);
  assert(!c->first);
  while (*p != c) p = &(*p)->next_by_host;
  *p = c->next_by_host;
  free(c);
}

bool backlog_add(struct worker *w, const struct gaijin_request *request, gaijin_body *body,
                 uint64_t fiber) {
  struct backlog *b = &w->backlog;
  assert(request->one_way == (fiber == 0));
  struct backlog_entry *e = malloc(sizeof *e);
  struct backlog_caller *c = e ? find(b, request->caller) : NULL;
  if (e && !c) c = add_caller(b, request->caller);
  if (!c) {
    free(e);
    return false;
  }
  *e = (struct backlog_entry){.fiber = fiber, .request = *request, .body = fiber ? NULL : body};
  if (c->last)
    c->last->next = e;
  else
    c->first = e;
  c->last = e;
  if (fiber)
    b->n_calls++;
  else
    b->n_posts++;
  return true;
}

/* Takes the first entry of a caller that has been taken out of the queue of callers. */
static struct backlog_entry *take_of(struct backlog *b, struct backlog_caller *c) {
  struct backlog_entry *e = c->first;
  c->first = e->next;
  if (!c->first) c->last = NULL;
  if (c->first)
    append_caller(b, c); /* behind the others */
  else
    remove_caller(b, c);
  unsigned *n = e->fiber ? &b->n_calls : &b->n_posts;
  assert(*n > 0);
  --*n;
  return e;
}

struct backlog_entry *backlog_take(struct worker *w, bool posts) {
  struct backlog *b = &w->backlog;
  struct backlog_caller *before = NULL, *c = b->first;
  while (c && !posts && !c->first->fiber) before = c, c = c->next;
  if (!c) return NULL;
  if (before)
    before->next = c->next;
  else
    b->first = c->next;
  if (b->last == c) b->last = before;
  return take_of(b, c);
}

void backlog_each_call(struct worker *w, void (*visit)(struct worker *w, uint64_t fiber)) {
  for (const struct backlog_caller *c = w->backlog.first; c; c = c->next)
    for (const struct backlog_entry *e = c->first; e; e = e->next)
      if (e->fiber) visit(w, e->fiber);
}

void backlog_deinit(struct worker *w) {
  struct backlog_entry *e;
  while ((e = backlog_take(w, true))) {
    gaijin_body_free(e->body);
    free(e);
  }
}
