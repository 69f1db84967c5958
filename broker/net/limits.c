/* SPDX-License-Identifier: MIT
 *
 * The largest are looked for among all, but only when there is somebody to end, some at a time, and
 * for no longer than a slice of work takes.
 */
#include "broker/net/limits.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "broker/base/late.h"
#include "broker/net/keepers.h"
#include "proto/base.h"

/* The timer runs so many times within the shorter limit, and connections looked at in one unit of
 * work. */
enum { SWEEPS = 10, LOOKED_PER_UNIT = 8 };
/* Who is ended for one search, at most; but no more once their process has this part of what it
 * had: then another may be the largest. */
enum { ENDED_AT_ONCE = 16, ENDED_PART = 2 };
/* Where nobody was found who could be ended, after so long it is looked again. */
enum { FUTILE_MS = 1000 };

static uint64_t larger(uint64_t a, uint64_t b) { return a > b ? a : b; }

void limits_init(struct connections *n) {
  uv_timer_init(n->loop, &n->sweep);
  n->sweep.data = n;
}

void limits_set(struct connections *n, const struct account_limits *most,
                const struct client_limits *times) {
  struct account_limits *l = &n->accounts.limits;
  uint64_t *bytes = &l->most[ACCOUNT_BYTES];
  *l = *most;
  *bytes = larger(*bytes, (uint64_t)n->max_message * LIMITS_PROCESS_MESSAGES);
  l->most[ACCOUNT_OTHER] = UINT64_MAX;
  l->memory = larger(l->memory, (uint64_t)n->max_message * LIMITS_MESSAGES);
  if (n->queue_most > *bytes / LIMITS_AT_ONE) n->queue_most = *bytes / LIMITS_AT_ONE;
  n->limits = *times;
}

void limits_close(struct connections *n) {
  uv_close((uv_handle_t *)&n->sweep, NULL);
  work_remove(n->work, &n->enforcing);
}

/* ---- What is refused ---- */

static const struct {
  const char *of, *flag;
} words[ACCOUNT_KINDS] = {
    [ACCOUNT_BYTES] = {"bytes of messages that wait", "--max-queued"},
    [ACCOUNT_REQUESTS] = {"open requests", "--max-requests"},
    [ACCOUNT_WAITS] = {"waits for names or collections", "--max-waits"},
    [ACCOUNT_EXPORTED] = {"objects that others hold", "--max-exported"},
    [ACCOUNT_HELD] = {"holdings, its own and those that it has handed out", "--max-held"},
    [ACCOUNT_NAMES] = {"names", "--max-names"},
    [ACCOUNT_CONNECTIONS] = {"connections", "--max-connections"},
};

static void count_refusal(struct accounts *a, struct account *k) {
  k->refused++;
  k->process->refused++;
  k->user->refused++;
  a->refused++;
}

static void write_full(const struct accounts *a, const struct account *full,
                       enum account_kind kind, char *text) {
  unsigned long long used = full->used[kind], most = accounts_most(a, full, kind);
  if (full->level == ACCOUNT_PROCESS)
    snprintf(text, LIMITS_TEXT, "process %ld has %llu %s, and may have %llu (%s)", (long)full->pid,
             used, words[kind].of, most, words[kind].flag);
  else
    snprintf(text, LIMITS_TEXT,
             "the processes of user %lu have %llu %s, and may have %llu (%s, --user-factor)",
             (unsigned long)full->uid, used, words[kind].of, most, words[kind].flag);
}

void limits_note_refusal(struct client *culprit, const char *text) {
  count_refusal(&culprit->connections->accounts, culprit->account);
  log_peer(culprit->connections->log, LOG_WARN, CAUSE_LIMIT, client_about_why(culprit, text),
           "refused %s (process %ld)", culprit->name, (long)culprit->pid);
}

bool limits_refuse(struct client *culprit, const struct account *payer, enum account_kind kind,
                   uint64_t n, char *text) {
  const struct accounts *a = &culprit->connections->accounts;
  const struct account *full = accounts_full(a, payer, kind, n);
  if (full)
    write_full(a, full, kind, text);
  else
    snprintf(text, LIMITS_TEXT,
             "the broker has %llu bytes left for all, and process %ld has %llu waiting "
             "(--max-memory)",
             (unsigned long long)accounts_left(a), (long)payer->pid,
             (unsigned long long)payer->process->used[kind]);
  limits_note_refusal(culprit, text);
  return false;
}

bool limits_judge_answer(struct client *from, struct client *to, uint32_t bytes, char *text) {
  const struct accounts *a = &to->connections->accounts;
  const struct account *k = to->account;
  if (!account_would_be_over(a, k->process, ACCOUNT_BYTES, bytes) &&
      !account_would_be_over(a, k->user, ACCOUNT_BYTES, bytes) && limits_have_memory(a, k, bytes))
    return true;
  struct client *culprit = client_leaves_untaken(to) ? to : from;
  return limits_refuse(culprit, k, ACCOUNT_BYTES, bytes, text);
}

/* ---- Who is disconnected for its bytes ---- */

/* Ends a connection for what it costs. It can be told only if nothing waits before that; what waits
 * is not worth keeping any more. */
static void __attribute__((format(printf, 2, 3))) end(struct client *c, const char *format, ...) {
  char text[sizeof c->reason];
  va_list args;
  assert(c->state != CLIENT_CONDEMNED && !c->connections->heard);
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  count_refusal(&c->connections->accounts, c->account);
  if (c->outbox.bytes == 0)
    c->connections->events->farewell(c, text);
  else
    client_drop_waiting(c);
  client_condemn(c, "%s", text);
  client_drop_received(c);
}

/* The account of one that is too much, or of all. It may go while its clients are ended, so that it
 * is known by its index. */
struct excess {
  uint32_t whole; /* SLAB_NONE: all */
  char why[LIMITS_TEXT];
};

static struct account *whole_of(const struct connections *n, const struct excess *e) {
  return e->whole == SLAB_NONE ? NULL : accounts_at(&n->accounts, e->whole);
}

static bool is_there(const struct connections *n, const struct excess *e) {
  const struct accounts *a = &n->accounts;
  if (e->whole == SLAB_NONE) return accounts_staying(a) > a->limits.memory;
  return slab_live(&a->slab, e->whole) && account_is_over(a, whole_of(n, e), ACCOUNT_BYTES);
}

static bool find_excess(struct connections *n, struct excess *e) {
  struct accounts *a = &n->accounts;
  const struct account *whole = a->is_over ? accounts_over(a) : NULL;
  if (a->is_over) work_charge(n->work, a->slab.count / LOOKED_PER_UNIT);
  a->is_over = whole != NULL;
  e->whole = whole ? whole->index : SLAB_NONE;
  if (whole) {
    write_full(a, whole, ACCOUNT_BYTES, e->why);
    return true;
  }
  snprintf(e->why, sizeof e->why,
           "the broker keeps %llu bytes for all its clients, over %llu (--max-memory)",
           (unsigned long long)accounts_staying(a), (unsigned long long)a->limits.memory);
  return is_there(n, e);
}

/* Disconnects the client of an account. */
static void end_connection(struct connections *n, struct account *k, const char *why) {
  end(k->owner, "%s; this connection takes %llu bytes of them, its process %llu", why,
      (unsigned long long)accounts_memory(&n->accounts, k),
      (unsigned long long)accounts_memory(&n->accounts, k->process));
  accounts_note_left(&n->accounts, k);
}

/* Goes on to look for the one who keeps what the ended ones of a process or user have left, and
 * disconnects it. */
static void end_keeper(struct connections *n, struct account *whole, const char *why) {
  struct client *c;
  size_t bytes;
  switch (keepers_find(n, whole, &c, &bytes)) {
    case KEEPERS_FOUND:
      end(c, "%s; it keeps %zu of them, of those who have ended", why, bytes);
      break;
    case KEEPERS_NONE:
      accounts_pass(&n->accounts, whole);
      work_charge(n->work, n->accounts.slab.count / LOOKED_PER_UNIT);
      break;
    case KEEPERS_LATER: break;
  }
}

/* What a process has, if any of it is still there. */
static uint64_t staying_of(const struct accounts *a, uint32_t process) {
  if (!slab_live(&a->slab, process)) return 0;
  const struct account *k = accounts_at(a, process);
  return accounts_memory(a, k) - k->leaving;
}

/* Ends some of the largest, as long as there is an excess and they are likely to be the largest; or
 * who keeps what the largest has left. False: there is nobody. What a client leaves when it ends
 * may be all that has kept another's account: these are known by their indices, which are nobody
 * else's meanwhile. */
static bool end_largest(struct connections *n, const struct excess *e) {
  const struct accounts *a = &n->accounts;
  uint32_t largest[ENDED_AT_ONCE];
  struct account *whole = whole_of(n, e);
  unsigned found = accounts_largest(a, whole, largest, ENDED_AT_ONCE);
  work_charge(n->work, 1 + a->slab.count / LOOKED_PER_UNIT);
  if (!found) return false;
  struct account *first = accounts_at(a, largest[0]);
  if (first->is_closed) {
    n->excess = e->whole;
    end_keeper(n, whole ? whole : first->user, e->why);
    return true;
  }
  uint32_t process = first->process->index;
  uint64_t before = staying_of(a, process);
  for (unsigned i = 0; i < found && is_there(n, e); i++) {
    if (!slab_live(&a->slab, largest[i])) continue;
    struct account *k = accounts_at(a, largest[i]);
    if (k->is_closed || staying_of(a, process) < before / ENDED_PART) break;
    end_connection(n, k, e->why);
  }
  return true;
}

/* It has kept the loop from waiting; the end of the turn does the rest. */
static bool go_on(struct work *w, struct job *j) {
  (void)w;
  (void)j;
  return false;
}

/* Whether nobody can be found, as last time: hardly more stays. */
static bool is_futile(struct connections *n) {
  uint64_t staying = accounts_staying(&n->accounts);
  if (n->accounts.is_over || uv_now(n->loop) - n->futile_ms >= FUTILE_MS)
    return false;
  if (staying < n->futile) n->futile = staying;
  return staying <= n->futile + accounts_slack(&n->accounts);
}

/* Nobody is left who could be ended for an excess. */
static void give_up(struct connections *n, const struct excess *e) {
  if (e->whole == SLAB_NONE) {
    n->futile = accounts_staying(&n->accounts);
    n->futile_ms = uv_now(n->loop);
    return;
  }
  accounts_give_up(&n->accounts, whole_of(n, e));
  if (!n->has_given_up) n->given_up_ms = uv_now(n->loop);
  n->has_given_up = true;
}

/* Who was given up is looked at again after a while. */
static void look_again(struct connections *n) {
  if (!n->has_given_up || uv_now(n->loop) - n->given_up_ms < FUTILE_MS) return;
  n->has_given_up = false;
  accounts_retry(&n->accounts);
}

static void end_search(struct connections *n) {
  n->is_searching = n->accounts.is_over = false;
  keepers_stop(n);
}

/* A slice of the search. True: it is at its end. */
static bool search(struct connections *n) {
  uint64_t begun = n->work->spent;
  struct excess e;
  while (find_excess(n, &e)) {
    struct account *kept = n->excess == e.whole ? keepers_searched_for(n) : NULL;
    if (kept) {
      end_keeper(n, kept, e.why);
    } else if (!end_largest(n, &e)) {
      give_up(n, &e);
      if (e.whole == SLAB_NONE) return true;
    }
    if (n->work->spent - begun >= WORK_QUANTUM) return false;
  }
  return true;
}

void limits_enforce(struct connections *n) {
  look_again(n);
  if (!n->accounts.is_over && accounts_left(&n->accounts) > 0) {
    n->futile = 0;
    end_search(n);
    return;
  }
  if (!n->is_searching && is_futile(n)) return;
  if (!n->is_searching) accounts_search(&n->accounts);
  n->is_searching = true;
  if (search(n))
    end_search(n);
  else if (!job_is_queued(&n->enforcing))
    work_add(n->work, &n->enforcing, go_on);
}

/* ---- Time ---- */

/* A part of a message is here, and nothing but its sender keeps the rest from coming. */
static bool is_sending(const struct client *c) {
  return c->rest.in.size > c->rest.start && c->state == CLIENT_READY &&
         !job_is_queued(&c->job) && !c->is_held_back && !c->has_hung_up;
}

/* Much waits for it, and it left something when it was written to last: what has come for it since
 * it is yet to be given. */
static bool is_taking(const struct client *c) {
  return c->outbox.own > LIMITS_WAITING_MOST && c->state != CLIENT_CONDEMNED &&
         c->is_full;
}

bool limits_is_watched(const struct client *c) {
  const struct client_limits *l = &c->connections->limits;
  return (l->message_ms && is_sending(c)) || (l->read_ms && is_taking(c));
}


static void on_sweep(uv_timer_t *timer);

static void start_timer(struct connections *n) {
  const struct client_limits *l = &n->limits;
  uint64_t shorter = l->message_ms && (!l->read_ms || l->message_ms < l->read_ms) ? l->message_ms
                                                                                 : l->read_ms;
  if (!shorter) return;
  n->sweep_due_ms = uv_now(n->loop) + shorter / SWEEPS + 1;
  uv_timer_start(&n->sweep, on_sweep, shorter / SWEEPS + 1, 0);
}

static void on_sweep(uv_timer_t *timer) {
  struct connections *n = timer->data;
  if (is_late(uv_now(n->loop), n->sweep_due_ms))
    start_timer(n);
  else
    limits_sweep(n);
}

void limits_watch(struct connections *n) {
  if (!uv_is_active((uv_handle_t *)&n->sweep)) start_timer(n);
}

void limits_note_left(struct client *c) {
  if (is_taking(c)) limits_watch(c->connections);
}

static void look_at(struct client *c, uint64_t now) {
  const struct client_limits *l = &c->connections->limits;
  if (l->message_ms && is_sending(c) && now - c->heard_ms >= l->message_ms)
    end(c, "it has begun a message and sent nothing more of it for %g s (--message-time)",
        (double)(now - c->heard_ms) / 1e3);
  else if (l->read_ms && is_taking(c) && now - c->taken_ms >= l->read_ms)
    end(c, "it has read nothing for %g s, and %zu bytes of answers wait for it (--read-time)",
        (double)(now - c->taken_ms) / 1e3, c->outbox.own);
}

void limits_sweep(struct connections *n) {
  uint64_t now = uv_now(n->loop), looked = 0;
  bool any = false;
  for (struct client *c = n->all; c; c = c->next, looked++) {
    look_at(c, now);
    any |= limits_is_watched(c);
  }
  work_charge(n->work, looked / LOOKED_PER_UNIT);
  if (any) start_timer(n);
}
