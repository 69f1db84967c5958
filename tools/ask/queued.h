/* SPDX-License-Identifier: MIT
 *
 * What is under way: objects in messages that the broker has not written to their receivers yet
 * (op inspect, "queued", in docs/protocol.md).
 */
#ifndef GAIJIN_TOOLS_QUEUED_H
#define GAIJIN_TOOLS_QUEUED_H

#include "tools/ask/observe.h"

/* An object in a message. Texts live as long as the call. */
struct queued {
  struct gaijin_value to;   /* a name: it holds the object already */
  struct gaijin_value from; /* a name; nil: the broker, or one that is gone */
  struct gaijin_value op;   /* a name */
  struct gaijin_value host; /* the object's, a name; nil: objects that are not told */
  uint64_t kind;            /* as the wire numbers messages */
  uint64_t id;
  uint64_t objects; /* 1; of those that are not told, how many, 0: not known */
};

/* Calls fn for each, of all hosts or of one (not NULL). False after an error line. */
bool queued_read(struct observer *o, const char *host,
                 void (*fn)(void *user, const struct queued *q), void *user);

#endif
