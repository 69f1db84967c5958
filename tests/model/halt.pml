/* SPDX-License-Identifier: MIT
 *
 * Cycles over workers: two workers, each with an object that holds an AT of the other's. The broker asks both what they reach
 * without the two tokens, first while they run (check), then halted, and condemns. Follows broker/cycles/ and lua/cycles/;
 * README.md tells what is left out. The scan before does no more than a check, and the counts of references are refs.pml's.
 *
 * An object may be a root, or the AT; each may also be in a weak table, from which a script fetches it without a message. What
 * has no other reference is still there: its pool entry, or the collector that has not run, keeps it. A step is one message
 * handled, one decision of a script, or one answer of a forked child. -DM_... makes one wrong turn; -DGOAL=n must be reachable.
 *
 * -DPARTS: the two are one part of several that are halted one after the other. Between check and halt they run while another part
 * stands still, of which there is a third worker: it is no member, and may be sent a token meanwhile. A halt that comes to nothing
 * is followed by another check and halt of the same round, so ROUNDS is how often; decisions of all of them name the same round.
 */
#ifndef SENDS
#define SENDS 2
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif
#ifndef CUTS
#define CUTS 1
#endif
#define DEPTH 3 /* messages in a stream */

#define VALUE 0    /* of this token */
#define CHECK 1    /* of this round */
#define HALT 2
#define CONDEMN 3
#define RESUME 4
#define LIVE 5     /* an answer in this round, to CHECK or HALT */
#define CLEAR 6
#define HALT_LIVE 7
#define HALT_CLEAR 8
#define WITHDRAW 9
#define AWAY 10    /* VALUE, to the third worker; from that: to the other one of the token's */
#define WAIT 11    /* a phase of the broker's: all is clear, and another part is halted */

#ifdef PARTS
#define IS_HALTED(x) (halted[x] != 0)
#define IS_ROUND(number) true
#else
#define IS_HALTED(x) (halted[x] == arg)
#define IS_ROUND(number) (number == round)
#endif
#ifdef M_ANY_VOTE
#define IS_ANSWER(number) true
#else
#define IS_ANSWER(number) (number == round)
#endif

chan up0 = [DEPTH] of { byte, byte };
chan up1 = [DEPTH] of { byte, byte };
chan down0 = [DEPTH] of { byte, byte };
chan down1 = [DEPTH] of { byte, byte };

/* Of each worker. */
bool root_own[2], root_at[2]; /* a script has its object; the AT of the other's */
bool weak_own[2] = true, weak_at[2] = true;
bool has_at[2] = true;               /* its object has the AT */
bool pinned[2], pending[2];          /* a value of its own token, of the other's, waits undecoded */
bool condemned[2];                   /* its token */
byte halted[2];                      /* in this round; 0: it runs */
byte child[2];                       /* what a forked one is about to answer; 0: there is none */
byte child_round[2], checked[2];     /* nothing was live in the check of this round, and no code has run since */
bool asked_out[2];                   /* it has said withdraw */

#ifdef PARTS
chan up2 = [1] of { byte, byte };
chan down2 = [1] of { byte, byte };
bool third_has[2], third_waits[2];   /* the third worker's scripts have the AT; a value waits there */
#endif
byte flying[2];                      /* messages with a value of this token */
byte sends = SENDS, cuts = CUTS;

/* The broker. */
byte phase, round, rounds = ROUNDS;  /* phase: 0, CHECK, WAIT or HALT */
bool voted[2], touched;
bool done;                           /* condemned once */

hidden byte kind, arg;
hidden byte own_reached, at_reached, live;
hidden byte obj0, obj1, tok0, tok1;
hidden byte a_live_token_is_condemned, names_what_is_gone; /* names for run.sh, always false */

/* Which tokens are live: what waits or flies, an AT that a script has, or one of a live object. */
inline judge() {
  tok0 = pinned[0] || flying[0] > 0 || root_at[1] || pending[1];
  tok1 = pinned[1] || flying[1] > 0 || root_at[0] || pending[0];
#ifdef PARTS
  tok0 = tok0 || third_has[0] || third_waits[0];
  tok1 = tok1 || third_has[1] || third_waits[1];
#endif
  obj0 = root_own[0] || tok0;
  obj1 = root_own[1] || tok1;
  tok0 = tok0 || (obj1 && has_at[1]);
  tok1 = tok1 || (obj0 && has_at[0]);
  obj0 = obj0 || tok0;
  obj1 = obj1 || tok1;
  tok0 = tok0 || (obj1 && has_at[1]);
  tok1 = tok1 || (obj0 && has_at[0])
}
inline nothing_wrong() {
  judge();
  assert(!(condemned[0] && tok0) || a_live_token_is_condemned);
  assert(!(condemned[1] && tok1) || a_live_token_is_condemned)
}

#ifdef PARTS
#define ROOM_DOWN (len(down0) < DEPTH && len(down1) < DEPTH && nfull(down2))
/* As the books say: what it holds is no suspect. */
#define THIRD_HOLDS (third_has[0] || third_has[1] || third_waits[0] || third_waits[1] || len(down2) > 0 || len(up2) > 0)
#else
#define THIRD_HOLDS false
#define ROOM_DOWN (len(down0) < DEPTH && len(down1) < DEPTH)
#endif
#define ROOM_UP(x) ((x == 0 && nfull(up0)) || (x == 1 && nfull(up1)))

inline send_up(x, k, a) {
  if
  :: x == 0 -> up0!k,a
  :: else -> up1!k,a
  fi
}
inline tell_both(k, a) { down0!k,a; down1!k,a }

/* What the collector of worker x finds without the pool entries of the suspects. */
inline look(x) {
  own_reached = root_own[x];
#ifndef M_PINS_IGNORED
  own_reached = own_reached || pinned[x]; /* that entry stays */
#endif
  at_reached = root_at[x] || (own_reached && has_at[x]);
  live = at_reached;
#ifndef M_PENDING_IGNORED
  live = live || pending[x];
#endif
#if !defined(M_PINS_IGNORED) && !defined(M_PINNED_UNREPORTED)
  live = live || pinned[x];
#endif
}

/* ---- The broker ---- */

inline end_round() {
  if
  :: phase == HALT -> tell_both(RESUME, round)
  :: else
  fi;
  phase = 0
}
inline enter(p) {
  phase = p;
  voted[0] = false;
  voted[1] = false;
  touched = false;
  tell_both(p, round)
}
/* All is clear in check. */
inline go_on() {
#ifdef PARTS
  phase = WAIT
#else
  enter(HALT)
#endif
}
inline condemn() {
  tell_both(CONDEMN, round);
  phase = 0;
  done = true
}

inline take_vote(x, is_live) {
  voted[x] = true;
  if
  :: (is_live) || (touched && phase == HALT) -> end_round()
#ifdef M_ONE_VOTE
  :: !(is_live) && !touched && phase == HALT -> condemn()
#endif
  :: else ->
    if
    :: voted[0] && voted[1] && phase == CHECK && touched -> end_round()
#ifdef M_NO_HALT
    :: voted[0] && voted[1] && phase == CHECK && !touched -> condemn()
#else
    :: voted[0] && voted[1] && phase == CHECK && !touched -> go_on()
#endif
    :: voted[0] && voted[1] && phase == HALT -> condemn()
    :: else
    fi
  fi
}

inline touch() {
  assert(!done || !condemned[arg] || names_what_is_gone);
#ifndef M_NO_TOUCH
  touched = true;
  if
  :: phase == HALT -> end_round()
  :: else
  fi
#endif
}

inline broker_reads(x) {
  if
  :: kind == VALUE ->
    touch();
    if
    :: x == 0 -> down1!VALUE,arg
    :: else -> down0!VALUE,arg
    fi
#ifdef PARTS
  :: kind == AWAY -> touch(); down2!VALUE,arg
#endif
  :: (kind == LIVE || kind == CLEAR) && phase == CHECK && IS_ANSWER(arg) && !voted[x] -> take_vote(x, kind == LIVE)
  :: (kind == HALT_LIVE || kind == HALT_CLEAR) && phase == HALT && IS_ANSWER(arg) && !voted[x] ->
    take_vote(x, kind == HALT_LIVE)
  :: kind == WITHDRAW && phase == HALT && IS_ROUND(arg) -> end_round()
  :: else
  fi
}

#ifdef PARTS
/* The other part has been halted. */
inline halt_this_part() {
  if
#ifndef M_TOUCH_FORGOTTEN
  :: touched -> end_round()
#endif
  :: else -> enter(HALT)
  fi
}

/* ---- The third worker ---- */

inline broker_reads_of_third() {
  touch();
  if
  :: (arg == 0) == (kind == VALUE) -> down0!VALUE,arg
  :: else -> down1!VALUE,arg
  fi
}

inline third() {
  if
  :: nempty(down2) -> down2?kind,arg; flying[arg]--; third_waits[arg] = true
  :: third_waits[0] -> third_waits[0] = false; third_has[0] = true
  :: third_waits[1] -> third_waits[1] = false; third_has[1] = true
  :: third_has[0] -> third_has[0] = false
  :: third_has[1] -> third_has[1] = false
  :: third_has[0] && sends > 0 && nfull(up2) -> sends--; flying[0]++; up2!VALUE,0
  :: third_has[1] && sends > 0 && nfull(up2) -> sends--; flying[1]++; up2!VALUE,1
  :: third_has[0] && sends > 0 && nfull(up2) -> sends--; flying[0]++; up2!AWAY,0
  :: third_has[1] && sends > 0 && nfull(up2) -> sends--; flying[1]++; up2!AWAY,1
  fi;
  nothing_wrong()
}
#endif

/* ---- Workers ---- */

inline vote(x, k, r) {
#ifdef M_VOTE_OVERTAKES
  kind = k;
  arg = r;
  broker_reads(x)
#else
  send_up(x, k, r)
#endif
}

inline condemn_here(x) {
  judge();
  assert(!(x == 0 && tok0) || a_live_token_is_condemned);
  assert(!(x == 1 && tok1) || a_live_token_is_condemned);
  condemned[x] = true;
#ifndef M_NO_COLLECT
  /* One full collection: what is not a root goes out of weak tables, and dies. */
  weak_own[x] = weak_own[x] && root_own[x];
  weak_at[x] = weak_at[x] && (root_at[x] || (root_own[x] && has_at[x]));
  has_at[x] = has_at[x] && root_own[x];
#endif
  halted[x] = 0
}

inline worker_reads(x) {
  if
  :: kind == VALUE ->
    flying[arg]--;
    if
    :: arg == x -> assert(!condemned[x] || names_what_is_gone); pinned[x] = true
    :: else -> pending[x] = true
    fi
  :: kind == CHECK || kind == HALT ->
#if !defined(M_HALT_LATE) && !defined(M_NO_HALT)
    if
    :: kind == HALT -> halted[x] = arg; asked_out[x] = false
    :: else
    fi;
#endif
    look(x);
    if
    :: kind == HALT && checked[x] == arg && !pinned[x] && !pending[x] -> vote(x, HALT_CLEAR, arg)
    :: else ->
      child_round[x] = arg;
      child[x] = ((kind == CHECK) -> (live -> LIVE : CLEAR) : (live -> HALT_LIVE : HALT_CLEAR));
      checked[x] = ((kind == CHECK && !live) -> arg : 0)
    fi
  :: kind == CONDEMN ->
#if defined(M_NO_HALT) || defined(M_HALT_LATE) || defined(M_UNILATERAL)
    condemn_here(x)
#else
    if
    :: IS_HALTED(x) -> condemn_here(x)
    :: else
    fi
#endif
  :: kind == RESUME ->
    if
    :: IS_HALTED(x) -> halted[x] = 0
    :: else
    fi
  fi
}

#ifdef M_RAN_IGNORED
#define RUNS(x)
#else
#define RUNS(x) checked[x] = 0
#endif

/* One decision of a script of worker x, which is not halted; o is the other one. */
inline script(x, o) {
  if
  :: weak_own[x] && !root_own[x] -> root_own[x] = true
  :: weak_at[x] && !root_at[x] -> root_at[x] = true
  :: root_own[x] -> root_own[x] = false
  :: root_at[x] -> root_at[x] = false
  :: root_own[x] && has_at[x] && !root_at[x] -> root_at[x] = true
  :: root_own[x] && has_at[x] && cuts > 0 -> has_at[x] = false; cuts--
  :: pinned[x] -> pinned[x] = false; root_own[x] = true
  :: pending[x] -> pending[x] = false; root_at[x] = true
  :: root_own[x] && sends > 0 && ROOM_UP(x) && !condemned[x] -> sends--; flying[x]++; send_up(x, VALUE, x)
  :: root_at[x] && sends > 0 && ROOM_UP(x) -> sends--; flying[o]++; send_up(x, VALUE, o)
#ifdef PARTS
  :: root_own[x] && sends > 0 && ROOM_UP(x) && !condemned[x] -> sends--; flying[x]++; send_up(x, AWAY, x)
  :: root_at[x] && sends > 0 && ROOM_UP(x) -> sends--; flying[o]++; send_up(x, AWAY, o)
#endif
  fi;
  RUNS(x);
  nothing_wrong()
}

inline answer_child(x) {
  kind = child[x];
  arg = child_round[x];
  child[x] = 0;
#ifdef M_HALT_LATE
  if
  :: kind == HALT_LIVE || kind == HALT_CLEAR -> halted[x] = arg
  :: else
  fi;
#endif
  vote(x, kind, arg)
}

inline withdraw(x) {
  asked_out[x] = true;
  send_up(x, WITHDRAW, halted[x]);
#ifdef M_UNILATERAL
  halted[x] = 0
#endif
}

#ifdef GOAL
#if GOAL == 1 /* both are condemned, and nothing is wrong */
#define REACHED (condemned[0] && condemned[1])
#elif GOAL == 2 /* a value crosses the request to halt */
#define REACHED (phase == HALT && halted[0] == round && flying[0] > 0)
#elif GOAL == 3 /* who could not wait was condemned all the same */
#define REACHED (asked_out[0] && condemned[0])
#elif GOAL == 4 /* an object that is a root is condemned: its token only */
#define REACHED (condemned[0] && root_own[0])
#elif GOAL == 5 /* what the third worker was sent, and has let go, is condemned */
#define REACHED (condemned[0] && sends == 0)
#endif
#define GOAL_IS assert(!(REACHED))
#else
#define GOAL_IS skip
#endif

init {
  atomic {
    root_at[0] = true;
    root_at[1] = true
  }
  do
  /* The broker. */
  :: atomic { nempty(up0) && ROOM_DOWN && !(len(down0) + 1 >= DEPTH && phase) -> up0?kind,arg; broker_reads(0); GOAL_IS }
  :: atomic { nempty(up1) && ROOM_DOWN && !(len(down1) + 1 >= DEPTH && phase) -> up1?kind,arg; broker_reads(1); GOAL_IS }
  :: atomic { phase == 0 && !done && rounds > 0 && ROOM_DOWN && !THIRD_HOLDS -> rounds--; round++; enter(CHECK) }
  :: atomic { phase != 0 && ROOM_DOWN -> end_round() } /* it takes too long */
#ifdef PARTS
  :: atomic { phase == WAIT && ROOM_DOWN -> halt_this_part(); GOAL_IS }
  :: atomic { nempty(up2) && ROOM_DOWN && !(len(down0) + 1 >= DEPTH && phase) -> up2?kind,arg; broker_reads_of_third() }
  :: atomic { (len(down2) > 0 || third_has[0] || third_has[1] || third_waits[0] || third_waits[1]) -> third() }
#endif
  /* Workers. */
  :: atomic { nempty(down0) && child[0] == 0 && nfull(up0) && ROOM_DOWN -> down0?kind,arg; worker_reads(0); GOAL_IS }
  :: atomic { nempty(down1) && child[1] == 0 && nfull(up1) && ROOM_DOWN -> down1?kind,arg; worker_reads(1); GOAL_IS }
  :: atomic { child[0] != 0 && nfull(up0) && ROOM_DOWN -> answer_child(0); GOAL_IS }
  :: atomic { child[1] != 0 && nfull(up1) && ROOM_DOWN -> answer_child(1); GOAL_IS }
  :: atomic { halted[0] == 0 -> script(0, 1) }
  :: atomic { halted[1] == 0 -> script(1, 0) }
  :: atomic { halted[0] != 0 && child[0] == 0 && !asked_out[0] && nfull(up0) -> withdraw(0) }
  :: atomic { halted[1] != 0 && child[1] == 0 && !asked_out[1] && nfull(up1) -> withdraw(1) }
  od
}
