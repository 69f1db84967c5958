/* SPDX-License-Identifier: MIT
 *
 * The end of a worker, which its script, a signal or the loss of the broker asks
 * for. New requests are refused from then on, and the broker is told, so that
 * another may have the name; those under way, and what follows gaijin.run, are
 * finished within the grace. Then whatever still waits is cancelled, and half a
 * second later the worker ends all the same. A worker whose Lua never returns to the
 * loop is killed two to three seconds after its grace.
 *
 * One that another worker succeeds in its name (op succeeded) goes on serving until nobody has
 * an object of its, or for --linger; then it stops like that.
 */
#ifndef GAIJIN_LUA_ENDING_H
#define GAIJIN_LUA_ENDING_H

#include "lua/vm/worker.h"

/* Begins the end; nothing if it has begun. */
void ending_stop(struct worker *w, int exit_code);
/* Another worker has the name of this one, which serves who has its objects for a while. Nothing if
 * it stops already, or has been told. */
void ending_succeeded(struct worker *w);
/* The worker is not halted any more: a signal that waited for that takes effect. */
void ending_resume(struct worker *w);
/* Whether a turn would end the worker: it was succeeded, and others have left nothing of its. */
bool ending_is_due(const struct worker *w);
/* In each turn of the loop: true when it has cancelled something, so that there is more to run. */
bool ending_turn(struct worker *w);
/* The connection is lost; or nothing is left to be finished or waited for. */
bool ending_reached(const struct worker *w);
/* The very end: answers what is still open, tells the broker that nothing more will be begun, and
 * sends what is queued, as connection_drain does. Nothing may be served afterwards. */
void ending_leave(struct worker *w);
/* Ends what runs the loop: loop_run, or in a stock interpreter the wait of its script. */
void ending_finish(struct worker *w);

/* SIGTERM, SIGINT and, unless it is ignored, SIGHUP stop the worker from now on; a second one
 * kills. `enforce`: a worker that does not stop is killed. One worker of a process. 0 or a negative
 * libuv error. */
int ending_watch_signals(struct worker *w, bool enforce);
/* For a program whose worker has ended, before it is closed and until the process is gone: a signal
 * that comes now takes nothing from its status. A second one kills as ever, and so does the first
 * if one came before. */
void ending_outlive_signals(void);
/* As it was before, but for what has been changed since. */
void ending_unwatch_signals(struct worker *w);

#endif
