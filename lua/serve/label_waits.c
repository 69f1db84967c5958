/* SPDX-License-Identifier: MIT
 *
 * Two hash tables of fixed size, by label and by request, and a third of the askers. Others choose
 * labels and request ids, so the hash has a secret seed. All of it is made when the first request
 * waits: most workers never have one.
 */
#include "lua/serve/label_waits.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "proto/base.h"

enum { BUCKETS = 1024, ASKER_BUCKETS = 64 };

struct label_wait_list {
  struct label_wait *first, *last;
};

/* Is there while it has a record, one that was taken and not freed yet included. */
struct label_asker {
  struct label_asker *next; /* in its bucket */
  struct label_asker *next_due, *prev_due; /* while it has some that are due: the next turns */
  struct label_wait_list due;
  uint64_t host;
  uint32_t n, bytes;
};

struct label_waits {
  uint64_t seed;
  unsigned n;      /* in the lists */
  uint32_t bytes;  /* as the askers count them */
  struct label_wait_list by_label[BUCKETS];
  struct label_asker *first_due, *last_due; /* take turns */
  struct label_wait *by_request[BUCKETS];
  struct label_asker *askers[ASKER_BUCKETS];
};

/* ---- Labels ---- */

/* Numbers that are equal have equal bits here: there is no label NaN, and 0 is -0. */
static uint64_t number_bits(double number) {
  uint64_t bits;
  if (number == 0) number = 0;
  memcpy(&bits, &number, sizeof bits);
  return bits;
}

static uint64_t hash_of(const struct label_waits *s, const struct gaijin_value *label) {
  if (label->type == GAIJIN_NUMBER) return mix64_seeded(number_bits(label->number), s->seed);
  uint64_t h = s->seed ^ label->size;
  for (uint32_t i = 0; i < label->size; i += 8) {
    uint64_t piece = 0;
    uint32_t left = label->size - i;
    memcpy(&piece, label->bytes + i, left < 8 ? left : 8);
    h = mix64_seeded(h ^ piece, s->seed);
  }
  return h;
}

static struct label_wait_list *list_of(struct label_waits *s, const struct gaijin_value *label) {
  return &s->by_label[hash_of(s, label) % BUCKETS];
}

static bool is_label(const struct gaijin_value *v) {
  return v->type == GAIJIN_STRING || v->type == GAIJIN_NUMBER;
}

static bool waits_for(const struct label_wait *k, const struct gaijin_value *label) {
  struct gaijin_value own;
  if (!gaijin_body_peek(k->body, &own) || own.type != label->type) return false;
  if (own.type == GAIJIN_NUMBER) return own.number == label->number;
  return own.size == label->size && memcmp(own.bytes, label->bytes, own.size) == 0;
}

/* ---- Lists ---- */

static void append(struct label_wait_list *l, struct label_wait *k) {
  assert(!k->list);
  k->list = l;
  k->next = NULL;
  k->prev = l->last;
  if (l->last)
    l->last->next = k;
  else
    l->first = k;
  l->last = k;
}

static void leave_list(struct label_wait *k) {
  struct label_wait_list *l = k->list;
  assert(l);
  if (k->prev)
    k->prev->next = k->next;
  else
    l->first = k->next;
  if (k->next)
    k->next->prev = k->prev;
  else
    l->last = k->prev;
  k->list = NULL;
}

static bool is_due(const struct label_wait *k) { return k->list == &k->asker->due; }

/* The asker gets its turn after all others. */
static void enter_turns(struct label_waits *s, struct label_asker *a) {
  a->next_due = NULL;
  a->prev_due = s->last_due;
  if (s->last_due)
    s->last_due->next_due = a;
  else
    s->first_due = a;
  s->last_due = a;
}

static void leave_turns(struct label_waits *s, struct label_asker *a) {
  assert(a->prev_due ? a->prev_due->next_due == a : s->first_due == a);
  if (a->prev_due)
    a->prev_due->next_due = a->next_due;
  else
    s->first_due = a->next_due;
  if (a->next_due)
    a->next_due->prev_due = a->prev_due;
  else
    s->last_due = a->prev_due;
}

static void make_due(struct worker *w, struct label_wait *k) {
  if (!k->asker->due.first) enter_turns(w->label_waits, k->asker);
  append(&k->asker->due, k);
  w->backlog.n_due++;
}

static struct label_wait **by_request(struct label_waits *s, uint64_t request) {
  return &s->by_request[request % BUCKETS]; /* the broker counts them up */
}

/* Takes it out of all but its asker's account. */
static void take_out(struct worker *w, struct label_wait *k) {
  struct label_waits *s = w->label_waits;
  struct label_wait **p = by_request(s, k->request.id);
  bool was_due = is_due(k);
  assert(s->n > 0 && (!was_due || w->backlog.n_due > 0));
  w->backlog.n_due -= was_due;
  leave_list(k);
  if (was_due && !k->asker->due.first) leave_turns(s, k->asker);
  while (*p != k) p = &(*p)->next_by_request;
  *p = k->next_by_request;
  s->n--;
}

/* ---- Askers ---- */

static struct label_asker **asker_slot(struct label_waits *s, uint64_t host) {
  struct label_asker **p = &s->askers[host % ASKER_BUCKETS]; /* the broker chose them at random */
  while (*p && (*p)->host != host) p = &(*p)->next;
  return p;
}

static struct label_asker *get_asker(struct label_waits *s, uint64_t host) {
  struct label_asker **p = asker_slot(s, host);
  if (!*p && (*p = calloc(1, sizeof **p))) (*p)->host = host;
  return *p;
}

static void forget_if_unused(struct label_waits *s, const struct label_asker *a) {
  if (a->n > 0) return;
  assert(a->bytes == 0);
  struct label_asker **p = asker_slot(s, a->host), *gone = *p;
  *p = gone->next;
  free(gone);
}

/* ---- Adding and taking ---- */

static bool open_book(struct worker *w) {
  if (w->label_waits) return true;
  struct label_waits *s = calloc(1, sizeof *s);
  if (!s) return false;
  if (getrandom(&s->seed, sizeof s->seed, 0) != sizeof s->seed) {
    free(s);
    return false;
  }
  w->label_waits = s;
  return true;
}

/* Whether there is room for one more of the asker. */
static bool has_room(const struct label_waits *s, const struct label_asker *a, uint32_t size) {
  uint32_t n = LABEL_WAITS_ALL * LABEL_WAITS_MOST - s->n;
  uint32_t bytes = LABEL_WAITS_ALL * LABEL_WAITS_BYTES_MOST - s->bytes;
  if (n > LABEL_WAITS_MOST) n = LABEL_WAITS_MOST;
  if (bytes > LABEL_WAITS_BYTES_MOST) bytes = LABEL_WAITS_BYTES_MOST;
  return a->n < n && a->bytes <= bytes && size <= bytes - a->bytes;
}

bool label_waits_is(const struct gaijin_request *request, const gaijin_body *body) {
  struct gaijin_value v;
  size_t at = 0;
  if (request->op != GAIJIN_OP_S2T || request->one_way || gaijin_body_count(body) != 2)
    return false;
  return gaijin_body_look(body, &at, &v) && is_label(&v) && gaijin_body_look(body, &at, &v) &&
         v.type == GAIJIN_BOOL && v.boolean;
}

enum label_waits_outcome label_waits_add(struct worker *w, const struct gaijin_request *request,
                                         double asked_until, gaijin_body *body, bool due) {
  struct gaijin_value label;
  if (!open_book(w)) return LABEL_WAITS_NO_MEMORY;
  struct label_waits *s = w->label_waits;
  struct label_asker *a = get_asker(s, request->caller);
  if (!a) return LABEL_WAITS_NO_MEMORY;
  bool is = gaijin_body_peek(body, &label) && is_label(&label);
  assert(is && !request->one_way);
  (void)is;
  uint32_t size = label.type == GAIJIN_STRING ? label.size : 0;
  if (!has_room(s, a, size)) return forget_if_unused(s, a), LABEL_WAITS_FULL;
  struct label_wait *k = calloc(1, sizeof *k);
  if (!k) return forget_if_unused(s, a), LABEL_WAITS_NO_MEMORY;
  k->asker = a;
  k->request = *request;
  k->asked_until = asked_until;
  k->body = body;
  k->size = size;
  if (due)
    make_due(w, k);
  else
    append(list_of(s, &label), k);
  struct label_wait **p = by_request(s, request->id);
  k->next_by_request = *p;
  *p = k;
  s->n++;
  a->n++;
  a->bytes += size;
  s->bytes += size;
  return LABEL_WAITS_OK;
}

const char *label_waits_fault(enum label_waits_outcome outcome) {
  assert(outcome != LABEL_WAITS_OK);
  return outcome == LABEL_WAITS_FULL ? "you wait for as many labels of this worker as you may"
                                     : "memory is too short to wait for a label";
}

void label_waits_set(struct worker *w, const struct gaijin_value *label) {
  struct label_waits *s = w->label_waits;
  struct label_wait *next;
  if (!s || s->n == 0) return;
  for (struct label_wait *k = list_of(s, label)->first; k; k = next) {
    next = k->next;
    if (!waits_for(k, label)) continue;
    leave_list(k);
    make_due(w, k);
  }
}

struct label_wait *label_waits_take(struct worker *w) {
  struct label_waits *s = w->label_waits;
  struct label_asker *a = s ? s->first_due : NULL;
  if (!a) return NULL;
  struct label_wait *k = a->due.first;
  assert(k);
  take_out(w, k);
  if (a->due.first && a->next_due) {
    leave_turns(s, a);
    enter_turns(s, a);
  }
  return k;
}

void label_waits_free(struct worker *w, struct label_wait *k) {
  struct label_asker *a = k->asker;
  assert(!k->list && a->n > 0);
  a->n--;
  a->bytes -= k->size;
  w->label_waits->bytes -= k->size;
  forget_if_unused(w->label_waits, a);
  gaijin_body_free(k->body);
  free(k);
}

/* ---- Ends ---- */

bool label_waits_cancel(struct worker *w, uint64_t request) {
  struct label_waits *s = w->label_waits;
  struct label_wait *k = s ? *by_request(s, request) : NULL;
  while (k && k->request.id != request) k = k->next_by_request;
  if (!k) return false;
  take_out(w, k);
  label_waits_free(w, k);
  return true;
}

/* Forgets all, each with an answer if there is a text. */
static void end_all(struct worker *w, enum gaijin_status status, const char *text) {
  struct label_waits *s = w->label_waits;
  struct label_wait *k;
  for (unsigned i = 0; s && i < BUCKETS; i++) {
    while ((k = s->by_request[i])) {
      if (text) gaijin_answer_error(w->g, k->request.id, k->request.op, status, text);
      take_out(w, k);
      label_waits_free(w, k);
    }
  }
  assert(label_waits_count(w) == 0);
}

void label_waits_refuse_all(struct worker *w, enum gaijin_status status, const char *text) {
  assert(text);
  end_all(w, status, text);
}

unsigned label_waits_count(const struct worker *w) {
  return w->label_waits ? w->label_waits->n : 0;
}

void label_waits_deinit(struct worker *w) {
  end_all(w, GAIJIN_STATUS_DEAD, NULL);
  free(w->label_waits);
  w->label_waits = NULL;
}

/* ---- Check ---- */

static const char *check_list(const struct label_waits *s, const struct label_wait_list *l,
                              unsigned *n) {
  for (const struct label_wait *k = l->first, *before = NULL; k; before = k, k = k->next, ++*n) {
    struct gaijin_value label;
    if (k->list != l || k->prev != before) return "label waits: a broken link";
    if (!k->next && l->last != k) return "label waits: the last is not the last";
    if (!gaijin_body_peek(k->body, &label) || !is_label(&label))
      return "label waits: one for no label";
    if (!is_due(k) && &s->by_label[hash_of(s, &label) % BUCKETS] != l)
      return "label waits: one in the bucket of another label";
    if (k->asker->n == 0 || k->asker->host != k->request.caller)
      return "label waits: one of another asker";
  }
  return NULL;
}

const char *label_waits_check(const struct worker *w) {
  const struct label_waits *s = w->label_waits;
  unsigned in_lists = 0, by_request = 0;
  if (!s) return w->backlog.n_due ? "label waits: some are due and none is there" : NULL;
  const char *fault = NULL;
  for (const struct label_asker *a = s->first_due, *before = NULL; !fault && a;
       before = a, a = a->next_due)
    fault = a->due.first && a->prev_due == before ? check_list(s, &a->due, &in_lists)
                                                  : "label waits: a turn of nobody";
  if (!fault && in_lists != w->backlog.n_due) fault = "label waits: another number is due";
  for (unsigned i = 0; !fault && i < BUCKETS; i++) {
    fault = check_list(s, &s->by_label[i], &in_lists);
    for (const struct label_wait *k = s->by_request[i]; k; k = k->next_by_request) by_request++;
  }
  if (fault) return fault;
  return in_lists == s->n && by_request == s->n ? NULL : "label waits: another number of them";
}
