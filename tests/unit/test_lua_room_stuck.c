/* SPDX-License-Identifier: MIT
 *
 * Posts that have no room in the window of their receiver (lua/ask/room.h) while requests cannot be begun here for lack of
 * fibers: who may wait on, and who is refused.
 */
#include "lua/fiber/turns.h"
#include "tests/unit/room.h"

/* A turn in which an asker is stuck here. */
static void turn_stuck(void) {
  v.w.backlog.stuck = true;
  room_refuse(&v.w);
  vm_run(&v);
}
/* Where nobody is to be refused: for longer than a receiver may take nothing. */
static void stay_stuck(void) {
  for (double end = clock_seconds() + 1.5 * BEGIN_STALL; !*v.log && clock_seconds() < end;) turn_stuck();
}
/* Where somebody is, until so many wait on: however long this machine stands still between two turns, or in one. */
static void stay_stuck_until_only(unsigned running) {
  for (double end = clock_seconds() + 300 * BEGIN_STALL; v.running > running && clock_seconds() < end;) turn_stuck();
}

/* There are no more fibers than there are now. */
static void use_up_fibers(void) {
  v.w.sched.max_fibers = v.w.sched.n_fibers;
}

static const char stuck_text[] = "falsegaijin: busy: a post has no room at its receiver, and must not wait for it";

START_TEST(nobody_waits_while_posts_cannot_be_begun_here) {
  vm_start(&v, "note(pcall(gaijin.post, f, 9))");
  vm_run(&v);
  ck_assert_str_eq(v.log, "");
  use_up_fibers();
  stay_stuck_until_only(0);
  ck_assert_msg(strncmp(v.log, stuck_text, sizeof stuck_text - 1) == 0, "%s", v.log);
  v.w.backlog.stuck = false;
}
END_TEST

/* One comes where another that is not to blame waits already. */
START_TEST(who_comes_where_nothing_is_taken_does_not_wait_either) {
  struct fiber *few = vm_start(&v, "gaijin.post(f, 9)"), *f;
  turns_remove(&v.w, few);
  turns_give(few, turns_asker(&v.w, 100));
  fiber_wake(few);
  for (int i = 0; i < 2; i++) vm_start(&v, "park()");
  vm_run(&v);
  f = vm_start(&v, "note(pcall(gaijin.post, f, 10))");
  turns_remove(&v.w, f);
  use_up_fibers();
  stay_stuck();
  ck_assert_str_eq(v.log, "");
  f->queued = true;
  turns_add(&v.w, f);
  vm_run(&v);
  ck_assert_msg(strncmp(v.log, stuck_text, sizeof stuck_text - 1) == 0, "%s", v.log);
  v.w.backlog.stuck = false;
}
END_TEST

/* A stranger has used up its share; these have not used up theirs. */
START_TEST(whose_share_is_not_used_up_waits_on) {
  for (int i = 0; i < 2; i++) vm_start(&v, "gaijin.post(f, 9) note 'sent '");
  vm_run(&v);
  v.w.sched.max_fibers = 3;
  ck_assert(turns_has_many(&v.w, &v.w.sched.own));
  stay_stuck();
  ck_assert_str_eq(v.log, "");
  v.w.backlog.stuck = false;
  uint32_t size = read_full_window();
  grant(2, 2 * size);
  ck_assert_str_eq(v.log, "sent sent ");
}
END_TEST

/* That is no knot, whoever is stuck here, and may be so for long. */
START_TEST(where_the_receiver_goes_on_all_wait_on) {
  for (int i = 0; i < 50; i++) vm_start(&v, "if not pcall(gaijin.post, f, 9) then note('refused ') end");
  vm_run(&v);
  use_up_fibers();
  uint32_t size = read_full_window();
  double begun = clock_seconds(), taken = begun, now = begun;
  grant(1, size); /* that this took no time is not sure */
  v.w.backlog.stuck = true;
  while (now < begun + 1.5 * BEGIN_STALL && now < taken + BEGIN_STALL) { /* else this machine stood still */
    if (now >= taken + BEGIN_STALL / 16) {
      taken = now;
      grant(1, size);
    }
    room_refuse(&v.w);
    vm_run(&v);
    now = clock_seconds();
  }
  if (now < taken + BEGIN_STALL) {
    ck_assert_str_eq(v.log, "");
    ck_assert_uint_gt(v.running, 0);
  }
  v.w.backlog.stuck = false;
}
END_TEST

/* One asker is stuck here. Those whose fibers are few are not to blame: what they do waits on. */
START_TEST(whose_fibers_are_few_waits_on_while_others_are_stuck) {
  struct asker *few = turns_asker(&v.w, 100), *many = turns_asker(&v.w, 101);
  for (int i = 0; i < 3; i++) {
    struct fiber *f = vm_start(&v, i == 0 ? "gaijin.post(f, 9) note 'sent '" : "note(pcall(gaijin.post, f, 10), ' ')");
    turns_remove(&v.w, f);
    turns_give(f, i == 0 ? few : many);
    fiber_wake(f);
  }
  vm_run(&v);
  use_up_fibers();
  stay_stuck_until_only(1);
  v.w.backlog.stuck = false; /* as the next turn finds */
  vm_run(&v);
  ck_assert_uint_eq(v.running, 1);
  ck_assert_str_eq(v.log, "false false ");
  v.log[0] = '\0';
  grant(1, read_full_window());
  ck_assert_str_eq(v.log, "sent ");
}
END_TEST

/* Woken without a reason, it does not go before those that waited longer. */
START_TEST(who_is_woken_keeps_its_place) {
  struct fiber *waits[3];
  for (int i = 0; i < 3; i++) {
    waits[i] = vm_start(&v, "n = (n or 10) + 1 local me = n gaijin.post(f, me) note(me, ' ')");
    vm_run(&v);
  }
  for (int i = 2; i >= 0; i--) {
    fiber_wake(waits[i]);
    vm_run(&v);
  }
  ck_assert_str_eq(v.log, "");
  uint32_t size = read_full_window();
  fiber_wake(waits[2]);
  grant(1, size);
  ck_assert_str_eq(v.log, "11 ");
  grant(2, 2 * size);
  ck_assert_str_eq(v.log, "11 12 13 ");
}
END_TEST

/* It is the same for all who wait for one receiver: who goes on would overtake the others. */
START_TEST(all_that_wait_are_refused_together) {
  for (int i = 0; i < 2; i++) vm_start(&v, "note(pcall(gaijin.post, f, 9))");
  vm_run(&v);
  use_up_fibers();
  stay_stuck_until_only(0);
  v.w.backlog.stuck = false;
  const char *second = strstr(v.log + 1, "falsegaijin: busy: ");
  ck_assert(strncmp(v.log, "falsegaijin: busy: ", 19) == 0 && second);
  grant(2, 2 * read_full_window());
  ck_assert(fake_idle(&v.f));
}
END_TEST

/* It came long ago, but who waits for it has not run since. What is too large for it, and finds that out,
 * is refused as before. */
START_TEST(room_that_has_come_is_used) {
  for (int i = 0; i < 2; i++) vm_start(&v, "local text = ('x'):rep(1000) note(pcall(gaijin.post, f, text))");
  for (int i = 0; i < 2; i++) vm_start(&v, "local text = ('x'):rep(9000) note(pcall(gaijin.post, f, text))");
  vm_run(&v);
  uint32_t size = read_full_window();
  use_up_fibers();
  fake_begin(&v.f, MESSAGE_NOTICE, GAIJIN_OP_GRANT, 0, 4);
  pack_uint(&v.f.p, OTHER_HOST);
  pack_uint(&v.f.p, 4);
  pack_uint(&v.f.p, 4 * size);
  pack_uint(&v.f.p, 0);
  fake_deliver(&v.f);
  for (double end = clock_seconds() + 1.5 * BEGIN_STALL; clock_seconds() < end;) continue;
  v.w.backlog.stuck = true;
  room_refuse(&v.w);
  vm_run(&v);
  ck_assert_str_eq(v.log, "truetrue");
  v.log[0] = '\0';
  ck_assert_uint_gt(gaijin_post_room(v.w.g, OTHER_HOST), 0);
  use_up_fibers();
  stay_stuck_until_only(0);
  v.w.backlog.stuck = false;
  ck_assert_msg(strncmp(v.log, stuck_text, sizeof stuck_text - 1) == 0, "%s", v.log);
}
END_TEST

/* The posts here have been begun before it has run. */
START_TEST(what_need_not_be_refused_waits_on) {
  vm_start(&v, "gaijin.post(f, 9) note 'sent'");
  vm_run(&v);
  use_up_fibers();
  for (double end = clock_seconds() + 1.5 * BEGIN_STALL; clock_seconds() < end;) continue;
  v.w.backlog.stuck = true;
  room_refuse(&v.w);
  ck_assert_uint_eq(v.w.sched.n_ready, 1);
  v.w.backlog.stuck = false;
  vm_run(&v);
  ck_assert_str_eq(v.log, "");
  grant(1, read_full_window());
  ck_assert_str_eq(v.log, "sent");
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua room stuck");
  TCase *c = tcase_create("room");
  suite_add_tcase(s, c);
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_test(c, nobody_waits_while_posts_cannot_be_begun_here);
  tcase_add_test(c, who_comes_where_nothing_is_taken_does_not_wait_either);
  tcase_add_test(c, whose_share_is_not_used_up_waits_on);
  tcase_add_test(c, where_the_receiver_goes_on_all_wait_on);
  tcase_add_test(c, whose_fibers_are_few_waits_on_while_others_are_stuck);
  tcase_add_test(c, who_is_woken_keeps_its_place);
  tcase_add_test(c, all_that_wait_are_refused_together);
  tcase_add_test(c, room_that_has_come_is_used);
  tcase_add_test(c, what_need_not_be_refused_waits_on);
  return run_suite(s);
}
