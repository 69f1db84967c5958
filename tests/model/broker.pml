/* SPDX-License-Identifier: MIT
 *
 * The broker's side: broker/books/refs.c, transfer.c, route.c, holdings.c, reap.c. One process for each connection it reads, all on
 * the same books; a step is a whole message with everything that is queued because of it. A message whose consequences do not
 * fit into the streams waits, which only the bounded streams of the model need.
 */

#ifdef M_NO_GRACE
#define in_grace false
#else
#define in_grace grace
#endif

/* Nobody holds it: the host is told, or, if it is dead, the tombstone goes. */
inline settle() {
  if
  :: record && held[A] == 0 && held[B] == 0 && !in_grace ->
     record = false;
     if
     :: !gone[H] -> tell(H, DROP, seen)
     :: else -> knows[A] = false; knows[B] = false
     fi;
     seen = 0
  :: else
  fi
}

/* A message of worker w has the PT: the host's counts as seen, others must hold it. */
inline take(w) {
  if
  :: w == H -> record = true; seen++
  :: else -> assert(held[w] > 0)
  fi
}

inline hold(w) {
  if
  :: w != H -> held[w]++
  :: else
  fi
}

/* After what was delivered: whoever hears of a dead host for the first time is told so. */
inline introduce(w) {
  if
  :: w != H && !knows[w] ->
     knows[w] = true;
     if
#ifndef M_DEAD_UNTOLD
     :: gone[H] -> tell(w, DEAD, 0)
#endif
     :: else
     fi
  :: else
  fi
}

inline forward(w, to) {
  up[w]?VALUE,_;
  take(w);
#ifndef M_HOLD_ON_RECEIPT
  hold(to);
#endif
#ifdef M_DROP_OVERTAKES
  settle();
#endif
  tell(to, VALUE, 0);
  introduce(to);
  settle()
}

/* No such call, no room, the receiver dead, the body too large for it: the sender hears of it or nobody does. */
inline discard(w) {
  up[w]?VALUE,_;
#ifndef M_UNREACHED_NOT_SEEN
  take(w);
#endif
  settle()
}

inline use(w, forwarded) {
  up[w]?USE,_;
  assert(held[w] > 0);
  if
  :: forwarded -> tell(H, USE, 0)
  :: else
  fi
}

#ifdef M_UNSUB_OVERTAKES
#define unsub_here(w) up[w]??[UNSUB,_]
#else
#define unsub_here(w) up[w]?[UNSUB,_]
#endif

inline release(w) {
  up[w]??UNSUB,n; /* the first in the stream; which is the head, by unsub_here */
#ifdef M_BOOLEAN
  held[w] = 0;
#else
  assert(held[w] >= n);
  held[w] = held[w] - n;
#endif
  n = 0;
  settle()
}

inline grant(w) {
  hold(w);
  tell(w, GRANTED, 0);
  introduce(w)
}

inline claim(w) {
  up[w]?CLAIM,_;
  if
  :: record -> grant(w)
  :: !record && in_grace && !back[H] -> waiting[w] = true
  :: else -> tell(w, REFUSED, 0)
  fi
}

/* A client that asked by host and id is given the PT by the broker itself, which counts nothing as seen: the host has sent
 * nothing. Only what has a record can be lent, so a drop of it has not been said. The request has no part in the counting: a
 * loan may be made at any time. */
#ifdef M_LOAN_OF_DROPPED
#define lendable (life != UNMADE)
#else
#define lendable record
#endif

inline lend(w) {
  loans--;
#ifdef M_LOAN_SEEN
  seen++;
#endif
#ifndef M_LOAN_NOT_HELD
  hold(w);
#endif
  tell(w, VALUE, 0);
  introduce(w)
}

/* A token that a worker kept over a restart. */
inline announced() {
  up[H]?ANNOUNCE,_;
  record = true;
  seen++;
  if
  :: waiting[A] -> waiting[A] = false; grant(A)
  :: else
  fi;
  if
  :: waiting[B] -> waiting[B] = false; grant(B)
  :: else
  fi;
  settle()
}

/* What a dead worker had written has been routed. Its holdings go; its token stays as a tombstone while others hold it. */
inline bury(w) {
  gone[w] = true;
#ifndef M_ROSTER_LATE
  slot[w] = false; /* the roster first: all that follows may tell of the death */
#endif
#ifndef M_HOLDINGS_OUTLIVE
  held[w] = 0;
#endif
  waiting[w] = false;
  if
  :: w == H ->
#ifdef M_NO_TOMBSTONE
     record = false; seen = 0; held[A] = 0; held[B] = 0;
#endif
     if
     :: knows[A] -> tell(A, DEAD, 0)
     :: else
     fi;
     if
     :: knows[B] -> tell(B, DEAD, 0)
     :: else
     fi
  :: else
  fi;
  settle()
}

#ifdef M_DEATH_OVERTAKES
#define read_to_end(w) true
#else
#define read_to_end(w) empty(up[w])
#endif

#define connected(w) (link[w] == UP && !gone[w])
#define fits(w) space(w, 1 + (w == H || gone[H]))

proctype broker(byte w) {
end:
  do
  :: d_step { up[w]?[VALUE,H] && connected(H) && fits(H) -> forward(w, H) }
  :: d_step { up[w]?[VALUE,A] && connected(A) && fits(A) && space(H, 1) -> forward(w, A) }
  :: d_step { up[w]?[VALUE,B] && connected(B) && fits(B) && space(H, 1) -> forward(w, B) }
  :: d_step { up[w]?[VALUE,_] && space(H, 1) -> discard(w) }
  :: d_step { up[w]?[USE,_] && connected(H) && space(H, 1) -> use(w, true) }
  :: d_step { up[w]?[USE,_] -> use(w, false) }
  :: d_step { unsub_here(w) && space(H, 1) -> release(w) }
  :: d_step { up[w]?[CLAIM,_] && space(w, 2) -> claim(w) }
  :: d_step { up[w]?[ANNOUNCE,_] && space(H, 1) && space(A, 1) && space(B, 1) -> announced() }
  :: d_step { loans > 0 && w != H && connected(w) && connected(H) && lendable && space(w, 2) -> lend(w) }
  :: d_step { up[w]?[BACK,_] -> up[w]?BACK,_; back[w] = true }
  :: d_step { up[w]?[FREED,_] -> up[w]?FREED,_ }
  :: d_step { frees > 0 && w != H && connected(w) && space(w, 1) -> frees--; tell(w, FREE, 0) }
  :: d_step { (!alive[w] || (lapsed[w] && !grace)) && !gone[w] && read_to_end(w) &&
       space(H, 1) && space(A, 1) && space(B, 1) -> bury(w) }
  od
}

inline refuse_waiting(w) {
  if
  :: waiting[w] -> waiting[w] = false; tell(w, REFUSED, 0)
  :: else
  fi
}

/* Ends when everybody is back and has said all that it had to say, or counts as dead (fate). */
#ifdef M_GRACE_UNMARKED
#define returned(w) (gone[w] || link[w] == UP)
#else
#define returned(w) (gone[w] || back[w])
#endif

/* The grace period ended by time without this worker: it is declared dead, and finds that out at its next hello. */
inline lapse(w) {
  if
  :: !returned(w) -> expel(w); bury(w)
  :: else
  fi
}

proctype grace_period() {
end:
  do
  :: d_step { grace && lapses > 0 && !(returned(H) && returned(A) && returned(B)) &&
       space(H, 2) && space(A, 3) && space(B, 3) ->
       lapses--;
       lapse(H);
       lapse(A);
       lapse(B);
       grace = false;
       refuse_waiting(A);
       refuse_waiting(B);
       settle()
     }
#ifdef M_ROSTER_LATE
  :: d_step { gone[H] && slot[H] -> slot[H] = false }
  :: d_step { gone[A] && slot[A] -> slot[A] = false }
  :: d_step { gone[B] && slot[B] -> slot[B] = false }
#endif
  :: d_step { grace && returned(H) && returned(A) && returned(B) && space(H, 1) && space(A, 1) && space(B, 1) ->
       grace = false;
       refuse_waiting(A);
       refuse_waiting(B);
       settle()
     }
  od
}
