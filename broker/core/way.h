/* SPDX-License-Identifier: MIT
 *
 * The way that a client's last request to an object took: a shortcut past the tables of hosts,
 * tokens, holdings and pairs for the next one that goes there.
 *
 * Always true: a way that is known says what the tables say, but for the pair of a host that has
 * ended, to which nothing is sent any more. For the client holds the object: as long as it does,
 * the token and its host have their records, and the number of neither is another's. So the way is
 * forgotten where the client's last holding of the object goes (releases_give_back).
 */
#ifndef GAIJIN_BROKER_WAY_H
#define GAIJIN_BROKER_WAY_H

#include "broker/core/state.h"
#include "proto/pt.h"

/* Whether the client holds this object, as far as the way says; false: the tables know. */
static inline bool way_leads_to(const struct client *c, const struct pt *pt) {
  bool leads = c->way.is_known && pt_equal(&c->way.pt, pt);
#ifdef GAIJIN_HOSTILE
  const struct broker *b = c->broker;
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
    refs_mention(&b->refs, *token, c->host, broker_now(b));
  else
    *token = SLAB_NONE;
  return is_found || *host == c->host;
}

/* The record of the client and a host (its number) that it asks; SLAB_NONE: the table knows. */
static inline uint32_t way_pair(const struct client *c, uint32_t host) {
  if (!c->way.is_known || c->way.host != host) return SLAB_NONE;
#ifdef GAIJIN_HOSTILE
  assert(loads_find(&c->broker->loads, c->host, host) == c->way.pair);
#endif
  return c->way.pair;
}

/* A request takes this way: the client holds the object, whose host (its number) is another. */
static inline void way_note(struct client *c, const struct pt *pt, uint32_t host, uint32_t token,
                            uint32_t pair) {
  c->way = (struct way){.pt = *pt, .host = host, .pair = pair, .token = token, .is_known = true};
}

/* The client does not hold the object of this id of the host (its number) any more. */
static inline void way_forget(struct client *c, uint32_t host, uint64_t id) {
  if (c->way.host == host && c->way.pt.id == id) c->way.is_known = false;
}

#endif
