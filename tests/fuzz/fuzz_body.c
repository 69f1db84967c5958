/* SPDX-License-Identifier: MIT
 *
 * Walker and reader. What the walker accepts, msgpack-c reads too, as one object with nothing
 * behind it; the reader steps through it to its last byte and meets the values that the walker
 * showed; and written again with pack.h it is read as the same values. The input is a body.
 */
#include <math.h>
#include <msgpack.h>

#include "proto/body.h"
#include "proto/limits.h"
#include "proto/pack.h"
#include "tests/fuzz/fuzz.h"

struct tally {
  uint32_t pts, nulls;
  uint64_t sum; /* of the PTs, in their order */
};

static void count(void *user, const struct value *v) {
  struct tally *t = user;
  FUZZ_REQUIRE(v->type == VALUE_PT || v->type == VALUE_NULL, "the walker shows another value");
  if (v->type == VALUE_NULL) {
    t->nulls++;
    return;
  }
  FUZZ_REQUIRE(pt_is_token(&v->pt), "a PT that can be none");
  t->pts++;
  t->sum = t->sum * 31 + v->pt.host + v->pt.id * 7 + v->pt.stamp * 13 + v->pt.kind;
}

static void put(struct pack *p, const struct value *v) {
  switch (v->type) {
    case VALUE_NIL: pack_nil(p); break;
    case VALUE_BOOL: pack_bool(p, v->boolean); break;
    case VALUE_NUMBER:
      if (v->is_uint)
        pack_uint(p, v->integer);
      else
        pack_number(p, v->number);
      break;
    case VALUE_STRING: pack_string(p, v->bytes, v->size); break;
    case VALUE_PT: pack_pt(p, &v->pt); break;
    case VALUE_ARRAY: pack_array(p, v->count); break;
    case VALUE_NULL: pack_null(p); break;
  }
}

static void same(const struct value *a, const struct value *b) {
  FUZZ_REQUIRE(a->type == b->type, "another type");
  switch (a->type) {
    case VALUE_BOOL: FUZZ_REQUIRE(a->boolean == b->boolean, "another boolean"); break;
    case VALUE_NUMBER:
      FUZZ_REQUIRE(a->number == b->number || (isnan(a->number) && isnan(b->number)),
                   "another number");
      FUZZ_REQUIRE(!a->is_uint || (b->is_uint && a->integer == b->integer), "another integer");
      break;
    case VALUE_STRING:
      FUZZ_REQUIRE(a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0,
                   "another string");
      break;
    case VALUE_PT: FUZZ_REQUIRE(pt_equal(&a->pt, &b->pt), "another PT"); break;
    case VALUE_ARRAY: FUZZ_REQUIRE(a->count == b->count, "another array"); break;
    case VALUE_NIL: case VALUE_NULL: break;
  }
}

/* Reads all values of a body that was walked, counts them, and writes them again. */
static void step_through(struct reader *r, struct tally *t, struct pack *p) {
  struct value v;
  while (r->at < r->end) {
    memset(&v, 0, sizeof v);
    FUZZ_REQUIRE(reader_next(r, &v), "the reader stops where the walker did not");
    if (v.type == VALUE_PT || v.type == VALUE_NULL) count(t, &v);
    put(p, &v);
  }
}

static void check_again(const uint8_t *body, uint32_t size, const struct message *m) {
  struct reader a, b;
  struct value x, y;
  uint32_t n, k;
  FUZZ_REQUIRE(!body_walk(m->body, m->body_size, NULL, NULL), "written again, it is no body");
  FUZZ_REQUIRE(reader_open(&a, body, size, &n) && reader_open(&b, m->body, m->body_size, &k) &&
                   n == k, "another number of values");
  while (a.at < a.end) {
    memset(&x, 0, sizeof x);
    memset(&y, 0, sizeof y);
    FUZZ_REQUIRE(reader_next(&a, &x) && reader_next(&b, &y), "fewer values");
    same(&x, &y);
  }
  FUZZ_REQUIRE(b.at == b.end, "more values");
}

static void check_msgpack(const uint8_t *body, uint32_t size) {
  msgpack_unpacked object;
  size_t end = 0;
  msgpack_unpacked_init(&object);
  int outcome = msgpack_unpack_next(&object, (const char *)body, size, &end);
  FUZZ_REQUIRE(outcome == MSGPACK_UNPACK_SUCCESS && end == size &&
                   object.data.type == MSGPACK_OBJECT_ARRAY,
               "msgpack-c does not read what the walker accepts (%d)", outcome);
  msgpack_unpacked_destroy(&object);
}

static void check_walked(const uint8_t *body, uint32_t size, const struct tally *walked) {
  struct message header = {.kind = MESSAGE_REPLY, .op = OP_ping, .id = 1}, m;
  struct tally read = {0};
  struct reader r;
  struct buffer out;
  struct pack p;
  uint32_t values;
  check_msgpack(body, size);
  FUZZ_REQUIRE(reader_open(&r, body, size, &values), "a walked body that cannot be opened");
  buffer_init(&out, UINT32_MAX);
  pack_begin(&p, &out, MAX_MESSAGE_MOST, &header, values);
  step_through(&r, &read, &p);
  FUZZ_REQUIRE(read.pts == walked->pts && read.nulls == walked->nulls && read.sum == walked->sum,
               "the reader met other PTs than the walker");
  FUZZ_REQUIRE(pack_end(&p) == BUFFER_OK, "it cannot be written again");
  const char *fault = message_parse(out.bytes, out.size, &m);
  FUZZ_REQUIRE(!fault, "%s", fault);
  check_again(body, size, &m);
  buffer_deinit(&out);
}

/* The reader on bytes that nobody has walked: it ends, and reads nothing behind their end. */
static void read_unwalked(const uint8_t *body, uint32_t size) {
  struct reader r = {body, body + size};
  struct value v;
  const uint8_t *before = r.at;
  while (reader_next(&r, &v)) {
    FUZZ_REQUIRE(r.at > before && r.at <= r.end, "the reader does not move on, or too far");
    if (v.type == VALUE_STRING)
      FUZZ_REQUIRE(v.bytes >= (const char *)before && v.bytes + v.size <= (const char *)r.end,
                   "a string outside of the body");
    before = r.at;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct tally walked = {0};
  read_unwalked(data, (uint32_t)size);
  if (!body_walk(data, (uint32_t)size, count, &walked))
    check_walked(data, (uint32_t)size, &walked);
  return 0;
}
