/* SPDX-License-Identifier: MIT
 *
 * A worker without its program, for the unit tests of lua/: VM, scheduler and loop, and, if the test wants one, a
 * connection to a fake broker. The test plays the scheduler: it starts pieces of Lua on fibers, runs what is ready, and
 * reads and writes single messages.
 *
 * Lua sees beside the libraries and the prelude: note(...), which appends its arguments to vm.log; park(), which parks
 * the fiber until the test wakes vm.parked[i] (the fibers in the order in which they parked).
 */
#ifndef GAIJIN_TESTS_VM_H
#define GAIJIN_TESTS_VM_H

#include <lualib.h>

#include "lua/cycles/rounds.h"
#include "lua/ref/at.h"
#include "lua/ref/listed.h"
#include "lua/ref/origin.h"
#include "lua/serve/collect.h"
#include "lua/fiber/fiber.h"
#include "lua/ask/future.h"
#include "lua/ask/room.h"
#include "lua/api/library.h"
#include "lua/api/showing.h"
#include "lua/fiber/connection.h"
#include "lua/fiber/loop.h"
#include "lua/fiber/ration.h"
#include "lua/fiber/slices.h"
#include "lua/instance.h"
#include "lua/vm/luajit.h"
#include "lua/ref/pool.h"
#include "lua/fiber/turns.h"
#include "lua/serve/backlog.h"
#include "lua/serve/label_waits.h"
#include "lua/serve/begin.h"
#include "lua/vm/gc.h"
#include "tests/unit/fake_broker.h"

enum { VM_PARKED = 512 };

struct vm {
  struct worker w; /* first: jobs know only it */
  struct fake f;
  bool connected;
  unsigned running;    /* pieces of Lua started and not at their end */
  bool expected_error; /* an error of a piece of Lua goes to the log, else it fails the test */
  unsigned n_parked;
  struct fiber *parked[VM_PARKED];
  char log[4096];
};

static inline struct vm *vm_of(struct worker *w) { return (struct vm *)(void *)w; }

static inline void vm_note(struct vm *v, const char *text) {
  size_t used = strlen(v->log);
  ck_assert_msg(used + strlen(text) < sizeof v->log, "the log is full: %.80s", v->log);
  strcpy(v->log + used, text);
}

static inline int vm_lua_note(lua_State *L) {
  for (int i = 1; i <= lua_gettop(L); i++) {
    lua_getglobal(L, "tostring");
    lua_pushvalue(L, i);
    lua_call(L, 1, 1);
    vm_note(vm_of(worker_of(L)), lua_tostring(L, -1));
    lua_pop(L, 1);
  }
  return 0;
}

static inline int vm_lua_park(lua_State *L) {
  struct vm *v = vm_of(worker_of(L));
  ck_assert_uint_lt(v->n_parked, VM_PARKED);
  v->parked[v->n_parked++] = v->w.sched.current;
  fiber_park(L, &v->w);
  return 0;
}

static inline int vm_prepare(lua_State *L) {
  struct vm *v = lua_touserdata(L, 1);
  luaL_openlibs(L);
  library_open(L, &v->w);
  showing_open(L, &v->w);
  worker_push_function(L, &v->w, vm_lua_note);
  lua_setglobal(L, "note");
  worker_push_function(L, &v->w, vm_lua_park);
  lua_setglobal(L, "park");
  return 0;
}

/* So a turn is never over, and nobody owes anything. */
static inline double vm_no_time(void) { return 1; }

/* Without a connection. */
static inline void vm_open(struct vm *v) {
  memset(v, 0, sizeof *v);
  struct worker *w = &v->w;
  w->name = "shop";
  w->sched.max_fibers = 10000;
  w->max_depth = 1000;
  w->max_decoded = 256 << 20;
  w->grace = 5;
  w->call_timeout = 25;
  w->atc_time = 60;
  w->collector_waits = 10;
  stacks_init(&w->sched.stacks, fiber_entry, luajit_is_here());
  ck_assert_int_eq(loop_init(w, &instance_hooks), 0);
  w->sched.seconds = vm_no_time; /* however slow this machine is */
  w->L = luaL_newstate();
  ck_assert_ptr_nonnull(w->L);
  ck_assert_msg(lua_cpcall(w->L, vm_prepare, v) == 0, "%s", lua_tostring(w->L, -1));
}

static inline void vm_connect_window(struct vm *v, uint32_t max_message, const struct window *window) {
  static const struct gaijin_events events = {
      .request = begin_request, .cancel = begin_cancel, .free = collect_on_free, .forget = pool_forget, .refused = worker_post_failed,
      .room = room_came, .starved = connection_starved, .cycle = rounds_asked, .condemn = rounds_condemned, .resume = rounds_resumed};
  char error[256] = "";
  pthread_t greeter;
  vm_open(v);
  fake_listen(&v->f);
  v->f.max_message = max_message;
  v->f.window = *window;
  ck_assert_int_eq(pthread_create(&greeter, NULL, fake_greet, &v->f), 0);
  struct gaijin_options o = {.socket = v->f.path, .name = "shop", .events = &events, .user = &v->w};
  int status = gaijin_connect(&v->f.g, &o, error, sizeof error);
  pthread_join(greeter, NULL);
  ck_assert_msg(status == 0, "%s", error);
  v->w.g = v->f.g;
  backlog_init(&v->w);
  v->connected = true;
}

static inline void vm_connect_limited(struct vm *v, uint32_t max_message) {
  vm_connect_window(v, max_message, &(struct window){0});
}
static inline void vm_connect(struct vm *v) { vm_connect_limited(v, MAX_MESSAGE_DEFAULT); }

/* As the program ends: fibers, VM, stacks, connection, loop. */
static inline void vm_close(struct vm *v) {
  struct worker *w = &v->w;
  fiber_discard_all(w);
  slices_deinit(w);
  ration_deinit(w);
  future_discard_all(w);
  room_deinit(w);
  backlog_deinit(w);
  label_waits_deinit(w);
  turns_deinit(w);
  ck_assert_uint_eq(w->sched.n_fibers, 0);
  origins_deinit(w);
  lua_close(w->L);
  listed_deinit(w);
  stacks_deinit(&w->sched.stacks);
  rounds_deinit(w);
  connection_unwatch(w);
  if (v->connected) fake_close(&v->f);
  collect_deinit(w);
  loop_deinit(w);
}

/* ---- Pieces of Lua ---- */

static inline void vm_job(struct worker *w, struct fiber *f) {
  struct vm *v = vm_of(w);
  lua_State *L = f->L;
  if (lua_pcall(L, 0, 0, 0) != 0 && !(lua_isstring(L, -1) && worker_is_stop_error(w, lua_tostring(L, -1)))) {
    if (!v->expected_error) ck_abort_msg("%s", lua_tostring(L, -1));
    vm_note(v, lua_isstring(L, -1) ? lua_tostring(L, -1) : luaL_typename(L, -1));
  }
  v->running--;
}

static inline struct fiber *vm_new_fiber(struct vm *v) {
  struct fiber *f = fiber_new(&v->w, vm_job);
  ck_assert_ptr_nonnull(f);
  v->running++;
  fiber_wake(f);
  return f;
}

/* Makes a fiber of the code, ready to run. */
static inline struct fiber *vm_start(struct vm *v, const char *code) {
  struct fiber *f = vm_new_fiber(v);
  ck_assert_msg(luaL_loadbuffer(f->L, code, strlen(code), "=test") == 0, "%s", lua_tostring(f->L, -1));
  return f;
}

/* The same with a C function (its upvalue 1 is the worker). */
static inline struct fiber *vm_start_c(struct vm *v, lua_CFunction fn) {
  struct fiber *f = vm_new_fiber(v);
  worker_push_function(f->L, &v->w, fn);
  return f;
}

/* Runs fibers until none is ready, and sends what they wrote. */
static inline void vm_run(struct vm *v) {
  bool more;
  do {
    if (v->w.backlog.n_due > 0 || v->w.backlog.first) begin_waiting(&v->w);
    slices_turn(&v->w);
    more = fiber_run_ready(&v->w);
    ration_turn(&v->w);
  } while (more || fiber_is_due(&v->w) || v->w.backlog.n_due > 0 || slices_wanted(&v->w));
  if (v->connected) ck_assert_int_eq(gaijin_flush(v->w.g, false), 0);
}

/* Runs the code to its end. */
static inline void vm_do(struct vm *v, const char *code) {
  unsigned before = v->running;
  vm_start(v, code);
  vm_run(v);
  ck_assert_msg(v->running == before, "it waits: %s", code);
}
static inline void vm_do_c(struct vm *v, lua_CFunction fn) {
  unsigned before = v->running;
  vm_start_c(v, fn);
  vm_run(v);
  ck_assert_uint_eq(v->running, before);
}

/* Starts the code, which must then wait for the answer to its first request: that is v->f.m, its id is returned. */
static inline uint64_t vm_ask(struct vm *v, const char *code, enum gaijin_op op) {
  unsigned before = v->running;
  vm_start(v, code);
  vm_run(v);
  ck_assert_msg(v->running == before + 1, "it does not wait: %s", code);
  struct message *m = fake_next(&v->f);
  ck_assert_msg(m->kind == MESSAGE_REQUEST && m->op == (enum op)op, "%s came", op_name(m->op));
  return m->id;
}

/* Delivers the message in v->f's writer and runs what it wakes. */
static inline void vm_deliver(struct vm *v) {
  fake_deliver(&v->f);
  vm_run(v);
}

/* Has another worker wait for the label. */
static inline void vm_ask_label(struct vm *v, uint64_t id, const char *label) {
  struct message m = {.kind = MESSAGE_REQUEST, .op = OP_s2t, .id = id, .peer = OTHER_HOST, .depth = 1,
                      .target = OP_NAME, .name = "shop", .name_size = 4};
  pack_begin(&v->f.p, &v->f.out, v->f.max_message, &m, 2);
  pack_text(&v->f.p, label);
  pack_bool(&v->f.p, true);
  vm_deliver(v);
}

/* The global gets the AT of the PT. */
static inline void vm_give(struct vm *v, const char *global, const struct gaijin_pt *pt) {
  char code[128];
  snprintf(code, sizeof code, "%s = bakaGaijin('bank').x", global);
  uint64_t id = vm_ask(v, code, GAIJIN_OP_S2T);
  fake_begin(&v->f, MESSAGE_REPLY, GAIJIN_OP_S2T, id, 1);
  fake_put_pt(&v->f, pt);
  vm_deliver(v);
}

/* Collects all garbage, as the scheduler does. */
static inline void vm_collect(struct vm *v) {
  gc_full(v->w.L, &v->w);
}

#endif
