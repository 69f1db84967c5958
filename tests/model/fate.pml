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
  deaths--;
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
  :: link[w] != UP -> link[w] = UP; gone[w] = true
  :: else
  fi
}

/* The broker condemns the connection, for a fault or because the worker reads nothing or came back too late: the rest of
 * what it had written is not routed. To all others this is a death; the worker itself learns that its tokens and ATs are dead. */
inline cut_off(w) {
  flush(up[w]);
  kill(w)
}

inline crash_for(w) {
  flush(up[w]);
  if
  :: alive[w] && link[w] == UP -> link[w] = CUT
  :: else
  fi;
  held[w] = 0;
  knows[w] = false;
  back[w] = false;
  waiting[w] = false;
  gone[w] = !alive[w]
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
  :: d_step { deaths > 0 && alive[H] -> kill(H) }
  :: d_step { deaths > 0 && alive[A] -> kill(A) }
  :: d_step { deaths > 0 && alive[B] -> kill(B) }
  :: d_step { deaths > 0 && alive[H] && nempty(up[H]) -> cut_off(H) }
  :: d_step { deaths > 0 && alive[A] && nempty(up[A]) -> cut_off(A) }
  :: d_step { deaths > 0 && alive[B] && nempty(up[B]) -> cut_off(B) }
  :: d_step { restarts > 0 -> crash() }
  od
}
