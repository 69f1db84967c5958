/* SPDX-License-Identifier: MIT
 *
 * A worker that is not to be started by itself any more is waited for no longer: one that has
 * failed for good is told of, and does not keep the system from being ready.
 */
#include "tools/run/core/service.h"

#include <stdio.h>
#include <string.h>

#include "tools/base/text.h"

static void on_watchdog(uv_timer_t *t) {
  const struct service *s = t->data;
  manager_tell(&s->manager, "WATCHDOG=1");
}

void run_service_begin(struct run *r) {
  struct service *s = &r->service;
  char error[512];
  if (!manager_open(&s->manager, error, sizeof error)) tool_error("run: %s", error);
  uv_timer_init(&r->loop, &s->watchdog);
  s->watchdog.data = s;
  /* It wants to hear of us twice in its time. */
  uint64_t each_ms = s->manager.watchdog_us / 2000;
  if (s->manager.watchdog_us)
    uv_timer_start(&s->watchdog, on_watchdog, each_ms, each_ms ? each_ms : 1);
}

/* How many serve, and who has failed. Whether nobody is on the way. */
static bool describe(const struct run *r, char *out, size_t n) {
  size_t serve = 0, over = 0, used = 0;
  char failed[160] = "";
  for (size_t i = 0; i < r->count; i++) {
    const struct worker *w = r->workers[i];
    if (w->life.state == LIFE_READY) serve++;
    if (life_is_over(&w->life)) over++;
    if (w->life.state != LIFE_FAILED || used >= sizeof failed) continue;
    int more = snprintf(failed + used, sizeof failed - used, "%s%s", used ? ", " : "; failed: ",
                        w->plan->name);
    used += more > 0 ? (size_t)more : 0;
  }
  snprintf(out, n, "%zu of %zu workers serve%s", serve, r->count, failed);
  return serve + over == r->count;
}

void run_service_changed(struct run *r) {
  struct service *s = &r->service;
  char now[sizeof s->said];
  if (s->manager.fd <= 0) return;
  bool settled = describe(r, now, sizeof now);
  if (r->stopping && !s->stopping)
    manager_tell(&s->manager, "STOPPING=1\nSTATUS=stops its workers");
  else if (!r->stopping && !s->ready && settled)
    manager_ready(&s->manager, "%s", now);
  else if (!r->stopping && strcmp(s->said, now) != 0)
    manager_tell(&s->manager, "STATUS=%s", now);
  s->stopping = s->stopping || r->stopping;
  s->ready = s->ready || (settled && !r->stopping);
  memcpy(s->said, now, sizeof now);
}

void run_service_reloads(struct run *r) {
  if (r->service.ready && !r->stopping)
    manager_tell(&r->service.manager,
                 "RELOADING=1\nMONOTONIC_USEC=%llu\nSTATUS=reads its plan again",
                 (unsigned long long)(uv_hrtime() / 1000));
}

void run_service_reloaded(struct run *r) {
  struct service *s = &r->service;
  if (!s->ready || r->stopping) return;
  describe(r, s->said, sizeof s->said);
  manager_ready(&s->manager, "%s", s->said);
}

void run_service_end(struct run *r) {
  struct service *s = &r->service;
  if (!s->stopping) manager_tell(&s->manager, "STOPPING=1\nSTATUS=ends");
  manager_close(&s->manager);
}
