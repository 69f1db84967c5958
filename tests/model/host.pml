/* SPDX-License-Identifier: MIT
 *
 * The host's side: client-lib/token.c, and write.c for what counts as sent. `sent` falls only by drops, and with a new
 * connection it starts again: from then on it says what the new broker was told.
 */
#ifdef M_PINS_IGNORED
#define unpinned true
#else
#define unpinned (pins == 0)
#endif

#if defined(M_LATE_ADMITTED) /* a declared death is forgotten when the worker comes back */
#define accepted(w) (slot[w] || (gone[w] && !grace))
#elif defined(M_NO_ROSTER) /* in its grace period a new broker accepts every old id */
#define accepted(w) (slot[w] || grace)
#elif defined(M_ROSTER_LATE) /* the broker that declared the death remembers it; its successor has the roster only */
#define accepted(w) (slot[w] && !gone[w] && (!lapsed[w] || cutter_died[w]))
#else
#define accepted(w) slot[w]
#endif

inline host_settle() {
  if
  :: life == KEPT && sent == 0 && unpinned -> forget()
  :: else
  fi
}

inline host_send(w) {
  life = KEPT;
  sent++;
  sends--;
  client_met = client_met || w != H;
  put(H, VALUE, w)
}

/* A message whose encoding is refused in the end: tokens made for it are given back. */
inline host_refused_send() {
  refusals--;
  if
  :: life == UNMADE -> n = 1; life = KEPT
  :: else -> n = 0
  fi;
#ifdef M_SENT_EARLY
  sent++;
#endif
  if
  :: n == 1 && sent == 0 -> life = UNMADE
  :: else -> host_settle()
  fi;
  n = 0
}

inline host_dropped() {
  down[H]?DROP,n;
#ifdef M_NO_SEEN
  sent = 0;
#else
  assert(life == KEPT && n <= sent);
  sent = sent - n;
#endif
  n = 0;
  host_settle()
}

/* A home PT in a body, or as a target: it must be known, and is pinned until it has been dealt with. */
inline host_arrive(kind) {
  down[H]?kind,_;
  assert(life == KEPT);
  pins++
}

/* The connection has been read to its end. The announcement that will be made counts as one sending from now on. */
inline host_lose() {
  link[H] = OFF;
#ifndef M_RESTART_KEEPS_SENT
  if
  :: life == KEPT ->
#ifdef M_RESTART_COUNTS_LATE
    sent = 0;
    host_settle()
#else
    sent = 1
#endif
  :: else
  fi
#endif
}

/* hello with the old id. Accepted by its slot only; then nobody may have been told of its death. Refused, it forgets its tokens. */
inline host_reconnect() {
  if
  :: accepted(H) ->
     assert((!(alive[A] && told[A]) && !(alive[B] && told[B])) || death_is_final);
     lapsed[H] = false; gone[H] = false; slot[H] = true;
     host_return()
  :: else -> kill(H)
  fi
}

inline host_return() {
  link[H] = UP;
  if
  :: life == KEPT -> up[H]!ANNOUNCE,0
#ifdef M_RESTART_COUNTS_LATE
    ; sent = 1
#endif
  :: else
  fi;
  up[H]!BACK,0
}

#ifdef M_RESTART_UNDRAINED
#define drained(w) true
#else
#define drained(w) empty(down[w])
#endif

proctype host() {
end:
  do
  :: d_step { sends > 0 && life != FORGOTTEN && can_put(H) -> host_send(A) }
  :: d_step { sends > 0 && life != FORGOTTEN && can_put(H) && client_met -> host_send(B) }
  :: d_step { sends > 0 && life != FORGOTTEN && can_put(H) -> host_send(H) }
  :: d_step { refusals > 0 && life != FORGOTTEN && can_put(H) -> host_refused_send() }
  :: d_step { alive[H] && down[H]?[DROP,_] -> host_dropped() }
  :: d_step { alive[H] && down[H]?[VALUE,_] -> host_arrive(VALUE) }
  :: d_step { alive[H] && down[H]?[USE,_] -> host_arrive(USE) }
  /* decoded, thrown away, or the request dealt with */
  :: d_step { alive[H] && pins > 0 -> pins--; host_settle() }
  :: d_step { alive[H] && link[H] == CUT && drained(H) -> host_lose() }
  :: d_step { alive[H] && link[H] == OFF && empty(down[H]) -> host_reconnect() }
  od
}
