/* SPDX-License-Identifier: MIT
 *
 * The order of the end is that of who uses whom: a finaliser lets go of holdings, so
 * the VM ends before the connection; the loop polls the descriptor, so it lets it go
 * before the connection closes it; timers and stacks may be used until then.
 */
#include "lua/instance.h"

#include "lua/api/deaths.h"
#include "lua/ask/future.h"
#include "lua/ask/room.h"
#include "lua/check.h"
#include "lua/cycles/rounds.h"
#include "lua/fiber/connection.h"
#include "lua/fiber/door.h"
#include "lua/fiber/ending.h"
#include "lua/fiber/fiber.h"
#include "lua/fiber/give_back.h"
#include "lua/fiber/hosted.h"
#include "lua/fiber/ration.h"
#include "lua/fiber/reuse.h"
#include "lua/fiber/slices.h"
#include "lua/ref/listed.h"
#include "lua/ref/origin.h"
#include "lua/sandbox/quota.h"
#include "lua/fiber/turns.h"
#include "lua/serve/backlog.h"
#include "lua/serve/begin.h"
#include "lua/serve/collect.h"
#include "lua/serve/label_waits.h"
#include "lua/serve/weight.h"
#include "lua/vm/luajit.h"
#include "lua/walk/forked.h"

static void turn(struct worker *w) {
  future_free_dropped(w);
  weight_turn(w);
  if (w->heap.failed) reuse_drop(w); /* they would outlive the collection that is to help */
  quota_turn(w);
  if (w->loop.keeps_memory) give_back_turn(w);
  if (w->unwinding) begin_waiting(w); /* gives up what waits */
#ifdef GAIJIN_HOSTILE
  worker_check(w);
#endif
}

const struct loop_hooks instance_hooks = {
    .begin = begin_waiting, .turn = turn, .sweep = collect_sweep, .withdraw = rounds_withdraw,
    .leave = label_waits_refuse_all};

int instance_init(struct worker *w, bool hosted) {
  stacks_init(&w->sched.stacks, fiber_entry, luajit_is_here());
  int r = loop_init(w, &instance_hooks);
  if (r < 0) return r;
  return stacks_guard_overflow(&w->sched.stacks, hosted) && (!hosted || hosted_init(w)) ? 0
                                                                                        : UV_ENOMEM;
}

int instance_start(struct worker *w, bool signals, bool enforce) {
  backlog_init(w);
  int r = loop_watch(w);
  return r == 0 && signals ? ending_watch_signals(w, enforce) : r;
}

/* The broker learns from the kernel with which status a process ends whose connection ends with it,
 * and not before: one that fails leaves the connection open. */
static bool ends_with_process(const struct worker *w) {
  return w->exit_code != 0 && !w->lost && !worker_is_fork(w);
}

void instance_close(struct worker *w, bool with_vm) {
  if (worker_is_fork(w)) loop_leave_parent(w);
  hosted_deinit(w);
  fiber_discard_all(w);
  slices_deinit(w);
  ration_deinit(w);
  future_discard_all(w);
  room_deinit(w);
  door_deinit(w);
  backlog_deinit(w);
  label_waits_deinit(w);
  turns_deinit(w);
  if (w->L) origins_deinit(w);
  if (with_vm && w->L) {
    lua_close(w->L);
    w->L = NULL;
  }
  listed_deinit(w);
  forked_deinit(w);
  rounds_deinit(w);
  if (!worker_is_fork(w)) worker_log_rest(w); /* the parent tells its own */
  connection_unwatch(w);
  if (w->g) w->name = "?"; /* it was the connection's; scripts of an interpreter go on */
  if (!with_vm || !ends_with_process(w)) {
    gaijin_close(w->g);
    w->g = NULL;
  }
  collect_deinit(w);
  deaths_deinit(w);
  loop_deinit(w);
  stacks_deinit(&w->sched.stacks);
}
