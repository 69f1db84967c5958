/* SPDX-License-Identifier: MIT
 *
 * What the files of libgaijin share. A `struct gaijin` owns everything: buffers,
 * the message being written, and five registries, each of which is one file:
 *
 *   token.c    home tokens: sent (PTs of it that entered the out-queue and were not
 *              dropped yet), pins (values not yet read, targets of open requests).
 *              A token ends when both are 0 and a drop or an unpin says so.
 *   holding.c  foreign tokens: count (what unsub must carry), pending (values not yet
 *              read), users (the program's). Without users and pending it is queued.
 *   host.c     hosts introduced by the broker; window.c: what of our requests they have not taken,
 *              and what of theirs we have.
 *   call.c     our requests under way.
 *   values.c   bodies of received messages; cycle.c: those that tell of suspects.
 *
 * returning.h tells how a connection comes back when its broker has gone, and which files do that.
 * receive.c turns messages into changes of these and call-backs, io.c moves bytes, write.c makes
 * messages and put.c their values, hello.c and connect.c start and end a connection, fork.c keeps
 * a child of the program's away from it.
 *
 * Functions shared between the files begin with gj_: the library is also linked
 * statically, and programs have tokens, calls and hosts of their own.
 */
#ifndef GAIJIN_CLIENT_INTERNAL_H
#define GAIJIN_CLIENT_INTERNAL_H

#include <sys/types.h>

#include <gaijin/gaijin.h>
#include "client-lib/carried.h"
#include "client-lib/list.h"
#include "client-lib/returning.h"
#include "client-lib/table.h"
#include "proto/body.h"
#include "proto/buffer.h"
#include "proto/clock.h"
#include "proto/frame.h"
#include "proto/limits.h"
#include "proto/message.h"
#include "proto/name.h"
#include "proto/ops.h"
#include "proto/pack.h"
#include "proto/wait/polling.h"
#include "proto/status.h"
#include "proto/window.h"

/* Stamps fetched from the kernel at a time: 4 KiB. */
enum { STAMP_BLOCK = 512 };
/* The most bytes that wait for the broker to read them; then sends are answered `busy`. */
#define OUT_QUEUE_MOST (2u << 30)

struct host {
  struct table_node node; /* key: host id */
  struct link unused; /* in gaijin.unused_hosts while dead and not referred to */
  uint32_t holdings;
  struct window sent;  /* of our requests to it, what it has not been said to have taken */
  struct window taken; /* of its requests to us that count, what has not been reported yet */
  uint32_t undone;     /* of `taken`, the one-way requests that will never be done */
  struct link report;  /* in gaijin.reports while a report is due */
  bool dead;
  bool succeeded; /* another had its name when it ended */
  bool disowned; /* dead to us since we were declared dead: it may live, and be introduced again */
  bool unsure;   /* known of an earlier broker, and not introduced by the present one */
  bool room_due; /* requests were under way when the broker went; the program is to be told */
  char *name; /* NULL until introduced */
};

struct gaijin_token {
  struct table_node node; /* key: token id */
  uint64_t stamp, sent;
  void *tag;
  gaijin_token *staged_next; /* in writer.staged while staged > 0 */
  uint32_t staged;           /* PTs of it in the message being written */
  uint32_t pins;
  uint32_t weight; /* KiB, as the broker was told; 0: it was not */
  uint8_t kind;
  bool owed; /* a word of it to a new broker, which counts in sent already */
  bool weight_owed;
  bool condemned; /* nobody uses it: it is not found any more, and ends when it has been dropped */
};

struct gaijin_holding {
  struct table_node node; /* key: holding_key() */
  struct link release;    /* in gaijin.releases */
  struct pt pt;
  struct host *host;
  uint64_t count;
  uint32_t pending : 29;
  uint32_t claim : 2;    /* enum claim */
  uint32_t was_gone : 1; /* it was CLAIM_GONE before it was counted from 0 */
  uint32_t users;
};

struct call {
  struct table_node node; /* key: request id */
  struct link open; /* in gaijin.open_calls, in the order of their start; out of it once answered */
  struct call *next_spare;
  gaijin_answer_fn fn; /* NULL: kept for gaijin_await */
  void *user;
  uint64_t host;         /* asked host, 0 when addressed by name or to the broker */
  double due; /* when the broker answers at the latest, on clock_seconds()'s clock; 0: no limit */
  uint32_t deadline_ms;
  gaijin_holding *claim; /* op sub: its holding, until the answer is handed over, */
  struct pt claimed;     /* and the PT as the program gave it: its stamp may be a guess */
  enum op op;
  bool cancelled;              /* a claim nobody waits for: a good answer is released at once */
  struct gaijin_answer answer; /* of an answered call without fn */
  gaijin_body *keep;           /* owns answer.text when that is a system error's */
};

struct gaijin_body {
  gaijin *g;
  uint64_t home;  /* our host id when it came */
  uint32_t epoch; /* of the connection that it came over */
  struct reader reader;
  uint32_t left[BODY_DEPTH_MAX + 1]; /* values to come in each open array; [0] is the body itself */
  unsigned depth;
  uint32_t pts;           /* PTs not yet read */
  gaijin_token *target;   /* pinned for the request this body came with */
  uint64_t caller;        /* of a request that counts: who is told that it was taken, */
  uint32_t window_bytes;  /* and the size of its message; 0 for others, and once it was taken */
  gaijin_token *token;    /* of the value read last: given back by the next step */
  gaijin_holding *holding;
  gaijin_body *next_spare;
  uint8_t *taken; /* all that was read with a large one; NULL: it is a copy */
  uint8_t *bytes; /* the body, there or in `copy`, which has a byte more to end a text with */
  uint32_t room;  /* bytes of `copy` */
  uint8_t copy[];
};

/* The message being written. */
struct writer {
  struct pack pack;
  bool open;
  unsigned nested;     /* begins while open: their messages are refused */
  unsigned cut;        /* messages of another connection that the program has still to end */
  enum gaijin_status refused; /* known at begin; raised (0): none */
  uint32_t refs, open_mark; /* PTs written; where the number of an open array's values goes */
  uint64_t count, put; /* values announced, values written; those in arrays included */
  uint64_t open_from;  /* while has_open: `put` when it began */
  /* Arrays that may still be open: how many values come after the end of each. */
  uint64_t behind[BODY_DEPTH_MAX - 1];
  unsigned depth;
  gaijin_token *staged;
  enum op op;
  bool request, one_way, has_open; /* else an answer or notice; an array is to be ended */
  uint64_t host;
  struct host *to; /* whose window a request counts in; NULL: in none */
  uint32_t deadline_ms;
};

struct gaijin {
  int fd;
  pid_t opened_by;
  const volatile uint8_t *fork_mark; /* 1, but 0 in a fork of the process that opened it; NULL: the
                                        kernel has no such pages */
  struct gaijin_events events;
  void *user;
  uint64_t host;
  uint32_t version; /* of the wire, agreed in hello */
  uint32_t max_message;
  char name[NAME_MAX_BYTES + 1];
  char broker_version[64];
  char error[512];
  char loss[512]; /* why the connection ended, once it is lost */
  bool sandboxed; /* as the program asked for; the broker has agreed */
  bool succeed;   /* as the program asked for: its name may be another's, which it succeeds */
  uint32_t cycle_pause_ms; /* as in struct gaijin_options */
  bool lost;
  bool write_broken; /* writing failed: nothing is sent any more, what had arrived is still read */
  bool dispatching;
  char condemned[64]; /* why the next dispatch ends the connection; "": it does not */
  bool paused; /* the program wants no more messages in this dispatch */
  bool starved; /* memory was too short for what has come: the next dispatch tries again */
  double starved_since; /* when that began, on clock_seconds()'s clock; 0: it is not so */
  bool heard; /* the broker has sent something since gaijin_expire looked last */
  struct polling polling; /* of this program's waits for messages (poll.c) */
  struct carried rings;

  struct frame in;
  struct buffer out; /* bytes[out_start..size) wait to be sent */
  uint32_t out_start;
  uint32_t out_whole; /* a message's begin: all before it were sent as a whole (io.c) */
  struct writer writer;

  struct table tokens, holdings, hosts, calls;
  uint32_t refs_most;     /* PTs in one message */
  struct window window;   /* of requests to one host; 0 posts: there are no windows */
  struct link reports;    /* hosts that are to be told of what we took from them */
  struct link releases;   /* holdings whose unsub waits */
  struct link unused_hosts; /* dead hosts nothing refers to; the oldest are freed */
  struct link open_calls;
  uint32_t n_releases, n_unused_hosts, n_spare_calls, n_spare_bodies;
  struct call *spare_calls;
  uint64_t unchecked; /* checkpoints since gj_check was last called */
  uint64_t seed; /* random, secret: of all four tables and of holding_key */
  struct returning ret;
  uint64_t last_token, last_call, last_post;
  uint64_t stamps[STAMP_BLOCK];
  uint32_t stamps_left;
  gaijin_body *spare_bodies; /* small ones that were freed, for the next that come */
  gaijin_body *await_keep; /* owns the text of the answer gaijin_await gave last */
};

/* The public header is made from the lists of proto/ (tools/dev/public-header.c). */
_Static_assert((int)GAIJIN_OP_COUNT == OP_COUNT && (int)GAIJIN_STATUS_COUNT == STATUS_COUNT &&
                   (int)GAIJIN_KIND_USERDATA == PT_USERDATA && GAIJIN_NAME_MAX == NAME_MAX_BYTES,
               "client-lib/include/gaijin/protocol.h is stale: make public-header");

/* A PT as the public header has it, and as proto/ has it. */
static inline struct gaijin_pt gj_pt_public(const struct pt *pt) {
  return (struct gaijin_pt){.host = pt->host, .id = pt->id, .stamp = pt->stamp, .kind = pt->kind};
}
static inline struct pt gj_pt_wire(const struct gaijin_pt *pt) {
  return (struct pt){.host = pt->host, .id = pt->id, .stamp = pt->stamp, .kind = pt->kind};
}

/* growth.c */
/* Copies a struct of the program, whose header had `size` bytes of it, into one of ours: what the
 * program did not know is 0. False if it set something that we do not know. */
bool gj_take_struct(void *own, size_t own_size, const void *given, size_t size);
/* The other way round: what we do not know is 0 in the program's struct. */
void gj_give_struct(void *given, size_t size, const void *own, size_t own_size);

/* connect.c */
/* Sets the connection's error text and returns `status`. */
int gj_fail(gaijin *g, enum gaijin_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same for a connection that is lost: with the reason of that, GAIJIN_STATUS_LOST. */
int gj_fail_lost(gaijin *g);
/* The same for a holding that cannot be sent: GAIJIN_STATUS_AWAY if it is not confirmed yet, else
 * GAIJIN_STATUS_DEAD. */
int gj_fail_dead(gaijin *g, const gaijin_holding *h);
/* A descriptor connected to the broker, or -1 with errno. */
int gj_dial(const struct sockaddr_un *address);
/* Whether messages can be sent. */
static inline bool gj_is_up(const gaijin *g) { return !g->lost && g->ret.phase == PHASE_UP; }

/* fork.c */
/* From now on the connection belongs to this process; the end of that. */
void gj_fork_watch(gaijin *g);
void gj_fork_unwatch(gaijin *g);
bool gj_fork_by_number(const gaijin *g);
/* Whether this process is a fork of the one that the connection belongs to. */
static inline bool gj_is_fork(const gaijin *g) {
  return g->fork_mark ? !*g->fork_mark : gj_fork_by_number(g);
}
/* Sets the error text for that and returns GAIJIN_STATUS_UNSUPPORTED. */
int gj_fork_refuse(gaijin *g);

/* random.c */
/* Fills `n` bytes with the kernel's random numbers; false, with errno, if it gives none. */
bool gj_random(void *bytes, size_t n);

/* hello.c */
/* Says hello on a fresh descriptor and fills host, name, version, max_message and broker_version.
 * Reads not one byte beyond the answer. 0, or a status with its text in `error`;
 * GAIJIN_STATUS_LOST: the broker went away before it answered, or did not answer by `end`, on
 * clock_seconds()'s clock. It has a moment in any case. */
int gj_hello_exchange(gaijin *g, const struct gaijin_options *options, double end, char *error,
                      size_t n);

/* Coming back: sends hello with our host and secret, or as a new host. False: not as a whole. */
bool gj_hello_return(gaijin *g);
/* The message that came first: 0, or a status with its text in `error`. */
int gj_hello_returned(gaijin *g, const uint8_t *bytes, uint32_t size, char *error, size_t n);

/* io.c */
/* The connection is over: open calls are answered `lost`. Only inside dispatch, await and close. */
void gj_io_lost(gaijin *g, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same where the reason is our own and not the broker's. */
void gj_io_give_up(gaijin *g, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The connection will be over at the next dispatch, or in the one that runs; for those outside of
 * call-backs. */
void gj_io_condemn(gaijin *g, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* gaijin_dispatch, but what is in a ring is taken without a look at the socket beside it, which has
 * knocks and the end: for who looks at that often enough himself. */
void gj_io_look(gaijin *g);

/* poll.c */
/* `poll_us` as the option is. */
void gj_poll_init(gaijin *g, uint32_t poll_us);

/* check.c */
/* NULL, or which of the things that are always true is not. Between messages only; changes nothing.
 */
const char *gj_check(const gaijin *g);
void gj_check_or_abort(gaijin *g);
/* After each handled and each written message. With HOSTILE=1 a broken invariant ends the program.
 */
static inline void gj_checkpoint(gaijin *g) {
#ifdef GAIJIN_HOSTILE
  gj_check_or_abort(g);
#else
  (void)g;
#endif
}

/* receive.c */
/* Handles one whole message; may end in gj_io_lost. False: memory is too short for it; nothing has
 * changed, and it is to come again. */
bool gj_receive_message(gaijin *g, const uint8_t *bytes, uint32_t size);

/* own.c */
/* Writes a notice of the library's own: all or nothing. */
int gj_write_cancel(gaijin *g, uint64_t id);
int gj_write_ring(gaijin *g, uint32_t step);
int gj_write_weight(gaijin *g, const struct gaijin_pt *pt, uint32_t weight);

/* write.c */
/* 0, or a status: the version agreed with the broker does not have the op, or not with so many
 * values. */
int gj_version_check(gaijin *g, const struct op_info *info, uint32_t count);
/* 0, or a status with its text: what became of a message that was packed. */
int gj_write_outcome(gaijin *g, const struct pack *p, enum buffer_outcome outcome);
/* The connection goes or comes back: the open message, and those inside, are given up. */
void gj_write_cut(gaijin *g);

/* release.c */
/* Writes what waits in releases. 0, or BUSY: the rest waits on. */
int gj_write_releases(gaijin *g);

/* token.c */
struct pt gj_token_pt(const gaijin *g, const gaijin_token *t);
/* The token of a home PT if it is there with this stamp and kind. */
gaijin_token *gj_token_find(const gaijin *g, const struct pt *pt);
void gj_token_unpin(gaijin *g, gaijin_token *t);
/* Takes `seen` off sent. False if that is more than was sent, or the token is unknown. */
bool gj_token_drop(gaijin *g, uint64_t id, uint64_t seen);
/* Nobody has it any more, because we were declared dead. */
void gj_token_disown(gaijin *g, gaijin_token *t);
/* The connection goes: the broker to come knows nothing of what was condemned. */
void gj_token_end_condemned(gaijin *g);
void gj_token_free_all(gaijin *g);

/* holding.c */
/* What gj_holding_arrive and gj_values_arrive say is wrong when memory is short; by its address. */
extern const char gj_no_memory[];
/* A PT has arrived: count and pending grow. NULL: *fault says why. */
gaijin_holding *gj_holding_arrive(gaijin *g, const struct pt *pt, const char **fault);
/* Takes back one gj_holding_arrive: its message will come again. */
void gj_holding_unarrive(gaijin *g, gaijin_holding *h);
void gj_holding_unpend(gaijin *g, gaijin_holding *h);
/* A claim starts (pending grows; NULL when memory is short), is granted by the broker (or is not),
 * and ends: `used`, which only a granted one can be, makes the program a user of the holding.
 * Claims of one token may be under way with different stamps: each is granted by its own PT, and
 * only one that fits the holding (no other stamp has arrived or was granted) can be. */
gaijin_holding *gj_holding_claim(gaijin *g, const struct pt *pt);
bool gj_holding_fits(const gaijin_holding *h, const struct pt *pt);
void gj_holding_granted(gaijin_holding *h, const struct pt *pt);
void gj_holding_claimed(gaijin *g, gaijin_holding *h, bool used);
/* The holding of a PT's host and id, whatever its stamp. */
gaijin_holding *gj_holding_lookup(const gaijin *g, uint64_t host, uint64_t id);
void gj_holding_free(gaijin *g, gaijin_holding *h);
void gj_holding_free_all(gaijin *g);

/* host.c */
struct host *gj_host_find(const gaijin *g, uint64_t id);
/* Finds or makes; NULL when memory is short. */
struct host *gj_host_get(gaijin *g, uint64_t id);
bool gj_host_introduce(gaijin *g, uint64_t id, const char *name, uint32_t size);
void gj_host_died(gaijin *g, struct host *h);
/* Ends the host's accounts, and tells the program. It may be unknown. */
void gj_host_tell_dead(gaijin *g, uint64_t id, bool succeeded);
/* What follows its name in texts about its end. */
static inline const char *gj_host_fate(const struct host *h) {
  return h->succeeded ? SUCCEEDED_TEXT : "";
}
/* The broker has gone: windows are empty again, and who was not met since the one before is
 * forgotten. */
void gj_host_reset(gaijin *g);
void gj_host_refer(gaijin *g, struct host *h);
void gj_host_unrefer(gaijin *g, struct host *h);
void gj_host_free_all(gaijin *g);

/* window.c */
/* Whether requests that are answered count in windows, too. */
static inline bool gj_window_counts_all(const gaijin *g) {
  return g->window.requests && g->version >= WIRE_VERSION_COUNTED;
}
/* Before a request of `size` bytes to a host is queued that counts in its window: 0, or BUSY with
 * the text in the connection. */
int gj_window_check(gaijin *g, const struct host *to, uint32_t size);
/* It has been queued. */
void gj_window_sent(struct host *to, uint32_t size);
/* The host has taken so much of ours, of which it will not do `undone`. */
void gj_window_granted(gaijin *g, uint64_t host, uint64_t posts, uint64_t bytes, uint64_t undone);
/* A request of that host that counts, of `size` bytes, is begun or refused, or will not be done. */
void gj_window_taken(gaijin *g, uint64_t caller, uint32_t size, bool undone);
/* Writes the reports that are due. Not while a message is written. */
void gj_write_reports(gaijin *g);
/* Ends both accounts of a host that is dead now, and its report. True: the program may wait for
 * room there, and is to be told. */
bool gj_window_died(struct host *h);
/* The connection is lost: the program, which may wait for room, is told. */
void gj_window_lost(gaijin *g);

/* So long after memory was too short what has come is tried again. */
enum { STARVED_RETRY_MS = 10 };

/* call.c */
/* Waits for messages, at most until `end`, not if some are there, and handles what has come. False
 * when the time is up, and then it does nothing. */
bool gj_await_turn(gaijin *g, double end);
/* One-way requests have ids of their own, which no call ever has: an error that comes for one is a
 * refusal. */
static inline uint64_t gj_post_id(uint64_t n) { return n | 1ull << 63; }
static inline bool gj_is_post(uint64_t id) { return id >> 63 != 0; }

/* A record for the next request (id last_call + 1), not yet entered; NULL when memory is short. */
struct call *gj_call_new(gaijin *g);
void gj_call_enter(gaijin *g, struct call *c);
void gj_call_recycle(gaijin *g, struct call *c);
struct call *gj_call_find(const gaijin *g, uint64_t id);
/* Hands over the answer: to fn, or kept for await. `keep` owns a system error's text and is freed
 * here in the end. */
void gj_call_answer(gaijin *g, struct call *c, const struct gaijin_answer *answer,
                    gaijin_body *keep);
/* Answers every open call with `lost`, in the order of their start. */
void gj_call_lose_all(gaijin *g, const char *reason);
void gj_call_free_all(gaijin *g);

/* values.c */
/* Counts in: the PTs of a received body. NULL, or what is wrong with the body. *pts gets their
 * number. With gj_no_memory none is counted in. */
const char *gj_values_arrive(gaijin *g, const struct message *m, uint32_t *pts);
/* Gives back the PTs of a body that nobody will read. */
void gj_values_give_back(gaijin *g, const struct message *m, uint32_t pts);
/* Gives back whatever of a body has not been read; nothing may be read from it afterwards. */
void gj_values_skip(gaijin_body *b);
/* A body that has arrived, for the program: a copy, or of a large one the bytes that were read, of
 * which m->body is part then. NULL when memory is short. */
gaijin_body *gj_values_new(gaijin *g, const struct message *m, uint32_t pts);
/* Gives back the value read last, and leaves arrays that have been read: how many values are left
 * of the one that the next is in. */
uint32_t *gj_values_step(gaijin_body *b);
/* Frees those that are kept for the bodies to come. */
void gj_values_deinit(gaijin *g);

/* cycle.c */
/* The request `cycle`; the notices `condemn`, with `count` values, and `resume`. NULL, or what is
 * wrong with it; gj_no_memory: nothing has changed. */
const char *gj_cycle_ask(gaijin *g, const struct message *m);
const char *gj_cycle_condemn(gaijin *g, struct reader *r, uint32_t count);
const char *gj_cycle_resume(gaijin *g, struct reader *r);

#endif
