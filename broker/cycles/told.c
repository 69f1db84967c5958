/* SPDX-License-Identifier: MIT
 *
 * What is told of rounds: to the log, to who asked for one, and what is remembered of the last
 * ones (gaijinctl cycles). What has become of a round is a few sentences, one after the other; then
 * comes who was left out of it, and why.
 */
#include <stdio.h>
#include <string.h>

#include "broker/core/notify.h"
#include "broker/cycles/cycles.h"
#include "broker/cycles/internal.h"

static const char *const outcomes[] = {"nothing", "found", "unfinished", "aborted"};

const char *told_outcome(enum cycles_outcome outcome) { return outcomes[outcome]; }

void told_more_args(struct cycles *k, const char *format, va_list args) {
  size_t used = strlen(k->why);
  if (used) used += (size_t)snprintf(k->why + used, sizeof k->why - used, "; ");
  if (used < sizeof k->why) vsnprintf(k->why + used, sizeof k->why - used, format, args);
}

void told_more(struct cycles *k, const char *format, ...) {
  va_list args;
  va_start(args, format);
  told_more_args(k, format, args);
  va_end(args);
}

/* ---- The end of a round ---- */

static void log_it(struct cycles *k, const struct cycles_past *p) {
  struct log *log = &k->b->log;
  const char *colon = *p->why ? ": " : "";
  if (p->outcome == CYCLES_FOUND)
    log_line(log, LOG_INFO,
             "round %llu for garbage in cycles: %u objects of %u suspects in %u workers are let "
             "go, after %u turns in %llu ms%s%s",
             (unsigned long long)p->number, p->condemned, p->suspects, p->members, p->turns,
             (unsigned long long)p->took_ms, colon, p->why);
  else
    log_line(log, LOG_DEBUG,
             "round %llu for garbage in cycles: %s%s%s, %u suspects, after %u turns in %llu ms",
             (unsigned long long)p->number, outcomes[p->outcome], colon, p->why, p->suspects,
             p->turns, (unsigned long long)p->took_ms);
  if (k->is_cut)
    log_line(log, LOG_WARN,
             "round %llu for garbage in cycles: more is suspected than can be asked for at a time; "
             "some was left out",
             (unsigned long long)p->number);
}

/* What was aborted; who was left out. */
static void tell_why(const struct cycles *k, char *why, size_t room) {
  char more[32] = "";
  if (k->more_left_out) snprintf(more, sizeof more, " and %u more", k->more_left_out);
  snprintf(why, room, "%s%s%s%s%s", k->why, *k->why && *k->left_out ? "; " : "",
           *k->left_out ? "left out: " : "", k->left_out, more);
}

void told_remember(struct cycles *k, enum cycles_outcome outcome) {
  struct cycles_past *p = &k->past[k->rounds++ % CYCLES_ROUNDS];
  uint64_t now = uv_now(k->b->loop);
  *p = (struct cycles_past){.number = k->number,
                            .ended_ms = now,
                            .took_ms = now - k->began_ms,
                            .outcome = outcome,
                            .suspects = k->suspects_at_first,
                            .members = k->members_most,
                            .turns = k->turns,
                            .condemned = k->condemned,
                            .longest_ms = k->longest_ms,
                            .live = k->live_most};
  memcpy(p->keeper, k->keeper, sizeof p->keeper);
  tell_why(k, p->why, sizeof p->why);
  k->condemned_ever += k->condemned;
  log_it(k, p);
}

/* ---- What is shown ---- */

const struct cycles_past *told_last(const struct cycles *k, uint32_t n) {
  return &k->past[(k->rounds - 1 - n) % CYCLES_ROUNDS];
}

uint32_t cycles_remembered(const struct broker *b) {
  return b->cycles->rounds < CYCLES_ROUNDS ? (uint32_t)b->cycles->rounds : CYCLES_ROUNDS;
}

void cycles_write_row(const struct broker *b, uint32_t n, struct pack *p) {
  const struct cycles_past *k = told_last(b->cycles, n);
  pack_array(p, 12);
  pack_uint(p, k->number);
  pack_uint(p, (uv_now(b->loop) - k->ended_ms) / 1000);
  pack_text(p, outcomes[k->outcome]);
  pack_uint(p, k->condemned);
  pack_uint(p, k->suspects);
  pack_uint(p, k->members);
  pack_uint(p, k->turns);
  pack_uint(p, k->took_ms);
  pack_uint(p, k->longest_ms);
  pack_uint(p, k->live);
  pack_text(p, k->keeper);
  pack_text(p, k->why);
}
