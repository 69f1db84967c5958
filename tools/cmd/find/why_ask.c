/* SPDX-License-Identifier: MIT
 *
 * Each worker that is asked forks and walks its heap, which costs a processor for a while: so no
 * more than a few are asked at a time, whoever answers first.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "proto/clock.h"
#include "tools/cmd/find/why.h"

enum { AT_A_TIME = 8 };
static const double again = 0.2; /* seconds until one that was busy is asked again */

static void read_answer(struct why_asked *a, gaijin_body *b) {
  static const char form[] = "its answer has another form than this version knows";
  struct gaijin_value complete, objects, path;
  a->told = b && gaijin_body_next(b, &complete) && gaijin_body_next(b, &objects);
  if (!a->told) {
    a->fault = tool_copy(form, sizeof form - 1);
    return;
  }
  a->complete = complete.type == GAIJIN_BOOL && complete.boolean;
  a->objects = objects.number;
  while (gaijin_body_next(b, &path)) {
    if (path.type != GAIJIN_STRING) continue;
    struct text plain = {0};
    text_add_plain(&plain, path.bytes, path.size);
    text_add(&a->paths, plain.bytes ? plain.bytes : "", plain.size + 1);
    text_deinit(&plain);
    a->n_paths++;
  }
}

/* A refusal as text: what the worker raised, or what the broker says. */
static char *refusal(const struct gaijin_answer *a) {
  struct gaijin_value v;
  if (a->status == GAIJIN_STATUS_RAISED && a->body && gaijin_body_next(a->body, &v) &&
      v.type == GAIJIN_STRING)
    return tool_copy(v.bytes, v.size);
  return tool_copy(a->text, strlen(a->text));
}

static bool is_busy(const struct gaijin_answer *a, const char *text) {
  return a->status == GAIJIN_STATUS_BUSY || strstr(text, "gaijin: busy: ") != NULL;
}

static void on_answer(void *user, const struct gaijin_answer *answer) {
  struct why_asked *a = user;
  a->is_open = false;
  if (answer->ok) {
    read_answer(a, answer->body);
  } else {
    a->fault = refusal(answer);
    if (is_busy(answer, a->fault)) a->again_at = clock_seconds() + again;
  }
  gaijin_body_free(answer->body);
}

static void ask(struct why *y, struct why_asked *a) {
  gaijin *g = y->o.g;
  uint64_t id;
  free(a->fault);
  a->fault = NULL;
  a->again_at = 0;
  gaijin_begin_request(g, &(struct gaijin_send){.op = GAIJIN_OP_PATHS, .name = a->name}, 2);
  gaijin_put_text(g, y->host);
  gaijin_put_number(g, (double)y->id);
  a->is_open = gaijin_end_request(g, on_answer, a, &id) == 0;
  if (!a->is_open) a->fault = tool_copy(gaijin_error(g), strlen(gaijin_error(g)));
}

/* Asks whom there is room for; whether anybody is still to be waited for. */
static bool ask_some(struct why *y, size_t all) {
  size_t open = 0;
  bool any = false;
  for (size_t i = 0; i < all; i++) open += y->asked[i].is_open;
  for (size_t i = 0; i < all; i++) {
    struct why_asked *a = &y->asked[i];
    bool is_due = !a->told && !a->is_open && (!a->fault || a->again_at > 0);
    any = any || a->is_open || is_due;
    if (!is_due || open >= AT_A_TIME || clock_seconds() < a->again_at) continue;
    ask(y, a);
    open += a->is_open;
  }
  return any;
}

void why_ask(struct why *y, double seconds) {
  size_t all = y->n + !y->dead;
  double end = clock_seconds() + seconds;
  if (!y->dead) y->asked[y->n] = (struct why_asked){.name = tool_copy(y->host, strlen(y->host))};
  for (size_t i = 0; i < all; i++) {
    y->asked[i].is_observer = y->asked[i].name[0] == '@'; /* no worker's name begins so */
    y->asked[i].told = y->asked[i].is_observer;
  }
  while (ask_some(y, all) && clock_seconds() < end) {
    gaijin *g = y->o.g;
    struct pollfd p = {.fd = gaijin_fd(g), .events = POLLIN};
    if (gaijin_flush(g, true) == 0) {
      if (gaijin_wants_write(g)) p.events |= POLLOUT;
      poll(&p, 1, 50);
    }
    if (gaijin_dispatch(g) != 0) {
      tool_error("why: %s", gaijin_error(g));
      y->o.no_broker = true;
      return;
    }
  }
}
