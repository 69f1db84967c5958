/* SPDX-License-Identifier: MIT
 *
 * The driver is a client like any other, called "driver", that holds the function `ctl` of every worker. Each lane
 * of a batch is one call of it, so lanes of one worker run on fibers side by side.
 */
#include "tests/stress/system.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/base.h"
#include "tests/bed/inside.h"
#include "tests/stress/outage.h"

enum { ROUND_SECONDS = 130 };

static char *list_steps(void) {
  char *text = NULL;
  size_t size;
  FILE *f = open_memstream(&text, &size);
  if (!f) return NULL;
  for (unsigned op = 0; op < STEP_SENT; op++) fprintf(f, "%s:%u,", step_name(op), step_operands(op));
  fclose(f);
  return text;
}

void system_open(struct system *s, const struct settings *settings, void (*on_failure)(void *user, const char *text), void *user) {
  s->settings = settings;
  snprintf(s->flags[0], sizeof s->flags[0], "%u", settings->load_min);
  snprintf(s->flags[1], sizeof s->flags[1], "%u", settings->max_message);
  s->broker_flags[0] = "--load-min";
  s->broker_flags[1] = s->flags[0];
  s->broker_flags[2] = "--max-message";
  s->broker_flags[3] = s->flags[1];
  if (settings->cycles) {
    s->broker_flags[4] = "--cycle-time=0.02";
    s->broker_flags[5] = "--cycle-quiet=0";
  }
  s->step_list = list_steps();
  /* A round may take as long as gaijinctl waits for it. */
  double limit = settings->cycles && settings->limit == 0 ? ROUND_SECONDS : settings->limit;
  struct bed_options options = {.broker_flags = s->broker_flags, .limit = limit, .reconnect_ms = 30000, .on_failure = on_failure, .user = user};
  s->bed = bed_open(&options);
  if (settings->stock) {
    char path[600];
    snprintf(path, sizeof path, "%s", bed_program(s->bed, "?.so"));
    setenv("LUA_CPATH", path, 1);
  }
  s->g = bed_connect(s->bed, "driver", false, NULL, NULL);
  s->generation = gaijin_generation(s->g);
  for (unsigned w = 0; w < settings->workers; w++) system_start(s, w);
}

void system_close(struct system *s) {
  gaijin_close(s->g);
  free(s->step_list);
  *s = (struct system){0};
}

/* ---- Asking ---- */

static uint64_t end_request(struct system *s) {
  uint64_t id = 0;
  if (gaijin_end_request(s->g, NULL, NULL, &id) != 0) bed_fail(s->bed, "the driver cannot send: %s", gaijin_error(s->g));
  return id;
}

uint64_t system_ask(struct system *s, unsigned worker, const char *service, const double *values, size_t count) {
  gaijin_begin_request(s->g, &(struct gaijin_send){.op = GAIJIN_OP_CALL, .depth = 1, .holding = s->workers[worker].ctl}, (uint32_t)count + 1);
  gaijin_put_text(s->g, service);
  for (size_t i = 0; i < count; i++) gaijin_put_number(s->g, values[i]);
  return end_request(s);
}

/* Status of the wait; a wait that is too long ends the run. */
static void await(struct system *s, uint64_t id, const char *what, struct gaijin_answer *answer) {
  int status = gaijin_await(s->g, id, bed_limit(s->bed), answer);
  if (status != 0) bed_fail(s->bed, "%s: %s", what, status == GAIJIN_STATUS_TIMEOUT ? "no answer" : gaijin_error(s->g));
}

/* Text of an answer that is no reply; writes at most n bytes. */
static const char *describe(struct gaijin_answer *answer, char *out, size_t n) {
  struct gaijin_value v;
  if (answer->status == GAIJIN_STATUS_RAISED && gaijin_body_next(answer->body, &v) && v.type == GAIJIN_STRING)
    snprintf(out, n, "%.*s", (int)v.size, v.bytes);
  else
    snprintf(out, n, "%s: %s", gaijin_status_name(answer->status), answer->text ? answer->text : "");
  return out;
}

gaijin_body *system_await(struct system *s, uint64_t id, const char *what) {
  struct gaijin_answer answer = {.body = NULL};
  await(s, id, what, &answer);
  if (answer.ok) return answer.body;
  char text[1024];
  describe(&answer, text, sizeof text);
  gaijin_body_free(answer.body);
  bed_fail(s->bed, "%s: %s", what, text);
}

gaijin_body *system_call(struct system *s, unsigned worker, const char *service, const double *values, size_t count) {
  char what[64];
  snprintf(what, sizeof what, "%s of w%u", service, worker + 1);
  return system_await(s, system_ask(s, worker, service, values, count), what);
}

struct gaijin_value system_value(struct system *s, gaijin_body *body) {
  struct gaijin_value v;
  if (!gaijin_body_next(body, &v)) bed_fail(s->bed, "a reply has too few values");
  return v;
}

void system_release(struct system *s) {
  if (gaijin_flush(s->g, true) != 0) bed_fail(s->bed, "the driver's connection: %s", gaijin_error(s->g));
}

bool system_can_post(struct system *s) {
  gaijin_body *body = system_call(s, 0, "can_post", NULL, 0);
  bool can = system_value(s, body).boolean;
  gaijin_body_free(body);
  return can;
}

/* ---- Life and death ---- */

/* With --stock the last two workers are stock interpreters, if those are there; NULL: it is none. */
static const char *stock_program(const struct system *s, unsigned worker) {
  static const char *const interpreters[] = {"/usr/bin/lua5.1", "/usr/bin/luajit"};
  unsigned behind = s->settings->workers - 1 - worker;
  if (!s->settings->stock || behind >= sizeof interpreters / sizeof interpreters[0]) return NULL;
  return access(interpreters[behind], X_OK) == 0 ? interpreters[behind] : NULL;
}

/* interpreter: NULL for gaijin-worker. */
static struct child *start_program(struct system *s, const char *name, const char *interpreter) {
  const char *script = s->settings->script;
  const char *const args[] = {s->step_list, NULL};
  if (!interpreter) return bed_start(s->bed, &(struct bed_worker){.name = name, .script = script, .args = args});
  const char *const argv[] = {interpreter, "tests/module/worker.lua", "-n", name, script, s->step_list, NULL};
  struct child *c = bed_spawn(s->bed, name, argv);
  container_of(c, struct bed_process, child)->worker = true;
  bed_ready(s->bed, c);
  return c;
}

void system_start(struct system *s, unsigned worker) {
  char name[8];
  snprintf(name, sizeof name, "w%u", worker + 1);
  struct system_worker *w = &s->workers[worker];
  w->child = start_program(s, name, stock_program(s, worker));
  if (child_ended(w->child)) bed_fail(s->bed, "%s has ended", name);
  gaijin_begin_request(s->g, &(struct gaijin_send){.op = GAIJIN_OP_S2T, .depth = 1, .name = name}, 1);
  gaijin_put_text(s->g, "ctl");
  gaijin_body *body = system_await(s, end_request(s), "fetching ctl");
  struct gaijin_value v = system_value(s, body);
  if (v.type != GAIJIN_FOREIGN) bed_fail(s->bed, "%s does not expose ctl", name);
  w->ctl = v.holding;
  gaijin_hold(s->g, w->ctl);
  gaijin_body_free(body);
}

void system_kill(struct system *s, unsigned worker) {
  struct system_worker *w = &s->workers[worker];
  bed_kill(s->bed, w->child);
  bed_forget(s->bed, w->child);
  w->child = NULL;
}

static void end_victim(struct system *s, const struct batch *b) {
  if (b->terminate)
    child_signal(s->workers[b->victim].child, SIGTERM);
  else
    system_kill(s, (unsigned)b->victim);
}

/* Waits until the broker has noticed; before, it would take the name for the old worker. */
static void await_dead(struct system *s, uint64_t host) {
  double end = bed_now() + bed_limit(s->bed);
  while (!gaijin_host_dead(s->g, host)) {
    bed_check_time(s->bed, end, "the broker does not notice the death of a worker");
    gaijin_begin_request(s->g, &(struct gaijin_send){.op = GAIJIN_OP_PING}, 0);
    gaijin_body_free(system_await(s, end_request(s), "ping"));
  }
}

static void bury_victim(struct system *s, const struct batch *b) {
  struct system_worker *w = &s->workers[b->victim];
  if (w->child) {
    bed_exit(s->bed, w->child, 0);
    bed_forget(s->bed, w->child);
    w->child = NULL;
  }
  await_dead(s, gaijin_holding_pt(w->ctl).host);
  gaijin_let_go(s->g, w->ctl);
  w->ctl = NULL;
  system_release(s);
}

/* ---- Batches ---- */

/* Reads what a lane answered; the victim's may be lost, or cut off anywhere while it ends on SIGTERM. */
static void check_lane(struct system *s, const struct batch *b, unsigned lane, struct gaijin_answer *answer) {
  bool victim = b->victim == (int)(lane / LANES);
  char text[1024] = "";
  double failed = 0;
  if (!answer->ok) {
    bool excused = victim && (answer->status == GAIJIN_STATUS_DEAD || answer->status == GAIJIN_STATUS_LOST || b->terminate);
    if (!excused) describe(answer, text, sizeof text);
  } else {
    failed = system_value(s, answer->body).number;
    if (failed != 0 && !(victim && b->terminate)) {
      struct gaijin_value v = system_value(s, answer->body);
      snprintf(text, sizeof text, "%.*s", (int)v.size, v.bytes);
    }
  }
  gaijin_body_free(answer->body);
  if (text[0]) bed_fail(s->bed, "lane %u of w%u, step %.0f of the batch's lane: %s", lane % LANES + 1, lane / LANES + 1, failed, text);
}

static void run_lanes(struct system *s, const struct batch *b) {
  uint64_t ids[WORKERS_MOST * LANES] = {0};
  unsigned lanes = s->settings->workers * LANES, answered = 0;
  bool killed = b->victim < 0;
  for (unsigned i = 0; i < lanes; i++)
    if (b->lanes[i].count) ids[i] = system_ask(s, i / LANES, "run", b->lanes[i].values, b->lanes[i].count);
  system_release(s);
  for (unsigned i = 0; i < lanes; i++) {
    if (!killed && answered >= b->kill_after) {
      end_victim(s, b);
      killed = true;
    }
    if (!ids[i]) continue;
    struct gaijin_answer answer = {.body = NULL};
    char what[32];
    snprintf(what, sizeof what, "lane %u of w%u", i % LANES + 1, i / LANES + 1);
    await(s, ids[i], what, &answer);
    check_lane(s, b, i, &answer);
    answered++;
  }
  if (!killed) end_victim(s, b);
}

void system_run(struct system *s, struct batch *b) {
  for (unsigned w = 0; w < s->settings->workers; w++)
    if (b->restarts & 1u << w) system_start(s, w);
  if (b->outage.kills)
    outage_run(s, b);
  else
    run_lanes(s, b);
  if (b->victim >= 0) bury_victim(s, b);
}

void system_finish(struct system *s) {
  for (unsigned w = 0; w < s->settings->workers; w++) {
    if (!s->workers[w].child) continue;
    gaijin_body_free(system_call(s, w, "finish", NULL, 0));
    gaijin_let_go(s->g, s->workers[w].ctl);
  }
  system_release(s);
  for (unsigned w = 0; w < s->settings->workers; w++)
    if (s->workers[w].child) bed_expect(s->bed, s->workers[w].child, "clean");
  gaijin_close(s->g);
  s->g = NULL;
  bed_close(s->bed);
  s->bed = NULL;
}
