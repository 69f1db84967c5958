/* SPDX-License-Identifier: MIT
 *
 * The driver comes back as the workers do. A lane whose answer it lost goes on, or has never begun: its worker keeps
 * what came of it (run_over in worker.lua).
 */
#define _GNU_SOURCE
#include "tests/stress/outage.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/bed/inside.h"

enum { LANES_MOST = WORKERS_MOST * LANES, PAGE_PLACES = 50, PLACE_NUMBERS = 3 };
/* What run_over, result, look say instead of a number of theirs; worker.lua has them, too. */
enum { NEVER_BEGUN = -1, RUNS_STILL = -2, IS_DEAD = -1, HAS_GONE = -2 };
enum { ALL_STEPS = 0 };

struct lanes {
  uint64_t ids[LANES_MOST]; /* 0: not asked, or its answer is known */
  bool unknown[LANES_MOST]; /* its answer was lost */
  unsigned answered;
};

static bool is_victim(const struct batch *b, unsigned worker) { return b->victim == (int)worker; }

/* ---- Lanes ---- */

static void start_lanes(struct system *s, const struct batch *b, struct lanes *l) {
  for (unsigned i = 0; i < s->settings->workers * LANES; i++) {
    const struct commands *c = &b->lanes[i];
    if (!c->count) continue;
    double *values = malloc((c->count + 2) * sizeof *values);
    if (!values) exit(1);
    values[0] = b->number;
    values[1] = i % LANES;
    for (size_t k = 0; k < c->count; k++) values[k + 2] = c->values[k];
    l->ids[i] = system_ask(s, i / LANES, "run_over", values, c->count + 2);
    free(values);
  }
  system_release(s);
}

/* The step, or all steps, of the lane may not have been done. */
static void mark_undone(struct batch *b, unsigned lane, double step) {
  for (uint32_t i = 0; i < b->n_places; i++)
    if (b->places[i].lane == lane && (step == ALL_STEPS || b->places[i].step == step)) b->places[i].may_be_old = true;
}

/* What a lane that has ended says: worker.lua, run_steps. */
static void take_result(struct system *s, struct batch *b, unsigned lane, double failed, gaijin_body *body) {
  struct gaijin_value v;
  if (failed == 0) {
    while (gaijin_body_next(body, &v)) mark_undone(b, lane, v.number);
    return;
  }
  v = system_value(s, body);
  char text[1024];
  snprintf(text, sizeof text, "%.*s", (int)v.size, v.bytes);
  gaijin_body_free(body);
  bed_fail(s->bed, "lane %u of w%u, step %.0f of the batch's lane, with the broker killed: %s", lane % LANES + 1, lane / LANES + 1,
           failed, text);
}

static void await_lane(struct system *s, struct batch *b, struct lanes *l, unsigned lane) {
  struct gaijin_answer answer = {.body = NULL};
  char what[40];
  snprintf(what, sizeof what, "lane %u of w%u", lane % LANES + 1, lane / LANES + 1);
  int status = gaijin_await(s->g, l->ids[lane], bed_limit(s->bed), &answer);
  if (status != 0 && !(status == GAIJIN_STATUS_LOST && gaijin_link(s->g) == GAIJIN_UP)) bed_fail(s->bed, "%s: %s", what, gaijin_error(s->g));
  if (status != 0) answer.status = (enum gaijin_status)status;
  l->ids[lane] = 0;
  l->answered++;
  if (answer.ok) {
    take_result(s, b, lane, system_value(s, answer.body).number, answer.body);
  } else if (answer.status == GAIJIN_STATUS_LOST) {
    l->unknown[lane] = true;
  } else if (!is_victim(b, lane / LANES) || answer.status != GAIJIN_STATUS_DEAD) {
    bed_fail(s->bed, "%s: %s: %s", what, gaijin_status_name(answer.status), answer.text ? answer.text : "");
  } else {
    mark_undone(b, lane, ALL_STEPS);
  }
  gaijin_body_free(answer.body);
}

static void await_lanes(struct system *s, struct batch *b, struct lanes *l, unsigned until) {
  for (unsigned i = 0; i < s->settings->workers * LANES && l->answered < until; i++)
    if (l->ids[i]) await_lane(s, b, l, i);
}

/* A lane whose answer was lost has ended, or will never begin. */
static void settle_lane(struct system *s, struct batch *b, unsigned lane) {
  double end = bed_now() + bed_limit(s->bed), failed;
  do {
    bed_check_time(s->bed, end, "a lane does not end after the broker was killed");
    gaijin_body *body = system_call(s, lane / LANES, "result", (double[]){b->number, lane % LANES}, 2);
    failed = system_value(s, body).number;
    if (failed == NEVER_BEGUN)
      mark_undone(b, lane, ALL_STEPS);
    else if (failed != RUNS_STILL)
      take_result(s, b, lane, failed, body);
    gaijin_body_free(body);
  } while (failed == RUNS_STILL);
}

/* ---- Kills ---- */

static void kill_broker(struct system *s) {
  struct child *killed = bed_broker(s->bed);
  bed_kill(s->bed, killed);
}

static void start_broker(struct system *s) {
  struct child *killed = bed_broker(s->bed);
  bed_restart(s->bed);
  bed_forget(s->bed, killed);
  s->generation++;
}

static void end_victim(struct system *s, const struct batch *b, enum victim_dies when) {
  if (b->victim >= 0 && b->outage.victim_dies == when) system_kill(s, (unsigned)b->victim);
}

static void signal_stopped(struct system *s, const struct outage *o, int signal_number) {
  if (o->stopped >= 0) child_signal(s->workers[o->stopped].child, signal_number);
}

/* The driver is back at the broker that was started last. */
static void come_back(struct system *s) {
  double end = bed_now() + bed_limit(s->bed);
  while (gaijin_generation(s->g) != s->generation) {
    bed_check_time(s->bed, end, "the driver does not come back");
    gaijin_dispatch(s->g);
    if (gaijin_await_link(s->g, NULL, bed_limit(s->bed)) != 0) bed_fail(s->bed, "the driver does not come back: %s", gaijin_error(s->g));
  }
}

static void second_kill(struct system *s, const struct batch *b) {
  switch (b->outage.second) {
    case SECOND_AT_ONCE: break;
    case SECOND_SOON: usleep(b->outage.delay_us * 2); break;
    case SECOND_WHEN_BACK: come_back(s); break;
  }
  end_victim(s, b, DIES_BETWEEN);
  kill_broker(s);
  end_victim(s, b, DIES_IN_LAST);
  start_broker(s);
}

/* The broker is there, and does nothing for a while. */
static void hang(struct system *s, unsigned us) {
  child_signal(bed_broker(s->bed), SIGSTOP);
  usleep(us);
  child_signal(bed_broker(s->bed), SIGCONT);
}

static void kills(struct system *s, const struct batch *b) {
  const struct outage *o = &b->outage;
  usleep(o->delay_us);
  if (!o->stopped_late) signal_stopped(s, o, SIGSTOP);
  end_victim(s, b, DIES_BEFORE);
  kill_broker(s);
  if (o->stopped_late) signal_stopped(s, o, SIGSTOP);
  end_victim(s, b, DIES_IN_FIRST);
  start_broker(s);
  if (o->kills == 2) second_kill(s, b);
  if (o->hangs) hang(s, o->late_us);
  come_back(s);
  if (o->stopped >= 0) usleep(o->late_us);
  signal_stopped(s, o, SIGCONT);
}

/* ---- Quiet ---- */

/* From here on nothing may be lost. */
static void tell_settled(struct system *s, const struct batch *b) {
  for (unsigned w = 0; w < s->settings->workers; w++)
    if (s->workers[w].child && !is_victim(b, w)) gaijin_body_free(system_call(s, w, "settled", (double[]){b->number}, 1));
}

static void expect_all_back(struct system *s, const struct batch *b) {
  for (unsigned w = 0; w < s->settings->workers; w++) {
    if (!s->workers[w].child || is_victim(b, w)) continue;
    if (gaijin_await_link(s->g, s->workers[w].ctl, bed_limit(s->bed)) != 0)
      bed_fail(s->bed, "w%u does not come back: %s", w + 1, gaijin_error(s->g));
  }
}

static bool all_idle(struct system *s) {
  bool idle = true;
  for (unsigned w = 0; w < s->settings->workers; w++) {
    if (!s->workers[w].child) continue;
    gaijin_body *body = system_call(s, w, "idle", NULL, 0);
    idle &= system_value(s, body).boolean;
    gaijin_body_free(body);
  }
  return idle;
}

/* What was posted and has come is done before `sync` is; what has not come by then is lost. */
static void sync_posts(struct system *s) {
  double workers[WORKERS_MOST];
  unsigned n = 0;
  for (unsigned w = 0; w < s->settings->workers; w++)
    if (s->workers[w].child) workers[n++] = w + 1;
  for (unsigned w = 0; w < s->settings->workers; w++)
    if (s->workers[w].child) gaijin_body_free(system_call(s, w, "sync_all", workers, n));
}

void outage_run(struct system *s, struct batch *b) {
  struct lanes l = {.answered = 0};
  start_lanes(s, b, &l);
  await_lanes(s, b, &l, b->outage.after);
  kills(s, b);
  expect_all_back(s, b);
  tell_settled(s, b);
  await_lanes(s, b, &l, LANES_MOST + 1);
  for (unsigned i = 0; i < s->settings->workers * LANES; i++)
    if (l.unknown[i] && is_victim(b, i / LANES))
      mark_undone(b, i, ALL_STEPS);
    else if (l.unknown[i])
      settle_lane(s, b, i);
  double end = bed_now() + bed_limit(s->bed);
  while (!all_idle(s)) bed_check_time(s->bed, end, "a worker serves on after the broker was killed");
  sync_posts(s);
}

/* ---- What came of it ---- */

/* The workers that are asked about places, a page at a time. */
struct pages {
  struct system *s;
  struct model *m;
  const char *service; /* look or purge */
  void (*got)(struct pages *p, const struct place *place, double value);
  struct place list[PAGE_PLACES];
  unsigned worker, n;
};

static uint32_t *cell(const struct model *m, const struct place *p) {
  if (p->kind == PLACE_CELL) return &model_object(m, p->object)->cells[p->index];
  struct model_worker *w = (struct model_worker *)&m->workers[p->worker];
  return p->kind == PLACE_SLOT ? &w->slots[p->index] : &w->labels[p->index];
}

static void ask_page(struct pages *p) {
  if (!p->n) return;
  double values[PAGE_PLACES * PLACE_NUMBERS];
  for (unsigned i = 0; i < p->n; i++) {
    values[i * PLACE_NUMBERS] = p->list[i].kind;
    values[i * PLACE_NUMBERS + 1] = p->list[i].object;
    values[i * PLACE_NUMBERS + 2] = p->list[i].index + 1;
  }
  gaijin_body *body = system_call(p->s, p->worker, p->service, values, p->n * PLACE_NUMBERS);
  for (unsigned i = 0; i < p->n; i++) p->got(p, &p->list[i], system_value(p->s, body).number);
  gaijin_body_free(body);
  p->n = 0;
}

static void add_place(struct pages *p, const struct place *place) {
  p->list[p->n++] = *place;
  if (p->n == PAGE_PLACES) ask_page(p);
}

static _Noreturn void fail_place(struct pages *p, const struct place *place, const char *text, double value) {
  static const char *const kinds[] = {"slot", "label", "cell"};
  bed_fail(p->s->bed, "after the broker was killed, w%u, %s %u of object %u, had %u, right now would be %s%u: %s (%.0f)",
           p->worker + 1, kinds[place->kind], place->index + 1u, place->object, place->old, place->may_be_old ? "that or " : "",
           *cell(p->m, place), text, value);
}

static bool is_dead(const struct model *m, uint32_t serial) { return serial && model_object(m, serial)->dead; }

static void settle_place(struct pages *p, const struct place *place, double value) {
  uint32_t *now = cell(p->m, place);
  const struct model *m = p->m;
  if (value == HAS_GONE) {
    *now = 0; /* whether it may have is the audit's business */
  } else if (value == IS_DEAD) {
    if (!is_dead(m, *now) && place->may_be_old) *now = place->old;
    if (!is_dead(m, *now)) fail_place(p, place, "what is there is dead", value);
  } else {
    if (value != *now && !(place->may_be_old && value == place->old)) fail_place(p, place, "something else is there", value);
    *now = (uint32_t)value;
    if (is_dead(m, *now)) fail_place(p, place, "it should be dead", value);
  }
}

static void purge_place(struct pages *p, const struct place *place, double value) {
  if (value != IS_DEAD && value != HAS_GONE) fail_place(p, place, "it should be dead", value);
  *cell(p->m, place) = 0;
}

static void purge_worker(struct pages *p) {
  struct model *m = p->m;
  const struct model_worker *w = &m->workers[p->worker];
  struct place place = {.worker = (uint8_t)p->worker};
  for (place.kind = PLACE_SLOT, place.index = 0; place.index < SLOTS; place.index++)
    if (is_dead(m, w->slots[place.index])) add_place(p, &place);
  for (place.kind = PLACE_LABEL, place.index = 0; place.index < LABELS; place.index++)
    if (is_dead(m, w->labels[place.index])) add_place(p, &place);
  place.kind = PLACE_CELL;
  for (uint32_t i = 0; i < m->n_alive; i++) {
    const struct object *o = model_object(m, place.object = m->alive[i]);
    for (place.index = 0; o->home == p->worker && !o->dead && place.index < CELLS; place.index++)
      if (is_dead(m, o->cells[place.index])) add_place(p, &place);
  }
  ask_page(p);
}

static unsigned home(const struct model *m, const struct place *p) {
  return p->kind == PLACE_CELL ? model_object(m, p->object)->home : p->worker;
}

void outage_settle(struct system *s, struct model *m, const struct batch *b) {
  struct pages p = {.s = s, .m = m, .service = "look", .got = settle_place};
  for (p.worker = 0; p.worker < m->n_workers; p.worker++) {
    if (!m->workers[p.worker].present) continue;
    for (uint32_t i = 0; i < b->n_places; i++)
      if (home(m, &b->places[i]) == p.worker && !(b->places[i].kind == PLACE_CELL && model_object(m, b->places[i].object)->dead))
        add_place(&p, &b->places[i]);
    ask_page(&p);
  }
  p.service = "purge";
  p.got = purge_place;
  for (p.worker = 0; p.worker < m->n_workers; p.worker++)
    if (m->workers[p.worker].present) purge_worker(&p);
}
