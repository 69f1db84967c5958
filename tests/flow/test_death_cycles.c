/* SPDX-License-Identifier: MIT
 *
 * At every point of death in a round about garbage in cycles. Three clients (handoff.h) hold an object of each other in a ring; the broker's
 * round is a fixed sequence of events: one client's bytes are written, the broker turns (a slice of its work), one client handles its
 * input. Before each event, and after the last, each client is killed, also in the middle of what it writes; then each
 * pair of them, at every 37th two points (DEATH_STRIDE=n: every n-th of those). However it ends: nobody stays halted, the round is over, nothing that is used is
 * condemned, those alive agree with the broker, what they hold works or is `dead`, and when they have let go nothing is left.
 */
#define _GNU_SOURCE
#include "broker/cycles/internal.h"
#include "proto/base.h"
#include "tests/flow/handoff.h"

/* What the clients say. */
enum story {
  GARBAGE,   /* nobody uses anything: all is condemned */
  USED,      /* A uses what it holds, and C's and H's objects by way of it: at the first question H's object is found live, and so on */
  FETCHED,   /* A comes to use it after its check, and says so in halt */
  WITHDRAWN, /* C cannot wait in halt */
  STORIES
};

enum event_kind { BEGIN, WRITE, TURN, HANDLE };
struct event {
  enum event_kind kind;
  unsigned party;
};

#define TURNS_3 {TURN, 0}, {TURN, 0}, {TURN, 0}
#define STEP(party) {HANDLE, party}, {WRITE, party}, {TURN, 0}
#define STEPS STEP(PARTY_A), STEP(PARTY_C), STEP(PARTY_H)
/* The broker's stages of a turn are one slice each here. */
#define STAGES TURNS_3, TURNS_3, TURNS_3

static const struct event events[] = {
    {BEGIN, 0}, STAGES, /* who is suspected; cycle(scan) to all */
    STEPS, STAGES,      /* their answers; cycle(check) */
    STEPS, STAGES,      /* cycle(halt) */
    STEPS, TURNS_3,     /* condemn, or resume */
    STEPS,              /* what that frees is given back */
    STEPS,              /* drop of each */
};
enum { POINTS = ARRAY_SIZE(events) + 1, STRIDE = 37 };

struct death {
  unsigned party, point;
  bool writing;
};

/* What a client's side of the rounds has come to. */
struct member {
  uint64_t halted; /* the round; 0: it is not */
  unsigned asked[GAIJIN_CYCLE_HALT + 1];
  bool is_condemned, is_resumed;
};

static struct handoff h;
static struct member members[PARTIES];
static enum story story;

static struct member *member_of(const struct party *p) { return &members[p - h.p]; }

/* ---- What a client answers ---- */

static bool uses(const struct party *p, unsigned phase) {
  if (p != &h.p[PARTY_A]) return false;
  return story == USED || (story == FETCHED && phase == GAIJIN_CYCLE_HALT);
}

static void on_cycle(void *user, const struct gaijin_cycle *q) {
  struct party *p = user;
  struct member *m = member_of(p);
  uint8_t live = 0;
  party_check(&h, !m->halted && q->n_hosted + q->n_held <= 8);
  m->asked[q->phase]++;
  for (uint32_t i = 0; i < q->n_held; i++)
    if (uses(p, q->phase)) live |= (uint8_t)(1u << (q->n_hosted + i));
  if (q->phase == GAIJIN_CYCLE_HALT) m->halted = q->round;
  if (q->phase == GAIJIN_CYCLE_HALT && story == WITHDRAWN && p == &h.p[PARTY_C])
    ck_assert_int_eq(gaijin_withdraw(p->g, q->round), 0);
  ck_assert_int_eq(gaijin_answer_cycle(p->g, q->id, 1000, &live, q->n_hosted + q->n_held > 0, NULL, 0), 0);
}

/* Whether nothing of what there is may be condemned: who uses it, or waits for nothing, lives; and so does what is used. */
static bool is_kept(void) {
  if (story == WITHDRAWN) return h.p[PARTY_C].g != NULL;
  return story != GARBAGE && h.p[PARTY_A].g && h.p[PARTY_C].g;
}

/* A client that is told collects: what it holds it does not use. Who hosts nothing any more is told of nothing. */
static void on_condemn(void *user, uint64_t round, const uint64_t *ids, uint32_t n) {
  struct party *p = user;
  struct member *m = member_of(p);
  party_check(&h, !is_kept() && m->halted == round && n <= 1);
  if (n) {
    gaijin_token *t = gaijin_token_find(p->g, ids[0]);
    party_check(&h, t && t == p->token && gaijin_token_pins(t) == 0);
    gaijin_token_condemn(p->g, t);
    party_check(&h, !gaijin_token_find(p->g, ids[0]));
    p->token = NULL;
  }
  while (p->n_kept) party_drop_last(p);
  m->halted = 0;
  m->is_condemned = n > 0;
}

static void on_resume(void *user, uint64_t round) {
  struct member *m = member_of(user);
  if (m->halted == round) m->halted = 0;
  m->is_resumed = true;
}

static const struct gaijin_events cycle_events = {.request = party_serve,
                                                  .cancel = party_cancelled,
                                                  .forget = party_forget,
                                                  .cycle = on_cycle,
                                                  .condemn = on_condemn,
                                                  .resume = on_resume};

/* ---- A life ---- */

static void turn(void) {
  struct cycles *k = h.w.broker.cycles;
  wire_turn(&h.w);
  /* Time does not pass here. */
  if (k->stage != CYCLES_IDLE) uv_timer_start(&k->timer, k->timer.timer_cb, 3600000, 0);
}

static void begin_round(void) {
  struct cycles *k = h.w.broker.cycles;
  k->is_wanted = true;
  if (when_may(k)) round_begin(k);
  k->is_wanted = false;
}

static void happen(const struct event *e) {
  switch (e->kind) {
    case BEGIN: begin_round(); break;
    case WRITE: party_flush(&h.p[e->party]); break;
    case TURN: turn(); break;
    case HANDLE: party_dispatch(&h.p[e->party]); break;
  }
}

static void hold(unsigned holder, const char *host) {
  party_ask_label(&h.p[holder], host, party_labelled);
  handoff_rest(&h);
  party_check(&h, h.p[holder].n_kept == 1);
}

static void join(void) {
  memset(members, 0, sizeof members);
  h.events = &cycle_events;
  handoff_join(&h);
  h.late = true;
  hold(PARTY_A, "C");
  hold(PARTY_C, "H");
  hold(PARTY_H, "A");
}

static void die(const struct death *d) {
  if (d->writing)
    party_kill_writing(&h.p[d->party]);
  else
    party_kill(&h.p[d->party]);
}

/* The round is over, and everybody knows. */
static void check_over(void) {
  const struct broker *b = &h.w.broker;
  party_check(&h, b->cycles->stage == CYCLES_IDLE && !b->refs.trials && !b->refs.is_decided);
  for (unsigned i = 0; i < PARTIES; i++) party_check(&h, !h.p[i].g || !members[i].halted);
}

/* Nobody died: it went as the story has it. */
static void check_story(void) {
  const struct cycles_past *p = &h.w.broker.cycles->past[(h.w.broker.cycles->rounds - 1) % CYCLES_ROUNDS];
  static const enum cycles_outcome outcomes[STORIES] = {CYCLES_FOUND, CYCLES_NOTHING, CYCLES_ABORTED, CYCLES_ABORTED};
  party_check(&h, p->outcome == outcomes[story]);
  party_check(&h, p->condemned == (story == GARBAGE ? PARTIES : 0));
  for (unsigned i = 0; i < PARTIES; i++) {
    const struct member *m = &members[i];
    party_check(&h, m->asked[GAIJIN_CYCLE_SCAN] == 1);
    party_check(&h, m->is_condemned == (story == GARBAGE));
    party_check(&h, m->is_resumed == (story == FETCHED || story == WITHDRAWN));
    party_check(&h, (m->asked[GAIJIN_CYCLE_HALT] == 1) == (story != USED));
  }
  party_check(&h, h.w.broker.refs.tokens.count == (story == GARBAGE ? 0 : PARTIES));
}

static void run(const struct death *deaths, unsigned n) {
  static const char *const names[STORIES] = {"garbage", "used", "fetched", "withdrawn"};
  char text[200];
  size_t at = (size_t)snprintf(text, sizeof text, "%s", names[story]);
  for (unsigned i = 0; i < n; i++)
    at += (size_t)snprintf(text + at, sizeof text - at, ", %c dies %s event %u", "ACH"[deaths[i].party],
                           deaths[i].writing ? "writing at" : "before", deaths[i].point);
  h.story = text;
  join();
  for (unsigned point = 0; point < POINTS; point++) {
    for (unsigned i = 0; i < n; i++)
      if (deaths[i].point == point) die(&deaths[i]);
    if (point + 1 < POINTS) happen(&events[point]);
  }
  for (int i = 0; i < 100 && h.w.broker.cycles->stage != CYCLES_IDLE; i++) {
    turn();
    handoff_rest(&h);
  }
  handoff_rest(&h);
  check_over();
  if (n == 0) check_story();
  handoff_agree(&h);
  handoff_use(&h);
  handoff_clean(&h);
  handoff_leave(&h);
  h.story = "between two lives";
}

static void open_all(int i) {
  story = (enum story)i;
  handoff_open(&h);
}
static void close_all(void) { wire_close(&h.w); }

/* Loop tests: _i is the story. */
START_TEST(nobody_dies) {
  open_all(_i);
  run(NULL, 0);
  run(NULL, 0);
  close_all();
}
END_TEST

START_TEST(one_dies) {
  open_all(_i);
  for (unsigned party = 0; party < PARTIES; party++)
    for (unsigned point = 0; point < POINTS; point++)
      for (unsigned writing = 0; writing < 2; writing++)
        if (!writing || (point + 1 < POINTS && events[point].kind == WRITE && events[point].party == party))
          run(&(struct death){party, point, writing}, 1);
  close_all();
}
END_TEST

START_TEST(two_die) {
  unsigned step = handoff_stride(1) * STRIDE, count = (unsigned)_i;
  open_all(_i);
  for (unsigned first = 0; first < PARTIES; first++)
    for (unsigned second = 0; second < PARTIES; second++)
      for (unsigned point = 0; first != second && point < POINTS; point++)
        for (unsigned later = point; later < POINTS; later++)
          if (count++ % step == 0) run((const struct death[]){{first, point, false}, {second, later, false}}, 2);
  close_all();
}
END_TEST

START_TEST(all_die) {
  open_all(_i);
  for (unsigned point = 0; point < POINTS; point++)
    run((const struct death[]){{PARTY_A, point, false}, {PARTY_C, point, false}, {PARTY_H, point, false}}, 3);
  close_all();
}
END_TEST

int main(void) {
  Suite *s = suite_create("death_cycles");
  TCase *t = tcase_create("death_cycles");
  tcase_set_timeout(t, 600);
  tcase_add_loop_test(t, nobody_dies, 0, STORIES);
  tcase_add_loop_test(t, one_dies, 0, STORIES);
  tcase_add_loop_test(t, two_die, 0, STORIES);
  tcase_add_loop_test(t, all_die, 0, STORIES);
  suite_add_tcase(s, t);
  return run_suite(s);
}
