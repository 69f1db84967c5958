/* SPDX-License-Identifier: MIT
 *
 * The watchdog is fed by a timer of the loop: a loop that hangs does not feed it.
 */
#include "broker/service.h"

static void on_watchdog(uv_timer_t *timer) {
  const struct service *s = timer->data;
  const struct broker *b = s->broker;
  unsigned clients = 0;
  for (const struct client *c = b->connections.all; c; c = c->next) clients++;
  manager_tell(s->manager, "WATCHDOG=1\nSTATUS=serves %u clients, %u tokens and %u calls on %s",
               clients, (unsigned)b->refs.tokens.count, (unsigned)b->calls.all.count,
               b->listener.path);
}

/* The manager wants to hear of us twice in its time, and of a shorter one than a millisecond there
 * is no timer. */
static void feed_watchdog(struct service *s) {
  uint64_t each_ms = s->manager->watchdog_us / 2000;
  if (!s->manager->watchdog_us) return;
  uv_timer_start(&s->watchdog, on_watchdog, each_ms, each_ms ? each_ms : 1);
}

void service_begin(struct service *s, struct broker *b, const struct manager *manager) {
  *s = (struct service){.broker = b, .manager = manager};
  uv_timer_init(b->loop, &s->watchdog);
  s->watchdog.data = s;
  feed_watchdog(s);
  manager_ready(manager, "gaijin %s serves on %s", GAIJIN_VERSION, b->listener.path);
}

void service_end(struct service *s) {
  if (!s->broker) return;
  manager_tell(s->manager, "STOPPING=1\nSTATUS=ends");
  uv_close((uv_handle_t *)&s->watchdog, NULL);
}
