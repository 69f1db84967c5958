/* SPDX-License-Identifier: MIT
 *
 * A round as data, for the files of this folder and tests.
 *
 * The suspects are those tokens that are on TRIAL. When they have been gathered each has a place,
 * by which lists and edges name it; the place stays, the token may end or be acquitted, and its
 * index may become another token's, which is not on trial then. So a place is of a suspect as long
 * as its index is on trial (round_is_on).
 */
#ifndef GAIJIN_BROKER_CYCLES_INTERNAL_H
#define GAIJIN_BROKER_CYCLES_INTERNAL_H

#include <stdarg.h>
#include <uv.h>

#include "broker/core/state.h"

enum {
  CYCLES_SUSPECTS_MOST = 1 << 18, /* in a round: what is older comes first */
  CYCLES_PLACES_MOST = 1 << 21,   /* in all lists of a turn */
  CYCLES_EDGES_MOST = 1 << 20,    /* that are told in a round */
  CYCLES_HOLDERS_MOST = 4096,     /* of a suspect; what is held by more is in use */
  CYCLES_TURNS = 8,               /* of a round, at first */
  CYCLES_HALTS = 8,               /* of a round: of those that spoil them there may be many */
  CYCLES_ROUNDS = 16,             /* remembered */
  CYCLES_AGES = 16,               /* classes of how long one is quiet, by powers of 2 */
  CYCLES_WAITERS = 16,            /* who may have asked for a round */
  CYCLES_WHY = 240,
  CYCLES_PAUSE_LEAST_MS = 50 /* who lets others take less in halt, or has not told, is believed to
                                let them take that */
};

enum cycles_phase { CYCLES_SCAN, CYCLES_CHECK, CYCLES_HALT };

enum cycles_stage {
  CYCLES_IDLE,
  CYCLES_HOSTS,  /* who can be asked */
  CYCLES_MARK,   /* what was quiet is put on trial; or, if that was too much, what was quieter */
  CYCLES_OUT,    /* who hosts no suspect: */
  CYCLES_PRUNE,  /* what they hold is acquitted */
  CYCLES_GATHER, /* suspects get their places */
  CYCLES_COUNT,  /* how long the lists of the members become */
  CYCLES_FILL,   /* the lists */
  CYCLES_SEND,   /* members are asked */
  CYCLES_WAIT,   /* for their answers */
  CYCLES_LIVE,   /* what they reach is acquitted, */
  CYCLES_EDGES,
  CYCLES_TOUCHED, /* with what was touched, */
  CYCLES_SPREAD,  /* and what these reach */
  CYCLES_UNITE,   /* all is clear: which workers belong together, */
  CYCLES_SORT,    /* and which suspects: parts, which are halted one after the other */
  CYCLES_CONDEMN, /* the members of a part are told, ... */
  CYCLES_CONVICT, /* ... and the books */
  CYCLES_RELEASE, /* or nothing came of the part */
  CYCLES_CLEAR    /* the round is over; what is still on trial is acquitted */
};

/* Why one takes no part. The numbers go over to the next program (STATE_FORMAT). */
enum unable_why {
  UNABLE_NOT,
  UNABLE_UNSUPPORTED,
  UNABLE_BUSY,
  UNABLE_HUNG,
  UNABLE_USES, /* these three: in halt */
  UNABLE_LATE,
  UNABLE_IMPATIENT,
  UNABLE_RESTS,
  UNABLE_FULL
};

/* What a round came to. */
enum cycles_outcome { CYCLES_NOTHING, CYCLES_FOUND, CYCLES_UNFINISHED, CYCLES_ABORTED };

/* Of each number of a host that there may have been when the round began. */
struct cycles_host {
  uint32_t suspects; /* it hosts; no less than there are */
  uint32_t member;   /* of this turn; SLAB_NONE: it is none */
  bool can, is_out;  /* be asked; what it holds is no suspect, or about to be none */
  bool is_barred;    /* in this round it has spoilt a halt: what it has and holds is no suspect */
  bool was_idle;     /* when it was asked to check it had no request to answer, */
  uint32_t asked_for; /* was asked for so many objects, */
  uint64_t sent;     /* and had been sent so many messages, with that one */
  uint64_t asked;    /* the incarnation that was asked in this round; 0: none */
  uint64_t spent_ms; /* what the round has taken of it: in scan and check what it told, but no more
                        than that took by our clock, in halt all the time that it stood still */
  uint32_t checked_ms; /* so long it took to answer in check, by our clock; or would have taken, as
                          it told, if it had not looked at the same before */
  uint32_t boss;       /* another host of its part; that of one is itself */
  uint32_t first;    /* of the boss: the first of its part's suspects; SLAB_NONE: it has none */
  uint32_t grown_in; /* the last turn, counted from 1, in which one that it hosts was found live */
  bool has_grown;    /* of the boss: one of its part was, in the last check */
};

struct cycles_suspect {
  uint32_t token;
  uint32_t edges; /* the first one from it; SLAB_NONE */
  uint32_t next;  /* in the stack of those whose edges are to be followed */
  uint32_t in_part; /* the next one of its part */
};

struct cycles_edge {
  uint32_t to, next; /* a place; the next one from the same */
};

/* A list of places in `places`: room for `most`, of which `count` are there. */
struct cycles_list {
  uint32_t at, most, count;
};

struct cycles_member {
  uint32_t host;
  uint64_t id, request; /* its incarnation; of `cycle`, 0: it was not asked yet */
  uint64_t asked_ms;
  struct cycles_list hosted, held;
  uint64_t bytes; /* of the lists on the wire, at most */
  bool answered, is_unable; /* unable: it answered with an error, or will not answer */
  bool is_by_itself; /* in halt: what it does is its own doing (halt.c) */
  uint8_t *live;      /* the bits it answered; NULL: none is set */
  uint8_t *edges;     /* eight bytes each; NULL: none */
  uint32_t edge_count;
  uint32_t found_live; /* of what it holds */
};

/* What is remembered of a round. */
struct cycles_past {
  uint64_t number, ended_ms, took_ms;
  enum cycles_outcome outcome;
  uint32_t suspects, members, turns, condemned, longest_ms;
  uint32_t live; /* the most that one worker keeps, */
  char keeper[TOLD_NAME_MAX_BYTES + 1]; /* and which; "" */
  char why[2 * CYCLES_WHY + 48]; /* what was aborted, and who was left out; "" */
};

struct cycles_waiter {
  uint64_t host, request; /* the observer's id; 0: a free place */
  bool is_served; /* by the round that is on */
};

struct cycles {
  struct broker *b;
  uv_timer_t timer; /* until a round begins, or ends because it takes too long */
  uint64_t late_ms; /* when it takes too long */
  struct job job;   /* of every stage but IDLE and WAIT */
  uint64_t time_ms;
  uint32_t quiet_s;

  /* When. */
  uint64_t pause_ms;     /* to the next round */
  uint64_t due_ms;       /* when it begins, on the loop's clock; */
  uint64_t soonest_ms;    /* when, if there are many new tokens; */
  uint64_t not_before_ms; /* and not before, whatever happens */
  uint32_t tokens_then;  /* when the last one ended */
  uint32_t limit;        /* scans and checks of a round */
  bool is_wanted;        /* a round is to begin at once */
  bool is_closed;
  bool is_running; /* in a slice: the job is not queued */

  /* The round. */
  enum cycles_stage stage;
  enum cycles_phase phase;
  uint64_t number, began_ms;
  uint32_t quiet; /* seconds */
  uint32_t halts;         /* that have begun, all parts of one as one */
  uint32_t turns, checks; /* scans, checks and halts, all parts of a halt as one; but for halts */
  bool is_by_request; /* an observer has asked for it */
  bool is_strict; /* who spoils it is struck: it does not suspect what was used just now */
  bool is_over;   /* there are more suspects than a round may have: */
  bool is_raised; /* so only what is quiet for longer stays on trial, */
  bool is_cut;    /* and some of that is left out */
  uint32_t quiet_ones[CYCLES_AGES]; /* suspects that are quiet for at least 2^n - 1 s, and less than
                                       the next */
  uint32_t cut_at; /* the first token that was left out: gathered first in the next round */
  uint32_t began_at; /* of the round before: gathering begins there, */
  unsigned cut_age;  /* the youngest class; what is older comes first */
  unsigned pass;     /* of gathering: those, then of the others what is above, and below began_at */
  bool is_gathered;
  bool has_grown; /* something was found live in this turn, or could not be asked for */
  uint32_t cursor; /* of the stage */
  uint32_t at;     /* of what it works on within that */
  struct cycles_host *hosts;
  uint32_t host_count;
  uint32_t *out, out_first, out_count; /* hosts whose holdings are to be acquitted: a queue */
  uint32_t pruned, hold; /* the host, and where its holdings go on; SLAB_NONE */
  struct cycles_suspect *suspects;
  uint32_t suspect_count, suspect_room, stack;
  uint64_t entries; /* of lists, that the suspects gathered make */
  struct cycles_member *members;
  uint32_t member_count, member_room, members_most;
  uint32_t *places, place_count;
  struct cycles_edge *edges;
  uint32_t edge_count, edge_room;
  uint32_t edges_told; /* that members' answers have brought */
  uint32_t waiting;    /* members that have not answered */
  uint64_t ended_before, called_ended_before; /* as in refs, when this turn began */
  uint32_t part;        /* that which is halted, by its boss */
  uint32_t parts_first; /* of all rounds: the boss, or one before it, whose part comes first; */
  uint32_t parts_seen;  /* so many hosts from there on have been looked at */
  uint32_t part_count;
  uint32_t parts_waiting; /* for their turn in this halt */
  uint64_t halt_ms, wanted_ms; /* how long answers in halt are waited for; and would be, if all
                                  members let the others take so long */
  uint64_t patience_ms; /* when one of them is about to have waited as long as it lets others */
  bool is_lost;    /* nothing comes of the part that is halted; */
  bool has_lost;   /* and so it was with one of this round */
  bool is_again;   /* of some part nothing came: what is left of it is asked for once more */
  bool has_barred; /* a host, since the books were looked through for what it has */
  bool is_claimed; /* one that was no member has spoilt a halt: the last that may */
  bool is_stopped; /* it is to be aborted as a whole */
  bool is_short;   /* its checks did not suffice: only parts in which nothing was live are halted */
  bool is_cut_off; /* its time was over before all parts had had their turn */
  uint64_t ends_ms; /* when it begins no further check; then no further part */
  uint32_t condemned, suspects_at_first, longest_ms;
  uint32_t live_most;
  char keeper[TOLD_NAME_MAX_BYTES + 1];
  char why[CYCLES_WHY];      /* what was aborted, sentence after sentence */
  char left_out[CYCLES_WHY]; /* names and reasons of who was left out */
  uint32_t more_left_out;    /* for whom there was no room */

  struct cycles_past past[CYCLES_ROUNDS]; /* a ring */
  uint64_t rounds, condemned_ever;
  struct cycles_waiter waiters[CYCLES_WAITERS];
};

/* A slice; true: the stage is done. */
typedef bool (*cycles_slice_fn)(struct cycles *k);

/* ---- suspects.c ---- */

/* Room for what is known of hosts; false when memory is short. */
bool suspects_begin(struct cycles *k);
bool suspects_look_at_hosts(struct cycles *k);
bool suspects_mark(struct cycles *k);
bool suspects_sort_out(struct cycles *k);
bool suspects_prune(struct cycles *k);
bool suspects_gather(struct cycles *k);
bool suspects_clear(struct cycles *k);
/* There are too many of them: from now on, those that are quiet for longest. */
void suspects_raise(struct cycles *k);
void suspects_begin_gathering(struct cycles *k);
/* One is left out because there is no room for it. */
void suspects_cut(struct cycles *k, uint32_t token);
/* It is no suspect any more. */
void suspects_let_go(struct cycles *k, uint32_t token);
/* Whether a client can be asked now. */
bool suspects_can_ask(const struct cycles *k, uint32_t host);
/* Whether its host or a holder has spoilt a halt. Adds to `n` how many holders were looked at. */
bool suspects_is_of_barred(const struct cycles *k, uint32_t token, uint32_t *n);

/* ---- lists.c ---- */

void lists_begin(struct cycles *k);
bool lists_count(struct cycles *k);
/* Between the two: false when memory is short. */
bool lists_make(struct cycles *k);
bool lists_fill(struct cycles *k);
void lists_free(struct cycles *k);
static inline bool round_is_on(const struct cycles *k, uint32_t place) {
  const struct refs *r = &k->b->refs;
  uint32_t token = k->suspects[place].token;
  return slab_live(&r->tokens, token) && refs_token(r, token)->mark & TOKEN_TRIAL;
}

/* ---- parts.c ---- */

/* When nothing is live in what was checked. */
void parts_begin(struct cycles *k);
bool parts_unite(struct cycles *k);
bool parts_sort(struct cycles *k);
/* The next one is the part from now on; false: there is none. */
bool parts_next(struct cycles *k);
/* Those that have had no turn come first in the next round. */
void parts_put_off(struct cycles *k);
/* The places of a turn, in their order: all, or in halt those of the part. SLAB_NONE: no more. */
uint32_t parts_first_place(const struct cycles *k);
uint32_t parts_next_place(const struct cycles *k, uint32_t place);
/* All of the part is garbage. */
bool parts_convict(struct cycles *k);
/* Nothing has come of the part. */
bool parts_release(struct cycles *k);

/* ---- weed.c ---- */

/* The suspect is live: acquitted, and what it reaches will be. */
void weed_live(struct cycles *k, uint32_t place);
bool weed_live_ones(struct cycles *k);
bool weed_edges(struct cycles *k);
bool weed_touched(struct cycles *k);
bool weed_spread(struct cycles *k);

/* ---- messages.c ---- */

/* Its name; NULL: it has gone, and nobody knows it any more. */
const char *messages_name(const struct cycles *k, const struct cycles_member *m);
/* The connection of this incarnation of a host; of a member. NULL: it has gone, or there is
 * none. */
struct client *messages_client_of(const struct cycles *k, uint32_t host, uint64_t id);
struct client *messages_client(const struct cycles *k, const struct cycles_member *m);
/* One member each; true: all are. */
bool messages_ask(struct cycles *k);
bool messages_condemn(struct cycles *k);
void messages_resume(struct cycles *k);
/* Reads a reply into the member; false: its form is wrong, and the client has been condemned. */
bool messages_read(struct cycles *k, struct cycles_member *m, struct client *from,
                   const struct message *msg);

/* ---- when.c ---- */

/* A round is over: when the next one begins. */
void when_settle(struct cycles *k, enum cycles_outcome outcome);
/* The first one is due after the pause. */
void when_begin(struct cycles *k);
/* The timer runs until the next one is due: who is idle is not woken meanwhile. */
void when_schedule(struct cycles *k);
/* Between two rounds, at the end of a turn: many new tokens are a reason not to wait so long. */
void when_hurry(struct cycles *k);
/* Whether one may begin now. */
bool when_may(const struct cycles *k);
/* Answers those whose round is over, or all. */
void when_answer(struct cycles *k, bool all);
/* There is none to be had: nobody holds anything. Answers all. */
void when_answer_none(struct cycles *k);

/* ---- told.c ---- */

/* One more sentence of what has become of the round. */
void told_more(struct cycles *k, const char *format, ...) __attribute__((format(printf, 2, 3)));
void told_more_args(struct cycles *k, const char *format, va_list args);
/* Who asked for it is answered with this outcome, static. */
const char *told_outcome(enum cycles_outcome outcome);
/* The n-th of those that are remembered, the last one first. */
const struct cycles_past *told_last(const struct cycles *k, uint32_t n);
/* A round is over: it is remembered, and the log tells it. */
void told_remember(struct cycles *k, enum cycles_outcome outcome);

/* ---- unable.c ---- */

/* Whether the client takes no part now. */
bool unable_is(const struct cycles *k, const struct client *c);
/* Of enum unable_why; static. "": it is none. */
const char *unable_text(unsigned why);
/* The record of the round names it, as one that was left out. Once: it is not asked any more. */
void unable_note(struct cycles *k, const struct client *c, unsigned why);
/* It has said, in these words, that it cannot look; for good, or now. */
void unable_says(struct cycles *k, struct client *c, bool for_good, const char *words);
/* It has spoilt a round; too often, and it is left out. Rounds by request do not count: they
 * suspect what was used a moment ago. */
void unable_strike(struct cycles *k, struct client *c, enum unable_why why);
/* It has not answered in scan or check. */
void unable_hung(struct cycles *k, struct client *c);
/* It has to rest for so many milliseconds, which the others do not wait for. */
void unable_rest(struct cycles *k, struct client *c, uint64_t ms);
/* The round is over: those that were asked in it, and have not been left out, have answered. */
void unable_forgive(struct cycles *k);

/* ---- round.c ---- */

/* Begins a round; when_may says whether it may. */
void round_begin(struct cycles *k);
/* Members are being asked, or are to answer. */
bool round_is_asking(const struct cycles *k);
/* There is something to do for it now. */
bool round_is_working(const struct cycles *k);
/* A suspect was mentioned in this turn, or has ended. */
bool round_is_touched(const struct cycles *k);
/* It is to be aborted; the first reason counts. */
void round_stop_for(struct cycles *k, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Nothing comes of the part that is halted; the others go on. */
void round_lose_for(struct cycles *k, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A member's answer will not come, or says nothing: all of it is live. */
void round_drop(struct cycles *k, struct cycles_member *m);
/* In so many milliseconds the round is late (cycles_late). */
void round_expect(struct cycles *k, uint64_t ms);
/* Another while for answers in scan and check. */
void round_expect_answers(struct cycles *k);
/* Goes on from what has happened, between two slices. */
void round_react(struct cycles *k);
void round_run_slice(struct cycles *k);
/* Its memory. */
void round_free(struct cycles *k);

/* ---- halt.c ---- */

/* How long answers are waited for: halt_ms, wanted_ms, patience_ms. */
void halt_be_patient(struct cycles *k);
/* Milliseconds from now until it is late, when all have just been asked; or are about to be. */
uint64_t halt_left(const struct cycles *k, bool are_asked);
/* A member has spoilt a halt: what it has and holds is no suspect in this round. It is a strike,
 * for this reason, if that was its own doing; UNABLE_NOT: never. */
void halt_bar(struct cycles *k, const struct cycles_member *m, enum unable_why strike);
/* Has just been asked, to check or to halt. */
void halt_note_asked(struct cycles *k, struct cycles_member *m, const struct client *c);
/* What was done since then is its own doing: it was clear, and stands still. */
void halt_note_clear(struct cycles_member *m);
/* Members have not answered in time, or one could not wait for them any longer. */
void halt_late(struct cycles *k);
/* A suspect of the part was used or given back. */
void halt_touched(struct cycles *k);
/* A member says that it cannot wait. */
void halt_withdrawn(struct cycles *k, const struct cycles_member *m, struct client *from);

/* ---- cycles.c ---- */

/* The timer has fired. */
void cycles_late(struct cycles *k);

#endif
