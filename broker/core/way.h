/* SPDX-License-Identifier: MIT
 *
 * The way that a client's last request to an object took: a shortcut past the tables of hosts,
 * tokens, holdings and pairs for the next one that goes there.
 *
 * Always true: a way that is taken says what the tables say. Numbers in it are good as long as
 * nothing has been removed from one of these (slab.removed); what is added changes nothing of it,
 * and a token's stamp and kind never change.
 */
#ifndef GAIJIN_BROKER_WAY_H
#define GAIJIN_BROKER_WAY_H

#include "broker/core/state.h"
#include "proto/pt.h"

/* The same number means that nothing has gone meanwhile. Never 0, which is that of no way. */
static inline uint64_t way_age(const struct broker *b) {
  return b->refs.tokens.removed + b->refs.holds.removed + b->loads.all.removed +
         b->hosts.all.removed + 1;
}

/* Whether the client holds this object, as far as the way says; false: the tables know. */
static inline bool way_leads_to(const struct client *c, const struct pt *pt) {
  const struct broker *b = c->broker;
  bool leads = c->way.age == way_age(b) && pt_equal(&c->way.pt, pt);
#ifdef GAIJIN_HOSTILE
  uint32_t token;
  assert(!leads || (hosts_find(&b->hosts, pt->host) == c->way.host &&
                    refs_find_held(&b->refs, c->way.host, pt, c->host, &token) == REFS_OK &&
                    token == c->way.token));
#endif
  return leads;
}

/* The host (its number) of an object that the client may ask for, its own or one that it holds;
 * that mentions it. False: there is no such object, or it may not. *token is SLAB_NONE for one of
 * its own that nobody has. */
static inline bool way_find(struct client *c, const struct pt *pt, uint32_t *host,
                            uint32_t *token) {
  struct broker *b = c->broker;
  bool is_found = way_leads_to(c, pt);
  if (is_found) {
    *host = c->way.host;
    *token = c->way.token;
  } else {
    *host = hosts_find(&b->hosts, pt->host);
    if (*host == SLAB_NONE) return false;
    is_found = (*host == c->host ? refs_find(&b->refs, *host, pt, token)
                                 : refs_find_held(&b->refs, *host, pt, c->host, token)) == REFS_OK;
  }
  if (is_found)
    refs_mention(&b->refs, *token, broker_now(b));
  else
    *token = SLAB_NONE;
  return is_found || *host == c->host;
}

/* The record of the client and a host (its number) that it asks; SLAB_NONE: the table knows. */
static inline uint32_t way_pair(const struct client *c, uint32_t host) {
  const struct broker *b = c->broker;
  if (c->way.host != host || c->way.age != way_age(b)) return SLAB_NONE;
#ifdef GAIJIN_HOSTILE
  assert(loads_find(&b->loads, c->host, host) == c->way.pair);
#endif
  return c->way.pair;
}

/* A request takes this way: the client holds the object, whose host (its number) is another. */
static inline void way_note(struct client *c, const struct pt *pt, uint32_t host, uint32_t token,
                            uint32_t pair) {
  c->way = (struct way){
      .pt = *pt, .host = host, .pair = pair, .token = token, .age = way_age(c->broker)};
}

#endif
