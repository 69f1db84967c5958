/* SPDX-License-Identifier: MIT
 *
 * The only place that knows the forms of hello and of its reply, for both ends.
 *
 *   hello   [lowest version, highest version, name or nil, observer, options]
 *           [version, name or nil, observer]      the form of version 1, which had no ranges
 *   reply   [version, host, name, max message, broker's version, options]
 *
 * The versions come first and keep their place in every version, so that a reader can always say
 * why it cannot go on. Options are one array of key, value, key, value, ... that is left out when
 * it is empty; keys are strings, no key occurs twice, values are anything a body may have but PTs.
 * A reader looks up the keys it knows and skips the others, so a new one needs no new version.
 */
#ifndef GAIJIN_PROTO_HELLO_H
#define GAIJIN_PROTO_HELLO_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/body.h"
#include "proto/message.h"
#include "proto/pack.h"

/* The options of a hello or reply that was read: a checked view into its body. Zeroed: none. */
struct hello_options {
  struct reader pairs;
  uint32_t count; /* pairs */
};

struct hello_request {
  uint64_t lowest, highest; /* versions the sender speaks */
  uint32_t version;         /* the highest common one; 0: there is none, and the rest is not set */
  const char *name;         /* not terminated; NULL: the broker is to choose one */
  uint32_t name_size;
  bool observer;
  struct hello_options options;
};

struct hello_reply {
  uint64_t version; /* the one chosen, spoken from now on */
  uint64_t host;    /* the client's, not 0 */
  const char *name, *broker_version; /* not terminated */
  uint32_t name_size, broker_version_size;
  uint64_t max_message;
  struct hello_options options;
};

/* The highest version that a peer of this range and this program both speak; 0 if there is none. */
uint32_t hello_agree(uint64_t lowest, uint64_t highest);

/* Writes "version 3" or "versions 1 to 2" and returns `out`, which has HELLO_RANGE_BYTES bytes. */
enum { HELLO_RANGE_BYTES = 64 };
char *hello_range(char out[HELLO_RANGE_BYTES], uint64_t lowest, uint64_t highest);

/* Read a message of op hello whose body has been walked (body_walk). Return NULL, or a static text
 * that says what is wrong. Views in the result point into the message. */
const char *hello_read_request(const struct message *m, struct hello_request *h);
const char *hello_read_reply(const struct message *m, struct hello_reply *r);

/* Write a body, whose number of values pack_begin wants first. When `options` is not 0, the caller
 * writes so many pairs next: each a pack_text of a key, then one value, which may be an array. */
uint32_t hello_request_values(uint32_t options);
void hello_put_request(struct pack *p, const struct hello_request *h, uint32_t options);
/* The version decides the form: version 1 has no options. */
uint32_t hello_reply_values(uint64_t version, uint32_t options);
void hello_put_reply(struct pack *p, const struct hello_reply *r, uint32_t options);

/* Finds an option. True: the next value that `value` reads is the one of this key. */
bool hello_option(const struct hello_options *o, const char *key, struct reader *value);

#endif
