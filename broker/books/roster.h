/* SPDX-License-Identifier: MIT
 *
 * The roster: which workers are not dead, in a file beside the socket that outlives the broker. A
 * broker that is started again has no other book: from this one it knows for whom to wait, whom
 * its predecessor has declared dead, and who lies about a host id.
 *
 * A slot is taken before its worker is told its id and secret, and freed before anybody is told
 * that it is dead. It is free when its `host` is 0; that is written last, and first when it is
 * freed, so a broker that is killed in between leaves a free slot, and no half one. The file is
 * mapped: what is stored is the kernel's, and survives this process. It need not survive the
 * system: all workers end with that, and the id of the boot in the header tells.
 *
 * Whoever may read the file is this broker's user, who may trace it, too. roster_file.h opens it.
 */
#ifndef GAIJIN_BROKER_ROSTER_H
#define GAIJIN_BROKER_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "broker/base/slab.h"
#include "proto/limits.h"
#include "proto/returning.h"

/* As in the file; both have ROSTER_RECORD bytes. Change ROSTER_LAYOUT with them. */
enum { ROSTER_RECORD = 128, ROSTER_LAYOUT = 1, ROSTER_BOOT_BYTES = 48 };

struct roster_header {
  char magic[8]; /* ROSTER_MAGIC */
  uint32_t layout, unused;
  uint64_t generation; /* of the broker that has the file, from 1 */
  char boot[ROSTER_BOOT_BYTES]; /* the kernel's text, and zeros */
  uint64_t pid_space; /* in which the ids of processes mean something; 0: not known */
  uint8_t rest[48];
};
#define ROSTER_MAGIC "gaijin\nR"

struct roster_slot {
  _Atomic uint64_t host; /* 0: free */
  uint64_t start;        /* of the process (base/process.h); 0: not known */
  struct secret secret;
  int32_t pid; /* 0: of another name space, and not judged */
  uint32_t uid;
  uint8_t name_size;
  uint8_t retired; /* it has given its name up, which others may have, or has not got it yet */
  uint8_t sandboxed; /* it runs code that is not trusted, and may not say otherwise later */
  char name[NAME_MAX_BYTES];
  uint8_t succeeds; /* while it is `retired`: it waits to succeed who has the name. Releases that do
                       not know this take it back without a name */
  uint8_t rest[20];
};

struct roster {
  struct roster_header *header; /* the mapped file, slots behind it; NULL: there is none */
  uint32_t slots, used;
  uint32_t *unused; /* numbers of free slots, a stack of slots - used */
  int fd;
  uint64_t generation; /* also without a file */
  char path[124];
};

/* What a slot says. */
struct rostered {
  uint64_t host, start;
  struct secret secret;
  pid_t pid;
  uid_t uid;
  bool sandboxed;
  bool succeeds; /* it waits to succeed another */
  const char *name;
  uint32_t name_size;
};

static inline struct roster_slot *roster_at(const struct roster *r, uint32_t slot) {
  assert(slot < r->slots);
  return (struct roster_slot *)(void *)(r->header + 1) + slot;
}

/* Takes a slot; its number, or SLAB_NONE: there is no file, or it cannot grow (errno tells why). */
uint32_t roster_add(struct roster *r, const struct rostered *what);
/* The worker has given its name up. */
void roster_retire(struct roster *r, uint32_t slot);
/* The worker has the name now that it was to have. Before it the one of before is retired: who is
 * killed in between leaves a successor of nobody, which gets the name when it comes back. */
void roster_succeed(struct roster *r, uint32_t slot);
/* The process that has come back for a slot may have another id. */
void roster_set_process(struct roster *r, uint32_t slot, pid_t pid, uint64_t start);
/* The worker is dead, and nobody was told yet. */
void roster_free(struct roster *r, uint32_t slot);

/* NULL, or a static text that says which invariant is broken. */
const char *roster_check(const struct roster *r);

#endif
