/* SPDX-License-Identifier: MIT
 *
 * Asking the broker, one request at a time, with the errors turned into lines.
 */
#include "tools/ask/observe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/clock.h"
#include "proto/settings/nearest.h"
#include "tools/base/text.h"

/* So long the broker may take to show that it lives when an answer is late. */
#define PROBE_SECONDS 1.0

/* Whether to connect failed because there is no broker that this program could talk to. */
static bool is_no_broker(int status) {
  return status == GAIJIN_STATUS_LOST || status == GAIJIN_STATUS_PROTOCOL;
}

static bool open_observer(struct observer *o, const struct invocation *in, double seconds,
                          const struct gaijin_events *events, void *user) {
  char error[512];
  struct gaijin_options options = {.socket = settings_text(&in->settings, SETTING_socket),
                                   .observer = true,
                                   .name = "gaijinctl", /* what workers are told */
                                   .wait_seconds = seconds,
                                   .events = events,
                                   .user = user};
  *o = (struct observer){.in = in, .patience = OBSERVE_SECONDS};
  int status = gaijin_connect(&o->g, &options, error, sizeof error);
  if (status == 0) return true;
  o->no_broker = is_no_broker(status);
  tool_error("%s", error);
  return false;
}

bool observe_open_within(struct observer *o, const struct invocation *in, double seconds) {
  return open_observer(o, in, seconds, NULL, NULL);
}

bool observe_open_told(struct observer *o, const struct invocation *in,
                       const struct gaijin_events *events, void *user) {
  return open_observer(o, in, 0, events, user);
}

bool observe_open(struct observer *o, const struct invocation *in) {
  return observe_open_within(o, in, 0);
}

int observe_close(struct observer *o, bool good) {
  gaijin_close(o->g);
  o->g = NULL;
  return o->no_broker ? EXIT_NO_BROKER : good ? EXIT_GOOD : EXIT_FAILED;
}

double observe_timeout(const struct invocation *in) {
  double seconds = settings_seconds(&in->settings, SETTING_timeout);
  return seconds > 0 ? seconds : OBSERVE_EVER;
}

/* A failure of the connection itself, said once. */
static void lose(struct observer *o, const char *what, const char *why) {
  if (!o->no_broker) tool_error("%s: %s", what, why);
  o->no_broker = true;
}

bool observe_send(struct observer *o, const char *what, uint64_t *id) {
  int r = gaijin_end_request(o->g, NULL, NULL, id);
  if (r == GAIJIN_STATUS_LOST || r == GAIJIN_STATUS_UNSUPPORTED)
    lose(o, what, gaijin_error(o->g)); /* it has gone, or is too old for this */
  else if (r != 0)
    tool_error("%s: %s", what, gaijin_error(o->g));
  return r == 0;
}

/* A value some script raised, as text. */
static void report_raised(const char *what, gaijin_body *body) {
  struct gaijin_value v;
  struct text t = {0};
  if (body && gaijin_body_next(body, &v) && v.type == GAIJIN_STRING)
    text_add_plain(&t, v.bytes, v.size);
  else
    text_print(&t, "the worker raised an error that is no text");
  tool_error("%s: %s", what, t.bytes ? t.bytes : "");
  text_deinit(&t);
}

/* A request that failed at its end; who answered it, if anybody, is not known. */
static void report_refusal(struct observer *o, const char *what, struct gaijin_answer *a) {
  if (a->status == GAIJIN_STATUS_RAISED)
    report_raised(what, a->body);
  else if (a->status == GAIJIN_STATUS_LOST && gaijin_flush(o->g, false) == GAIJIN_STATUS_LOST)
    lose(o, what, a->text);
  else
    tool_error("%s: %s", what, a->text);
  gaijin_body_free(a->body);
}

/* Whether the broker answers, though somebody did not. */
static bool broker_lives(struct observer *o) {
  struct gaijin_answer a = {0};
  uint64_t id;
  gaijin_begin_request(o->g, &(struct gaijin_send){.op = GAIJIN_OP_PING}, 0);
  if (gaijin_end_request(o->g, NULL, NULL, &id) != 0) return false;
  bool came = gaijin_await(o->g, id, PROBE_SECONDS, &a) == 0 && a.ok;
  if (came) gaijin_body_free(a.body);
  return came;
}

static void report_late(struct observer *o, const char *what, double limit, bool of_broker) {
  char why[64];
  if (o->no_broker) return;
  if (of_broker || !broker_lives(o)) {
    snprintf(why, sizeof why, "the broker does not answer; look whether it hangs");
    lose(o, what, why);
  } else {
    tool_error("%s: no answer in %g s", what, limit);
  }
}

gaijin_body *observe_await_left(struct observer *o, const char *what, uint64_t id, double left,
                                double limit) {
  struct gaijin_answer a = {0};
  int r = gaijin_await(o->g, id, left, &a);
  if (r == GAIJIN_STATUS_TIMEOUT)
    report_late(o, what, limit, false);
  else if (r != 0)
    lose(o, what, gaijin_error(o->g));
  else if (a.ok)
    return a.body;
  else
    report_refusal(o, what, &a);
  return NULL;
}

gaijin_body *observe_await(struct observer *o, const char *what, uint64_t id) {
  return observe_await_left(o, what, id, OBSERVE_SECONDS, OBSERVE_SECONDS);
}

gaijin_body *observe_ask(struct observer *o, const char *what) {
  struct gaijin_answer a = {0};
  uint64_t id = 0;
  if (!observe_send(o, what, &id)) return NULL;
  int r = gaijin_await(o->g, id, o->patience, &a);
  if (r == GAIJIN_STATUS_TIMEOUT)
    report_late(o, what, o->patience, true);
  else if (r != 0)
    lose(o, what, gaijin_error(o->g));
  else if (a.ok)
    return a.body;
  else if (a.status == GAIJIN_STATUS_UNSUPPORTED)
    lose(o, what, a.text); /* it is of another version */
  else
    report_refusal(o, what, &a);
  return NULL;
}

bool observe_is_connected(struct observer *o, const char *what) {
  if (gaijin_flush(o->g, false) == GAIJIN_STATUS_LOST) lose(o, what, gaijin_error(o->g));
  return !o->no_broker;
}

void observe_report_form(struct observer *o, const char *what) {
  lose(o, what, "the broker's answer has another form than this version of gaijinctl knows; use "
                "the one built with it");
}

bool observe_value(struct observer *o, gaijin_body *b, const char *what,
                   struct gaijin_value *v) {
  if (gaijin_body_next(b, v)) return true;
  observe_report_form(o, what);
  return false;
}

bool observe_show(struct observer *o, gaijin_body *b, const char *what, uint32_t count,
                  struct show *s) {
  struct gaijin_value v;
  for (; count; count--) {
    if (!observe_value(o, b, what, &v)) return false;
    show_value(s, &v);
  }
  return true;
}

/* ---- Several workers ---- */

static char *title(const struct observe_each *each, size_t i) {
  struct text t = {0};
  text_print(&t, "%s%s", each->about, each->names[i]);
  return t.bytes;
}

static void await_one(struct observer *o, const struct observe_each *each, size_t i, uint64_t id,
                      double left, struct observe_heard *h) {
  struct gaijin_answer a = {0};
  char *what = each->about ? title(each, i) : NULL, text[512];
  int r = gaijin_await(o->g, id, left > 0 ? left : 0, &a);
  if (r == 0 && !a.ok) { /* what is asked below ends the text */
    snprintf(text, sizeof text, "%s", a.text);
    a.text = text;
  }
  h->late = r == GAIJIN_STATUS_TIMEOUT;
  if (r == 0 && a.ok)
    h->body = a.body;
  else if (r == 0 && what &&
           (a.status != GAIJIN_STATUS_DEAD || observe_must_know(o, each->names[i])))
    report_refusal(o, what, &a);
  else if (r == 0)
    gaijin_body_free(a.body);
  else if (!h->late)
    lose(o, what ? what : each->names[i], gaijin_error(o->g));
  else if (what)
    report_late(o, what, each->seconds, false);
  free(what);
}

void observe_ask_each(struct observer *o, const struct observe_each *each,
                      struct observe_heard *heard) {
  uint64_t *ids = tool_alloc(each->count, sizeof *ids);
  for (size_t i = 0; i < each->count; i++) {
    heard[i] = (struct observe_heard){0};
    gaijin_begin_request(o->g, &(struct gaijin_send){.op = each->op, .name = each->names[i]}, 0);
    if (!observe_send(o, each->names[i], &ids[i])) ids[i] = 0;
  }
  double end = clock_seconds() + each->seconds;
  for (size_t i = 0; i < each->count; i++)
    if (ids[i]) await_one(o, each, i, ids[i], end - clock_seconds(), &heard[i]);
  free(ids);
}

/* Workers that are named where one is not there. */
enum { NAMED_MOST = 8 };

static int compare_names(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* One line: nobody has this name; which one may be meant, and which there are. */
static void refuse_name(struct observe_names *all, const char *name) {
  struct nearest near;
  struct text t = {0};
  if (all->count) qsort(all->names, all->count, sizeof *all->names, compare_names);
  nearest_begin(&near, name, strlen(name));
  for (size_t i = 0; i < all->count; i++) nearest_try(&near, all->names[i], i);
  text_print(&t, "there is no worker '%.80s'", name);
  if (near.found) text_print(&t, " (did you mean %s?)", all->names[near.which]);
  text_print(&t, all->count ? "; there are" : "; there are none");
  for (size_t i = 0; i < all->count && i < NAMED_MOST; i++)
    text_print(&t, "%s %s", i ? "," : "", all->names[i]);
  if (all->count > NAMED_MOST) text_print(&t, " and %zu more", all->count - NAMED_MOST);
  tool_error("%s", t.bytes);
  text_deinit(&t);
}

bool observe_must_know(struct observer *o, const char *name) {
  struct observe_names all;
  bool knows = false;
  if (!name) return true;
  if (!observe_names(o, &all)) return false;
  for (size_t i = 0; i < all.count; i++) knows = knows || strcmp(all.names[i], name) == 0;
  if (!knows) refuse_name(&all, name);
  observe_names_deinit(&all);
  return knows;
}

/* ---- Books ---- */

/* Skips values that this version knows nothing of. */
static bool skip(struct observer *o, gaijin_body *b, const char *what, uint32_t count) {
  struct gaijin_value v;
  for (uint64_t left = count; left; left--) {
    if (!observe_value(o, b, what, &v)) return false;
    if (v.type == GAIJIN_ARRAY) left += v.count;
  }
  return true;
}

/* Of the wire: it brought filters by kind, age and id. */
enum { FILTERS_VERSION = 6 };

static void put_text_or_nil(gaijin *g, const char *text) {
  if (text)
    gaijin_put_text(g, text);
  else
    gaijin_put_nil(g);
}

void observe_begin_page(struct observer *o, const struct observe_book *book,
                        const struct gaijin_value *cursor) {
  gaijin *g = o->g;
  bool by_id = book->id && gaijin_wire_version(g) >= FILTERS_VERSION;
  bool filters = by_id || book->kind || book->least_age > 0;
  uint32_t count = by_id ? 7 : filters ? 6 : 4;
  gaijin_begin_request(g, &(struct gaijin_send){.op = GAIJIN_OP_INSPECT}, count);
  gaijin_put_text(g, book->what);
  if (cursor->type == GAIJIN_NUMBER)
    gaijin_put_number(g, cursor->number);
  else
    gaijin_put_nil(g);
  put_text_or_nil(g, book->host);
  put_text_or_nil(g, book->holder);
  if (filters) put_text_or_nil(g, book->kind);
  if (filters) gaijin_put_number(g, book->least_age);
  if (by_id) gaijin_put_number(g, (double)book->id);
}

/* Those of a page; *count grows by them. */
static bool read_rows(struct observer *o, gaijin_body *b, const struct observe_book *book,
                      size_t *count) {
  struct gaijin_value row;
  while ((!book->enough || *count < book->enough) && gaijin_body_next(b, &row)) {
    if (row.type != GAIJIN_ARRAY || row.count < book->columns) {
      observe_report_form(o, book->what);
      return false;
    }
    if (!book->row(o, b, book->user)) return false;
    if (!skip(o, b, book->what, row.count - book->columns)) return false;
    ++*count;
  }
  return true;
}

bool observe_read_page(struct observer *o, const struct observe_book *book, gaijin_body *b,
                       struct gaijin_value *cursor, size_t *count) {
  return observe_value(o, b, book->what, cursor) && read_rows(o, b, book, count);
}

bool observe_read(struct observer *o, const struct observe_book *book) {
  struct gaijin_value cursor = {.type = GAIJIN_NIL};
  size_t count = 0;
  bool good;
  do {
    observe_begin_page(o, book, &cursor);
    gaijin_body *b = observe_ask(o, book->what);
    good = b && observe_read_page(o, book, b, &cursor, &count);
    gaijin_body_free(b);
  } while (good && cursor.type == GAIJIN_NUMBER && (!book->enough || count < book->enough));
  return good;
}

static bool read_name(struct observer *o, gaijin_body *b, void *user) {
  struct observe_names *out = user;
  struct gaijin_value v;
  if (!observe_value(o, b, "clients", &v)) return false;
  out->names = tool_grow(out->names, out->count, &out->room, sizeof *out->names);
  out->names[out->count++] = tool_copy(v.type == GAIJIN_STRING ? v.bytes : "",
                                       v.type == GAIJIN_STRING ? v.size : 0);
  return true;
}

bool observe_names(struct observer *o, struct observe_names *out) {
  *out = (struct observe_names){0};
  if (observe_read(o, &(struct observe_book){
                          .what = "clients", .columns = 1, .row = read_name, .user = out}))
    return true;
  observe_names_deinit(out);
  return false;
}

void observe_names_deinit(struct observe_names *n) {
  for (size_t i = 0; i < n->count; i++) free(n->names[i]);
  free(n->names);
  *n = (struct observe_names){0};
}
