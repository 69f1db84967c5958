/* SPDX-License-Identifier: MIT
 *
 * How a process ended is learned from SIGCHLD only, and what it wrote is printed before that is
 * reported.
 */
#include "tools/run/worker/process.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "proto/clock.h"
#include "tools/base/text.h"
#include "tools/run/core/stream.h"

/* No pipe of an ordinary user holds more. */
enum { PIPE_MOST = 1 << 20 };

struct process *run_process_new(void) {
  struct process *p = tool_alloc(1, sizeof *p);
  *p = (struct process){0};
  for (int k = 0; k < RUN_STREAMS; k++) p->streams[k].output.fd = -1;
  return p;
}

void run_process_close(struct process *p) {
  for (int k = 0; k < RUN_STREAMS; k++) {
    stream_read(&p->streams[k], PIPE_MOST);
    stream_close(&p->streams[k]);
  }
}

void run_process_free(struct process *p) {
  run_process_close(p);
  free(p);
}

/* Its command line: what is ours comes last and counts. */
static void command_line(const struct run_plan *run, const struct run_worker *plan, bool succeeds,
                         struct words *argv) {
  words_add(argv, run->worker);
  /* A worker gives up its calls under way before we give up on the worker. */
  words_add(argv, "--grace=3");
  words_add_all(argv, &plan->flags);
  if (succeeds) words_add(argv, "--succeed");
  words_add(argv, "-n");
  words_add(argv, plan->name);
  words_add(argv, "-s");
  words_add(argv, run->socket);
  words_add(argv, "--");
  words_add(argv, plan->script);
  words_add_all(argv, &plan->arguments);
}

/* The list with a NULL behind its last word. */
static char **ended_list(struct words *w) {
  w->at = tool_resize(w->at, w->count + 1, sizeof *w->at);
  w->room = w->count + 1;
  w->at[w->count] = NULL;
  return w->at;
}

int run_process_start(struct process *p, struct worker *w, const struct run_worker *plan,
                  bool succeeds) {
  struct words argv = {0}, env = {0};
  int ends[RUN_STREAMS] = {-1, -1};
  int e = 0;
  p->blamed = false;
  p->started = clock_seconds();
  for (int k = 0; k < RUN_STREAMS && e == 0; k++) e = stream_open(w, p, k, &ends[k]);
  command_line(w->run->plan, plan, succeeds, &argv);
  words_add_all(&env, &plan->env);
  struct child_options o = {.argv = ended_list(&argv),
                            .env = ended_list(&env),
                            .directory = plan->directory,
                            .socket = w->run->plan->socket,
                            .out = ends[0],
                            .err = ends[1],
                            .death_signal = SIGKILL};
  if (e == 0) e = child_start(&p->child, &o);
  for (int k = 0; k < RUN_STREAMS; k++)
    if (ends[k] >= 0) close(ends[k]);
  words_deinit(&argv);
  words_deinit(&env);
  if (e) run_process_close(p);
  return e;
}

void run_process_blame(struct process *p) {
  p->blamed = true;
  child_kill(&p->child);
}

bool run_process_reap(struct process *p, const struct run *r, char *how, size_t n, bool *failed) {
  if (!child_reap(&p->child)) return false;
  *failed = child_failed(&p->child) || p->blamed;
  child_how(&p->child, how, n);
  /* What a dead process wrote is in the pipe. One that its own children keep open ends with this
   * worker all the same. */
  for (int k = 0; k < RUN_STREAMS; k++) stream_read(&p->streams[k], PIPE_MOST);
  if (r->plan->stays) run_process_close(p);
  return true;
}
