/* SPDX-License-Identifier: MIT
 *
 * Cycles over workers: two workers, each with an object that holds an AT of the other's. The broker asks both what they reach
 * without the two tokens, first while they run (check), then halted, and condemns. Follows broker/cycles/ and lua/cycles/;
 * README.md tells what is left out. The scan before does no more than a check, and the counts of references are refs.pml's.
 *
 * An object may be a root, or the AT; each may also be in a weak table, from which a script fetches it without a message. What
 * has no other reference is still there: its pool entry, or the collector that has not run, keeps it. A step is one message
 * handled, one decision of a script, or one answer of a forked child. -DM_... makes one wrong turn; -DGOAL=n must be reachable.
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

byte flying[2];                      /* messages with a value of this token */
byte sends = SENDS, cuts = CUTS;

/* The broker. */
byte phase, round, rounds = ROUNDS;  /* phase: 0, CHECK or HALT */
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

#define ROOM_DOWN (len(down0) < DEPTH && len(down1) < DEPTH)
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
    :: voted[0] && voted[1] && phase == CHECK && !touched -> enter(HALT)
#endif
    :: voted[0] && voted[1] && phase == HALT -> condemn()
    :: else
    fi
  fi
}

inline broker_reads(x) {
  if
  :: kind == VALUE ->
    assert(!done || !condemned[arg] || names_what_is_gone);
#ifndef M_NO_TOUCH
    touched = true;
    if
    :: phase == HALT -> end_round()
    :: else
    fi;
#endif
    if
    :: x == 0 -> down1!VALUE,arg
    :: else -> down0!VALUE,arg
    fi
  :: (kind == LIVE || kind == CLEAR) && phase == CHECK && arg == round && !voted[x] -> take_vote(x, kind == LIVE)
  :: (kind == HALT_LIVE || kind == HALT_CLEAR) && phase == HALT && arg == round && !voted[x] ->
    take_vote(x, kind == HALT_LIVE)
  :: kind == WITHDRAW && phase == HALT && arg == round -> end_round()
  :: else
  fi
}

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
    :: halted[x] == arg -> condemn_here(x)
    :: else
    fi
#endif
  :: kind == RESUME ->
    if
    :: halted[x] == arg -> halted[x] = 0
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
  :: atomic { phase == 0 && !done && rounds > 0 && ROOM_DOWN -> rounds--; round++; enter(CHECK) }
  :: atomic { phase != 0 && ROOM_DOWN -> end_round() } /* it takes too long */
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
