/* SPDX-License-Identifier: MIT
 *
 * How two ends of a pair of rings sleep and are woken (proto/ring/ring.h), on processors that order memory weakly. Each end sends
 * BYTES and takes as many; it sleeps when it can do neither, for a knock that may mean bytes or room. All bytes come, in order, and
 * no wake-up is lost: nobody sleeps for ever.
 *
 * A store goes into its process's buffer, which has one place for each variable; places drain in any order. A releasing store waits
 * until the buffer is empty. A sequentially consistent load waits until the sequentially consistent stores of its process have
 * drained, as on arm64; that is weaker than x86. Loads are in the order of the program, as acquiring ones are.
 * A knock is the kernel's: seen at once, and more than one is as good as one.
 *
 * Ring r is written by process r and read by the other. -DM_... makes one wrong turn; -DGOAL=n must be reachable.
 */
#ifndef BYTES
#define BYTES 3
#endif
#ifndef ROOM
#define ROOM 2
#endif

byte head[2], base[2], tail[2];
byte cell0[2], cell1[2]; /* the two places of each ring */
bit sleeping[2], wants_room[2];
bit knock[2]; /* to process p */
bit done[2];

/* Buffers of process p: whether the place is taken, and the value. Of the out ring head, base, a byte and wants_room; of the in ring tail
 * and sleeping. The last clears the other's flag in the mutant that
 * does so with a store. */
bit has_head[2], has_base[2], has_byte[2], has_full[2], has_tail[2], has_sleeping[2], has_clear[2];
byte head_to[2], base_to[2], byte_to[2], tail_to[2];
bit at_cell[2], full_to[2], sleeping_to[2];

hidden byte bytes_are_right, no_wake_up_is_lost; /* names for run.sh, as in refs.pml; always false */

#define OTHER (1 - me)
#define NOTHING_BUT_HEAD_IS_WAITING (!has_byte[me] && !has_base[me] && !has_full[me] && !has_tail[me] && !has_sleeping[me])
#define EMPTY (NOTHING_BUT_HEAD_IS_WAITING && !has_head[me] && !has_clear[me])

#ifdef M_HEAD_RELEASE
#define AFTER_HEAD true
#else
#define AFTER_HEAD (!has_head[me])
#endif
#ifdef M_TAIL_RELEASE
#define AFTER_TAIL true
#else
#define AFTER_TAIL (!has_tail[me])
#endif
#ifdef M_SLEEPING_RELAXED
#define AFTER_SLEEPING true
#else
#define AFTER_SLEEPING (!has_sleeping[me])
#endif
#ifdef M_FULL_RELAXED
#define AFTER_FULL true
#else
#define AFTER_FULL (!has_full[me])
#endif

/* The knock of who has put or taken: looks at the flag, and takes it away by an exchange, which empties the buffer. */
inline knock_if(flag, after) {
  atomic { after -> is = flag };
  if
  :: is ->
#ifdef M_LATE_CLEAR
     knock[OTHER] = 1;
     atomic { !has_clear[me] -> has_clear[me] = 1; is = 0 }
#else
     atomic { EMPTY -> is = flag; flag = 0 };
     if
     :: is -> atomic { knock[OTHER] = 1; is = 0 }
     :: else
     fi
#endif
  :: else
  fi
}

inline put() {
  atomic { used = sent - tail[me] };
  if
  :: used < ROOM ->
     /* Rewinds while all was taken. */
     if
#ifdef M_REWIND_ALWAYS
     :: true ->
#else
     :: used == 0 ->
#endif
        atomic { !has_base[me] -> first = sent % 2; has_base[me] = 1; base_to[me] = first }
     :: else
     fi;
     atomic { !has_byte[me] -> has_byte[me] = 1; byte_to[me] = sent + 1; at_cell[me] = (sent + first) % 2 };
     did = 1;
#ifdef M_KNOCK_EARLY
     knock_if(sleeping[me], true);
#endif
     atomic {
#ifdef M_PUBLISH_RELAXED
       !has_head[me] && !has_base[me]
#else
#ifdef M_BASE_LATE
       !has_head[me] && !has_byte[me]
#else
       NOTHING_BUT_HEAD_IS_WAITING && !has_head[me]
#endif
#endif
       -> sent++; has_head[me] = 1; head_to[me] = sent
     };
#ifndef M_KNOCK_EARLY
     knock_if(sleeping[me], AFTER_HEAD)
#endif
  :: else
  fi
}

/* One, or all that are there. */
inline take() {
  atomic { have = head[OTHER] - got };
  if
  :: have > 0 ->
     do
     :: atomic {
          have > 0 ->
          from = (got + base[OTHER]) % 2;
          assert((from == 0 -> cell0[OTHER] : cell1[OTHER]) == got + 1 || bytes_are_right);
          from = 0; got++; have--; did = 1
        }
     :: atomic { got > taken -> have = 0 }; break
     od;
     /* A releasing store, so the bytes have been copied. */
     atomic { EMPTY -> taken = got; has_tail[me] = 1; tail_to[me] = got };
     knock_if(wants_room[OTHER], AFTER_TAIL)
  :: else
  fi
}

proctype End(byte me) {
  byte sent, got, taken, used, have;
  bit first, from, is, did;
  do
  :: sent == BYTES && got == BYTES -> break
  :: else ->
     did = 0;
     if
     :: sent < BYTES -> put()
     :: else
     fi;
     take();
     if
     :: did -> goto again
     :: else
     fi;
     if
     :: sent < BYTES ->
        atomic { !has_full[me] -> has_full[me] = 1; full_to[me] = 1 };
        /* room? */
#ifndef M_NO_RECHECK_ROOM
        atomic { AFTER_FULL -> used = sent - tail[me] };
        if
        :: used < ROOM -> atomic { !has_full[me] -> has_full[me] = 1; full_to[me] = 0 }; goto again
        :: else
        fi
#endif
     :: else
     fi;
     atomic { !has_sleeping[me] -> has_sleeping[me] = 1; sleeping_to[me] = 1 };
#ifndef M_NO_RECHECK
     atomic { AFTER_SLEEPING -> is = head[OTHER] != got };
     if
     :: is -> atomic { !has_sleeping[me] -> has_sleeping[me] = 1; sleeping_to[me] = 0; is = 0 }; goto again
     :: else
     fi;
#endif
#ifdef M_SWALLOW
     knock[me] = 0; /* after the look */
#endif
     atomic { knock[me] -> knock[me] = 0 };
     atomic { !has_sleeping[me] -> has_sleeping[me] = 1; sleeping_to[me] = 0 };
again:
     atomic { did = 0; used = 0 }
  od;
  done[me] = 1
}

/* The buffers drain, whenever and in whatever order. */
proctype Memory(byte me) {
end:
  do
  :: atomic { has_head[me] -> head[me] = head_to[me]; has_head[me] = 0; head_to[me] = 0 }
  :: atomic { has_base[me] -> base[me] = base_to[me]; has_base[me] = 0; base_to[me] = 0 }
  :: atomic {
       has_byte[me] ->
       if
       :: at_cell[me] == 0 -> cell0[me] = byte_to[me]
       :: else -> cell1[me] = byte_to[me]
       fi;
       has_byte[me] = 0; byte_to[me] = 0; at_cell[me] = 0
     }
  :: atomic { has_full[me] -> wants_room[me] = full_to[me]; has_full[me] = 0; full_to[me] = 0 }
  :: atomic { has_tail[me] -> tail[OTHER] = tail_to[me]; has_tail[me] = 0; tail_to[me] = 0 }
  :: atomic { has_sleeping[me] -> sleeping[OTHER] = sleeping_to[me]; has_sleeping[me] = 0; sleeping_to[me] = 0 }
  :: atomic { has_clear[me] -> sleeping[me] = 0; has_clear[me] = 0 }
  od
}

proctype Watch() {
end:
  timeout;
  assert((done[0] && done[1]) || no_wake_up_is_lost)
}

#ifdef GOAL
proctype Goal() {
end:
#if GOAL == 1 /* both rings are full at once */
  head[0] - tail[0] == ROOM && head[1] - tail[1] == ROOM;
#else /* a knock comes to one who is awake, as it is for a look that found the bytes already */
  knock[0] && !has_sleeping[0] && !sleeping[1] && head[1] == tail[1];
#endif
  assert(0)
}
#endif

init {
  atomic {
    run Memory(0);
    run Memory(1);
    run End(0);
    run End(1);
    run Watch()
#ifdef GOAL
    ;
    run Goal()
#endif
  }
}
