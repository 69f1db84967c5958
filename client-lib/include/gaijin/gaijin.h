/* SPDX-License-Identifier: MIT
 *
 * libgaijin: one connection to the broker, for programs in C and for the Lua VM.
 *
 * The model. A connection has home tokens (objects of ours that others may hold)
 * and holdings (objects of others that we may hold). The library keeps the counts
 * of the reference protocol right (docs/protocol.md, "References"); what an object
 * is, and when nobody uses a holding any more, the program tells it.
 *
 * It has no loop of its own: poll gaijin_fd() for reading (and for writing while
 * gaijin_wants_write()), then call gaijin_dispatch() and gaijin_flush(). Call-backs run only inside
 * gaijin_dispatch(), gaijin_expire(), gaijin_await...() and gaijin_close(). A
 * call-back may start messages; it must not call any of these.
 * One thread uses a connection at a time; nothing is global, so threads may have one each.
 *
 * A connection belongs to the process that opened it. In a fork of that process everything that
 * would use the socket, and so every end of a message, gives GAIJIN_STATUS_UNSUPPORTED and does
 * nothing; a child may exec, exit, or gaijin_close() what it inherited, of which the parent notices
 * nothing, and connect anew.
 *
 * Errors. Functions that return int give 0, or a positive enum gaijin_status whose text
 * gaijin_error() has. Once the connection is lost every send gives GAIJIN_STATUS_LOST; tokens and
 * holdings stay valid to look at until gaijin_close(). While it is away (<gaijin/returning.h>) they
 * do so, too.
 *
 * Structs grow at their end in later versions, where 0 means what it was without the member; set
 * those you fill to zero first. A program goes on working with a later library: functions that take
 * or fill a struct of the program's are inline here and hand on its size (the functions ..._sized
 * are for other languages), and structs the library shows are read through its pointers. With an
 * older library it works as long as it sets nothing that library does not know; else it is told
 * GAIJIN_STATUS_UNSUPPORTED. struct gaijin_pt never grows.
 */
#ifndef GAIJIN_H
#define GAIJIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gaijin/protocol.h>
#include <gaijin/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library ("0.1.0"); GAIJIN_VERSION is the header's. Static text. */
GAIJIN_API const char *gaijin_version(void);

/* ---- Connections ---- */

/* A request of another worker. Pointers are valid during the call-back only, except `target`,
 * which is pinned (cannot be forgotten) until the body is freed. */
struct gaijin_request {
  uint64_t id;       /* for the answer; unique among the requests open on this connection */
  enum gaijin_op op; /* one of the routed ops */
  uint16_t depth;    /* calls deep, 1 for a call of a script that serves nobody */
  bool one_way;      /* answer nothing */
  uint64_t caller;   /* host id of the asker; gaijin_host_name() knows it */
  uint32_t deadline_ms; /* how long the asker waits; 0: for ever */
  gaijin_token *target; /* NULL for ops whose target is this worker's name (s2t, labels) */
};

/* What the program is told. Each may be NULL: then requests are answered `unsupported`, `free` is
 * answered at once, the rest is ignored. */
struct gaijin_events {
  /* A request; the callee owns body (gaijin_body_free) and must answer once, now or later. */
  void (*request)(void *user, const struct gaijin_request *request, gaijin_body *body);
  /* The asker of request `id` no longer waits: an answer may still be sent and is discarded. */
  void (*cancel)(void *user, uint64_t id);
  /* The broker asks for a complete collection: collect, let go, then gaijin_answer_free(id, ...);
   * now or later. */
  void (*free)(void *user, uint64_t id);
  /* Nobody holds the home token any more and none is under way: it ends when the call returns.
   * Also called from gaijin_body_next and gaijin_body_free. Must not send. `tag` is
   * gaijin_token_new's. */
  void (*forget)(void *user, gaijin_token *token, void *tag);
  /* A one-way request was not done: one of ours was refused on its way (its host had ended, was
   * busy, ...); or it had not been sent when the broker went and this connection is to come back
   * (LOST, with CALL for whatever op it was; at an end for good nothing is told of those); or one
   * that came cannot be served here. */
  void (*refused)(void *user, enum gaijin_op op, enum gaijin_status status, const char *text);
  /* A host has ended. Holdings of it stay until let go; requests to it were answered `lost` (it may
   * have done them) or `dead` (it has not begun them). After a return: see returning.h. */
  void (*dead)(void *user, uint64_t host);
  /* There is more room for requests to this host; or it or the connection has ended, while
   * some were under way. */
  void (*room)(void *user, uint64_t host);
  /* At the end of a gaijin_dispatch: memory was too short for what has come, which is kept. Call
   * gaijin_dispatch again some milliseconds later; until then polling for reading tells nothing.
   * Without this event gaijin_dispatch itself waits and tries again. Either way, when it has gone
   * on for 5 s the connection is given up. */
  void (*starved)(void *user);
  /* The broker has gone, and the connection tries to come back (options.reconnect_ms): nothing can
   * be sent now. gaijin_fd() is `fd`, to be polled for reading; the former one is closed when the
   * call returns. Requests under way are answered `lost` next, in the order of their start, and
   * `room` is told where some were. `reason`: one line, valid during the call. */
  void (*disconnected)(void *user, int fd, const char *reason);
  /* It stands again: messages can be sent. gaijin_fd() is `fd` by now, the former one is closed
   * when the call returns. Watches and waits for labels are asked again from here; READY and
   * RETIRE, once noticed, are told again by the library. */
  void (*reconnected)(void *user, int fd);
  /* Before `reconnected`: we were declared dead while we were away, and gaijin_host() is another.
   * `forget` has been called for each token that had been sent (for one still pinned it follows),
   * `dead` for each host that was known; one that lives is alive again when it is met next. */
  void (*reborn)(void *user, uint64_t former_host);
  /* Some holdings that were GAIJIN_UNCONFIRMED are so no more: who waits for one looks at it again.
   * Those whose hosts have died are told of by `dead` before. */
  void (*confirmed)(void *user);
  /* To who monitors (GAIJIN_OP_MONITOR): lost, row, row, ... as docs/protocol.md has it. The body
   * is freed when the call returns. */
  void (*seen)(void *user, gaijin_body *body);
  void (*cycle)(void *user, const struct gaijin_cycle *cycle); /* <gaijin/cycles.h> */
  void (*condemn)(void *user, uint64_t round, const uint64_t *ids, uint32_t n);
  void (*resume)(void *user, uint64_t round);
  void (*succeeded)(void *user); /* another has our name now (<gaijin/succession.h>) */
};

struct gaijin_options {
  const char *socket;  /* path; NULL: gaijin_default_socket() */
  const char *name;    /* 1 to GAIJIN_NAME_MAX bytes; NULL: the broker chooses one */
  bool observer;       /* not listed, cannot be addressed, may ask any worker to collect (gc) */
  /* How long to try again when there is no broker (yet), when it does not answer, has no room, or
   * another worker still has the name. 0: not at all; a broker that is there has 10 s to answer,
   * and below 0 (-2.5: not at all) as many seconds as that. */
  double wait_seconds;
  const struct gaijin_events *events; /* copied; NULL for none */
  void *user;                         /* handed to every event */
  /* This process runs code that is not trusted (docs/sandbox.md). Connecting fails (unsupported)
   * with a broker that knows no such clients. */
  bool sandboxed;
  /* How long, in milliseconds, to try to come back when the broker has gone without having said
   * that it ends: killed, say, and started again (<gaijin/returning.h>). 0: not at all, the
   * connection is lost at once; so it is for observers, and with a broker of version 4 or older. */
  uint32_t reconnect_ms;
  /* For how long, in microseconds, to look for messages before sleeping (<gaijin/polling.h>). */
  uint32_t poll_us;
  bool shared_memory; /* instead of the socket, where the broker has it (<gaijin/polling.h>) */
  uint32_t cycle_pause_ms; /* for so long others may halt it (<gaijin/cycles.h>); 0: 50 */
  bool succeed; /* whoever has the name now (<gaijin/succession.h>) */
};

/* Writes $GAIJIN_SOCKET, else $XDG_RUNTIME_DIR/gaijin.sock, else /run/gaijin/gaijin.sock. -> out */
GAIJIN_API char *gaijin_default_socket(char *out, size_t n);

/* Connects and says hello; blocks until the broker answered. On success *out owns the connection
 * (gaijin_close). On failure it is NULL, error (n bytes) has one clear line without newline, and
 * the status is returned (lost: no broker; name_taken; busy: no room; protocol: version;
 * unsupported: path too long, no name for a worker, no random numbers, an unknown option). */
GAIJIN_API int gaijin_connect_sized(gaijin **out, const struct gaijin_options *options,
                                    size_t options_size, size_t events_size, char *error, size_t n);
static inline int gaijin_connect(gaijin **out, const struct gaijin_options *options, char *error,
                                 size_t n) {
  return gaijin_connect_sized(out, options, sizeof *options, sizeof *options->events, error, n);
}
/* Closes the connection without flushing, answers what waits with `lost`, frees everything. Tokens
 * end without a forget event (but a body freed by it may still forget one). In a fork only the
 * child's memory and descriptor go. NULL is fine. */
GAIJIN_API void gaijin_close(gaijin *g);

/* What to poll for reading (and for writing while gaijin_wants_write()). It changes when a
 * connection goes away and when it comes back; a program that asks each time notices nothing, one
 * that has it in an epoll set or a loop's watcher is told by events. */
GAIJIN_API int gaijin_fd(const gaijin *g);
/* Whether this process is a fork of the one that opened the connection. Safe in a signal
 * handler. */
GAIJIN_API bool gaijin_forked(const gaijin *g);
/* Our incarnation, our name, the largest message (bytes), the broker's version. */
GAIJIN_API uint64_t gaijin_host(const gaijin *g);
GAIJIN_API const char *gaijin_name(const gaijin *g);
GAIJIN_API uint32_t gaijin_max_message(const gaijin *g);
GAIJIN_API const char *gaijin_broker_version(const gaijin *g);
/* The version of the wire that this connection speaks (docs/protocol.md): the highest that the
 * broker and the library have in common. An op of a later version is not sent: its end gives
 * GAIJIN_STATUS_UNSUPPORTED. */
GAIJIN_API uint32_t gaijin_wire_version(const gaijin *g);
/* Name of a status ("too_large"), of a kind of PT ("function") and of an opcode ("get"); "unknown"
 * outside the lists. Static text. */
GAIJIN_API const char *gaijin_status_name(enum gaijin_status status);
GAIJIN_API const char *gaijin_kind_name(enum gaijin_kind kind);
GAIJIN_API const char *gaijin_op_name(enum gaijin_op op);
/* Whether requests of this opcode go to another worker (and not to the broker). */
GAIJIN_API bool gaijin_op_is_routed(enum gaijin_op op);
/* Text of the last error of this connection; "" before the first. */
GAIJIN_API const char *gaijin_error(const gaijin *g);

/* Reads what is there without blocking (but for want of memory: see the event `starved`) and
 * handles every whole message in order. 0 or GAIJIN_STATUS_LOST; what had arrived before the loss
 * has been handled. */
GAIJIN_API int gaijin_dispatch(gaijin *g);
/* Sends what is queued without blocking. `releases`: queued releases go too even if nothing else
 * does; otherwise they leave only together with other output. 0 (see gaijin_wants_write for what is
 * left) or GAIJIN_STATUS_LOST. A failed write does not end the connection: what the peer had sent
 * is still read by gaijin_dispatch. */
GAIJIN_API int gaijin_flush(gaijin *g, bool releases);
GAIJIN_API bool gaijin_wants_write(const gaijin *g);
/* Bytes queued for sending; releases waiting to be sent. */
GAIJIN_API size_t gaijin_queued_bytes(const gaijin *g);
GAIJIN_API size_t gaijin_releases(const gaijin *g);
/* Home tokens kept for others; foreign tokens held (let go but not yet released ones, and claims
 * under way, included). */
GAIJIN_API size_t gaijin_token_count(const gaijin *g);
GAIJIN_API size_t gaijin_holding_count(const gaijin *g);
/* Requests of ours whose answer is not here yet, or waits for gaijin_await. */
GAIJIN_API size_t gaijin_request_count(const gaijin *g);
/* Name of a host the broker has introduced (a dead one: while it has holdings, and a while longer),
 * or our own; NULL for others. An observer's begins with '@', which no worker's has, and may have
 * GAIJIN_NAME_MAX + 1 bytes. Valid until the next dispatch. */
GAIJIN_API const char *gaijin_host_name(const gaijin *g, uint64_t host);
GAIJIN_API bool gaijin_host_dead(const gaijin *g, uint64_t host);

/* Only inside of a call-back: the dispatch that runs returns after it. While gaijin_paused(), call
 * gaijin_dispatch again when more is wanted, readable or not: what was read waits. For programs
 * that must not take more than they can work on. */
GAIJIN_API void gaijin_pause(gaijin *g);
GAIJIN_API bool gaijin_paused(const gaijin *g);
/* ---- Windows ---- */

/* What is sent to the objects of one host, one way or not, is bounded, by number and bytes, until
 * the host has taken it (its program has begun or refused it). What has no room in this window is
 * refused by gaijin_end_request with GAIJIN_STATUS_BUSY. Then the program waits: for the event
 * `room`, or with gaijin_await_room. Requests addressed by name (s2t, labels) do not count; they
 * cannot be one way. With a broker of an older version only one-way requests count, or none. */

/* The requests that may be under way to one host; 0: there are no windows. */
GAIJIN_API uint32_t gaijin_post_window(const gaijin *g);
/* The largest request that counts (bytes with its envelope, about 70 more than its values) that has
 * room now; 0: none. SIZE_MAX: any. */
GAIJIN_API size_t gaijin_post_room(const gaijin *g, uint64_t host);
/* For programs without a loop: flushes and dispatches until there is room for `bytes` (0: for any
 * at all). 0, TIMEOUT after `seconds`, LOST, or DEAD if the host has ended. More than the window
 * has room only when little is under way: a wait for SIZE_MAX ends then. */
GAIJIN_API int gaijin_await_room(gaijin *g, uint64_t host, size_t bytes, double seconds);
/* As receiver: the request that this body came with is begun, so its sender may send another. To
 * free the body says so too; more than once is fine. */
GAIJIN_API void gaijin_body_taken(gaijin_body *b);
/* Whether it counts in a window, and has not been taken yet. */
GAIJIN_API bool gaijin_body_counts(const gaijin_body *b);
/* Instead, of a one-way request: it will never be done, because this program ends. Its sender is
 * told that it was not (events.refused, `dead`). */
GAIJIN_API void gaijin_body_not_done(gaijin_body *b);

/* ---- Home tokens ---- */

/* A token for an object of ours; `tag` finds the object again. NULL when memory is short, or when
 * there is no such kind. It lives until the forget event: a token that never entered a message must
 * be given back with gaijin_token_discard. */
GAIJIN_API gaijin_token *gaijin_token_new(gaijin *g, enum gaijin_kind kind, void *tag);
GAIJIN_API void *gaijin_token_tag(const gaijin_token *t);
GAIJIN_API struct gaijin_pt gaijin_token_pt(const gaijin *g, const gaijin_token *t);
/* Calls the forget event if nobody was ever sent the token and nothing pins it; otherwise does
 * nothing. */
GAIJIN_API void gaijin_token_discard(gaijin *g, gaijin_token *t);

/* The home token with this id; NULL when there is none (any more). */
GAIJIN_API gaijin_token *gaijin_token_find(const gaijin *g, uint64_t id);
/* Tells the broker that our memory would fall by so many bytes if nobody held the token: by this,
 * and not only by the number of tokens, holders are asked to collect. It is told in KiB, and only
 * what is at least twice what was told before. The token must have entered a message. */
GAIJIN_API int gaijin_token_weigh(gaijin *g, gaijin_token *t, uint64_t bytes);
/* What was told, in bytes; 0: nothing was. */
GAIJIN_API uint64_t gaijin_token_weight(const gaijin_token *t);

/* ---- Holdings ---- */

/* One more user of the holding, one less. When the last has let go its release is queued (no I/O,
 * no allocation: safe in a finaliser); the pointer is valid until the release has been flushed, or
 * the connection goes away. gaijin_hold before that takes the release back. */
GAIJIN_API void gaijin_hold(gaijin *g, gaijin_holding *h);
GAIJIN_API void gaijin_let_go(gaijin *g, gaijin_holding *h);
GAIJIN_API struct gaijin_pt gaijin_holding_pt(const gaijin_holding *h);
/* The holding of a PT if there still is one (a queued release counts), else NULL. */
GAIJIN_API gaijin_holding *gaijin_holding_find(const gaijin *g, const struct gaijin_pt *pt);

/* ---- Sending ---- */

/* One message at a time is written on a connection: begin, put exactly `count` values, end. Between
 * begin and end nothing but gaijin_put_*, gaijin_token_new, gaijin_hold and gaijin_let_go may be
 * called. A message begun in between all the same (by a script's finaliser, say) is refused by its
 * own end with GAIJIN_STATUS_BUSY and leaves the outer one alone; a flush does nothing. An end that
 * gives an error has changed nothing: no count, no token, no byte. GAIJIN_STATUS_TOO_LARGE:
 * gaijin_error() names both sizes. GAIJIN_STATUS_BUSY: memory is short, the broker does not read
 * what is queued, or a request has no room in its window. */

struct gaijin_answer {
  bool ok; /* body has the results; else see status */
  /* RAISED: body has the value, then perhaps the traceback (string). Others: text says more. */
  enum gaijin_status status;
  /* Of a system error; valid during the call-back (gaijin_await: until the next call). ""
   * otherwise. */
  const char *text;
  gaijin_body *body; /* owned by the receiver; NULL for system errors */
  /* RAISED, a text: it is to begin with the position of the code that made the request (1), of the
   * code that called that (2), and so on; 0: it is as it shall be. */
  unsigned level;
};
/* The answer to a request; called exactly once unless the request was cancelled. */
typedef void (*gaijin_answer_fn)(void *user, const struct gaijin_answer *answer);

/* A request to the object behind a holding or a home token of ours, to a worker (by name), or to
 * the broker. Exactly one of holding, token, name is set, or none for requests to the broker
 * without a target. */
struct gaijin_send {
  enum gaijin_op op;
  uint16_t depth;
  bool one_way;         /* no answer will come, *id is 0; a refusal is told by an event */
  uint32_t deadline_ms; /* 0: none */
  gaijin_holding *holding;
  gaijin_token *token;
  const char *name;
};
GAIJIN_API void gaijin_begin_request_sized(gaijin *g, const struct gaijin_send *send, size_t size,
                                           uint32_t count);
static inline void gaijin_begin_request(gaijin *g, const struct gaijin_send *send, uint32_t count) {
  gaijin_begin_request_sized(g, send, sizeof *send, count);
}
/* fn NULL: the answer is kept for gaijin_await. *id (may be NULL) gets the request's id. */
GAIJIN_API int gaijin_end_request(gaijin *g, gaijin_answer_fn fn, void *user, uint64_t *id);

/* The answer to a request of another worker: results, or the value its handler raised (count: the
 * value, or the value and a traceback), or an error of the system's own. */
GAIJIN_API void gaijin_begin_reply(gaijin *g, uint64_t id, enum gaijin_op op, uint32_t count);
GAIJIN_API void gaijin_begin_raise(gaijin *g, uint64_t id, enum gaijin_op op, uint32_t count);
/* The same for a text that lacks the position of code of the asker's, see gaijin_answer.level. */
GAIJIN_API void gaijin_begin_raise_level(gaijin *g, uint64_t id, enum gaijin_op op, uint32_t count,
                                         unsigned level);
GAIJIN_API int gaijin_end_answer(gaijin *g);
/* If this one or gaijin_answer_free cannot be queued, memory being short, the next gaijin_dispatch
 * ends the connection: nobody shall wait for ever. The status may be ignored. */
GAIJIN_API int gaijin_answer_error(gaijin *g, uint64_t id, enum gaijin_op op,
                                   enum gaijin_status status, const char *text);
/* Sends the releases queued, then the answer to a free event. For those who look at the broker's
 * books it tells how much time the program still has for such collections (milliseconds, 0 when it
 * spent more than it had; GAIJIN_NO_BUDGET: it keeps no account, and tells neither) and how many it
 * has put off so far. */
#define GAIJIN_NO_BUDGET UINT32_MAX
GAIJIN_API int gaijin_answer_free(gaijin *g, uint64_t id, uint32_t budget_ms, uint64_t put_off);
/* A notice without values (ready, retire, leave). */
GAIJIN_API int gaijin_notice(gaijin *g, enum gaijin_op op);

/* Gives up the message being written; tokens made for it are the caller's to discard. */
GAIJIN_API void gaijin_abort(gaijin *g);
GAIJIN_API void gaijin_put_nil(gaijin *g);
GAIJIN_API void gaijin_put_bool(gaijin *g, bool v);
GAIJIN_API void gaijin_put_number(gaijin *g, double v);
GAIJIN_API void gaijin_put_string(gaijin *g, const char *bytes, size_t size);
GAIJIN_API void gaijin_put_text(gaijin *g, const char *text);
/* An array inside the message: its `count` values are put next (they do not count among those
 * announced at begin). Arrays nest at most 7 deep. */
GAIJIN_API void gaijin_put_array(gaijin *g, uint32_t count);
/* The null pointer, light userdata in Lua: a value of its own, not nil. Where the connection's
 * version of the wire does not have it (gaijin_has_null), the message is refused by its end with
 * GAIJIN_STATUS_UNSUPPORTED. */
GAIJIN_API void gaijin_put_null(gaijin *g);
GAIJIN_API bool gaijin_has_null(const gaijin *g);
GAIJIN_API void gaijin_put_token(gaijin *g, gaijin_token *t);
GAIJIN_API void gaijin_put_holding(gaijin *g, gaijin_holding *h);

/* Claims a token by its PT (op sub): when an answer that is ok was handed over, the holding exists
 * and *the caller is a user of it*: find it with gaijin_holding_find, and let go in the end. fn may
 * be NULL for gaijin_await. */
GAIJIN_API int gaijin_claim(gaijin *g, const struct gaijin_pt *pt, gaijin_answer_fn fn, void *user,
                            uint64_t *id);

/* Nobody waits for request `id` any more: its call-back will not be called, its late answer is
 * discarded and what it carries is given back; the broker and the host are told. */
GAIJIN_API void gaijin_cancel(gaijin *g, uint64_t id);

/* Answers with `timeout` what was due more than `slack` seconds ago, unless the broker has sent
 * anything since the last call. That is for a broker that hangs: else it is the one that does so,
 * when the deadline is over. Call it now and then; the broker is told, and late answers are
 * discarded. Call-backs run; requests for gaijin_await are left alone. */
GAIJIN_API void gaijin_expire(gaijin *g, double slack);

/* For programs without a loop: flushes and dispatches until the answer to `id` (ended with fn NULL)
 * is here. 0, GAIJIN_STATUS_TIMEOUT after `seconds` (the request is cancelled then), or
 * GAIJIN_STATUS_LOST. */
GAIJIN_API int gaijin_await_sized(gaijin *g, uint64_t id, double seconds,
                                  struct gaijin_answer *answer, size_t size);
static inline int gaijin_await(gaijin *g, uint64_t id, double seconds,
                               struct gaijin_answer *answer) {
  return gaijin_await_sized(g, id, seconds, answer, sizeof *answer);
}

/* ---- Received values ---- */

enum gaijin_type {
  GAIJIN_NIL,
  GAIJIN_BOOL,
  GAIJIN_NUMBER,
  GAIJIN_STRING,  /* bytes and size; any bytes, not terminated */
  GAIJIN_ARRAY,   /* count; its values come next */
  GAIJIN_HOME,    /* an object of ours: token */
  GAIJIN_FOREIGN, /* an object of another worker: holding */
  GAIJIN_STALE,   /* a PT of ours whose object is gone */
  GAIJIN_NULL     /* the null pointer */
};

struct gaijin_value {
  enum gaijin_type type;
  bool boolean;
  double number;
  bool is_uint; /* `integer` is the exact value */
  uint64_t integer;
  const char *bytes; /* string; lives as long as the body */
  uint32_t size;
  uint32_t count;          /* of an array: so many values follow */
  gaijin_token *token;     /* HOME: one of ours, pinned */
  gaijin_holding *holding; /* FOREIGN */
};

/* The bytes of the whole body, as they came. */
GAIJIN_API size_t gaijin_body_size(const gaijin_body *b);
/* Values of the body not yet read (top level). */
GAIJIN_API uint32_t gaijin_body_count(const gaijin_body *b);
/* Shows the next value without reading it; false if there is none, or if it is an array or a
 * reference. */
GAIJIN_API bool gaijin_body_peek_sized(const gaijin_body *b, struct gaijin_value *v, size_t size);
static inline bool gaijin_body_peek(const gaijin_body *b, struct gaijin_value *v) {
  return gaijin_body_peek_sized(b, v, sizeof *v);
}
/* Looks ahead without reading: shows the value that begins *at bytes after the next one's begin (0:
 * the next one), and adds its bytes to *at. The values of an array come next. A reference is shown
 * as FOREIGN, with neither token nor holding. False at the end of the body. */
GAIJIN_API bool gaijin_body_look_sized(const gaijin_body *b, size_t *at, struct gaijin_value *v,
                                       size_t size);
static inline bool gaijin_body_look(const gaijin_body *b, size_t *at, struct gaijin_value *v) {
  return gaijin_body_look_sized(b, at, v, sizeof *v);
}
/* Reads the next value; false at the end, where v is as it was. The token or holding of a value is
 * safe until the next call of gaijin_body_next or gaijin_body_free; to keep a holding longer,
 * gaijin_hold it before. */
GAIJIN_API bool gaijin_body_next_sized(gaijin_body *b, struct gaijin_value *v, size_t size);
static inline bool gaijin_body_next(gaijin_body *b, struct gaijin_value *v) {
  return gaijin_body_next_sized(b, v, sizeof *v);
}
/* Frees the body and gives back what was not read. May be called after gaijin_close's call-backs,
 * not after gaijin_close. NULL is fine. */
GAIJIN_API void gaijin_body_free(gaijin_body *b);

#ifdef __cplusplus
}
#endif

#include <gaijin/cycles.h>
#include <gaijin/numbers.h>
#include <gaijin/polling.h>
#include <gaijin/succession.h>
#include <gaijin/returning.h>
#endif
