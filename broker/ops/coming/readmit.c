/* SPDX-License-Identifier: MIT
 *
 * Whoever is refused as dead is told the same, whether the secret is wrong or nobody has the id: so
 * nothing can be learnt by guessing. The log tells which it was.
 */
#include "broker/ops/coming/readmit.h"

#include <stdio.h>
#include <string.h>

#include "broker/core/state.h"

const char *readmit_read(const struct hello_options *o, uint32_t version, struct returning *r) {
  struct reader value;
  *r = (struct returning){0};
  if (version < WIRE_VERSION_RETURN) return NULL;
  bool has_host = hello_option(o, RETURN_HOST_KEY, &value);
  if (has_host && (!reader_uint(&value, &r->host) || r->host == 0))
    return "hello: '" RETURN_HOST_KEY "' is no host";
  bool has_secret = hello_option(o, RETURN_SECRET_KEY, &value);
  if (has_secret && !secret_read(&value, &r->secret))
    return "hello: '" RETURN_SECRET_KEY "' is no string of 16 bytes";
  if (has_host != has_secret)
    return "hello: of '" RETURN_HOST_KEY "' and '" RETURN_SECRET_KEY "' there is only one";
  r->is = has_host;
  return NULL;
}

/* The slot of a host that is connected, or whose worker may come back; SLAB_NONE: none. */
static uint32_t find_slot(const struct broker *b, uint64_t id, uint32_t *absent,
                          struct client **connected) {
  uint32_t host = hosts_find(&b->hosts, id);
  *connected = host == SLAB_NONE ? NULL : hosts_at(&b->hosts, host)->client;
  *absent = absents_find(&b->grace.absents, id);
  if (*connected) return (*connected)->slot;
  return *absent == SLAB_NONE ? SLAB_NONE : absents_at(&b->grace.absents, *absent)->slot;
}

static bool is_its_own(const struct broker *b, uint32_t slot, const struct client *from,
                       const struct returning *r) {
  const struct roster_slot *s = roster_at(&b->roster, slot);
  return secret_equal(&s->secret, &r->secret) && s->uid == (uint32_t)from->uid;
}

uint32_t readmit_judge(struct client *from, const struct returning *r, bool observer,
                       const char *name, uint32_t name_size, enum status *status, char *text,
                       size_t n) {
  struct broker *b = from->broker;
  uint32_t absent;
  struct client *connected;
  uint32_t slot = find_slot(b, r->host, &absent, &connected);
  *status = STATUS_dead;
  snprintf(text, n, "you were declared dead while you were away (the roster of this broker, "
           "generation %llu, does not have you)", (unsigned long long)b->roster.generation);
  if (observer || slot == SLAB_NONE) return SLAB_NONE;
  if (!is_its_own(b, slot, from, r)) {
    log_peer(&b->log, LOG_WARN, CAUSE_ROSTER, client_about(from),
             "a client of user %u (process %ld) says that it comes back as host %016llx, and %s",
             (unsigned)from->uid, (long)from->pid, (unsigned long long)r->host,
             roster_at(&b->roster, slot)->uid == (uint32_t)from->uid
                 ? "does not know its secret" : "is of another user");
    return SLAB_NONE;
  }
  if (connected) {
    client_condemn(connected, "its worker has connected again");
    return SLAB_NONE;
  }
  const struct absent *k = absents_at(&b->grace.absents, absent);
  if (name_size == 0 || k->retired ||
      (name_size == k->name_size && memcmp(name, k->name, name_size) == 0))
    return absent;
  *status = STATUS_unsupported;
  snprintf(text, n, "worker %s comes back under its old name only; say it, or none", k->name);
  return SLAB_NONE;
}
