/* SPDX-License-Identifier: MIT
 *
 * Which living worker has which name, whether it serves yet, who is to succeed it, and who waits
 * for a name. A record exists while the name is taken, has a successor, or is watched. A successor
 * is no answer to who asks for the name. This file sends nothing.
 */
#ifndef GAIJIN_BROKER_NAMES_H
#define GAIJIN_BROKER_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/base/chain.h"
#include "broker/books/waits.h"
#include "proto/limits.h"

struct name {
  uint32_t link;
  uint32_t host; /* SLAB_NONE: nobody has it now */
  uint32_t successor; /* the host that gets it next; SLAB_NONE: there is none */
  bool ready;    /* the worker said that it serves */
  uint8_t size;
  char text[NAME_MAX_BYTES];
};

/* What a watch waits for. */
enum names_event { NAMES_PRESENT, NAMES_READY, NAMES_EVENTS };

struct names {
  struct slab all;
  struct chain by_text;
  struct waits watches; /* their subjects: names_subject() */
  struct accounts *accounts; /* a name is charged to its host, a watch to who waits; or NULL */
};

enum names_outcome { NAMES_OK, NAMES_TAKEN, NAMES_NO_MEMORY };

/* False when memory is short. A zeroed struct is valid to deinit. */
bool names_init(struct names *n, uint64_t seed);
void names_deinit(struct names *n);

/* For tables by name. */
uint64_t names_hash(const char *text, uint32_t size, uint64_t seed);

/* Before the first name: has all charged to accounts. */
void names_charge(struct names *n, struct accounts *accounts);

/* Gives a name without a fault (proto/name.h) to a host. */
enum names_outcome names_take(struct names *n, const char *text, uint32_t size, uint32_t host,
                              uint32_t *name);
/* The same for a host that is to succeed whoever has it; NAMES_TAKEN: another one is. */
enum names_outcome names_succeed(struct names *n, const char *text, uint32_t size, uint32_t host,
                                 uint32_t *name);
/* The host, which has the name or is its successor, has ended or wants it no more. Who has had it
 * leaves it to nobody: names_pass follows if there is a successor. */
void names_give_up(struct names *n, uint32_t name, uint32_t host);
/* The successor has the name from now on, and is not ready. Whose it was; SLAB_NONE: nobody's. */
uint32_t names_pass(struct names *n, uint32_t name);
/* The record of a name; SLAB_NONE: there is none. */
uint32_t names_find(const struct names *n, const char *text, uint32_t size);
/* The living worker of that name; SLAB_NONE when there is none. Any bytes may be asked for. */
uint32_t names_host(const struct names *n, const char *text, uint32_t size);

/* Whether the event has happened for the worker that has the name now; *host is that worker. */
bool names_has_happened(const struct names *n, const char *text, uint32_t size,
                        enum names_event event, uint32_t *host);
/* Notes that a client's request waits for a name without a fault. False when memory is short. */
bool names_watch(struct names *n, const char *text, uint32_t size, enum names_event event,
                 uint32_t client, uint64_t request);
/* Takes one watch of `name` whose event has happened out of the registry; false when there
 * is none. */
bool names_take_due(struct names *n, uint32_t name, struct wait *watch);
/* The client's request waits no more, or any one of its requests; false: there was none. */
bool names_unwatch(struct names *n, uint32_t client, uint64_t request);
bool names_unwatch_one(struct names *n, uint32_t client);

/* The subject of a watch, and the name of a subject. */
static inline uint32_t names_subject(uint32_t name, enum names_event event) {
  return name * NAMES_EVENTS + event;
}
static inline uint32_t names_of_subject(uint32_t subject) { return subject / NAMES_EVENTS; }

static inline struct name *names_at(const struct names *n, uint32_t name) {
  return slab_at(&n->all, name);
}

/* NULL, or a static text that says which invariant is broken. */
const char *names_check(const struct names *n);

#endif
