/* SPDX-License-Identifier: MIT
 *
 * Asking the broker, one request at a time, with the errors turned into lines.
 */
#include "tools/observe.h"

#include <stdio.h>
#include <stdlib.h>

#include "tools/text.h"

gaijin *observe_open(const struct invocation *in) {
  char error[512];
  gaijin *g = NULL;
  struct gaijin_options options = {.socket = settings_text(&in->settings, SETTING_socket),
                                   .observer = true};
  if (gaijin_connect(&g, &options, error, sizeof error) == 0) return g;
  tool_error("%s", error);
  return NULL;
}

bool observe_send(gaijin *g, const char *what, uint64_t *id) {
  if (gaijin_end_request(g, NULL, NULL, id) == 0) return true;
  tool_error("%s: %s", what, gaijin_error(g));
  return false;
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

gaijin_body *observe_await_left(gaijin *g, const char *what, uint64_t id, double left,
                                double limit) {
  struct gaijin_answer a = {0};
  int r = gaijin_await(g, id, left, &a);
  if (r == GAIJIN_STATUS_TIMEOUT) {
    tool_error("%s: no answer in %g s", what, limit);
  } else if (r != 0) {
    tool_error("%s: %s", what, gaijin_error(g));
  } else if (a.ok) {
    return a.body;
  } else {
    if (a.status == GAIJIN_STATUS_RAISED)
      report_raised(what, a.body);
    else
      tool_error("%s: %s", what, a.text);
    gaijin_body_free(a.body);
  }
  return NULL;
}

gaijin_body *observe_await(gaijin *g, const char *what, uint64_t id) {
  return observe_await_left(g, what, id, OBSERVE_SECONDS, OBSERVE_SECONDS);
}

gaijin_body *observe_ask(gaijin *g, const char *what) {
  uint64_t id = 0;
  return observe_send(g, what, &id) ? observe_await(g, what, id) : NULL;
}

void observe_report_form(const char *what) {
  tool_error("%s: the broker's answer has another form than this version of gaijinctl knows; use "
             "the one built with it",
             what);
}

bool observe_value(gaijin_body *b, const char *what, struct gaijin_value *v) {
  if (gaijin_body_next(b, v)) return true;
  observe_report_form(what);
  return false;
}

bool observe_show(gaijin_body *b, const char *what, uint32_t count, struct show *s) {
  struct gaijin_value v;
  for (; count; count--) {
    if (!observe_value(b, what, &v)) return false;
    show_value(s, &v);
  }
  return true;
}

/* ---- Books ---- */

/* Skips values that this version knows nothing of. */
static bool skip(gaijin_body *b, const char *what, uint32_t count) {
  struct gaijin_value v;
  for (uint64_t left = count; left; left--) {
    if (!observe_value(b, what, &v)) return false;
    if (v.type == GAIJIN_ARRAY) left += v.count;
  }
  return true;
}

static void put_text_or_nil(gaijin *g, const char *text) {
  if (text)
    gaijin_put_text(g, text);
  else
    gaijin_put_nil(g);
}

/* The page from *cursor on (nil: the first), whose cursor is replaced by the next one's; NULL after
 * an error line. */
static gaijin_body *ask_page(gaijin *g, const struct observe_book *book,
                             struct gaijin_value *cursor) {
  gaijin_begin_request(g, &(struct gaijin_send){.op = GAIJIN_OP_INSPECT}, 4);
  gaijin_put_text(g, book->what);
  if (cursor->type == GAIJIN_NUMBER)
    gaijin_put_number(g, cursor->number);
  else
    gaijin_put_nil(g);
  put_text_or_nil(g, book->host);
  put_text_or_nil(g, book->holder);
  gaijin_body *b = observe_ask(g, book->what);
  if (!b || observe_value(b, book->what, cursor)) return b;
  gaijin_body_free(b);
  return NULL;
}

static bool read_rows(gaijin_body *b, const struct observe_book *book) {
  struct gaijin_value row;
  while (gaijin_body_next(b, &row)) {
    if (row.type != GAIJIN_ARRAY || row.count < book->columns) {
      observe_report_form(book->what);
      return false;
    }
    if (!book->row(b, book->user) || !skip(b, book->what, row.count - book->columns)) return false;
  }
  return true;
}

bool observe_read(gaijin *g, const struct observe_book *book) {
  struct gaijin_value cursor = {.type = GAIJIN_NIL};
  bool good;
  do {
    gaijin_body *b = ask_page(g, book, &cursor);
    good = b && read_rows(b, book);
    gaijin_body_free(b);
  } while (good && cursor.type == GAIJIN_NUMBER);
  return good;
}

static bool read_name(gaijin_body *b, void *user) {
  struct observe_names *out = user;
  struct gaijin_value v;
  if (!observe_value(b, "clients", &v)) return false;
  char **names = realloc(out->names, (out->count + 1) * sizeof *names);
  if (!names) {
    tool_error("out of memory");
    exit(1);
  }
  out->names = names;
  names[out->count++] = tool_copy(v.type == GAIJIN_STRING ? v.bytes : "",
                                  v.type == GAIJIN_STRING ? v.size : 0);
  return true;
}

bool observe_names(gaijin *g, struct observe_names *out) {
  *out = (struct observe_names){0};
  if (observe_read(g, &(struct observe_book){
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
