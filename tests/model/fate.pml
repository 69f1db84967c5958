/* SPDX-License-Identifier: MIT
 *
 * What nobody decides: workers are killed with their input unread, or cut off by the broker; the broker is killed.
 */

inline flush(stream) {
  do
  :: nempty(stream) -> stream?_,_
  :: empty(stream) -> break
  od
}

/* What it had written before is still in `up`. A broker that it never came back to never hears of it. */
inline kill(w) {
  alive[w] = false;
  flush(down[w]);
  at[w] = false;
  count[w] = 0;
  pending[w] = 0;
  claiming[w] = false;
  asked_free[w] = false;
  told[w] = false;
  if
  :: w == H -> sent = 0; pins = 0
  :: else
  fi;
  if
  :: link[w] != UP -> link[w] = UP;
     if
     :: !lapsed[w] -> gone[w] = true; slot[w] = false
     :: else /* its death has been declared: whoever did it buries it */
     fi
  :: else
  fi;
  lapsed[w] = false
}

/* The broker condemns the connection, for a fault or because the worker reads nothing or came back too late: the rest of
 * what it had written is not routed. To all others this is a death; the worker itself learns that its tokens and ATs are dead. */
inline cut_off(w) {
  flush(up[w]);
  kill(w)
}

/* A living broker declares a living worker dead: its slot is freed, the connection ends, and bury does the rest. */
inline expel(w) {
  flush(up[w]);
  lapsed[w] = true;
  if
  :: alive[w] && link[w] == UP -> link[w] = CUT
  :: else
  fi
#ifndef M_ROSTER_LATE
  ;
  slot[w] = false
#endif
}

inline crash_for(w) {
#ifdef M_ROSTER_LATE
  cutter_died[w] = lapsed[w];
#endif
  flush(up[w]);
  if
  :: alive[w] && link[w] == UP -> link[w] = CUT
  :: else
  fi;
  held[w] = 0;
  knows[w] = false;
  back[w] = false;
  waiting[w] = false;
#ifndef M_NO_ROSTER
  gone[w] = !alive[w] || !slot[w]
#else
  gone[w] = !alive[w]
#endif
}

/* What the broker had sent is in the sockets and will be read; what it had not read is lost, and so are its books. */
inline crash() {
  restarts--;
  crash_for(H);
  crash_for(A);
  crash_for(B);
  record = false;
  seen = 0;
  grace = true
}

proctype fate() {
end:
  do
  :: d_step { deaths > 0 && alive[H] -> deaths--; kill(H) }
  :: d_step { deaths > 0 && alive[A] -> deaths--; kill(A) }
  :: d_step { deaths > 0 && alive[B] -> deaths--; kill(B) }
  :: d_step { deaths > 0 && alive[H] && nempty(up[H]) -> deaths--; cut_off(H) }
  :: d_step { deaths > 0 && alive[A] && nempty(up[A]) -> deaths--; cut_off(A) }
  :: d_step { deaths > 0 && alive[B] && nempty(up[B]) -> deaths--; cut_off(B) }
  :: d_step { lapses > 0 && alive[H] && link[H] == UP && !gone[H] && !grace -> lapses--; expel(H) }
  :: d_step { lapses > 0 && alive[A] && link[A] == UP && !gone[A] && !grace -> lapses--; expel(A) }
  :: d_step { lapses > 0 && alive[B] && link[B] == UP && !gone[B] && !grace -> lapses--; expel(B) }
  :: d_step { restarts > 0 -> crash() }
  od
}
