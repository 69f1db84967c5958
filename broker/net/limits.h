/* SPDX-License-Identifier: MIT
 *
 * What is done about those who use too much: of something (base/accounts.h), of the memory for all,
 * or of time.
 *
 * - A request that would go over a limit is refused (limits_allow), and so is one whose process
 *   already has more waiting than memory is left for all, and a little: so whoever has little
 *   waiting is served, however much others have.
 * - What cannot be refused (a part of a message, an answer) may grow to ACCOUNT_HARD times the
 *   limit. Beyond that, the largest connection of the process or user is disconnected; if all
 *   together take more than --max-memory, the largest of the largest process of the largest user.
 *   What those of a user have sent who have ended since is its readers': one for whom much of it
 *   waits, or who has taken nothing for long, is disconnected, too; so is who holds, for long, much
 *   of those who have ended. While nobody does that, nobody else ends whose user has less.
 * - Who has begun a message and does not go on with it, or reads nothing while much waits that it
 *   has asked for, is disconnected after a time.
 *
 * Who is refused or disconnected is counted in its account and named in the log.
 */
#ifndef GAIJIN_BROKER_LIMITS_H
#define GAIJIN_BROKER_LIMITS_H

#include "broker/net/client.h"
#include "proto/status.h"

/* For so many of the largest messages there is room in any case: in memory, and in what one process
 * may have waiting. */
enum { LIMITS_MESSAGES = 8, LIMITS_PROCESS_MESSAGES = 4 };
/* Such a part of what one process may have waiting may wait for one client: who does not read keeps
 * nobody from what it sends to others. */
enum { LIMITS_AT_ONE = 2 };
/* Such a part of the memory for all the processes of a user may have waiting, each its share, even
 * if none is left. */
enum { LIMITS_RESERVED = 64 };
/* While no more than this waits for it of what it has asked for itself, a client may take as long
 * as it likes: it is stopped, in a debugger, or asleep. What others have sent they pay. */
enum { LIMITS_WAITING_MOST = 1 << 20 };
/* Bytes of the text that says what was refused, and why. */
enum { LIMITS_TEXT = 192 };

/* After connections_init: puts the timer on the loop. */
void limits_init(struct connections *n);
/* After accounts_init: takes the limits over, raised where they have no room for the messages
 * above. */
void limits_set(struct connections *n, const struct account_limits *most,
                const struct client_limits *times);
/* Has the loop let go of the timer. */
void limits_close(struct connections *n);

/* Counts and logs that `culprit` was refused something, and why. */
void limits_note_refusal(struct client *culprit, const char *text);
/* Counts and logs that `culprit` wanted more of a kind for `payer`, its own account or another's,
 * than there is room for, and says why in `text`. Returns false. For limits_allow. */
bool limits_refuse(struct client *culprit, const struct account *payer, enum account_kind kind,
                   uint64_t n, char *text);
/* Whether the memory for all has room for `n` bytes more of a payer: as much is left as its process
 * has waiting, or that is within its share of what each user may have in any case. */
static inline bool limits_have_memory(const struct accounts *a, const struct account *payer,
                                      uint64_t n) {
  uint64_t would = payer->process->used[ACCOUNT_BYTES] + n, left = accounts_left(a);
  return would <= left ||
         would <= left + a->limits.memory / LIMITS_RESERVED / payer->user->parts;
}
/* Whether the process and the user of `payer` may have `n` more of a kind, which `culprit` causes.
 * If not, that is counted and logged, and `text` (LIMITS_TEXT bytes) says what they have too much
 * of. */
static inline bool limits_allow_for(struct client *culprit, const struct account *payer,
                                    enum account_kind kind, uint64_t n, char *text) {
  const struct accounts *a = &culprit->connections->accounts;
  if (!accounts_full(a, payer, kind, n) &&
      (kind != ACCOUNT_BYTES || limits_have_memory(a, payer, n)))
    return true;
  return limits_refuse(culprit, payer, kind, n, text);
}
/* The same for what the client causes for itself. */
static inline bool limits_allow(struct client *c, enum account_kind kind, uint64_t n, char *text) {
  return limits_allow_for(c, c->account, kind, n, text);
}
/* Whether an answer of so many bytes may wait for who asked, `to`, without anybody being ended for
 * it. If not, its sender is counted and logged, or the receiver if that has left too much of its
 * own untaken. limits_judge_answer is for limits_allow_answer. */
bool limits_judge_answer(struct client *from, struct client *to, uint32_t bytes, char *text);
static inline bool limits_allow_answer(struct client *from, struct client *to, uint32_t bytes,
                                       char *text) {
  const struct accounts *a = &to->connections->accounts;
  return (accounts_have_little(a, to->account, ACCOUNT_BYTES, bytes) &&
          limits_have_memory(a, to->account, bytes)) ||
         limits_judge_answer(from, to, bytes, text);
}
/* What to refuse `n` more of a kind with: later there may be room for them, or never. */
static inline enum status limits_status(const struct client *c, enum account_kind kind,
                                        uint64_t n) {
  return n > c->connections->accounts.limits.most[kind] ? STATUS_too_large : STATUS_busy;
}

/* At the end of a turn, when all that can be written has been: if limits are passed, disconnects,
 * after a word, those whose bytes are too many, and frees what waits for them; so many as fit into
 * a slice of work, and goes on in the turns to come. */
void limits_enforce(struct connections *n);

/* There is one who may be in the midst of a message, or leaves something untaken: has the timer
 * run, if there are limits of time. */
void limits_watch(struct connections *n);
/* It was written to: the same if something is left. */
void limits_note_left(struct client *c);
/* Whether one of the times runs for it. */
bool limits_is_watched(const struct client *c);
/* Disconnects those whose time is over. The timer does it while there are any to watch. */
void limits_sweep(struct connections *n);

#endif
