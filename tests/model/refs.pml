/* SPDX-License-Identifier: MIT
 *
 * The reference protocol (docs/references.md), for one token: its host, two clients, the broker, and fate, which kills workers
 * and the broker. README.md tells what is left out and why that is sound.
 *
 * Every step is one d_step: one message handled, or one decision of a script. That is what the programs do, each being
 * single-threaded; what happens between two steps is the order of the streams, which is what is searched here.
 * Names of what they do in C: arrive, unpend, settle (client-lib/holding.c, token.c), see, hold, release, settle (broker/books/refs.c).
 *
 * Bounds, given with -D: SENDS messages with the PT in all, DEPTH messages in each direction of a connection, and how often
 * each of USES, REFUSALS, CLAIMS, FREES, LOANS, DEATHS, RESTARTS, LAPSES happens.  -DM_... makes one wrong turn each; run.sh lists them.
 * -DGOAL=n reports a state that must be reachable (goals.pml) as an error.
 */
#ifndef SENDS
#define SENDS 3
#endif
#ifndef DEPTH
#define DEPTH 4
#endif
#ifndef USES
#define USES 0
#endif
#ifndef REFUSALS
#define REFUSALS 0
#endif
#ifndef CLAIMS
#define CLAIMS 0
#endif
#ifndef FREES
#define FREES 0
#endif
#ifndef LOANS
#define LOANS 0
#endif
#ifndef DEATHS
#define DEATHS 0
#endif
#ifndef RESTARTS
#define RESTARTS 0
#endif
#ifndef LAPSES
#define LAPSES 0 /* workers declared dead while they live: expelled by a living broker, or late when grace ends by time */
#endif

/* ---- The world ---- */

#define H 0 /* the host of the token */
#define A 1
#define B 2

/* VALUE: a message of any kind whose body has the PT; up, it is for the worker `number`.
 * Down, it may be a loan: a reply of the broker's own. USE: a request whose target is the PT. GRANTED, REFUSED: answers to CLAIM (op sub). FREED: the answer to FREE.
 * ANNOUNCE (the host's token) and BACK (all has been said) belong to a new connection after a restart of the broker. */
mtype = { VALUE, USE, UNSUB, DROP, DEAD, FREE, FREED, CLAIM, GRANTED, REFUSED, ANNOUNCE, BACK };

chan up[3] = [DEPTH] of { mtype, byte };   /* worker to broker: its out-queue and the socket */
chan down[3] = [DEPTH] of { mtype, byte }; /* broker to worker: its outbox and the socket */

/* A connection: UP; CUT, the broker has gone but the worker has not read up to the end yet; OFF, the worker knows. */
#define UP 0
#define CUT 1
#define OFF 2
byte link[3];
bool alive[3] = true;

byte sends = SENDS, uses = USES, refusals = REFUSALS, claims = CLAIMS, frees = FREES, loans = LOANS;
byte deaths = DEATHS, restarts = RESTARTS, lapses = LAPSES;

/* The host's record of its token. */
#define UNMADE 0
#define KEPT 1
#define FORGOTTEN 2
byte life, sent, pins;
bool client_met; /* some client was sent the PT: until then A stands for both, because they are alike */

/* The clients' holdings. `at`: it has users, which in Lua means that there is an AT. */
byte count[3], pending[3];
bool at[3], claiming[3], told[3], asked_free[3];

/* The broker's books. `gone`: the worker's death has been processed. `knows`: the host was introduced to it. */
bool record;
byte seen, held[3];
bool gone[3], knows[3];
/* After a restart: no drops until all are back; claims that wait for their host. */
bool grace, back[3], waiting[3];

/* The roster survives the broker; a worker with a `slot` in it has not been declared dead.
 * `lapsed`: the worker was declared dead, but is alive and has not heard of it. */
bool slot[3] = true, lapsed[3];
#ifdef M_ROSTER_LATE
bool cutter_died[3]; /* the broker that declared it dead has died before it freed the slot */
#endif

hidden byte n; /* scratch of one step */

/* Names of what is asserted, always false: pan prints the expression, and run.sh looks there for the name. */
hidden byte death_is_final, not_in_use;

#define used(w) (at[w] || pending[w] > 0)
#define space(w, k) (!alive[w] || lapsed[w] || len(down[w]) + (k) <= DEPTH)

/* ---- Streams ---- */

#define can_put(w) (alive[w] && (link[w] == CUT || (link[w] == UP && len(up[w]) < DEPTH)))

/* What is written into a connection that was cut is lost. */
inline put(w, kind, number) {
  if
  :: link[w] == UP -> up[w]!kind,number
  :: else
  fi
}

/* What is queued for a worker that was killed reaches nobody. */
inline tell(w, kind, number) {
  if
  :: alive[w] && !lapsed[w] -> down[w]!kind,number
  :: else
  fi
}

/* ---- What must never be ---- */

#define value_for(w) (alive[w] && !lapsed[w] && \
  (down[w]??[VALUE,_] || up[H]??[VALUE,w] || up[A]??[VALUE,w] || up[B]??[VALUE,w]))
#define use_for_host (down[H]??[USE,_] || up[A]??[USE,_] || up[B]??[USE,_])

/* The host forgets: nobody may hold the object or be about to, no value or request that is not yet dealt with may need it. */
inline forget() {
  assert(((!used(A) || lapsed[A]) && (!used(B) || lapsed[B]) && pins == 0) || not_in_use);
  assert((!value_for(H) && !value_for(A) && !value_for(B)) || not_in_use);
  assert(!use_for_host || not_in_use);
  life = FORGOTTEN
}

#define silent(w) (empty(up[w]) && empty(down[w]))
#define settled(w) (alive[w] -> (link[w] == UP && !used(w) && count[w] == 0 && !claiming[w] && !asked_free[w]) : gone[w])
#define quiet (silent(H) && silent(A) && silent(B) && settled(H) && settled(A) && settled(B) && pins == 0 && !grace)
#define empty_books (!record && held[A] == 0 && held[B] == 0 && !waiting[A] && !waiting[B] && (life != KEPT || !alive[H]))
#define not_told(w) (alive[w] && at[w] && gone[H] && !told[w] && link[w] == UP && !claiming[w] && silent(w) && !grace)

#ifdef GOAL
#include "goals.pml"
#endif

/* Enabled only in a state that must not be: nothing is under way and nobody holds anything, but something is kept; or
 * everything has come to rest while something is still open. */
active proctype watcher() {
  if
#ifdef GOAL
  :: goal -> assert(false /* reached, as it should be */)
#endif
  :: quiet && !empty_books -> assert(false /* kept for nobody */)
  :: not_told(A) || not_told(B) -> assert(false /* a death that a holder was never told of */)
  :: record && !grace && held[A] == 0 && held[B] == 0 -> assert(false /* a record without holders */)
  :: timeout -> assert(quiet /* all have come to rest */)
  fi
}

#include "fate.pml"
#include "host.pml"
#include "client.pml"
#include "broker.pml"

init {
  atomic {
    run host();
    run client(A);
    run client(B);
    run broker(H);
    run broker(A);
    run broker(B);
    run grace_period();
    run fate()
  }
}
