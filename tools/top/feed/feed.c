/* SPDX-License-Identifier: MIT
 *
 * A probe outlives the sample it was made for: a worker has one question at a time.
 */
#include "tools/top/feed/feed.h"

#include <stdlib.h>
#include <string.h>

#include "proto/clock.h"
#include "tools/base/text.h"

/* So long a worker may take to say that it lives. */
#define PROBE_SECONDS 1.0
/* Workers whose labels are asked for at a time. */
enum { LABELS_MOST = 32 };

static void on_book(void *user, bool good, const char *why);
static void on_tokens(void *user, bool good, const char *why);

void feed_init(struct feed *f, struct observer *o) {
  *f = (struct feed){.o = o,
                     .book = FEED_BOOKS,
                     .reader = {.o = o, .done = on_book, .user = f},
                     .tokens_reader = {.o = o, .done = on_tokens, .user = f}};
}

static void drop_sample(struct sample **s) {
  if (!*s) return;
  sample_deinit(*s);
  free(*s);
  *s = NULL;
}

static void fail(struct feed *f, const char *why) {
  if (why) snprintf(f->fault, sizeof f->fault, "%s", why);
  f->changed = true;
}

/* ---- Probes ---- */

static int compare_probes(const void *x, const void *y) {
  uint64_t a = (*(struct probe *const *)x)->host, b = (*(struct probe *const *)y)->host;
  return a < b ? -1 : a > b;
}

/* The first `sorted` ones are in order; a new one comes behind. */
static struct probe *probe_of(struct feed *f, size_t sorted, const struct worker *w) {
  struct probe wanted = {.host = w->host}, *key = &wanted;
  struct probe **known =
      sorted ? bsearch(&key, f->probes, sorted, sizeof *f->probes, compare_probes) : NULL;
  if (known) return *known;
  f->probes = tool_grow(f->probes, f->n_probes, &f->probes_room, sizeof *f->probes);
  struct probe *p = tool_alloc(1, sizeof *p);
  *p = (struct probe){.feed = f, .name = tool_copy(w->name, strlen(w->name)), .host = w->host};
  return f->probes[f->n_probes++] = p;
}

static void probe_free(struct feed *f, struct probe *p) {
  if (p->request && f->o->g) gaijin_cancel(f->o->g, p->request);
  free(p->name);
  free(p);
}

/* Whatever it says, it lives; who cannot be asked (it has gone, or is of an older version) is not
 * late either. */
static void on_alive(void *user, const struct gaijin_answer *a) {
  struct probe *p = user;
  p->request = 0;
  p->feed->changed = p->feed->changed || p->is_late;
  p->is_late = false;
  gaijin_body_free(a->body);
}

static void probe_ask(struct feed *f, struct probe *p) {
  if (p->request) return;
  gaijin_begin_request(f->o->g, &(struct gaijin_send){.op = GAIJIN_OP_ALIVE, .name = p->name}, 0);
  p->since = clock_seconds();
  if (gaijin_end_request(f->o->g, on_alive, p, &p->request) != 0) p->request = 0;
}

/* One for each worker, and none for who has gone. */
static void probe_all(struct feed *f, const struct sample *s) {
  size_t sorted = f->n_probes;
  for (size_t i = 0; i < f->n_probes; i++) f->probes[i]->is_wanted = false;
  for (size_t i = 0; i < s->n_workers; i++) {
    struct probe *p = probe_of(f, sorted, &s->workers[i]);
    p->is_wanted = true;
    probe_ask(f, p);
  }
  size_t kept = 0;
  for (size_t i = 0; i < f->n_probes; i++) {
    if (f->probes[i]->is_wanted)
      f->probes[kept++] = f->probes[i];
    else
      probe_free(f, f->probes[i]);
  }
  f->n_probes = kept;
  if (kept) qsort(f->probes, kept, sizeof *f->probes, compare_probes);
}

void feed_look(struct feed *f) {
  double now = clock_seconds();
  for (size_t i = 0; i < f->n_probes; i++) {
    struct probe *p = f->probes[i];
    bool is_late = p->request && now - p->since > PROBE_SECONDS;
    if (is_late && !p->is_late) f->changed = true;
    p->is_late = p->is_late || is_late;
    struct worker *w = f->now ? sample_find(f->now, p->name, p->host) : NULL;
    if (w) w->is_late = p->is_late;
  }
}

/* ---- Rounds ---- */

static struct observe_book book_of(struct feed *f) {
  switch (f->book) {
    case 0: return sample_book_clients(f->coming);
    case 1: return sample_book_loads(f->coming);
    case 2: return stats_book_ops(&f->coming->stats);
    case 3: return stats_book_pairs(&f->coming->stats);
    default: return stats_book_sums(&f->coming->stats, gaijin_wire_version(f->o->g));
  }
}

/* The round is over: its sample is the last one now. */
static void finish(struct feed *f) {
  struct sample *s = f->coming;
  f->coming = NULL;
  sample_sort(s);
  s->at = clock_seconds();
  for (size_t i = 0; i < s->n_workers; i++) {
    struct worker *w = &s->workers[i];
    w->process = process_read(w->pid, w->uid, w->uptime);
  }
  drop_sample(&f->before);
  f->before = f->now;
  f->now = s;
  f->round_took = s->at - f->round_began;
  f->fault[0] = 0;
  f->changed = true;
  probe_all(f, s);
  feed_look(f);
}

static void read_book(struct feed *f) {
  f->reader.book = book_of(f);
  reader_begin(&f->reader);
}

static void on_book(void *user, bool good, const char *why) {
  struct feed *f = user;
  if (!good) {
    f->book = FEED_BOOKS;
    drop_sample(&f->coming);
    fail(f, why);
    return;
  }
  if (f->book == 0) sample_sort(f->coming);
  if (++f->book < FEED_BOOKS)
    read_book(f);
  else
    finish(f);
}

void feed_round(struct feed *f) {
  if (f->book < FEED_BOOKS || !f->o->g) return;
  f->coming = tool_alloc(1, sizeof *f->coming);
  f->book = 0;
  f->round_began = clock_seconds();
  read_book(f);
}

/* ---- Objects ---- */

static void on_tokens(void *user, bool good, const char *why) {
  struct feed *f = user;
  f->reads_tokens = false;
  f->tokens_took = clock_seconds() - f->tokens_began;
  if (!good) {
    fail(f, why);
    return;
  }
  tokens_end(&f->reading);
  /* Labels that are known stay until they are told anew. */
  struct tokens old = f->tokens;
  f->tokens = f->reading;
  for (size_t i = 0, k = 0; i < f->tokens.count; i++) {
    struct token *one = &f->tokens.kept[i];
    for (size_t tried = 0; tried < old.count; tried++, k = (k + 1) % old.count) {
      struct token *same = &old.kept[k];
      if (same->id != one->id || strcmp(same->host, one->host) != 0) continue;
      one->labels = same->labels;
      same->labels = NULL;
      break;
    }
  }
  f->reading = (struct tokens){0};
  tokens_deinit(&old);
  f->has_tokens = true;
  f->changed = true;
}

void feed_tokens(struct feed *f) {
  if (!f->o->g) return;
  reader_stop(&f->tokens_reader);
  tokens_deinit(&f->reading);
  f->reads_tokens = true;
  f->tokens_began = clock_seconds();
  f->tokens_reader.book = tokens_book(&f->reading);
  reader_begin(&f->tokens_reader);
}

void feed_forget_tokens(struct feed *f) {
  reader_stop(&f->tokens_reader);
  f->reads_tokens = f->has_tokens = false;
  f->tokens_took = 0;
  tokens_deinit(&f->reading);
  tokens_deinit(&f->tokens);
}

/* Who was asked for labels. */
struct labels_of {
  struct feed *feed;
  char host[];
};

static void on_labels(void *user, const struct gaijin_answer *a) {
  struct labels_of *l = user;
  l->feed->asked_labels--;
  if (a->ok) tokens_label(&l->feed->tokens, l->host, a->body);
  l->feed->changed = true;
  gaijin_body_free(a->body);
  free(l);
}

void feed_labels(struct feed *f, const char *host) {
  if (!f->o->g || f->asked_labels >= LABELS_MOST) return;
  size_t size = strlen(host) + 1;
  struct labels_of *l = tool_alloc(1, sizeof *l + size);
  l->feed = f;
  memcpy(l->host, host, size);
  gaijin_begin_request(
      f->o->g,
      &(struct gaijin_send){.op = GAIJIN_OP_LABELS, .name = host, .deadline_ms = 2000}, 0);
  if (gaijin_end_request(f->o->g, on_labels, l, NULL) == 0)
    f->asked_labels++;
  else
    free(l);
}

/* ---- The whole ---- */

double feed_late(const struct feed *f) {
  double since = 0;
  if (f->reader.request) since = f->reader.since;
  if (f->tokens_reader.request && (since <= 0 || f->tokens_reader.since < since))
    since = f->tokens_reader.since;
  return since > 0 ? clock_seconds() - since : 0;
}

void feed_stop(struct feed *f) {
  reader_stop(&f->reader);
  reader_stop(&f->tokens_reader);
  f->book = FEED_BOOKS;
  f->reads_tokens = false;
  drop_sample(&f->coming);
  tokens_deinit(&f->reading);
  for (size_t i = 0; i < f->n_probes; i++) probe_free(f, f->probes[i]);
  f->n_probes = 0;
}

void feed_deinit(struct feed *f) {
  feed_stop(f);
  free(f->probes);
  drop_sample(&f->before);
  drop_sample(&f->now);
  tokens_deinit(&f->tokens);
}
