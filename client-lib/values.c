/* SPDX-License-Identifier: MIT
 *
 * Bodies of received messages. Every PT is counted in when the message arrives
 * (gj_values_arrive) and given back exactly once: when the reader has moved past it,
 * when the body is freed, or at once if nobody gets the body.
 *
 * A home PT is found again by id, stamp and kind when it is read: what was there on
 * arrival is pinned and cannot have gone, what was not there cannot have come,
 * because ids are not used twice. The same holds for holdings by their pending.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "client-lib/internal.h"
#include "proto/sanitizer.h"

struct arrival {
  gaijin *g;
  uint32_t pts;
  const char *fault;
};

static void arrive(void *user, const struct value *v) {
  struct arrival *a = user;
  const struct pt *pt = &v->pt;
  if (a->fault || v->type != VALUE_PT) return;
  if (pt->host == a->g->host) {
    gaijin_token *t = gj_token_find(a->g, pt);
    if (t) t->pins++;
  } else if (!gj_holding_arrive(a->g, pt, &a->fault)) {
    return;
  }
  a->pts++;
}

/* Takes back the first `pts` PTs of a body that did not arrive. */
static void unarrive(gaijin *g, const struct message *m, uint32_t pts) {
  struct reader r = {m->body, m->body + m->body_size};
  struct value v;
  while (pts && reader_next(&r, &v)) {
    if (v.type != VALUE_PT) continue;
    pts--;
    if (v.pt.host != g->host) {
      gj_holding_unarrive(g, gj_holding_lookup(g, v.pt.host, v.pt.id));
      continue;
    }
    gaijin_token *t = gj_token_find(g, &v.pt);
    if (t) gj_token_unpin(g, t);
  }
}

const char *gj_values_arrive(gaijin *g, const struct message *m, uint32_t *pts) {
  struct arrival a = {.g = g};
  const char *fault = body_walk(m->body, m->body_size, arrive, &a);
  *pts = a.pts;
  if (!fault && a.fault == gj_no_memory) {
    unarrive(g, m, a.pts);
    *pts = 0;
  }
  return fault ? fault : a.fault;
}

/* `home`: our host id when it came. */
static void give_back_pt(gaijin *g, const struct pt *pt, uint64_t home) {
  if (pt->host == home) {
    gaijin_token *t = gj_token_find(g, pt);
    if (t) gj_token_unpin(g, t);
  } else {
    gj_holding_unpend(g, gj_holding_lookup(g, pt->host, pt->id));
  }
}

/* Gives back the next `pts` PTs from a reader. */
static void give_back(gaijin *g, struct reader *r, uint32_t pts, uint64_t home) {
  struct value v;
  while (pts && reader_next(r, &v)) {
    if (v.type != VALUE_PT) continue;
    give_back_pt(g, &v.pt, home);
    pts--;
  }
}

void gj_values_give_back(gaijin *g, const struct message *m, uint32_t pts) {
  struct reader r = {m->body, m->body + m->body_size};
  give_back(g, &r, pts, g->host);
}

/* Bodies of small messages have all the same room, so that each is good for any other: who takes
 * small messages, also many that came at once, needs no memory for each. Some 16 KiB of them are
 * kept. AddressSanitizer would not see one that is used after its end. */
enum { SPARE_ROOM = 96, SPARE_BODIES_KEPT = 64 };

static gaijin_body *new_body(gaijin *g, uint32_t room) {
  gaijin_body *b = g->spare_bodies;
  if (room > SPARE_ROOM || !b) {
    if (room < SPARE_ROOM) room = SPARE_ROOM;
    if ((b = malloc(sizeof *b + room))) b->room = room;
    return b;
  }
  g->spare_bodies = b->next_spare;
  g->n_spare_bodies--;
  return b;
}

static void free_body(gaijin *g, gaijin_body *b) {
  free(b->taken);
  if (WITH_ASAN || b->room != SPARE_ROOM || g->n_spare_bodies >= SPARE_BODIES_KEPT) {
    free(b);
    return;
  }
  b->next_spare = g->spare_bodies;
  g->spare_bodies = b;
  g->n_spare_bodies++;
}

void gj_values_deinit(gaijin *g) {
  while (g->spare_bodies) {
    gaijin_body *b = g->spare_bodies;
    g->spare_bodies = b->next_spare;
    free(b);
  }
  g->n_spare_bodies = 0;
}

/* Whether the program can have what was read instead of a copy. An error's text is ended behind the
 * body, where there is nothing. */
static bool may_take(const gaijin *g, const struct message *m) {
  const struct frame *f = &g->in;
  bool was_read = f->start > 0 && m->body + m->body_size == f->in.bytes + f->start;
  return was_read && m->kind != MESSAGE_ERROR && frame_may_give(f, m->body_size);
}

gaijin_body *gj_values_new(gaijin *g, const struct message *m, uint32_t pts) {
  bool takes = m->body_size > SPARE_ROOM && may_take(g, m);
  gaijin_body *b = new_body(g, takes ? 0 : m->body_size + 1);
  if (!b) return NULL;
  b->taken = takes ? frame_give(&g->in) : NULL;
  b->bytes = takes ? b->taken + (m->body - b->taken) : b->copy;
  if (!takes) {
    memcpy(b->copy, m->body, m->body_size);
    b->copy[m->body_size] = 0;
  }
  b->g = g;
  b->home = g->host;
  b->epoch = g->ret.epoch;
  b->depth = 0;
  b->pts = pts;
  b->caller = 0;
  b->window_bytes = 0;
  b->target = NULL;
  b->token = NULL;
  b->holding = NULL;
  reader_open(&b->reader, b->bytes, m->body_size, &b->left[0]);
  return b;
}

/* Gives back the value read last. */
static void move_on(gaijin_body *b) {
  gaijin_token *t = b->token;
  gaijin_holding *h = b->holding;
  b->token = NULL;
  b->holding = NULL;
  if (t) gj_token_unpin(b->g, t);
  if (h) gj_holding_unpend(b->g, h);
}

size_t gaijin_body_size(const gaijin_body *b) { return (size_t)(b->reader.end - b->bytes); }

uint32_t gaijin_body_count(const gaijin_body *b) { return b->left[0]; }

static void pt_value(gaijin_body *b, const struct pt *pt, struct gaijin_value *v) {
  assert(b->pts > 0);
  b->pts--;
  if (pt->host == b->home) {
    v->token = b->token = gj_token_find(b->g, pt);
    v->type = v->token ? GAIJIN_HOME : GAIJIN_STALE;
  } else {
    v->holding = b->holding = gj_holding_lookup(b->g, pt->host, pt->id);
    v->type = GAIJIN_FOREIGN;
    assert(v->holding); /* it is pending since it arrived */
  }
}

static struct gaijin_value plain_value(const struct value *in) {
  static const enum gaijin_type types[] = {
      [VALUE_NIL] = GAIJIN_NIL,       [VALUE_BOOL] = GAIJIN_BOOL,   [VALUE_NUMBER] = GAIJIN_NUMBER,
      [VALUE_STRING] = GAIJIN_STRING, [VALUE_ARRAY] = GAIJIN_ARRAY, [VALUE_PT] = GAIJIN_STALE,
      [VALUE_NULL] = GAIJIN_NULL};
  return (struct gaijin_value){.type = types[in->type],
                               .boolean = in->boolean,
                               .number = in->number,
                               .is_uint = in->is_uint,
                               .integer = in->integer,
                               .bytes = in->bytes,
                               .size = in->size,
                               .count = in->count};
}

/* ---- Values ----
 *
 * Most values are numbers and short strings. These are read here as reader_next does, without a
 * struct value in between; many numbers at once: numbers.c. */

static inline struct gaijin_value uint_value(uint64_t n) {
  return (struct gaijin_value){
      .type = GAIJIN_NUMBER, .number = (double)n, .is_uint = true, .integer = n};
}

/* Reads the value at *at if it is a small integer or a short string. */
static inline bool usual_value(const uint8_t **at, const uint8_t *end, struct gaijin_value *v) {
  const uint8_t *p = *at;
  size_t left = (size_t)(end - p);
  if (left == 0) return false;
  if (p[0] < 0x80) {
    *v = uint_value(p[0]);
    *at = p + 1;
    return true;
  }
  uint32_t head = 1, size = p[0] & 0x1f;
  if (p[0] == 0xd9 && left >= 2) {
    head = 2;
    size = p[1];
  } else if ((p[0] & 0xe0) != 0xa0) {
    return false;
  }
  if (left - head < size) return false;
  *v = (struct gaijin_value){.type = GAIJIN_STRING, .bytes = (const char *)p + head, .size = size};
  *at = p + head + size;
  return true;
}

static bool peek(const gaijin_body *b, struct gaijin_value *v) {
  struct reader r = b->reader;
  struct value in;
  unsigned depth = b->depth;
  while (depth && b->left[depth] == 0) depth--;
  if (b->left[depth] == 0) return false;
  if (usual_value(&r.at, r.end, v)) return true;
  memset(&in, 0, sizeof in);
  if (!reader_next(&r, &in) || in.type == VALUE_ARRAY || in.type == VALUE_PT) return false;
  *v = plain_value(&in);
  return true;
}

bool gaijin_body_peek_sized(const gaijin_body *b, struct gaijin_value *v, size_t size) {
  struct gaijin_value own;
  if (size == sizeof *v) return peek(b, v);
  if (!peek(b, &own)) return false;
  gj_give_struct(v, size, &own, sizeof own);
  return true;
}

static bool look(const gaijin_body *b, size_t *at, struct gaijin_value *v) {
  struct value in;
  if (*at >= (size_t)(b->reader.end - b->reader.at)) return false;
  struct reader r = {b->reader.at + *at, b->reader.end};
  if (!usual_value(&r.at, r.end, v)) {
    memset(&in, 0, sizeof in);
    if (!reader_next(&r, &in)) return false;
    *v = plain_value(&in);
    if (in.type == VALUE_PT) v->type = GAIJIN_FOREIGN;
  }
  *at = (size_t)(r.at - b->reader.at);
  return true;
}

bool gaijin_body_look_sized(const gaijin_body *b, size_t *at, struct gaijin_value *v,
                            size_t size) {
  struct gaijin_value own;
  if (size == sizeof *v) return look(b, at, v);
  if (!look(b, at, &own)) return false;
  gj_give_struct(v, size, &own, sizeof own);
  return true;
}

/* Gives back the value read last, and leaves arrays that have been read. The values that are left
 * of the one the next value is in. */
static inline uint32_t *step(gaijin_body *b) {
  if (b->token || b->holding) move_on(b);
  while (b->depth && b->left[b->depth] == 0) b->depth--;
  return &b->left[b->depth];
}

uint32_t *gj_values_step(gaijin_body *b) { return step(b); }

/* Reads the next value if it is a PT. */
static bool next_pt(gaijin_body *b, struct gaijin_value *v) {
  const uint8_t *at = b->reader.at;
  struct pt pt;
  if (*at != PT_MARK || !pt_read(at, (uint32_t)(b->reader.end - at), &pt)) return false;
  b->reader.at = at + PT_WIRE_BYTES;
  *v = (struct gaijin_value){0};
  pt_value(b, &pt, v);
  return true;
}

static bool body_next(gaijin_body *b, struct gaijin_value *v) {
  uint32_t *left = step(b);
  if (*left == 0) return false;
  if (usual_value(&b->reader.at, b->reader.end, v) || next_pt(b, v)) {
    --*left;
    return true;
  }
  struct value in;
  memset(&in, 0, sizeof in);
  if (!reader_next(&b->reader, &in)) return false;
  --*left;
  if (in.type == VALUE_ARRAY) {
    assert(b->depth < BODY_DEPTH_MAX); /* the body was walked on arrival */
    b->left[++b->depth] = in.count;
  }
  assert(in.type != VALUE_PT);
  *v = plain_value(&in);
  return true;
}

/* For a program whose header has another struct gaijin_value; out of the way of the others. */
__attribute__((noinline)) static bool next_of_size(gaijin_body *b, struct gaijin_value *v,
                                                   size_t size) {
  struct gaijin_value own;
  if (!body_next(b, &own)) return false;
  gj_give_struct(v, size, &own, sizeof own);
  return true;
}

bool gaijin_body_next_sized(gaijin_body *b, struct gaijin_value *v, size_t size) {
  return size == sizeof *v ? body_next(b, v) : next_of_size(b, v, size);
}

static void note_pt(void *user, const struct value *v) {
  bool *has = user;
  if (v->type == VALUE_PT) *has = true;
}

bool gaijin_body_rewind(gaijin_body *b) {
  uint32_t size = (uint32_t)(b->reader.end - b->bytes);
  bool has_pt = false;
  const char *fault = body_walk(b->bytes, size, note_pt, &has_pt);
  assert(!fault); /* it was walked on arrival */
  (void)fault;
  if (has_pt) return false;
  assert(!b->token && !b->holding && b->pts == 0);
  b->depth = 0;
  return reader_open(&b->reader, b->bytes, size, &b->left[0]);
}

void gj_values_skip(gaijin_body *b) {
  move_on(b);
  give_back(b->g, &b->reader, b->pts, b->home);
  b->pts = 0;
}

void gaijin_body_free(gaijin_body *b) {
  if (!b) return;
  gaijin_body_taken(b);
  gj_values_skip(b);
  if (b->target) gj_token_unpin(b->g, b->target);
  free_body(b->g, b);
}
