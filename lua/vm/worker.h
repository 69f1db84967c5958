/* SPDX-License-Identifier: MIT
 *
 * One Lua VM that is a worker: the VM, its connection, its scheduler. Everything
 * in lua/ works on this struct; nothing is global. C functions given to Lua find
 * it as their first upvalue (worker_push_function, worker_of).
 *
 * Who runs where: the scheduler owns the process's own stack, the loop and `L`,
 * on which it does only short, protected work. Every script, request and timer
 * runs on a fiber of its own.
 */
#ifndef GAIJIN_LUA_WORKER_H
#define GAIJIN_LUA_WORKER_H

#include <lauxlib.h>
#include <lua.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include <gaijin/gaijin.h>
#include "lua/vm/stack.h"
#include "proto/clock.h"
#include "proto/logline.h"
#include "proto/settings/memory.h"

struct fiber;
struct worker;
struct loop_hooks;
struct manager;
struct timer;

/* Tables and functions anchored in the registry (luaL_ref numbers). */
struct anchors {
  int pool;       /* slot -> home object */
  int lookup;     /* home object -> light userdata of its token */
  int interner;   /* light userdata of a holding -> its AT, weak values */
  int remote;     /* in LuaJIT: AT or copy -> true, weak keys */
  int threads;    /* slot -> lua_State of a fiber */
  int labels;     /* label -> exposed value */
  int labels_proxy; /* the userdata bakaGaijin */
  int resources;    /* what bakaGaijin("name") gives -> the name, weak keys */
  int module;     /* the table `gaijin` */
  int object_meta; /* metatable of ATs that are userdata */
  int future_meta; /* metatable of futures */
  int copy_meta;  /* metatable of what gaijin.copy makes */
  int list_meta, charge_meta; /* metatables of listed keys, their charges (lua/ref/listed.h) */
  int traces; /* number of a fiber -> the last error and its traceback (trace.c) */
  int traceback; /* debug.traceback as it was: scripts may take it away, or put theirs there */
  int yield;     /* coroutine.yield as it was */
  int access_name; /* the string "access" */
  int quick;       /* function of quick.c */
  int collector;   /* function of vm/gc.c */
  int settled;     /* of vm/gc.c: a coroutine with a table of weak values, which has an entry as
                    * long as no weak table was cleared */
  int serve, answer_raised; /* functions of serve.c */
  int trace_handler,
      trace_function; /* functions of trace.c, made before because making one allocates */
  int vmevents;    /* LuaJIT's name in the registry for the handlers of jit.attach */
  int noop;        /* a C function that does nothing (worker_back) */
  int hook_chunk;  /* in a stock interpreter: a piece of Lua in which its hooks run */
  int interrupt;   /* what they raised, while sched.interrupted */
  int applicable; /* name -> function that op apply may call */
  int bounded;    /* function of the library -> what it may be asked for (serve/bounds.h) */
  int sentinel_meta; /* metatable of the sentinels of weight.c */
  int token_meta; /* metatable of the tokens inside function ATs */
  int make_function_at; /* Lua function: token -> function AT */
};

/* The sizes of hash tables, by fiber and by host: the kernel's limit of maps leaves room for some
 * 32,000 fibers, and the broker has some thousand connections, so a bucket has few. */
enum { FIBER_BUCKETS = 1024, HOST_BUCKETS = 1024, ROOM_BUCKETS = 256 };
/* Lists of askers by size (fiber/kept.c): up to 2^40 bytes, eight for each power of two. */
enum { KEPT_LISTS = 256 };

/* Whose fibers and requests are kept apart: a worker that asks this one, or this one itself. */
struct asker {
  struct asker *next_by_host; /* in its bucket */
  uint64_t host;              /* 0: this worker itself */
  unsigned n_fibers;
  /* Its fibers that are ready (fiber/turns.h). */
  struct asker *next_turn, *prev_turn;
  struct fiber *ready_first, *ready_last;
  unsigned n_ready;
  bool in_turns;     /* it has ready fibers, and so is in the list of turns */
  double credit;     /* the seconds it may run before it goes behind the others */
  uint64_t epoch;    /* of the scheduler, when the credit was set */
  bool is_dead;      /* the host has ended: nothing more comes of it */
  bool is_late;      /* others were ready when it was made: its first turn is behind theirs */
  uint64_t seen_in;  /* the last turn in which it had nothing more to run */
  /* What has come of it and is not begun (serve/backlog.h). */
  struct asker *next_waiting, *prev_waiting;
  struct backlog_entry *first, *last;
  unsigned n_entries;
  size_t bytes; /* of those, and of what its fibers have not read of what began them */
  struct asker *next_sized, *prev_sized; /* while it has some: in its list by size (fiber/kept.h) */
  uint16_t size_list;
  bool is_sized;
  double refuse_at; /* while the first cannot be begun for lack of fibers and none of its runs: when
                       its nested calls are refused next; 0: it can */
  bool stuck;       /* that has been so for BEGIN_STALL seconds (fiber/turns.h) */
  uint64_t stretched; /* the number of its last long stretch; 0: it had none (fiber/ration.h) */
};

/* Who may do next what takes long in one stretch (fiber/ration.h). */
struct ration {
  struct ration_wait *first, *last;
  struct timer *timer; /* wakes the next of them */
  bool is_taken;       /* somebody has been let through, and his stretch has not ended */
  double began, ended; /* of the stretch under way, on the clock of turns; 0: not yet */
  double until;        /* the next may begin then; 0: now */
  double took;         /* the last one */
  uint64_t asker;      /* whose it was */
  uint64_t stretches;  /* so many so far */
  uint64_t other;      /* who asked for something else last, and when, on the loop's clock */
  uint64_t other_ms;
};

/* What ended fibers have left for those to come (fiber/reuse.h). */
enum { REUSE_MOST = 64 };
struct reuse {
  bool allowed; /* lua_States too: no script can have got hold of one */
  lua_Hook hook; /* the one that the worker itself has set in all; NULL: none */
  const void *globals; /* what a new one would have for globals, when the first was given back */
  unsigned n_states, n_records;
  struct spare_state {
    lua_State *L;
    int slot; /* in anchors.threads */
  } states[REUSE_MOST];
  struct fiber *records; /* linked by `next` */
};

struct scheduler {
  struct stacks stacks;
  struct reuse reuse;
  struct fiber *current; /* who runs; NULL: the scheduler itself */
  unsigned no_wait;      /* more than 0: what runs, a finaliser perhaps, cannot wait all the same */
  struct asker own;            /* of the worker's own fibers */
  struct asker *askers[HOST_BUCKETS]; /* all others, by host */
  unsigned n_askers, askers_most; /* so many, before idle ones are forgotten */
  struct asker *turn_first, *turn_last; /* those with ready fibers (fiber/turns.h) */
  struct asker *turn_new; /* the last of those at the front that went before the others; NULL:
                             there is none */
  unsigned n_ready; /* fibers in their queues */
  unsigned n_holders; /* askers that have fibers, this worker included */
  uint64_t turn, epoch; /* numbers: of the turn of the loop; of times when nobody was ready */
  bool in_turn, turn_over;
  /* What is served without a fiber (serve/quick.c): so many in the turn of this number, until when
   * on the clock of turns, and whether that is over. */
  uint64_t quick_turn;
  unsigned n_quick;
  bool quick_over;
  double quick_ends;
  double (*seconds)(void); /* the clock of turns: clock_seconds, but for tests */
  double clock, turn_ends; /* when a fiber ran last in this turn, if that is measured, else 0 */
  struct fiber *stackless_first, *stackless_last; /* ready, but there is no memory for C stacks */
  struct timer *stackless_timer; /* when they try again; NULL: in the next turn, if there are any */
  struct fiber *runners;       /* in gaijin.run */
  struct long_work *first_work, *last_work; /* (fiber/slices.h) */
  unsigned n_slices_wanted; /* fibers that wait for a slice of it */
  struct ration ration;
  size_t parked_bytes; /* of C stacks of parked fibers, where the heap has a limit */
  struct fiber *all;
  struct fiber *to_cancel; /* cancelled, their children not yet */
  bool cancelling;         /* somebody is at it */
  struct fiber *by_number[FIBER_BUCKETS]; /* all */
  struct fiber *by_request[FIBER_BUCKETS]; /* those that were made for a request, by its id */
  struct fiber
      *guest; /* in a stock interpreter: what runs on the interpreter's own stack (hosted.h) */
  void (*wait_in_guest)(struct worker *w); /* how it waits */
  bool interrupted; /* the interpreter's hooks have raised while the guest waited: it shall raise
                       that */
  bool hook_ran;          /* for luajit_in_finaliser */
  lua_State *guest_state; /* the interpreter's main lua_State, NULL if not known */
  _Atomic unsigned stretch; /* what the scheduler or a fiber does until it gives way: each is a
                               number, never 0 (lua/sandbox/quota.h) */
  uint64_t last_number; /* of a fiber */
  unsigned n_fibers;  /* alive */
  unsigned n_requests; /* of those, made for a request */
  unsigned n_serving; /* the worker does not end before these: they serve a request, or go on
                         after gaijin.run */
  unsigned max_fibers;
};

/* Requests that have come and are not begun yet (serve/backlog.h). */
struct backlog {
  struct asker *first, *last; /* those who have something here */
  struct backlog_entry **by_request; /* buckets; NULL: there never was an entry */
  size_t n_buckets;                  /* a power of two, or 0 */
  unsigned n_posts, n_calls;
  size_t bytes, most; /* what all askers have here; it may be so much */
  struct asker *by_size[KEPT_LISTS]; /* those who have something here (fiber/kept.h) */
  uint64_t sizes_used[KEPT_LISTS / 64]; /* a bit for each list with somebody in it */
  unsigned n_due; /* requests for labels that are to be served (serve/label_waits.h) */
  bool stuck; /* some asker is */
  struct timer *stall_timer; /* while some asker is blocked; NULL: no memory for it either */
};

/* Of a heap with a limit: the worker answers and collects also when a script has all it may have.
 */
enum { HEAP_RESERVE = 64 << 10 };

/* What Lua's heap has, where it has a limit (lua/sandbox/quota.h). */
struct heap {
  size_t most;       /* bytes; 0: no limit, and nothing is counted */
  size_t used;       /* never more than that and the reserve */
  size_t reserve;    /* so much more there is now: for what the scheduler does */
  size_t collect_at; /* with so much in use a collection is due */
  bool failed;       /* an allocation has, since the scheduler collected last */
  int collector;     /* registry: the function that the scheduler collects with */
};

/* The collections asked for by `free`, which must not eat the worker's time (docs/references.md).
 */
struct free_budget {
  double seconds; /* may be spent now */
  double updated; /* when `seconds` was right */
  uint64_t put_off; /* collections put off so far */
  uint64_t *waiting; /* ids of free requests put off */
  unsigned n_waiting;
  struct timer *timer;
};

/* What objects that others hold weigh, in KiB (lua/serve/weight.h). pool.c notes what is made and
 * forgotten. */
enum { WEIGHED_MOST = 64 };
struct weights {
  bool round_ended; /* the collector's sentinel has been finalised, and there is no new one yet */
  size_t after;     /* in use when it was */
  size_t live;      /* in use after the round before */
  struct export {
    uint64_t id;
    size_t grown; /* so much more was in use than when the token before it was made */
  } exports[WEIGHED_MOST]; /* the last tokens made since that round, a ring */
  uint64_t n_exports;      /* all that were */
  size_t grown;            /* by all of them */
  size_t at_last;          /* in use when the last was made, or after the round */
  size_t freed;    /* weighed objects nobody holds any more, since the collector was last driven */
  unsigned rounds; /* of the collector until their memory is free, or it rests (forked.c) */
  uint64_t ended;  /* rounds, as far as was seen */
};

struct loop {
  uv_loop_t uv;
  uv_poll_t *poll; /* of the connection's present descriptor; freed by its close callback */
  bool open, polling, signals; /* the loop, poll, signalled have been initialised */
  bool own_after_fork; /* in a fork: the loop has an epoll set of its own */
  bool writable_wanted;
  uv_prepare_t prepare;
  uv_idle_t idle;
  uv_async_t signalled;
  struct timer *all_timers, *idle_timers;
  struct timer *release_timer, *sweep_timer, *pulse_timer, *memory_timer;
  bool keeps_memory; /* the program has called memory_keep */
  struct memory_watch memory; /* then: over what is in use (fiber/give_back.h) */
  struct timer *low_timer; /* while that is low */
  struct timer *stacks_timer; /* while many C stacks are idle */
  /* The last look at the pages mapped for it: when, how many, and what was in use then. */
  uint64_t faults_at_ms, faults, used_then;
  bool unwatched; /* libuv has ceased to watch the socket, which is not read to its end yet */
  bool starved; /* memory was too short for what has come, and for memory_timer */
  bool pulse_sent; /* and not answered yet */
  const struct loop_hooks *hooks;
};

/* Ends of other workers that a script has not been told of yet. */
struct deaths {
  bool wanted, listening; /* asked for; a fiber waits for them */
  bool returned; /* another broker than before: some may have died of which nobody tells us */
  unsigned long received; /* so many so far */
  struct death *first, *last;
  struct fiber *listener; /* waits for the next */
};

/* Who waits for the connection to come back (lua/fiber/door.h). */
struct door {
  struct door_wait *first, *last; /* the longest first */
  unsigned n_woken;               /* of those: let through, and have not run */
  uint64_t news;                  /* how often something changed */
};

/* Lines on stderr that others, or a timer, can have repeated. */
enum worker_line { LINE_POST_REFUSED, LINE_POST_FAILED, LINE_ERROR, LINE_FUTURE,
                   LINE_FINALISER, LINE_MEMORY, LINE_EVAL, WORKER_LINES };
struct line_budget {
  double spent, updated; /* lines of late, and when that was right */
  uint64_t left_out;     /* since the last that was written */
};

enum { UNSEEN_MOST = 16 };

struct worker {
  lua_State *L;
  gaijin *g;
  const char *name;
  struct anchors anchors;
  const void *object_meta_address, *token_meta_address; /* of the tables at these anchors */
  struct scheduler sched;
  struct loop loop;
  struct free_budget budget;
  struct weights weights;
  struct heap heap;
  lua_CFunction lines_iterator; /* of what the lines method of a file gives; NULL: not known */
  unsigned max_depth;
  uint32_t max_decoded;     /* bytes of Lua values that one message may become; of keys listed */
  struct listed_book *listed; /* what is charged for these (lua/ref/listed.h); NULL: nothing was */
  double grace;
  double call_timeout;      /* seconds a remote operation may take; 0: no limit */
  struct future *futures, *dropped_futures; /* all; those no script can reach any more */
  unsigned open_futures;
  size_t kept_bytes; /* of answers that futures keep unread, where the heap has a limit */
  struct deaths deaths;
  struct forked *forked; /* its copy that looks at the heap (lua/walk/forked.h); NULL: none yet */
  struct cycles *cycles; /* what the broker asks about suspects (lua/cycles/); NULL: nothing yet */
  bool no_cycles;  /* that is answered with `unsupported` */
  double cycle_pause; /* seconds for which it stands still for others, when halted */
  bool halted;     /* no Lua runs until the broker says so: no fiber, no finaliser, no collection */
  bool stop_waits; /* a signal has come meanwhile */
  uint64_t lua_ran; /* how often Lua may have run: it has not as long as the number is the same */
  struct backlog backlog;
  struct label_waits *label_waits; /* requests that wait for a label (serve/label_waits.h) */
  struct room_queue *room_queues[ROOM_BUCKETS]; /* of fibers that wait for room in a window, by host
                                                   (ask/room.h) */
  unsigned n_room_queues;
  struct door door;
  double reconnect;  /* seconds to try to come back when the broker has gone; 0: it does not */
  double away_since; /* while the connection is away: when that began */
  struct line_budget lines[WORKER_LINES];
  bool shared_memory;       /* messages may pass in memory shared with the broker */
  const struct manager *manager; /* told how it is; NULL: nobody is */
  uint32_t poll_us;         /* for so long it looks for messages before it sleeps; 0: not at all */
  double atc_time;          /* seconds between sweeps */
  unsigned collector_waits; /* sweeps between full collections */
  unsigned sweeps;
  uint64_t posts_failed;    /* one-way calls of ours refused, or that failed here */
  bool stopping; /* no new requests are served; ends when those under way are done */
  bool retired;   /* the broker has been told */
  bool succeeded; /* another worker has its name; it stops when nobody has anything of its, or after
                     `linger` seconds */
  bool label_waits_left; /* then: who waits for a label here has been refused */
  double linger;
  bool unwinding; /* what is left has been cancelled */
  bool overdue;  /* does not wait for those under way any more */
  bool lost;     /* the connection is gone, and does not come back */
  bool loss_told; /* to the guest */
  bool left_parent; /* in a fork of a stock interpreter: what was its parent's has been left, and
                       gaijin.connect makes a new worker */
  bool is_luajit;  /* the interpreter is LuaJIT */
  bool traces_tokens; /* where objects were first sent from is remembered (ref/origin.h) */
  struct origins *origins; /* then; NULL: nothing was sent yet */
  enum log_format log_format; /* of its lines on stderr */
  bool allows_eval; /* observers may have it run code (serve/eval.h) */
  bool sandboxed;  /* its script is not trusted (lua/sandbox/untrusted.h) */
  lua_CFunction serves; /* what calls the scripts' functions for others (serve.c) */
  lua_CFunction unseen[UNSEEN_MOST]; /* C functions that are none of the scripts' levels */
  unsigned n_unseen;
  double code_forgotten; /* there, when compiled code was thrown away last */
  uint64_t unchecked_turns; /* in hostile builds: since worker_check looked last */
  int exit_code;
};

/* Another piece of work begins. A signal handler reads the number, but only this thread writes. */
static inline void scheduler_next_stretch(struct scheduler *s) {
  unsigned next = atomic_load_explicit(&s->stretch, memory_order_relaxed) + 1;
  atomic_store_explicit(&s->stretch, next ? next : 1, memory_order_relaxed);
}

/* Pushes C function fn with the worker as upvalue 1. */
void worker_push_function(lua_State *L, struct worker *w, lua_CFunction fn);
/* The C function is none of the levels that error counts (lua/fiber/position.h): Lua or a library
 * function calls it where the script would have had its own function called. */
void worker_hide_function(struct worker *w, lua_CFunction fn);
/* Sets the functions of the list, ended by a NULL name, in the table on top, each with the worker
 * as upvalue 1. Raises. */
void worker_set_functions(lua_State *L, struct worker *w, const luaL_Reg *list);
/* Pushes the function of a chunk of ours. Its name, as errors show it, is the same for all.
 * Raises. */
void worker_load_chunk(lua_State *L, const char *text);
static inline struct worker *worker_of(lua_State *L) {
  return lua_touserdata(L, lua_upvalueindex(1));
}

/* Raises "gaijin: CODE: text". */
int worker_raise(lua_State *L, enum gaijin_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* In a stock interpreter the script may have closed the connection. */
static inline bool worker_is_closed(const struct worker *w) { return w->lost && !w->g; }

/* This process is a fork of the worker's: the connection, and the epoll set of the loop, are its
 * parent's. Safe in a signal handler. */
static inline bool worker_is_fork(const struct worker *w) { return w->g && gaijin_forked(w->g); }
/* Raises `unsupported` in such a process. */
void worker_refuse_fork(lua_State *L, const struct worker *w);

/* Says that the worker serves: to the broker, with gaijin_notice's status, and to its manager. */
int worker_tell_ready(const struct worker *w);

/* Raises `lost` if the worker has no connection, `unsupported` in a fork. */
void worker_need_connection(lua_State *L, const struct worker *w);

/* The name of a host for people: its name, or "?" when it was never introduced. */
const char *worker_host_name(const struct worker *w, uint64_t host);

/* Runs fn(L) with `user` as light userdata argument on w->L: remote operations of finalisers that
 * happen to run are refused. An error that such a finaliser raised is logged and fn runs again, so
 * fn must bear repetition. It may use the heap's reserve. False when memory is short. */
bool worker_protected(struct worker *w, lua_CFunction fn, void *user);
/* The same with the C function at this number of the registry: to call it allocates nothing. */
bool worker_protected_anchor(struct worker *w, int anchor, void *user);
/* The same, but once: Lua's status. */
int worker_try_anchor(struct worker *w, int anchor, void *user);

/* The value on top of L, which a hook of the interpreter raised, is kept for the guest, which looks
 * for it. Pops it. */
void worker_interrupted(lua_State *L, struct worker *w);

/* The error at index i for people, perhaps in the buffer of n bytes. Allocates no Lua memory and
 * raises nothing, so it is safe outside protected calls. */
const char *worker_error_text(lua_State *L, int i, char *buffer, size_t n);
/* Whether the text is the error of something that was cancelled because the worker stops: nobody
 * needs to be told. */
bool worker_is_stop_error(const struct worker *w, const char *text);

/* A post was not done: one of ours was refused on its way (the event `refused` of the connection),
 * or one that came cannot be begun. Counted, and logged. */
void worker_post_failed(void *worker, enum gaijin_op op, enum gaijin_status status,
                        const char *text);

/* The same as worker_log for a line that may come again and again: of each kind some twenty at
 * once, then one a second, which says how many were left out. */
void worker_log_often(struct worker *w, enum worker_line kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* At the end: how many were left out since. */
void worker_log_rest(struct worker *w);

/* A line on stderr in the form of proto/logline.h, in text "TIME gaijin-worker LEVEL: NAME: TEXT",
 * where the characters in `kept` stay as they are. w: NULL where it is not known who. */
void worker_say(const struct worker *w, enum log_level level, const char *text, const char *kept);
/* The same from a signal handler that ends the program: at once, and not through stderr's FILE. The
 * text is cut where it is long. */
void worker_say_last(const struct worker *w, const char *text);
/* One such line. */
void worker_log(const struct worker *w, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
