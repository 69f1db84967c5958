/* SPDX-License-Identifier: MIT
 *
 * The largest is looked for among all, but each such walk ends a connection, so it costs no more
 * than that many connections' coming and going did.
 */
#include "broker/net/limits.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "proto/base.h"

/* The timer runs so many times within the shorter limit, and connections looked at in one unit of
 * work. */
enum { SWEEPS = 10, LOOKED_PER_UNIT = 8 };

void accounts_init(struct connections *n, const struct client_limits *limits) {
  uint64_t least = (uint64_t)n->max_message * ACCOUNTS_MESSAGES;
  n->limits = *limits;
  if (n->limits.kept < least) n->limits.kept = least;
  uv_timer_init(n->loop, &n->sweep);
  n->sweep.data = n;
}

void accounts_close(struct connections *n) { uv_close((uv_handle_t *)&n->sweep, NULL); }

/* ---- Bytes ---- */

/* Ends a connection for what it does with the broker's memory. It can be told only if nothing
 * waits before that; what waits is not worth keeping any more. */
static void __attribute__((format(printf, 2, 3))) end(struct client *c, const char *format, ...) {
  char text[sizeof c->reason];
  va_list args;
  assert(c->state != CLIENT_CONDEMNED && !c->connections->heard);
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (c->outbox.bytes == 0)
    c->connections->events->farewell(c, text);
  else
    outbox_deinit(&c->outbox);
  client_condemn(c, "%s", text);
  frame_deinit(&c->rest);
  client_settle(c);
}

static struct client *find_largest(const struct connections *n) {
  struct client *largest = NULL;
  uint64_t looked = 0;
  for (struct client *c = n->all; c; c = c->next, looked++)
    if (c->state != CLIENT_CONDEMNED && (!largest || c->kept > largest->kept)) largest = c;
  work_charge(n->work, 1 + looked / LOOKED_PER_UNIT);
  return largest;
}

void accounts_enforce(struct connections *n) {
  while (n->kept > n->limits.kept) {
    struct client *c = find_largest(n);
    if (!c || c->kept == 0) return; /* the rest ends already */
    end(c,
        "the broker keeps %zu bytes for all its clients, and the most of them, %zu, for this one "
        "(--max-memory is %llu)",
        n->kept, c->kept, (unsigned long long)n->limits.kept);
  }
}

/* ---- Time ---- */

/* A part of a message is here, and nothing but its sender keeps the rest from coming. */
static bool is_sending(const struct client *c) {
  return c->rest.in.size > c->rest.start && c->state == CLIENT_READY &&
         !job_is_queued(&c->job) && !c->is_held_back && !c->has_hung_up;
}

static bool is_taking(const struct client *c) {
  return c->outbox.bytes > ACCOUNTS_WAITING_MOST && c->state != CLIENT_CONDEMNED;
}

bool accounts_is_watched(const struct client *c) {
  const struct client_limits *l = &c->connections->limits;
  return (l->message_ms && is_sending(c)) || (l->read_ms && is_taking(c));
}

static void on_sweep(uv_timer_t *timer) { accounts_sweep(timer->data); }

static void start_timer(struct connections *n) {
  const struct client_limits *l = &n->limits;
  uint64_t shorter = l->message_ms && (!l->read_ms || l->message_ms < l->read_ms) ? l->message_ms
                                                                                 : l->read_ms;
  if (!shorter) return;
  uv_timer_start(&n->sweep, on_sweep, shorter / SWEEPS + 1, 0);
}

void accounts_watch(struct connections *n) {
  if (!uv_is_active((uv_handle_t *)&n->sweep)) start_timer(n);
}

static void look_at(struct client *c, uint64_t now) {
  const struct client_limits *l = &c->connections->limits;
  if (l->message_ms && is_sending(c) && now - c->heard_ms >= l->message_ms)
    end(c, "it has begun a message and sent nothing more of it for %g s (--message-time)",
        (double)(now - c->heard_ms) / 1e3);
  else if (l->read_ms && is_taking(c) && now - c->taken_ms >= l->read_ms)
    end(c, "it has read nothing for %g s, and %zu bytes wait for it (--read-time)",
        (double)(now - c->taken_ms) / 1e3, c->outbox.bytes);
}

void accounts_sweep(struct connections *n) {
  uint64_t now = uv_now(n->loop), looked = 0;
  bool any = false;
  for (struct client *c = n->all; c; c = c->next, looked++) {
    look_at(c, now);
    any |= accounts_is_watched(c);
  }
  work_charge(n->work, looked / LOOKED_PER_UNIT);
  if (any) start_timer(n);
}
