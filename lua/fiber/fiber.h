/* SPDX-License-Identifier: MIT
 *
 * Fibers: each runs one piece of Lua on a lua_State and a C stack of its own, so
 * it can wait anywhere, inside metamethods and C functions of Lua too. Between two waits a
 * fiber runs alone; whose turn it is then, turns.h says.
 */
#ifndef GAIJIN_LUA_FIBER_H
#define GAIJIN_LUA_FIBER_H

#include "lua/fiber/record.h"

/* Sets max_fibers; fewer, with a line on stderr, if the kernel does not allow so many. */
void fiber_set_most(struct worker *w, unsigned max_fibers);

/* A fiber of the worker's own with an empty lua_State, not yet ready; NULL when memory is short or
 * there are max_fibers. job runs on it when it is first scheduled; it may wait; what it leaves on
 * f->L is dropped. */
struct fiber *fiber_new(struct worker *w, void (*job)(struct worker *w, struct fiber *f));

/* One that the running fiber has asked for: it is its asker's. NULL also when that one has as many
 * as it may (turns_may_spawn). */
struct fiber *fiber_new_here(struct worker *w, void (*job)(struct worker *w, struct fiber *f));
/* Raises why there was none. */
int fiber_raise_none_here(lua_State *L, struct worker *w);

/* The job of a fiber that could not be given its own; it needs no C stack. */
void fiber_no_job(struct worker *w, struct fiber *f);

/* Puts a new or parked fiber into its asker's ready queue; nothing if it is there. */
void fiber_wake(struct fiber *f);
/* The same before all others of its asker, so that it runs in this turn still. For what comes to an
 * end within a turn: each must use up something. */
void fiber_wake_first(struct fiber *f);

/* Puts a fiber into a list of those that wait for the same thing, the last one first; takes it out,
 * if it is in one. */
void fiber_list_add(struct fiber **list, struct fiber *f);
void fiber_list_remove(struct fiber *f);

/* Parks the current fiber until it is woken; L: the lua_State whose C function calls. Never call it
 * from the scheduler. */
void fiber_park(lua_State *L, struct worker *w);

/* Where the heap has a limit: so many bytes more may wait outside of it. C stacks of fibers that
 * wait and answers that futures keep may together have as much as the heap. */
size_t fiber_room_outside(const struct worker *w);

/* Whether there is memory for the current fiber to wait (fiber_room_outside). */
bool fiber_may_park(const struct worker *w);

/* To be called where Lua is about to be run that may come back, by C functions of ours and by those
 * of Lua's library that we have replaced: LuaJIT has no limit of nested C calls, as 5.1 has. Raises
 * "C stack overflow" when the running fiber's C stack is short (stack_is_short). */
void fiber_check_stack(lua_State *L, const struct worker *w, size_t more);

/* A turn: runs the fibers that are ready now (not those they make ready), while it is not over
 * (turns.h); none in a fork. True if there may be more to do at once: fibers are ready, or requests
 * wait and fibers may have ended. */
bool fiber_run_ready(struct worker *w);

/* Something is to be done in the next turn, whether more comes or not: fibers are ready, or
 * requests that wait for a label are due. */
bool fiber_is_due(const struct worker *w);

/* The fiber with this number, or NULL: it has ended. */
struct fiber *fiber_numbered(const struct worker *w, uint64_t number);

/* Makes a new fiber the one that serves the request, until it ends. */
void fiber_serve(struct fiber *f, const struct serving *serving);
/* It has begun with it: what it keeps of it from now on, it makes itself. */
void fiber_begun(struct fiber *f);
/* The fiber that serves the request of this id, or NULL. */
struct fiber *fiber_serving(const struct worker *w, uint64_t id);

/* Wherever the fiber waits, or would wait, `cancelled` is raised from now on; so in what it has
 * asked of others. `why` is static text. Does nothing with one that is cancelled already. */
void fiber_cancel(struct fiber *f, const char *why);

/* Links a child of the fiber. */
void fiber_adopt(struct fiber *f, struct fiber_child *child);
/* Unlinks it; nothing if it is not linked. */
void fiber_disown(struct fiber_child *child);
/* Unlinks all: they go on without the fiber. */
void fiber_disown_all(struct fiber *f);

/* Unlinks and frees an answer of the fiber. */
void answer_free(struct fiber *f, struct answer *a);

/* What runs on a C stack: the job of the fiber given, to its end. For stacks_init. */
void fiber_entry(void *fiber);

/* Frees what all fibers own in C, not their lua_States: none will run again. Call before lua_close.
 */
void fiber_discard_all(struct worker *w);

#endif
