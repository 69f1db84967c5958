/* SPDX-License-Identifier: MIT
 *
 * A broker played by hand (fake_broker.h) that tells a secret, dies and is started again. All of it happens in one thread: while
 * the client is away, what it polls brings it on.
 */
#ifndef GAIJIN_TESTS_FAKE_RETURN_H
#define GAIJIN_TESTS_FAKE_RETURN_H

#include "tests/unit/fake_broker.h"

enum { GENERATION = 7, NEW_HOST = 101, RETURN_MS = 20000 };

static const struct secret fake_secret = {.bytes = "0123456789abcde"};

/* What the events of a return told, in their order. */
struct returned {
  struct fake f;
  char log[512]; /* one letter an event: d(isconnected) r(econnected) b(orn again) c(onfirmed) a(nswer) f(orget) x dead, o room */
  int fd;        /* as told last */
  uint64_t former;
  char reason[256];
  int old_fd_open; /* in `disconnected` and `reconnected` the former descriptor is still there */
};

static inline struct returned *returned_of(struct fake *f) { return (struct returned *)(void *)f; }
static inline void returned_note(struct fake *f, char what) {
  char *log = returned_of(f)->log;
  size_t n = strlen(log);
  if (n + 1 < sizeof returned_of(f)->log) log[n] = what;
}
static inline void returned_moved(struct returned *r, int fd) {
  if (fcntl(r->fd, F_GETFD) >= 0) r->old_fd_open++;
  r->fd = fd;
  if (fd != gaijin_fd(r->f.g)) ck_abort_msg("another descriptor was told");
}
static inline void on_disconnected(void *user, int fd, const char *reason) {
  struct returned *r = user;
  returned_note(&r->f, 'd');
  snprintf(r->reason, sizeof r->reason, "%s", reason);
  if (gaijin_link(r->f.g) != GAIJIN_AWAY) ck_abort_msg("not away");
  returned_moved(r, fd);
}
static inline void on_reconnected(void *user, int fd) {
  struct returned *r = user;
  returned_note(&r->f, 'r');
  if (gaijin_link(r->f.g) != GAIJIN_UP) ck_abort_msg("not up");
  returned_moved(r, fd);
}
static inline void on_reborn(void *user, uint64_t former) {
  returned_note(user, 'b');
  ((struct returned *)user)->former = former;
}
static inline void on_confirmed(void *user) { returned_note(user, 'c'); }
static inline void on_answered(void *user, const struct gaijin_answer *answer) {
  returned_note(user, 'a');
  told_answer(user, answer);
}
static inline void on_forgotten(void *user, gaijin_token *token, void *tag) {
  returned_note(user, 'f');
  told_forget(user, token, tag);
}
static inline void on_death(void *user, uint64_t host) {
  returned_note(user, 'x');
  told_dead(user, host);
}
static inline void on_room(void *user, uint64_t host) {
  returned_note(user, 'o');
  told_room(user, host);
}

static const struct gaijin_events return_events = {.request = told_request, .cancel = told_cancel, .free = told_free, .forget = on_forgotten,
                                                   .refused = told_refused, .dead = on_death, .room = on_room, .disconnected = on_disconnected,
                                                   .reconnected = on_reconnected, .reborn = on_reborn, .confirmed = on_confirmed};

/* Writes the answer to the hello that was read last, with a secret and a generation, as far as its end. */
static inline void return_write_welcome(struct fake *f, uint64_t host, uint64_t generation) {
  fake_begin(f, MESSAGE_REPLY, GAIJIN_OP_HELLO, f->m.id, 6);
  pack_uint(&f->p, WIRE_VERSION_MOST);
  pack_uint(&f->p, host);
  pack_text(&f->p, "shop");
  pack_uint(&f->p, f->max_message);
  pack_text(&f->p, "0.1-fake");
  pack_array(&f->p, 8);
  pack_text(&f->p, RETURN_SECRET_KEY);
  pack_string(&f->p, (const char *)fake_secret.bytes, SECRET_BYTES);
  pack_text(&f->p, RETURN_GENERATION_KEY);
  pack_uint(&f->p, generation);
  pack_text(&f->p, WINDOW_POSTS_KEY);
  pack_uint(&f->p, 100);
  pack_text(&f->p, WINDOW_BYTES_KEY);
  pack_uint(&f->p, 1 << 20);
}
static inline void return_welcome(struct fake *f, uint64_t host, uint64_t generation) {
  return_write_welcome(f, host, generation);
  fake_send(f);
}

static inline void *return_greet(void *user) {
  struct fake *f = user;
  f->fd = accept(f->listener, NULL, NULL);
  if (f->fd < 0) return NULL;
  fake_next(f);
  return_welcome(f, FAKE_HOST, GENERATION);
  return NULL;
}

/* A connection that will come back. */
static inline void return_open_with(struct returned *r, uint32_t reconnect_ms, bool observer, uint32_t max_message) {
  char error[256] = "";
  pthread_t greeter;
  memset(r, 0, sizeof *r);
  fake_listen(&r->f);
  r->f.max_message = max_message;
  ck_assert_int_eq(pthread_create(&greeter, NULL, return_greet, &r->f), 0);
  struct gaijin_options o = {
      .socket = r->f.path, .name = "shop", .events = &return_events, .user = r, .reconnect_ms = reconnect_ms, .observer = observer};
  int status = gaijin_connect(&r->f.g, &o, error, sizeof error);
  pthread_join(greeter, NULL);
  ck_assert_msg(status == 0, "%s", error);
  r->fd = gaijin_fd(r->f.g);
}
static inline void return_open(struct returned *r) { return_open_with(r, RETURN_MS, false, MAX_MESSAGE_DEFAULT); }

static inline void return_check(struct returned *r) {
  const char *broken = gj_check(r->f.g);
  ck_assert_msg(!broken, "%s", broken);
}

/* The broker dies. */
static inline void return_kill(struct returned *r) {
  close(r->f.fd);
  r->f.fd = -1;
  frame_deinit(&r->f.in);
  frame_init(&r->f.in, MAX_MESSAGE_MOST);
}
/* It does, and the client has noticed. */
static inline void return_cut(struct returned *r) {
  return_kill(r);
  for (int i = 0; i < 4 && gaijin_link(r->f.g) == GAIJIN_UP; i++) ck_assert_int_eq(gaijin_dispatch(r->f.g), 0);
  ck_assert_int_eq(gaijin_link(r->f.g), GAIJIN_AWAY);
  return_check(r);
}

/* Waits for what the client polls, and lets it go on. */
static inline int return_turn(struct returned *r) {
  struct pollfd p = {.fd = gaijin_fd(r->f.g), .events = POLLIN};
  ck_assert_msg(poll(&p, 1, FAKE_LIMIT_MS) == 1, "nothing brings the client on");
  return gaijin_dispatch(r->f.g);
}

/* A broker takes the client's next connection and reads its hello; *host and *secret are what it says of an earlier life. */
static inline bool return_meet(struct returned *r, uint64_t *host, struct secret *secret) {
  struct pollfd p = {.fd = r->f.listener, .events = POLLIN};
  while (poll(&p, 1, 0) == 0) ck_assert_int_eq(return_turn(r), 0);
  r->f.fd = accept(r->f.listener, NULL, NULL);
  ck_assert_int_ge(r->f.fd, 0);
  frame_deinit(&r->f.in);
  frame_init(&r->f.in, MAX_MESSAGE_MOST);
  ck_assert_int_eq(fake_next(&r->f)->op, OP_hello);
  struct hello_request h;
  struct reader in;
  ck_assert_ptr_null(hello_read_request(&r->f.m, &h));
  if (!hello_option(&h.options, RETURN_HOST_KEY, &in)) {
    ck_assert(!hello_option(&h.options, RETURN_SECRET_KEY, &in));
    return false;
  }
  ck_assert(reader_uint(&in, host));
  ck_assert(hello_option(&h.options, RETURN_SECRET_KEY, &in) && secret_read(&in, secret));
  return true;
}

static inline void return_refuse(struct returned *r, enum gaijin_status status, const char *text) {
  fake_begin(&r->f, MESSAGE_ERROR, GAIJIN_OP_HELLO, r->f.m.id, 2);
  pack_uint(&r->f.p, status);
  pack_text(&r->f.p, text);
  fake_send(&r->f);
}

/* A new broker takes the client back. */
static inline void return_back_in(struct returned *r, uint64_t generation) {
  uint64_t host = 0;
  struct secret s;
  ck_assert(return_meet(r, &host, &s));
  ck_assert_uint_eq(host, FAKE_HOST);
  ck_assert(secret_equal(&s, &fake_secret));
  return_welcome(&r->f, FAKE_HOST, generation);
  while (gaijin_link(r->f.g) == GAIJIN_AWAY) ck_assert_int_eq(return_turn(r), 0);
  ck_assert_int_eq(gaijin_link(r->f.g), GAIJIN_UP);
  return_check(r);
  ck_assert_int_eq(gaijin_flush(r->f.g, false), 0);
}
static inline void return_back(struct returned *r) { return_back_in(r, GENERATION + 1); }
/* The broker dies, the client notices, and a new one takes it back. */
static inline void return_renew(struct returned *r) {
  return_cut(r);
  return_back(r);
}

/* The client's next message is this one, with so many values. */
static inline struct reader return_expect(struct returned *r, enum op op, uint32_t values) {
  struct reader in;
  uint32_t count;
  fake_next(&r->f);
  ck_assert_str_eq(op_name(r->f.m.op), op_name(op));
  ck_assert(reader_open(&in, r->f.m.body, r->f.m.body_size, &count));
  ck_assert_uint_eq(count, values);
  return in;
}

/* Answers the claim that was read last: `n` places are refused. */
static inline void return_decide(struct returned *r, uint64_t id, const uint64_t *refused, uint32_t n) {
  fake_begin(&r->f, MESSAGE_REPLY, GAIJIN_OP_CLAIM, id, n);
  for (uint32_t i = 0; i < n; i++) pack_uint(&r->f.p, refused[i]);
  fake_send(&r->f);
}

/* The client holds this, and is a user of it. */
static inline gaijin_holding *return_hold(struct returned *r, const struct gaijin_pt *pt) {
  unsigned n = fake_give(&r->f, pt);
  gaijin_holding *h = gaijin_holding_find(r->f.g, pt);
  ck_assert_ptr_nonnull(h);
  gaijin_hold(r->f.g, h);
  gaijin_body_free(r->f.told.answer[n].body);
  return h;
}

/* A token that was sent once. */
static inline gaijin_token *return_sent_token(struct returned *r, void *tag) {
  gaijin_token *t = gaijin_token_new(r->f.g, GAIJIN_KIND_TABLE, tag);
  fake_take(&r->f, t);
  return t;
}

/* `n` new tokens that were sent, in one answer. */
static inline void return_send_tokens(struct returned *r, gaijin_token **tokens, uint32_t n) {
  gaijin_begin_reply(r->f.g, 1, GAIJIN_OP_CALL, n);
  for (uint32_t i = 0; i < n; i++) gaijin_put_token(r->f.g, tokens[i] = gaijin_token_new(r->f.g, GAIJIN_KIND_TABLE, r));
  ck_assert_int_eq(gaijin_end_answer(r->f.g), 0);
  ck_assert_int_eq(gaijin_flush(r->f.g, false), 0);
  while (fake_next(&r->f)->op != OP_call) continue;
}

static inline void return_open_with_one_of_each(struct returned *r, gaijin_token **t, gaijin_holding **h) {
  struct gaijin_pt pt = fake_pt(OTHER_HOST, 1);
  return_open(r);
  *t = return_sent_token(r, t);
  *h = return_hold(r, &pt);
}

/* Turns until the connection is away no more; what dispatch gave last. */
static inline int return_turn_to_the_end(struct returned *r) {
  int status = 0;
  while (status == 0 && gaijin_link(r->f.g) == GAIJIN_AWAY) status = return_turn(r);
  return status;
}

#endif
