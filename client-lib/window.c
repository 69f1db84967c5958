/* SPDX-License-Identifier: MIT
 *
 * Windows, as sender and as receiver; the rule is in proto/window.h. Both accounts are kept in the
 * record of the other host and end with it.
 *
 * As sender: `sent` is what that host has not been said to have taken. Requests by name count in no
 * window, so it is what the broker's books say, but for what is under way between us. As receiver:
 * `taken` is what we have not reported yet; when it is due the host is in gaijin.reports until the
 * report is in the out-queue. A broker that told no window in hello has none: then nothing is
 * counted.
 */
#include <assert.h>
#include <stdio.h>

#include "client-lib/internal.h"

uint32_t gaijin_post_window(const gaijin *g) { return g->window.requests; }

/* ---- As sender ---- */

static uint64_t room(const gaijin *g, const struct host *h) {
  return !g->window.requests || !h || h->dead ? UINT64_MAX : window_room(&g->window, &h->sent);
}

size_t gaijin_post_room(const gaijin *g, uint64_t host) {
  uint64_t bytes = room(g, gj_host_find(g, host));
  return bytes < SIZE_MAX ? (size_t)bytes : SIZE_MAX;
}

int gj_window_check(gaijin *g, const struct host *to, uint32_t size) {
  if (size <= room(g, to)) return 0;
  return gj_fail(g, GAIJIN_STATUS_BUSY,
                 "worker %s has not taken the %u requests (%llu bytes) it was sent before; there "
                 "is no room for more yet",
                 to->name ? to->name : "?", to->sent.requests, (unsigned long long)to->sent.bytes);
}

void gj_window_sent(struct host *to, uint32_t size) {
  if (to->dead) return;
  to->sent.requests++;
  to->sent.bytes += size;
}

static void tell_room(gaijin *g, const struct host *h) {
  if (g->events.room) g->events.room(g->user, h->node.key);
}

static void subtract(struct window *from, uint64_t posts, uint64_t bytes) {
  from->requests -= posts < from->requests ? (uint32_t)posts : from->requests;
  from->bytes -= bytes < from->bytes ? bytes : from->bytes;
}

void gj_window_granted(gaijin *g, uint64_t host, uint64_t posts, uint64_t bytes, uint64_t undone) {
  struct host *h = gj_host_find(g, host);
  if (!h || h->dead) return;
  /* Each is told to the program: no more than have been under way, whatever the broker says. */
  if (undone > h->sent.requests) undone = h->sent.requests;
  subtract(&h->sent, posts, bytes);
  char text[TOLD_NAME_MAX_BYTES + 64];
  snprintf(text, sizeof text, "Gaijin tried accessing dead resource. (%s)",
           h->name ? h->name : "?"); /* it stops, and has not ended */
  for (; undone > 0 && g->events.refused; undone--)
    g->events.refused(g->user, GAIJIN_OP_CALL, GAIJIN_STATUS_DEAD, text);
  tell_room(g, h);
}

bool gj_window_died(struct host *h) {
  bool used = h->sent.requests > 0;
  list_remove(&h->report);
  h->taken = h->sent = (struct window){0};
  h->undone = 0;
  return used;
}

void gj_window_lost(gaijin *g) {
  for (uint32_t i = 0; g->hosts.slots && i <= g->hosts.mask; i++) {
    for (struct table_node *n = g->hosts.slots[i]; n; n = n->next) {
      const struct host *h = container_of(n, struct host, node);
      if (h->sent.requests) tell_room(g, h);
    }
  }
}

int gaijin_await_room(gaijin *g, uint64_t host, size_t bytes, double seconds) {
  if (g->dispatching)
    return gj_fail(g, GAIJIN_STATUS_UNSUPPORTED, "gaijin_await_room was called in a call-back");
  double end = clock_seconds() + seconds;
  for (;;) {
    if (g->lost) return gj_fail_lost(g);
    if (gj_is_fork(g)) return gj_fork_refuse(g);
    if (gaijin_host_dead(g, host))
      return gj_fail(g, GAIJIN_STATUS_DEAD, "Gaijin tried accessing dead resource. (%s%s)",
                     gaijin_host_name(g, host), gj_host_fate(gj_host_find(g, host)));
    uint64_t now = gj_is_up(g) ? room(g, gj_host_find(g, host)) : 0;
    if (now > 0 && now >= bytes) return 0;
    gaijin_flush(g, true);
    if (!gj_await_turn(g, end))
      return gj_fail(g, GAIJIN_STATUS_TIMEOUT, "no room for a request to worker %s after %g s",
                     gaijin_host_name(g, host), seconds);
  }
}

/* ---- As receiver ---- */

void gj_window_taken(gaijin *g, uint64_t caller, uint32_t size, bool undone) {
  struct host *h = g->window.requests ? gj_host_find(g, caller) : NULL;
  if (!h || h->dead) return;
  h->taken.requests++;
  h->taken.bytes += size;
  h->undone += undone;
  bool due = window_is_due(&g->window, &h->taken);
  if ((due || undone) && list_empty(&h->report)) list_append(&g->reports, &h->report);
  /* Now, because nobody may flush after this; what is not done comes many at a time. */
  if (due && !undone && !g->writer.open && gj_is_up(g) && !gj_is_fork(g)) gj_write_reports(g);
}

static int write_report(gaijin *g, struct host *h) {
  struct message m = {.kind = MESSAGE_NOTICE, .op = OP_taken};
  struct pack p;
  assert(h->taken.requests > 0 && h->undone <= h->taken.requests && !h->dead);
  pack_begin(&p, &g->out, g->max_message, &m, 4);
  pack_uint(&p, h->node.key);
  pack_uint(&p, h->taken.requests);
  pack_uint(&p, h->taken.bytes);
  pack_uint(&p, h->undone);
  if (pack_end(&p) != BUFFER_OK) return GAIJIN_STATUS_BUSY;
  h->taken = (struct window){0};
  h->undone = 0;
  list_remove(&h->report);
  return 0;
}

/* Without memory they stay for the next time. */
void gj_write_reports(gaijin *g) {
  assert(!g->writer.open && !g->lost);
  while (!list_empty(&g->reports) &&
         write_report(g, container_of(g->reports.next, struct host, report)) == 0)
    continue;
}

/* It counts with the broker that it came over. */
static bool counts(const gaijin_body *b) {
  return b->window_bytes && b->epoch == b->g->ret.epoch;
}

void gaijin_body_taken(gaijin_body *b) {
  if (counts(b)) gj_window_taken(b->g, b->caller, b->window_bytes, false);
  b->window_bytes = 0;
}

bool gaijin_body_counts(const gaijin_body *b) {
  return counts(b) && b->g->window.requests;
}

void gaijin_body_not_done(gaijin_body *b) {
  if (counts(b)) gj_window_taken(b->g, b->caller, b->window_bytes, true);
  b->window_bytes = 0;
}
