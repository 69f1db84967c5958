/* SPDX-License-Identifier: MIT
 *
 * A worker that is asked for a function of its own by workers that the test plays.
 */
#ifndef GAIJIN_TESTS_BACKLOG_H
#define GAIJIN_TESTS_BACKLOG_H

#include "lua/fiber/timer.h"
#include "lua/serve/backlog.h"
#include "tests/unit/vm.h"

enum { POSTS = 1500 };
static struct vm v;
static const struct gaijin_pt F = {OTHER_HOST, 3, 13, GAIJIN_KIND_FUNCTION};
static struct gaijin_pt ours; /* function(i): notes i, and waits if `waiting` */
static uint64_t last_id;
static double now; /* by the clock of turns: it stands but for pass_stall */

static inline double seconds(void) { return now; }

static inline void setup(void) {
  vm_connect_window(&v, MAX_MESSAGE_DEFAULT, &(struct window){POSTS, 64 << 20});
  vm_give(&v, "f", &F);
  vm_do(&v, "n = 0 gaijin.post(f, function(i) n = n + 1 if i then note(i, ' ') end if waiting then park() end return n end)");
  struct reader r = fake_values(fake_next(&v.f));
  ck_assert(fake_read_pt(&r, &ours));
  for (uint64_t host = OTHER_HOST; host <= THIRD_HOST; host += THIRD_HOST - OTHER_HOST) {
    fake_begin(&v.f, MESSAGE_NOTICE, GAIJIN_OP_PEER, 0, 2);
    pack_uint(&v.f.p, host);
    pack_text(&v.f.p, host == OTHER_HOST ? "bank" : "till");
    fake_deliver(&v.f);
  }
  last_id = 0;
  now = 1000;
  v.w.sched.seconds = seconds;
}
static inline void teardown(void) {
  vm_close(&v);
}

/* Begins a call of ours; what was begun leaves with vm_deliver or fake_deliver. The message's size. */
static inline uint32_t call(uint64_t caller, bool one_way, uint16_t depth, unsigned argument) {
  uint32_t before = v.f.out.size;
  struct message m = {.kind = MESSAGE_REQUEST, .op = OP_call, .id = ++last_id, .peer = caller,
                      .depth = depth, .target = OP_PT, .pt = gj_pt_wire(&ours),
                      .flags = one_way ? MESSAGE_ONE_WAY : 0};
  pack_begin(&v.f.p, &v.f.out, v.f.max_message, &m, argument ? 1 : 0);
  if (argument) pack_uint(&v.f.p, argument);
  fake_end(&v.f);
  return v.f.out.size - before;
}

/* Sends what was begun; the worker handles what it wants to. */
static inline void arrive(void) {
  fake_bytes(&v.f, v.f.out.bytes, v.f.out.size);
  v.f.out.size = 0;
  ck_assert_int_eq(gaijin_dispatch(v.w.g), 0);
}

/* Turns as the loop does them, until nothing is left to do. */
static inline void turns(void) {
  bool more = true;
  while (more) {
    connection_resume(&v.w);
    begin_waiting(&v.w);
    slices_turn(&v.w);
    more = fiber_run_ready(&v.w) || slices_wanted(&v.w) || connection_has_more(&v.w);
  }
  ck_assert_int_eq(gaijin_flush(v.w.g, false), 0);
}

/* So long that what cannot be begun is taken for stuck. */
static inline void pass_stall(void) {
  now += BEGIN_STALL;
  if (v.w.backlog.stall_timer) timer_stop(v.w.backlog.stall_timer); /* it has fired */
  v.w.backlog.stall_timer = NULL;
  turns();
}

/* All fibers that one may have, by posts that wait: seven eighths. */
static inline void use_up_fibers(void) {
  vm_do(&v, "waiting = true");
  v.w.sched.max_fibers = 8;
  for (int i = 0; i < 7; i++) call(OTHER_HOST, true, 1, 0);
  arrive();
  turns();
  ck_assert_uint_eq(v.n_parked, 7);
  vm_do(&v, "waiting = false");
}

static inline void check(void) {
  const char *fault = turns_check(&v.w);
  if (!fault) fault = backlog_check(&v.w);
  ck_assert_msg(!fault, "%s", fault);
  ck_assert_uint_le(v.w.backlog.bytes, v.w.backlog.most + v.w.backlog.most / BACKLOG_EXTRA);
}

#endif
