/* SPDX-License-Identifier: MIT
 *
 * Who is suspected. A token with a holder that hosts no suspect is held by something that is no
 * suspect's: it is acquitted. What is left could be cyclic, and mostly nothing is: so servers whose
 * clients export nothing, and what is not cyclic over workers, cost no message.
 *
 * The books change between two slices. That makes suspects that should be none, which costs a
 * question, or none of what could be one, which waits for the next round.
 */
#include <stdlib.h>
#include <string.h>

#include "broker/cycles/internal.h"

/* Records that a slice looks at, with the last one's holders a few more; so many are a unit of
 * work. */
enum { RECORDS_SLICE = 4096, RECORDS_PER_UNIT = 8 };

bool suspects_begin(struct cycles *k) {
  uint32_t count = k->b->hosts.all.entry_count * SLAB_CHUNK;
  k->hosts = calloc(count + 1, sizeof *k->hosts);
  k->out = calloc(count + 1, sizeof *k->out);
  k->host_count = k->hosts ? count : 0;
  k->out_first = k->out_count = 0;
  k->hold = k->pruned = k->stack = SLAB_NONE;
  k->began_at = k->cut_at;
  k->cut_at = 0;
  suspects_begin_gathering(k);
  for (uint32_t i = 0; i < k->host_count; i++) k->hosts[i].member = SLAB_NONE;
  return k->hosts && k->out;
}

bool suspects_can_ask(const struct cycles *k, uint32_t host) {
  const struct broker *b = k->b;
  const struct client *c = hosts_at(&b->hosts, host)->client;
  return c && c->state == CLIENT_READY && !c->observer && !c->leaves && !c->has_hung_up &&
         client_has_room(c) && /* else it might have to be ended for what we send it */
         c->version >= WIRE_VERSION_CYCLES && !unable_is(k, c);
}

bool suspects_is_of_barred(const struct cycles *k, uint32_t token, uint32_t *n) {
  const struct refs *r = &k->b->refs;
  const struct token *t = refs_token(r, token);
  if (t->host < k->host_count && k->hosts[t->host].is_barred) return true;
  uint32_t most = *n + CYCLES_HOLDERS_MOST;
  for (uint32_t i = t->holds; i != SLAB_NONE && *n < most; ++*n) {
    uint32_t holder = refs_hold_at(r, i)->client;
    if (holder < k->host_count && k->hosts[holder].is_barred) return true;
    i = refs_next_holder(r, i);
  }
  return false;
}

/* Goes on with a slab from the cursor; calls `each` for so many of its items, which returns what
 * other records it has looked at: they count as well. */
static bool walk(struct cycles *k, const struct slab *s,
                 uint32_t (*each)(struct cycles *, uint32_t)) {
  uint32_t n = 0, i = slab_next(s, k->cursor);
  for (; i != SLAB_NONE && n < RECORDS_SLICE; i = slab_next(s, k->cursor)) {
    k->cursor = i + 1;
    n += 1 + each(k, i);
  }
  work_charge(&k->b->work, 1 + n / RECORDS_PER_UNIT);
  return i == SLAB_NONE;
}

/* ---- Hosts ---- */

/* Why one is left out that can have a part in a cycle: it holds something. */
static unsigned why_left_out(const struct cycles *k, const struct client *c) {
  if (c->state != CLIENT_READY || c->observer || c->leaves || c->has_hung_up) return UNABLE_NOT;
  if (refs_first_held(&k->b->refs, c->host) == SLAB_NONE) return UNABLE_NOT;
  if (c->version < WIRE_VERSION_CYCLES) return UNABLE_UNSUPPORTED;
  if (unable_is(k, c)) return c->unable_why;
  return client_has_room(c) ? UNABLE_NOT : UNABLE_FULL;
}

static uint32_t look_at_host(struct cycles *k, uint32_t i) {
  if (i >= k->host_count) return 0;
  k->hosts[i].can = suspects_can_ask(k, i);
  const struct client *c = k->hosts[i].can ? NULL : hosts_at(&k->b->hosts, i)->client;
  unsigned why = c ? why_left_out(k, c) : UNABLE_NOT;
  if (why) unable_note(k, c, why);
  return 0;
}
bool suspects_look_at_hosts(struct cycles *k) { return walk(k, &k->b->hosts.all, look_at_host); }

static void put_out(struct cycles *k, uint32_t host) {
  if (k->hosts[host].is_out) return;
  k->hosts[host].is_out = true;
  k->out[k->out_count++] = host;
}

static uint32_t sort_out(struct cycles *k, uint32_t i) {
  if (i < k->host_count && (!k->hosts[i].can || !k->hosts[i].suspects)) put_out(k, i);
  return 0;
}
bool suspects_sort_out(struct cycles *k) { return walk(k, &k->b->hosts.all, sort_out); }

/* ---- Tokens ---- */

void suspects_let_go(struct cycles *k, uint32_t token) {
  struct refs *r = &k->b->refs;
  struct cycles_host *h = &k->hosts[refs_token(r, token)->host];
  refs_acquit(r, token);
  if (h->suspects > 0 && --h->suspects == 0) put_out(k, refs_token(r, token)->host);
}

static uint32_t mark(struct cycles *k, uint32_t i) {
  struct refs *r = &k->b->refs;
  struct token *t = refs_token(r, i);
  uint32_t quiet = refs_quiet(t, broker_now(k->b));
  if (t->mark & TOKEN_TRIAL) {
    if (quiet < k->quiet) suspects_let_go(k, i);
  } else if (!k->is_raised && !(t->mark & TOKEN_CONDEMNED) && quiet >= k->quiet &&
             t->host < k->host_count && k->hosts[t->host].can) {
    refs_try(r, i);
    k->hosts[t->host].suspects++;
  }
  return 0;
}
bool suspects_mark(struct cycles *k) { return walk(k, &k->b->refs.tokens, mark); }

/* The next of the pruned host's holdings; what was released meanwhile has it begin anew. */
static uint32_t next_hold(const struct cycles *k) {
  const struct refs *r = &k->b->refs;
  if (k->hold != SLAB_NONE &&
      (!slab_live(&r->holds, k->hold) || refs_hold_at(r, k->hold)->client != k->pruned))
    return refs_first_held(r, k->pruned);
  return k->hold;
}

bool suspects_prune(struct cycles *k) {
  const struct refs *r = &k->b->refs;
  uint32_t n = 0;
  for (k->hold = next_hold(k); n < RECORDS_SLICE; n++) {
    if (k->hold == SLAB_NONE) {
      if (k->out_first == k->out_count) break;
      k->pruned = k->out[k->out_first++];
      k->hold = refs_first_held(r, k->pruned);
      continue;
    }
    uint32_t token = refs_hold_at(r, k->hold)->token;
    if (refs_token(r, token)->mark & TOKEN_TRIAL) suspects_let_go(k, token);
    k->hold = refs_next_held(r, k->hold);
  }
  work_charge(&k->b->work, 1 + n / RECORDS_PER_UNIT);
  return n < RECORDS_SLICE;
}

/* ---- Gathering ---- */

/* False: there is no room for more of them. */
static bool make_room(struct cycles *k) {
  if (k->suspect_count < k->suspect_room) return true;
  uint32_t room = k->suspect_room ? k->suspect_room * 2 : 256;
  struct cycles_suspect *all =
      k->suspect_count < CYCLES_SUSPECTS_MOST ? realloc(k->suspects, room * sizeof *all) : NULL;
  if (!all) return false;
  k->suspects = all;
  k->suspect_room = room;
  return true;
}

static uint32_t count_holders(const struct refs *r, uint32_t token) {
  uint32_t n = 0;
  for (uint32_t i = refs_token(r, token)->holds; i != SLAB_NONE && n <= CYCLES_HOLDERS_MOST;
       i = refs_next_holder(r, i))
    n++;
  return n;
}

/* The class of a token's age: as it was when the round began, for it may not change meanwhile. */
static unsigned age_of(const struct cycles *k, uint32_t token) {
  uint32_t now = broker_now(k->b), since = now - (uint32_t)(k->began_ms / 1000);
  uint32_t quiet = refs_quiet(refs_token(&k->b->refs, token), now);
  if (quiet < REFS_QUIET_MOST) quiet = quiet > since ? quiet - since : 0;
  return 31 - (unsigned)__builtin_clz(quiet + 1);
}

/* If it is too much, what was quiet for longer is left, and gathered again (suspects_raise); if
 * that is still too much, another part of it comes first the next time. How many holders were
 * looked at. */
static uint32_t gather(struct cycles *k, uint32_t i) {
  struct refs *r = &k->b->refs;
  if (!(refs_token(r, i)->mark & TOKEN_TRIAL)) return 0;
  uint32_t holders = count_holders(r, i);
  if (holders > CYCLES_HOLDERS_MOST || k->is_cut) {
    suspects_let_go(k, i);
    return holders;
  }
  k->quiet_ones[age_of(k, i)]++;
  if (k->is_over) return holders;
  if (k->entries + 1 + holders > CYCLES_PLACES_MOST || !make_room(k)) {
    k->is_over = !k->is_raised;
    if (k->is_over) return holders;
    suspects_cut(k, i);
    suspects_let_go(k, i);
    return holders;
  }
  k->entries += 1 + holders;
  k->suspects[k->suspect_count++] = (struct cycles_suspect){
      .token = i, .edges = SLAB_NONE, .next = SLAB_NONE, .in_part = SLAB_NONE};
  return holders;
}

void suspects_cut(struct cycles *k, uint32_t token) {
  if (!k->is_cut) k->cut_at = token;
  k->is_cut = true;
}

enum { PASS_OLD, PASS_ABOVE, PASS_BELOW, PASSES };

static uint32_t gather_one(struct cycles *k, uint32_t i) {
  bool is_old = k->is_raised && age_of(k, i) > k->cut_age;
  unsigned pass = is_old ? PASS_OLD : i >= k->began_at ? PASS_ABOVE : PASS_BELOW;
  return pass == k->pass ? gather(k, i) : 0;
}

bool suspects_gather(struct cycles *k) {
  if (!walk(k, &k->b->refs.tokens, gather_one)) return false;
  k->cursor = 0;
  return ++k->pass == PASSES;
}

/* The youngest class with which there are too many is the one of which a part comes in. */
void suspects_raise(struct cycles *k) {
  unsigned age = CYCLES_AGES - 1;
  uint64_t n = k->quiet_ones[age];
  while (age > 0 && n < CYCLES_SUSPECTS_MOST / 2) n += k->quiet_ones[--age];
  uint32_t quiet = (UINT32_C(1) << age) - 1;
  if (quiet > k->quiet) k->quiet = quiet;
  k->is_raised = true;
  k->is_over = false;
  k->cut_age = age;
  suspects_begin_gathering(k);
}

void suspects_begin_gathering(struct cycles *k) {
  k->suspect_count = 0;
  k->entries = 0;
  k->pass = k->is_raised ? PASS_OLD : PASS_ABOVE;
  memset(k->quiet_ones, 0, sizeof k->quiet_ones);
}

/* ---- The end ---- */

static uint32_t acquit(struct cycles *k, uint32_t i) {
  struct refs *r = &k->b->refs;
  if (refs_token(r, i)->mark & TOKEN_TRIAL) refs_acquit(r, i);
  return 0;
}

bool suspects_clear(struct cycles *k) {
  return !k->b->refs.trials || walk(k, &k->b->refs.tokens, acquit) || !k->b->refs.trials;
}
