/* SPDX-License-Identifier: MIT
 *
 * One loop, two phases: running (until all workers have ended) and ending (the
 * broker). All workers are started before it begins. `stopping` may begin in either
 * and is never taken back. How a child ended is learned from SIGCHLD only, and what it wrote
 * is printed before that is reported.
 *
 * A broker of ours that dies is started again (restarts.h): workers wait for it and come back, each
 * for as long as its --reconnect says. One that has ended in good order has told them so, and they
 * end. A broker that was there before us is somebody else's to start.
 */
#include "tools/run/run.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include <gaijin/gaijin.h>
#include "proto/base.h"
#include "proto/clock.h"
#include "proto/settings/memory.h"
#include "tools/base/terminal.h"
#include "tools/base/text.h"
#include "tools/run/child.h"
#include "tools/run/output.h"
#include "tools/run/restarts.h"

enum { STREAMS = 2 };
enum { SIGNALS = 4 };
static const int caught[SIGNALS] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD};

struct stream {
  uv_poll_t poll;
  struct output output;
  struct run *run;
};

struct worker {
  struct child child;
  struct stream streams[STREAMS];
  char *heads[STREAMS];
  struct run *run;
};

struct run {
  const struct run_plan *plan;
  uv_loop_t loop;
  uv_signal_t signals[SIGNALS];
  uv_timer_t grace_timer, restart_timer;
  uv_poll_t observer_poll;
  gaijin *observer; /* NULL before the broker is there and once it is lost */
  struct child broker;
  struct restarts restarts; /* of the broker */
  struct worker *workers; /* as many as the plan has */
  size_t started;
  size_t living;
  bool stopping;
  bool ending;
  bool broker_gone; /* and it has been said */
  int status;
};

static void observer_lost(struct run *r);
static void stop_all(struct run *r);

static void fail(struct run *r) {
  r->status = 1;
  stop_all(r);
}

/* Learned from SIGCHLD or from the connection, whichever is first; the workers may have learned it
 * before us and ended. One of ours will not come again. */
static void broker_gone(struct run *r) {
  const char *what = r->plan->broker ? "; stopping all" : "; the workers wait for it to return";
  if (r->broker_gone) return;
  r->broker_gone = true;
  tool_error("run: the broker at %s has gone%s", r->plan->socket, r->living ? what : "");
  if (r->plan->broker) fail(r);
}

/* ---- The end ---- */

static void on_grace_over(uv_timer_t *t) {
  struct run *r = t->data;
  for (size_t i = 0; i < r->started; i++) {
    if (r->workers[i].child.pid == 0) continue;
    tool_error("run: worker %s did not stop within %g s and is killed", r->plan->workers[i].name,
               r->plan->grace);
    child_kill(&r->workers[i].child);
  }
  if (r->ending && r->broker.pid) {
    tool_error("run: the broker did not stop within %d s and is killed", RUN_GRACE_SECONDS);
    r->status = 1;
    child_kill(&r->broker);
  }
}

/* All workers have ended: the broker's turn, then the loop's. */
static void end_broker(struct run *r) {
  if (!r->ending) {
    r->ending = true;
    child_stop(&r->broker);
    uv_timer_start(&r->grace_timer, on_grace_over, RUN_GRACE_SECONDS * 1000, 0);
  }
  if (r->broker.pid == 0) uv_stop(&r->loop);
}

static void stop_all(struct run *r) {
  if (r->stopping) return;
  r->stopping = true;
  uv_timer_stop(&r->restart_timer);
  for (size_t i = 0; i < r->started; i++) child_stop(&r->workers[i].child);
  uv_timer_start(&r->grace_timer, on_grace_over, (uint64_t)(r->plan->grace * 1000), 0);
  if (r->living == 0) end_broker(r);
}

static void on_stop_signal(struct run *r) {
  if (!r->stopping) {
    stop_all(r);
    return;
  }
  for (size_t i = 0; i < r->started; i++) child_kill(&r->workers[i].child);
  if (r->ending) child_kill(&r->broker);
}

/* ---- Output ---- */

static void close_stream(struct stream *s) {
  if (s->output.fd < 0) return;
  uv_poll_stop(&s->poll);
  uv_close((uv_handle_t *)&s->poll, NULL);
  if (!output_close(&s->output) && s->run->status == 0) fail(s->run);
}

static void read_stream(struct stream *s, size_t most) {
  if (s->output.fd < 0) return;
  enum output_end end = output_read(&s->output, most);
  if (end == OUTPUT_MORE) return;
  struct run *r = s->run;
  if (end == OUTPUT_BROKEN && !r->stopping) {
    tool_error("run: cannot write the workers' output: %s; stopping all", strerror(errno));
    fail(r);
  }
  close_stream(s);
}

static void on_output(uv_poll_t *p, int status, int events) {
  (void)status;
  (void)events;
  read_stream(p->data, 1 << 16);
}

/* ---- Workers ---- */

static void report_failure(struct run *r, size_t i) {
  const struct child *c = &r->workers[i].child;
  if (!child_failed(c)) return;
  r->status = 1;
  if (WIFEXITED(c->wait_status))
    tool_error("run: worker %s failed with status %d", r->plan->workers[i].name,
               WEXITSTATUS(c->wait_status));
  else
    tool_error("run: worker %s was killed by signal %d (%s)", r->plan->workers[i].name,
               WTERMSIG(c->wait_status), strsignal(WTERMSIG(c->wait_status)));
}

/* Workers whose broker goes fail, and may do so before we have seen it go: then that is what has to
 * be said. */
static void check_broker(struct run *r) {
  uint64_t id = 0;
  if (!r->observer) return;
  gaijin_begin_request(r->observer, &(struct gaijin_send){.op = GAIJIN_OP_PING}, 0);
  struct gaijin_answer answer = {0};
  int e = gaijin_end_request(r->observer, NULL, NULL, &id);
  if (e == 0) e = gaijin_await(r->observer, id, 1, &answer);
  gaijin_body_free(answer.body);
  if (e == GAIJIN_STATUS_LOST) observer_lost(r);
  if (e == GAIJIN_STATUS_LOST) broker_gone(r);
}

/* ---- A broker of ours that dies ---- */

static int start_broker(struct run *r) {
  char *argv[] = {(char *)r->plan->broker, (char *)"-s",   (char *)r->plan->socket,
                  (char *)"--log-level",   (char *)"warn", NULL};
  /* SIGTERM is enough for a broker, and lets it remove its socket. */
  struct child_options o = {
      .argv = argv, .socket = r->plan->socket, .out = -1, .err = -1, .death_signal = SIGTERM};
  int e = child_start(&r->broker, &o);
  if (e) tool_error("run: cannot start %s: %s", r->plan->broker, strerror(e));
  return e;
}

static void on_restart_time(uv_timer_t *t) {
  struct run *r = t->data;
  if (start_broker(r) != 0) broker_gone(r);
}

static void restart_broker(struct run *r) {
  char how[80], when[32] = "";
  int status = r->broker.wait_status, ms = restarts_delay(&r->restarts, clock_seconds());
  if (WIFEXITED(status))
    snprintf(how, sizeof how, "failed with status %d", WEXITSTATUS(status));
  else
    snprintf(how, sizeof how, "was killed by signal %d (%s)", WTERMSIG(status),
             strsignal(WTERMSIG(status)));
  if (ms < 0) {
    tool_error("run: the broker %s, the %dth time within %d s; it is not started again", how,
               RESTARTS_MOST + 1, RESTARTS_SECONDS);
    broker_gone(r);
    return;
  }
  if (ms > 0) snprintf(when, sizeof when, " in %g s", ms / 1e3);
  tool_error("run: the broker %s; it is started again%s", how, when);
  uv_timer_start(&r->restart_timer, on_restart_time, (uint64_t)ms, 0);
}

static void on_broker_end(struct run *r) {
  if (!r->stopping && !r->ending && child_failed(&r->broker))
    restart_broker(r);
  else if (!r->ending || child_failed(&r->broker))
    broker_gone(r);
}

/* ---- How children ended ---- */

static void on_children(struct run *r) {
  if (child_reap(&r->broker)) on_broker_end(r);
  for (size_t i = 0; i < r->started; i++) {
    struct worker *w = &r->workers[i];
    if (!child_reap(&w->child)) continue;
    r->living--;
    /* What a dead process wrote is in the pipe, and no pipe of an ordinary user holds more than
     * this. */
    for (int k = 0; k < STREAMS; k++) read_stream(&w->streams[k], 1 << 20);
    report_failure(r, i);
  }
  if (r->living > 0) return;
  if (!r->ending && !r->stopping && r->status != 0) check_broker(r);
  end_broker(r);
}

/* Opens both streams; ends[] are the child's. 0 or an errno. */
static int open_streams(struct run *r, size_t i, int ends[STREAMS]) {
  static const int none = -1;
  FILE *const to[STREAMS] = {stdout, stderr};
  struct worker *w = &r->workers[i];
  size_t width = 0;
  for (size_t k = 0; k < r->plan->count; k++) {
    size_t own = text_width(r->plan->workers[k].name, strlen(r->plan->workers[k].name));
    if (own > width) width = own;
  }
  for (int k = 0; k < STREAMS; k++) ends[k] = w->streams[k].output.fd = none;
  for (int k = 0; k < STREAMS; k++) {
    struct stream *s = &w->streams[k];
    s->run = r;
    w->heads[k] = output_head(r->plan->workers[i].name, width, i, terminal_look(to[k]).colours);
    int e = output_open(&s->output, to[k], w->heads[k], r->plan->timestamps, &ends[k]);
    if (e) return e;
    uv_poll_init(&r->loop, &s->poll, s->output.fd);
    s->poll.data = s;
    uv_poll_start(&s->poll, UV_READABLE | UV_DISCONNECT, on_output);
  }
  return 0;
}

/* Appends n words. */
static void add_words(char **argv, size_t *at, char *const *words, size_t n) {
  for (size_t i = 0; i < n; i++) argv[(*at)++] = words[i];
}

/* The command line of worker i: what is the plan's own comes last and counts. To be freed. */
static char **command_line(const struct run_plan *plan, size_t i) {
  const struct run_worker *w = &plan->workers[i];
  /* A worker gives up its calls under way before we give up on the worker. */
  char *first[] = {(char *)plan->worker, (char *)"--grace", (char *)"3"};
  char *last[] = {(char *)"-n", w->name,          (char *)"-s", (char *)plan->socket,
                  (char *)"--", (char *)w->script};
  size_t n = 0;
  char **argv = tool_alloc(ARRAY_SIZE(first) + plan->common.count + w->flags.count +
                               ARRAY_SIZE(last) + plan->arguments.count + 1,
                           sizeof *argv);
  add_words(argv, &n, first, ARRAY_SIZE(first));
  add_words(argv, &n, plan->common.words, plan->common.count);
  add_words(argv, &n, w->flags.words, w->flags.count);
  add_words(argv, &n, last, ARRAY_SIZE(last));
  add_words(argv, &n, plan->arguments.words, plan->arguments.count);
  return argv;
}

static int start_worker(struct run *r, size_t i) {
  const struct run_plan *plan = r->plan;
  char **argv = command_line(plan, i);
  int ends[STREAMS];
  int e = open_streams(r, i, ends);
  struct child_options o = {.argv = argv,
                            .socket = plan->socket,
                            .out = ends[0],
                            .err = ends[1],
                            .death_signal = SIGKILL};
  if (e == 0) e = child_start(&r->workers[i].child, &o);
  for (int k = 0; k < STREAMS; k++)
    if (ends[k] >= 0) close(ends[k]);
  free(argv);
  if (e) tool_error("run: cannot start worker %s: %s", plan->workers[i].name, strerror(e));
  return e;
}

/* All of them: to wait for one another is the scripts' business. */
static void start_workers(struct run *r) {
  for (size_t i = 0; i < r->plan->count; i++) {
    r->started++;
    r->workers[i].run = r;
    if (start_worker(r, i) != 0) {
      fail(r);
      return;
    }
    r->living++;
  }
}

/* ---- The observer: whether the broker is there ---- */

static void observer_lost(struct run *r) {
  uv_poll_stop(&r->observer_poll);
  uv_close((uv_handle_t *)&r->observer_poll, NULL);
  gaijin_close(r->observer);
  r->observer = NULL;
  if (!r->ending && !r->plan->broker) broker_gone(r); /* else SIGCHLD says how it ended */
}

/* Nothing is asked: it is the end of the connection that comes. */
static void on_observer(uv_poll_t *p, int status, int events) {
  (void)status;
  (void)events;
  struct run *r = p->data;
  if (gaijin_dispatch(r->observer) != 0) observer_lost(r);
}

/* ---- Beginning ---- */

/* The broker that we started has ended. One that could not listen has said why. */
static void broker_ended(const struct run *r) {
  int status = r->broker.wait_status;
  if (!WIFEXITED(status) || WEXITSTATUS(status) == 0)
    tool_error("run: the broker ended before it listened");
}

/* Connects as soon as the broker listens. In short steps, to notice a broker that ends instead. */
static bool connect_observer(struct run *r) {
  char error[512] = "";
  struct gaijin_options o = {.socket = r->plan->socket, .observer = true};
  for (int step = 0; step < RUN_BROKER_SECONDS * 50 && !r->observer; step++) {
    int e = gaijin_connect(&r->observer, &o, error, sizeof error);
    if (e != GAIJIN_STATUS_LOST) break;
    if (r->plan->broker && child_reap(&r->broker)) {
      broker_ended(r);
      return false;
    }
    poll(NULL, 0, 20);
  }
  if (!r->observer) {
    tool_error("run: %s", error);
    return false;
  }
  tool_error("run: the socket is %s", r->plan->socket);
  uv_poll_init(&r->loop, &r->observer_poll, gaijin_fd(r->observer));
  r->observer_poll.data = r;
  uv_poll_start(&r->observer_poll, UV_READABLE, on_observer);
  return true;
}

static void on_signal(uv_signal_t *s, int number) {
  if (number == SIGCHLD)
    on_children(s->data);
  else
    on_stop_signal(s->data);
}

static void close_handle(uv_handle_t *h, void *unused) {
  (void)unused;
  if (!uv_is_closing(h)) uv_close(h, NULL);
}

static void deinit(struct run *r) {
  for (size_t i = 0; i < r->started; i++)
    for (int k = 0; k < STREAMS; k++) {
      read_stream(&r->workers[i].streams[k], 1 << 20);
      close_stream(&r->workers[i].streams[k]);
      free(r->workers[i].heads[k]);
    }
  /* The handles' end restores the default actions, and there is still a directory to be removed. */
  sigset_t late;
  sigemptyset(&late);
  for (int i = 0; i < SIGNALS; i++) sigaddset(&late, caught[i]);
  sigprocmask(SIG_BLOCK, &late, NULL);
  uv_walk(&r->loop, close_handle, NULL);
  /* A uv_stop that nobody has seen yet ends the first turn. */
  while (uv_loop_close(&r->loop) == UV_EBUSY) uv_run(&r->loop, UV_RUN_DEFAULT);
  gaijin_close(r->observer);
  free(r->workers);
}

int run(const struct run_plan *plan) {
  struct run r = {.plan = plan, .workers = tool_alloc(plan->count, sizeof *r.workers)};
  uv_replace_allocator(malloc, memory_grow_or_end, calloc, free);
  int e = uv_loop_init(&r.loop);
  if (e) {
    tool_error("run: cannot make an event loop: %s", uv_strerror(e));
    free(r.workers);
    return 1;
  }
  /* A reader of our output that went away is an error of writing, not our death. */
  signal(SIGPIPE, SIG_IGN);
  for (int i = 0; i < SIGNALS; i++) {
    uv_signal_init(&r.loop, &r.signals[i]);
    r.signals[i].data = &r;
    uv_signal_start(&r.signals[i], on_signal, caught[i]);
  }
  uv_timer_init(&r.loop, &r.grace_timer);
  uv_timer_init(&r.loop, &r.restart_timer);
  r.grace_timer.data = r.restart_timer.data = &r;
  if ((plan->broker && start_broker(&r) != 0) || !connect_observer(&r))
    fail(&r);
  else
    start_workers(&r);
  uv_run(&r.loop, UV_RUN_DEFAULT);
  deinit(&r);
  return r.status;
}
