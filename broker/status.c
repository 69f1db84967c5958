/* SPDX-License-Identifier: MIT
 *
 * Only what costs a walk of the connections, at most.
 */
#include "broker/status.h"

#include <string.h>
#include <sys/stat.h>

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

void status_tell(struct broker *b) {
  uint64_t left_out;
  if (!thin_allows(&b->log.thin, CAUSE_ASKED, LOG_NO_UID, clock_seconds(), &left_out)) return;
  tell_clients(b);
  log_told(&b->log, "status: tokens: %u, held %u times", (unsigned)b->refs.tokens.count,
           (unsigned)b->refs.holds.count);
  log_told(&b->log, "status: calls: %u open", (unsigned)b->calls.all.count);
  tell_memory(b);
  tell_socket(b);
  log_told(&b->log, "status: log: %llu lines lost since the start",
           (unsigned long long)b->log.lost_ever);
}
