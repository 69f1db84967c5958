/* SPDX-License-Identifier: MIT
 *
 * Names, scripts, and that the order in which workers need each other has a beginning.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/name.h"
#include "tools/base/text.h"
#include "tools/run/plan/plan.h"

static bool check_name(const struct run_worker *w) {
  const char *fault = name_fault(w->name, strlen(w->name));
  if (fault)
    tool_error(*w->where ? "run: %sa worker's name %s; choose another for '%s'"
                         : "run: %sa worker's name %s; name this one with NAME=%s",
               w->where, fault, *w->where ? w->name : w->script);
  return !fault;
}

static bool check_script(const struct run_worker *w) {
  struct stat st;
  if (!*w->script)
    tool_error("run: no script behind '%s='", w->name);
  else if (stat(w->script, &st) != 0 || access(w->script, R_OK) != 0)
    tool_error("run: %scannot read script '%s': %s", w->where, w->script, strerror(errno));
  else if (S_ISDIR(st.st_mode))
    tool_error("run: %sscript '%s' is a directory", w->where, w->script);
  else
    return true;
  return false;
}

static bool check_directory(const struct run_worker *w) {
  struct stat st;
  if (!w->directory) return true;
  bool is_one = stat(w->directory, &st) == 0;
  if (is_one && S_ISDIR(st.st_mode) && access(w->directory, X_OK) == 0) return true;
  tool_error("run: %sworker %s cannot work in directory '%s': %s", w->where, w->name, w->directory,
             is_one && !S_ISDIR(st.st_mode) ? strerror(ENOTDIR) : strerror(errno));
  return false;
}

/* Whether no worker before worker i has its name. */
static bool check_unique(const struct run_plan *plan, size_t i) {
  const struct run_worker *w = &plan->workers[i];
  size_t first = plan_find(plan, w->name);
  if (first == i) return true;
  tool_error("run: %stwo workers would be called '%s' ('%s' and '%s'); give one another name",
             w->where, w->name, plan->workers[first].script, w->script);
  return false;
}

static bool check_needs(const struct run_plan *plan, const struct run_worker *w) {
  bool good = true;
  for (size_t k = 0; k < w->after.count; k++) {
    if (plan_find(plan, w->after.at[k]) < plan->count) continue;
    tool_error("run: %sworker %s is to start after '%s', and there is no such worker", w->where,
               w->name, w->after.at[k]);
    good = false;
  }
  return good;
}

/* ---- Circles ---- */

enum mark { UNSEEN, OPEN, DONE };

struct walk {
  const struct run_plan *plan;
  enum mark *marks;
  size_t *path, *next; /* the workers from the first one on, and which need of each comes next */
  size_t depth;
};

/* The path ends with a need of a worker that is on it. */
static void tell_circle(const struct walk *w, size_t again) {
  struct text t = {0};
  size_t k = 0;
  while (w->path[k] != again) k++;
  for (; k < w->depth; k++) text_print(&t, "%s after ", w->plan->workers[w->path[k]].name);
  text_print(&t, "%s", w->plan->workers[again].name);
  tool_error("run: %sworkers wait for each other: %s; take one `after` away",
             w->plan->workers[again].where, t.bytes);
  text_deinit(&t);
}

static void enter(struct walk *w, size_t i) {
  w->marks[i] = OPEN;
  w->next[w->depth] = 0;
  w->path[w->depth++] = i;
}

/* Depth first, without recursion. Each circle is told once at least. */
static bool walk_from(struct walk *w, size_t start) {
  bool good = true;
  enter(w, start);
  while (w->depth > 0) {
    size_t at = w->path[w->depth - 1];
    const struct words *after = &w->plan->workers[at].after;
    if (w->next[w->depth - 1] == after->count) {
      w->marks[at] = DONE;
      w->depth--;
      continue;
    }
    size_t need = plan_find(w->plan, after->at[w->next[w->depth - 1]++]);
    if (need == w->plan->count || w->marks[need] == DONE) continue;
    if (w->marks[need] == OPEN) {
      tell_circle(w, need);
      good = false;
    } else {
      enter(w, need);
    }
  }
  return good;
}

static bool check_circles(const struct run_plan *plan) {
  struct walk w = {.plan = plan,
                   .marks = tool_alloc(plan->count + 1, sizeof *w.marks),
                   .path = tool_alloc(plan->count + 1, sizeof *w.path),
                   .next = tool_alloc(plan->count + 1, sizeof *w.next)};
  bool good = true;
  for (size_t i = 0; i < plan->count; i++)
    if (w.marks[i] == UNSEEN && !walk_from(&w, i)) good = false;
  free(w.marks);
  free(w.path);
  free(w.next);
  return good;
}

bool plan_check(const struct run_plan *plan) {
  bool good = true;
  for (size_t i = 0; i < plan->count; i++) {
    const struct run_worker *w = &plan->workers[i];
    bool own = check_script(w) && check_name(w) && check_directory(w) && check_unique(plan, i) &&
               check_needs(plan, w);
    good = good && own;
  }
  return check_circles(plan) && good;
}
