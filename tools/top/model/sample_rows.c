/* SPDX-License-Identifier: MIT
 *
 * Rows: what two samples say.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/top/model/counters.h"
#include "tools/top/model/number.h"
#include "tools/top/model/sample.h"

/* What happened to one worker. */
struct flow {
  double served, asked; /* requests */
  struct histogram took; /* of those it served */
};

/* From before to now. `seconds` 0: nothing is known. */
struct span {
  const struct sample *now, *before;
  double seconds;
};

static struct span span_of(const struct sample *now, const struct sample *before) {
  struct span s = {now, before, 0};
  if (!before) return s;
  struct counters_span c = {.began_now = now->stats.sums.seconds,
                            .began_before = before->stats.sums.seconds,
                            .passed = now->at - before->at};
  s.seconds = counters_seconds(&c);
  return s;
}

static const struct stats_pair *pair_before(const struct span *s, const struct stats_pair *p) {
  size_t low = 0, high = s->before ? s->before->stats.n_pairs : 0;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    const struct stats_pair *q = &s->before->stats.pairs[middle];
    /* Rows without names are no pair: there is one at most, the first. */
    int order = !q->asker || !p->asker ? (q->asker != NULL) - (p->asker != NULL)
                                       : strcmp(q->asker, p->asker);
    if (!order && q->host && p->host) order = strcmp(q->host, p->host);
    if (!order) return q;
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return NULL;
}

/* Requests of both ways since. */
static uint64_t requests_since(const struct stats_pair *now, const struct stats_pair *before) {
  return counter_since(now->requests, before ? before->requests : 0) +
         counter_since(now->posts, before ? before->posts : 0);
}

/* Sums of the pairs by worker, one for each of the sample's. */
static struct flow *flows_of(const struct span *s) {
  struct flow *flows = tool_alloc(s->now->n_workers, sizeof *flows);
  const struct stats *t = &s->now->stats;
  for (size_t i = 0; s->before && i < t->n_pairs; i++) {
    const struct stats_pair *p = &t->pairs[i], *q = pair_before(s, p);
    /* What observers ask, this one too, is no work of the system's. */
    if (!p->asker || !p->host || *p->asker == '@') continue;
    const struct worker *asker = sample_find(s->now, p->asker, 0);
    const struct worker *host = sample_find(s->now, p->host, 0);
    double requests = (double)requests_since(p, q);
    if (asker) flows[asker - s->now->workers].asked += requests;
    if (!host) continue;
    struct flow *f = &flows[host - s->now->workers];
    struct histogram took;
    histogram_since(&took, &p->took, q ? &q->took : NULL);
    f->served += requests;
    histogram_join(&f->took, &took);
  }
  return flows;
}

static void put_rate(struct grid *g, const struct span *s, double count) {
  if (s->seconds > 0)
    grid_number(g, count / s->seconds, number_rate);
  else
    grid_nil(g);
}

static void put_time(struct grid *g, const struct histogram *h, double part) {
  if (histogram_count(h))
    grid_number(g, histogram_quantile(h, part) / 1e3, number_us);
  else
    grid_nil(g);
}

static void put_count(struct grid *g, uint64_t v) { grid_number(g, (double)v, number_count); }

static void put_process(struct grid *g, const struct worker *w, const struct worker *before,
                        double seconds) {
  if (!w->process.is_known) {
    grid_nil(g);
    grid_nil(g);
    return;
  }
  double load = before ? process_load(&w->process, &before->process, seconds) : -1;
  grid_number(g, (double)w->process.memory, number_bytes);
  if (load >= 0)
    grid_number(g, load, number_part);
  else
    grid_nil(g);
}

static void put_answering(struct grid *g, bool answers, bool ready) {
  const char *word = !answers ? "no" : ready ? "yes" : "begins";
  grid_text(g, word, strlen(word));
}

/* In the order of the columns. */
static void put_worker(struct grid *g, const struct span *s, const struct worker *w,
                       const struct flow *f) {
  const struct worker *before = s->before ? sample_find(s->before, w->name, w->host) : NULL;
  bool answers = w->answering && !w->is_late;
  double passed = s->before ? s->now->at - s->before->at : 0;
  grid_row(g, (struct grid_key){w->host, 0}, answers ? GRID_PLAIN : GRID_BAD);
  grid_text(g, w->name, strlen(w->name));
  put_rate(g, s, f->served);
  put_time(g, &f->took, 0.5);
  put_time(g, &f->took, 0.99);
  put_answering(g, answers, w->ready);
  put_count(g, w->in_flight);
  put_count(g, w->exports);
  put_count(g, w->holds);
  if (w->has_load)
    grid_number(g, (double)w->held / (double)(w->allowance ? w->allowance : 1), number_part);
  else
    grid_nil(g);
  grid_number(g, (double)w->queued, number_bytes);
  put_process(g, w, before, passed);
  put_rate(g, s, f->asked);
  put_rate(g, s, before ? (double)(counter_since(w->in, before->in) +
                                   counter_since(w->out, before->out)) : 0);
  grid_number(g, w->uptime, number_age);
  if (w->pid)
    grid_number(g, (double)w->pid, number_whole);
  else
    grid_nil(g);
  put_count(g, w->refused);
}

void sample_workers(struct grid *g, const struct sample *now, const struct sample *before) {
  size_t columns;
  const struct column *first = sample_columns(SAMPLE_WORKERS, &columns);
  struct span s = span_of(now, before);
  struct flow *flows = flows_of(&s);
  grid_begin(g, first, columns);
  for (size_t i = 0; i < now->n_workers; i++) put_worker(g, &s, &now->workers[i], &flows[i]);
  free(flows);
}

/* ---- Operations ---- */

/* Something that takes time. */
struct timed {
  const char *of; /* "op" or "pair" */
  double requests, errors, total; /* those since; all */
  const struct histogram *now, *before;
};

static void put_timed(struct grid *g, const struct span *s, const struct timed *t, bool all) {
  struct histogram took = {0};
  if (all)
    took = *t->now;
  else if (s->before)
    histogram_since(&took, t->now, t->before);
  grid_text(g, t->of, strlen(t->of));
  put_rate(g, s, t->requests);
  put_rate(g, s, t->errors);
  put_time(g, &took, 0.5);
  put_time(g, &took, 0.9);
  put_time(g, &took, 0.99);
  put_time(g, &took, 1);
  grid_number(g, t->total, number_count);
}

static const struct stats_op *op_before(const struct span *s, const char *op) {
  for (size_t i = 0; s->before && i < s->before->stats.n_ops; i++)
    if (s->before->stats.ops[i].op && strcmp(s->before->stats.ops[i].op, op) == 0)
      return &s->before->stats.ops[i];
  return NULL;
}

/* Kinds of messages, in the order of stats. */
enum { KIND_REQUEST, KIND_REPLY, KIND_ERROR };

static void put_op(struct grid *g, const struct span *s, const struct stats_op *p, size_t i,
                   bool all) {
  const struct stats_op *q = op_before(s, p->op);
  struct timed t = {.of = "op",
                    .requests = (double)counter_since(p->read[KIND_REQUEST],
                                                      q ? q->read[KIND_REQUEST] : 0),
                    .errors = (double)counter_since(p->read[KIND_ERROR] + p->made[KIND_ERROR],
                                                    q ? q->read[KIND_ERROR] + q->made[KIND_ERROR]
                                                      : 0),
                    .total = (double)p->read[KIND_REQUEST],
                    .now = &p->took,
                    .before = q ? &q->took : NULL};
  if (t.total <= 0) return; /* notices take no time */
  grid_row(g, (struct grid_key){0, i}, GRID_PLAIN);
  grid_text(g, p->op, strlen(p->op));
  put_timed(g, s, &t, all);
}

static void put_pair(struct grid *g, const struct span *s, const struct stats_pair *p, bool all) {
  const struct stats_pair *q = pair_before(s, p);
  const char *asker = p->asker ? p->asker : "(others)", *host = p->host ? p->host : "(others)";
  struct timed t = {.of = "pair",
                    .requests = (double)requests_since(p, q),
                    .errors = (double)counter_since(p->errors, q ? q->errors : 0),
                    .total = (double)(p->requests + p->posts),
                    .now = &p->took,
                    .before = q ? &q->took : NULL};
  struct text name = {0};
  text_print(&name, "%s -> %s", asker, host);
  grid_row(g, (struct grid_key){1, grid_hash(name.bytes)}, GRID_PLAIN);
  grid_text(g, name.bytes, name.size);
  put_timed(g, s, &t, all);
  text_deinit(&name);
}

void sample_operations(struct grid *g, const struct sample *now, const struct sample *before,
                       bool all) {
  size_t columns;
  const struct column *first = sample_columns(SAMPLE_OPERATIONS, &columns);
  struct span s = span_of(now, before);
  grid_begin(g, first, columns);
  for (size_t i = 0; i < now->stats.n_ops; i++)
    if (now->stats.ops[i].op) put_op(g, &s, &now->stats.ops[i], i, all);
  for (size_t i = 0; i < now->stats.n_pairs; i++) put_pair(g, &s, &now->stats.pairs[i], all);
}
