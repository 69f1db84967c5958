/* SPDX-License-Identifier: MIT
 *
 * Reading goes through one buffer for all, so that an idle connection costs no buffer; only what
 * could not be handled yet stays with its connection.
 */
#include "broker/net/reading.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "broker/net/hot.h"
#include "broker/net/limits.h"
#include "proto/base.h"
#include "proto/limits.h"

/* Bytes that are read at once, at most and at least; of a message begun, those that are copied to
 * where the next ones are read: it needs no room of its own for them, which would mostly stay
 * empty. */
enum { READ_BYTES = 64 << 10, READ_LEAST = 4 << 10, COPIED_MOST = 16 << 10 };
/* What a client may spend that is read in a turn in which much was done already: enough for some
 * requests. With many who flood, the others still wait for a turn of bounded length only. */
enum { SMALL_QUANTUM = WORK_QUANTUM / 8 };

void client_postpone(struct client *c) {
  assert(c->state != CLIENT_CONDEMNED && !c->is_postponed);
  c->is_postponed = true;
}

static bool may_go_on(const struct client *c) {
  return c->state != CLIENT_CONDEMNED && !c->is_postponed && c->balance > 0 &&
         !client_leaves_untaken(c);
}

static void skip_knocks(struct frame *f) {
  while (f->start < f->in.size && !f->in.bytes[f->start]) f->start++;
}

/* The stream has moved with the message that was handled last (enum moving). */
static void note_moved(struct client *c, struct frame *f) {
  bool is_back = c->moving == MOVING_BACK;
  if (c->moving == MOVING_KNOCKS) return;
  c->moving = is_back ? MOVING_KNOCKS : MOVING_NOT;
  if (!is_back) skip_knocks(f);
  if (f->start < f->in.size)
    client_fault(c, "it sent something behind its last message %s",
                 is_back ? "in its ring" : "on the socket");
}

/* It is back on the socket. */
static void drop_knocks(struct client *c, struct frame *f) {
  skip_knocks(f);
  if (f->start < f->in.size) c->moving = MOVING_NOT;
}

/* The whole messages in `f`, as far as it may. */
static inline void handle_each(struct client *c, struct frame *f) {
  uint8_t *bytes;
  uint32_t size;
  while (may_go_on(c)) {
    f->max_message = c->state == CLIENT_GREETING ? MAX_MESSAGE_LEAST : c->connections->max_message;
    switch (frame_next(f, &bytes, &size)) {
      case FRAME_MESSAGE:
        client_charge(c, COST_MESSAGE);
        c->connections->events->message(c, bytes, size);
        if (c->is_postponed)
          f->start -= size;
        else
          c->messages_in++;
        if (c->moving) note_moved(c, f);
        break;
      case FRAME_MORE: return;
      case FRAME_TOO_LARGE:
        client_fault(c, "a message of %lu bytes is over the limit of %lu", (unsigned long)size,
                     (unsigned long)f->max_message);
        return;
      case FRAME_BAD_PREFIX:
        client_fault(c, "a message does not start with its length as a uint32 in the 5-byte "
                        "form (0xce)");
        return;
    }
  }
}

static void handle_messages(struct client *c, struct frame *f) {
  assert(!c->connections->heard);
  c->connections->heard = c;
  if (c->moving == MOVING_KNOCKS) drop_knocks(c, f);
  handle_each(c, f);
  c->connections->heard = NULL;
}

static uint32_t left_in(const struct frame *f) { return f->in.size - f->start; }

/* What is left in the broker's buffer gets one of its own until the next time. */
static void take_rest(struct client *c, struct frame *f) {
  uint32_t left = left_in(f), room;
  f->start += left;
  if (left == 0 || c->state == CLIENT_CONDEMNED) return;
  frame_init(&c->rest, f->max_message);
  uint8_t *to = frame_room(&c->rest, left, &room);
  if (!to) {
    client_condemn(c, "memory is too short for what it sends");
    return;
  }
  memcpy(to, f->in.bytes + f->start - left, left);
  frame_filled(&c->rest, left);
}

/* Keeps what is left for the next time, in no more memory than it needs. */
static void keep_rest(struct client *c, struct frame *f) {
  if (f != &c->rest)
    take_rest(c, f);
  else if (left_in(f) == 0)
    frame_deinit(f);
  else
    frame_trim(f, COPIED_MOST);
  client_settle(c);
}

/* The same as receive, of its ring, whose end only the socket tells (go_on). */
static uint32_t take(struct client *c, uint8_t *to, uint32_t room) {
  struct lanes *l = c->lanes;
  if (c->has_hung_up) lanes_end(l);
  uint32_t n = lanes_take(l, c->fd, to, room);
  if (n > 0) client_charge(c, COST_READ + n / READ_PER_UNIT);
  if (l->has_left && c->outbox.bytes == 0) lanes_knock_later(l, c->fd);
  if (l->pair.is_broken)
    client_fault(c, "its rings have counters that cannot be");
  else if (n == 0 && l->is_ahead)
    client_fault(c, "it sent something behind its last message on the socket");
  return n;
}

/* Reads into `to`, which has so much room. The bytes read; 0: nothing is there, or the connection
 * has ended; it is condemned then. */
static uint32_t receive(struct client *c, uint8_t *to, uint32_t room) {
  ssize_t n;
  if (!to) {
    client_condemn(c, "memory is too short for what it sends");
    return 0;
  }
  if (lanes_carry_in(c->lanes)) return take(c, to, room);
  do
    n = recv(c->fd, to, room, MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  if (n < 0 && errno == EAGAIN) return 0;
  client_charge(c, COST_READ + (n > 0 ? (uint64_t)n / READ_PER_UNIT : 0));
  if (n > 0) return (uint32_t)n;
  client_condemn(c, "%s", "");
  return 0;
}

/* Who sends more than it may have handled is read in smaller portions: what is not handled at once
 * has to be copied, and in the kernel it holds its sender back. */
static inline uint32_t portion(const struct client *c) {
  assert(READ_BYTES >> c->read_shift >= READ_LEAST);
  return READ_BYTES >> c->read_shift;
}

static inline void fit_portion(struct client *c, uint32_t left) {
  if (c->balance > 0) {
    if (c->read_shift > 0) c->read_shift--;
  } else if (left > portion(c) / 2 && portion(c) > READ_LEAST) {
    c->read_shift++;
  }
}

/* To the end of what is there already: of little in the broker's buffer, of much in its own. */
static struct frame *read_more(struct client *c) {
  uint32_t left = left_in(&c->rest), room = left, n;
  uint8_t *to;
  if (left > COPIED_MOST) {
    to = frame_room(&c->rest, left < READ_BYTES ? left : READ_BYTES, &room);
    client_settle(c); /* what was handled is not kept any more */
    n = receive(c, to, room);
    if (n) frame_filled(&c->rest, n);
    return n ? &c->rest : NULL;
  }
  struct frame *f = &c->connections->inbox;
  to = frame_room(f, left + READ_BYTES, &room);
  n = receive(c, to ? to + left : NULL, portion(c));
  if (!n) return NULL;
  frame_filled(f, left + n);
  if (left == 0) return f;
  memcpy(to, c->rest.in.bytes + c->rest.start, left);
  frame_deinit(&c->rest);
  return f;
}

/* Reads once. False when nothing more is to be read, now or ever. */
static bool read_once(struct client *c) {
  assert(may_go_on(c));
  struct frame *f = read_more(c);
  if (!f) return false;
  uint64_t before = c->messages_in;
  client_note_activity(c);
  handle_messages(c, f);
  if (c->messages_in != before) hot_spoke(c);
  fit_portion(c, left_in(f));
  keep_rest(c, f);
  return true;
}

/* Whether it is to be a job. If not, all is done that can be: see the head of reading.h. */
static bool is_unfinished(struct client *c) {
  if (c->state == CLIENT_CONDEMNED) return false;
  if (left_in(&c->rest)) {
    c->heard_ms = uv_now(c->connections->loop);
    limits_watch(c->connections);
  }
  c->is_held_back = client_leaves_untaken(c);
  return !c->is_held_back &&
         (c->is_postponed || c->balance <= 0 || c->has_hung_up || c->is_put_off);
}

/* Goes on with what it has sent, as far as its balance goes. */
static void go_on(struct client *c) {
  c->is_postponed = false;
  if (left_in(&c->rest)) {
    handle_messages(c, &c->rest);
    keep_rest(c, &c->rest);
  }
  if (c->is_put_off && !c->has_hung_up && may_go_on(c)) {
    c->is_put_off = false;
    read_once(c);
  }
  while (c->has_hung_up && may_go_on(c))
    if (!read_once(c)) client_condemn(c, "%s", "");
}

static bool run_slice(struct work *w, struct job *j);

/* Nothing is left to do for it. If it has rings it knocks from now on, unless it is looked at
 * (hot.h). True: something came before it knew that, to be read as if its socket were ready. */
static bool has_come(struct client *c) {
  if (!lanes_carry_in(c->lanes) || c->state == CLIENT_CONDEMNED || c->hot ||
      c->is_held_back || c->has_hung_up)
    return false;
  c->is_put_off = !ring_sleep(&c->lanes->pair);
  return c->is_put_off;
}

/* It has overstepped: has it rest, unless it could not be heard now anyway. */
static bool rest(struct client *c) {
  assert(!c->has_hung_up);
  c->has_overstepped = false;
  if (c->is_held_back || c->state == CLIENT_CONDEMNED) return false;
  work_rest(c->connections->work, &c->job, run_slice);
  client_watch(c, c->is_full);
  return true;
}

static bool run_slice(struct work *w, struct job *j) {
  struct client *c = container_of(j, struct client, job);
  (void)w;
  /* One that was put off gets what its socket would have got then. */
  int64_t quantum = c->is_put_off && !c->has_hung_up ? SMALL_QUANTUM : WORK_QUANTUM;
  c->balance = c->balance > 0 ? quantum : c->balance + quantum;
  if (c->balance > 0) go_on(c);
  bool more = is_unfinished(c) || has_come(c);
  if (c->has_overstepped && rest(c)) return false;
  if (c->state != CLIENT_CONDEMNED) client_watch(c, c->is_full);
  return more && c->state != CLIENT_CONDEMNED; /* what cannot be watched is condemned */
}

static void queue(struct client *c) { work_add(c->connections->work, &c->job, run_slice); }

/* It has begun nothing and owes nothing: what it may spend now. */
static void begin(struct client *c) {
  c->balance = work_is_spent(c->connections->work) ? SMALL_QUANTUM : WORK_QUANTUM;
}

/* Its socket was read: what is left of it is a job, or waits. */
static void end(struct client *c) {
  bool more = is_unfinished(c) || has_come(c);
  if (c->has_overstepped && rest(c)) return;
  if (more) queue(c);
}

void reading_ready(struct client *c) {
  if (job_is_queued(&c->job)) return;
  if (client_leaves_untaken(c)) {
    if (c->lanes) c->is_held_back = true; /* its knock is gone: it is looked at when it has read */
    return;
  }
  if (work_is_overspent(c->connections->work)) {
    c->is_put_off = true;
    queue(c);
    return;
  }
  begin(c);
  read_once(c);
  end(c);
}

void reading_sleep(struct client *c) {
  if (!job_is_queued(&c->job) && has_come(c)) queue(c);
}

void reading_unheard(struct client *c) {
  if (!lanes_carry_in(c->lanes) || !ring_has(&c->lanes->pair) || c->state == CLIENT_CONDEMNED ||
      job_is_queued(&c->job) || client_leaves_untaken(c))
    return;
  c->is_put_off = true;
  queue(c);
}

bool reading_look(struct client *c) {
  if (lanes_carry_in(c->lanes) && !ring_has(&c->lanes->pair)) return false;
  if (c->state == CLIENT_CONDEMNED || job_is_queued(&c->job) || !(c->events & UV_READABLE) ||
      client_leaves_untaken(c))
    return false;
  /* For the rest of a large message there would first be made room, which a vain look would leave
   * uncharged. It is no wait that looking makes shorter. */
  if (left_in(&c->rest) > COPIED_MOST) return false;
  begin(c);
  if (!read_once(c)) return c->state == CLIENT_CONDEMNED;
  end(c);
  return true;
}

void reading_hung_up(struct client *c) {
  bool waits = job_is_queued(&c->job);
  if (c->has_hung_up) return;
  c->has_hung_up = true;
  c->is_held_back = false;
  client_watch(c, c->is_full);
  if (waits || c->state == CLIENT_CONDEMNED) return;
  /* Often it is little, and done with before those who connect next are heard. */
  if (c->balance > 0 && !c->is_postponed && !work_is_overspent(c->connections->work)) {
    begin(c);
    go_on(c);
  }
  if (is_unfinished(c)) queue(c);
}

void reading_written(struct client *c) {
  if (!c->is_held_back || client_leaves_untaken(c) || c->state == CLIENT_CONDEMNED) return;
  c->is_held_back = false;
  queue(c);
}

void reading_go_on(struct client *c, bool had_more) {
  c->is_held_back = client_leaves_untaken(c);
  if (had_more && !c->is_held_back) queue(c);
  client_watch(c, c->outbox.bytes > 0);
  reading_sleep(c);
}
