/* SPDX-License-Identifier: MIT
 *
 * Metrics come one after the other, each with its head and all of its samples. Buckets are told by
 * doublings of the time: a monitoring system keeps a series for each.
 */
#include "tools/ask/openmetrics.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "proto/base.h"

static void add_head(struct text *out, const char *name, const char *type, const char *unit,
                     const char *help) {
  text_print(out, "# TYPE gaijin_%s %s\n", name, type);
  if (unit) text_print(out, "# UNIT gaijin_%s %s\n", name, unit);
  text_print(out, "# HELP gaijin_%s %s\n", name, help);
}

/* NAME="VALUE", in which nothing ends the value or steers a terminal. */
static void add_label(struct text *out, const char *name, const char *value) {
  struct text plain = {0};
  text_add_plain(&plain, value, strlen(value));
  text_print(out, "%s=\"", name);
  for (size_t i = 0; i < plain.size; i++) {
    if (plain.bytes[i] == '\\' || plain.bytes[i] == '"') text_add(out, "\\", 1);
    text_add(out, plain.bytes + i, 1);
  }
  text_add(out, "\"", 1);
  text_deinit(&plain);
}

static void add_seconds(struct text *out, uint64_t ns) {
  text_print(out, "%.9g", (double)ns / 1e9);
}

/* A sample of a histogram begins with the name and these labels. */
static void add_histogram(struct text *out, const char *name, const char *labels,
                          const struct histogram *h) {
  uint64_t count = 0;
  for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
    count += h->counts[i];
    if (i % 4 != 3 || i + 1 == HISTOGRAM_BUCKETS) continue; /* the last one has no bound */
    text_print(out, "gaijin_%s_bucket{%s,le=\"", name, labels);
    add_seconds(out, histogram_upper(i));
    text_print(out, "\"} %" PRIu64 "\n", count);
  }
  text_print(out, "gaijin_%s_bucket{%s,le=\"+Inf\"} %" PRIu64 "\n", name, labels, count);
  text_print(out, "gaijin_%s_count{%s} %" PRIu64 "\n", name, labels, count);
  text_print(out, "gaijin_%s_sum{%s} ", name, labels);
  add_seconds(out, h->sum);
  text_add(out, "\n", 1);
}

/* ---- Ops ---- */

static void add_messages(struct text *out, const struct stats_op *o, const char *from,
                         const uint64_t *counts) {
  static const char *const kinds[STATS_KINDS] = {"request", "reply", "error", "notice"};
  for (int i = 0; i < STATS_KINDS; i++) {
    if (!counts[i]) continue;
    text_print(out, "gaijin_messages_total{op=\"%s\",kind=\"%s\",from=\"%s\"} %" PRIu64 "\n", o->op,
               kinds[i], from, counts[i]);
  }
}

static void write_ops(struct text *out, const struct stats *s) {
  add_head(out, "messages", "counter", NULL,
           "Messages that the broker has read from clients, or has made itself.");
  for (size_t i = 0; i < s->n_ops; i++) {
    add_messages(out, &s->ops[i], "client", s->ops[i].read);
    add_messages(out, &s->ops[i], "broker", s->ops[i].made);
  }
  add_head(out, "request_seconds", "histogram", "seconds",
           "Time from a request to its answer, as the broker saw it.");
  for (size_t i = 0; i < s->n_ops; i++) {
    char labels[64];
    if (!histogram_count(&s->ops[i].took)) continue;
    snprintf(labels, sizeof labels, "op=\"%s\"", s->ops[i].op);
    add_histogram(out, "request_seconds", labels, &s->ops[i].took);
  }
}

/* ---- Pairs ---- */

static void add_pair_labels(struct text *out, const struct stats_pair *p) {
  add_label(out, "asker", p->asker ? p->asker : "");
  text_add(out, ",", 1);
  add_label(out, "host", p->host ? p->host : "");
}

static void write_pair_counters(struct text *out, const struct stats *s) {
  static const struct {
    const char *name, *unit, *help;
    size_t field;
  } counters[] = {
      {"pair_requests", NULL, "Requests of one worker to another that are answered.",
       offsetof(struct stats_pair, requests)},
      {"pair_posts", NULL, "One-way requests of one worker to another.",
       offsetof(struct stats_pair, posts)},
      {"pair_replies", NULL, "Answers with results.", offsetof(struct stats_pair, replies)},
      {"pair_errors", NULL, "Answers with an error.", offsetof(struct stats_pair, errors)},
      {"pair_request_bytes", "bytes", "Bytes of the requests.", offsetof(struct stats_pair, bytes)},
      {"pair_answer_bytes", "bytes", "Bytes of the answers.",
       offsetof(struct stats_pair, bytes_back)},
  };
  for (size_t c = 0; c < ARRAY_SIZE(counters); c++) {
    add_head(out, counters[c].name, "counter", counters[c].unit, counters[c].help);
    for (size_t i = 0; i < s->n_pairs; i++) {
      uint64_t value;
      memcpy(&value, (const char *)&s->pairs[i] + counters[c].field, sizeof value);
      text_print(out, "gaijin_%s_total{", counters[c].name);
      add_pair_labels(out, &s->pairs[i]);
      text_print(out, "} %" PRIu64 "\n", value);
    }
  }
}

static void write_pairs(struct text *out, const struct stats *s) {
  write_pair_counters(out, s);
  add_head(out, "pair_request_seconds", "histogram", "seconds",
           "Time from a request of one worker to the other's answer.");
  for (size_t i = 0; i < s->n_pairs; i++) {
    struct text labels = {0};
    add_pair_labels(&labels, &s->pairs[i]);
    add_histogram(out, "pair_request_seconds", labels.bytes, &s->pairs[i].took);
    text_deinit(&labels);
  }
}

/* ---- Sums ---- */

static void add_number(struct text *out, const char *name, const char *type, const char *unit,
                       const char *help, double value) {
  add_head(out, name, type, unit, help);
  text_print(out, "gaijin_%s%s %.17g\n", name, strcmp(type, "counter") == 0 ? "_total" : "", value);
}

static void write_sums(struct text *out, const struct stats_sums *u) {
  const struct {
    const char *name, *type, *unit, *help;
    uint64_t value;
  } numbers[] = {
      {"workers", "gauge", NULL, "Workers that are connected.", u->workers},
      {"observers", "gauge", NULL, "Connections that only look.", u->observers},
      {"objects", "gauge", NULL, "Objects of workers that others hold.", u->objects},
      {"holdings", "gauge", NULL, "How often one worker holds an object of another.", u->holdings},
      {"open_requests", "gauge", NULL, "Requests that are not answered yet.", u->requests},
      {"waits", "gauge", NULL, "Waits for names and for collections.", u->waits},
      {"memory_bytes", "gauge", "bytes", "What the broker keeps for clients.", u->memory},
      {"memory_limit_bytes", "gauge", "bytes", "What it may keep (--max-memory).", u->memory_most},
      {"refused", "counter", NULL, "What was refused, or ended, for a limit.", u->refused},
      {"log_lines_lost", "counter", NULL, "Lines of the log that could not be written.",
       u->log_lost},
      {"pairs_folded", "counter", NULL, "Pairs that count with the others since.", u->folded},
      {"generation", "gauge", NULL, "The how many-th broker this is on its socket.",
       u->generation},
      {"rings", "gauge", NULL, "Workers that have shared memory.", u->rings},
  };
  add_number(out, "counted_seconds", "gauge", "seconds", "Since when the counters count.",
             u->seconds);
  for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
    add_number(out, numbers[i].name, numbers[i].type, numbers[i].unit, numbers[i].help,
               (double)numbers[i].value);
}

/* ---- All of it ---- */

void openmetrics_write(struct text *out, const struct stats *s, const char *broker_version) {
  add_head(out, "broker", "info", NULL, "The program.");
  text_print(out, "gaijin_broker_info{");
  add_label(out, "version", broker_version);
  text_print(out, "} 1\n");
  write_sums(out, &s->sums);
  write_ops(out, s);
  write_pairs(out, s);
  text_print(out, "# EOF\n");
}

bool openmetrics_read(struct observer *o, struct text *out) {
  struct stats s = {0};
  bool good = stats_read_sums(o, &s) && stats_read_ops(o, &s) && stats_read_pairs(o, &s);
  if (good) openmetrics_write(out, &s, gaijin_broker_version(o->g));
  stats_deinit(&s);
  return good;
}
