/* SPDX-License-Identifier: MIT
 *
 * A request is read whole, carried out, and its answer written: at once, or when a worker has
 * become what was asked for, or bit by bit for as long as the caller stays (`logs -f`). What is not
 * read by the caller waits in memory, up to CALLER_QUEUED bytes; lines behind that are lost, which
 * it is told when it has read half of them.
 */
#include "tools/run/control/caller.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base.h"
#include "proto/clock.h"
#include "tools/base/said.h"
#include "tools/base/text.h"
#include "tools/run/control/address.h"
#include "tools/run/core/log.h"
#include "tools/run/worker/reload.h"
#include "tools/run/worker/worker.h"

enum { REQUEST_MS = 5000, WORDS_MOST = 8, CALLER_QUEUED = 4 << 20 };

/* What a caller waits for. */
enum goal { GOAL_NONE, GOAL_SERVES, GOAL_PASSES, GOAL_OVER, GOAL_FOLLOW };

struct caller {
  struct callers *all;
  struct caller *next, **link;
  struct run *run;
  uv_pipe_t pipe;
  uv_timer_t timer; /* until the request must be here */
  int handles;      /* of these two, not closed yet */
  char request[ADDRESS_REQUEST_MOST];
  size_t size;
  bool heard;   /* all of it; more is not read */
  bool is_many; /* one of more than may be: it is told so when it has asked */
  enum goal goal;
  struct worker *worker;  /* NULL with GOAL_FOLLOW: all */
  unsigned long restarts, passes; /* of the worker's, when it was asked for */
  unsigned long lost;             /* lines since it has not read enough */
};

/* ---- Beginning and end ---- */

struct caller *caller_new(struct callers *all, struct run *r) {
  struct caller *c = tool_alloc(1, sizeof *c);
  *c = (struct caller){.all = all, .run = r, .next = all->first, .link = &all->first, .handles = 2};
  if (all->first) all->first->link = &c->next;
  all->first = c;
  all->count++;
  uv_pipe_init(&r->loop, &c->pipe, 0);
  uv_timer_init(&r->loop, &c->timer);
  c->pipe.data = c->timer.data = c;
  return c;
}

uv_pipe_t *caller_pipe(struct caller *c) { return &c->pipe; }

static void on_closed(uv_handle_t *h) {
  struct caller *c = h->data;
  if (--c->handles == 0) free(c);
}

void caller_close(struct caller *c) {
  if (!c->link) return;
  *c->link = c->next;
  if (c->next) c->next->link = c->link;
  c->link = NULL;
  c->all->count--;
  c->goal = GOAL_NONE;
  uv_close((uv_handle_t *)&c->pipe, on_closed);
  uv_close((uv_handle_t *)&c->timer, on_closed);
}

void callers_close(struct callers *all) {
  while (all->first) caller_close(all->first);
}

/* ---- Answers ---- */

struct piece {
  uv_write_t request;
  bool last;
  char bytes[];
};

static size_t queued(const struct caller *c) {
  return uv_stream_get_write_queue_size((const uv_stream_t *)&c->pipe);
}

static void tell_lost(struct caller *c);

static void on_written(uv_write_t *request, int status) {
  struct piece *p = container_of(request, struct piece, request);
  struct caller *c = request->handle->data;
  if (p->last || status < 0)
    caller_close(c);
  else if (c->lost && queued(c) <= CALLER_QUEUED / 2)
    tell_lost(c);
  free(p);
}

static void send_bytes(struct caller *c, const struct text *t, bool last) {
  struct piece *p = tool_alloc(1, sizeof *p + t->size);
  memcpy(p->bytes, t->bytes, t->size);
  p->last = last;
  uv_buf_t buffer = uv_buf_init(p->bytes, (unsigned)t->size);
  if (uv_write(&p->request, (uv_stream_t *)&c->pipe, &buffer, 1, on_written) != 0) {
    free(p);
    caller_close(c);
  }
}

static void tell_lost(struct caller *c) {
  struct text t = {0};
  text_print(&t, "%c%lu lines were lost: they were not read in time\n", ADDRESS_FAULT, c->lost);
  c->lost = 0;
  send_bytes(c, &t, false);
  text_deinit(&t);
}

static void end_answer(struct caller *c, struct text *t, int status) {
  c->goal = GOAL_NONE;
  if (c->lost) tell_lost(c);
  text_print(t, "%c%d\n", ADDRESS_END, status);
  send_bytes(c, t, true);
  text_deinit(t);
}

static void refuse(struct caller *c, enum address_line kind, const char *fault) {
  struct text t = {0};
  text_print(&t, "%c%s\n", kind, fault);
  end_answer(c, &t, 1);
}

/* ---- ps ---- */

/* A row of a worker's, about one of its processes, or none (NULL). */
static void add_row(struct text *t, const struct worker *w, const char *state,
                    const struct process *p, const char *last) {
  text_print(t, "%c%s\t%s\t", ADDRESS_ROW, w->plan->name, state);
  if (p)
    text_print(t, "%ld\t%.0f", (long)p->child.pid, clock_seconds() - p->started);
  else
    text_print(t, "\t");
  text_print(t, "\t%lu\t%s\t", w->life.restarts, last);
  for (size_t k = 0; k < w->plan->after.count; k++)
    text_print(t, "%s%s", k ? " " : "", w->plan->after.at[k]);
  text_print(t, "\t");
  text_add_plain(t, w->plan->script, strlen(w->plan->script));
  text_print(t, "\n");
}

static void answer_ps(struct caller *c) {
  struct text t = {0};
  for (size_t i = 0; i < c->run->count; i++) {
    const struct worker *w = c->run->workers[i];
    add_row(&t, w, life_name(w->life.state), life_runs(&w->life) ? w->process : NULL, w->last);
    if (w->beside)
      add_row(&t, w, w->life.beside == LIFE_SUCCESSOR ? "successor" : "retired", w->beside, "");
  }
  end_answer(c, &t, 0);
}

/* ---- Wishes, and what becomes of them ---- */

/* A successor was wanted: what became of it. */
static void look_at_pass(struct caller *c) {
  const struct worker *w = c->worker;
  struct text t = {0};
  if (w->life.passes != c->passes) {
    c->goal = GOAL_SERVES;
  } else if (!life_is_passing(&w->life)) {
    bool goes_on = life_serves(&w->life);
    bool is_stopped = w->life.state == LIFE_STOPPING || w->life.state == LIFE_STOPPED;
    text_print(&t, "%cworker %s %s%s\n", ADDRESS_FAULT, w->plan->name,
               goes_on ? "goes on as it was: its successor " : "has no successor: it ",
               goes_on ? w->last_beside : is_stopped ? "was stopped" : w->last);
    end_answer(c, &t, 1);
  }
}

static void look_at_goal(struct caller *c) {
  if (c->goal == GOAL_PASSES) look_at_pass(c);
  if (c->goal == GOAL_NONE || c->goal == GOAL_PASSES || c->goal == GOAL_FOLLOW) return;
  const struct worker *w = c->worker;
  assert(w);
  enum life_state state = w->life.state;
  struct text t = {0};
  bool failed = c->goal == GOAL_SERVES &&
                (state == LIFE_FAILED || state == LIFE_STOPPED || w->life.restarts != c->restarts);
  if (failed) {
    text_print(&t, "%cworker %s %s\n", ADDRESS_FAULT, w->plan->name,
               state == LIFE_STOPPED ? "was stopped" : *w->last ? w->last : "was not started");
    end_answer(c, &t, 1);
  } else if (c->goal == GOAL_SERVES ? life_serves(&w->life)
                                    : life_is_over(&w->life) && !life_has_process(&w->life)) {
    end_answer(c, &t, 0);
  }
}

void callers_changed(struct callers *all) {
  struct caller *next;
  for (struct caller *c = all->first; c; c = next) {
    next = c->next;
    look_at_goal(c);
  }
}

static void act(struct caller *c, enum goal goal) {
  struct worker *w = c->worker;
  c->goal = goal;
  c->restarts = w->life.restarts;
  c->run->changed(c->run);
  callers_changed(c->all);
}

static const char no_more[] = "the worker is no more in the supervisor's plan";

/* Whether nothing begins any more, of all or of the worker that was asked for; which is the answer
 * then. */
static bool refuse_end(struct caller *c) {
  const char *why = NULL;
  if (c->run->stopping)
    why = "the supervisor is ending";
  else if (c->worker && c->worker->leaving)
    why = no_more;
  if (why) refuse(c, ADDRESS_FAULT, why);
  return why != NULL;
}

static void answer_start(struct caller *c) {
  if (refuse_end(c)) return;
  if (life_start(&c->worker->life)) run_log_event(c->worker, "is started: gaijinctl start");
  act(c, GOAL_SERVES);
}

static void answer_restart(struct caller *c) {
  if (refuse_end(c)) return;
  if (life_is_passing(&c->worker->life)) {
    refuse(c, ADDRESS_FAULT, "the worker is being replaced already; gaijinctl ps shows it");
    return;
  }
  /* What has happened by then is the wish's, too: it may be over at once. */
  c->passes = c->worker->life.passes;
  c->restarts = c->worker->life.restarts;
  c->goal = worker_replace(c->worker, "gaijinctl restart") ? GOAL_PASSES : GOAL_SERVES;
  callers_changed(c->all);
}

static void answer_stop(struct caller *c) {
  if (!life_is_over(&c->worker->life)) run_log_event(c->worker, "is stopped: gaijinctl stop");
  worker_stop(c->worker, false);
  act(c, GOAL_OVER);
}

/* ---- logs ---- */

/* The number of the worker whose next line, from at[] on, is the oldest; `count` if there is
 * none. */
static size_t oldest(const struct caller *c, const size_t *at) {
  size_t best = c->run->count;
  uint64_t number = UINT64_MAX;
  for (size_t i = 0; i < c->run->count; i++) {
    const struct worker *w = c->run->workers[i];
    if ((c->worker && w != c->worker) || at[i] == w->lines->count) continue;
    const struct line *l = line_ring_at(w->lines, at[i]);
    if (l->number >= number) continue;
    number = l->number;
    best = i;
  }
  return best;
}

static void add_line(struct text *t, const char *bytes, size_t size) {
  text_print(t, "%c", ADDRESS_TEXT);
  text_add(t, bytes, size);
  text_print(t, "\n");
}

/* The last `most` lines in the order in which they came. */
static void answer_logs(struct caller *c, size_t most, bool follow) {
  struct run *r = c->run;
  struct text t = {0};
  size_t *at = tool_alloc(r->count + 1, sizeof *at), all = 0;
  for (size_t i = 0; i < r->count; i++)
    if (!c->worker || c->worker == r->workers[i]) all += r->workers[i]->lines->count;
  for (size_t i; (i = oldest(c, at)) < r->count; all--) {
    const struct line *l = line_ring_at(r->workers[i]->lines, at[i]++);
    if (all <= most) add_line(&t, l->bytes, l->size);
  }
  free(at);
  if (!follow) {
    end_answer(c, &t, 0);
    return;
  }
  c->goal = GOAL_FOLLOW;
  if (t.size) send_bytes(c, &t, false);
  text_deinit(&t);
}

void callers_forget(struct callers *all, const struct worker *w) {
  struct caller *next;
  for (struct caller *c = all->first; c; c = next) {
    next = c->next;
    if (c->worker != w) continue;
    if (c->goal != GOAL_NONE && c->goal != GOAL_OVER)
      refuse(c, ADDRESS_FAULT, no_more);
    else if (c->goal == GOAL_OVER)
      look_at_goal(c);
    c->worker = NULL;
  }
}

void callers_line(struct callers *all, const struct worker *w, const char *line, size_t size) {
  struct caller *next;
  for (struct caller *c = all->first; c; c = next) {
    next = c->next;
    if (c->goal != GOAL_FOLLOW || (c->worker && c->worker != w)) continue;
    if (c->lost || queued(c) > CALLER_QUEUED) {
      c->lost++;
      continue;
    }
    struct text t = {0};
    add_line(&t, line, size);
    send_bytes(c, &t, false);
    text_deinit(&t);
  }
}

/* ---- Requests ---- */

/* The worker of this name; what there is none of is refused. */
static bool find(struct caller *c, const char *name) {
  struct text t = {0};
  c->worker = worker_find(c->run, name);
  if (c->worker) return true;
  text_print(&t, "no worker of this supervisor is called '");
  text_add_plain(&t, name, strlen(name));
  text_print(&t, "'");
  refuse(c, ADDRESS_UNKNOWN, t.bytes);
  text_deinit(&t);
  return false;
}

static void answer_reload(struct caller *c) {
  struct text said = {0}, t = {0};
  const char *at = NULL, *line;
  size_t size;
  if (refuse_end(c)) return;
  bool good = reload(c->run, &said);
  for (at = said.bytes; said_next(&at, &line, &size);) {
    text_print(&t, "%c", ADDRESS_FAULT);
    text_add(&t, line, size);
    text_print(&t, "\n");
  }
  text_deinit(&said);
  end_answer(c, &t, good ? 0 : 1);
}

static void carry_out(struct caller *c, char *const *words, int count) {
  static const struct {
    const char *word;
    void (*answer)(struct caller *c);
  } wishes[] = {{"start", answer_start}, {"restart", answer_restart}, {"stop", answer_stop}};
  if (count == 1 && strcmp(words[0], "ps") == 0) {
    answer_ps(c);
    return;
  }
  if (count == 1 && strcmp(words[0], "reload") == 0) {
    answer_reload(c);
    return;
  }
  if (count == 4 && strcmp(words[0], "logs") == 0) {
    if (!*words[1] || find(c, words[1]))
      answer_logs(c, strtoul(words[2], NULL, 10), strcmp(words[3], "follow") == 0);
    return;
  }
  for (size_t i = 0; count == 2 && i < ARRAY_SIZE(wishes); i++) {
    if (strcmp(words[0], wishes[i].word) != 0) continue;
    if (find(c, words[1])) wishes[i].answer(c);
    return;
  }
  refuse(c, ADDRESS_FAULT, "the supervisor does not understand what it is asked");
}

/* The line is complete, and ends at request[n]. */
static void on_request(struct caller *c, size_t n) {
  char *words[WORDS_MOST];
  int count = 0;
  uv_timer_stop(&c->timer);
  c->request[n] = '\0';
  for (size_t at = 0; at <= n && count < WORDS_MOST; at += strlen(c->request + at) + 1)
    words[count++] = c->request + at;
  if (c->is_many)
    refuse(c, ADDRESS_FAULT, "too many ask the supervisor at once; try again");
  else
    carry_out(c, words, count);
}

static void give_room(uv_handle_t *h, size_t wanted, uv_buf_t *buffer) {
  (void)wanted;
  struct caller *c = h->data;
  *buffer = uv_buf_init(c->request + c->size, (unsigned)(sizeof c->request - c->size));
}

/* What comes behind the request is dropped; an end is the caller's. */
static void on_bytes(uv_stream_t *s, ssize_t n, const uv_buf_t *buffer) {
  struct caller *c = s->data;
  (void)buffer;
  if (n < 0) caller_close(c);
  if (n <= 0 || c->heard) return;
  c->size += (size_t)n;
  char *end = memchr(c->request, '\n', c->size);
  if (end) {
    c->heard = true;
    on_request(c, (size_t)(end - c->request));
    c->size = 0;
  } else if (c->size == sizeof c->request) {
    caller_close(c);
  }
}

static void on_time(uv_timer_t *t) { caller_close(t->data); }

void caller_begin(struct caller *c) {
  assert(c->link);
  uv_timer_start(&c->timer, on_time, REQUEST_MS, 0);
  c->is_many = c->all->count > CALLERS_MOST;
  if (c->all->count > 2 * CALLERS_MOST)
    caller_close(c);
  else
    uv_read_start((uv_stream_t *)&c->pipe, give_room, on_bytes);
}
