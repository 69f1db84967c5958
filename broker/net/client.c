/* SPDX-License-Identifier: MIT
 *
 * Reading goes through one buffer of the broker, so that an idle connection costs
 * no buffer; only the begin of an unfinished message stays with its connection.
 */
#define _GNU_SOURCE /* struct ucred */
#include "broker/net/client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/core/notify.h"
#include "broker/core/state.h"
#include "broker/ops/dispatch.h"
#include "broker/ops/greet.h"

enum { READ_BYTES = 64 << 10, WAIT_TO_READ = UV_READABLE | UV_DISCONNECT };
/* A client with more than this (or four of the largest messages) waiting for it gets no more requests. */
#define QUEUE_SOFT ((size_t)64 << 20)
/* With so many times as much, answers and notices included, it is not going to read them any more. */
enum { QUEUE_HARD_FACTOR = 4 };

const char *client_name(const struct client *c) { return c->host == SLAB_NONE ? "a client without a name" : hosts_at(&c->broker->hosts, c->host)->name; }

/* ---- Ends ---- */

static void condemn(struct client *c, const char *format, va_list args) {
  if (c->state == CLIENT_CONDEMNED) return;
  vsnprintf(c->why, sizeof c->why, format, args);
  c->state = CLIENT_CONDEMNED;
  c->next_condemned = c->broker->condemned;
  c->broker->condemned = c;
}

void client_condemn(struct client *c, const char *format, ...) {
  va_list args;
  va_start(args, format);
  condemn(c, format, args);
  va_end(args);
}

void client_fault(struct client *c, const char *format, ...) {
  char text[sizeof c->why];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  notify_error(c, OP_hello, 0, STATUS_protocol, "the broker ends this connection, whose client broke the protocol: %s", text);
  client_condemn(c, "it broke the protocol: %s", text);
}

void client_forged(struct client *c, const char *what) {
  uint64_t now = uv_now(c->broker->loop), *oldest = &c->forged_ms[c->forgeries % FORGERIES_MOST];
  bool too_often = c->forgeries >= FORGERIES_MOST && now - *oldest < FORGERY_WINDOW_MS;
  *oldest = now;
  c->forgeries++;
  log_line(&c->broker->log, LOG_WARN, "%s: %s (%llu forgeries so far)", client_name(c), what, (unsigned long long)c->forgeries);
  if (too_often) client_fault(c, "more than %d forgeries within %d s", FORGERIES_MOST, FORGERY_WINDOW_MS / 1000);
}

/* ---- What waits to be written ---- */

static size_t queue_bound(const struct client *c) {
  size_t four = (size_t)c->broker->max_message * 4;
  return four > QUEUE_SOFT ? four : QUEUE_SOFT;
}

bool client_has_room(const struct client *c) { return c->outbox.bytes <= queue_bound(c); }

void client_push(struct client *c, const void *bytes, uint32_t size) {
  if (c->state == CLIENT_CONDEMNED || c->deaf) return;
  if (c->outbox.bytes > QUEUE_HARD_FACTOR * queue_bound(c)) {
    client_condemn(c, "it does not read what it is sent: %zu bytes wait for it", c->outbox.bytes);
    return;
  }
  if (!outbox_push(&c->outbox, bytes, size)) {
    client_condemn(c, "memory is too short for what waits for it (%zu bytes)", c->outbox.bytes);
    return;
  }
  c->messages_out++;
  if (c->is_dirty) return;
  c->is_dirty = true;
  c->next_dirty = c->broker->dirty;
  c->broker->dirty = c;
}

/* ---- Signs of life ---- */

static void sign_of_life(struct client *c) { c->alive_ms = uv_now(c->broker->loop); }

/* What waits in the outbox alone may have come in this turn: only a full socket says that the client does not read. */
static bool is_awaited(const struct client *c) {
  return c->free_id || (c->events & UV_WRITABLE) || (c->host != SLAB_NONE && calls_waited_count(&c->broker->calls, c->host) > 0);
}

void client_awaited(struct client *c) {
  if (!is_awaited(c)) sign_of_life(c);
}

bool client_answers(const struct client *c) { return !is_awaited(c) || uv_now(c->broker->loop) - c->alive_ms <= ANSWERING_MS; }

/* ---- Writing ---- */

static void on_event(uv_poll_t *poll, int status, int events);

static void wait_for(struct client *c, int events) {
  if (c->events == events || c->state == CLIENT_CONDEMNED) return;
  c->events = events;
  int r = uv_poll_start(&c->poll, events, on_event);
  if (r < 0) client_condemn(c, "cannot wait for its socket: %s", uv_strerror(r));
}

void client_flush(struct client *c) {
  int error;
  switch (outbox_write(&c->outbox, c->fd, &error)) {
    case OUTBOX_EMPTY: wait_for(c, WAIT_TO_READ); break;
    case OUTBOX_LEFT:
      client_awaited(c);
      wait_for(c, WAIT_TO_READ | UV_WRITABLE);
      break;
    case OUTBOX_FAILED:
      /* Shut, the socket is sure to come to an end, and is read up to there. */
      c->deaf = true;
      outbox_deinit(&c->outbox);
      shutdown(c->fd, SHUT_RDWR);
      wait_for(c, WAIT_TO_READ);
      break;
  }
}

/* ---- Reading ---- */

/* Handles every whole message in `f`. */
static void handle_messages(struct client *c, struct frame *f) {
  uint8_t *bytes;
  uint32_t size;
  while (c->state != CLIENT_CONDEMNED) {
    f->max_message = c->state == CLIENT_GREETING ? MAX_MESSAGE_LEAST : c->broker->max_message;
    switch (frame_next(f, &bytes, &size)) {
      case FRAME_MESSAGE: dispatch_message(c, bytes, size); break;
      case FRAME_MORE: return;
      case FRAME_TOO_LARGE:
        client_fault(c, "a message of %lu bytes is over the limit of %lu", (unsigned long)size, (unsigned long)f->max_message);
        return;
      case FRAME_BAD_PREFIX:
        client_fault(c, "a message does not start with its length as a uint32 in the 5-byte form (0xce)");
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

/* Reads once. False when there was nothing more to read. */
static bool read_once(struct client *c) {
  struct frame *f = left_in(&c->rest) ? &c->rest : &c->broker->inbox;
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
  sign_of_life(c);
  handle_messages(c, f);
  keep_rest(c, f);
  return c->state != CLIENT_CONDEMNED;
}

static void on_event(uv_poll_t *poll, int status, int events) {
  struct client *c = poll->data;
  if (c->state == CLIENT_CONDEMNED) return;
  if (status < 0) {
    /* The other end has gone and libuv watches the socket no more: it is read to its end here. */
    while (read_once(c)) continue;
    client_condemn(c, "%s", "");
    return;
  }
  if (events & UV_WRITABLE) {
    sign_of_life(c); /* the socket was full: it has read */
    client_flush(c);
  }
  if (events & UV_DISCONNECT) {
    /* Nothing more will come than the kernel holds. Read in one turn, the death is processed before those who connect
     * after it are heard: they may want the name. */
    while (read_once(c)) continue;
  } else if (events & UV_READABLE) {
    read_once(c);
  }
}

/* ---- Begin and end of the struct ---- */

static void learn_process(struct client *c) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) return;
  c->pid = peer.pid;
  c->uid = peer.uid;
}

int client_new(struct broker *b, int fd) {
  struct client *c = calloc(1, sizeof *c);
  if (!c || uv_poll_init(b->loop, &c->poll, fd) < 0) {
    free(c);
    close(fd);
    return -1;
  }
  c->broker = b;
  c->fd = fd;
  c->host = c->name = SLAB_NONE;
  c->version = WIRE_VERSION_LEAST;
  c->since_ms = c->alive_ms = uv_now(b->loop);
  c->poll.data = c;
  learn_process(c);
  c->next = b->clients;
  if (c->next) c->next->prev = c;
  b->clients = c;
  wait_for(c, WAIT_TO_READ);
  greet_expect(b);
  return 0;
}

static void on_closed(uv_handle_t *handle) { free(handle->data); }

void client_close(struct client *c) {
  if (c->prev)
    c->prev->next = c->next;
  else
    c->broker->clients = c->next;
  if (c->next) c->next->prev = c->prev;
  outbox_deinit(&c->outbox);
  frame_deinit(&c->rest);
  uv_close((uv_handle_t *)&c->poll, on_closed);
  close(c->fd);
}
