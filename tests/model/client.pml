/* SPDX-License-Identifier: MIT
 *
 * A client's side: client-lib/holding.c, receive.c and values.c. `count` says how many deliveries the broker has booked for
 * us that we know of and have not given back; a holding with count 0 is a claim under way.
 */
inline client_arrive(w) {
  down[w]?VALUE,_;
#ifdef M_HOLD_ON_RECEIPT
  held[w]++;
#endif
#ifndef M_COUNT_AT_DECODING
  count[w]++;
#endif
  pending[w]++
}

inline client_decode(w) {
  pending[w]--;
#ifdef M_COUNT_AT_DECODING
  count[w]++;
#endif
  at[w] = true
}

inline client_unsub(w) {
  put(w, UNSUB, count[w]);
  count[w] = 0
}

inline client_pass(w, to) {
  sends--;
  put(w, VALUE, to)
}

inline client_claim(w) {
  claiming[w] = true;
  put(w, CLAIM, 0)
}

/* The broker agrees: one more delivery. `wanted`: nobody gave the claim up meanwhile. */
inline client_granted(w, wanted) {
  down[w]?GRANTED,_;
  claiming[w] = false;
#ifndef M_RESTART_COUNTS_AT_ONCE
  count[w]++;
#endif
  at[w] = at[w] || wanted
}

/* What is used without count was claimed after a restart: it must be granted as long as its host lives. If the host did not come
 * back, the token is dead: ATs, and values that are decoded later, stay as those of a dead host and need no release. */
inline client_refused(w) {
  down[w]?REFUSED,_;
  claiming[w] = false;
  if
  :: count[w] == 0 && used(w) -> assert(!alive[H] || lapsed[H] || death_is_final); told[w] = true
  :: else
  fi
}

inline client_hears_death(w) {
  down[w]?DEAD,_;
  assert(!alive[H] || lapsed[H] || death_is_final);
  told[w] = true
}

/* The connection has been read to its end: releases and claims are thrown away, what is used will be claimed. */
inline client_lose(w) {
  link[w] = OFF;
  claiming[w] = false;
  asked_free[w] = false;
#ifndef M_RESTART_KEEPS_COUNT
  count[w] = 0
#endif
}

/* hello with the old id. Who is accepted lost nothing: what it uses has not been dropped while it was away. */
inline client_reconnect(w) {
  if
  :: accepted(w) ->
     assert(!(used(w) && life == FORGOTTEN && alive[H]) || death_is_final);
     lapsed[w] = false; gone[w] = false; slot[w] = true;
     client_return(w)
  :: else -> kill(w)
  fi
}

inline client_return(w) {
  link[w] = UP;
  if
  :: used(w) -> client_claim(w)
#ifdef M_RESTART_COUNTS_AT_ONCE
    ; claiming[w] = false; count[w] = 1
#endif
  :: else
  fi;
  up[w]!BACK,0
}

#define can_release(w) (count[w] > 0 && !at[w] && !claiming[w] && (pending[w] == 0 || IGNORE_PENDING))
#ifdef M_PENDING_IGNORED
#define IGNORE_PENDING true
#else
#define IGNORE_PENDING false
#endif

proctype client(byte w) {
end:
  do
  :: d_step { alive[w] && down[w]?[VALUE,_] -> client_arrive(w) }
  :: d_step { alive[w] && pending[w] > 0 -> client_decode(w) }
  :: d_step { alive[w] && pending[w] > 0 -> pending[w]-- /* cancelled, late, or not wholly decoded: given back */ }
  :: d_step { alive[w] && at[w] -> at[w] = false /* collected; the release is queued */ }
  :: d_step { can_put(w) && can_release(w) -> client_unsub(w) }
  :: d_step { sends > 0 && can_put(w) && at[w] && count[w] > 0 -> client_pass(w, H) }
  :: d_step { sends > 0 && can_put(w) && at[w] && count[w] > 0 -> client_pass(w, A) }
  :: d_step { sends > 0 && can_put(w) && at[w] && count[w] > 0 -> client_pass(w, B) }
  :: d_step { uses > 0 && can_put(w) && at[w] && count[w] > 0 -> uses--; put(w, USE, 0) }
  /* a PT that came by another road, or a resurrected AT: in the second case its queued release may be taken back */
  :: d_step { claims > 0 && can_put(w) && !claiming[w] && life != UNMADE -> claims--; client_claim(w) }
  :: d_step { claims > 0 && alive[w] && can_release(w) -> claims--; at[w] = true }
  :: d_step { alive[w] && down[w]?[GRANTED,_] -> client_granted(w, true) }
  :: d_step { alive[w] && down[w]?[GRANTED,_] -> client_granted(w, false) }
  :: d_step { alive[w] && down[w]?[REFUSED,_] -> client_refused(w) }
  :: d_step { alive[w] && down[w]?[DEAD,_] -> client_hears_death(w) }
  :: d_step { alive[w] && down[w]?[FREE,_] -> down[w]?FREE,_; asked_free[w] = true }
  :: d_step { can_put(w) && asked_free[w] && !can_release(w) -> asked_free[w] = false; put(w, FREED, 0) }
  :: d_step { alive[w] && link[w] == CUT && drained(w) -> client_lose(w) }
  :: d_step { alive[w] && link[w] == OFF && empty(down[w]) -> client_reconnect(w) }
  od
}
