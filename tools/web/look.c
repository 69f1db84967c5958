/* SPDX-License-Identifier: MIT
 *
 * A connection whose end has not been noticed yet fails with the first question; that is asked once
 * more then, over a new one.
 */
#include "tools/web/look.h"

#include <string.h>

#include "tools/base/said.h"

void look_init(struct look *l, const struct invocation *in, const char *what) {
  *l = (struct look){.in = in, .what = what, .o.in = in};
}

void look_deinit(struct look *l) {
  if (l->o.g) observe_close(&l->o, true);
}

static void close_if_lost(struct look *l) {
  if (!l->o.g || (!l->o.no_broker && gaijin_dispatch(l->o.g) == 0)) return;
  observe_close(&l->o, false);
}

/* A broker that is there has --timeout to greet, too; one that is not there is not waited for. */
static bool open_again(struct look *l) {
  double limit = observe_timeout(l->in);
  if (!observe_open_within(&l->o, l->in, limit < OBSERVE_EVER ? -limit : 0)) return false;
  l->o.patience = limit;
  return true;
}

static bool try(struct look *l, look_fn read, void *user, struct text *body) {
  close_if_lost(l);
  if (!l->o.g && !open_again(l)) return false;
  bool good = read(user, &l->o, body);
  close_if_lost(l);
  return good;
}

/* Says that the broker cannot be asked any more, or can again. */
static void tell(struct look *l, const struct text *said) {
  const char *at = said->bytes, *line;
  size_t size;
  bool misses = !l->o.g;
  if (misses && !l->missed && said_next(&at, &line, &size))
    tool_error("%s: %.*s", l->what, (int)size, line);
  else if (!misses && l->missed)
    tool_error("%s: the broker answers again", l->what);
  l->missed = misses;
}

/* The lines, without what begins lines on stderr. */
static void add_lines(struct text *out, const struct text *said) {
  const char *at = said->bytes, *line;
  size_t size;
  while (said_next(&at, &line, &size)) {
    text_add(out, line, size);
    text_add(out, "\n", 1);
  }
  if (!out->size) text_print(out, "the broker cannot be asked\n");
}

void look_ask(struct look *l, look_fn read, void *user, const char *type, struct desk_answer *a,
              struct text *said) {
  struct text lines = {0};
  bool had = l->o.g, good = false;
  for (int tries = 0; tries < 2 && !good; tries++) {
    text_deinit(&a->body);
    text_deinit(&lines);
    tool_error_to(&lines);
    good = try(l, read, user, &a->body);
    tool_error_to(NULL);
    if (l->o.g || !had) break;
  }
  tell(l, &lines);
  a->status = good ? 200 : l->o.g ? 502 : 503;
  a->type = good ? type : "text/plain; charset=utf-8";
  if (!good) {
    text_deinit(&a->body);
    add_lines(&a->body, &lines);
  }
  if (good && said)
    *said = lines;
  else
    text_deinit(&lines);
}
