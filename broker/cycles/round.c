/* SPDX-License-Identifier: MIT
 *
 * A round from stage to stage:
 *
 *   HOSTS MARK OUT PRUNE GATHER    who is suspected
 *   COUNT FILL SEND WAIT           members are asked: to scan, to check, ..., to halt
 *   LIVE EDGES TOUCHED SPREAD PRUNE  what is live goes, and they are asked again
 *   CONDEMN CONVICT                all of what is left is garbage
 *
 * It is decided in the step that reads the last answer in halt: from then on no mention can come
 * that matters, because nobody who holds a suspect runs code.
 */
#include "broker/cycles/internal.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base.h"

/* How long the broker's own stages may take, and answers; in halt, beside twice what the slowest
 * has told of its check, and at most. */
enum { STAGES_MS = 60000, ANSWER_MS = 10000, HALT_MS = 50, HALT_MOST_MS = 1500 };
enum { LIMIT_MOST = 1 << 20 }; /* turns of a round */
/* Suspects of a slice that is convicted, and the units of work for so many. */
enum { CONVICTED_SLICE = 4096, CONVICTED_PER_UNIT = 8 };

static bool go_on(struct work *w, struct job *j);

bool round_is_asking(const struct cycles *k) {
  return k->stage == CYCLES_SEND || k->stage == CYCLES_WAIT;
}
bool round_is_working(const struct cycles *k) {
  return k->stage != CYCLES_IDLE && k->stage != CYCLES_WAIT;
}

static void enter(struct cycles *k, enum cycles_stage stage) {
  k->stage = stage;
  k->cursor = 0;
  k->at = stage == CYCLES_SPREAD ? SLAB_NONE : 0;
  if (round_is_working(k) && !job_is_queued(&k->job) && !k->is_running)
    work_add(&k->b->work, &k->job, go_on);
}

static void on_late(uv_timer_t *timer) { cycles_late(timer->data); }
static void expect(struct cycles *k, uint64_t ms) { uv_timer_start(&k->timer, on_late, ms, 0); }

/* ---- The end of a round ---- */

void round_free(struct cycles *k) {
  lists_free(k);
  free(k->hosts);
  free(k->out);
  free(k->suspects);
  free(k->members);
  free(k->edges);
  k->hosts = NULL;
  k->out = NULL;
  k->suspects = NULL;
  k->members = NULL;
  k->edges = NULL;
  k->suspect_room = k->suspect_count = k->member_room = k->edge_room = k->edge_count = 0;
  k->host_count = 0;
}

static void rest(struct cycles *k) {
  k->stage = CYCLES_IDLE;
  work_remove(&k->b->work, &k->job);
  when_schedule(k);
  if (k->is_wanted && when_may(k))
    round_begin(k);
  else if (k->is_wanted)
    when_answer_none(k);
}

static void finish(struct cycles *k, enum cycles_outcome outcome) {
  if (outcome == CYCLES_NOTHING || outcome == CYCLES_FOUND) k->limit = CYCLES_TURNS;
  when_remember(k, outcome);
  when_answer(k, false);
  round_free(k);
  k->why[0] = '\0';
  uv_timer_stop(&k->timer);
  if (k->b->refs.trials)
    enter(k, CYCLES_CLEAR);
  else
    rest(k);
}

void round_give_up(struct cycles *k) {
  assert(!k->b->refs.is_decided && *k->why);
  if (round_is_asking(k) && k->phase == CYCLES_HALT) messages_resume(k);
  for (uint32_t i = 0; i < k->member_count; i++) {
    const struct cycles_member *m = &k->members[i];
    bool is_due = round_is_asking(k) && m->request && !m->answered;
    struct client *c = is_due ? messages_client(k, m) : NULL;
    if (c) client_answer_came(c);
  }
  finish(k, CYCLES_ABORTED);
}

void round_stop_for(struct cycles *k, const char *format, ...) {
  va_list args;
  if (*k->why) return;
  va_start(args, format);
  vsnprintf(k->why, sizeof k->why, format, args);
  va_end(args);
}

/* ---- Turns ---- */

static void begin_turn(struct cycles *k, enum cycles_phase phase) {
  k->phase = phase;
  lists_begin(k);
  enter(k, CYCLES_COUNT);
}

/* What is live is no suspect any more. */
static void end_turn(struct cycles *k) {
  k->turns++;
  if (!k->b->refs.trials) {
    finish(k, CYCLES_NOTHING);
  } else if (k->phase == CYCLES_CHECK && !k->has_grown) {
    begin_turn(k, CYCLES_HALT);
  } else if (k->turns >= k->limit) {
    if (k->limit < LIMIT_MOST) k->limit *= 2;
    finish(k, CYCLES_UNFINISHED);
  } else {
    begin_turn(k, CYCLES_CHECK);
  }
}

static void ask(struct cycles *k) {
  uint64_t halt_ms = HALT_MS + 2 * (uint64_t)k->checked_ms;
  if (halt_ms > HALT_MOST_MS) halt_ms = HALT_MOST_MS;
  if (k->member_count > k->members_most) k->members_most = k->member_count;
  k->has_grown = false;
  k->waiting = 0;
  expect(k, k->phase == CYCLES_HALT ? halt_ms : ANSWER_MS);
  enter(k, CYCLES_SEND);
}

bool round_is_touched(const struct cycles *k) {
  return k->b->refs.touched || k->b->refs.ended != k->ended_before;
}

static void decide(struct cycles *k) {
  k->b->refs.is_decided = true;
  k->turns++;
  enter(k, CYCLES_CONDEMN);
}

/* All have answered. */
void round_judge(struct cycles *k) {
  if (round_is_touched(k)) k->has_grown = true;
  for (uint32_t i = 0; i < k->member_count && !*k->why; i++)
    if (!messages_client(k, &k->members[i])) round_stop_for(k, "a worker has ended");
  if (!*k->why && k->phase == CYCLES_HALT && k->has_grown)
    round_stop_for(k, "an object was used meanwhile");
  if (*k->why) {
    round_give_up(k);
  } else if (k->phase == CYCLES_HALT) {
    decide(k);
  } else {
    expect(k, STAGES_MS);
    enter(k, CYCLES_LIVE);
  }
}

/* ---- Stages ---- */

/* There are too many suspects. */
static void raise_quiet(struct cycles *k) {
  suspects_raise(k);
  enter(k, CYCLES_MARK);
}

static void gathered(struct cycles *k) {
  k->is_gathered = true;
  k->suspects_at_first = k->b->refs.trials;
  if (k->b->refs.trials)
    begin_turn(k, CYCLES_SCAN);
  else
    finish(k, CYCLES_NOTHING);
}

static void counted(struct cycles *k) {
  if (!k->b->refs.trials) {
    finish(k, CYCLES_NOTHING);
  } else if (!lists_make(k)) {
    round_stop_for(k, "memory is too short");
    round_give_up(k);
  } else {
    enter(k, CYCLES_FILL);
  }
}

static void sent(struct cycles *k) {
  k->stage = CYCLES_WAIT;
  if (!k->waiting) round_judge(k);
}

static bool convict(struct cycles *k) {
  uint32_t n = 0;
  for (; k->cursor < k->suspect_count && n < CONVICTED_SLICE; k->cursor++, n++) {
    if (!round_is_on(k, k->cursor)) continue;
    refs_condemn(&k->b->refs, k->suspects[k->cursor].token);
    k->condemned++;
  }
  work_charge(&k->b->work, 1 + n / CONVICTED_PER_UNIT);
  return k->cursor == k->suspect_count;
}

static void convicted(struct cycles *k) {
  k->b->refs.is_decided = false;
  finish(k, CYCLES_FOUND);
}

static void pruned(struct cycles *k) {
  if (k->is_gathered)
    end_turn(k);
  else
    enter(k, CYCLES_GATHER);
}

static void after_gathering(struct cycles *k) {
  if (k->is_over)
    raise_quiet(k);
  else
    gathered(k);
}

static void after_live(struct cycles *k) {
  enter(k, k->phase == CYCLES_SCAN ? CYCLES_EDGES : CYCLES_TOUCHED);
}

/* What is done in a slice of a stage, and what follows the last: a function, or another stage. */
static const struct {
  cycles_slice_fn slice;
  void (*then)(struct cycles *k);
  enum cycles_stage next;
} stages[] = {
    [CYCLES_HOSTS] = {suspects_look_at_hosts, NULL, CYCLES_MARK},
    [CYCLES_MARK] = {suspects_mark, NULL, CYCLES_OUT},
    [CYCLES_OUT] = {suspects_sort_out, NULL, CYCLES_PRUNE},
    [CYCLES_PRUNE] = {suspects_prune, pruned, 0},
    [CYCLES_GATHER] = {suspects_gather, after_gathering, 0},
    [CYCLES_COUNT] = {lists_count, counted, 0},
    [CYCLES_FILL] = {lists_fill, ask, 0},
    [CYCLES_SEND] = {messages_ask, sent, 0},
    [CYCLES_LIVE] = {weed_live_ones, after_live, 0},
    [CYCLES_EDGES] = {weed_edges, NULL, CYCLES_TOUCHED},
    [CYCLES_TOUCHED] = {weed_touched, NULL, CYCLES_SPREAD},
    [CYCLES_SPREAD] = {weed_spread, NULL, CYCLES_PRUNE},
    [CYCLES_CONDEMN] = {messages_condemn, NULL, CYCLES_CONVICT},
    [CYCLES_CONVICT] = {convict, convicted, 0},
    [CYCLES_CLEAR] = {suspects_clear, rest, 0},
};

void round_run_slice(struct cycles *k) {
  enum cycles_stage stage = k->stage;
  assert(stages[stage].slice);
  bool done = stages[stage].slice(k);
  if (*k->why && !k->b->refs.is_decided && stage != CYCLES_CLEAR)
    round_give_up(k);
  else if (done && stages[stage].then)
    stages[stage].then(k);
  else if (done)
    enter(k, stages[stage].next);
}

static bool go_on(struct work *w, struct job *j) {
  struct cycles *k = container_of(j, struct cycles, job);
  (void)w;
  k->is_running = true;
  if (*k->why && !k->b->refs.is_decided)
    round_give_up(k);
  else
    round_run_slice(k);
  k->is_running = false;
  return round_is_working(k);
}

/* ---- Beginning ---- */

void round_begin(struct cycles *k) {
  assert(k->stage == CYCLES_IDLE && !k->b->refs.trials);
  k->number++;
  k->began_ms = uv_now(k->b->loop);
  k->quiet = k->is_wanted ? 0 : k->quiet_s;
  for (uint32_t i = 0; k->is_wanted && i < CYCLES_WAITERS; i++)
    k->waiters[i].is_served = k->waiters[i].host != 0;
  k->is_wanted = k->is_raised = k->is_over = k->is_cut = k->is_gathered = k->has_grown = false;
  k->turns = k->condemned = k->suspects_at_first = k->checked_ms = k->longest_ms = 0;
  k->live_most = k->members_most = k->edges_told = 0;
  k->keeper[0] = k->why[0] = '\0';
  k->phase = CYCLES_SCAN;
  expect(k, STAGES_MS);
  if (suspects_begin(k)) {
    enter(k, CYCLES_HOSTS);
    return;
  }
  round_stop_for(k, "memory is too short");
  finish(k, CYCLES_ABORTED);
}
