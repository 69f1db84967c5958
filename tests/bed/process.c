/* SPDX-License-Identifier: MIT
 *
 * Processes of a bed: starting workers and tools, and waiting for what they do.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "proto/base.h"
#include "tests/bed/bed.h"
#include "tests/bed/inside.h"

static struct bed_process *process_of(struct child *c) {
  return container_of(c, struct bed_process, child);
}

struct child *bed_spawn(struct bed *b, const char *name, const char *const argv[]) {
  struct bed_process *p = calloc(1, sizeof *p);
  if (!p) bed_fail(b, "no memory");
  char variable[128];
  snprintf(variable, sizeof variable, "GAIJIN_SOCKET=%s", b->socket);
  /* execv promises not to write to its arguments; only its prototype is old. */
  char *const *arguments = (char *const *)(uintptr_t)argv;
  if (!child_start(&p->child, name, arguments, variable)) {
    int e = errno;
    free(p);
    bed_fail(b, "cannot start %s: %s", name, strerror(e));
  }
  p->next = b->processes;
  b->processes = p;
  return &p->child;
}

/* ---- Workers ---- */

enum { ARGUMENTS_MOST = 64 };

struct arguments {
  const char *argv[ARGUMENTS_MOST];
  size_t count;
};

static void add(struct bed *b, struct arguments *a, const char *argument) {
  if (a->count == ARGUMENTS_MOST - 1) bed_fail(b, "too many arguments");
  a->argv[a->count++] = argument;
  a->argv[a->count] = NULL;
}

static void add_all(struct bed *b, struct arguments *a, const char *const *arguments) {
  for (; arguments && *arguments; arguments++) add(b, a, *arguments);
}

struct child *bed_start(struct bed *b, const struct bed_worker *worker) {
  struct arguments a = {.count = 0};
  char program[512];
  snprintf(program, sizeof program, "%s", bed_program(b, "gaijin-worker"));
  add(b, &a, program);
  add(b, &a, "-n");
  add(b, &a, worker->name);
  if (worker->once) add(b, &a, "--once");
  if (bed_transport()) {
    add(b, &a, "--transport");
    add(b, &a, bed_transport());
  }
  add_all(b, &a, worker->flags);
  if (!worker->script) add(b, &a, "-e");
  add(b, &a, worker->script ? worker->script : worker->code);
  add_all(b, &a, worker->args);
  struct child *c = bed_spawn(b, worker->name, a.argv);
  process_of(c)->worker = true;
  if (!worker->no_wait) bed_ready(b, c);
  return c;
}

struct watching {
  bool answered, ok;
  char text[256];
};

static void on_watch(void *user, const struct gaijin_answer *answer) {
  struct watching *w = user;
  w->answered = true;
  w->ok = answer->ok;
  if (!answer->ok) snprintf(w->text, sizeof w->text, "%s", answer->text);
  gaijin_body_free(answer->body);
}

bool bed_ready(struct bed *b, struct child *c) {
  gaijin *g = bed_observer(b);
  struct watching w = {.answered = false};
  uint64_t id = 0;
  gaijin_begin_request(g, &(struct gaijin_send){.op = GAIJIN_OP_WATCH}, 2);
  gaijin_put_text(g, c->name);
  gaijin_put_text(g, "ready");
  if (gaijin_end_request(g, on_watch, &w, &id) != 0) bed_fail(b, "watch: %s", gaijin_error(g));
  double end = bed_now() + bed_limit(b);
  while (!w.answered && !child_ended(c)) {
    if (gaijin_flush(g, true) != 0) bed_lost(b, "watch");
    struct pollfd p = {.fd = gaijin_fd(g), .events = POLLIN};
    poll(&p, 1, 5);
    if (gaijin_dispatch(g) != 0) bed_lost(b, "watch");
    char text[128];
    snprintf(text, sizeof text, "%s does not become ready", c->name);
    bed_check_time(b, end, text);
  }
  if (!w.answered) gaijin_cancel(g, id);
  if (w.answered && !w.ok) bed_fail(b, "watch %s: %s", c->name, w.text);
  return w.answered;
}

/* ---- Ends ---- */

static void wait_end(struct bed *b, struct child *c) {
  double end = bed_now() + bed_limit(b);
  while (!child_ended(c)) {
    char text[128];
    snprintf(text, sizeof text, "%s does not end", c->name);
    bed_check_time(b, end, text);
    bed_pause();
  }
  process_of(c)->waited = true;
}

void bed_exit(struct bed *b, struct child *c, int status) {
  wait_end(b, c);
  char state[80];
  if (!WIFEXITED(c->status) || WEXITSTATUS(c->status) != status) {
    bed_fail(b, "%s %s, expected was status %d", c->name, child_describe(c, state, sizeof state), status);
  }
}

void bed_exit_signal(struct bed *b, struct child *c, int signal_number) {
  wait_end(b, c);
  char state[80];
  if (!WIFSIGNALED(c->status) || WTERMSIG(c->status) != signal_number) {
    bed_fail(b, "%s %s, expected was death by signal %d", c->name, child_describe(c, state, sizeof state), signal_number);
  }
}

void bed_kill(struct bed *b, struct child *c) {
  child_signal(c, SIGKILL);
  bed_exit_signal(b, c, SIGKILL);
}

void bed_forget(struct bed *b, struct child *c) {
  struct bed_process *process = process_of(c), **p = &b->processes;
  if (!process->waited) bed_fail(b, "bed_forget: %s has not been waited for", c->name);
  while (*p != process) p = &(*p)->next;
  *p = process->next;
  child_free(c);
  free(process);
}

/* ---- Output ---- */

static bool has_written(struct bed *b, struct child *c, const char *text) {
  char *output = child_output(c);
  if (!output) bed_fail(b, "no memory");
  bool found = strstr(output, text) != NULL;
  free(output);
  return found;
}

void bed_expect(struct bed *b, struct child *c, const char *text) {
  double end = bed_now() + bed_limit(b);
  for (;;) {
    bool ended = child_ended(c); /* asked first: what was written before the end counts */
    if (has_written(b, c, text)) return;
    if (ended) bed_fail(b, "%s ended without writing \"%s\"", c->name, text);
    char timeout[512];
    snprintf(timeout, sizeof timeout, "%s does not write \"%s\"", c->name, text);
    bed_check_time(b, end, timeout);
    bed_pause();
  }
}

int bed_ctl(struct bed *b, char **output, const char *const args[]) {
  struct arguments a = {.count = 0};
  char program[512];
  snprintf(program, sizeof program, "%s", bed_program(b, "gaijinctl"));
  add(b, &a, program);
  add(b, &a, "-s");
  add(b, &a, b->socket);
  add_all(b, &a, args);
  struct child *c = bed_spawn(b, "gaijinctl", a.argv);
  wait_end(b, c);
  if (output) *output = child_output(c);
  if (!WIFEXITED(c->status)) bed_fail(b, "gaijinctl was killed");
  return WEXITSTATUS(c->status);
}
