/* SPDX-License-Identifier: MIT
 *
 * Slots, in the mapped file. It grows by doubling; its blocks are reserved before they are mapped,
 * or a full disk would end the broker with SIGBUS.
 */
#define _GNU_SOURCE /* mremap */
#include "broker/books/roster.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

_Static_assert(sizeof(struct roster_header) == ROSTER_RECORD, "layout of the file");
_Static_assert(sizeof(struct roster_slot) == ROSTER_RECORD, "layout of the file");

static bool grow(struct roster *r) {
  size_t had = ((size_t)r->slots + 1) * ROSTER_RECORD, more = (size_t)r->slots * ROSTER_RECORD;
  uint32_t *unused = realloc(r->unused, 2 * (size_t)r->slots * sizeof *unused);
  if (!unused) {
    errno = ENOMEM;
    return false;
  }
  r->unused = unused;
  int e = posix_fallocate(r->fd, (off_t)had, (off_t)more);
  if (e) {
    errno = e;
    return false;
  }
  void *at = mremap(r->header, had, had + more, MREMAP_MAYMOVE);
  if (at == MAP_FAILED) return false;
  r->header = at;
  for (uint32_t i = 0; i < r->slots; i++) r->unused[i] = 2 * r->slots - 1 - i;
  r->slots *= 2;
  return true;
}

uint32_t roster_add(struct roster *r, const struct rostered *what) {
  assert(what->host && what->name_size && what->name_size <= NAME_MAX_BYTES);
  errno = 0;
  if (!r->header || (r->used == r->slots && !grow(r))) return SLAB_NONE;
  uint32_t slot = r->unused[r->slots - ++r->used];
  struct roster_slot *s = roster_at(r, slot);
  assert(atomic_load_explicit(&s->host, memory_order_relaxed) == 0);
  s->start = what->start;
  s->secret = what->secret;
  s->pid = (int32_t)what->pid;
  s->uid = (uint32_t)what->uid;
  s->name_size = (uint8_t)what->name_size;
  s->retired = what->succeeds;
  s->succeeds = what->succeeds;
  s->sandboxed = what->sandboxed;
  memset(s->name, 0, sizeof s->name);
  memcpy(s->name, what->name, what->name_size);
  atomic_store_explicit(&s->host, what->host, memory_order_release);
  return slot;
}

void roster_retire(struct roster *r, uint32_t slot) {
  roster_at(r, slot)->succeeds = 0;
  atomic_signal_fence(memory_order_seq_cst);
  roster_at(r, slot)->retired = 1;
}

void roster_succeed(struct roster *r, uint32_t slot) {
  roster_at(r, slot)->retired = 0;
  atomic_signal_fence(memory_order_seq_cst);
  roster_at(r, slot)->succeeds = 0;
}

void roster_set_process(struct roster *r, uint32_t slot, pid_t pid, uint64_t start) {
  struct roster_slot *s = roster_at(r, slot);
  if (s->pid == (int32_t)pid && s->start == start) return;
  /* In between it is one that is not judged: a mixture of two processes looks dead. */
  s->pid = 0;
  atomic_signal_fence(memory_order_seq_cst);
  s->start = start;
  atomic_signal_fence(memory_order_seq_cst);
  s->pid = (int32_t)pid;
}

void roster_free(struct roster *r, uint32_t slot) {
  struct roster_slot *s = roster_at(r, slot);
  assert(atomic_load_explicit(&s->host, memory_order_relaxed) != 0 && r->used > 0);
  atomic_store_explicit(&s->host, 0, memory_order_release);
  secret_wipe(&s->secret);
  r->unused[r->slots - r->used--] = slot;
}

const char *roster_check(const struct roster *r) {
  uint32_t used = 0;
  if (!r->header) return r->used ? "roster: slots without a file" : NULL;
  for (uint32_t i = 0; i < r->slots; i++)
    used += atomic_load_explicit(&roster_at(r, i)->host, memory_order_relaxed) != 0;
  if (used != r->used) return "roster: another number of slots is used";
  for (uint32_t i = 0; i < r->slots - r->used; i++)
    if (roster_at(r, r->unused[i])->host) return "roster: one that is used may be taken";
  return NULL;
}
