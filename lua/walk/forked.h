/* SPDX-License-Identifier: MIT
 *
 * A forked copy of the worker that looks at the heap and tells what it found, while the worker goes
 * on: the fork is all that stops it. The copy is a twin (twin.h) that runs last, and writes into a
 * file in memory, so nobody need read meanwhile. What it costs the worker itself is the fork, and
 * that each page which the worker writes to meanwhile is copied by the kernel: most by its
 * collector, which marks all objects. So a round of the collector is brought to its end before, in
 * slices; the next begins when the heap is twice as large. What it did cost is measured.
 *
 * A worker has one such copy at a time, and after it a rest: four times what it took of a
 * processor, and until what it has stopped the worker for is a hundredth of the time again, beyond
 * a quarter of a second that is saved up. So all who ask together cost a hundredth of the worker's
 * time, a fifth of a processor for the copy, and one copy's memory.
 */
#ifndef GAIJIN_LUA_FORKED_H
#define GAIJIN_LUA_FORKED_H

#include <stddef.h>

#include "lua/vm/worker.h"
#include "lua/walk/twin.h"

enum { FORKED_SECONDS = TWIN_SECONDS, FORKED_BYTES_MOST = 64 << 10 };

/* What the copy does, on its stack and lua_State: writes its result into the buffer; how much. It
 * may raise. */
typedef size_t (*forked_job)(lua_State *L, struct worker *w, void *user, char *result);

/* Runs it in a copy; the current fiber waits for the result, which it pushes as a string. Raises
 * `busy` when another runs, or it rests (the text says for how long), and when the
 * copy ended without a result; what a wait raises. `what` is for errors: "a walk of the heap". */
void forked_run(lua_State *L, struct worker *w, const char *what, forked_job job, void *user);
/* Before the worker's memory is freed; a copy that runs is ended. */
void forked_deinit(struct worker *w);

#endif
