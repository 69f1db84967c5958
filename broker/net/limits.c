/* SPDX-License-Identifier: MIT
 *
 * The largest are looked for among all, but only when there is somebody to end, some at a time, and
 * for no longer than a slice of work takes.
 */
#include "broker/net/limits.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "proto/base.h"

/* The timer runs so many times within the shorter limit, and connections looked at in one unit of
 * work. */
enum { SWEEPS = 10, LOOKED_PER_UNIT = 8 };
/* Who is ended for one search, at most; but no more once their process has this part of what it
 * had: then another may be the largest. */
enum { ENDED_AT_ONCE = 16, ENDED_PART = 2 };

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
    [ACCOUNT_HELD] = {"objects of others", "--max-held"},
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

bool limits_refuse(struct client *culprit, const struct account *payer, enum account_kind kind,
                   uint64_t n, char *text) {
  struct accounts *a = &culprit->connections->accounts;
  const struct account *full = accounts_full(a, payer, kind, n);
  if (full)
    write_full(a, full, kind, text);
  else
    snprintf(text, LIMITS_TEXT,
             "the broker has %llu bytes left for all, and process %ld has %llu waiting "
             "(--max-memory)",
             (unsigned long long)accounts_left(a), (long)payer->pid,
             (unsigned long long)payer->process->used[kind]);
  count_refusal(a, culprit->account);
  log_peer(culprit->connections->log, LOG_WARN, CAUSE_LIMIT, culprit->uid,
           "refused %s (process %ld): %s", culprit->name, (long)culprit->pid, text);
  return false;
}

bool limits_allow_answer(struct client *from, const struct client *to, uint32_t bytes, char *text) {
  const struct accounts *a = &to->connections->accounts;
  const struct account *k = to->account;
  if (!account_would_be_over(a, k->process, ACCOUNT_BYTES, bytes) &&
      !account_would_be_over(a, k->user, ACCOUNT_BYTES, bytes) && limits_have_memory(a, k, bytes))
    return true;
  return limits_refuse(from, k, ACCOUNT_BYTES, bytes, text);
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
    outbox_deinit(&c->outbox);
  client_condemn(c, "%s", text);
  frame_deinit(&c->rest);
  client_settle(c);
}

/* The client of an account; NULL: it is not there any more, or is about to go. */
static struct client *find_client(const struct connections *n, const struct account *k) {
  for (struct client *c = n->all; c; c = c->next)
    if (c->account == k) return c->state == CLIENT_CONDEMNED ? NULL : c;
  return NULL;
}

/* The one for whom most waits of what the ended ones of a process have sent; NULL: nobody who
 * leaves much untaken. *bytes gets how much it is. */
static struct client *find_receiver(const struct connections *n, const struct account *process,
                                    size_t *bytes) {
  struct client *receiver = NULL;
  *bytes = LIMITS_WAITING_MOST;
  for (struct client *c = n->all; c; c = c->next) {
    if (c->state == CLIENT_CONDEMNED || c->outbox.bytes <= *bytes) continue;
    size_t left = outbox_left_by(&c->outbox, process);
    work_charge(n->work, c->outbox.span_count / LOOKED_PER_UNIT);
    if (left <= *bytes) continue;
    *bytes = left;
    receiver = c;
  }
  return receiver;
}

/* The account of one that is too much, or of all. */
struct excess {
  const struct account *whole; /* NULL: all */
  char why[LIMITS_TEXT];
};

static bool is_there(const struct connections *n, const struct excess *e) {
  const struct accounts *a = &n->accounts;
  return e->whole ? account_is_over(a, e->whole, ACCOUNT_BYTES)
                  : accounts_staying(a) > a->limits.memory;
}

static bool find_excess(struct connections *n, struct excess *e) {
  const struct accounts *a = &n->accounts;
  e->whole = n->is_over ? accounts_over(a, ACCOUNT_BYTES) : NULL;
  n->is_over = e->whole != NULL;
  if (e->whole) {
    write_full(a, e->whole, ACCOUNT_BYTES, e->why);
    return true;
  }
  snprintf(e->why, sizeof e->why,
           "the broker keeps %llu bytes for all its clients, over %llu (--max-memory)",
           (unsigned long long)accounts_staying(a), (unsigned long long)a->limits.memory);
  return is_there(n, e);
}

/* Disconnects the client of an account, or if it has ended already, the one who has not taken what
 * those of its process sent. False: there is nobody. */
static bool end_for(struct connections *n, const struct account *k, const char *why) {
  size_t bytes;
  struct client *c = k->is_closed ? NULL : find_client(n, k);
  if (c) {
    end(c, "%s; this connection takes %llu bytes of them, its process %llu", why,
        (unsigned long long)accounts_memory(&n->accounts, k),
        (unsigned long long)accounts_memory(&n->accounts, k->process));
    return true;
  }
  if ((c = find_receiver(n, k->process, &bytes))) {
    end(c, "%s; %zu of them wait for it, from one who has ended", why, bytes);
    return true;
  }
  accounts_pass(&n->accounts, k->process);
  return false;
}

/* Ends some of the largest, as long as there is an excess and they are likely to be the largest.
 * False: there is nobody. */
static bool end_largest(struct connections *n, const struct excess *e) {
  struct account *largest[ENDED_AT_ONCE];
  unsigned found = accounts_largest(&n->accounts, e->whole, largest, ENDED_AT_ONCE);
  work_charge(n->work, 1 + n->accounts.slab.count / LOOKED_PER_UNIT);
  if (!found) return false;
  const struct account *process = largest[0]->process;
  uint64_t before = accounts_memory(&n->accounts, process) - process->leaving;
  for (unsigned i = 0; i < found && is_there(n, e); i++)
    if (!end_for(n, largest[i], e->why) ||
        accounts_memory(&n->accounts, process) - process->leaving < before / ENDED_PART)
      break;
  return true;
}

/* It has kept the loop from waiting; the end of the turn does the rest. */
static bool go_on(struct work *w, struct job *j) {
  (void)w;
  (void)j;
  return false;
}

void limits_enforce(struct connections *n) {
  uint64_t begun = n->work->spent;
  struct excess e;
  accounts_search(&n->accounts);
  while (find_excess(n, &e) && end_largest(n, &e)) {
    if (n->work->spent - begun < WORK_QUANTUM) continue;
    if (!job_is_queued(&n->enforcing)) work_add(n->work, &n->enforcing, go_on);
    return;
  }
  n->is_over = false;
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
         c->events & UV_WRITABLE;
}

bool limits_is_watched(const struct client *c) {
  const struct client_limits *l = &c->connections->limits;
  return (l->message_ms && is_sending(c)) || (l->read_ms && is_taking(c));
}

static void on_sweep(uv_timer_t *timer) { limits_sweep(timer->data); }

static void start_timer(struct connections *n) {
  const struct client_limits *l = &n->limits;
  uint64_t shorter = l->message_ms && (!l->read_ms || l->message_ms < l->read_ms) ? l->message_ms
                                                                                 : l->read_ms;
  if (!shorter) return;
  uv_timer_start(&n->sweep, on_sweep, shorter / SWEEPS + 1, 0);
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
