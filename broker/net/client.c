/* SPDX-License-Identifier: MIT
 *
 * Reading goes through one buffer for all, so that an idle connection costs no buffer; only the
 * begin of an unfinished message stays with its connection.
 */
#define _GNU_SOURCE /* struct ucred */
#include "broker/net/client.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/base/slab.h"
#include "proto/limits.h"

enum { READ_BYTES = 64 << 10, WAIT_TO_READ = UV_READABLE | UV_DISCONNECT };
/* connections.queue_most: so many bytes, or so many of the largest messages if that is more. */
#define QUEUE_BYTES ((size_t)64 << 20)
enum { QUEUE_MESSAGES = 4 };
/* With so many times as much, answers and notices included, a client is not going to read them. */
enum { QUEUE_HARD_FACTOR = 4 };

/* ---- Ends ---- */

static void condemn(struct client *c, const char *format, va_list args) {
  if (c->state == CLIENT_CONDEMNED) return;
  vsnprintf(c->reason, sizeof c->reason, format, args);
  c->state = CLIENT_CONDEMNED;
  c->next_condemned = c->connections->condemned;
  c->connections->condemned = c;
}

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
  log_peer(c->connections->log, LOG_WARN, CAUSE_FORGERY, c->uid, "%s: %s (%llu forgeries so far)",
           c->name, what, (unsigned long long)c->forgeries);
  if (too_often)
    client_fault(c, "more than %d forgeries within %d s", FORGERIES_MOST,
                 FORGERY_WINDOW_MS / 1000);
}

void client_ready(struct client *c) {
  assert(c->state == CLIENT_GREETING && c->host != SLAB_NONE);
  c->state = CLIENT_READY;
}

/* ---- Whether it responds ---- */

static void note_activity(struct client *c) { c->active_ms = uv_now(c->connections->loop); }

/* What waits in the outbox alone may have come in this turn: only a full socket says that the
 * client does not read. */
static bool is_awaited(const struct client *c) {
  return c->answers_due > 0 || (c->events & UV_WRITABLE);
}

void client_answer_due(struct client *c) {
  if (!is_awaited(c)) note_activity(c);
  c->answers_due++;
}

void client_answer_came(struct client *c) {
  assert(c->answers_due > 0);
  c->answers_due--;
}

bool client_is_responsive(const struct client *c) {
  return !is_awaited(c) || uv_now(c->connections->loop) - c->active_ms <= RESPONSIVE_MS;
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

void client_push(struct client *c, const void *bytes, uint32_t size) {
  if (c->state == CLIENT_CONDEMNED || c->write_failed) return;
  if (c->outbox.bytes > QUEUE_HARD_FACTOR * c->connections->queue_most) {
    client_condemn(c, "it does not read what it is sent: %zu bytes wait for it", c->outbox.bytes);
    return;
  }
  if (!outbox_push(&c->outbox, bytes, size)) {
    client_condemn(c, "memory is too short for what waits for it (%zu bytes)", c->outbox.bytes);
    return;
  }
  c->messages_out++;
  make_dirty(c);
}

static void on_event(uv_poll_t *poll, int status, int events);

static void wait_for(struct client *c, int events) {
  assert(events & UV_READABLE);
  if (c->events == events || c->state == CLIENT_CONDEMNED) return;
  c->events = events;
  int r = uv_poll_start(&c->poll, events, on_event);
  if (r < 0) client_condemn(c, "cannot wait for its socket: %s", uv_strerror(r));
}

/* Writes what is queued, once. */
static void flush(struct client *c) {
  int error;
  assert(c->fd >= 0 && (!c->write_failed || c->outbox.bytes == 0));
  switch (outbox_write(&c->outbox, c->fd, &error)) {
    case OUTBOX_EMPTY: wait_for(c, WAIT_TO_READ); break;
    case OUTBOX_LEFT:
      if (!is_awaited(c)) note_activity(c);
      wait_for(c, WAIT_TO_READ | UV_WRITABLE);
      break;
    case OUTBOX_FAILED:
      /* Shut, the socket is sure to come to an end, and is read up to there. */
      c->write_failed = true;
      outbox_deinit(&c->outbox);
      shutdown(c->fd, SHUT_RDWR);
      wait_for(c, WAIT_TO_READ);
      break;
  }
}

/* ---- Reading ---- */

void client_postpone(struct client *c) {
  struct connections *n = c->connections;
  assert(c->state != CLIENT_CONDEMNED && !c->is_postponed);
  c->is_postponed = true;
  c->next_postponed = NULL;
  if (n->postponed)
    n->postponed_last->next_postponed = c;
  else
    n->postponed = c;
  n->postponed_last = c;
}

static void unlink_postponed(struct client *c) {
  struct connections *n = c->connections;
  struct client *before = NULL;
  if (!c->is_postponed) return;
  for (struct client *i = n->postponed; i != c; i = i->next_postponed) before = i;
  if (before)
    before->next_postponed = c->next_postponed;
  else
    n->postponed = c->next_postponed;
  if (n->postponed_last == c) n->postponed_last = before;
  c->is_postponed = false;
}

/* Handles every whole message in `f`, up to one that is postponed. */
static void handle_messages(struct client *c, struct frame *f) {
  uint8_t *bytes;
  uint32_t size;
  while (c->state != CLIENT_CONDEMNED) {
    f->max_message = c->state == CLIENT_GREETING ? MAX_MESSAGE_LEAST : c->connections->max_message;
    switch (frame_next(f, &bytes, &size)) {
      case FRAME_MESSAGE:
        c->messages_in++;
        c->connections->events->message(c, bytes, size);
        if (!c->is_postponed) break;
        c->messages_in--;
        f->start -= size;
        return;
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

static uint32_t left_in(const struct frame *f) { return f->in.size - f->start; }

/* Keeps what is left in the broker's buffer for the next time, or gives the own buffer back. */
static void keep_rest(struct client *c, struct frame *f) {
  uint32_t left = left_in(f), room;
  if (f == &c->rest) {
    if (left == 0) frame_deinit(f);
    return;
  }
  if (left > 0 && c->state != CLIENT_CONDEMNED) {
    frame_init(&c->rest, f->max_message);
    uint8_t *to = frame_room(&c->rest, left, &room);
    if (to) {
      memcpy(to, f->in.bytes + f->start, left);
      frame_filled(&c->rest, left);
    } else {
      client_condemn(c, "memory is too short for what it sends");
    }
  }
  f->start = f->in.size;
}

/* Reads once. False when nothing more is to be read, now or ever. */
static bool read_once(struct client *c) {
  if (c->state == CLIENT_CONDEMNED || c->is_postponed) return false;
  struct frame *f = left_in(&c->rest) ? &c->rest : &c->connections->inbox;
  uint32_t room;
  uint8_t *to = frame_room(f, READ_BYTES, &room);
  if (!to) {
    client_condemn(c, "memory is too short for what it sends");
    return false;
  }
  ssize_t n = recv(c->fd, to, room, MSG_DONTWAIT);
  if (n < 0 && errno == EINTR) return true;
  if (n < 0 && errno == EAGAIN) return false;
  if (n <= 0) {
    client_condemn(c, "%s", "");
    return false;
  }
  frame_filled(f, (uint32_t)n);
  note_activity(c);
  handle_messages(c, f);
  keep_rest(c, f);
  return true;
}

static void read_all(struct client *c) {
  while (read_once(c)) continue;
}

/* The other end has gone, and libuv has ceased to watch the socket: it is read to its end here. */
static void on_error(struct client *c) {
  read_all(c);
  if (!c->is_postponed) {
    client_condemn(c, "%s", "");
    return;
  }
  c->events = 0; /* has it watched again: the rest is read after what is postponed */
  wait_for(c, WAIT_TO_READ);
}

static void on_event(uv_poll_t *poll, int status, int events) {
  struct client *c = poll->data;
  assert(c->fd >= 0);
  if (c->state == CLIENT_CONDEMNED) return;
  if (status < 0) {
    on_error(c);
    return;
  }
  if (events & UV_WRITABLE) {
    note_activity(c); /* the socket was full: it has read */
    flush(c);
  }
  if (events & UV_DISCONNECT) {
    /* Nothing more will come than the kernel holds. Read in one turn, the end is processed before
     * those who connect after it are heard: they may want the name. */
    read_all(c);
  } else if (events & UV_READABLE) {
    read_once(c);
  }
}

/* Goes on with the client whose message was postponed first. */
static void resume(struct connections *n) {
  struct client *c = n->postponed;
  assert(c->state != CLIENT_CONDEMNED && left_in(&c->rest) > 0);
  unlink_postponed(c);
  handle_messages(c, &c->rest);
  keep_rest(c, &c->rest);
  assert(!c->is_postponed);
}

/* ---- Begin and end of the struct ---- */

static void learn_process(struct client *c) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) return;
  c->pid = peer.pid;
  c->uid = peer.uid;
}

int client_new(struct connections *n, int fd) {
  struct client *c = calloc(1, sizeof *c);
  if (!c || uv_poll_init(n->loop, &c->poll, fd) < 0) {
    free(c);
    close(fd);
    return -1;
  }
  c->connections = n;
  c->broker = n->broker;
  c->fd = fd;
  c->name = "a client without a name";
  c->host = c->name_record = SLAB_NONE;
  c->since_ms = c->active_ms = uv_now(n->loop);
  c->version = WIRE_VERSION_LEAST;
  c->poll.data = c;
  learn_process(c);
  c->next = n->all;
  if (c->next) c->next->prev = c;
  n->all = c;
  wait_for(c, WAIT_TO_READ);
  n->events->opened(c);
  return 0;
}

static void on_closed(uv_handle_t *handle) { free(handle->data); }

void client_close(struct client *c) {
  assert(!uv_is_closing((uv_handle_t *)&c->poll) && c->fd >= 0);
  if (c->prev)
    c->prev->next = c->next;
  else
    c->connections->all = c->next;
  if (c->next) c->next->prev = c->prev;
  unlink_postponed(c);
  outbox_deinit(&c->outbox);
  frame_deinit(&c->rest);
  /* In this order: libuv must not watch a descriptor that may be another's already. */
  uv_close((uv_handle_t *)&c->poll, on_closed);
  close(c->fd);
  c->fd = -1;
}

/* ---- All of them ---- */

void connections_init(struct connections *n, uv_loop_t *loop, struct log *log,
                      const struct client_events *events, struct broker *broker,
                      uint32_t max_message) {
  *n = (struct connections){
      .loop = loop, .log = log, .events = events, .broker = broker, .max_message = max_message};
  n->queue_most = (size_t)max_message * QUEUE_MESSAGES;
  if (n->queue_most < QUEUE_BYTES) n->queue_most = QUEUE_BYTES;
  frame_init(&n->inbox, max_message);
}

void connections_deinit(struct connections *n) {
  assert(!n->all);
  frame_deinit(&n->inbox);
}

void connections_close(struct connections *n) {
  n->dirty = n->condemned = NULL;
  while (n->all) client_close(n->all);
}

void connections_end_turn(struct connections *n) {
  while (n->dirty || n->condemned || n->postponed) {
    if (n->dirty) {
      struct client *c = n->dirty;
      assert(c->is_dirty);
      n->dirty = c->next_dirty;
      c->is_dirty = false;
      flush(c);
    } else if (n->condemned) {
      struct client *c = n->condemned;
      assert(c->state == CLIENT_CONDEMNED && !c->is_dirty);
      n->condemned = c->next_condemned;
      n->events->ended(c);
    } else {
      resume(n);
    }
  }
}
