/* SPDX-License-Identifier: MIT
 *
 * The command line of `run`: [FLAG...] ([NAME=]SCRIPT [FLAG...])... [-- ARGUMENT...], where the
 * flags are gaijin-worker's. Those before the first script are for all workers, those behind one
 * for it alone, as a shell user reads them; they are checked here and passed on as they stand.
 * A word that ends in .ucl is no script but a file that describes all.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/settings/arguments.h"
#include "tools/base/text.h"
#include "tools/run/plan/plan.h"

/* What is read of a command line, beside the plan. */
struct reading {
  struct run_plan *plan;
  struct words common;    /* flags for all workers of the command line */
  struct words arguments; /* of all scripts */
  double grace, linger;   /* the longest of all */
  const char *dir;        /* --dir; NULL: none */
  const char *logs;       /* --logs; NULL: none */
  const char *file;       /* NULL: none */
  bool example;           /* --init */
  bool scripts;           /* there are such */
  bool flags;             /* and flags of workers, other than where the broker is */
};

/* The worker's name: what stands before '='. '=' behind a '/' is part of a path. */
static void parse_script(struct run_worker *w, const char *word) {
  const char *equal = strchr(word, '='), *slash = strchr(word, '/');
  bool named = equal && (!slash || equal < slash);
  const char *script = named ? equal + 1 : word;
  w->script = tool_copy(script, strlen(script));
  if (named)
    w->name = tool_copy(word, (size_t)(equal - word));
  else
    plan_name_by(w, w->script);
}

static bool is_file(const char *word) {
  size_t n = strlen(word);
  return n > 4 && strcmp(word + n - 4, ".ucl") == 0 && !strchr(word, '=');
}

/* Takes over the flags that were read into `s`: of the last worker, or of all. */
static bool take_flags(struct reading *r, const struct settings *s, char **words, size_t n) {
  struct run_worker *w = r->scripts ? &r->plan->workers[r->plan->count - 1] : NULL;
  for (size_t i = 0; i < n; i++) words_add(w ? &w->flags : &r->common, words[i]);
  for (enum setting id = 0; id < SETTINGS; id++)
    if (s->values[id].given && id != SETTING_socket) r->flags = true;
  if (s->values[SETTING_socket].given) {
    const char *socket = settings_text(s, SETTING_socket);
    free(r->plan->socket);
    r->plan->socket = tool_copy(socket, strlen(socket));
  }
  if (s->values[SETTING_grace].given) {
    double grace = settings_seconds(s, SETTING_grace) + PLAN_GRACE_SLACK;
    if (grace > r->grace) r->grace = grace;
  }
  if (s->values[SETTING_linger].given)
    r->linger = fmax(r->linger, settings_seconds(s, SETTING_linger));
  if (s->values[SETTING_code].given) {
    tool_error("run has no --code: it starts scripts; see gaijinctl --help");
    return false;
  }
  const char *name = settings_text(s, SETTING_name);
  if (name && !w) {
    tool_error("run: --name '%s' stands before the script that it is for", name);
    return false;
  }
  if (name) {
    free(w->name);
    w->name = tool_copy(name, strlen(name));
  }
  return true;
}

/* ---- The command's own flags ---- */

/* The flag of `run` alone that this word is, or SETTINGS. *value is what stands behind its '='. */
static enum setting own_flag(const char *word, const char **value) {
  if (strncmp(word, "--", 2) != 0) return SETTINGS;
  size_t n = strcspn(word + 2, "=");
  enum setting id = settings_find(SETTINGS_CTL, word + 2, n);
  *value = word[2 + n] ? word + 2 + n + 1 : NULL;
  if (id == SETTINGS || !setting_info(id)->commands) return SETTINGS;
  return setting_belongs(id, SETTINGS_CTL, "run") ? id : SETTINGS;
}

static bool take_own_flag(struct reading *r, enum setting id, const char *value) {
  char error[512];
  struct settings s;
  settings_init(&s, SETTINGS_CTL);
  if (id == SETTING_timestamps && !value) {
    r->plan->timestamps = true;
    return true;
  }
  if (id == SETTING_watch_files && !value) {
    r->plan->watch = true;
    return true;
  }
  if (id == SETTING_init && !value) {
    r->example = true;
    return true;
  }
  if (id == SETTING_dir && value && settings_put_text(&s, id, value)) {
    r->dir = value;
    return true;
  }
  if (id == SETTING_logs && value && settings_put_text(&s, id, value)) {
    r->logs = value;
    return true;
  }
  setting_refuse(id, setting_info(id)->key, value ? value : "", error, sizeof error);
  tool_error("run: --%s; see gaijinctl --help", error);
  return false;
}

/* Own flags, wherever they stand among those of workers, are taken out. How many words are left; -1
 * after an error line. */
static int take_own_flags(struct reading *r, char **words, int count) {
  int kept = 0, at = 0;
  for (; at < count && strcmp(words[at], "--") != 0; at++) {
    const char *value = NULL;
    enum setting id = own_flag(words[at], &value);
    if (id == SETTINGS) {
      words[kept++] = words[at];
      continue;
    }
    if (!value && setting_info(id)->type != SETTING_FLAG && at + 1 < count) value = words[++at];
    if (!take_own_flag(r, id, value)) return -1;
  }
  for (; at < count; at++) words[kept++] = words[at];
  return kept;
}

/* ---- Flags of workers, and scripts ---- */

/* Flags up to the next script; *at goes on behind them. ARGUMENTS_RUN, or as arguments_read. */
static enum arguments_outcome read_flags(struct reading *r, char **words, int count, int *at) {
  struct settings s;
  struct arguments a;
  char error[512];
  settings_init(&s, SETTINGS_WORKER);
  /* words[-1] is the command's own name, which arguments_read takes for the program's. */
  enum arguments_outcome outcome = arguments_read(&s, ARGUMENTS_SCRIPT, count - *at + 1,
                                                  words + *at - 1, &a, error, sizeof error);
  if (outcome == ARGUMENTS_BAD) tool_error("run: %s", error);
  if (outcome != ARGUMENTS_RUN) return outcome;
  int from = *at, next = (int)(a.words - words), end = next;
  if (a.ended) {
    end--;
    for (int i = 0; i < a.count; i++) words_add(&r->arguments, a.words[i]);
    next = count;
  }
  *at = next;
  return take_flags(r, &s, words + from, (size_t)(end - from)) ? ARGUMENTS_RUN : ARGUMENTS_BAD;
}

static bool take_word(struct reading *r, const char *word) {
  if (is_file(word)) {
    if (r->file) tool_error("run: there are two files, '%s' and '%s'; name one", r->file, word);
    if (r->file) return false;
    r->file = word;
    return true;
  }
  parse_script(plan_add(r->plan), word);
  r->scripts = true;
  return true;
}

static int read_all(struct reading *r, char **words, int count) {
  count = take_own_flags(r, words, count);
  if (count >= 0 && r->example) return PLAN_EXAMPLE;
  for (int at = 0; count >= 0;) {
    switch (read_flags(r, words, count, &at)) {
      case ARGUMENTS_RUN: break;
      case ARGUMENTS_HELP: return PLAN_HELP;
      case ARGUMENTS_VERSION: return PLAN_VERSION;
      case ARGUMENTS_BAD: return 2;
    }
    if (at == count) return 0;
    if (!take_word(r, words[at++])) return 2;
  }
  return 2;
}

/* ---- The whole ---- */

/* A file says all there is of its workers, so that it means the same wherever it is used. Where the
 * broker is, a command line may say. */
static bool file_stands_alone(const struct reading *r) {
  const char *what = r->dir               ? "--dir"
                     : r->logs            ? "--logs"
                     : r->scripts         ? "a script"
                     : r->flags           ? "a flag of workers"
                     : r->arguments.count ? "arguments"
                                          : NULL;
  if (what)
    tool_error("run: %s beside the file '%s'; what it describes is said in there", what, r->file);
  return !what;
}

/* What was said for all is of each, before its own. */
static void spread(struct reading *r) {
  for (size_t i = 0; i < r->plan->count; i++) {
    struct run_worker *w = &r->plan->workers[i];
    struct words own = w->flags;
    w->flags = (struct words){0};
    words_add_all(&w->flags, &r->common);
    words_add_all(&w->flags, &own);
    words_deinit(&own);
    words_add_all(&w->arguments, &r->arguments);
    if (r->grace > w->grace) w->grace = r->grace;
    w->linger = fmax(w->linger, r->linger);
    if (r->logs) w->logs = tool_copy(r->logs, strlen(r->logs));
  }
}

static bool complete(struct reading *r) {
  if (r->file) {
    bool good = file_stands_alone(r) && plan_from_file(r->plan, r->file);
    return plan_check(r->plan) && good;
  }
  if (r->dir && !plan_from_dir(r->plan, r->dir)) return false;
  spread(r);
  if (r->plan->count == 0) tool_error("run needs a script; see gaijinctl --help");
  return r->plan->count > 0 && plan_check(r->plan);
}

static char *copy(const char *text) { return text ? tool_copy(text, strlen(text)) : NULL; }

bool plan_again(const struct run_plan *plan, struct run_plan *fresh) {
  size_t n = plan->source.count;
  /* With the command's own name before them, and in an order that may be changed. */
  char **words = tool_alloc(n + 1, sizeof *words);
  words[0] = (char *)"run";
  if (n) memcpy(words + 1, plan->source.at, n * sizeof *words);
  fresh->socket = copy(plan->source_socket);
  bool good = plan_from_words(fresh, words + 1, (int)n) == 0;
  free(words);
  return good;
}

int plan_from_words(struct run_plan *plan, char **words, int count) {
  struct reading r = {.plan = plan};
  for (int i = 0; i < count; i++) words_add(&plan->source, words[i]);
  plan->source_socket = copy(plan->socket);
  int status = read_all(&r, words, count);
  if (status == 0 && !complete(&r)) status = 2;
  plan->said_socket = copy(plan->socket);
  words_deinit(&r.common);
  words_deinit(&r.arguments);
  return status;
}
