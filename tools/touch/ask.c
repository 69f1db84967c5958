/* SPDX-License-Identifier: MIT
 *
 * The broker keeps the deadline of what workers are asked; the time here is a little longer, so
 * that only a broker that hangs is given up by it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* ppoll */
#endif
#include "tools/touch/ask.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/clock.h"
#include "tools/ask/observe.h"
#include "tools/base/text.h"
#include "tools/touch/print.h"
#include "tools/touch/wire.h"

/* For the broker's own answer, seconds. */
#define BROKER_SECONDS 2.0

bool ask_open(struct ask *a, const struct invocation *in, double seconds) {
  struct observer o;
  bool good = observe_open(&o, in);
  *a = (struct ask){.seconds = seconds, .g = o.g};
  if (!good) a->status = o.no_broker ? EXIT_NO_BROKER : EXIT_FAILED;
  return good;
}

void ask_close(struct ask *a) {
  gaijin_close(a->g);
  a->g = NULL;
}

/* ---- Errors ---- */

static void fail(struct ask *a, int status, const char *what, size_t size, const char *text) {
  if (a->status != EXIT_NO_BROKER) a->status = status;
  if (!a->quiet) tool_error("%.*s: %s", (int)(size > 400 ? 400 : size), what, text);
}

void ask_report_form(struct ask *a, const char *what, size_t size) {
  fail(a, EXIT_FAILED, what, size,
       "the answer has another form than this version of gaijinctl knows");
}

/* The lines of a traceback, each made safe. */
static void tell_traceback(const char *bytes, size_t size) {
  struct text t = {0};
  while (size) {
    const char *end = memchr(bytes, '\n', size);
    size_t n = end ? (size_t)(end - bytes) : size, tabs = 0;
    while (tabs < n && bytes[tabs] == '\t') tabs++;
    text_print(&t, "%*s", (int)(tabs > 8 ? 16 : 2 * tabs), "");
    text_add_plain(&t, bytes + tabs, n - tabs);
    text_add(&t, "\n", 1);
    bytes += n + (end ? 1 : 0);
    size -= n + (end ? 1 : 0);
  }
  if (t.bytes) fwrite(t.bytes, 1, t.size, stderr);
  text_deinit(&t);
}

/* What Lua says of code that ends before it is a whole. The same text may come from code that ran:
 * then a function that ran is in the traceback, or the code. */
static bool is_unfinished(const struct datum *v, const struct datum *trace) {
  static const char begin[] = "eval:", end[] = "near '<eof>'";
  if (trace->type == DATUM_STRING && (memmem(trace->bytes, trace->size, "eval:", 5) ||
                                      memmem(trace->bytes, trace->size, "in function", 11)))
    return false;
  return v->type == DATUM_STRING && v->size > sizeof begin + sizeof end &&
         memcmp(v->bytes, begin, sizeof begin - 1) == 0 &&
         memcmp(v->bytes + v->size - (sizeof end - 1), end, sizeof end - 1) == 0;
}

/* A table that was raised comes by reference: what is in it is what people want to see. */
static void look_into(struct ask *a, struct data *d, struct datum *v) {
  struct ask quiet = *a;
  struct datum got;
  if (v->type != DATUM_REFERENCE || datum_reference_at(d, v)->kind != GAIJIN_KIND_TABLE) return;
  quiet.quiet = true;
  ask_begin(&quiet, &(struct gaijin_send){.op = GAIJIN_OP_APPLY,
                                          .holding = datum_reference_at(d, v)->holding}, 3);
  gaijin_put_text(a->g, "fetch");
  wire_put(a->g, d, v);
  gaijin_put_number(a->g, 3);
  if (ask_value(&quiet, "", 0, ask_end(&quiet, "", 0), d, &got)) *v = got;
}

/* A value that a worker raised, and where. */
static void tell_raised(struct ask *a, const char *what, size_t size, gaijin_body *b) {
  struct data d = {0};
  struct datum v = {.type = DATUM_NIL}, trace = {.type = DATUM_NIL};
  struct text t = {0};
  struct print how = {.depth = 3, .width = 1000};
  if (b) wire_read(a->g, b, &d, &v);
  if (b) wire_read(a->g, b, &d, &trace);
  if (a->takes_more && is_unfinished(&v, &trace)) {
    a->was_unfinished = true;
    data_deinit(&d);
    return;
  }
  if (v.type == DATUM_STRING) {
    text_add(&t, v.bytes, v.size);
  } else {
    text_print(&t, "it raised ");
    look_into(a, &d, &v);
    print_datum(&t, &how, &d, &v);
  }
  fail(a, EXIT_FAILED, what, size, t.bytes);
  if (trace.type == DATUM_STRING && !a->quiet) tell_traceback(trace.bytes, trace.size);
  text_deinit(&t);
  data_deinit(&d);
}

/* ---- Waiting ---- */

struct waiting {
  bool done, ok;
  enum gaijin_status status;
  char text[512];
  gaijin_body *body;
};

static void on_answer(void *user, const struct gaijin_answer *answer) {
  struct waiting *w = user;
  w->done = true;
  w->ok = answer->ok;
  w->status = answer->status;
  w->body = answer->body;
  snprintf(w->text, sizeof w->text, "%s", answer->text ? answer->text : "");
}

/* Flushes, and waits for something to happen for at most `seconds`. False: the connection is
 * lost. A flush that fails says nothing: what the broker had sent before is still to be read. */
static bool turn(struct ask *a, double seconds) {
  gaijin_flush(a->g, true);
  struct pollfd p = {.fd = gaijin_fd(a->g),
                     .events = (short)(POLLIN | (gaijin_wants_write(a->g) ? POLLOUT : 0))};
  if (seconds > 3600) seconds = 3600;
  time_t whole = (time_t)seconds;
  struct timespec most = {.tv_sec = whole, .tv_nsec = (long)((seconds - (double)whole) * 1e9)};
  if (ppoll(&p, 1, &most, a->waiting_mask) < 0 && errno != EINTR) return false;
  return gaijin_dispatch(a->g) == 0;
}

static bool is_interrupted(const struct ask *a) { return a->interrupted && *a->interrupted; }

/* Whether an answer has come; else it was told why not. */
static bool wait_for(struct ask *a, const char *what, size_t size, struct waiting *w,
                     uint64_t id, double limit) {
  double end = clock_seconds() + limit;
  bool there = true;
  while (!w->done && there) {
    double left = end - clock_seconds();
    if (is_interrupted(a)) {
      gaijin_cancel(a->g, id);
      gaijin_flush(a->g, true);
      a->was_interrupted = true;
      fail(a, EXIT_FAILED, what, size, "given up");
      return false;
    }
    if (left <= 0) {
      char text[80];
      gaijin_cancel(a->g, id);
      snprintf(text, sizeof text, "the broker has not answered in %g s", limit);
      fail(a, EXIT_NO_BROKER, what, size, text);
      return false;
    }
    there = turn(a, left);
  }
  /* Its end tells those who wait, too. */
  if (w->done && (there || w->ok || w->status != GAIJIN_STATUS_LOST)) return true;
  if (!w->done) gaijin_cancel(a->g, id);
  fail(a, EXIT_NO_BROKER, what, size, gaijin_error(a->g));
  return false;
}

void ask_begin(struct ask *a, const struct gaijin_send *send, uint32_t count) {
  struct gaijin_send with = *send;
  a->worker = send->name;
  with.depth = gaijin_op_is_routed(send->op) ? 1 : 0;
  with.deadline_ms = a->seconds > 4e6 ? 0 : (uint32_t)(a->seconds * 1000);
  if (a->seconds > 0 && with.deadline_ms == 0) with.deadline_ms = 1;
  gaijin_begin_request(a->g, &with, count);
}

gaijin_body *ask_end(struct ask *a, const char *what, size_t size) {
  return ask_end_within(a, what, size, a->seconds > 0 ? a->seconds + BROKER_SECONDS : 1e9);
}

bool ask_refuse_name(struct ask *a, const char *worker) {
  struct observer o = {.g = a->g, .patience = OBSERVE_SECONDS};
  if (observe_must_know(&o, worker)) return false;
  a->status = o.no_broker ? EXIT_NO_BROKER : EXIT_FAILED;
  return true;
}

gaijin_body *ask_end_within(struct ask *a, const char *what, size_t size, double limit) {
  struct waiting w = {0};
  uint64_t id = 0;
  int r = gaijin_end_request(a->g, on_answer, &w, &id);
  if (r != 0) {
    fail(a, r == GAIJIN_STATUS_LOST ? EXIT_NO_BROKER : EXIT_FAILED, what, size, gaijin_error(a->g));
    return NULL;
  }
  if (!wait_for(a, what, size, &w, id, limit)) {
    gaijin_body_free(w.body);
    return NULL;
  }
  if (w.ok) return w.body;
  if (w.status == GAIJIN_STATUS_RAISED)
    tell_raised(a, what, size, w.body);
  else if (w.status != GAIJIN_STATUS_DEAD || a->quiet || !a->worker ||
           !ask_refuse_name(a, a->worker))
    fail(a, EXIT_FAILED, what, size, w.text);
  gaijin_body_free(w.body);
  return NULL;
}

/* ---- Values ---- */

bool ask_values(struct ask *a, const char *what, size_t size, gaijin_body *b, struct data *d,
                struct datum **out, uint32_t *count) {
  *out = NULL;
  *count = 0;
  if (!b) return false;
  uint32_t n = gaijin_body_count(b);
  *out = tool_alloc(n, sizeof **out);
  bool good = true;
  for (; good && *count < n; ++*count) good = wire_read(a->g, b, d, &(*out)[*count]);
  gaijin_body_free(b);
  if (good) return true;
  ask_report_form(a, what, size);
  free(*out);
  *out = NULL;
  return false;
}

bool ask_value(struct ask *a, const char *what, size_t size, gaijin_body *b, struct data *d,
               struct datum *out) {
  struct datum *all;
  uint32_t count;
  *out = (struct datum){.type = DATUM_NIL};
  if (!ask_values(a, what, size, b, d, &all, &count)) return false;
  if (count) *out = all[0];
  free(all);
  return true;
}

bool ask_get(struct ask *a, const char *what, size_t size, struct data *d,
             const struct datum *object, const struct datum *key, struct datum *out) {
  if (object->type == DATUM_TABLE) {
    *out = datum_index(d, object, key);
    return true;
  }
  if (object->type != DATUM_REFERENCE) {
    char text[80];
    snprintf(text, sizeof text, "it is a %s, which has no keys", datum_type_name(d, object));
    fail(a, EXIT_FAILED, what, size, text);
    return false;
  }
  struct gaijin_send send = {.op = GAIJIN_OP_GET,
                             .holding = datum_reference_at(d, object)->holding};
  ask_begin(a, &send, 1);
  wire_put(a->g, d, key);
  return ask_value(a, what, size, ask_end(a, what, size), d, out);
}

/* ---- Paths ---- */

static bool lend(struct ask *a, const struct path *p, const char *text, struct data *d,
                 struct datum *out) {
  ask_begin(a, &(struct gaijin_send){.op = GAIJIN_OP_LEND}, 2);
  a->worker = p->worker;
  gaijin_put_text(a->g, p->worker);
  /* A number has 53 bits; ids count up from 1. */
  gaijin_put_number(a->g, (double)p->id);
  return ask_value(a, text, strlen(text), ask_end(a, text, strlen(text)), d, out);
}

/* The labels of a worker in one line; NULL: it exposes nothing, or does not say. */
static char *list_labels(struct ask *a, const char *worker) {
  struct ask quietly = *a;
  struct data d = {0};
  struct datum *all;
  struct text t = {0};
  uint32_t count;
  quietly.quiet = true;
  ask_begin(&quietly, &(struct gaijin_send){.op = GAIJIN_OP_LABELS, .name = worker}, 0);
  if (ask_values(&quietly, "", 0, ask_end(&quietly, "", 0), &d, &all, &count)) {
    for (uint32_t i = 0; i + 2 < count && t.size < 160; i += 3) {
      if (i) text_add(&t, ", ", 2);
      print_key(&t, &d, &all[i]);
      if (t.size >= 160 && i + 5 < count) text_print(&t, ", ...");
    }
    free(all);
  }
  data_deinit(&d);
  return t.bytes;
}

static bool label(struct ask *a, const struct path *p, const char *text, struct data *d,
                  struct datum *out) {
  size_t size = p->ends[0];
  ask_begin(a, &(struct gaijin_send){.op = GAIJIN_OP_S2T, .name = p->worker}, 1);
  wire_put(a->g, &p->data, &p->keys[0]);
  if (!ask_value(a, text, size, ask_end(a, text, size), d, out)) return false;
  if (out->type != DATUM_NIL || a->quiet) return true;
  char *there = list_labels(a, p->worker), *line = NULL;
  struct text t = {0};
  text_print(&t, "worker %s exposes no such label%s%s", p->worker, there ? "; there are " : "",
             there ? there : "");
  line = t.bytes;
  fail(a, EXIT_FAILED, text, size, line);
  text_deinit(&t);
  free(there);
  return false;
}

bool ask_resolve(struct ask *a, const struct path *p, const char *text, size_t keys,
                 struct data *d, struct datum *out) {
  size_t i = 0, size = p->head_end;
  if (p->has_id ? !lend(a, p, text, d, out) : !label(a, p, text, d, out)) return false;
  if (!p->has_id) size = p->ends[i++];
  for (; i < keys; i++) {
    struct datum next;
    if (!ask_get(a, text, size, d, out, &p->keys[i], &next)) return false;
    *out = next;
    size = p->ends[i];
  }
  return true;
}

bool ask_target(struct ask *a, const struct path *p, const char *text, size_t keys,
                const char *need, struct data *d, struct datum *out, struct gaijin_send *send) {
  size_t size = keys ? p->ends[keys - 1] : p->head_end;
  if (!ask_resolve(a, p, text, keys, d, out)) return false;
  if (out->type == DATUM_REFERENCE) {
    send->holding = datum_reference_at(d, out)->holding;
    return true;
  }
  char line[120];
  snprintf(line, sizeof line, "it is a %s%s, which %s", datum_type_name(d, out),
           out->type == DATUM_TABLE ? " that was copied here" : "", need);
  fail(a, EXIT_FAILED, text, size, line);
  return false;
}
