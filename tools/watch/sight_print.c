/* SPDX-License-Identifier: MIT
 *
 * A line has the asker first and then the host, whichever of them the message is from; an arrow
 * tells that.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "proto/ops.h"
#include "proto/pt.h"
#include "proto/status.h"
#include "tools/watch/sight.h"

static const char *kind_name(uint64_t kind) {
  static const char *const names[SIGHT_POST + 1] = {[SIGHT_REQUEST] = "request",
                                                    [SIGHT_REPLY] = "reply",
                                                    [SIGHT_ERROR] = "error",
                                                    [SIGHT_POST] = "post"};
  return kind <= SIGHT_POST && names[kind] ? names[kind] : "unknown";
}

/* "2026-01-31T23:59:59" of a time. */
static void add_seconds(struct text *out, uint64_t time_us, const char *format) {
  time_t seconds = (time_t)(time_us / 1000000);
  struct tm utc;
  char text[32];
  if (!gmtime_r(&seconds, &utc)) memset(&utc, 0, sizeof utc);
  text_add(out, text, strftime(text, sizeof text, format, &utc));
  text_print(out, ".%06u", (unsigned)(time_us % 1000000));
}

void sight_add_time(struct text *out, double ns) {
  if (ns < 1e6)
    text_print(out, "%.0f us", ns / 1e3);
  else if (ns < 1e9)
    text_print(out, "%.3g ms", ns / 1e6);
  else
    text_print(out, "%.4g s", ns / 1e9);
}

/* A worker's name; what else it may be. */
static void add_name(struct text *out, const struct sights *s, uint64_t host, const char *other) {
  const char *name = host ? known_get(&s->names, host, 0) : NULL;
  if (name)
    text_add_plain(out, name, strlen(name));
  else
    text_print(out, "%s", host ? "?" : other);
}

static void add_target(struct text *out, const struct sights *s, const struct sight *m) {
  if (!m->target) return;
  const char *label = known_get(&s->labels, sight_host(m), m->target);
  text_print(out, " %s:%" PRIu64, pt_kind_name(m->target_kind), m->target);
  if (!label) return;
  text_add(out, " ", 1);
  text_add_plain(out, label, strlen(label));
}

/* The first value of an error is its status. */
static void add_error(struct text *out, const struct sights *s, const struct sight *m) {
  struct sight rest = *m;
  if (!m->n_bytes || m->bytes[0] >= 0x80 || !m->count) return;
  text_print(out, " %s: ", status_name(m->bytes[0]));
  memmove(rest.bytes, rest.bytes + 1, --rest.n_bytes);
  rest.count--;
  sight_add_values(out, s, &rest);
}

void sight_add_line(struct text *out, const struct sights *s, const struct sight *m) {
  static const char *const arrows[SIGHT_POST + 1] = {[SIGHT_REQUEST] = "->", [SIGHT_REPLY] = "<-",
                                                     [SIGHT_ERROR] = "<!", [SIGHT_POST] = "=>"};
  add_seconds(out, m->time_us, "%H:%M:%S");
  text_add(out, " ", 1);
  add_name(out, s, sight_asker(m), "(gone)");
  text_print(out, " %s ", arrows[m->kind] ? arrows[m->kind] : "??");
  add_name(out, s, sight_host(m), "(broker)");
  text_print(out, "  %s", op_name(m->op));
  add_target(out, s, m);
  if (m->kind == SIGHT_ERROR) {
    add_error(out, s, m);
  } else if (m->kind == SIGHT_REPLY) {
    text_add(out, " = ", 3);
    sight_add_values(out, s, m);
  } else {
    text_add(out, " (", 2);
    sight_add_values(out, s, m);
    text_add(out, ")", 1);
  }
  text_add(out, "  ", 2);
  if (m->took_ns) {
    sight_add_time(out, (double)m->took_ns);
    text_add(out, ", ", 2);
  }
  if (m->size)
    text_print(out, "%" PRIu64 " B\n", m->size);
  else
    text_add(out, "-\n", 2);
}

/* ---- JSON ---- */

static void add_json_name(struct text *out, const struct sights *s, const char *key,
                          uint64_t host) {
  const char *name = host ? known_get(&s->names, host, 0) : NULL;
  text_print(out, ",\"%s\":", key);
  if (name)
    text_add_json(out, name, strlen(name));
  else
    text_print(out, "%s", host ? "\"?\"" : "null");
}

static void add_json_target(struct text *out, const struct sights *s, const struct sight *m) {
  text_print(out, ",\"target\":");
  if (!m->target) {
    text_print(out, "null");
    return;
  }
  const char *label = known_get(&s->labels, sight_host(m), m->target);
  text_print(out, "{\"kind\":\"%s\",\"id\":%" PRIu64 ",\"label\":", pt_kind_name(m->target_kind),
             m->target);
  if (label)
    text_add_json(out, label, strlen(label));
  else
    text_print(out, "null");
  text_add(out, "}", 1);
}

void sight_add_json(struct text *out, const struct sights *s, const struct sight *m) {
  struct text values = {0};
  text_print(out, "{\"time\":\"");
  add_seconds(out, m->time_us, "%Y-%m-%dT%H:%M:%S");
  text_print(out, "Z\",\"kind\":\"%s\",\"op\":\"%s\",\"request\":%" PRIu64, kind_name(m->kind),
             op_name(m->op), m->request);
  add_json_name(out, s, "from", m->from);
  add_json_name(out, s, "to", m->to);
  add_json_target(out, s, m);
  sight_add_values(&values, s, m);
  text_print(out, ",\"values\":");
  text_add_json(out, values.bytes ? values.bytes : "", values.size);
  text_print(out, ",\"count\":%" PRIu64 ",\"size\":%" PRIu64 ",\"took_us\":", m->count, m->size);
  if (m->took_ns)
    text_print(out, "%.3f}\n", (double)m->took_ns / 1e3);
  else
    text_print(out, "null}\n");
  text_deinit(&values);
}

/* ---- What was counted ---- */

double sights_seconds(const struct sights *s) {
  return s->last_us > s->first_us ? (double)(s->last_us - s->first_us) / 1e6 : 0;
}

void sights_add_summary(struct text *out, const struct sights *s, double seconds) {
  const uint64_t *n = s->counts;
  text_print(out,
             "%" PRIu64 " messages (%" PRIu64 " requests, %" PRIu64 " posts, %" PRIu64
             " replies, %" PRIu64 " errors) in %.1f s, %" PRIu64 " lost",
             n[SIGHT_REQUEST] + n[SIGHT_POST] + n[SIGHT_REPLY] + n[SIGHT_ERROR], n[SIGHT_REQUEST],
             n[SIGHT_POST], n[SIGHT_REPLY], n[SIGHT_ERROR], seconds, s->lost);
  if (!histogram_count(&s->took)) return;
  text_print(out, "; answers took ");
  sight_add_time(out, histogram_quantile(&s->took, 0.5));
  text_print(out, " (half), ");
  sight_add_time(out, histogram_quantile(&s->took, 0.99));
  text_print(out, " (99 of 100), ");
  sight_add_time(out, histogram_quantile(&s->took, 1));
  text_print(out, " (all)");
}
