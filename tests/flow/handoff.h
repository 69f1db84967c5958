/* SPDX-License-Identifier: MIT
 *
 * A hand-off between three clients, one message at a time. A asks H for an object
 * and C for a function, calls the function with the object (twice) and one of its own, and
 * gives its reference back at once; C reads a field of the object, answers, and lets go.
 * Meanwhile A has asked H for the object again, and H answers when the broker has already
 * sent it word that nobody holds it: A keeps that one.
 *
 * The clients are connections of the client library, the broker is broker_wire.h's:
 * all of it runs in the test's thread, so every event (bytes written, broker's
 * turn, input handled) happens exactly when the test says so and no time passes.
 * A client is killed as SIGKILL does it: its socket is closed, what it had written
 * stays written, its input is never read.
 */
#ifndef GAIJIN_TESTS_HANDOFF_H
#define GAIJIN_TESTS_HANDOFF_H

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <gaijin/gaijin.h>
#include "tests/bed/books.h"
#include "tests/unit/broker_wire.h"

enum { PARTY_A, PARTY_C, PARTY_H, PARTIES };
enum { PARTY_KEEPS = 8, REST_ROUNDS = 400 };

struct handoff;

struct party {
  struct handoff *of;
  const char *name;
  gaijin *g; /* NULL: dead */
  gaijin_token *token; /* the object; C: the function. NULL while nobody was sent it */
  gaijin_holding *kept[PARTY_KEEPS];
  unsigned n_kept;
  unsigned asked, told; /* requests, answers to them */
  unsigned served;      /* calls */
  enum gaijin_status failed;   /* the error that ended its part; raised (0): none */
  bool done;
  uint64_t owed;    /* C: the call of A's to be answered */
  uint64_t put_off; /* H: the request answered later */
  bool putting_off; /* not answered yet */
  bool cancelled;   /* H was told that nobody waits for it */
};

struct handoff {
  struct wire w;
  struct party p[PARTIES];
  bool separate;   /* A lets go in a step of its own, not together with the call */
  bool late;       /* H puts nothing off any more */
  bool cancel_due; /* the broker knows that A died, and H has not answered it */
  const char *story; /* for failures */
  const struct gaijin_events *events; /* of the clients; NULL: party_events */
};

#define party_check(h, condition) ck_assert_msg((condition), "%s: %s", (h)->story, #condition)

/* ---- What a client does ---- */

static inline void party_keep(struct party *p, gaijin_holding *holding) {
  ck_assert_uint_lt(p->n_kept, PARTY_KEEPS);
  gaijin_hold(p->g, holding);
  p->kept[p->n_kept++] = holding;
}
/* Lets go of the one kept last, or first. */
static inline void party_drop_last(struct party *p) { gaijin_let_go(p->g, p->kept[--p->n_kept]); }
static inline void party_drop_first(struct party *p) {
  gaijin_let_go(p->g, p->kept[0]);
  for (unsigned i = 1; i < p->n_kept; i++) p->kept[i - 1] = p->kept[i];
  p->n_kept--;
}

static inline void party_ended(struct party *p, gaijin_answer_fn fn) {
  ck_assert_int_eq(gaijin_end_request(p->g, fn, p, NULL), 0);
  p->asked++;
}
static inline void party_ask_label(struct party *p, const char *name, gaijin_answer_fn fn) {
  gaijin_begin_request(p->g, &(struct gaijin_send){.op = GAIJIN_OP_S2T, .name = name, .depth = 1}, 1);
  gaijin_put_text(p->g, "label");
  party_ended(p, fn);
}
static inline void party_ask_field(struct party *p, gaijin_holding *holding, gaijin_answer_fn fn) {
  gaijin_begin_request(p->g, &(struct gaijin_send){.op = GAIJIN_OP_GET, .holding = holding, .depth = 2}, 1);
  gaijin_put_text(p->g, "field");
  party_ended(p, fn);
}

/* Notes an answer; true if it is a reply to a client that lives. */
static inline bool party_told(struct party *p, const struct gaijin_answer *answer) {
  if (!p->g) return false;
  p->told++;
  if (!answer->ok) p->failed = answer->status;
  return answer->ok;
}

/* The answer of a label: kept. */
static inline void party_labelled(void *user, const struct gaijin_answer *answer) {
  struct gaijin_value v;
  if (party_told(user, answer)) {
    ck_assert(gaijin_body_next(answer->body, &v) && v.type == GAIJIN_FOREIGN);
    party_keep(user, v.holding);
  }
  gaijin_body_free(answer->body);
}

/* A's call is done: the function, kept first by now, is not needed any more. */
static inline void party_called(void *user, const struct gaijin_answer *answer) {
  struct party *a = user;
  if (party_told(a, answer)) {
    party_drop_first(a);
    a->done = true;
  }
  gaijin_body_free(answer->body);
}

/* A has the object (kept first) and the function. */
static inline void party_hand_over(void *user, const struct gaijin_answer *answer) {
  struct party *a = user;
  party_labelled(a, answer);
  if (!a->g || a->n_kept < 2) return;
  if (!a->token) a->token = gaijin_token_new(a->g, GAIJIN_KIND_TABLE, a);
  gaijin_begin_request(a->g, &(struct gaijin_send){.op = GAIJIN_OP_CALL, .holding = a->kept[1], .depth = 1}, 3);
  gaijin_put_holding(a->g, a->kept[0]);
  gaijin_put_holding(a->g, a->kept[0]);
  gaijin_put_token(a->g, a->token);
  party_ended(a, party_called);
  if (!a->of->separate) party_drop_first(a);
  party_ask_label(a, "H", party_labelled);
}
static inline void party_have_object(void *user, const struct gaijin_answer *answer) {
  struct party *a = user;
  party_labelled(a, answer);
  if (a->g && a->n_kept) party_ask_label(a, "C", party_hand_over);
}
static inline void party_start(struct party *a) { party_ask_label(a, "H", party_have_object); }

/* C has read the field, or could not: now A's call is answered. */
static inline void party_have_field(void *user, const struct gaijin_answer *answer) {
  struct party *c = user;
  if (party_told(c, answer)) {
    gaijin_begin_reply(c->g, c->owed, GAIJIN_OP_CALL, 0);
    ck_assert_int_eq(gaijin_end_answer(c->g), 0);
    while (c->n_kept) party_drop_last(c);
    c->done = true;
  } else if (c->g) {
    ck_assert_int_eq(gaijin_answer_error(c->g, c->owed, GAIJIN_OP_CALL, answer->status, answer->text), 0);
  }
  gaijin_body_free(answer->body);
}

static inline void party_reply_token(struct party *p, uint64_t id, enum gaijin_kind kind) {
  if (!p->token) p->token = gaijin_token_new(p->g, kind, p);
  gaijin_begin_reply(p->g, id, GAIJIN_OP_S2T, 1);
  gaijin_put_token(p->g, p->token);
  ck_assert_int_eq(gaijin_end_answer(p->g), 0);
}

/* C is called: keeps what it is given and reads a field of the first. Without objects it only answers. */
static inline void party_serve_call(struct party *p, uint64_t id, gaijin_body *body) {
  struct gaijin_value v;
  p->served++;
  while (gaijin_body_next(body, &v))
    if (v.type == GAIJIN_FOREIGN && (!p->n_kept || p->kept[0] != v.holding)) party_keep(p, v.holding);
  if (p->n_kept) {
    p->owed = id;
    party_ask_field(p, p->kept[0], party_have_field);
  } else {
    gaijin_begin_reply(p->g, id, GAIJIN_OP_CALL, 0);
    ck_assert_int_eq(gaijin_end_answer(p->g), 0);
  }
}

static inline void party_serve(void *user, const struct gaijin_request *request, gaijin_body *body) {
  struct party *p = user;
  if (request->op == GAIJIN_OP_S2T && p == &p->of->p[PARTY_H] && p->token && !p->of->late) {
    p->put_off = request->id;
    p->putting_off = true;
  } else if (request->op == GAIJIN_OP_S2T) {
    party_reply_token(p, request->id, p == &p->of->p[PARTY_C] ? GAIJIN_KIND_FUNCTION : GAIJIN_KIND_TABLE);
  } else if (request->op == GAIJIN_OP_GET) {
    gaijin_begin_reply(p->g, request->id, GAIJIN_OP_GET, 1);
    gaijin_put_number(p->g, 42);
    ck_assert_int_eq(gaijin_end_answer(p->g), 0);
  } else {
    party_serve_call(p, request->id, body);
  }
  gaijin_body_free(body);
}

/* H answers what it had put off, and puts nothing off from now on. */
static inline void party_answer_late(struct party *p) {
  p->of->late = true;
  if (p->g && p->putting_off) party_reply_token(p, p->put_off, GAIJIN_KIND_TABLE);
  p->putting_off = false;
}

static inline void party_cancelled(void *user, uint64_t id) {
  struct party *p = user;
  if (id == p->put_off) p->cancelled = true;
}

static inline void party_forget(void *user, gaijin_token *token, void *tag) {
  struct party *p = user;
  (void)tag;
  if (p->token == token) p->token = NULL;
}

static const struct gaijin_events party_events = {.request = party_serve, .cancel = party_cancelled, .forget = party_forget};

/* ---- Life and death ---- */

struct party_joining {
  struct party *p;
  const char *socket;
  char error[256];
  atomic_int status; /* -1 while it lasts */
};

static inline void *party_join_thread(void *user) {
  struct party_joining *j = user;
  const struct gaijin_events *events = j->p->of->events ? j->p->of->events : &party_events;
  struct gaijin_options o = {.socket = j->socket, .name = j->p->name, .events = events, .user = j->p};
  atomic_store(&j->status, gaijin_connect(&j->p->g, &o, j->error, sizeof j->error));
  return NULL;
}

/* Saying hello blocks, so it happens in a thread while the broker turns here. */
static inline void party_join(struct handoff *h, unsigned i) {
  static const char *const names[PARTIES] = {"A", "C", "H"};
  h->p[i] = (struct party){.of = h, .name = names[i]};
  struct party_joining j = {.p = &h->p[i], .socket = h->w.path, .status = -1};
  pthread_t thread;
  ck_assert_int_eq(pthread_create(&thread, NULL, party_join_thread, &j), 0);
  while (atomic_load(&j.status) == -1) {
    wire_turn(&h->w);
    sched_yield();
  }
  pthread_join(thread, NULL);
  ck_assert_msg(j.status == 0, "%s: %s joins: %s", h->story, names[i], j.error);
}

/* What the kernel does when a process dies: the socket is closed, with whatever is in it. */
static inline void party_kill(struct party *p) {
  if (!p->g) return;
  gaijin *g = p->g;
  p->g = NULL;
  int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
  ck_assert_int_ge(nowhere, 0);
  ck_assert_int_ge(dup2(nowhere, gaijin_fd(g)), 0);
  close(nowhere);
  gaijin_close(g);
}

/* Killed when the kernel had taken all but the last byte of what it was writing. */
static inline void party_kill_writing(struct party *p) {
  size_t size;
  if (!p->g) return;
  const uint8_t *bytes = books_unsent(p->g, &size);
  if (size > 1) ck_assert_int_eq(send(gaijin_fd(p->g), bytes, size - 1, MSG_NOSIGNAL), (ssize_t)size - 1);
  party_kill(p);
}

static inline void party_flush(struct party *p) {
  if (p->g) ck_assert_int_eq(gaijin_flush(p->g, true), 0);
}
static inline void party_dispatch(struct party *p) {
  if (p->g) ck_assert_msg(gaijin_dispatch(p->g) == 0, "%s: %s lost its connection: %s", p->of->story, p->name, gaijin_error(p->g));
}

/* ---- The whole ---- */

static inline bool party_readable(const struct party *p) {
  struct pollfd f = {.fd = gaijin_fd(p->g), .events = POLLIN};
  return poll(&f, 1, 0) == 1;
}

/* Turns everything until nothing is under way any more; that it comes to that needs no time, only turns. */
static inline void handoff_rest(struct handoff *h) {
  unsigned idle = 0;
  for (unsigned round = 0; idle < 3; round++) {
    ck_assert_msg(round < REST_ROUNDS, "%s: it does not come to rest", h->story);
    bool moved = false;
    wire_turn(&h->w);
    for (unsigned i = 0; i < PARTIES; i++) {
      struct party *p = &h->p[i];
      if (!p->g) continue;
      moved = moved || party_readable(p);
      party_dispatch(p);
      moved = moved || gaijin_queued_bytes(p->g) || gaijin_releases(p->g);
      party_flush(p);
    }
    idle = moved ? 0 : idle + 1;
  }
}

struct handoff_books {
  struct handoff *h;
  uint32_t host; /* whose books they are */
};

static inline uint32_t handoff_token(struct handoff *h, const struct gaijin_pt *pt) {
  struct pt wire = {.host = pt->host, .id = pt->id, .stamp = pt->stamp, .kind = pt->kind};
  uint32_t token, host = hosts_find(&h->w.broker.hosts, pt->host);
  ck_assert_msg(host != SLAB_NONE && refs_find(&h->w.broker.refs, host, &wire, &token) == REFS_OK,
                "%s: the broker does not know a token", h->story);
  return token;
}
static inline void handoff_same_count(void *user, const struct gaijin_pt *pt, uint64_t count) {
  struct handoff_books *b = user;
  uint64_t broker = refs_count(&b->h->w.broker.refs, handoff_token(b->h, pt), b->host);
  ck_assert_msg(count == broker, "%s: a holding counts %llu, in the broker %llu", b->h->story, (unsigned long long)count,
                (unsigned long long)broker);
}
static inline void handoff_same_sent(void *user, const struct gaijin_pt *pt, uint64_t sent) {
  struct handoff_books *b = user;
  uint64_t seen = refs_token(&b->h->w.broker.refs, handoff_token(b->h, pt))->seen;
  ck_assert_msg(sent == seen, "%s: a token was sent %llu times, the broker has seen %llu", b->h->story, (unsigned long long)sent,
                (unsigned long long)seen);
}

/* At rest: the books of those alive and the broker's say the same, and nobody waits for anything. */
static inline void handoff_agree(struct handoff *h) {
  const struct broker *b = &h->w.broker;
  for (unsigned i = 0; i < PARTIES; i++) {
    struct party *p = &h->p[i];
    if (!p->g) continue;
    struct handoff_books books = {h, hosts_find(&b->hosts, gaijin_host(p->g))};
    books_each_holding(p->g, handoff_same_count, &books);
    books_each_token(p->g, handoff_same_sent, &books);
    party_check(h, refs_held_count(&b->refs, books.host) == gaijin_holding_count(p->g));
    party_check(h, refs_export_count(&b->refs, books.host) == gaijin_token_count(p->g));
    party_check(h, p->asked == p->told);
    /* `lost` is what was under way, `dead` what was asked later. */
    party_check(h, p->failed == GAIJIN_STATUS_RAISED || p->failed == GAIJIN_STATUS_DEAD || p->failed == GAIJIN_STATUS_LOST);
  }
  party_check(h, b->calls.all.count == 0);
}

static inline void handoff_used(void *user, const struct gaijin_answer *answer) {
  struct party *p = user;
  p->failed = GAIJIN_STATUS_RAISED;
  party_told(p, answer);
  gaijin_body_free(answer->body);
}

/* What those alive hold works, or raises `dead` if its host is. */
static inline void handoff_use(struct handoff *h) {
  for (unsigned i = 0; i < PARTIES; i++) {
    for (unsigned k = 0; h->p[i].g && k < h->p[i].n_kept; k++) {
      struct party *p = &h->p[i];
      bool alive = false;
      for (unsigned n = 0; n < PARTIES; n++)
        alive = alive || (h->p[n].g && gaijin_host(h->p[n].g) == gaijin_holding_pt(p->kept[k]).host);
      party_ask_field(p, p->kept[k], handoff_used);
      handoff_rest(h);
      ck_assert_msg(p->failed == (alive ? GAIJIN_STATUS_RAISED : GAIJIN_STATUS_DEAD), "%s: %s uses what it holds: %s", h->story, p->name,
                    gaijin_status_name(p->failed));
      party_check(h, gaijin_host_dead(p->g, gaijin_holding_pt(p->kept[k]).host) == !alive);
    }
  }
}

/* Everyone alive lets go: then nobody has anything left. */
static inline void handoff_clean(struct handoff *h) {
  const struct broker *b = &h->w.broker;
  unsigned alive = 0;
  for (unsigned i = 0; i < PARTIES; i++)
    while (h->p[i].g && h->p[i].n_kept) party_drop_last(&h->p[i]);
  handoff_rest(h);
  handoff_agree(h);
  for (unsigned i = 0; i < PARTIES; i++) {
    if (!h->p[i].g) continue;
    alive++;
    party_check(h, gaijin_token_count(h->p[i].g) == 0);
    party_check(h, gaijin_holding_count(h->p[i].g) == 0);
  }
  party_check(h, b->refs.tokens.count == 0);
  party_check(h, b->refs.holds.count == 0);
  for (uint32_t i = slab_next(&b->loads.all, 0); i != SLAB_NONE; i = slab_next(&b->loads.all, i + 1))
    party_check(h, loads_at(&b->loads, i)->held == 0);
  party_check(h, b->hosts.all.count == alive);
}

/* $DEATH_STRIDE, or another number if it is not set. */
static inline unsigned handoff_stride(int otherwise) {
  const char *text = getenv("DEATH_STRIDE");
  int n = text ? atoi(text) : otherwise;
  ck_assert_msg(n > 0, "DEATH_STRIDE takes a number from 1, not '%s'", text);
  return (unsigned)n;
}

static inline void handoff_open(struct handoff *h) {
  memset(h, 0, sizeof *h);
  h->story = "opening";
  wire_open(&h->w, NULL);
}
static inline void handoff_join(struct handoff *h) {
  h->late = h->cancel_due = false;
  for (unsigned i = 0; i < PARTIES; i++) party_join(h, i);
}
/* Everyone leaves; the broker stays. */
static inline void handoff_leave(struct handoff *h) {
  for (unsigned i = 0; i < PARTIES; i++) party_kill(&h->p[i]);
  handoff_rest(h);
  party_check(h, h->w.broker.hosts.all.count == 0);
  party_check(h, h->w.broker.connections.all == NULL);
}

#endif
