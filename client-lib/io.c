/* SPDX-License-Identifier: MIT
 *
 * Bytes in and out, never blocking. A failed write only stops writing: what the
 * broker had sent before it went is still read to its end, and only that end is
 * the loss of the connection.
 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client-lib/internal.h"
#include "client-lib/rings.h"

/* READ_BYTES: one read fetches what a socket buffer typically holds. READ_ROUNDS bounds a turn, so
 * that a flood does not keep the program from its other work: polling is level-triggered and brings
 * us back. READ_LEAST_BYTES: what is read when memory is too short for more. COMPACT_BYTES: below
 * this, bytes already sent stay in front of the queue. KEEP_BYTES: above this an empty queue gives
 * its memory back. STARVED_SECONDS: how long memory may be too short for anything. */
enum { READ_BYTES = 64 << 10, READ_LEAST_BYTES = 1 << 10, READ_ROUNDS = 16 };
enum { COMPACT_BYTES = 64 << 10, KEEP_BYTES = 256 << 10, STARVED_SECONDS = 5 };

__attribute__((format(printf, 3, 0)))
static void lose(gaijin *g, const char *who, const char *format, va_list args) {
  char reason[400];
  vsnprintf(reason, sizeof reason, format, args);
  g->lost = true;
  snprintf(g->loss, sizeof g->loss, "%s: %s", who, reason);
  gj_fail_lost(g);
  /* The descriptor stays open, as the program's loop may be polling it; the broker learns of the
   * end at once. Not of a fork's: the socket is its parent's. */
  if (!gj_is_fork(g) && g->fd >= 0) shutdown(g->fd, SHUT_RDWR);
  gj_return_end(g);
  gj_write_cut(g);
  buffer_deinit(&g->out);
  buffer_init(&g->out, OUT_QUEUE_MOST);
  g->out_start = g->out_whole = 0;
  gj_call_lose_all(g, reason);
  assert(list_empty(&g->open_calls));
  gj_window_lost(g);
}

void gj_io_lost(gaijin *g, const char *format, ...) {
  if (g->lost) return;
  va_list args;
  va_start(args, format);
  lose(g, "the connection to the broker ended", format, args);
  va_end(args);
}

void gj_io_give_up(gaijin *g, const char *format, ...) {
  if (g->lost) return;
  va_list args;
  va_start(args, format);
  lose(g, "this process gave up its connection to the broker", format, args);
  va_end(args);
}

/* What has come stays where it is. Often memory is short for a moment only: not at once is all
 * given up. */
static void starve(gaijin *g, uint32_t size) {
  double now = clock_seconds();
  if (g->starved_since == 0) g->starved_since = now;
  g->starved = now - g->starved_since < STARVED_SECONDS;
  if (!g->starved)
    gj_io_give_up(g, "for %d s its memory has been too short to receive %u bytes",
                  STARVED_SECONDS, size);
}

void gj_io_condemn(gaijin *g, const char *format, ...) {
  if (!gj_is_up(g) || *g->condemned || gj_is_fork(g)) return;
  va_list args;
  va_start(args, format);
  vsnprintf(g->condemned, sizeof g->condemned, format, args);
  va_end(args);
  shutdown(g->fd, SHUT_RDWR); /* makes it readable: a program that polls it calls gaijin_dispatch */
}

static bool skip_knocks(struct frame *f) {
  uint32_t start = f->start;
  while (f->start < f->in.size && !f->in.bytes[f->start]) f->start++;
  return f->start > start;
}

/* The stream has moved with the message that was handled last: into its ring, and behind that the
 * socket brought knocks; or back, and there is nothing. */
static void note_moved(gaijin *g) {
  g->rings.has_moved = false;
  if (g->rings.in) skip_knocks(&g->in);
  if (g->in.start < g->in.in.size) gj_io_lost(g, "it sent bytes behind its last message there");
}

/* Handles every whole message that is here. */
static void handle_messages(gaijin *g) {
  uint8_t *bytes;
  uint32_t size = 0;
  while (!g->lost && !*g->condemned && !g->paused && !g->starved) {
    switch (frame_next(&g->in, &bytes, &size)) {
      case FRAME_MESSAGE:
        if (!gj_receive_message(g, bytes, size)) {
          g->in.start -= size;
          starve(g, size);
          return;
        }
        if (g->starved_since != 0) g->heard = true; /* only now */
        g->starved_since = 0;
        if (polling_wants_hit(&g->polling)) polling_hit(&g->polling, clock_seconds());
        gj_checkpoint(g);
        if (g->rings.has_moved) note_moved(g);
        break;
      case FRAME_MORE: return;
      case FRAME_TOO_LARGE:
        gj_io_lost(g, "it sent a message of %u bytes, over the limit of %u", size, g->max_message);
        return;
      case FRAME_BAD_PREFIX:
        if (g->rings.knocks && skip_knocks(&g->in)) break;
        gj_io_lost(g, "it sent bytes that are no message");
        return;
    }
  }
}

/* Where the first message begins that has not been sent as a whole. Each is looked at once. */
static uint32_t whole_sent(gaijin *g) {
  while (g->out_whole < g->out_start) {
    uint32_t next = g->out_whole + message_size(g->out.bytes + g->out_whole);
    if (next > g->out_start) break;
    g->out_whole = next;
  }
  return g->out_whole;
}

/* One-way requests in the out-queue that have not been sent, or not as a whole. */
static uint32_t posts_unsent(gaijin *g) {
  uint32_t posts = 0;
  assert(!g->writer.open);
  for (uint32_t at = whole_sent(g); at < g->out.size; at += message_size(g->out.bytes + at))
    posts += (message_flags(g->out.bytes + at) & MESSAGE_ONE_WAY) != 0;
  return posts;
}

/* The stream has ended, and what it brought is handled. */
static void ended(gaijin *g, const char *why) {
  gj_write_cut(g);
  g->ret.posts_unsent += posts_unsent(g);
  if (!gj_return_cut(g, why)) gj_io_lost(g, "%s", g->ret.bye ? g->ret.reason : why);
}

static void has_read(gaijin *g, uint32_t n) {
  frame_filled(&g->in, n);
  g->heard = true;
  g->starved_since = 0;
  handle_messages(g);
}

/* The same as read_once, from the ring, whose end only the socket tells. */
static bool take_once(gaijin *g, uint8_t *to, uint32_t room) {
  uint32_t n = gj_rings_take(g, to, room);
  if (g->rings.pair.is_broken) gj_io_lost(g, "its rings have counters that cannot be");
  if (n > 0) has_read(g, n);
  return n > 0;
}

/* One read and what it brought. False when there is nothing more for now. */
static bool read_once(gaijin *g) {
  uint32_t room;
  uint8_t *to = frame_room(&g->in, READ_BYTES, &room);
  if (!to) to = frame_room(&g->in, READ_LEAST_BYTES, &room);
  if (!to) {
    starve(g, READ_LEAST_BYTES);
    return false;
  }
  if (g->rings.in) return take_once(g, to, room);
  ssize_t n = gj_rings_ahead(g, to);
  if (n > 0) {
    has_read(g, (uint32_t)n);
    return true;
  }
  do {
    n = g->rings.wanted ? gj_rings_recv(g, to, room) : recv(g->fd, to, room, 0);
  } while (n < 0 && errno == EINTR);
  if (n > 0) {
    has_read(g, (uint32_t)n);
    return (uint32_t)n == room || g->rings.in;
  }
  if (n == 0)
    ended(g, "the broker closed it");
  else if (errno != EAGAIN && errno != EWOULDBLOCK)
    ended(g, strerror(errno));
  return false;
}

static bool may_read(const gaijin *g) {
  return gj_is_up(g) && !*g->condemned && !g->paused && !g->starved;
}

static void send_queued(gaijin *g);
static void answer_for_rings(gaijin *g);

/* While nothing is read it is not knocked at either; the program calls again then. */
static void receive_from_rings(gaijin *g, bool hears) {
  enum rings_heard heard = hears ? gj_rings_hear(g) : RINGS_QUIET;
  for (int i = 0; may_read(g); i++) {
    if (i == READ_ROUNDS) {
      g->paused = true;
    } else if (!read_once(g) && may_read(g)) {
      if (g->rings.n_ahead > 0)
        gj_io_lost(g, "it sent bytes behind its last message there");
      else if (heard == RINGS_ENDED)
        ended(g, "the broker closed it");
      else if (gj_rings_sleep(g))
        return;
    }
    if (!g->rings.in) return; /* it is back, or has ended, and may be on its way back */
  }
}

static void receive_from_socket(gaijin *g) {
  for (int i = 0; !g->rings.in && i < READ_ROUNDS && may_read(g) && read_once(g); i++) continue;
}

static void receive(gaijin *g, bool hears) {
  if (g->paused || g->starved) {
    g->paused = g->starved = false;
    handle_messages(g); /* what had been read */
  }
  receive_from_socket(g);
  if (g->rings.in && gj_is_up(g)) {
    receive_from_rings(g, hears);
    receive_from_socket(g);
  }
  if (!gj_is_up(g) || g->writer.open || *g->condemned) return;
  if (g->rings.out) send_queued(g); /* there may be room again */
  answer_for_rings(g); /* who has become idle may not flush for long */
}

static int dispatch(gaijin *g, bool hears) {
  if (g->lost) return gj_fail_lost(g);
  if (gj_is_fork(g)) return gj_fork_refuse(g);
  if (g->dispatching)
    return gj_fail(g, GAIJIN_STATUS_UNSUPPORTED, "gaijin_dispatch was called in a call-back");
  g->dispatching = true;
  if (!gj_is_up(g)) gj_return_turn(g);
  if (gj_is_up(g)) receive(g, hears);
  while (g->starved && !g->events.starved) {
    poll(NULL, 0, STARVED_RETRY_MS);
    receive(g, true);
  }
  if (g->starved) g->events.starved(g->user);
  if (*g->condemned) gj_io_give_up(g, "%s", g->condemned);
  g->dispatching = false;
  return g->lost ? gj_fail_lost(g) : 0;
}

int gaijin_dispatch(gaijin *g) { return dispatch(g, true); }

void gj_io_look(gaijin *g) { dispatch(g, !g->rings.in); }

void gaijin_pause(gaijin *g) {
  if (g->dispatching) g->paused = true;
}

bool gaijin_paused(const gaijin *g) { return g->paused && !g->lost; }

/* After a write: the queue's sent bytes make room, at a cost in proportion to what was sent. It
 * begins with a message, which may have been sent in part. */
static void compact(gaijin *g) {
  assert(g->out_start <= g->out.size && !g->writer.open);
  uint32_t left = g->out.size - g->out_start;
  if (left == 0) {
    g->out.size = g->out_start = g->out_whole = g->ret.owed_end = 0;
    if (g->out.capacity <= KEEP_BYTES) return;
    buffer_deinit(&g->out);
    buffer_init(&g->out, OUT_QUEUE_MOST);
  } else if (g->out_start >= COMPACT_BYTES && g->out_start >= left) {
    uint32_t sent = whole_sent(g);
    if (sent < g->out_start / 2) return; /* most of it is one large message */
    memmove(g->out.bytes, g->out.bytes + sent, g->out.size - sent);
    g->out.size -= sent;
    g->out_start -= sent;
    g->out_whole = 0;
    g->ret.owed_end -= sent < g->ret.owed_end ? sent : g->ret.owed_end;
  }
}

/* As much as the socket takes. */
static void send_queued(gaijin *g) {
  while (!g->write_broken && g->out_start < g->out.size) {
    uint32_t left = (g->rings.end ? g->rings.end : g->out.size) - g->out_start;
    if (g->rings.out) {
      uint32_t put = gj_rings_put(g, g->out.bytes + g->out_start, left);
      g->out_start += put;
      g->write_broken = g->rings.pair.is_broken;
      if (put < left) break;
      if (g->out_start == g->rings.end) gj_rings_answered(g);
      continue;
    }
    ssize_t n = send(g->fd, g->out.bytes + g->out_start, left, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOBUFS)
      g->write_broken = true;
    if (n < 0) break;
    g->out_start += (uint32_t)n;
    if ((uint32_t)n < left) break;
    if (g->out_start == g->rings.end) gj_rings_answered(g);
  }
}

/* If an answer is due, and the out-queue empty: it is the first there. */
static void answer_for_rings(gaijin *g) {
  if (!g->rings.answers || g->write_broken || g->out_start < g->out.size) return;
  compact(g);
  gj_rings_answer(g);
  send_queued(g);
}

int gaijin_flush(gaijin *g, bool releases) {
  if (g->lost) return gj_fail_lost(g);
  if (gj_is_fork(g)) return gj_fork_refuse(g);
  if (!gj_is_up(g)) return 0;
  if (g->writer.open) return 0; /* half a message must not leave */
  if (!list_empty(&g->reports)) gj_write_reports(g);
  /* Without memory the releases stay queued for the next flush. */
  if (g->n_releases && (releases || gaijin_queued_bytes(g))) gj_write_releases(g);
  send_queued(g);
  answer_for_rings(g);
  while (g->ret.owing && !g->write_broken && gj_owed_write(g)) {
    send_queued(g);
    if (gaijin_queued_bytes(g)) break; /* the socket takes no more */
    compact(g);
  }
  if (g->write_broken) { /* nobody will read it; the end is near */
    g->ret.posts_unsent += posts_unsent(g);
    g->out_start = g->out.size;
  }
  compact(g);
  return 0;
}

bool gaijin_wants_write(const gaijin *g) {
  return gj_is_up(g) && !g->write_broken && (gaijin_queued_bytes(g) > 0 || g->ret.owing) &&
         !g->rings.out && !gj_is_fork(g);
}

bool gaijin_awaits_room(const gaijin *g) {
  return gj_is_up(g) && !g->write_broken && g->rings.out && gaijin_queued_bytes(g) > 0 &&
         !gj_is_fork(g);
}

/* A message being written is not queued yet. */
size_t gaijin_queued_bytes(const gaijin *g) {
  return (g->writer.open ? g->writer.pack.start : g->out.size) - g->out_start;
}
