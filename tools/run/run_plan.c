/* SPDX-License-Identifier: MIT
 *
 * The command line of `run`: [FLAG...] ([NAME=]SCRIPT [FLAG...])... [-- ARGUMENT...], where the
 * flags are gaijin-worker's. Those before the first script are for all workers, those behind one
 * for it alone, as a shell user reads them; they are checked here and passed on as they stand.
 * Everything that can be wrong with them is found before anything starts.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/name.h"
#include "proto/settings/arguments.h"
#include "tools/base/text.h"
#include "tools/run/run.h"

/* So much longer than its workers the supervisor waits before it kills. Seconds. */
#define RUN_GRACE_SLACK 2

/* The worker's name: what stands before '=', or is made of the script's. '=' behind a '/' is part
 * of a path. "" if the script's gives none. */
static void parse_script(struct run_worker *w, char *word) {
  char *equal = strchr(word, '='), *slash = strchr(word, '/');
  bool named = equal && (!slash || equal < slash), changed = false;
  char name[NAME_MAX_BYTES + 1] = "";
  *w = (struct run_worker){.script = named ? equal + 1 : word};
  if (!named && !name_of_script(name, word, &changed)) name[0] = '\0';
  w->name = named ? tool_copy(word, (size_t)(equal - word)) : tool_copy(name, strlen(name));
  if (changed)
    tool_error("run: %s is called so because the script's name has bytes that a worker's has not; "
               "choose another with NAME=SCRIPT",
               name);
}

static bool check_name(const struct run_worker *w) {
  const char *fault = name_fault(w->name, strlen(w->name));
  if (fault) tool_error("run: a worker's name %s; name this one with NAME=%s", fault, w->script);
  return !fault;
}

static bool check_script(const struct run_worker *w) {
  struct stat st;
  if (!*w->script)
    tool_error("run: no script behind '%s='", w->name);
  else if (stat(w->script, &st) != 0 || access(w->script, R_OK) != 0)
    tool_error("run: cannot read script '%s': %s", w->script, strerror(errno));
  else if (S_ISDIR(st.st_mode))
    tool_error("run: script '%s' is a directory", w->script);
  else
    return true;
  return false;
}

static bool check_workers(const struct run_plan *plan) {
  for (size_t i = 0; i < plan->count; i++) {
    const struct run_worker *w = &plan->workers[i];
    if (!check_script(w) || !check_name(w)) return false;
    for (size_t k = 0; k < i; k++) {
      if (strcmp(plan->workers[k].name, w->name) != 0) continue;
      tool_error("run: two workers would be called '%s' ('%s' and '%s'); name one with NAME=SCRIPT",
                 w->name, plan->workers[k].script, w->script);
      return false;
    }
  }
  if (plan->count == 0) tool_error("run needs a script; see gaijinctl --help");
  return plan->count > 0;
}

/* Takes over the flags that were read into `s`: of the last worker, or of all. */
static bool take_flags(struct run_plan *plan, const struct settings *s, struct run_words flags) {
  struct run_worker *w = plan->count ? &plan->workers[plan->count - 1] : NULL;
  *(w ? &w->flags : &plan->common) = flags;
  if (s->values[SETTING_socket].given) plan->socket = settings_text(s, SETTING_socket);
  if (s->values[SETTING_grace].given) {
    double grace = settings_seconds(s, SETTING_grace) + RUN_GRACE_SLACK;
    if (grace > plan->grace) plan->grace = grace;
  }
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

/* A flag of the command's own, wherever it stands among those of workers, is taken out. How many
 * words are left. */
static int take_own_flags(struct run_plan *plan, char **words, int count) {
  int kept = 0, at = 0;
  for (; at < count && strcmp(words[at], "--") != 0; at++) {
    if (strncmp(words[at], "--", 2) == 0 &&
        strcmp(words[at] + 2, setting_info(SETTING_timestamps)->key) == 0)
      plan->timestamps = true;
    else
      words[kept++] = words[at];
  }
  for (; at < count; at++) words[kept++] = words[at];
  return kept;
}

/* Flags up to the next script; *at goes on behind them. ARGUMENTS_RUN, or as arguments_read. */
static enum arguments_outcome read_flags(struct run_plan *plan, char **words, int count, int *at) {
  struct settings s;
  struct arguments a;
  char error[512];
  settings_init(&s, SETTINGS_WORKER);
  /* words[-1] is the command's own name, which arguments_read takes for the program's. */
  enum arguments_outcome outcome = arguments_read(&s, ARGUMENTS_SCRIPT, count - *at + 1,
                                                  words + *at - 1, &a, error, sizeof error);
  if (outcome == ARGUMENTS_BAD) tool_error("run: %s", error);
  if (outcome != ARGUMENTS_RUN) return outcome;
  int next = (int)(a.words - words), end = next;
  if (a.ended) {
    end--;
    plan->arguments = (struct run_words){.words = a.words, .count = (size_t)a.count};
    next = count;
  }
  struct run_words flags = {.words = words + *at, .count = (size_t)(end - *at)};
  *at = next;
  return take_flags(plan, &s, flags) ? ARGUMENTS_RUN : ARGUMENTS_BAD;
}

int run_plan_make(struct run_plan *plan, char **words, int count) {
  plan->workers = tool_alloc((size_t)count + 1, sizeof *plan->workers);
  plan->grace = RUN_GRACE_SECONDS;
  count = take_own_flags(plan, words, count);
  for (int at = 0;;) {
    switch (read_flags(plan, words, count, &at)) {
      case ARGUMENTS_RUN: break;
      case ARGUMENTS_HELP: return RUN_HELP;
      case ARGUMENTS_VERSION: return RUN_VERSION;
      case ARGUMENTS_BAD: return 2;
    }
    if (at == count) return check_workers(plan) ? 0 : 2;
    parse_script(&plan->workers[plan->count++], words[at++]);
  }
}

void run_plan_deinit(struct run_plan *plan) {
  for (size_t i = 0; i < plan->count; i++) free(plan->workers[i].name);
  free(plan->workers);
}
