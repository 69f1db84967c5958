/* SPDX-License-Identifier: MIT
 *
 * One turn: run the fibers that are ready, send what they wrote in one go, then
 * wait for the socket, a timer or a signal. Releases without company leave after
 * at most 10 ms. Timer handles are reused, never closed before the end.
 */
#include "lua/fiber/loop.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "lua/serve/collect.h"
#include "lua/fiber/ending.h"
#include "lua/fiber/fiber.h"
#include "lua/ask/future.h"

static const double broker_slack = 1.0; /* so much later than the deadline the broker may say that it is over */
static const double pulse_seconds = 0.5;
static const double release_delay = 0.010;
static const double drain_seconds = 1.0;

struct timer {
  uv_timer_t uv;
  struct worker *w;
  timer_fn fire;
  void *user;
  struct timer *next_all, *next_idle;
};

static void on_timer(uv_timer_t *uv) {
  struct timer *t = uv->data;
  t->fire(t);
}

static struct timer *timer_new(struct worker *w) {
  struct timer *t = calloc(1, sizeof *t);
  if (!t) return NULL;
  uv_timer_init(&w->loop.uv, &t->uv);
  t->uv.data = t;
  t->w = w;
  t->next_all = w->loop.all_timers;
  w->loop.all_timers = t;
  return t;
}

struct timer *timer_start(struct worker *w, double seconds, timer_fn fire, void *user) {
  struct timer *t = w->loop.idle_timers;
  if (t)
    w->loop.idle_timers = t->next_idle;
  else if (!(t = timer_new(w)))
    return NULL;
  t->fire = fire;
  t->user = user;
  double ms = seconds * 1e3;
  uv_update_time(&w->loop.uv);
  /* Rounded up, and one more because the loop's clock is cut to milliseconds: nobody wakes before the time.
   * Bounded, so that huge values stay defined. */
  uv_timer_start(&t->uv, on_timer, ms > 1e15 ? (uint64_t)1e15 : ms > 0 ? (uint64_t)(ms + 1.999) : 0, 0);
  return t;
}

void timer_stop(struct timer *t) {
  uv_timer_stop(&t->uv);
  t->next_idle = t->w->loop.idle_timers;
  t->w->loop.idle_timers = t;
}

void *timer_user(const struct timer *t) { return t->user; }
struct worker *timer_worker(const struct timer *t) { return t->w; }

/* ---- The connection ---- */

static void on_socket(uv_poll_t *poll, int status, int events);

static int start_polling(struct worker *w) {
  return uv_poll_start(&w->loop.poll, UV_READABLE | (w->loop.writable_wanted ? UV_WRITABLE : 0), on_socket);
}

static void watch(struct worker *w) {
  bool writable = gaijin_wants_write(w->g);
  if (writable == w->loop.writable_wanted) return;
  w->loop.writable_wanted = writable;
  start_polling(w);
}

/* Reads what there is. */
static void receive(struct worker *w) {
  if (w->lost || gaijin_dispatch(w->g) == 0) return;
  w->lost = true;
  uv_poll_stop(&w->loop.poll);
  loop_turn_on(w);
}

/* Whether a read would bring something: bytes, an error or the end. */
static bool is_readable(const struct worker *w) {
  struct pollfd p = {.fd = gaijin_fd(w->g), .events = POLLIN};
  return poll(&p, 1, 0) > 0;
}

/* The socket reported an error, which is how a broker ends that has left our bytes unread. libuv watches the socket no more,
 * so nothing would bring us back: it is read to its end now, or, should it have none, watched again. */
static void on_socket_error(struct worker *w) {
  do
    receive(w);
  while (!w->lost && is_readable(w));
  if (!w->lost) start_polling(w);
}

static void on_socket(uv_poll_t *poll, int status, int events) {
  if (status < 0)
    on_socket_error(poll->data);
  else if (events & (UV_READABLE | UV_DISCONNECT))
    receive(poll->data);
}

static void on_release_time(struct timer *t) {
  struct worker *w = timer_worker(t);
  w->loop.release_timer = NULL;
  timer_stop(t);
  if (gaijin_flush(w->g, true) != 0) return; /* the loss is noticed when reading */
}

/* ---- The pulse: while something is asked or served ---- */

bool loop_asks(const struct worker *w) { return gaijin_request_count(w->g) > w->loop.pulse_sent; }

static void on_pulse_answer(void *user, const struct gaijin_answer *answer) {
  struct worker *w = user;
  gaijin_body_free(answer->body);
  w->loop.pulse_sent = false;
}

/* Who serves requests that take long says that it lives, or the broker would take it for one that hangs. */
static void send_pulse(struct worker *w) {
  gaijin_begin_request(w->g, &(struct gaijin_send){.op = GAIJIN_OP_PING}, 0);
  w->loop.pulse_sent = gaijin_end_request(w->g, on_pulse_answer, w, NULL) == 0;
}

static void on_pulse(struct timer *t) {
  struct worker *w = timer_worker(t);
  w->loop.pulse_timer = NULL;
  timer_stop(t);
  receive(w); /* first, what has been answered: in a stock interpreter a long computation may have kept us from it */
  if (w->lost) return;
  gaijin_expire(w->g, broker_slack); /* a broker that hangs would let everybody wait for ever */
  if (w->sched.n_serving && !w->loop.pulse_sent) send_pulse(w);
}

static void flush(struct worker *w) {
  if (w->lost) return;
  if (!w->loop.pulse_timer && (w->sched.n_serving || loop_asks(w))) w->loop.pulse_timer = timer_start(w, pulse_seconds, on_pulse, NULL);
  if (gaijin_flush(w->g, false) != 0) return;
  if (gaijin_releases(w->g) && !w->loop.release_timer) w->loop.release_timer = timer_start(w, release_delay, on_release_time, NULL);
  watch(w);
}

/* ---- The safety net ---- */

static void on_sweep(struct timer *t) {
  struct worker *w = timer_worker(t);
  timer_stop(t);
  w->loop.sweep_timer = timer_start(w, w->atc_time, on_sweep, NULL);
  collect_sweep(w);
}

int loop_init(struct worker *w) {
  struct loop *l = &w->loop;
  int r = uv_loop_init(&l->uv);
  if (r < 0) return r;
  uv_prepare_init(&l->uv, &l->prepare);
  uv_idle_init(&l->uv, &l->idle);
  l->prepare.data = w;
  l->open = true;
  return 0;
}

static void on_prepare(uv_prepare_t *prepare);

int loop_watch(struct worker *w) {
  struct loop *l = &w->loop;
  int r = uv_poll_init(&l->uv, &l->poll, gaijin_fd(w->g));
  if (r < 0) return r;
  l->polling = true;
  l->poll.data = w;
  if ((r = start_polling(w)) < 0) return r;
  uv_prepare_start(&l->prepare, on_prepare);
  l->sweep_timer = timer_start(w, w->atc_time, on_sweep, NULL);
  return l->sweep_timer ? 0 : UV_ENOMEM;
}

static void on_idle(uv_idle_t *idle) { (void)idle; }

/* While the handle is active the loop does not wait. */
void loop_turn_on(struct worker *w) { uv_idle_start(&w->loop.idle, on_idle); }

/* After timers and before the wait, so that what they made ready never waits for the socket. */
static void on_prepare(uv_prepare_t *prepare) {
  struct worker *w = prepare->data;
  bool more = fiber_run_ready(w);
  if (ending_turn(w) || more)
    loop_turn_on(w);
  else
    uv_idle_stop(&w->loop.idle);
  future_bury(w);
  flush(w);
  if (ending_reached(w)) ending_finish(w);
}

void loop_run(struct worker *w) {
  uv_run(&w->loop.uv, UV_RUN_DEFAULT);
}

void loop_drain(struct worker *w) {
  double until = worker_now() + drain_seconds;
  while (gaijin_flush(w->g, true) == 0 && gaijin_wants_write(w->g)) {
    double left = until - worker_now();
    struct pollfd p = {.fd = gaijin_fd(w->g), .events = POLLOUT};
    if (left <= 0 || (poll(&p, 1, (int)(left * 1e3) + 1) < 0 && errno != EINTR)) return;
  }
}

void loop_deinit(struct worker *w) {
  struct loop *l = &w->loop;
  if (!l->open) return;
  l->open = false;
  ending_unwatch_signals(w);
  for (struct timer *t = l->all_timers; t; t = t->next_all) uv_close((uv_handle_t *)&t->uv, NULL);
  if (l->signals) uv_close((uv_handle_t *)&l->signalled, NULL);
  uv_close((uv_handle_t *)&l->prepare, NULL);
  uv_close((uv_handle_t *)&l->idle, NULL);
  if (l->polling) uv_close((uv_handle_t *)&l->poll, NULL);
  uv_run(&l->uv, UV_RUN_DEFAULT);
  while (l->all_timers) {
    struct timer *t = l->all_timers;
    l->all_timers = t->next_all;
    free(t);
  }
  l->idle_timers = NULL;
  uv_loop_close(&l->uv);
}
