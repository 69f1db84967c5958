/* SPDX-License-Identifier: MIT
 *
 * Only what costs a walk of the connections, or of their accounts, at most.
 */
#include "broker/status.h"

#include <string.h>
#include <sys/stat.h>

#include "broker/net/carrier.h"
#include "proto/clock.h"

static void tell_clients(struct broker *b) {
  unsigned workers = 0, observers = 0, greeting = 0;
  size_t queued = 0;
  for (const struct client *c = b->connections.all; c; c = c->next) {
    queued += c->outbox.bytes;
    if (c->state == CLIENT_GREETING)
      greeting++;
    else if (c->observer)
      observers++;
    else
      workers++;
  }
  log_told(&b->log, "status: clients: %u workers, %u observers, %u have not said hello; %zu bytes "
                    "wait for them", workers, observers, greeting, queued);
}

enum { USERS_TOLD = 3 };

/* The users with the most memory, the largest first; how many, USERS_TOLD at most. */
static unsigned find_largest_users(const struct accounts *a, const struct account **users) {
  unsigned n = 0;
  for (uint32_t i = slab_next(&a->slab, 0); i != SLAB_NONE; i = slab_next(&a->slab, i + 1)) {
    const struct account *k = slab_at(&a->slab, i);
    if (k->level != ACCOUNT_USER) continue;
    unsigned at = n < USERS_TOLD ? n++ : USERS_TOLD;
    for (; at > 0 && accounts_memory(a, users[at - 1]) < accounts_memory(a, k); at--)
      if (at < USERS_TOLD) users[at] = users[at - 1];
    if (at < USERS_TOLD) users[at] = k;
  }
  return n;
}

static void tell_accounts(struct broker *b) {
  const struct accounts *a = &b->connections.accounts;
  const struct account *users[USERS_TOLD];
  unsigned n = find_largest_users(a, users);
  log_told(&b->log, "status: accounts: %llu bytes of at most %llu, %llu of them about to be given "
                    "back; %llu times something was refused",
           (unsigned long long)a->memory, (unsigned long long)a->limits.memory,
           (unsigned long long)a->leaving, (unsigned long long)a->refused);
  for (unsigned i = 0; i < n; i++)
    log_told(&b->log, "status: account of user %lu: %llu bytes, %u processes, %llu connections",
             (unsigned long)users[i]->uid, (unsigned long long)accounts_memory(a, users[i]),
             (unsigned)users[i]->parts, (unsigned long long)users[i]->used[ACCOUNT_CONNECTIONS]);
}

static void tell_memory(struct broker *b) {
  size_t resident = 0;
  int r = uv_resident_set_memory(&resident);
  if (r < 0)
    log_told(&b->log, "status: memory: not known (%s)", uv_strerror(r));
  else
    log_told(&b->log, "status: memory: %zu bytes resident", resident);
}

/* Somebody may have removed the file, or put another in its place. */
static void tell_socket(struct broker *b) {
  const struct listener *l = &b->listener;
  struct stat st;
  if (lstat(l->path, &st) == 0 && st.st_ino == l->inode && st.st_dev == l->device)
    log_told(&b->log, "status: socket: %s", l->path);
  else
    log_told(&b->log, "status: socket: %s is not there any more: nobody new can connect; restart "
                      "the broker", l->path);
}

static void tell_polling(struct broker *b) {
  const struct polling *p = &b->connections.hot.polling;
  log_told(&b->log, "status: polling: %llu looks found nothing, %llu waits ended with one that "
                    "found a message; %llu looks were slow",
           (unsigned long long)p->looks, (unsigned long long)p->hits, (unsigned long long)p->slow);
}

static void tell_rings(struct broker *b) {
  const struct carrier *k = &b->connections.carrier;
  log_told(&b->log, "status: rings: %lu of at most %lu pairs are used",
           (unsigned long)k->count, (unsigned long)carrier_most(&b->connections));
}

/* What SIGHUP has begun, if that is not over. */
static void tell_reload(struct broker *b) {
  unsigned seconds;
  if (b->settings_reread && reread_lasts(b->settings_reread, &seconds))
    log_told(&b->log, "status: reload: the settings are being read, for %u s so far", seconds);
  if (reread_lasts(&b->permissions.reread, &seconds))
    log_told(&b->log, "status: reload: %s is being read, for %u s so far", b->permissions.path,
             seconds);
}

void status_tell(struct broker *b) {
  uint64_t left_out;
  if (!thin_allows(&b->log.thin, CAUSE_ASKED, LOG_NO_UID, clock_seconds(), &left_out)) return;
  tell_clients(b);
  tell_accounts(b);
  log_told(&b->log, "status: tokens: %u, held %u times", (unsigned)b->refs.tokens.count,
           (unsigned)b->refs.holds.count);
  log_told(&b->log, "status: calls: %u open", (unsigned)b->calls.all.count);
  tell_memory(b);
  tell_socket(b);
  tell_polling(b);
  tell_rings(b);
  tell_reload(b);
  log_told(&b->log, "status: log: %llu lines lost since the start",
           (unsigned long long)b->log.lost_ever);
}
