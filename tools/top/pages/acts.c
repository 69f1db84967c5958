/* SPDX-License-Identifier: MIT
 */
#include "tools/top/pages/acts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/top/pages/pages.h"

enum { WORDS_MOST = 80 }; /* of a command line */

/* "gaijinctl -s PATH"; how many words that is. */
static size_t first_words(const struct top *t, const char **words) {
  const char *path = settings_text(&t->in->settings, SETTING_socket);
  size_t n = 0;
  words[n++] = "gaijinctl";
  if (!path) return n;
  words[n++] = "-s";
  words[n++] = path;
  return n;
}

static bool is_busy(struct top *t) {
  if (!t->actor.pid) return false;
  top_say(t, true, "%s %s is not over yet", t->act == ACT_STOP ? "stopping" : "freeing by",
          t->act_on);
  return true;
}

/* Runs a command whose words are in `words`, for an act on `whom`. */
static void begin(struct top *t, enum top_act act, const char *whom, const char *const *words) {
  t->act = act;
  snprintf(t->act_on, sizeof t->act_on, "%s", whom);
  if (helper_begin(&t->actor, words))
    top_say(t, false, act == ACT_STOP ? "stopping %s ..." : "%s collects ...", whom);
  else
    top_say(t, true, "cannot run gaijinctl: %s", strerror(errno));
}

/* `names`: of as many of `all` as are known, a line each. */
static void free_by(struct top *t, const char *whom, char *names, uint64_t all) {
  const char *words[WORDS_MOST];
  char *rest = NULL, some[64];
  size_t n = first_words(t, words);
  words[n++] = "gc";
  words[n++] = "--";
  size_t before = n;
  for (char *name = strtok_r(names, "\n", &rest); name && n + 1 < WORDS_MOST;
       name = strtok_r(NULL, "\n", &rest))
    if (*name != '@') words[n++] = name; /* an observer has nothing to collect */
  words[n] = NULL;
  if (all > 1 && n - before < all) {
    snprintf(some, sizeof some, "%zu of the %llu that hold it", n - before,
             (unsigned long long)all);
    whom = some;
  }
  if (n == before)
    top_say(t, true, "no worker holds it");
  else
    begin(t, ACT_FREE, whom, words);
}

void acts_free(struct top *t) {
  const struct worker *w = pages_worker(t);
  const struct token *one = pages_token(t);
  if (is_busy(t)) return;
  if (!w && !one) {
    top_say(t, true, "f has the chosen worker collect, or who holds the chosen object: pages 1, 2");
    return;
  }
  const char *list = w ? w->name : one->holders;
  char *names = tool_copy(list, strlen(list));
  free_by(t, strchr(list, '\n') ? "all that hold it" : list, names, w ? 1 : one->n_holders);
  free(names);
}

void acts_ask_stop(struct top *t) {
  const struct worker *w = pages_worker(t);
  if (is_busy(t)) return;
  if (!w) {
    top_say(t, true, "x stops the chosen worker: page 1");
    return;
  }
  t->act = ACT_STOP;
  snprintf(t->act_on, sizeof t->act_on, "%s", w->name);
  t->mode = TOP_CONFIRM;
}

void acts_stop(struct top *t) {
  const char *words[WORDS_MOST];
  char name[sizeof t->act_on];
  size_t n = first_words(t, words);
  snprintf(name, sizeof name, "%s", t->act_on);
  words[n++] = "stop";
  words[n++] = "--timeout";
  words[n++] = "30";
  words[n++] = "--";
  words[n++] = name;
  words[n] = NULL;
  begin(t, ACT_STOP, name, words);
}

/* ---- Why ---- */

static void set_lines(struct top *t, const char *bytes, size_t size) {
  t->lines.size = 0;
  for (size_t at = 0; at < size;) {
    const char *end = memchr(bytes + at, '\n', size - at);
    size_t line = end ? (size_t)(end - bytes) - at : size - at;
    text_add_plain(&t->lines, bytes + at, line);
    text_add(&t->lines, "\n", 1);
    at += line + 1;
  }
}

void acts_why(struct top *t) {
  const char *words[WORDS_MOST];
  char what[NAME_MAX_BYTES + 32];
  const struct token *one = pages_token(t);
  if (!one) return;
  size_t n = first_words(t, words);
  snprintf(what, sizeof what, "%s:%llu", one->host, (unsigned long long)one->id);
  words[n++] = "why";
  words[n++] = "--";
  words[n++] = what;
  words[n] = NULL;
  snprintf(t->title, sizeof t->title, "why %s", what);
  t->lines_scroll = (struct scroll){0};
  t->mode = TOP_TEXT;
  t->asks = true;
  if (helper_begin(&t->asker, words))
    set_lines(t, "all who hold it are asked ...", 29);
  else
    set_lines(t, strerror(errno), strlen(strerror(errno)));
}

void acts_leave_lines(struct top *t) {
  if (t->asks) helper_end(&t->asker);
  t->asks = false;
  t->lines.size = 0;
  t->mode = TOP_TABLE;
}

/* ---- What they say ---- */

/* The first line, without the program's name. */
static void say_first(struct top *t, const struct text *said) {
  static const char name[] = "gaijinctl: ";
  const char *at = said->bytes ? said->bytes : "";
  if (strncmp(at, name, sizeof name - 1) == 0) at += sizeof name - 1;
  top_say(t, true, "%.*s", (int)strcspn(at, "\n"), at);
}

static void act_ended(struct top *t) {
  if (t->actor.status != 0)
    say_first(t, &t->actor.said);
  else
    top_say(t, false, t->act == ACT_STOP ? "%s has stopped" : "%s: collected", t->act_on);
  helper_end(&t->actor);
  t->act = ACT_NONE;
  t->due = 0; /* look at once what has come of it */
}

bool acts_read(struct top *t) {
  bool changed = false;
  if (t->actor.pid && helper_read(&t->actor)) {
    act_ended(t);
    changed = true;
  }
  if (t->asker.pid && helper_read(&t->asker)) {
    if (t->asks) set_lines(t, t->asker.said.bytes ? t->asker.said.bytes : "", t->asker.said.size);
    changed = true;
  }
  return changed;
}

void acts_deinit(struct top *t) {
  helper_leave(&t->actor); /* who has begun an act and quits wants it done */
  helper_end(&t->asker);
}
