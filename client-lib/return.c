/* SPDX-License-Identifier: MIT
 *
 * The way from one broker to the next: cut, wait, dial, hello. Nothing here blocks. The program is
 * brought back by the set it polls meanwhile: a timer for the next try, and a socket that waits for
 * the answer to hello.
 *
 * All workers of a broker that died come at once, so each waits a random part of a time that
 * doubles from 20 ms to a second; who was connected for less than a second goes on where it was.
 */
#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "client-lib/internal.h"
#include "client-lib/rings.h"

#define FIRST_SECONDS 0.020
#define LONGEST_SECONDS 1.0
#define STOOD_SECONDS 1.0
/* So long a broker that has accepted may take for hello in any case. */
#define HELLO_SECONDS 1.0
enum { DOUBLINGS = 6 };

void gj_return_init(gaijin *g) {
  g->ret.poll_fd = g->ret.timer_fd = -1;
}

static void close_set(gaijin *g) {
  if (g->ret.poll_fd >= 0) close(g->ret.poll_fd);
  if (g->ret.timer_fd >= 0) close(g->ret.timer_fd);
  g->ret.poll_fd = g->ret.timer_fd = -1;
}

void gj_return_deinit(gaijin *g) {
  gj_owed_again(g);
  close_set(g);
  secret_wipe(&g->ret.secret);
}

void gj_return_end(gaijin *g) {
  gj_owed_again(g);
  g->ret.known = g->ret.leaves = false;
  secret_wipe(&g->ret.secret);
}

static bool watch(gaijin *g, int fd) {
  struct epoll_event e = {.events = EPOLLIN};
  return epoll_ctl(g->ret.poll_fd, EPOLL_CTL_ADD, fd, &e) == 0;
}

/* False, with errno: the system gives no set. */
static bool open_set(gaijin *g) {
  g->ret.poll_fd = epoll_create1(EPOLL_CLOEXEC);
  g->ret.timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (g->ret.poll_fd >= 0 && g->ret.timer_fd >= 0 && watch(g, g->ret.timer_fd)) return true;
  int why = errno;
  close_set(g);
  errno = why;
  return false;
}

/* The timer makes the set readable at `next`, and not before. */
static void set_timer(gaijin *g, double next) {
  double left = next - clock_seconds(), whole;
  if (!(left > 1e-9)) left = 1e-9;
  double part = modf(left, &whole);
  struct itimerspec t = {.it_value = {.tv_sec = (time_t)whole, .tv_nsec = (long)(part * 1e9)}};
  if (t.it_value.tv_sec == 0 && t.it_value.tv_nsec == 0) t.it_value.tv_nsec = 1;
  g->ret.next = next;
  timerfd_settime(g->ret.timer_fd, 0, &t, NULL);
}

/* A number from 0 to below 1. Without the kernel's, the moment will do. */
static double chance(void) {
  uint32_t r;
  if (!gj_random(&r, sizeof r)) r = (uint32_t)(fmod(clock_seconds(), 1) * 4294967295.0);
  return r / 4294967296.0;
}

static void wait_for_next(gaijin *g) {
  double longest = ldexp(FIRST_SECONDS, (int)g->ret.tries);
  if (longest > LONGEST_SECONDS) longest = LONGEST_SECONDS;
  if (g->ret.tries < DOUBLINGS) g->ret.tries++;
  double next = clock_seconds() + longest * chance();
  g->ret.phase = PHASE_OFF;
  set_timer(g, next < g->ret.end ? next : g->ret.end);
}

static void close_socket(gaijin *g) {
  if (g->fd < 0) return;
  /* A child of the program may have the socket, too: then closing it does not end the watch. */
  if (g->ret.poll_fd >= 0) epoll_ctl(g->ret.poll_fd, EPOLL_CTL_DEL, g->fd, NULL);
  close(g->fd);
  g->fd = -1;
}

/* ---- Going away ---- */

static void tell_cut(gaijin *g, int old) {
  if (g->events.disconnected) g->events.disconnected(g->user, g->ret.poll_fd, g->ret.reason);
  close(old);
  gj_call_lose_all(g, g->ret.reason);
  for (; g->ret.posts_unsent > 0; g->ret.posts_unsent--)
    if (g->events.refused)
      g->events.refused(g->user, GAIJIN_OP_CALL, GAIJIN_STATUS_LOST,
                      "the connection to the broker ended before it was sent");
  gj_reset_tell_room(g);
}

bool gj_return_cut(gaijin *g, const char *reason) {
  struct returning *r = &g->ret;
  assert(gj_is_up(g) && g->dispatching);
  if (!r->limit_ms || !r->known || r->bye || gj_is_fork(g)) return false;
  if (!open_set(g)) {
    gj_io_lost(g, "%s; it cannot be taken up again: %s", reason, strerror(errno));
    return false;
  }
  double now = clock_seconds();
  int old = g->fd;
  g->fd = -1;
  gj_rings_drop(g);
  g->write_broken = g->paused = g->starved = false;
  g->starved_since = 0;
  g->condemned[0] = '\0';
  frame_deinit(&g->in);
  frame_init(&g->in, MAX_MESSAGE_LEAST);
  snprintf(r->reason, sizeof r->reason, "%s", reason);
  r->failure[0] = '\0';
  snprintf(g->loss, sizeof g->loss,
           "the connection to the broker ended: %s; this program tries to come back to it", reason);
  r->end = now + r->limit_ms / 1e3;
  r->late = false;
  r->epoch++;
  if (now - r->stood >= STOOD_SECONDS) r->tries = 0;
  wait_for_next(g);
  gj_reset(g);
  gj_checkpoint(g);
  tell_cut(g, old);
  return true;
}

/* ---- Coming back ---- */

static void give_up(gaijin *g) {
  close_socket(g);
  gj_io_lost(g, "%s; it could not be taken up again in %g s%s%s", g->ret.reason,
             g->ret.limit_ms / 1e3, *g->ret.failure ? ": " : "", g->ret.failure);
}

/* A try has failed. */
static void fail(gaijin *g) {
  close_socket(g);
  if (clock_seconds() >= g->ret.end)
    give_up(g);
  else
    wait_for_next(g);
}

/* Whether another try may succeed. */
static bool may_dial_again(int why) {
  return why == ENOENT || why == ECONNREFUSED || why == EAGAIN || why == EINTR || why == EMFILE ||
         why == ENFILE || why == ENOMEM || why == ENOBUFS;
}

static void try_once(gaijin *g) {
  struct returning *r = &g->ret;
  g->fd = gj_dial(&r->address);
  if (g->fd < 0) {
    int why = errno;
    snprintf(r->failure, sizeof r->failure, "%s", strerror(why));
    if (may_dial_again(why))
      fail(g);
    else
      gj_io_lost(g, "%s; it cannot be taken up again: %s", r->reason, r->failure);
    return;
  }
  g->in.start = g->in.in.size = 0;
  g->in.max_message = MAX_MESSAGE_LEAST;
  /* A fresh socket takes a hello at once or not at all. */
  if (!watch(g, g->fd) || !gj_hello_return(g)) {
    snprintf(r->failure, sizeof r->failure, "hello could not be sent");
    fail(g);
    return;
  }
  double least = clock_seconds() + HELLO_SECONDS;
  r->phase = PHASE_HELLO;
  set_timer(g, r->end > least ? r->end : least);
}

/* Ids that the program has met are not met again, whatever the broker's generation says. */
static void fence_ids(struct returning *r) {
  uint64_t base = r->generation << CALL_ID_BITS;
  r->id_shift = base > r->last_id ? 0 : r->last_id + 1 - base;
  r->first_id = base + r->id_shift;
}

bool gj_return_take_id(gaijin *g, uint64_t *id) {
  struct returning *r = &g->ret;
  *id += r->id_shift;
  if (*id < r->first_id) return false;
  if (*id > r->last_id) r->last_id = *id;
  return true;
}

static void come_up(gaijin *g, uint64_t former_host) {
  struct returning *r = &g->ret;
  int set = r->poll_fd, timer = r->timer_fd;
  epoll_ctl(set, EPOLL_CTL_DEL, g->fd, NULL);
  g->in.max_message = g->max_message;
  g->paused = true; /* what came behind the answer is handled next */
  g->heard = true;
  gj_write_cut(g); /* its ids and tokens may be of before */
  fence_ids(r);
  bool reborn = former_host != g->host;
  r->late = false;
  if (reborn) gj_disown(g, former_host);
  r->poll_fd = r->timer_fd = -1;
  r->phase = PHASE_UP;
  r->stood = clock_seconds();
  r->owing = reborn ? OWING_READY : OWING_TOKENS;
  r->walk = (struct walk){0};
  if (!g->writer.open) gj_owed_write(g); /* one begun in a call-back here has to end first */
  if (g->events.reconnected) g->events.reconnected(g->user, g->fd);
  close(set);
  close(timer);
  gj_checkpoint(g);
}

static void on_refused(gaijin *g, int status) {
  if (status == GAIJIN_STATUS_DEAD && !g->ret.late) {
    close_socket(g);
    g->ret.late = true;
    g->ret.phase = PHASE_OFF;
    set_timer(g, clock_seconds());
    return;
  }
  if (status == GAIJIN_STATUS_LOST || status == GAIJIN_STATUS_BUSY) {
    fail(g);
    return;
  }
  close_socket(g);
  gj_io_lost(g, "%s; it cannot be taken up again: %s", g->ret.reason, g->ret.failure);
}

/* The first message on the new socket. */
static void on_hello_answer(gaijin *g, const uint8_t *bytes, uint32_t size) {
  uint64_t former_host = g->host;
  int status = gj_hello_returned(g, bytes, size, g->ret.failure, sizeof g->ret.failure);
  if (status)
    on_refused(g, status);
  else
    come_up(g, former_host);
}

static void read_hello(gaijin *g) {
  uint8_t *bytes;
  uint32_t size, room;
  uint8_t *to = frame_room(&g->in, MAX_MESSAGE_LEAST, &room);
  /* Behind the answer there may be an offer of rings. */
  ssize_t n = !to ? -1 : g->rings.wanted ? gj_rings_recv(g, to, room) : recv(g->fd, to, room, 0);
  if (!to) errno = ENOMEM;
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
  if (n <= 0) {
    snprintf(g->ret.failure, sizeof g->ret.failure, "%s",
             n ? strerror(errno) : "the broker closed the connection without answering hello");
    fail(g);
    return;
  }
  frame_filled(&g->in, (uint32_t)n);
  switch (frame_next(&g->in, &bytes, &size)) {
    case FRAME_MORE: return;
    case FRAME_MESSAGE: on_hello_answer(g, bytes, size); return;
    default:
      snprintf(g->ret.failure, sizeof g->ret.failure, "what answered hello is no broker");
      on_refused(g, GAIJIN_STATUS_PROTOCOL);
  }
}

void gj_return_turn(gaijin *g) {
  struct returning *r = &g->ret;
  bool due = clock_seconds() >= r->next;
  if (r->phase == PHASE_HELLO) read_hello(g);
  if (g->lost || r->phase == PHASE_UP || !due || clock_seconds() < r->next) return;
  if (r->phase == PHASE_HELLO) {
    snprintf(r->failure, sizeof r->failure,
             "the broker accepts connections but does not answer; look whether it hangs");
    give_up(g);
  } else {
    try_once(g); /* past the end, too: we may have been busy, and the broker back for long */
  }
}

/* ---- What a program may ask ---- */

enum gaijin_link_state gaijin_link(const gaijin *g) {
  return g->lost ? GAIJIN_LOST : gj_is_up(g) ? GAIJIN_UP : GAIJIN_AWAY;
}

bool gaijin_answerable(const gaijin *g, uint64_t request) {
  return gj_is_up(g) && request >= g->ret.first_id;
}

uint64_t gaijin_generation(const gaijin *g) { return g->ret.generation; }

int gaijin_await_link(gaijin *g, const gaijin_holding *h, double seconds) {
  if (g->dispatching)
    return gj_fail(g, GAIJIN_STATUS_UNSUPPORTED, "gaijin_await_link was called in a call-back");
  double end = clock_seconds() + seconds;
  for (;;) {
    if (g->lost) return gj_fail_lost(g);
    if (gj_is_fork(g)) return gj_fork_refuse(g);
    if (h && gaijin_holding_standing(h) == GAIJIN_GONE) return gj_fail_dead(g, h);
    if (gj_is_up(g) && (!h || gaijin_holding_standing(h) == GAIJIN_HELD)) return 0;
    gaijin_flush(g, false);
    if (!gj_await_turn(g, end))
      return gj_fail(g, GAIJIN_STATUS_TIMEOUT, "%s after %g s",
                     gj_is_up(g) ? "what is held was not confirmed" : "no broker came", seconds);
  }
}
