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
 *   What one has sent who has ended since is its readers': one for whom much of it waits is
 *   disconnected, too.
 * - Who has begun a message and does not go on with it, or reads nothing while much waits, is
 *   disconnected after a time.
 *
 * Who is refused or disconnected is counted in its account and named in the log.
 */
#ifndef GAIJIN_BROKER_LIMITS_H
#define GAIJIN_BROKER_LIMITS_H

#include "broker/net/client.h"

/* For so many of the largest messages there is room in any case: in memory, and in what one process
 * may have waiting. */
enum { LIMITS_MESSAGES = 8, LIMITS_PROCESS_MESSAGES = 4 };
/* Such a part of the memory for all a process may have waiting even if none is left. */
enum { LIMITS_RESERVED = 64 };
/* While no more than this waits for it, a client may take as long as it likes: it is stopped, in a
 * debugger, or asleep. */
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

/* Counts and logs that the client's process and user may not have `n` more of a kind, and says why
 * in `text`. Returns false. For limits_allow. */
bool limits_refuse(struct client *c, enum account_kind kind, uint64_t n, char *text);
/* Whether the client's process and user may have `n` more of a kind. If not, that is counted and
 * logged, and `text` (LIMITS_TEXT bytes) says what they have too much of. */
static inline bool limits_allow(struct client *c, enum account_kind kind, uint64_t n, char *text) {
  const struct accounts *a = &c->connections->accounts;
  const struct account *process = c->account->process;
  if (!accounts_full(a, c->account, kind, n) &&
      (kind != ACCOUNT_BYTES ||
       process->used[ACCOUNT_BYTES] + n <= accounts_left(a) + a->limits.memory / LIMITS_RESERVED))
    return true;
  return limits_refuse(c, kind, n, text);
}

/* At the end of a turn, when all that can be written has been: disconnects, after a word, those
 * whose bytes are too many, and frees what waits for them; so many as fit into a slice of work, and
 * goes on in the turns to come. */
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
