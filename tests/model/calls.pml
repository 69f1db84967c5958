/* SPDX-License-Identifier: MIT
 *
 * Calls over restarts of the broker: a caller, a host that serves one call at a time, and the broker between them, which dies
 * RESTARTS times. Each of the CALLS calls is executed at most once and ends exactly once: by its own answer, by a refusal
 * (nothing was done), or as `lost` (outcome unknown). Follows client-lib and broker/core; README.md tells what is left out.
 *
 * A step is a whole message or one decision, as in refs.pml. -DM_... makes one wrong turn; -DGOAL=n must be reachable.
 */
#ifndef CALLS
#define CALLS 2
#endif
#ifndef RESTARTS
#define RESTARTS 2
#endif
#define ROOM 3    /* messages in a stream */
#define IDS 8     /* more than calls are ever forwarded */
#define NOTHING 255

#define C 0 /* the caller's connection */
#define S 1 /* the host's */

chan queued = [ROOM] of { byte };      /* the caller's out-queue: numbers of calls, not in the socket yet */
chan asking = [ROOM] of { byte };      /* caller to broker */
chan ended_by = [ROOM] of { byte, bool };   /* broker to caller: the call, and whether it is an answer or a refusal */
chan serve = [ROOM] of { byte, byte }; /* broker to host: the broker's id, the call */
chan served = [ROOM] of { byte, byte };/* host to broker: the broker's id, the call that is answered */

#define UP 0  /* as in refs.pml */
#define CUT 1
#define OFF 2
byte link[2], restarts = RESTARTS;

byte started, ends[CALLS], executed[CALLS];
bool open[CALLS];
byte answers; /* ends by an answer */

byte serving = NOTHING, serving_id, serving_on, connection; /* what the host is at, and the connection that it came on */
byte asked[IDS] = NOTHING, next_id; /* the broker's calls: id to call */

hidden byte k, id;
hidden byte yes;
hidden byte at_most_once, one_end, own_answer, every_call_ends; /* names for run.sh, as in refs.pml; always false */

inline empty_out(stream) {
  do
  :: nempty(stream) -> stream?_
  :: empty(stream) -> break
  od
}

inline empty_out_pairs(stream) {
  do
  :: nempty(stream) -> stream?_,_
  :: empty(stream) -> break
  od
}

inline finish(x) {
  ends[x]++;
  assert(ends[x] == 1 || one_end);
  open[x] = false
}

#ifdef M_LATE_DRAIN /* open calls are failed before the old connection has been read to its end, which is read all the same */
#define drained true
#else
#define drained empty(ended_by)
#endif

/* An open call when the connection is lost. */
inline fail(x) {
#ifdef M_LATE_DRAIN
  ends[x]++
#elif defined(M_RESEND) /* it is not failed, but sent again on the new connection */
  skip
#else
  finish(x)
#endif
}

inline lose() {
  link[C] = OFF;
#ifndef M_QUEUE_KEPT /* what was queued for the old connection goes out on the new one */
  empty_out(queued);
#endif
  k = 0;
  do
  :: k < CALLS ->
     if
     :: open[k] -> fail(k)
     :: else
     fi;
     k++
  :: else -> break
  od;
  k = 0
}

inline resend() {
  k = 0;
  do
  :: k < CALLS ->
     if
     :: open[k] -> asking!k
     :: else
     fi;
     k++
  :: else -> break
  od;
  k = 0
}

proctype caller() {
end:
  do
  :: d_step { started < CALLS && link[C] == UP && len(queued) < ROOM -> queued!started; open[started] = true; started++ }
  :: d_step { link[C] == UP && nempty(queued) && len(asking) < ROOM -> queued?k; asking!k; k = 0 }
  :: d_step { ended_by?[_,_] -> ended_by?k,yes;
       if
       :: open[k] -> finish(k); answers = answers + yes
       :: else -> assert(ends[k] == 1 || one_end)
       fi;
       k = 0; yes = false }
  :: d_step { link[C] == CUT && drained -> lose() }
  :: d_step { link[C] == OFF && empty(ended_by) && empty(asking) -> link[C] = UP
#ifdef M_RESEND
       ;
       resend()
#endif
     }
  od
}

#ifdef M_OLD_REPLY /* the answer to a request of the old connection is sent on the new one */
#define answerable (link[S] == UP)
#else
#define answerable (link[S] == UP && serving_on == connection)
#endif

proctype host() {
end:
  do
  :: d_step { serving == NOTHING && serve?[_,_] -> serve?id,k;
       serving = k; serving_id = id; serving_on = connection;
       executed[k]++;
       assert(executed[k] == 1 || at_most_once);
       k = 0; id = 0 }
  :: d_step { serving != NOTHING && (link[S] != UP || len(served) < ROOM) ->
       if
       :: answerable -> served!serving_id,serving
       :: else
       fi;
       serving = NOTHING }
  :: d_step { link[S] == CUT && empty(serve) -> link[S] = OFF }
  :: d_step { link[S] == OFF && empty(served) -> link[S] = UP; connection++ }
  od
}

inline cut(w) {
  if
  :: link[w] == UP -> link[w] = CUT
  :: else
  fi
}

/* The broker is killed and another one starts. What it had sent will be read; its books and its input are lost. */
inline crash() {
  restarts--;
  empty_out(asking);
  empty_out_pairs(served);
  cut(C);
  cut(S);
  k = 0;
  do
  :: k < IDS -> asked[k] = NOTHING; k++
  :: else -> break
  od;
  k = 0
#ifdef M_IDS_AGAIN /* each broker counts its calls from 0, instead of from generation << 40 */
  ;
  next_id = 0
#endif
}

proctype broker() {
end:
  do
  :: d_step { link[C] == UP && asking?[_] && link[S] == UP && len(serve) < ROOM -> asking?k;
       asked[next_id] = k; serve!next_id,k; next_id++; k = 0 }
  :: d_step { link[C] == UP && asking?[_] && link[S] != UP && len(ended_by) < ROOM -> asking?k;
       ended_by!k,false; k = 0 } /* dead or away: nothing was done */
  :: d_step { link[S] == UP && served?[_,_] && len(ended_by) < ROOM -> served?id,k;
       if
       :: asked[id] != NOTHING ->
          assert(asked[id] == k || own_answer);
          if
          :: link[C] == UP -> ended_by!asked[id],true
          :: else
          fi;
          asked[id] = NOTHING
       :: else
       fi;
       k = 0; id = 0 }
  :: d_step { restarts > 0 -> crash() }
  od
}

#if GOAL == 1 /* a call is told as lost, but it was executed */
#define goal (executed[0] == 1 && ends[0] == 1 && answers == 0 && ended_by_nothing)
#define ended_by_nothing (link[C] == OFF && started == 1)
#elif GOAL == 2 /* every call has its answer, after every restart */
#define goal (restarts == 0 && link[C] == UP && answers == CALLS)
#elif GOAL == 3 /* the host is at a request of the old connection while the new one is up and has a call for it */
#define goal (serving != NOTHING && link[S] == UP && serving_on != connection && nempty(serve))
#elif GOAL == 4 /* a call is refused while the host is away */
#define goal (link[C] == UP && link[S] == OFF && ended_by?[_,false])
#endif

active proctype watcher() {
  if
#ifdef GOAL
  :: goal -> assert(false /* reached, as it should be */)
#endif
  :: timeout ->
     d_step {
       k = 0;
       do
       :: k < started -> assert(ends[k] == 1 || every_call_ends); k++
       :: else -> break
       od;
       k = 0
     }
  fi
}

init {
  atomic {
    run caller();
    run host();
    run broker()
  }
}
