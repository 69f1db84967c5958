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
  struct gaijin_options options = {.socket = in->socket, .observer = true};
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

gaijin_body *observe_await(gaijin *g, const char *what, uint64_t id) {
  struct gaijin_answer a = {0};
  int r = gaijin_await(g, id, OBSERVE_SECONDS, &a);
  if (r == STATUS_timeout) {
    tool_error("%s: no answer in %.0f s", what, OBSERVE_SECONDS);
  } else if (r != 0) {
    tool_error("%s: %s", what, gaijin_error(g));
  } else if (a.ok) {
    return a.body;
  } else {
    if (a.status == STATUS_raised)
      report_raised(what, a.body);
    else
      tool_error("%s: %s", what, a.text);
    gaijin_body_free(a.body);
  }
  return NULL;
}

gaijin_body *observe_ask(gaijin *g, const char *what) {
  uint64_t id = 0;
  return observe_send(g, what, &id) ? observe_await(g, what, id) : NULL;
}

static void report_form(const char *what) {
  tool_error("%s: the broker's answer has another form than this version of gaijinctl knows; use the one built with it", what);
}

int observe_row(gaijin_body *b, const char *what, uint32_t columns, uint32_t *left) {
  struct gaijin_value v;
  if (!gaijin_body_next(b, &v)) return 0;
  if (v.type == GAIJIN_ARRAY && v.count >= columns) {
    *left = v.count;
    return 1;
  }
  report_form(what);
  return -1;
}

bool observe_value(gaijin_body *b, const char *what, struct gaijin_value *v) {
  if (gaijin_body_next(b, v)) return true;
  report_form(what);
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

bool observe_skip(gaijin_body *b, const char *what, uint32_t count) {
  struct gaijin_value v;
  for (uint64_t left = count; left; left--) {
    if (!observe_value(b, what, &v)) return false;
    if (v.type == GAIJIN_ARRAY) left += v.count;
  }
  return true;
}

bool observe_names(gaijin *g, struct observe_names *out) {
  *out = (struct observe_names){0};
  gaijin_begin_request(g, &(struct gaijin_send){.op = OP_inspect}, 1);
  gaijin_put_text(g, "clients");
  gaijin_body *b = observe_ask(g, "clients");
  struct gaijin_value v;
  bool good = b && observe_value(b, "clients", &v);
  uint32_t left = 0;
  int r = 0;
  while (good && (r = observe_row(b, "clients", 1, &left)) > 0) {
    good = observe_value(b, "clients", &v);
    if (good) {
      char **names = realloc(out->names, (out->count + 1) * sizeof *names);
      if (!names) {
        tool_error("out of memory");
        exit(1);
      }
      out->names = names;
      names[out->count++] = tool_copy(v.type == GAIJIN_STRING ? v.bytes : "", v.type == GAIJIN_STRING ? v.size : 0);
      good = observe_skip(b, "clients", left - 1);
    }
  }
  gaijin_body_free(b);
  if (good && r == 0) return true;
  observe_names_deinit(out);
  return false;
}

void observe_names_deinit(struct observe_names *n) {
  for (size_t i = 0; i < n->count; i++) free(n->names[i]);
  free(n->names);
  *n = (struct observe_names){0};
}
