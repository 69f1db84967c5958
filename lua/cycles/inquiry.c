/* SPDX-License-Identifier: MIT
 *
 * The twin has the only other end of the pipe, and nothing else to do than to write: the end of the
 * stream is its end. What the loop watches is freed by the loop.
 */
#define _GNU_SOURCE
#include "lua/cycles/inquiry.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lua/cycles/probe.h"
#include "lua/cycles/reach.h"
#include "lua/cycles/state.h"
#include "lua/fiber/timer.h"
#include "lua/walk/twin.h"

enum { LEFT_MOST = 4 };

struct inquiry {
  struct inquiry *next, **at; /* in cycles.inquiries */
  struct worker *w;
  uv_poll_t *poll;
  struct timer *timer; /* NULL: there was no memory for it; the twin's alarm remains */
  inquiry_fn done; /* NULL: nobody waits */
  pid_t pid;
  int fd;
  size_t size; /* of `live` */
  uint8_t *told; /* a struct probe_head, and what follows it */
  size_t got, room;
};

/* ---- Making and ending ---- */

static void enter(struct inquiry *q) {
  struct cycles *c = q->w->cycles;
  q->next = c->inquiries;
  q->at = &c->inquiries;
  if (q->next) q->next->at = &q->next;
  c->inquiries = q;
  c->n_inquiries++;
}

static void leave(struct inquiry *q) {
  *q->at = q->next;
  if (q->next) q->next->at = q->at;
  q->w->cycles->n_inquiries--;
}

static void on_closed(uv_handle_t *poll) { free(poll); }

/* Its twin has ended, or is somebody else's. */
static void inquiry_free(struct inquiry *q) {
  leave(q);
  if (q->timer) timer_stop(q->timer);
  uv_close((uv_handle_t *)q->poll, on_closed);
  close(q->fd);
  free(q->told);
  free(q);
}

void inquiry_drop(struct inquiry *q) {
  q->done = NULL;
  if (twin_end(q->pid)) inquiry_free(q);
}

void inquiry_deinit(struct worker *w) {
  while (w->cycles && w->cycles->inquiries) {
    struct inquiry *q = w->cycles->inquiries;
    twin_end(q->pid);
    inquiry_free(q);
  }
}

/* ---- Its answer ---- */

/* Whether all of it is there. */
static bool is_whole(const struct inquiry *q) {
  struct probe_head head;
  size_t least = sizeof head + q->size;
  if (q->got < least) return false;
  memcpy(&head, q->told, sizeof head);
  return head.n_pairs <= REACH_PAIRS_MOST &&
         q->got - least == (size_t)head.n_pairs * REACH_PAIR_BYTES;
}

static void over(struct inquiry *q, bool good) {
  struct worker *w = q->w;
  inquiry_fn done = q->done;
  size_t live = sizeof(struct probe_head), edges = live + q->size, got = q->got;
  uint8_t *told = q->told;
  q->told = NULL;
  inquiry_free(q);
  if (done && good)
    done(w, told + live, told + edges, (uint32_t)((got - edges) / REACH_PAIR_BYTES));
  else if (done)
    done(w, NULL, NULL, 0);
  free(told);
}

/* Room for more; one byte more than a twin may tell, so that its end is seen. */
static bool has_room(struct inquiry *q) {
  size_t pairs = (size_t)REACH_PAIRS_MOST * REACH_PAIR_BYTES;
  size_t most = sizeof(struct probe_head) + q->size + pairs + 1;
  if (q->got < q->room) return true;
  size_t room = q->room ? q->room * 2 : sizeof(struct probe_head) + q->size + 1;
  if (room > most) room = most;
  uint8_t *told = room > q->got ? realloc(q->told, room) : NULL;
  if (!told) return false;
  q->told = told;
  q->room = room;
  return true;
}

static void on_readable(uv_poll_t *poll, int status, int events) {
  struct inquiry *q = poll->data;
  (void)status;
  (void)events;
  for (;;) {
    bool room = has_room(q);
    ssize_t n = room ? read(q->fd, q->told + q->got, q->room - q->got) : -1;
    if (room && n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
      if (!room) twin_end(q->pid);
      twin_reap(q->pid);
      over(q, n == 0 && is_whole(q));
      return;
    }
    q->got += (size_t)n;
  }
}

static void on_late(struct timer *t) {
  struct inquiry *q = timer_user(t);
  struct worker *w = q->w;
  inquiry_fn done = q->done;
  q->timer = NULL;
  timer_stop(t);
  inquiry_drop(q);
  if (done) done(w, NULL, NULL, 0);
}

/* ---- The question ---- */

/* The end of the pipe that is watched is at [0]. */
static bool watch(struct inquiry *q, int fd) {
  q->poll = malloc(sizeof *q->poll);
  if (!q->poll) return false;
  if (uv_poll_init(&q->w->loop.uv, q->poll, fd) < 0) {
    free(q->poll);
    return false;
  }
  q->poll->data = q;
  q->fd = fd;
  uv_poll_start(q->poll, UV_READABLE, on_readable);
  return true;
}

static bool start(struct inquiry *q, struct suspects *s, bool hurries) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  q->pid = twin_start(q->w->L, q->w, ends[1], hurries ? TWIN_HURRIES : TWIN_BEHIND, probe_run, s);
  int error = errno;
  close(ends[1]);
  if (q->pid > 0 && watch(q, ends[0])) return true;
  if (q->pid > 0) {
    twin_end(q->pid);
    error = ENOMEM;
  }
  close(ends[0]);
  errno = error;
  return false;
}

struct inquiry *inquiry_start(struct worker *w, struct suspects *s, bool hurries,
                              inquiry_fn done) {
  struct inquiry *q = calloc(1, sizeof *q);
  assert(s->n_open > 0);
  errno = ENOMEM;
  if (!q) return NULL;
  q->w = w;
  q->done = done;
  q->size = suspects_bytes(s);
  errno = EAGAIN;
  if (w->cycles->n_inquiries >= LEFT_MOST || !start(q, s, hurries)) {
    free(q);
    return NULL;
  }
  enter(q);
  q->timer = timer_start(w, TWIN_SECONDS, on_late, q);
  return q;
}
