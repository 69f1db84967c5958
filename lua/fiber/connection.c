/* SPDX-License-Identifier: MIT
 *
 * It is read in every turn, however much is to do: windows bound what others can send, and who
 * asks little is heard while another has much under way.
 * What was written leaves once per turn of the loop, in one go. Releases that no
 * other message takes along leave after at most 10 ms.
 */
#include "lua/fiber/connection.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "lua/fiber/door.h"
#include "lua/fiber/fiber.h"
#include "lua/fiber/timer.h"

static const double broker_slack =
    1.0; /* so much later than the deadline the broker may say that it is over */
static const double pulse_seconds = 0.5;
static const double release_delay = 0.010;
static const double memory_seconds = 0.010;

static void on_socket(uv_poll_t *poll, int status, int events);

/* Memory was too short for what has come: it is tried again when the timer fires. */
static bool is_waiting_for_memory(const struct worker *w) { return w->loop.memory_timer != NULL; }

static int start_polling(struct worker *w) {
  int events = (is_waiting_for_memory(w) ? 0 : UV_READABLE) |
               (w->loop.writable_wanted ? UV_WRITABLE : 0); /* 0: it is not watched */
  return uv_poll_start(w->loop.poll, events, on_socket);
}

static void update(struct worker *w) {
  bool writable = gaijin_wants_write(w->g);
  if (writable == w->loop.writable_wanted) return;
  w->loop.writable_wanted = writable;
  start_polling(w);
}

static void on_memory_time(struct timer *t);

/* Without memory for the timer either, the next turn tries. */
void connection_starved(void *worker) {
  struct worker *w = worker;
  assert(!is_waiting_for_memory(w));
  worker_log_often(w, LINE_MEMORY, "memory is too short to receive; trying again");
  w->loop.memory_timer = timer_start(w, memory_seconds, on_memory_time, NULL);
  w->loop.starved = !w->loop.memory_timer;
  if (w->loop.memory_timer && !w->loop.unwatched) start_polling(w);
}

void connection_lost(struct worker *w) {
  w->lost = true;
  w->halted = false;
  door_look(w);
  timer_wake_loop(w);
}

/* The connection may have been lost in what was read last. */
static void note_loss(struct worker *w) {
  if (gaijin_link(w->g) != GAIJIN_LOST || worker_is_fork(w)) return;
  if (w->lost) return; /* said by outage.c */
  uv_poll_stop(w->loop.poll);
  connection_lost(w);
}

/* Reads what there is. */
static void receive(struct worker *w) {
  assert(!w->sched.current);
  if (w->lost || is_waiting_for_memory(w)) return;
  if (gaijin_dispatch(w->g) != 0) note_loss(w);
}

bool connection_poll(struct worker *w) {
  assert(!w->sched.current);
  if (w->lost || is_waiting_for_memory(w) || worker_is_fork(w)) return false;
  if (gaijin_poll(w->g)) return true;
  note_loss(w);
  return false;
}

/* Whether a read would bring something: bytes, an error or the end. */
static bool is_readable(const struct worker *w) {
  struct pollfd p = {.fd = gaijin_fd(w->g), .events = POLLIN};
  return poll(&p, 1, 0) > 0;
}

/* More than a broker that has ended can have left: a read takes up to a MiB. */
enum { MOST_READS = 4096 };

bool connection_has_more(const struct worker *w) {
  return !w->lost && !is_waiting_for_memory(w) &&
         (w->loop.unwatched || w->loop.starved || gaijin_paused(w->g));
}

/* The socket reported an error, which is how a broker ends that has left our bytes unread. libuv
 * watches the socket no more, so nothing would bring us back: it is read to its end now, in this
 * turn or in the next ones, or, should it have none, watched again. */
static void read_unwatched(struct worker *w) {
  int reads = 0;
  while (!w->lost && !worker_is_fork(w) && ++reads <= MOST_READS && !is_waiting_for_memory(w) &&
         is_readable(w))
    receive(w);
  if (w->lost || worker_is_fork(w) || is_waiting_for_memory(w)) return;
  w->loop.unwatched = false;
  start_polling(w);
}

static void on_memory_time(struct timer *t) {
  struct worker *w = timer_worker(t);
  w->loop.memory_timer = NULL;
  timer_stop(t);
  if (w->loop.unwatched) {
    read_unwatched(w);
    return;
  }
  receive(w);
  if (!w->lost && !is_waiting_for_memory(w)) start_polling(w);
}

void connection_resume(struct worker *w) {
  if (!connection_has_more(w)) return;
  w->loop.starved = false;
  if (w->loop.unwatched)
    read_unwatched(w);
  else
    receive(w);
}

static void on_socket(uv_poll_t *poll, int status, int events) {
  struct worker *w = poll->data;
  if (status < 0) {
    w->loop.unwatched = true;
    receive(w);
    if (!w->lost) read_unwatched(w);
  } else if (events & (UV_READABLE | UV_DISCONNECT)) {
    receive(w);
  }
}

static void on_release_time(struct timer *t) {
  struct worker *w = timer_worker(t);
  w->loop.release_timer = NULL;
  timer_stop(t);
  if (gaijin_flush(w->g, true) != 0) return; /* the loss is noticed when reading */
}

/* ---- The pulse: while something is asked or served ---- */

bool connection_asks(const struct worker *w) {
  return gaijin_request_count(w->g) > w->loop.pulse_sent;
}

static void on_pulse_answer(void *user, const struct gaijin_answer *answer) {
  struct worker *w = user;
  gaijin_body_free(answer->body);
  w->loop.pulse_sent = false;
}

/* Who serves requests that take long says that it lives, or the broker would take it for one that
 * hangs. */
static void send_pulse(struct worker *w) {
  gaijin_begin_request(w->g, &(struct gaijin_send){.op = GAIJIN_OP_PING}, 0);
  w->loop.pulse_sent = gaijin_end_request(w->g, on_pulse_answer, w, NULL) == 0;
}

static void on_pulse(struct timer *t) {
  struct worker *w = timer_worker(t);
  w->loop.pulse_timer = NULL;
  timer_stop(t);
  receive(w); /* first, what has been answered: in a stock interpreter a long computation may have
                 kept us from it */
  if (w->lost) return;
  gaijin_expire(w->g, broker_slack); /* a broker that hangs would let everybody wait for ever */
  if (w->sched.n_serving && !w->loop.pulse_sent) send_pulse(w);
}

void connection_flush(struct worker *w) {
  if (w->lost) return;
  if (!w->loop.pulse_timer && (w->sched.n_serving || connection_asks(w)))
    w->loop.pulse_timer = timer_start(w, pulse_seconds, on_pulse, NULL);
  if (gaijin_flush(w->g, false) != 0) return;
  if (gaijin_releases(w->g) && !w->loop.release_timer)
    w->loop.release_timer = timer_start(w, release_delay, on_release_time, NULL);
  update(w);
}

/* ---- Begin and end ---- */

int connection_watch(struct worker *w) {
  struct loop *l = &w->loop;
  assert(!l->polling);
  l->poll = calloc(1, sizeof *l->poll);
  if (!l->poll) return UV_ENOMEM;
  int r = uv_poll_init(&l->uv, l->poll, gaijin_fd(w->g));
  if (r < 0) {
    free(l->poll);
    l->poll = NULL;
    return r;
  }
  l->polling = true;
  l->poll->data = w;
  l->writable_wanted = l->unwatched = false;
  return start_polling(w);
}

static void on_closed(uv_handle_t *poll) { free(poll); }

void connection_unwatch(struct worker *w) {
  if (!w->loop.polling) return;
  uv_close((uv_handle_t *)w->loop.poll, on_closed);
  w->loop.poll = NULL;
  w->loop.polling = false;
}

int connection_moved(struct worker *w) {
  connection_unwatch(w);
  return connection_watch(w);
}

void connection_drain(struct worker *w) {
  double until = clock_seconds() + CONNECTION_DRAIN_SECONDS;
  while (gaijin_flush(w->g, true) == 0) {
    double left = until - clock_seconds();
    bool in_ring = gaijin_awaits_room(w->g); /* nothing is read any more: not its knocks either */
    struct pollfd p = {.fd = gaijin_fd(w->g), .events = in_ring ? 0 : POLLOUT};
    if (left <= 0 || !(in_ring || gaijin_wants_write(w->g)) ||
        (poll(&p, 1, in_ring ? 1 : (int)(left * 1e3) + 1) < 0 && errno != EINTR) ||
        (in_ring && p.revents)) /* the broker has gone, which a write into a ring does not tell */
      return;
  }
}
