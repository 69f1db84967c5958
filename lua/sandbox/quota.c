/* SPDX-License-Identifier: MIT
 *
 * Lua 5.1 does not collect when an allocation fails, and by itself lets garbage grow to as much as
 * what is alive. So the hook collects when the heap comes near its limit, and each time
 * again when half of the room that was left then is used; and the scheduler does when an
 * allocation has failed, or a heap full of garbage would stay so.
 *
 * The timer ticks some eight times within the limit. The handler counts the ticks that find the
 * same stretch; that the stretch is too long it tells the hook by its number, so nothing needs to
 * be taken back when the next begins.
 */
#include "lua/sandbox/quota.h"

#include <assert.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

/* Between two calls of the hook; where more than half of the heap's limit is in use, fewer: a few
 * instructions may make a megabyte. That Lua counts them costs computing a tenth of its time; a
 * call each thousand costs little beside. */
enum { INSTRUCTIONS = 1000, INSTRUCTIONS_NEAR = 100 };
enum { TICKS = 8 };
static const double least_tick = 0.01, least_to_end = 1; /* seconds */

/* A signal handler and a hook have no argument of ours, so this is the process's. */
static struct {
  struct worker *worker;
  double seconds;              /* the limit; 0: none */
  unsigned error_at, end_at;   /* ticks */
  unsigned seen, ticks;        /* the handler's: a stretch, ticks since */
  _Atomic unsigned over;       /* the stretch that is too long; 0: none */
  char text[256];              /* the last line */
  struct sigaction old;
  sigset_t old_mask;
} watched;

/* ---- Memory ---- */

static void *allocate(void *user, void *block, size_t old, size_t size) {
  struct heap *h = user;
  assert(block ? h->used >= old : old == 0);
  if (size == 0) {
    free(block);
    h->used -= old;
    return NULL;
  }
  size_t most = h->most + h->reserve;
  bool fits = size <= old || (h->used <= most && size - old <= most - h->used);
  void *p = fits ? realloc(block, size) : NULL;
  if (!p && size <= old) p = block; /* Lua takes it for granted that less can be had */
  if (!p) h->failed = true;
  if (!p) return NULL;
  h->used = h->used - old + size;
  return p;
}

static int on_panic(lua_State *L) {
  const struct worker *w = watched.worker;
  char buffer[64];
  worker_say(w, LOG_ERROR, worker_error_text(L, lua_gettop(L), buffer, sizeof buffer), "\n\t");
  return 0; /* Lua ends the process */
}

static size_t between(size_t used, size_t most) {
  return used < most ? used + (most - used) / 2 : most;
}

/* Where next to collect: the room that is left shrinks each time, so that an end is reached when it
 * is no use. */
static void collect(lua_State *L, struct heap *h) {
  h->collect_at = between(h->used, h->most); /* a finaliser may raise */
  lua_gc(L, LUA_GCCOLLECT, 0);
  size_t next = between(h->used, h->most), first = h->most - h->most / 4;
  bool is_use = h->most - next > h->most / 64;
  h->collect_at = next < first ? first : is_use ? next : h->most;
}

struct collection {
  struct heap *heap;
  bool is_begun;
};

/* Finalisers come last: when one has broken it off, nothing is left but the others. */
static int collect_protected(lua_State *L) {
  struct collection *c = lua_touserdata(L, 1);
  if (c->is_begun) {
    while (!lua_gc(L, LUA_GCSTEP, 0)) continue;
    return 0;
  }
  c->is_begun = true;
  collect(L, c->heap);
  return 0;
}

static int keep_collector(lua_State *L) {
  struct heap *h = lua_touserdata(L, 1);
  /* What lua_resume makes outside protected calls: it finds them here. */
  static const char *const texts[] = {"C stack overflow", "error in error handling",
                                      "cannot resume non-suspended coroutine",
                                      "cannot resume dead coroutine"};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    lua_pushstring(L, texts[i]);
    luaL_ref(L, LUA_REGISTRYINDEX);
  }
  lua_pushcfunction(L, collect_protected);
  h->collector = luaL_ref(L, LUA_REGISTRYINDEX);
  return 0;
}

lua_State *quota_new_state(struct worker *w, size_t memory) {
  if (memory == 0) return luaL_newstate();
  w->heap = (struct heap){.most = memory, .collect_at = memory - memory / 4};
  lua_State *L = lua_newstate(allocate, &w->heap);
  if (!L) return NULL;
  lua_atpanic(L, on_panic);
  if (lua_cpcall(L, keep_collector, &w->heap) == 0) return L;
  lua_close(L);
  return NULL;
}

/* The heap may be full to the last byte of its reserve: to begin takes none. */
void quota_turn(struct worker *w) {
  if (!w->heap.failed) return;
  struct collection c = {.heap = &w->heap};
  bool collected = worker_protected_anchor(w, w->heap.collector, &c);
  w->heap.failed = !collected;
}

/* ---- The hook ---- */

static void on_count(lua_State *L, lua_Debug *ar);

/* Of this thread; it is its own. */
static void set_pace(lua_State *L, const struct heap *h) {
  int pace = h->most && h->used > h->most / 2 ? INSTRUCTIONS_NEAR : INSTRUCTIONS;
  if (lua_gethookcount(L) != pace) lua_sethook(L, on_count, LUA_MASKCOUNT, pace);
}

static void on_count(lua_State *L, lua_Debug *ar) {
  (void)ar;
  struct worker *w = watched.worker;
  if (!w) return;
  unsigned over = atomic_load_explicit(&watched.over, memory_order_relaxed);
  if (over && over == atomic_load_explicit(&w->sched.stretch, memory_order_relaxed))
    worker_raise(L, GAIJIN_STATUS_TIMEOUT,
                 "%s has computed for %g s without giving way (--cpu-limit)", w->name,
                 watched.seconds);
  if (w->heap.most && w->heap.used > w->heap.collect_at) collect(L, &w->heap);
  set_pace(L, &w->heap);
}

/* ---- The timer ---- */

/* As the kernel does past RLIMIT_CPU. */
static void end_process(void) {
  struct sigaction normal = {.sa_handler = SIG_DFL};
  worker_say_last(watched.worker, watched.text);
  sigemptyset(&normal.sa_mask);
  sigaction(SIGXCPU, &normal, NULL);
  raise(SIGXCPU);
  _exit(128 + SIGXCPU); /* it was not delivered */
}

static void on_tick(int sig) {
  (void)sig;
  struct worker *w = watched.worker;
  if (!w) return;
  unsigned stretch = atomic_load_explicit(&w->sched.stretch, memory_order_relaxed);
  if (stretch != watched.seen) {
    watched.seen = stretch;
    watched.ticks = 0;
    return;
  }
  watched.ticks++;
  if (watched.ticks >= watched.error_at)
    atomic_store_explicit(&watched.over, stretch, memory_order_relaxed);
  if (watched.ticks >= watched.end_at) end_process();
}

static bool start_timer(double tick) {
  struct sigaction action = {.sa_handler = on_tick, .sa_flags = SA_RESTART | SA_ONSTACK};
  struct itimerval timer;
  sigset_t needed; /* whoever started the process may have blocked them */
  sigemptyset(&action.sa_mask);
  sigemptyset(&needed);
  sigaddset(&needed, SIGPROF);
  sigaddset(&needed, SIGXCPU);
  timer.it_interval.tv_sec = (time_t)tick;
  timer.it_interval.tv_usec = (suseconds_t)((tick - floor(tick)) * 1e6);
  timer.it_value = timer.it_interval;
  return sigaction(SIGPROF, &action, &watched.old) == 0 &&
         sigprocmask(SIG_UNBLOCK, &needed, &watched.old_mask) == 0 &&
         setitimer(ITIMER_PROF, &timer, NULL) == 0;
}

bool quota_watch(struct worker *w, double seconds) {
  assert(!watched.worker);
  if (w->heap.most == 0 && seconds == 0) return true;
  scheduler_next_stretch(&w->sched);
  watched.worker = w;
  watched.seconds = seconds;
  watched.seen = watched.ticks = 0;
  atomic_store_explicit(&watched.over, 0, memory_order_relaxed);
  set_pace(w->L, &w->heap);
  w->sched.reuse.hook = on_count;
  if (seconds == 0) return true;
  double tick = fmax(seconds / TICKS, least_tick);
  watched.error_at = (unsigned)ceil(seconds / tick);
  watched.end_at = watched.error_at + (unsigned)ceil(fmax(seconds, least_to_end) / tick);
  snprintf(watched.text, sizeof watched.text,
           "ended: its Lua code has computed for %g s without giving way, where no error could "
           "stop it (--cpu-limit)",
           (double)watched.end_at * tick);
  return start_timer(tick);
}

void quota_unwatch(struct worker *w) {
  if (watched.worker != w) return;
  if (watched.seconds > 0) {
    struct itimerval none = {0};
    setitimer(ITIMER_PROF, &none, NULL);
    sigaction(SIGPROF, &watched.old, NULL);
    sigprocmask(SIG_SETMASK, &watched.old_mask, NULL);
  }
  watched.worker = NULL;
}
