/* SPDX-License-Identifier: MIT
 *
 * A twin: a forked copy of the worker, made to look at the Lua heap as it is now. It runs C only,
 * with the collector stopped, and tells what it found through one descriptor; all others but the
 * standard streams are closed in it. It ends itself in TWIN_SECONDS at most, and with the worker.
 *
 * One may run as what the machine does last, or behind others, or hurry, while the worker waits. A
 * sandboxed worker may not signal others, and the kernel does not tell its twin of the worker's
 * end: then the alarm is all that ends it.
 */
#ifndef GAIJIN_LUA_TWIN_H
#define GAIJIN_LUA_TWIN_H

#include <stddef.h>
#include <sys/types.h>

#include "lua/vm/worker.h"

enum { TWIN_SECONDS = 10 };
/* Values of nice. Where others keep the processors busy, LAST may get a thousandth of them, and
 * BEHIND a third of what they have. */
enum twin_pace { TWIN_HURRIES = 0, TWIN_BEHIND = 5, TWIN_LAST = 19 };

/* What the twin does, protected, on L; it may raise, which ends the twin without success. */
typedef void (*twin_job)(lua_State *L, struct worker *w, void *user, int fd);

/* Forks: its process, or -1 with errno. */
pid_t twin_start(lua_State *L, struct worker *w, int fd, enum twin_pace pace, twin_job job,
                 void *user);
/* For its job: writes all, or ends the twin without success. */
void twin_write(int fd, const void *bytes, size_t n);
/* Whether it has ended; *good: as it should; *took: the processor's seconds of it, -1 if they are
 * not known. Asks the kernel, waits for nothing. */
bool twin_has_ended(pid_t pid, bool *good, double *took);
/* Ends it, if it is still there and ours to end. Whether it is gone: a sandboxed worker cannot, and
 * asks again (twin_has_ended) later or leaves it to the alarm. */
bool twin_end(pid_t pid);
/* Waits for one that has nothing left to do but to end; what it took of a processor, in seconds. */
double twin_reap(pid_t pid);
/* What this thread has taken of a processor, in seconds. */
double twin_own_seconds(void);

#endif
