/* SPDX-License-Identifier: MIT
 *
 * A broker played by hand, for the unit tests of client-lib/: it listens on a
 * socket of its own in a fresh directory, a thread answers hello, and from then on
 * the test reads and writes single messages. Both ends live in the test's process and
 * nothing waits for time: what one end has flushed the other end can read at once.
 */
#ifndef GAIJIN_TESTS_FAKE_BROKER_H
#define GAIJIN_TESTS_FAKE_BROKER_H

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <gaijin/gaijin.h>
#include "client-lib/internal.h"
#include "proto/hello.h"
#include "tests/unit/run.h"

enum { FAKE_HOST = 100, OTHER_HOST = 200, THIRD_HOST = 300, FAKE_EVENTS = 64, FAKE_LIMIT_MS = 10000 };

/* What the program under test was told. */
struct told {
  unsigned requests, cancels, frees, forgets, deads, answers, refusals, rooms, starved;
  uint64_t room; /* whose was told last */
  enum gaijin_status refused;
  struct gaijin_request request[FAKE_EVENTS];
  gaijin_body *body[FAKE_EVENTS];
  uint64_t cancelled[FAKE_EVENTS], free_id[FAKE_EVENTS], dead[FAKE_EVENTS];
  void *forgotten[FAKE_EVENTS];
  struct gaijin_answer answer[FAKE_EVENTS]; /* text is copied */
  char text[FAKE_EVENTS][256];
};

struct fake {
  char dir[RUN_PATH], path[96];
  int listener, fd;
  uint32_t max_message;
  struct window window; /* told in hello; 0 posts: none is */
  gaijin *g;
  struct frame in;
  struct message m; /* the message fake_next read last */
  struct buffer out;
  struct pack p; /* the message being written */
  struct told told;
};

/* ---- Events of the program under test (plain ifs: an assertion of Check allocates, and memory may be short here) ---- */

static inline void told_request(void *user, const struct gaijin_request *request, gaijin_body *body) {
  struct told *t = &((struct fake *)user)->told;
  if (t->requests >= FAKE_EVENTS) ck_abort_msg("too many requests");
  t->request[t->requests] = *request;
  t->body[t->requests++] = body;
}
static inline void told_cancel(void *user, uint64_t id) {
  struct told *t = &((struct fake *)user)->told;
  t->cancelled[t->cancels++ % FAKE_EVENTS] = id;
}
static inline void told_free(void *user, uint64_t id) {
  struct told *t = &((struct fake *)user)->told;
  t->free_id[t->frees++ % FAKE_EVENTS] = id;
}
static inline void told_forget(void *user, gaijin_token *token, void *tag) {
  struct told *t = &((struct fake *)user)->told;
  if (gaijin_token_tag(token) != tag) ck_abort_msg("forgot a token with another's tag");
  t->forgotten[t->forgets++ % FAKE_EVENTS] = tag;
}
static inline void told_dead(void *user, uint64_t host) {
  struct told *t = &((struct fake *)user)->told;
  t->dead[t->deads++ % FAKE_EVENTS] = host;
}
/* A gaijin_answer_fn; user is the struct fake. Bodies are the test's to free. */
static inline void told_answer(void *user, const struct gaijin_answer *answer) {
  struct told *t = &((struct fake *)user)->told;
  unsigned n = t->answers++;
  if (n >= FAKE_EVENTS) ck_abort_msg("too many answers");
  t->answer[n] = *answer;
  snprintf(t->text[n], sizeof t->text[n], "%s", answer->text);
  t->answer[n].text = t->text[n];
}

static inline void told_refused(void *user, enum gaijin_op op, enum gaijin_status status, const char *text) {
  struct told *t = &((struct fake *)user)->told;
  (void)op;
  (void)text;
  t->refused = status;
  t->refusals++;
}

static inline void told_starved(void *user) {
  struct fake *f = user;
  f->told.starved++;
}
static inline void told_room(void *user, uint64_t host) {
  struct told *t = &((struct fake *)user)->told;
  t->room = host;
  t->rooms++;
}

static const struct gaijin_events fake_events = {
    .request = told_request, .cancel = told_cancel, .free = told_free, .forget = told_forget, .refused = told_refused, .dead = told_dead, .room = told_room,
    .starved = told_starved};

/* ---- The broker's end ---- */

static inline void fake_begin(struct fake *f, enum message_kind kind, enum gaijin_op op, uint64_t id, uint32_t count) {
  struct message m = {.kind = kind, .op = (enum op)op, .id = id, .peer = kind == MESSAGE_REQUEST ? OTHER_HOST : 0, .depth = kind == MESSAGE_REQUEST};
  pack_begin(&f->p, &f->out, f->max_message, &m, count);
}
static inline void fake_begin_to(struct fake *f, enum gaijin_op op, uint64_t id, const struct gaijin_pt *pt, uint32_t count) {
  struct message m = {.kind = MESSAGE_REQUEST, .op = (enum op)op, .id = id, .peer = OTHER_HOST, .depth = 1,
                      .target = OP_PT, .pt = gj_pt_wire(pt)};
  pack_begin(&f->p, &f->out, f->max_message, &m, count);
}

/* Writes raw bytes to the client. */
static inline void fake_bytes(struct fake *f, const void *bytes, size_t n) {
  const char *at = bytes;
  while (n) {
    ssize_t w = send(f->fd, at, n, MSG_NOSIGNAL);
    ck_assert_int_gt(w, 0);
    at += w;
    n -= (size_t)w;
  }
}

static inline void fake_put_pt(struct fake *f, const struct gaijin_pt *pt) {
  struct pt wire = gj_pt_wire(pt);
  pack_pt(&f->p, &wire);
}

/* reader_pt for the PT of the public header. */
static inline bool fake_read_pt(struct reader *r, struct gaijin_pt *pt) {
  struct pt wire;
  if (!reader_pt(r, &wire)) return false;
  *pt = gj_pt_public(&wire);
  return true;
}

/* Whether a message of the client names this token. */
static inline bool fake_same_pt(const struct pt *wire, const struct gaijin_pt *pt) {
  struct gaijin_pt named = gj_pt_public(wire);
  return gaijin_pt_equal(&named, pt);
}

/* Ends the message without sending it: several may leave in one write. */
static inline void fake_end(struct fake *f) { ck_assert_int_eq(pack_end(&f->p), BUFFER_OK); }
static inline void fake_send(struct fake *f) {
  fake_end(f);
  fake_bytes(f, f->out.bytes, f->out.size);
  f->out.size = 0;
}
/* Sends and lets the client handle it. */
static inline void fake_deliver(struct fake *f) {
  fake_send(f);
  ck_assert_int_eq(gaijin_dispatch(f->g), 0);
}

/* The next message of the client, flushed by now; it is in f->m until the next call. */
static inline struct message *fake_next(struct fake *f) {
  for (;;) {
    uint8_t *bytes;
    uint32_t size, room;
    enum frame_outcome o = frame_next(&f->in, &bytes, &size);
    if (o == FRAME_MESSAGE) {
      const char *fault = message_parse(bytes, size, &f->m);
      ck_assert_msg(!fault, "%s", fault);
      fault = body_walk(f->m.body, f->m.body_size, NULL, NULL);
      ck_assert_msg(!fault, "%s", fault);
      return &f->m;
    }
    ck_assert_int_eq(o, FRAME_MORE);
    struct pollfd p = {.fd = f->fd, .events = POLLIN};
    ck_assert_msg(poll(&p, 1, FAKE_LIMIT_MS) == 1, "no message came");
    uint8_t *to = frame_room(&f->in, 65536, &room);
    ssize_t n = recv(f->fd, to, room, 0);
    ck_assert_msg(n > 0, "the connection ended");
    frame_filled(&f->in, (uint32_t)n);
  }
}

/* Nothing more has come from the client. */
static inline bool fake_idle(struct fake *f) {
  struct pollfd p = {.fd = f->fd, .events = POLLIN};
  return f->in.start == f->in.in.size && poll(&p, 1, 0) == 0;
}

static inline struct reader fake_values(const struct message *m) {
  struct reader r;
  uint32_t count;
  ck_assert(reader_open(&r, m->body, m->body_size, &count));
  return r;
}

/* Begins the answer to the hello that was read last; `options` pairs follow. The version is
 * whatever a test wants. */
static inline void fake_welcome(struct fake *f, uint64_t version, uint64_t max_message,
                                uint32_t options) {
  fake_begin(f, MESSAGE_REPLY, GAIJIN_OP_HELLO, f->m.id, options ? 6 : 5);
  pack_uint(&f->p, version);
  pack_uint(&f->p, FAKE_HOST);
  pack_text(&f->p, "shop");
  pack_uint(&f->p, max_message);
  pack_text(&f->p, "0.1-fake");
  if (options) pack_array(&f->p, options * 2);
}

/* Accepts a connection, checks and answers its hello. */
static inline void *fake_greet(void *user) {
  struct fake *f = user;
  f->fd = accept(f->listener, NULL, NULL);
  if (f->fd < 0) return NULL;
  fake_next(f);
  ck_assert_int_eq(f->m.op, GAIJIN_OP_HELLO);
  struct hello_request h;
  ck_assert_ptr_null(hello_read_request(&f->m, &h));
  ck_assert_uint_eq(h.lowest, WIRE_VERSION_LEAST);
  ck_assert_uint_eq(h.highest, WIRE_VERSION_MOST);
  fake_welcome(f, WIRE_VERSION_MOST, f->max_message, f->window.requests ? 2 : 0);
  if (f->window.requests) {
    pack_text(&f->p, WINDOW_POSTS_KEY);
    pack_uint(&f->p, f->window.requests);
    pack_text(&f->p, WINDOW_BYTES_KEY);
    pack_uint(&f->p, f->window.bytes);
  }
  fake_send(f);
  return NULL;
}

/* ---- Setting up ---- */

static inline void fake_listen(struct fake *f) {
  memset(f, 0, sizeof *f);
  f->fd = -1;
  f->max_message = MAX_MESSAGE_DEFAULT;
  ck_assert_ptr_nonnull(run_directory(f->dir));
  snprintf(f->path, sizeof f->path, "%s/s", f->dir);
  struct sockaddr_un a = {.sun_family = AF_UNIX};
  strcpy(a.sun_path, f->path);
  f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ck_assert_int_ge(f->listener, 0);
  ck_assert_int_eq(bind(f->listener, (struct sockaddr *)&a, sizeof a), 0);
  ck_assert_int_eq(listen(f->listener, 8), 0);
  frame_init(&f->in, MAX_MESSAGE_MOST);
  buffer_init(&f->out, UINT32_MAX);
}

/* A connected pair whose broker tells a window; events may be NULL. */
static inline void fake_connect_window(struct fake *f, const struct gaijin_events *events, uint32_t max_message,
                                       const struct window *window) {
  char error[256] = "";
  pthread_t greeter;
  fake_listen(f);
  f->max_message = max_message;
  f->window = *window;
  ck_assert_int_eq(pthread_create(&greeter, NULL, fake_greet, f), 0);
  struct gaijin_options o = {.socket = f->path, .name = "shop", .events = events, .user = f};
  int status = gaijin_connect(&f->g, &o, error, sizeof error);
  pthread_join(greeter, NULL);
  ck_assert_msg(status == 0, "%s", error);
}

static inline void fake_connect(struct fake *f, const struct gaijin_events *events, uint32_t max_message) {
  fake_connect_window(f, events, max_message, &(struct window){0});
}

static inline void fake_open(struct fake *f) { fake_connect(f, &fake_events, MAX_MESSAGE_DEFAULT); }

static inline void fake_close(struct fake *f) {
  gaijin_close(f->g);
  if (f->fd >= 0) close(f->fd);
  close(f->listener);
  unlink(f->path);
  rmdir(f->dir);
  frame_deinit(&f->in);
  buffer_deinit(&f->out);
}

/* ---- Common moves ---- */

static inline struct gaijin_pt fake_pt(uint64_t host, uint64_t id) {
  return (struct gaijin_pt){.host = host, .id = id, .stamp = host * 1000 + id, .kind = GAIJIN_KIND_TABLE};
}

/* The client asks `op` "ping" and its id is returned; the request has been read by the broker's end. */
static inline uint64_t fake_ask(struct fake *f, gaijin_answer_fn fn) {
  uint64_t id = 0;
  gaijin_begin_request(f->g, &(struct gaijin_send){.op = GAIJIN_OP_PING}, 0);
  ck_assert_int_eq(gaijin_end_request(f->g, fn, f, &id), 0);
  ck_assert_int_eq(gaijin_flush(f->g, false), 0);
  while (fake_next(f)->op != OP_ping) continue;
  ck_assert_uint_eq(f->m.id, id);
  return id;
}

/* Sends the client a reply with one PT to a fresh request; the body's index in told.answer is returned. */
static inline unsigned fake_give(struct fake *f, const struct gaijin_pt *pt) {
  unsigned n = f->told.answers;
  uint64_t id = fake_ask(f, told_answer);
  fake_begin(f, MESSAGE_REPLY, GAIJIN_OP_PING, id, 1);
  fake_put_pt(f, pt);
  fake_deliver(f);
  ck_assert_uint_eq(f->told.answers, n + 1);
  return n;
}

/* The client sends its home token as the argument of a call of its own s2t; the broker's end has read it. */
static inline void fake_take(struct fake *f, gaijin_token *t) {
  uint64_t id;
  gaijin_begin_request(f->g, &(struct gaijin_send){.op = GAIJIN_OP_S2T, .name = "bank"}, 1);
  gaijin_put_token(f->g, t);
  ck_assert_int_eq(gaijin_end_request(f->g, told_answer, f, &id), 0);
  ck_assert_int_eq(gaijin_flush(f->g, false), 0);
  while (fake_next(f)->op != OP_s2t) continue;
  gaijin_cancel(f->g, id);
  ck_assert_int_eq(gaijin_flush(f->g, false), 0);
  ck_assert_int_eq(fake_next(f)->op, GAIJIN_OP_CANCEL);
}

static inline void fake_drop(struct fake *f, uint64_t id, uint64_t seen) {
  fake_begin(f, MESSAGE_NOTICE, GAIJIN_OP_DROP, 0, 2);
  pack_uint(&f->p, id);
  pack_uint(&f->p, seen);
  fake_send(f);
}

#endif
