/* SPDX-License-Identifier: MIT
 *
 * A socket is watched for its end as long as the peer has not hung up, and for bytes unless it has
 * left too much untaken.
 */
#include "broker/net/client.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "broker/base/slab.h"

/* With so many times as much of what it has asked for, a client is not going to read it. */
enum { QUEUE_HARD_FACTOR = 4 };

/* ---- Ends ---- */

/* Units of work to ask the kernel how a process has ended. */
enum { COST_END = 100 };

/* Asked at once: its parent may ask soon, and then nobody else can. */
static void learn_end(struct client *c) {
  if (*c->reason || !c->id || c->observer) return;
  c->end = process_end(c->pid, c->born, c->uid, c->fd);
  work_charge(c->connections->work, COST_END);
}

static void condemn(struct client *c, const char *format, va_list args) {
  if (c->state == CLIENT_CONDEMNED) return;
  vsnprintf(c->reason, sizeof c->reason, format, args);
  learn_end(c);
  c->state = CLIENT_CONDEMNED;
  c->connections->events->condemned(c);
  work_remove(c->connections->work, &c->job);
  accounts_leave(&c->connections->accounts, c->account);
  c->next_condemned = c->connections->condemned;
  c->connections->condemned = c;
}

struct log_about client_about_why(const struct client *c, const char *why) {
  return (struct log_about){.worker = c->id ? c->name : NULL, .id = c->id, .pid = c->pid,
                            .uid = c->uid, .why = why};
}

struct log_about client_about(const struct client *c) { return client_about_why(c, NULL); }

void client_condemn(struct client *c, const char *format, ...) {
  va_list args;
  va_start(args, format);
  condemn(c, format, args);
  va_end(args);
}

void client_fault(struct client *c, const char *format, ...) {
  char text[sizeof c->reason];
  va_list args;
  if (c->state == CLIENT_CONDEMNED) return;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  c->connections->events->fault(c, text);
  client_condemn(c, "it broke the protocol: %s", text);
}

void client_forged(struct client *c, const char *what) {
  uint64_t now = uv_now(c->connections->loop);
  uint64_t *oldest = &c->forged_ms[c->forgeries % FORGERIES_MOST];
  bool too_often = c->forgeries >= FORGERIES_MOST && now - *oldest < FORGERY_WINDOW_MS;
  *oldest = now;
  c->forgeries++;
  log_peer(c->connections->log, LOG_WARN, CAUSE_FORGERY, client_about(c),
           "%s: %s (%llu forgeries so far)", c->name, what, (unsigned long long)c->forgeries);
  if (too_often)
    client_fault(c, "more than %d forgeries within %d s", FORGERIES_MOST,
                 FORGERY_WINDOW_MS / 1000);
}

void client_ready(struct client *c) {
  assert(c->state == CLIENT_GREETING && c->host != SLAB_NONE);
  c->state = CLIENT_READY;
}

/* ---- Whether it responds ---- */

void client_note_activity(struct client *c) { c->active_ms = uv_now(c->connections->loop); }

/* What waits in the outbox alone may have come in this turn: only a full socket says that the
 * client does not read. */
static bool is_awaited(const struct client *c) {
  return c->answers_due > 0 || c->is_full;
}

void client_answer_due(struct client *c) {
  if (!is_awaited(c)) client_note_activity(c);
  c->answers_due++;
}

bool client_is_responsive(const struct client *c) {
  return !is_awaited(c) || uv_now(c->connections->loop) - c->active_ms <= RESPONSIVE_MS;
}

/* ---- Bytes kept for it ---- */

void client_settle(struct client *c) {
  size_t now = client_look_kept(c), before = c->kept;
  c->kept = now;
  if (now > before) {
    account_charge_bytes(&c->connections->accounts, c->account, now - before);
  } else if (now < before) {
    account_discharge(&c->connections->accounts, c->account, ACCOUNT_BYTES, before - now);
  }
}

void client_take_lanes(struct client *c, struct lanes *l) {
  struct carrier *k = &c->connections->carrier;
  l->owner = c;
  l->next = k->all;
  if (l->next) l->next->prev = l;
  k->all = c->lanes = l;
  k->count++;
  client_settle(c);
}

void client_drop_lanes(struct client *c) {
  struct carrier *k = &c->connections->carrier;
  struct lanes *l = c->lanes;
  if (!l) return;
  if (l->prev)
    l->prev->next = l->next;
  else
    k->all = l->next;
  if (l->next) l->next->prev = l->prev;
  k->count--;
  lanes_free(l);
  c->lanes = NULL;
  client_settle(c);
}

void client_drop_received(struct client *c) {
  assert(c->connections->heard != c);
  frame_deinit(&c->rest);
  client_drop_lanes(c);
  c->connections->events->dropped(c);
  client_settle(c);
  assert(c->kept == 0);
}

/* What is freed in one unit of work: bytes, and changes of who pays for them. */
enum { DROPPED_BYTES_PER_UNIT = 64 << 10, DROPPED_SPANS_PER_UNIT = 8 };

void client_drop_waiting(struct client *c) {
  work_charge(c->connections->work, c->outbox.bytes / DROPPED_BYTES_PER_UNIT +
                                        c->outbox.span_count / DROPPED_SPANS_PER_UNIT);
  outbox_deinit(&c->outbox);
}

/* ---- Writing ---- */

bool client_has_room(const struct client *c) {
  return c->outbox.bytes <= c->connections->queue_most;
}

uint64_t client_queued_to(const struct client *c) { return c->outbox.written + c->outbox.bytes; }

bool client_was_sent(const struct client *c, uint64_t to) { return c->outbox.written >= to; }

static void make_dirty(struct client *c) {
  if (c->is_dirty) return;
  c->is_dirty = true;
  c->next_dirty = c->connections->dirty;
  c->connections->dirty = c;
}

/* The peer has ended, or else the system cannot send to it: that is told. */
static void log_write_error(const struct client *c, int error) {
  if (error == EPIPE || error == ECONNRESET) return;
  log_peer(c->connections->log, LOG_WARN, CAUSE_DISCONNECTED, client_about_why(c, strerror(error)),
           "cannot write to %s (process %ld), whose connection ends", c->name, (long)c->pid);
}

/* Shut, the socket is sure to come to an end, and is read up to there. */
static void stop_writing(struct client *c) {
  c->write_failed = true;
  client_drop_waiting(c);
  shutdown(c->fd, SHUT_RDWR);
}

void client_push(struct client *c, struct account *payer, const void *bytes, uint32_t size) {
  if (c->state == CLIENT_CONDEMNED || c->write_failed) return;
  if (c->outbox.own > QUEUE_HARD_FACTOR * c->connections->queue_most) {
    client_condemn(c, "it does not read what it is sent: %zu bytes wait for it", c->outbox.own);
    return;
  }
  /* Who has hung up is heard to the end, but hardly reads the answers. */
  if (c->has_hung_up && c->outbox.own > UNTAKEN_MOST) {
    stop_writing(c);
    return;
  }
  if (!outbox_push(&c->outbox, payer, bytes, size)) {
    client_condemn(c, "memory is too short for what waits for it (%zu bytes)", c->outbox.bytes);
    return;
  }
  c->messages_out++;
  make_dirty(c);
}

void client_watch(struct client *c, bool to_write) {
  /* When there is room. If there is already, that its socket has some brings us back. */
  bool is_knocked = to_write && lanes_carry_out(c->lanes) && !c->lanes->has_room;
  int events = to_write && !is_knocked ? UV_WRITABLE : 0;
  c->is_full = to_write;
  if (!c->has_hung_up) events |= UV_DISCONNECT;
  if (!c->has_hung_up && (is_knocked || (!c->job.rests && !client_leaves_untaken(c))))
    events |= UV_READABLE;
  if (c->events == events || c->state == CLIENT_CONDEMNED) return;
  c->events = events;
  int r = uv_poll_start(&c->poll, events, c->connections->on_event); /* 0: watches nothing */
  if (r < 0) client_condemn(c, "cannot wait for its socket: %s", uv_strerror(r));
}

/* By the socket again; the ring of the other stream is yet taken from. */
static enum outbox_outcome write_left(struct client *c, int *error) {
  enum outbox_outcome o = outbox_write(&c->outbox, c->fd, error);
  if (o == OUTBOX_EMPTY) lanes_knock_later(c->lanes, c->fd);
  return o;
}

/* By the socket up to where the stream moves, and from there on by the ring. */
static enum outbox_outcome write_moving(struct client *c, int *error) {
  struct lanes *l = c->lanes;
  bool knock = false;
  *error = EPROTO;
  if (l->has_left) return write_left(c, error);
  if (!l->out) {
    uint64_t left = l->out_at - c->outbox.written;
    enum outbox_outcome o = outbox_write_some(&c->outbox, left, c->fd, error);
    if (o == OUTBOX_FAILED || c->outbox.written < l->out_at) return o;
    l->out = true;
    lanes_knock_later(l, c->fd);
  }
  enum outbox_outcome o = outbox_put(&c->outbox, &l->pair, &knock);
  if (knock) lanes_knock(l, c->fd);
  l->has_room = o == OUTBOX_MORE;
  return o;
}

void client_flush(struct client *c) {
  int error;
  uint64_t before = c->outbox.written;
  assert(c->fd >= 0 && (!c->write_failed || c->outbox.bytes == 0));
  enum outbox_outcome outcome =
      c->lanes ? write_moving(c, &error) : outbox_write(&c->outbox, c->fd, &error);
  switch (outcome) {
    case OUTBOX_EMPTY: client_watch(c, false); break;
    case OUTBOX_LEFT:
    case OUTBOX_MORE:
      if (!is_awaited(c)) client_note_activity(c);
      /* It has taken something, or begins to have something untaken. */
      if (c->outbox.written != before || !c->is_full)
        c->taken_ms = uv_now(c->connections->loop);
      client_watch(c, true);
      break;
    case OUTBOX_FAILED:
      log_write_error(c, error);
      stop_writing(c);
      client_watch(c, false);
      break;
  }
}
