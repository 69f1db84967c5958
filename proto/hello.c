/* SPDX-License-Identifier: MIT
 *
 * What is read was written by a peer of any version, or by no peer at all: everything is checked
 * once here, options included, so that hello_option may walk them without a look at errors.
 */
#include "proto/hello.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/limits.h"

/* Numbers of values in the bodies; the last is the array of options. */
enum { VERSION_1_REQUEST = 3, REQUEST_LEAST = 4, REPLY_LEAST = 5 };

_Static_assert(HELLO_OPTIONS_BYTES + NAME_MAX_BYTES + 200 < MAX_MESSAGE_LEAST,
               "hello fits into the least message");

uint32_t hello_agree(uint64_t lowest, uint64_t highest) {
  uint64_t most = highest < WIRE_VERSION_MOST ? highest : WIRE_VERSION_MOST;
  return most >= lowest && most >= WIRE_VERSION_LEAST ? (uint32_t)most : 0;
}

char *hello_range(char out[HELLO_RANGE_BYTES], uint64_t lowest, uint64_t highest) {
  if (lowest == highest)
    snprintf(out, HELLO_RANGE_BYTES, "version %" PRIu64, lowest);
  else
    snprintf(out, HELLO_RANGE_BYTES, "versions %" PRIu64 " to %" PRIu64, lowest, highest);
  return out;
}

/* ---- Options ---- */

/* Skips one value with all that is in it. False: it is cut short, or a PT is in it. */
static bool skip_value(struct reader *r) {
  struct value v;
  for (uint64_t left = 1; left > 0; left--) {
    if (!reader_next(r, &v) || v.type == VALUE_PT) return false;
    if (v.type == VALUE_ARRAY) left += v.count;
  }
  return true;
}

/* Whether the next value is this key; steps over it and, if it is another one, over its value. */
static bool next_is(struct reader *r, const char *key, uint32_t size) {
  const char *bytes = NULL;
  uint32_t n = 0;
  bool ok = reader_string(r, &bytes, &n);
  if (ok && n == size && memcmp(bytes, key, n) == 0) return true;
  ok = ok && skip_value(r);
  assert(ok); /* read_options has been here before */
  return false;
}

/* Looks among the first `count` pairs only. */
static bool find(struct reader *r, uint32_t count, const char *key, uint32_t size) {
  for (uint32_t i = 0; i < count; i++)
    if (next_is(r, key, size)) return true;
  return false;
}

bool hello_option(const struct hello_options *o, const char *key, struct reader *value) {
  *value = o->pairs;
  return find(value, o->count, key, (uint32_t)strlen(key));
}

/* Reads and checks the array of options. */
static const char *read_options(struct reader *r, struct hello_options *o) {
  struct value v;
  const uint8_t *start = r->at;
  if (!reader_next(r, &v) || v.type != VALUE_ARRAY || v.count % 2 != 0)
    return "the options of hello are no array of key, value, ...";
  if (v.count / 2 > HELLO_OPTIONS_MOST) return "hello has too many options";
  o->pairs = *r;
  for (uint32_t i = 0; i < v.count / 2; i++) {
    const char *key;
    uint32_t size;
    struct reader before = o->pairs;
    if (!reader_string(r, &key, &size) || size < 1 || size > HELLO_KEY_MOST)
      return "the key of an option of hello is no string of a fitting length";
    if (find(&before, i, key, size)) return "hello has the same option twice";
    if (!skip_value(r))
      return "the value of an option of hello is cut short or has an object in it";
  }
  if (r->at - start > HELLO_OPTIONS_BYTES) return "the options of hello are too large";
  o->pairs.end = r->at;
  o->count = v.count / 2;
  return NULL;
}

/* Reads what follows the first `fixed` of `count` values: nothing, or the options. */
static const char *read_rest(struct reader *r, uint32_t count, uint32_t fixed,
                             struct hello_options *o) {
  const char *fault = count > fixed ? read_options(r, o) : NULL;
  if (fault) return fault;
  return r->at == r->end ? NULL : "hello or its reply has too many values";
}

/* ---- The request ---- */

/* Reads the versions. A body of three values is that of version 1. */
static const char *read_versions(struct reader *r, uint32_t count, struct hello_request *h) {
  if (!reader_uint(r, &h->lowest)) return "'hello' does not start with a version";
  h->highest = h->lowest;
  if (count == VERSION_1_REQUEST) return NULL;
  if (!reader_uint(r, &h->highest))
    return "'hello' does not start with the lowest and the highest version";
  return h->lowest <= h->highest ? NULL : "'hello' has a lowest version above its highest";
}

const char *hello_read_request(const struct message *m, struct hello_request *h) {
  struct reader r;
  uint32_t count;
  struct value name;
  *h = (struct hello_request){0};
  if (!reader_open(&r, m->body, m->body_size, &count)) return "the body of 'hello' is no array";
  const char *fault = read_versions(&r, count, h);
  if (fault) return fault;
  h->version = hello_agree(h->lowest, h->highest);
  if (!h->version) return NULL;
  if (!reader_next(&r, &name) || (name.type != VALUE_NIL && name.type != VALUE_STRING) ||
      !reader_bool(&r, &h->observer))
    return "'hello' wants versions, a name or nil, and whether this is an observer";
  h->name = name.type == VALUE_STRING ? name.bytes : NULL;
  h->name_size = name.type == VALUE_STRING ? name.size : 0;
  return read_rest(&r, count, count == VERSION_1_REQUEST ? VERSION_1_REQUEST : REQUEST_LEAST,
                   &h->options);
}

uint32_t hello_request_values(uint32_t options) {
  return options > 0 ? REQUEST_LEAST + 1 : REQUEST_LEAST;
}

static void put_options(struct pack *p, uint32_t options) {
  assert(options <= HELLO_OPTIONS_MOST);
  if (options) pack_array(p, options * 2);
}

void hello_put_request(struct pack *p, const struct hello_request *h, uint32_t options) {
  assert(h->lowest <= h->highest);
  pack_uint(p, h->lowest);
  pack_uint(p, h->highest);
  if (h->name)
    pack_string(p, h->name, h->name_size);
  else
    pack_nil(p);
  pack_bool(p, h->observer);
  put_options(p, options);
}

/* ---- The reply ---- */

const char *hello_read_reply(const struct message *m, struct hello_reply *r) {
  struct reader in;
  uint32_t count;
  *r = (struct hello_reply){0};
  if (!reader_open(&in, m->body, m->body_size, &count) || !reader_uint(&in, &r->version))
    return "the reply to hello does not start with a version";
  if (r->version < WIRE_VERSION_LEAST || r->version > WIRE_VERSION_MOST) return NULL;
  if (!reader_uint(&in, &r->host) || r->host == 0 ||
      !reader_string(&in, &r->name, &r->name_size) || !reader_uint(&in, &r->max_message) ||
      !reader_string(&in, &r->broker_version, &r->broker_version_size))
    return "the reply to hello is malformed";
  if (r->max_message < MAX_MESSAGE_LEAST || r->max_message > MAX_MESSAGE_MOST)
    return "the reply to hello tells an absurd largest message";
  return read_rest(&in, count, r->version == 1 ? count : REPLY_LEAST, &r->options);
}

uint32_t hello_reply_values(uint64_t version, uint32_t options) {
  assert(version > 1 || options == 0);
  return version > 1 && options > 0 ? REPLY_LEAST + 1 : REPLY_LEAST;
}

void hello_put_reply(struct pack *p, const struct hello_reply *r, uint32_t options) {
  assert(r->version >= WIRE_VERSION_LEAST && r->version <= WIRE_VERSION_MOST && r->host != 0);
  assert(r->version > 1 || options == 0);
  pack_uint(p, r->version);
  pack_uint(p, r->host);
  pack_string(p, r->name, r->name_size);
  pack_uint(p, r->max_message);
  pack_string(p, r->broker_version, r->broker_version_size);
  put_options(p, options);
}
