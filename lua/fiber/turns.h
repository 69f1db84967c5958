/* SPDX-License-Identifier: MIT
 *
 * Whose fiber runs next. Every fiber is some asker's: of the worker whose request it serves, or of
 * this one itself (the script, timers, what it spawned). Each asker has a queue of ready fibers,
 * first in, first out, and the askers take turns: deficit round robin by measured time. An asker
 * has a credit, off which goes what its fibers run. With credit left it is run; without, it goes
 * behind the others and gets a quantum. One that becomes ready with credit left goes before all
 * others but those that did so before it: who asks little need not wait for those who ask much, and
 * cannot get more than its share so. One that was not known begins behind the others: nobody gets
 * more by coming under another name.
 *
 * By time and not by number, because one request may cost a thousand times what another does. The
 * clock is only read while others wait. When nobody is ready any more all have credit again.
 *
 * Fibers are shared as well: an asker may have FIBERS_SHARE times as many as are free. So one alone
 * gets seven eighths of --max-fibers, and two that want all get 7/15 each. Nested requests, which
 * somebody that serves us may wait for, may bring it to FIBERS_SHARE_NESTED times, and so may what
 * its requests spawn. One of FIBERS_KEPT does not count as free: it is for askers who have none.
 * The worker's own fibers may be all the others.
 */
#ifndef GAIJIN_LUA_TURNS_H
#define GAIJIN_LUA_TURNS_H

#include "lua/fiber/record.h"

/* Seconds. So long an asker runs before the next; so long fibers run before the socket is looked at
 * again; more debt than that is forgiven. A fiber is never interrupted, so each may take longer. */
#define TURNS_QUANTUM 0.0002
#define TURNS_SECONDS 0.001
#define TURNS_DEBT_MOST 10.0
/* Seconds. For so long none of an asker's requests can have been begun for lack of fibers, nor any
 * of its fibers have run, before that is taken for a knot: its fibers may wait for somebody who
 * waits for us. Then its nested requests are refused (serve/begin.h), and whoever has many fibers
 * here and waits for room where nothing has been taken for as long (ask/room.h). */
#define BEGIN_STALL 0.1

enum { FIBERS_SHARE = 7, FIBERS_SHARE_NESTED = 15, FIBERS_KEPT = 32 };

/* The record of a host that asks, made if there is none; NULL when memory is short. It stays while
 * the asker has fibers or requests here; between two events one without them may go. */
struct asker *turns_asker(struct worker *w, uint64_t host);
/* The same; NULL: there is none. */
struct asker *turns_find(const struct worker *w, uint64_t host);

/* The host has ended: its record goes with the last of its fibers and requests, whatever it
 * owes. */
void turns_host_died(struct worker *w, uint64_t host);

/* So many more may be made; so many, by askers who have some. */
static inline uint64_t turns_left(const struct worker *w) {
  const struct scheduler *s = &w->sched;
  return s->n_fibers < s->max_fibers ? s->max_fibers - s->n_fibers : 0;
}
static inline uint64_t turns_free(const struct worker *w) {
  uint64_t left = turns_left(w), kept = w->sched.max_fibers / FIBERS_KEPT;
  return left > kept ? left - kept : 0;
}

/* Whether one more of the asker's fibers may be made for what it has sent. */
static inline bool turns_may_begin(const struct worker *w, const struct asker *a, bool nested) {
  uint64_t share = nested ? FIBERS_SHARE_NESTED : FIBERS_SHARE;
  return a->n_fibers == 0 ? turns_left(w) > 0 : a->n_fibers < share * turns_free(w);
}

/* Whether one more may be made for what its fibers ask for here. The worker itself has no share to
 * keep to. */
static inline bool turns_may_spawn(const struct worker *w, const struct asker *a) {
  if (a != &w->sched.own) return turns_may_begin(w, a, true);
  return (a->n_fibers == 0 ? turns_left(w) : turns_free(w)) > 0;
}

/* Whether the asker has at least an even part of all fibers. While fibers are short somebody has,
 * and should not keep them to wait for what may need one here. */
static inline bool turns_has_many(const struct worker *w, const struct asker *a) {
  return a->n_fibers > 0 && (uint64_t)a->n_fibers * w->sched.n_holders >= w->sched.n_fibers;
}

/* A fiber has been made: it is the worker's own. */
void turns_join(struct fiber *f);
/* The fiber, which has not run, is this asker's from now on. */
void turns_give(struct fiber *f, struct asker *a);
/* It ends: its asker has one less. */
void turns_leave(struct fiber *f);

/* Puts a fiber that is marked as queued behind the others of its asker; in front of them, to run
 * in this turn still; takes it out. */
void turns_add(struct worker *w, struct fiber *f);
void turns_add_first(struct worker *w, struct fiber *f);
void turns_remove(struct worker *w, struct fiber *f);

/* A turn begins: what becomes ready from now on is for the next one. It ends. */
void turns_begin(struct worker *w);
void turns_end(struct worker *w);
/* The next fiber of this turn, taken out, no more marked; NULL: all have run, or the time is up. */
struct fiber *turns_take(struct worker *w);
/* A fiber of this asker has run. */
void turns_ran(struct worker *w, struct asker *a);

/* Whether own fibers of the worker that became ready up to this turn are yet to run. */
static inline bool turns_own_left(const struct worker *w, uint64_t turn) {
  const struct fiber *first = w->sched.own.ready_first;
  return first && first->ready_in <= turn;
}

/* All ready fibers are forgotten; all askers, which have no fibers then, are freed. */
void turns_clear(struct worker *w);
void turns_deinit(struct worker *w);

/* NULL, or a static text that says which invariant is broken. */
const char *turns_check(const struct worker *w);

#endif
