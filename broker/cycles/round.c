/* SPDX-License-Identifier: MIT
 *
 * A round from stage to stage:
 *
 *   HOSTS MARK OUT PRUNE GATHER    who is suspected
 *   COUNT FILL SEND WAIT           members are asked: to scan, to check, ..., to halt
 *   LIVE EDGES TOUCHED SPREAD PRUNE  what is live goes, and they are asked again
 *   UNITE SORT                     nothing is: parts, which are halted one after the other
 *   CONDEMN CONVICT                all of a part is garbage,
 *   RELEASE                        or nothing comes of it
 *   TOUCHED SPREAD PRUNE           what is left is asked for again
 *
 * A member that ends, is late or cannot answer is dropped: all of what it has and holds counts as
 * live, and the round goes on with the others. In halt its part is lost, and asked for again
 * without it.
 *
 * It is decided in the step that reads the last answer in halt: from then on no mention can come
 * that matters, because nobody who holds a suspect runs code.
 */
#include "broker/cycles/internal.h"

#include <assert.h>
#include <stdlib.h>

#include "proto/base.h"

/* How long the broker's own stages may take, and answers in scan and check. */
enum { STAGES_MS = 60000, ANSWER_MS = 10000 };
enum { LIMIT_MOST = 1 << 20 }; /* scans and checks of a round */
/* How long a round goes on to check, at first; it may be so many times as long when its limit has
 * been raised. How long it goes on to halt. */
enum { CHECKS_MS = 90000, LONGER_MOST = 16, HALTS_MS = 30000 };

static bool go_on(struct work *w, struct job *j);

bool round_is_asking(const struct cycles *k) {
  return k->stage == CYCLES_SEND || k->stage == CYCLES_WAIT;
}
bool round_is_working(const struct cycles *k) {
  return k->stage != CYCLES_IDLE && k->stage != CYCLES_WAIT;
}

static bool walks_turn(enum cycles_stage stage) {
  return stage == CYCLES_COUNT || stage == CYCLES_FILL || stage == CYCLES_CONVICT ||
         stage == CYCLES_RELEASE;
}

static void enter(struct cycles *k, enum cycles_stage stage) {
  k->stage = stage;
  k->cursor = walks_turn(stage) ? parts_first_place(k) : 0;
  k->at = stage == CYCLES_SPREAD ? SLAB_NONE : 0;
  if (round_is_working(k) && !job_is_queued(&k->job) && !k->is_running)
    work_add(&k->b->work, &k->job, go_on);
}

static void on_late(uv_timer_t *timer) { cycles_late(timer->data); }
void round_expect(struct cycles *k, uint64_t ms) {
  k->late_ms = uv_now(k->b->loop) + ms;
  uv_timer_start(&k->timer, on_late, ms, 0);
}

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

static void finish(struct cycles *k) {
  enum cycles_outcome outcome = k->condemned                     ? CYCLES_FOUND
                                : k->is_stopped || k->has_lost ? CYCLES_ABORTED
                                : k->is_short || k->is_cut_off   ? CYCLES_UNFINISHED
                                                                 : CYCLES_NOTHING;
  if (!k->is_short && !k->is_stopped)
    k->limit = CYCLES_TURNS;
  else if (k->is_short && k->limit < LIMIT_MOST)
    k->limit *= 2;
  told_remember(k, outcome);
  if (!k->is_stopped) unable_forgive(k);
  when_settle(k, outcome);
  when_answer(k, false);
  round_free(k);
  k->is_stopped = k->is_lost = false;
  uv_timer_stop(&k->timer);
  if (k->b->refs.trials)
    enter(k, CYCLES_CLEAR);
  else
    rest(k);
}

/* Nobody waits for the member's answer any more, if it was asked. */
static void forget_answer(struct cycles *k, struct cycles_member *m) {
  struct client *c = messages_client(k, m);
  if (m->request && !m->answered) {
    k->waiting--;
    if (c) client_answer_came(c);
  }
  m->answered = true;
}

static void forget_answers(struct cycles *k) {
  for (uint32_t i = 0; i < k->member_count; i++) forget_answer(k, &k->members[i]);
}

static void give_up(struct cycles *k) {
  assert(!k->b->refs.is_decided);
  if (round_is_asking(k) && k->phase == CYCLES_HALT) messages_resume(k);
  if (round_is_asking(k)) forget_answers(k);
  finish(k);
}

void round_stop_for(struct cycles *k, const char *format, ...) {
  va_list args;
  if (k->is_stopped) return;
  k->is_stopped = true;
  va_start(args, format);
  told_more_args(k, format, args);
  va_end(args);
}

void round_lose_for(struct cycles *k, const char *format, ...) {
  va_list args;
  assert(k->phase == CYCLES_HALT && !k->b->refs.is_decided);
  if (k->is_lost) return;
  k->is_lost = true;
  va_start(args, format);
  told_more_args(k, format, args);
  va_end(args);
}

void round_drop(struct cycles *k, struct cycles_member *m) {
  const struct client *c = messages_client(k, m);
  forget_answer(k, m);
  m->is_unable = k->has_grown = true;
  if (k->phase != CYCLES_HALT) return;
  if (c)
    round_lose_for(k, "worker %s could not look", c->name);
  else if (messages_name(k, m))
    round_lose_for(k, "worker %s has ended", messages_name(k, m));
  else
    round_lose_for(k, "a worker has ended");
  halt_bar(k, m, UNABLE_NOT);
}

/* Those that were halted go on; the next part may end well. */
static void lose_part(struct cycles *k) {
  messages_resume(k);
  forget_answers(k);
  k->is_lost = false;
  k->is_again = true;
  k->has_lost = true;
  round_expect(k, STAGES_MS); /* else the clock of the halt might run out, and end the round */
  enter(k, CYCLES_RELEASE);
}

/* ---- Turns ---- */

static void begin_turn(struct cycles *k, enum cycles_phase phase) {
  k->phase = phase;
  k->has_grown = false;
  lists_begin(k);
  enter(k, CYCLES_COUNT);
}

static bool is_out_of_time(const struct cycles *k) { return uv_now(k->b->loop) >= k->ends_ms; }

/* What is clear falls into parts. */
static void split(struct cycles *k) {
  parts_begin(k);
  enter(k, CYCLES_UNITE);
}

/* What is live is no suspect any more. If something is found live in one check after the other,
 * those parts are halted all the same in which nothing was: so nobody keeps others' garbage with an
 * object a check. */
static void end_turn(struct cycles *k) {
  bool is_clear = k->phase == CYCLES_CHECK && !k->has_grown;
  k->is_again = false;
  round_expect(k, STAGES_MS);
  if (!k->b->refs.trials) {
    finish(k);
  } else if (is_clear) {
    split(k);
  } else if (k->checks < k->limit && !is_out_of_time(k)) {
    begin_turn(k, CYCLES_CHECK);
  } else {
    k->is_short = k->checks >= k->limit || !k->halts;
    if (k->halts || k->phase == CYCLES_SCAN)
      finish(k);
    else
      split(k);
  }
}

/* What is left of parts that were lost is asked for once more, but not for ever: each time its
 * members stand still. One part at least has its turn: the time begins with it. */
static void next_part(struct cycles *k) {
  bool is_over = is_out_of_time(k);
  round_expect(k, STAGES_MS);
  if (is_over && k->parts_waiting > 0) {
    k->is_cut_off = true;
    told_more(k, "its time was over: %u groups of workers come first in the next round",
              k->parts_waiting);
    parts_put_off(k);
    finish(k);
  } else if (parts_next(k)) {
    begin_turn(k, CYCLES_HALT);
  } else if (k->is_again && !is_over && k->halts < CYCLES_HALTS) {
    enter(k, CYCLES_TOUCHED);
  } else {
    finish(k);
  }
}

static void sorted(struct cycles *k) {
  if (!k->halts) k->ends_ms = uv_now(k->b->loop) + HALTS_MS;
  k->turns++;
  k->halts++;
  next_part(k);
}

void round_expect_answers(struct cycles *k) { round_expect(k, ANSWER_MS); }

static void ask(struct cycles *k) {
  if (k->phase != CYCLES_HALT && k->member_count > k->members_most)
    k->members_most = k->member_count;
  k->waiting = 0;
  if (k->phase == CYCLES_HALT) halt_be_patient(k);
  round_expect(k, k->phase == CYCLES_HALT ? halt_left(k, false) : STAGES_MS);
  enter(k, CYCLES_SEND);
}

bool round_is_touched(const struct cycles *k) {
  const struct refs *r = &k->b->refs;
  if (k->phase == CYCLES_HALT)
    return r->called_touched || r->called_ended != k->called_ended_before;
  return r->touched || r->ended != k->ended_before;
}

static void judge_part(struct cycles *k) {
  for (uint32_t i = 0; i < k->member_count && !k->is_lost; i++)
    if (!messages_client(k, &k->members[i])) round_drop(k, &k->members[i]);
  if (!k->is_lost && round_is_touched(k)) halt_touched(k);
  if (k->is_lost) {
    lose_part(k);
    return;
  }
  assert(!k->has_grown);
  k->b->refs.is_decided = true;
  enter(k, CYCLES_CONDEMN);
}

/* All have answered. */
static void judge(struct cycles *k) {
  if (k->phase == CYCLES_HALT) {
    judge_part(k);
    return;
  }
  for (uint32_t i = 0; i < k->member_count; i++)
    if (!messages_client(k, &k->members[i])) round_drop(k, &k->members[i]);
  if (round_is_touched(k)) k->has_grown = true;
  k->turns++;
  k->checks++;
  round_expect(k, STAGES_MS);
  enter(k, CYCLES_LIVE);
}

void round_react(struct cycles *k) {
  if (k->b->refs.is_decided) return;
  if (k->is_stopped)
    give_up(k);
  else if (k->is_lost && round_is_asking(k))
    lose_part(k);
  else if (k->stage == CYCLES_WAIT && !k->waiting)
    judge(k);
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
    finish(k);
}

static void counted(struct cycles *k) {
  bool is_halt = k->phase == CYCLES_HALT;
  if (is_halt && k->has_grown) { /* the others would be asked for something else than in check */
    k->is_again = true;
    enter(k, CYCLES_RELEASE);
  } else if (is_halt && !k->member_count) {
    next_part(k);
  } else if (!k->b->refs.trials) {
    finish(k);
  } else if (lists_make(k)) {
    enter(k, CYCLES_FILL);
  } else {
    round_stop_for(k, "the broker's memory is too short");
    give_up(k);
  }
}

static void sent(struct cycles *k) {
  k->stage = CYCLES_WAIT;
  round_expect(k, k->phase == CYCLES_HALT ? halt_left(k, true) : ANSWER_MS);
  if (!k->waiting) judge(k);
}

static void convicted(struct cycles *k) {
  k->b->refs.is_decided = false;
  next_part(k);
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
    [CYCLES_UNITE] = {parts_unite, NULL, CYCLES_SORT},
    [CYCLES_SORT] = {parts_sort, sorted, 0},
    [CYCLES_CONDEMN] = {messages_condemn, NULL, CYCLES_CONVICT},
    [CYCLES_CONVICT] = {parts_convict, convicted, 0},
    [CYCLES_RELEASE] = {parts_release, next_part, 0},
    [CYCLES_CLEAR] = {suspects_clear, rest, 0},
};

/* Whether something that has happened ends what the stages do. */
static bool is_ended(struct cycles *k) {
  if (k->b->refs.is_decided) return false;
  bool is = k->is_stopped || (k->is_lost && round_is_asking(k));
  if (is) round_react(k);
  return is;
}

void round_run_slice(struct cycles *k) {
  enum cycles_stage stage = k->stage;
  assert(stages[stage].slice);
  bool done = stages[stage].slice(k);
  if (is_ended(k) || !done) return;
  if (stages[stage].then)
    stages[stage].then(k);
  else
    enter(k, stages[stage].next);
}

static bool go_on(struct work *w, struct job *j) {
  struct cycles *k = container_of(j, struct cycles, job);
  (void)w;
  k->is_running = true;
  if (!is_ended(k)) round_run_slice(k);
  k->is_running = false;
  return round_is_working(k);
}

/* ---- Beginning ---- */

/* Who has asked for a round waits for it: such a one is not longer than usual. */
static uint64_t checks_ms(const struct cycles *k) {
  uint32_t longer = k->is_by_request ? 1 : k->limit / CYCLES_TURNS;
  return (uint64_t)CHECKS_MS * (longer < LONGER_MOST ? longer : LONGER_MOST);
}

void round_begin(struct cycles *k) {
  assert(k->stage == CYCLES_IDLE && !k->b->refs.trials);
  k->number++;
  k->began_ms = uv_now(k->b->loop);
  k->quiet = k->is_wanted ? 0 : k->quiet_s;
  k->is_strict = k->quiet > 0;
  k->is_by_request = k->is_wanted;
  for (uint32_t i = 0; k->is_wanted && i < CYCLES_WAITERS; i++)
    k->waiters[i].is_served = k->waiters[i].host != 0;
  k->is_wanted = k->is_raised = k->is_over = k->is_cut = k->is_gathered = k->has_grown = false;
  k->is_stopped = k->is_lost = k->is_again = k->has_barred = k->is_short = k->is_cut_off = false;
  k->is_claimed = k->has_lost = false;
  k->ends_ms = k->began_ms + checks_ms(k);
  k->turns = k->checks = k->halts = k->condemned = k->suspects_at_first = k->longest_ms = 0;
  k->live_most = k->members_most = k->edges_told = 0;
  k->part_count = k->parts_waiting = k->more_left_out = 0;
  k->keeper[0] = k->why[0] = k->left_out[0] = '\0';
  k->phase = CYCLES_SCAN;
  round_expect(k, STAGES_MS);
  if (suspects_begin(k)) {
    enter(k, CYCLES_HOSTS);
    return;
  }
  round_stop_for(k, "the broker's memory is too short");
  finish(k);
}
