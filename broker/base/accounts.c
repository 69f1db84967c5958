/* SPDX-License-Identifier: MIT
 *
 * All in one slab, whose items do not move. Processes are found by process, start and user, users
 * by user: a process id that is used again, while something is left of who had it before, is
 * another process. Where one of the starts is not known it is taken for the old one, which changes
 * no sum of that user. A connection whose process the kernel does not name is a process of its own.
 */
#include "broker/base/accounts.h"

#include <stddef.h>
#include <stdlib.h>

#include "proto/base.h"

/* Connections of one user that take such a part of the memory for all, together with the records
 * that its ended ones have left, are a flood. */
enum { FLOOD_PART = 4 };

static uint64_t key_hash(uint8_t level, pid_t pid, uid_t uid, uint64_t seed) {
  return mix64((((uint64_t)(uint32_t)pid << 32) | uid) ^ mix64(seed + level));
}
static uint64_t hash_of_account(const void *item, uint64_t seed) {
  const struct account *k = item;
  return key_hash(k->level, k->pid, k->uid, seed);
}

bool accounts_init(struct accounts *a, uint64_t seed) {
  *a = (struct accounts){.search = 1, .round = 1};
  a->bytes_of[ACCOUNT_BYTES] = a->bytes_of[ACCOUNT_OTHER] = 1;
  for (unsigned i = 0; i < ACCOUNT_KINDS; i++) a->limits.most[i] = UINT64_MAX;
  a->limits.users = 1;
  a->limits.memory = UINT64_MAX;
  slab_init(&a->slab, sizeof(struct account));
  return chain_init(&a->by_key, &a->slab, offsetof(struct account, link), hash_of_account, seed);
}

void accounts_deinit(struct accounts *a) {
  chain_deinit(&a->by_key);
  slab_deinit(&a->slab);
  free(a->of_host);
  *a = (struct accounts){0};
}

/* ---- Coming and going ---- */

static struct account *add(struct accounts *a, enum account_level level, pid_t pid, uid_t uid) {
  uint32_t i = slab_add(&a->slab);
  if (i == SLAB_NONE) return NULL;
  struct account *k = accounts_at(a, i);
  *k = (struct account){
      .index = i, .serial = ++a->added, .level = (uint8_t)level, .pid = pid, .uid = uid};
  return k;
}

static struct account *find(const struct accounts *a, enum account_level level, pid_t pid,
                            uid_t uid, uint64_t born) {
  uint64_t hash = key_hash((uint8_t)level, pid, uid, a->by_key.seed);
  for (uint32_t i = chain_first(&a->by_key, hash); i != SLAB_NONE; i = chain_next(&a->by_key, i)) {
    struct account *k = accounts_at(a, i);
    if (k->level == level && k->pid == pid && k->uid == uid &&
        (k->born == born || !k->born || !born))
      return k;
  }
  return NULL;
}

static struct account *find_or_add(struct accounts *a, enum account_level level, pid_t pid,
                                   uid_t uid, uint64_t born) {
  struct account *k = find(a, level, pid, uid, born);
  if (k && account_is_named(k)) return k;
  if (!(k = add(a, level, pid, uid))) return NULL;
  k->born = born;
  if (account_is_named(k)) chain_add(&a->by_key, k->index);
  return k;
}

/* Frees a process or user that nobody is part of. */
static void free_if_empty(struct accounts *a, struct account *k) {
  if (!k || k->parts) return;
  for (unsigned i = 0; i < ACCOUNT_KINDS; i++) assert(k->used[i] == 0);
  if (account_is_named(k)) chain_remove(&a->by_key, k->index);
  slab_remove(&a->slab, k->index);
}

struct account *accounts_open(struct accounts *a, pid_t pid, uid_t uid, uint64_t born) {
  struct account *user = find_or_add(a, ACCOUNT_USER, 0, uid, 0);
  struct account *process = user ? find_or_add(a, ACCOUNT_PROCESS, pid, uid, born) : NULL;
  struct account *k = process ? add(a, ACCOUNT_CONNECTION, pid, uid) : NULL;
  if (!k) {
    if (process && !process->user) free_if_empty(a, process);
    free_if_empty(a, user);
    return NULL;
  }
  if (!process->user) user->parts++;
  process->parts++;
  process->user = k->user = user;
  k->process = process;
  account_charge(a, k, ACCOUNT_CONNECTIONS, 1);
  account_charge(a, k, ACCOUNT_OTHER, a->record_bytes);
  return k;
}

/* Beside its own record. */
static bool is_used(const struct accounts *a, const struct account *k) {
  if (!k->is_closed || k->is_bound) return true;
  for (unsigned i = 0; i < ACCOUNT_OTHER; i++)
    if (k->used[i]) return true;
  return k->used[ACCOUNT_OTHER] > a->record_bytes;
}

static void free_if_unused(struct accounts *a, struct account *k) {
  assert(k->level == ACCOUNT_CONNECTION);
  if (is_used(a, k)) return;
  struct account *process = k->process, *user = k->user;
  process->used[ACCOUNT_OTHER] -= a->record_bytes;
  user->used[ACCOUNT_OTHER] -= a->record_bytes;
  a->memory -= a->record_bytes;
  slab_remove(&a->slab, k->index);
  assert(process->parts > 0 && user->parts > 0);
  if (--process->parts) return;
  free_if_empty(a, process);
  user->parts--;
  free_if_empty(a, user);
}

/* What goes with a connection. The others stay until somebody else has done something: read what it
 * sent, answered what it asked, given back its objects. */
static bool is_leaving_kind(enum account_kind kind) {
  return kind == ACCOUNT_WAITS || kind == ACCOUNT_NAMES || kind == ACCOUNT_CONNECTIONS;
}

static uint64_t leaving_memory(const struct accounts *a, const struct account *k) {
  uint64_t bytes = (uint64_t)k->own_held * a->bytes_of[ACCOUNT_HELD];
  for (unsigned i = 0; i < ACCOUNT_KINDS; i++)
    if (is_leaving_kind((enum account_kind)i)) bytes += k->used[i] * a->bytes_of[i];
  return bytes;
}

static void add_leaving(struct accounts *a, struct account *k, uint64_t bytes) {
  k->leaving += bytes;
  k->process->leaving += bytes;
  k->user->leaving += bytes;
  a->leaving += bytes;
}

void accounts_note_more(struct accounts *a, struct account *k, enum account_kind kind, uint64_t n) {
  assert(k->is_leaving);
  if (is_leaving_kind(kind)) add_leaving(a, k, n * a->bytes_of[kind]);
}

void accounts_note_less(struct accounts *a, struct account *k, enum account_kind kind, uint64_t n) {
  assert(k->is_leaving);
  if (is_leaving_kind(kind)) add_leaving(a, k, -(n * a->bytes_of[kind]));
  free_if_unused(a, k);
}

void accounts_note_held(struct accounts *a, const struct account *payer, struct account *holder,
                        bool more) {
  uint64_t bytes = a->bytes_of[ACCOUNT_HELD];
  assert(holder->is_leaving);
  if (!more) bytes = -bytes;
  if (payer == holder)
    add_leaving(a, holder, bytes);
  else
    a->leaving += bytes;
}

void accounts_note_records(struct accounts *a, struct account *k, uint64_t bytes) {
  assert(k->is_leaving && k->records == 0);
  k->records = bytes;
  a->leaving += bytes;
}

void accounts_note_record_gone(struct accounts *a, struct account *k, uint64_t bytes) {
  if (k->records == 0) return;
  assert(k->records >= bytes);
  k->records -= bytes;
  a->leaving -= bytes;
}

/* What goes with it that others pay. */
static uint64_t given_memory(const struct accounts *a, const struct account *k) {
  return (uint64_t)k->given * a->bytes_of[ACCOUNT_HELD] + k->records;
}

void accounts_leave(struct accounts *a, struct account *k) {
  assert(k->level == ACCOUNT_CONNECTION);
  if (k->is_leaving) return;
  k->is_leaving = true;
  add_leaving(a, k, leaving_memory(a, k));
  a->leaving += given_memory(a, k);
}

void accounts_close(struct accounts *a, struct account *k) {
  assert(!k->is_closed);
  accounts_leave(a, k);
  k->is_closed = true;
  k->owner = NULL;
  account_discharge(a, k, ACCOUNT_CONNECTIONS, 1);
}

/* ---- Hosts ---- */

static bool reserve(struct accounts *a, uint32_t host) {
  if (host < a->host_capacity) return true;
  if (host > UINT32_MAX / 4) return false;
  uint32_t capacity = a->host_capacity ? a->host_capacity : 8;
  while (capacity <= host) capacity *= 2;
  struct account **of_host = realloc(a->of_host, capacity * sizeof(struct account *));
  if (!of_host) return false;
  for (uint32_t i = a->host_capacity; i < capacity; i++) of_host[i] = NULL;
  a->of_host = of_host;
  a->host_capacity = capacity;
  return true;
}

bool accounts_bind(struct accounts *a, uint32_t host, struct account *k) {
  if (!reserve(a, host)) return false;
  assert(!a->of_host[host] && !k->is_bound);
  a->of_host[host] = k;
  k->is_bound = true;
  return true;
}

void accounts_unbind(struct accounts *a, uint32_t host) {
  struct account *k = accounts_of(a, host);
  a->of_host[host] = NULL;
  k->is_bound = false;
  free_if_unused(a, k);
}

/* ---- Limits ---- */

uint64_t accounts_memory(const struct accounts *a, const struct account *k) {
  uint64_t bytes = 0;
  for (unsigned i = 0; i < ACCOUNT_KINDS; i++) bytes += k->used[i] * a->bytes_of[i];
  return bytes;
}

static uint64_t staying_memory(const struct accounts *a, const struct account *k) {
  return accounts_memory(a, k) - k->leaving;
}

/* Whether this search has found out what the user's ended ones have left. */
static bool is_counted(const struct accounts *a, const struct account *user) {
  return user->counted == a->search;
}

/* Beside what the ended ones of a user have left for good, what it has. */
static uint64_t rest_of_user(const struct accounts *a, const struct account *user) {
  uint64_t memory = staying_memory(a, user);
  uint64_t stays = is_counted(a, user) ? user->stays : 0;
  return memory > stays ? memory - stays : 0;
}

/* The part of what an ended one has left that others keep as long as they are connected: requests
 * that they do not answer, pairs that they are of. */
static uint64_t kept_records(const struct accounts *a, const struct account *k) {
  assert(k->used[ACCOUNT_OTHER] >= a->record_bytes);
  return k->used[ACCOUNT_REQUESTS] * a->bytes_of[ACCOUNT_REQUESTS] + k->used[ACCOUNT_OTHER] -
         a->record_bytes;
}

static bool is_flood(const struct accounts *a, const struct account *user) {
  uint64_t kept = is_counted(a, user) ? user->kept : 0;
  return user->used[ACCOUNT_CONNECTIONS] * a->bytes_of[ACCOUNT_CONNECTIONS] + kept >
         a->limits.memory / FLOOD_PART;
}

/* Whether the connections of a user would end for what others have left. If they are a flood, and
 * nobody has left more than its own ended ones, they most likely keep that. */
static bool is_spared(const struct accounts *a, const struct account *user) {
  return rest_of_user(a, user) < a->stays &&
         !(is_counted(a, user) && user->stays == a->stays && is_flood(a, user));
}

/* Whether something may be done about what it uses, for the sake of `whole`. Of connections that
 * have little but themselves the end gives little: only if they are the very flood. */
static bool is_endable(const struct accounts *a, const struct account *k,
                       const struct account *whole) {
  if (k->level != ACCOUNT_CONNECTION || (whole && k->process != whole && k->user != whole))
    return false;
  if (k->is_closed)
    return staying_memory(a, k) > a->record_bytes &&
           (whole ? whole : k->user)->passed != a->search;
  if (k->is_leaving || (!whole && is_spared(a, k->user))) return false;
  return accounts_memory(a, k) > 2 * (uint64_t)a->bytes_of[ACCOUNT_CONNECTIONS] ||
         is_flood(a, k->user);
}

static bool is_in_larger(const struct accounts *a, const struct account *k,
                         const struct account *than) {
  if (k->user != than->user)
    return staying_memory(a, k->user) > staying_memory(a, than->user);
  return k->process != than->process &&
         staying_memory(a, k->process) > staying_memory(a, than->process);
}

/* The process they are to be of; NULL: there is none. */
static struct account *find_process(const struct accounts *a, const struct account *whole) {
  struct account *found = NULL;
  for (uint32_t i = slab_next(&a->slab, 0); i != SLAB_NONE; i = slab_next(&a->slab, i + 1)) {
    struct account *k = accounts_at(a, i);
    if (!is_endable(a, k, whole)) continue;
    if (!found || is_in_larger(a, k, found)) found = k;
  }
  return found ? found->process : NULL;
}

unsigned accounts_largest(const struct accounts *a, const struct account *whole,
                          uint32_t *largest, unsigned most) {
  const struct account *process = find_process(a, whole);
  unsigned n = 0;
  for (uint32_t i = slab_next(&a->slab, 0); process && i != SLAB_NONE;
       i = slab_next(&a->slab, i + 1)) {
    struct account *k = accounts_at(a, i);
    if (k->process != process || !is_endable(a, k, whole)) continue;
    uint64_t memory = staying_memory(a, k);
    unsigned at = n < most ? n++ : most;
    for (; at > 0 && staying_memory(a, accounts_at(a, largest[at - 1])) < memory; at--)
      if (at < most) largest[at] = largest[at - 1];
    if (at < most) largest[at] = i;
  }
  return n;
}

void accounts_search(struct accounts *a) {
  if (++a->search == 0) a->search = 1; /* 0 is of those who were never passed */
  a->stays = 0;
}

void accounts_pass(struct accounts *a, struct account *whole) {
  uint64_t stays = 0, kept = 0;
  assert(whole->level != ACCOUNT_CONNECTION);
  for (uint32_t i = slab_next(&a->slab, 0); i != SLAB_NONE; i = slab_next(&a->slab, i + 1)) {
    const struct account *k = accounts_at(a, i);
    if (!k->is_leaving || (k->process != whole && k->user != whole)) continue;
    stays += staying_memory(a, k);
    kept += kept_records(a, k);
  }
  whole->passed = a->search;
  if (whole->level != ACCOUNT_USER) return;
  whole->counted = a->search;
  whole->stays = stays;
  whole->kept = kept;
  if (stays > a->stays) a->stays = stays;
}

void accounts_note_left(struct accounts *a, const struct account *k) {
  struct account *user = k->user;
  assert(k->is_leaving);
  if (!is_counted(a, user)) user->stays = user->kept = 0;
  user->counted = a->search;
  user->stays += staying_memory(a, k);
  user->kept += kept_records(a, k);
  if (user->stays > a->stays) a->stays = user->stays;
}

void accounts_give_up(struct accounts *a, struct account *whole) {
  assert(whole->level != ACCOUNT_CONNECTION);
  whole->given_up = a->round;
  whole->given_up_at = whole->used[ACCOUNT_BYTES];
}

void accounts_retry(struct accounts *a) {
  if (++a->round == 0) a->round = 1; /* 0 is of those who were never given up */
  a->is_over = true;
}

uint64_t accounts_handed_out(const struct accounts *a, const struct account *user) {
  uint64_t bytes = 0;
  for (uint32_t i = slab_next(&a->slab, 0); i != SLAB_NONE; i = slab_next(&a->slab, i + 1)) {
    const struct account *k = accounts_at(a, i);
    if (!k->is_closed || k->user != user) continue;
    bytes += k->used[ACCOUNT_EXPORTED] * a->bytes_of[ACCOUNT_EXPORTED] +
             (k->used[ACCOUNT_HELD] - k->own_held) * a->bytes_of[ACCOUNT_HELD];
  }
  return bytes;
}

struct account *accounts_over(const struct accounts *a) {
  for (uint32_t i = slab_next(&a->slab, 0); i != SLAB_NONE; i = slab_next(&a->slab, i + 1)) {
    struct account *k = accounts_at(a, i);
    if (k->level != ACCOUNT_CONNECTION && account_is_to_end(a, k)) return k;
  }
  return NULL;
}

/* ---- Check ---- */

static bool is_part_of(const struct account *k, const struct account *whole) {
  if (whole->level == ACCOUNT_USER) return k->level == ACCOUNT_PROCESS && k->user == whole;
  return k->level == ACCOUNT_CONNECTION && k->process == whole;
}

/* What the parts of `whole` use and how many they are is what is written there. */
static bool is_sum(const struct accounts *a, const struct account *whole) {
  uint64_t used[ACCOUNT_KINDS] = {0}, leaving = 0;
  uint32_t parts = 0;
  for (uint32_t i = slab_next(&a->slab, 0); i != SLAB_NONE; i = slab_next(&a->slab, i + 1)) {
    const struct account *k = accounts_at(a, i);
    if (!is_part_of(k, whole)) continue;
    parts++;
    leaving += k->leaving;
    for (unsigned n = 0; n < ACCOUNT_KINDS; n++) used[n] += k->used[n];
  }
  for (unsigned n = 0; n < ACCOUNT_KINDS; n++)
    if (used[n] != whole->used[n]) return false;
  return parts == whole->parts && leaving == whole->leaving;
}

const char *accounts_check(const struct accounts *a) {
  uint32_t sums = 0;
  uint64_t memory = 0, leaving = 0, had = 0, held = 0;
  for (uint32_t i = slab_next(&a->slab, 0); i != SLAB_NONE; i = slab_next(&a->slab, i + 1)) {
    const struct account *k = accounts_at(a, i);
    if (k->level == ACCOUNT_CONNECTION) {
      if (!is_used(a, k)) return "accounts: one of no use";
      if (k->is_closed && !k->is_leaving) return "accounts: one has ended and never left";
      if (k->leaving != (k->is_leaving ? leaving_memory(a, k) : 0))
        return "accounts: other memory of one is leaving";
      if (k->own_held > k->used[ACCOUNT_HELD] || k->left > k->own_held + k->given)
        return "accounts: one has other holdings than it has and pays";
      leaving += k->leaving + (k->is_leaving ? given_memory(a, k) : 0);
      had += k->own_held + k->given;
      held += k->used[ACCOUNT_HELD];
      continue;
    }
    sums += account_is_named(k);
    if (k->level == ACCOUNT_USER) memory += accounts_memory(a, k);
    if (!k->parts) return "accounts: a process or user without connections";
    if (!is_sum(a, k)) return "accounts: a process or user is not the sum of its parts";
  }
  if (had != held) return "accounts: other holdings are paid than there are";
  if (leaving != a->leaving) return "accounts: other memory is leaving";
  if (memory != a->memory) return "accounts: the memory of all is not the sum of the users'";
  for (uint32_t i = 0; i < a->host_capacity; i++)
    if (a->of_host[i] && !a->of_host[i]->is_bound) return "accounts: a host's is not bound";
  return sums == a->by_key.count ? NULL : "accounts: the hash table has another number of them";
}
