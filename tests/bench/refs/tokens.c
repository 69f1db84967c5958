/* SPDX-License-Identifier: MIT
 *
 * What a token costs the broker. A host gives a holder fresh tokens, which are
 * released one by one; then again, and the holder dies; then again, and the host
 * dies and the holder gives its dead tokens back. Both are connections of this process.
 *
 * usage: tokens SOCKET BROKER-PID TOKENS
 * Prints `memory TOKENS START PEAK AFTER` (private KiB of the broker) and `cost TOKENS STEP NS` (the broker's processor
 * time per reference) for the steps make, release, holder-death, host-death and give-back.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include <gaijin/gaijin.h>

#include "tests/bench/common/look.h"

/* WARM_UP: tokens made and released before anything is measured, so that the broker has its buffers. */
enum { BATCH = 1000, WARM_UP = 5000, LIMIT_SECONDS = 120 };

struct bench {
  const char *socket;
  long broker;
  gaijin *host, *holder;
  gaijin_holding **held;
  size_t n_held, wanted;
  bool host_died;
};

static _Noreturn void die(const char *what, const char *why) {
  fprintf(stderr, "tokens: %s: %s\n", what, why);
  exit(1);
}

/* ---- The two sides ---- */

/* The host answers anything with a batch of fresh tokens. */
static void on_request(void *user, const struct gaijin_request *request, gaijin_body *body) {
  struct bench *b = user;
  gaijin_begin_reply(b->host, request->id, request->op, BATCH);
  for (int i = 0; i < BATCH; i++) {
    gaijin_token *t = gaijin_token_new(b->host, GAIJIN_KIND_TABLE, NULL);
    if (!t) die("host", "no memory");
    gaijin_put_token(b->host, t);
  }
  if (gaijin_end_answer(b->host) != 0) die("host", gaijin_error(b->host));
  gaijin_body_free(body);
}

static void on_dead(void *user, uint64_t host) {
  (void)host;
  ((struct bench *)user)->host_died = true;
}

static void on_batch(void *user, const struct gaijin_answer *answer) {
  struct bench *b = user;
  struct gaijin_value v;
  if (!answer->ok) die("holder", answer->text);
  while (gaijin_body_next(answer->body, &v) && b->n_held < b->wanted) {
    gaijin_hold(b->holder, v.holding);
    b->held[b->n_held++] = v.holding;
  }
  gaijin_body_free(answer->body);
}

static const struct gaijin_events host_events = {.request = on_request}, holder_events = {.dead = on_dead};

static gaijin *join(struct bench *b, const char *name, const struct gaijin_events *events) {
  gaijin *g;
  char error[256];
  struct gaijin_options o = {.socket = b->socket, .name = name, .events = events, .user = b, .wait_seconds = 10};
  if (gaijin_connect(&g, &o, error, sizeof error) != 0) die(name, error);
  return g;
}

/* Sends and receives once, waiting if there is nothing. */
static void turn(struct bench *b) {
  struct pollfd p[2];
  nfds_t n = 0;
  gaijin *sides[2] = {b->host, b->holder};
  for (int i = 0; i < 2; i++) {
    if (!sides[i]) continue;
    if (gaijin_flush(sides[i], true) != 0) die("flush", gaijin_error(sides[i]));
    p[n++] = (struct pollfd){.fd = gaijin_fd(sides[i]), .events = (short)(POLLIN | (gaijin_wants_write(sides[i]) ? POLLOUT : 0))};
  }
  if (poll(p, n, LIMIT_SECONDS * 1000) == 0) die("broker", "it does not answer");
  for (int i = 0; i < 2; i++)
    if (sides[i] && gaijin_dispatch(sides[i]) != 0) die("dispatch", gaijin_error(sides[i]));
}

/* ---- Steps ---- */

static void make(struct bench *b, size_t tokens) {
  b->wanted = tokens;
  b->n_held = 0;
  while (b->n_held < tokens) {
    size_t before = b->n_held;
    gaijin_begin_request(b->holder, &(struct gaijin_send){.op = GAIJIN_OP_S2T, .name = "host", .depth = 1}, 1);
    gaijin_put_text(b->holder, "more");
    if (gaijin_end_request(b->holder, on_batch, b, NULL) != 0) die("holder", gaijin_error(b->holder));
    while (b->n_held == before) turn(b);
  }
}

/* Each in a message of its own; ends when the host has forgotten all. */
static void release(struct bench *b) {
  for (size_t i = 0; i < b->n_held; i++) {
    gaijin_let_go(b->holder, b->held[i]);
    if (gaijin_flush(b->holder, true) != 0) die("holder", gaijin_error(b->holder));
    if (gaijin_wants_write(b->holder)) turn(b); /* the drops of what is being sent will come, so this does not wait in vain */
  }
  while (gaijin_token_count(b->host) > 0) turn(b);
}

static void holder_dies(struct bench *b) {
  gaijin_close(b->holder);
  b->holder = NULL;
  while (gaijin_token_count(b->host) > 0) turn(b);
  b->holder = join(b, "holder", &holder_events);
}

static void host_dies(struct bench *b) {
  gaijin_close(b->host);
  b->host = NULL;
  while (!b->host_died) turn(b);
}

/* As many in a message as the library puts there. */
static void give_back(struct bench *b) {
  for (size_t i = 0; i < b->n_held; i++) gaijin_let_go(b->holder, b->held[i]);
  if (gaijin_flush(b->holder, true) != 0) die("holder", gaijin_error(b->holder)); /* queues them all before the ping */
  uint64_t id;
  struct gaijin_answer answer;
  gaijin_begin_request(b->holder, &(struct gaijin_send){.op = GAIJIN_OP_PING}, 0);
  if (gaijin_end_request(b->holder, NULL, NULL, &id) != 0 || gaijin_await(b->holder, id, LIMIT_SECONDS, &answer) != 0)
    die("holder", gaijin_error(b->holder));
  gaijin_body_free(answer.body);
}

/* ---- Measuring ---- */

static void step(struct bench *b, const char *name, void (*run)(struct bench *b)) {
  double start = look_processor_ns(b->broker);
  run(b);
  printf("cost %zu %s %.0f\n", b->wanted, name, (look_processor_ns(b->broker) - start) / (double)b->wanted);
}

static void make_all(struct bench *b) { make(b, b->wanted); }

static void measure(struct bench *b, size_t tokens) {
  make(b, WARM_UP);
  release(b);
  b->wanted = tokens;
  long start = look_private_kib(b->broker);
  step(b, "make", make_all);
  long peak = look_private_kib(b->broker);
  step(b, "release", release);
  printf("memory %zu %ld %ld %ld\n", tokens, start, peak, look_private_kib(b->broker));
  make(b, tokens);
  step(b, "holder-death", holder_dies);
  make(b, tokens);
  step(b, "host-death", host_dies);
  step(b, "give-back", give_back);
}

int main(int argc, char **argv) {
  long tokens = argc == 4 ? strtol(argv[3], NULL, 10) : 0;
  if (tokens < BATCH || tokens % BATCH) {
    fprintf(stderr, "usage: tokens SOCKET BROKER-PID TOKENS (a multiple of %d)\n", BATCH);
    return 2;
  }
  struct bench b = {.socket = argv[1], .broker = strtol(argv[2], NULL, 10)};
  b.held = calloc((size_t)(tokens > WARM_UP ? tokens : WARM_UP), sizeof *b.held);
  if (!b.held) die("tokens", "no memory");
  b.host = join(&b, "host", &host_events);
  b.holder = join(&b, "holder", &holder_events);
  measure(&b, (size_t)tokens);
  gaijin_close(b.host);
  gaijin_close(b.holder);
  free(b.held);
  return 0;
}
