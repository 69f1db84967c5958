/* SPDX-License-Identifier: MIT
 *
 * The objects that are shared, looked at twice: how many of each worker and kind there are, how
 * many have come and gone in between, and where a part of them comes from. Of a million objects a
 * thousand of those that were there and a thousand of those that have come are chosen at random
 * and described; what these say of origins is an estimate then, and exact while all are chosen.
 *
 * Ids count up at their host, so what has come since has an id above the largest that was seen.
 */
#ifndef GAIJIN_TOOLS_ASK_GROWTH_H
#define GAIJIN_TOOLS_ASK_GROWTH_H

#include "tools/ask/describe.h"
#include "tools/ask/observe.h"

/* So many are chosen of each worker and kind: of those that were there first, and that came. */
enum { GROWTH_MOST = 1000, GROWTH_HOLDERS = 4 };

struct growth_object {
  uint64_t id;
  size_t description; /* its number */
  bool lives;         /* is held now */
  double age;         /* seconds, while it lives */
  uint32_t holders[GROWTH_HOLDERS]; /* numbers of names; more holders are left out */
  uint32_t n_holders;
};

struct growth_part {
  struct growth_object *objects;
  size_t count;
  uint64_t of; /* chosen of so many */
};

/* Of one worker and kind. */
struct growth_class {
  char *host, *kind;
  size_t host_size;
  uint64_t incarnation; /* of the worker, when it was looked at first; 0: not known */
  uint64_t largest;     /* id that was there first */
  struct growth_part old, new;
  uint64_t now;         /* so many are held now */
  struct growth_class *next; /* in its bucket */
};

enum { GROWTH_BUCKETS = 1024 };

struct growth {
  struct growth_class **classes;
  size_t n_classes, classes_room;
  struct growth_class *buckets[GROWTH_BUCKETS];
  struct growth_name {
    char *text;
    uint32_t next; /* in its bucket: its number + 1; 0: none */
  } *names; /* of holders */
  size_t n_names, names_room;
  uint32_t name_buckets[GROWTH_BUCKETS]; /* number + 1 */
  struct descriptions *descriptions;
  uint64_t random;
  bool second;   /* it is looked at for the second time, or the only one */
  bool compares; /* there was a first */
};

/* Looks, waits so many seconds (0: looks once), looks again, and has what was chosen described.
 * Only objects of these workers, or of all if there are none. False, after error lines: something
 * is missing. growth_deinit ends it in either case, before the connection is closed. */
bool growth_take(struct growth *s, struct observer *o, char *const *workers, size_t count,
                 double seconds);
void growth_deinit(struct growth *s);

#endif
