/* SPDX-License-Identifier: MIT
 *
 * Rounds with many suspects: in slices, within bounds, and no longer than they must be.
 */
#include "broker/cycles/cycles.h"
#include "broker/net/connections.h"
#include "tests/unit/broker_cycles.h"

/* In the books only: an object of `host`, which the other one holds. */
static void enter(struct end *host, struct end *holder, uint64_t id) {
  struct broker *k = &w.broker;
  uint32_t h = wire_client(&w, host)->host, client = wire_client(&w, holder)->host, load, token;
  struct pt pt = wire_token(host, id);
  ck_assert(loads_introduce(&k->loads, h, client, wire_client(&w, holder)->account, &load) != LOADS_NO_MEMORY);
  ck_assert_int_eq(refs_see(&k->refs, h, &pt, broker_now(k), &token), REFS_OK);
  ck_assert_int_eq(refs_hold(&k->refs, token, client, client, broker_now(k)), REFS_FIRST);
  loads_raise(&k->loads, load);
  refs_token(&k->refs, token)->last = (uint16_t)(broker_now(k) - 100);
}
/* So many pairs, that were mentioned last 100 s ago. */
static void enter_pairs(uint64_t n) {
  for (uint64_t i = 1; i <= n; i++) {
    enter(a, b, i);
    enter(b, a, i);
  }
}

static uint64_t most_spent; /* by the slices of a turn, in stages that do not write messages */

/* A turn of the broker alone: to check large books after each would take most of the time. What its slices have spent. */
static uint64_t turn(void) {
  uv_run(&w.loop, UV_RUN_NOWAIT);
  cycles_end_turn(&w.broker);
  connections_end_turn(&w.broker.connections);
  uint64_t before = w.broker.work.spent;
  enum cycles_stage stage = w.broker.cycles->stage;
  if (w.broker.work.first) work_run(&w.broker.work);
  connections_end_turn(&w.broker.connections);
  uint64_t spent = w.broker.work.spent - before;
  bool writes = stage == CYCLES_IDLE || stage == CYCLES_SEND || stage == CYCLES_WAIT || stage == CYCLES_CONDEMN;
  if (!writes && spent > most_spent) most_spent = spent;
  work_end_turn(&w.broker.work);
  return spent;
}

/* The next message for `e`, while the broker has something to do. */
static bool next(struct end *e) {
  for (int idle = 0; idle < 3;) {
    uint8_t *bytes;
    uint32_t size, room;
    if (frame_next(&e->in, &bytes, &size) == FRAME_MESSAGE) {
      uint32_t count;
      ck_assert_ptr_null(message_parse(bytes, size, &e->m));
      reader_open(&e->r, e->m.body, e->m.body_size, &count);
      return true;
    }
    turn();
    uint8_t *to = frame_room(&e->in, 1 << 20, &room);
    ssize_t n = recv(e->fd, to, room, 0);
    if (n > 0) frame_filled(&e->in, (uint32_t)n);
    idle = n > 0 || w.broker.work.first ? 0 : idle + 1;
  }
  return false;
}

static bool answers_in_halt = true;

/* Takes what comes for `e`, and answers `cycle` with nothing; counts what is condemned. */
static void serve(struct end *e, uint64_t *condemned) {
  while (next(e)) {
    if (e->m.op == OP_condemn) *condemned += e->m.body_count - 1;
    if (e->m.op != OP_cycle) continue;
    cycles_read_question(e);
    if (q.phase == CYCLES_HALT && !answers_in_halt) continue;
    cycles_put_answer(e, 700, 0, 0, NULL);
    for (size_t at = 0; at < e->out.size;) {
      ssize_t n = send(e->fd, e->out.bytes + at, e->out.size - at, MSG_NOSIGNAL);
      if (n > 0) at += (size_t)n;
      turn();
    }
    e->out.size = 0;
  }
}

/* A round, in which nobody says that anything is live; what is condemned. */
static uint64_t play(void) {
  uint64_t condemned = 0;
  cycles_begin_round();
  for (int i = 0; i < 10; i++) {
    serve(a, &condemned);
    serve(b, &condemned);
  }
  ck_assert_int_eq(w.broker.cycles->stage, CYCLES_IDLE);
  ck_assert_ptr_null(broker_check(&w.broker));
  return condemned;
}

enum { MANY = 50000 };

START_TEST(a_hundred_thousand_are_gone_in_a_round) {
  enter_pairs(MANY);
  ck_assert_uint_eq(play(), 2 * MANY);
  ck_assert_uint_lt(most_spent, 2 * WORK_QUANTUM);
  ck_assert_uint_gt(most_spent, WORK_QUANTUM / 8);
  cycles_expect_end(2 * MANY, "found");
}
END_TEST

START_TEST(a_part_is_released_in_slices) {
  struct cycles *k = w.broker.cycles;
  uint64_t turns = 0, unused = 0;
  enter_pairs(MANY);
  cycles_begin_round();
  answers_in_halt = false;
  for (int i = 0; i < 4; i++) {
    serve(a, &unused);
    serve(b, &unused);
  }
  ck_assert_int_eq(k->stage, CYCLES_WAIT);
  ck_assert_int_eq(k->phase, CYCLES_HALT);
  most_spent = 0;
  round_lose_for(k, "it is to be");
  round_react(k);
  for (; k->stage == CYCLES_RELEASE; turns++) turn();
  ck_assert_uint_ge(turns, MANY / 4096); /* of two slices each */
  ck_assert_uint_lt(most_spent, 2 * WORK_QUANTUM);
}
END_TEST

/* What the broker does of it in a turn. */
START_TEST(it_is_done_in_slices) {
  uint64_t most = 0, turns = 0;
  enter_pairs(MANY);
  cycles_begin_round();
  for (; w.broker.cycles->stage != CYCLES_WAIT; turns++) {
    ck_assert_uint_lt(turns, 1000);
    uint64_t spent = turn();
    if (w.broker.cycles->stage < CYCLES_SEND && spent > most) most = spent;
  }
  ck_assert_uint_gt(turns, 2 * MANY / 4096);
  ck_assert_uint_lt(most, 2 * WORK_QUANTUM);
  ck_assert_uint_eq(w.broker.refs.trials, 2 * MANY);
}
END_TEST

/* More than a message takes, and than a round may have: the next rounds take the rest. */
START_TEST(what_does_not_fit_comes_next) {
  uint64_t condemned = 0;
  unsigned rounds = 0;
  enter_pairs(3 * MANY);
  for (; condemned < 6 * MANY && rounds < 20; rounds++) {
    uint64_t n = play();
    ck_assert_uint_le(n, CYCLES_SUSPECTS_MOST);
    condemned += n;
  }
  ck_assert_uint_eq(condemned, 6 * MANY);
  ck_assert_uint_gt(rounds, 1);
}
END_TEST

/* What was quiet for longest comes first, wherever it is in the books; and what was used a moment ago is left for another round. */
START_TEST(the_oldest_come_first) {
  enum { YOUNG, MIDDLE, OLD };
  static const uint32_t quiet[] = {10, 100, 5000};
  struct refs *r = &w.broker.refs;
  uint32_t n[] = {0, 0, 0};
  enter_pairs(3 * MANY);
  for (uint32_t i = slab_next(&r->tokens, 0); i != SLAB_NONE; i = slab_next(&r->tokens, i + 1)) {
    uint64_t id = refs_token(r, i)->id;
    refs_token(r, i)->last = (uint16_t)(broker_now(&w.broker) - quiet[id > 3 * MANY - 100 ? OLD : id > MANY ? MIDDLE : YOUNG]);
  }
  ck_assert_uint_eq(play(), 4 * MANY);
  for (uint32_t i = slab_next(&r->tokens, 0); i != SLAB_NONE; i = slab_next(&r->tokens, i + 1)) {
    uint64_t id = refs_token(r, i)->id;
    if (refs_token(r, i)->mark & TOKEN_CONDEMNED) n[id > 3 * MANY - 100 ? OLD : id > MANY ? MIDDLE : YOUNG]++;
  }
  ck_assert_uint_eq(n[OLD], 200);
  ck_assert_uint_eq(n[MIDDLE], 4 * MANY - 200);
  ck_assert_uint_eq(n[YOUNG], 0);
}
END_TEST

/* Of which class a part comes in, and from which age on they stay on trial. */
START_TEST(the_youngest_class_that_fits_in_part) {
  enum { HALF = CYCLES_SUSPECTS_MOST / 2 };
  static const struct { unsigned age; uint32_t n[3]; uint32_t before, quiet; } cases[] = {
      {5, {0, 1, HALF}, 0, 31}, {5, {0, 1, HALF - 1}, 0, 31}, {4, {HALF, 0, HALF - 1}, 0, 15}, {5, {9, HALF, 0}, 40, 40}, {0, {0, 0, 0}, 3, 3}};
  struct cycles *k = w.broker.cycles;
  memset(k->quiet_ones, 0, sizeof k->quiet_ones);
  k->is_over = true;
  k->quiet = cases[_i].before;
  for (int i = 0; i < 3; i++) k->quiet_ones[4 + i] = cases[_i].n[i];
  if (_i == 0) k->quiet_ones[5] = HALF, k->quiet_ones[6] = 0;
  suspects_raise(k);
  ck_assert(k->is_raised && !k->is_over);
  ck_assert_uint_eq(k->cut_age, cases[_i].age);
  ck_assert_uint_eq(k->quiet, cases[_i].quiet);
}
END_TEST

/* A chain of workers of which each holds something of the one before: all falls away, one after the other, without a message. */
START_TEST(a_long_chain_is_pruned) {
  enum { LONG = 200 };
  static struct end chain[LONG];
  char name[16];
  memset(chain, 0, sizeof chain);
  for (int i = 0; i < LONG; i++) {
    snprintf(name, sizeof name, "w%d", i);
    wire_join(&w, &chain[i], name);
    if (i) {
      snprintf(name, sizeof name, "w%d", i - 1);
      struct pt pt = wire_token(&chain[i - 1], 1);
      wire_fetch(&w, &chain[i], &chain[i - 1], name, &pt);
    }
  }
  cycles_begin_round();
  cycles_expect_end(0, "nothing");
  for (int i = 0; i < LONG; i++) wire_leave(&chain[i]);
}
END_TEST

/* Who looks for those that spoilt a halt among the holders of suspects counts the holders. */
START_TEST(many_holders_are_many_slices) {
  enum { OBJECTS = 50, HOLDERS = 1000 };
  struct cycles *k = w.broker.cycles;
  struct refs *r = &w.broker.refs;
  enter_pairs(OBJECTS);
  cycles_begin_round();
  ck_assert(next(a));
  r->accounts = NULL; /* the holders are numbers only */
  for (uint32_t i = 0; i < k->suspect_count; i++)
    for (uint32_t n = 0; n < HOLDERS; n++)
      ck_assert_int_eq(refs_hold(r, k->suspects[i].token, 1000 + n, 1000 + n, broker_now(&w.broker)), REFS_FIRST);
  k->has_barred = true;
  uint32_t slices = 1;
  for (k->cursor = 0; !weed_touched(k); slices++) continue;
  ck_assert_uint_ge(slices, 2 * OBJECTS * HOLDERS / 8192);
}
END_TEST

static void hold_by_many(uint32_t token, uint32_t n) {
  struct refs *r = &w.broker.refs;
  r->accounts = NULL; /* the holders are numbers only */
  for (uint32_t i = 0; i < n; i++)
    ck_assert_int_eq(refs_hold(r, token, 1000 + i, 1000 + i, broker_now(&w.broker)), REFS_FIRST);
}

/* So does who gathers them, who finds the parts, and who fills lists. */
START_TEST(holders_are_gathered_in_slices) {
  enum { OBJECTS = 50, HOLDERS = 1000 };
  static const cycles_slice_fn others[] = {parts_unite, lists_fill};
  struct cycles *k = w.broker.cycles;
  enter_pairs(OBJECTS);
  cycles_begin_round();
  ck_assert(next(a));
  for (uint32_t i = 0; i < k->suspect_count; i++) hold_by_many(k->suspects[i].token, HOLDERS);
  uint32_t slices = 1;
  suspects_begin_gathering(k);
  k->cursor = 0;
  for (uint64_t before = w.broker.work.spent; !suspects_gather(k); before = w.broker.work.spent, slices++)
    ck_assert_uint_lt(w.broker.work.spent - before, WORK_QUANTUM);
  ck_assert_uint_eq(k->suspect_count, 2 * OBJECTS);
  ck_assert_uint_ge(slices, 2 * OBJECTS * HOLDERS / 8192);
  parts_begin(k);
  for (unsigned i = 0; i < 2; i++) {
    slices = 1;
    for (k->cursor = 0; !others[i](k); slices++) continue;
    ck_assert_uint_ge(slices, 2 * OBJECTS * HOLDERS / 8192);
    ck_assert_uint_le(slices, 2 * OBJECTS * HOLDERS / 1024);
  }
}
END_TEST

/* What gets no place among the suspects is on trial no more. */
START_TEST(what_is_left_out_is_let_go) {
  enum { OBJECTS = 50 };
  static const uint32_t wanted[] = {0, 2, 2 * OBJECTS - 1}; /* each takes two entries */
  struct cycles *k = w.broker.cycles;
  enter_pairs(OBJECTS);
  cycles_begin_round();
  ck_assert(next(a));
  if (_i == 2) hold_by_many(k->suspects[0].token, CYCLES_HOLDERS_MOST);
  k->is_raised = _i == 1;
  suspects_begin_gathering(k);
  k->cursor = 0;
  k->is_cut = _i == 0;
  if (_i == 1) k->entries = CYCLES_PLACES_MOST - 5;
  while (!suspects_gather(k)) continue;
  ck_assert_uint_eq(k->suspect_count, wanted[_i]);
  ck_assert_uint_eq(w.broker.refs.trials, k->suspect_count);
}
END_TEST

/* What got more holders than a suspect may have since it was gathered was touched: not all of them are looked at. */
START_TEST(no_more_holders_than_allowed_are_looked_at) {
  static const cycles_slice_fn slices[] = {parts_unite, lists_fill};
  struct cycles *k = w.broker.cycles;
  enter_pairs(1);
  cycles_begin_round();
  ck_assert(next(a));
  hold_by_many(k->suspects[0].token, 8 * CYCLES_HOLDERS_MOST);
  parts_begin(k);
  k->cursor = 0;
  uint64_t before = w.broker.work.spent;
  for (int n = 0; n < 2 && !slices[_i](k); n++) continue;
  ck_assert_uint_lt(w.broker.work.spent - before, CYCLES_HOLDERS_MOST);
}
END_TEST

/* And who counts places for what does not fit. */
START_TEST(what_does_not_fit_is_counted_in_slices) {
  enum { OBJECTS = 1000, HOLDERS = 60 };
  static struct end others[HOLDERS];
  struct cycles *k = w.broker.cycles;
  char name[16];
  memset(others, 0, sizeof others);
  for (int i = 0; i < HOLDERS; i++) {
    snprintf(name, sizeof name, "w%d", i);
    wire_join(&w, &others[i], name);
    enter(&others[i], a, 1);
  }
  enter_pairs(OBJECTS);
  for (uint64_t id = 1; id <= OBJECTS; id++)
    for (int i = 0; i < HOLDERS; i++) enter(a, &others[i], id);
  cycles_begin_round();
  for (int n = 0; n < 1000 && k->stage != CYCLES_COUNT; n++) turn();
  ck_assert_int_eq(k->stage, CYCLES_COUNT);
  ck_assert(!lists_count(k));
  k->members[k->hosts[wire_client(&w, b)->host].member].held.most = 1 << 20; /* the last holder of each has no room */
  uint32_t slices = 1;
  while (!lists_count(k)) slices++;
  ck_assert_uint_lt(w.broker.refs.trials, OBJECTS);
  ck_assert(k->is_cut);
  ck_assert_uint_ge(slices, OBJECTS * HOLDERS / 4096);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker cycles many");
  TCase *t = tcase_create("many");
  run_long(t);
  suite_add_tcase(s, t);
  tcase_set_timeout(t, 120);
  tcase_add_checked_fixture(t, cycles_setup, NULL);
  tcase_add_test(t, a_hundred_thousand_are_gone_in_a_round);
  tcase_add_test(t, it_is_done_in_slices);
  tcase_add_test(t, a_part_is_released_in_slices);
  tcase_add_test(t, many_holders_are_many_slices);
  tcase_add_test(t, holders_are_gathered_in_slices);
  tcase_add_loop_test(t, what_is_left_out_is_let_go, 0, 3);
  tcase_add_loop_test(t, no_more_holders_than_allowed_are_looked_at, 0, 2);
  tcase_add_test(t, what_does_not_fit_is_counted_in_slices);
  tcase_add_test(t, what_does_not_fit_comes_next);
  tcase_add_test(t, the_oldest_come_first);
  tcase_add_loop_test(t, the_youngest_class_that_fits_in_part, 0, 5);
  tcase_add_test(t, a_long_chain_is_pruned);
  return run_suite(s);
}
