/* SPDX-License-Identifier: MIT
 *
 * Bodies (proto/body.c, proto/walk.c): the walker against everything that is not allowed, and random bytes.
 */
#include <string.h>

#include "proto/base.h"
#include "proto/body.h"
#include "proto/limits.h"
#include "tests/unit/random.h"
#include "tests/unit/run.h"

/* Walks exactly these bytes, copied so that the sanitizer sees a read beyond them. */
static const char *walk(const void *bytes, size_t n) {
  uint8_t *copy = malloc(n + 1);
  memcpy(copy, bytes, n);
  const char *fault = body_walk(copy, (uint32_t)n, NULL, NULL);
  free(copy);
  return fault;
}
#define WALK(text) walk(text, sizeof text - 1)

/* One of each allowed form. */
static uint32_t make_sample(uint8_t *out) {
  static const char forms[] = "\xdc\x00\x1e"                                    /* array 16 of 30 */
                              "\xc0\xc2\xc3\x00\x7f\xe0\xff"                    /* 7 */
                              "\xcc\xff\xcd\xff\xff\xce\xff\xff\xff\xff"        /* 3 */
                              "\xcf\xff\xff\xff\xff\xff\xff\xff\xff"            /* 1 */
                              "\xd0\x80\xd1\x80\x00\xd2\x80\x00\x00\x00"        /* 3 */
                              "\xd3\x80\x00\x00\x00\x00\x00\x00\x00"            /* 1 */
                              "\xca\x3f\x80\x00\x00\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00" /* 2 */
                              "\xa0\xa2hi\xd9\x01x\xda\x00\x01x\xdb\x00\x00\x00\x01x"    /* 5 */
                              "\xc4\x01x\xc5\x00\x01x\xc6\x00\x00\x00\x01x"     /* 3 */
                              "\xd4\x00\x00"                                    /* 1 */
                              "\x90\x91\xc0\xdd\x00\x00\x00\x01\xc0";           /* 3, then a PT */
  memcpy(out, forms, sizeof forms - 1);
  pt_write(out + sizeof forms - 1, &(struct pt){5, 6, 7, PT_USERDATA});
  return (uint32_t)(sizeof forms - 1 + PT_WIRE_BYTES);
}

static void note(void *user, const struct value *v) {
  struct value **at = user;
  *(*at)++ = *v;
}

START_TEST(every_form_passes_and_is_read) {
  uint8_t body[512];
  uint32_t n = make_sample(body), count;
  struct value seen[4], *at = seen;
  const char *fault = body_walk(body, n, note, &at);
  ck_assert_msg(!fault, "%s", fault);
  ck_assert_int_eq(at - seen, 2);
  ck_assert_int_eq(seen[0].type, VALUE_NULL);
  ck_assert_int_eq(seen[1].type, VALUE_PT);
  ck_assert(pt_equal(&seen[1].pt, &(struct pt){5, 6, 7, PT_USERDATA}));
  struct reader r;
  struct value v;
  ck_assert(reader_open(&r, body, n, &count));
  ck_assert_uint_eq(count, 30);
  for (uint32_t i = 0; i < count; i++) {
    ck_assert(reader_next(&r, &v));
    if (v.type == VALUE_ARRAY)
      for (uint32_t k = v.count; k; k--) ck_assert(reader_next(&r, &v));
  }
  ck_assert(!reader_next(&r, &v));
}
END_TEST

START_TEST(every_truncation_is_refused) {
  uint8_t body[512];
  uint32_t n = make_sample(body);
  for (uint32_t k = 0; k < n; k++) ck_assert_ptr_nonnull(walk(body, k));
  body[n] = 0xc0;
  ck_assert_str_eq(walk(body, n + 1), "bytes after the body");
}
END_TEST

START_TEST(what_is_not_allowed_is_refused) {
  static const uint8_t forms[] = {0xc1, 0xc7, 0xc8, 0xc9, 0xd5, 0xd6, 0xd7, 0xd8, 0xde, 0xdf, 0x80, 0x81, 0x8f};
  for (size_t i = 0; i < sizeof forms; i++) {
    uint8_t body[64] = {0x91, forms[i]}; /* zeros follow: an ext 0, an empty map */
    ck_assert_ptr_nonnull(walk(body, sizeof body));
  }
  ck_assert_ptr_null(WALK("\x91\xd4\x00\x00"));
  ck_assert_ptr_nonnull(WALK("\x91\xd4\x01\x00"));
  ck_assert_ptr_nonnull(WALK("\x91\xd4\x00\x01"));
  ck_assert_ptr_nonnull(WALK("\x91\xd4\x00"));
  ck_assert_str_eq(WALK("\xc0"), "body is not an array");
  ck_assert_str_eq(WALK("\x05"), "body is not an array");
  ck_assert_ptr_nonnull(WALK("\x80"));
  ck_assert_ptr_nonnull(WALK(""));
  uint8_t body[64] = {0x91};
  pt_write(body + 1, &(struct pt){0, 6, 7, PT_TABLE}); /* host 0 */
  ck_assert_ptr_nonnull(walk(body, 1 + PT_WIRE_BYTES));
}
END_TEST

/* A length is never believed beyond the bytes that are there. */
START_TEST(absurd_lengths_are_refused) {
  ck_assert_ptr_nonnull(WALK("\xdd\xff\xff\xff\xff"));
  ck_assert_ptr_nonnull(WALK("\xdd\x00\x00\x00\x05\xc0\xc0\xc0\xc0"));
  ck_assert_ptr_nonnull(WALK("\xdc\xff\xff\xc0"));
  ck_assert_ptr_nonnull(WALK("\x91\xdb\xff\xff\xff\xffx"));
  ck_assert_ptr_nonnull(WALK("\x91\xc6\xff\xff\xff\xffx"));
  ck_assert_ptr_nonnull(WALK("\x91\xd9\xff"));
  ck_assert_ptr_nonnull(WALK("\x91\xdd\x80\x00\x00\x00"));
}
END_TEST

START_TEST(nesting_is_bounded) {
  for (unsigned depth = 1; depth < 40; depth++) {
    uint8_t body[40];
    memset(body, 0x91, depth);
    body[depth - 1] = 0x90;
    const char *fault = walk(body, depth);
    ck_assert_int_eq(fault == NULL, depth <= BODY_DEPTH_MAX);
    if (fault) ck_assert_str_eq(fault, "arrays nested too deep");
  }
}
END_TEST

START_TEST(typed_readers_refuse_other_types) {
  static const uint8_t body[] = {0x94, 0xa1, 'x', 0x05, 0xc3, 0xff};
  struct reader r;
  uint32_t count, size;
  uint64_t n;
  bool b;
  struct pt pt;
  const char *bytes;
  ck_assert(!reader_open(&r, body + 1, 2, &count));
  ck_assert(reader_open(&r, body, sizeof body, &count));
  struct reader at = r;
  ck_assert(!reader_uint(&at, &n));
  at = r;
  ck_assert(!reader_bool(&at, &b));
  at = r;
  ck_assert(!reader_pt(&at, &pt));
  ck_assert(reader_string(&r, &bytes, &size) && size == 1 && *bytes == 'x');
  at = r;
  ck_assert(!reader_string(&at, &bytes, &size));
  ck_assert(reader_uint(&r, &n) && n == 5);
  ck_assert(reader_bool(&r, &b) && b);
  ck_assert(!reader_uint(&r, &n)); /* -1 */
}
END_TEST

static void count_pt(void *user, const struct value *v) {
  if (v->type == VALUE_PT && v->pt.host) ++*(unsigned *)user;
}

/* Whatever passes the walker can be read to its end, and the reader finds the same PTs. (Plain ifs: an assertion of
 * Check costs a system call.) */
static void check_consistent(const uint8_t *body, uint32_t n) {
  unsigned pts = 0, read = 0;
  if (body_walk(body, n, count_pt, &pts)) return;
  struct reader r;
  struct value v;
  uint32_t count;
  if (!reader_open(&r, body, n, &count)) ck_abort_msg("a body that was walked has no count");
  while (r.at < r.end) {
    if (!reader_next(&r, &v)) ck_abort_msg("a body that was walked cannot be read");
    read += v.type == VALUE_PT;
  }
  if (read != pts) ck_abort_msg("%u PTs were shown and %u read", pts, read);
}

START_TEST(random_bytes_do_no_harm) {
  uint64_t state = random_seed("random_bytes_do_no_harm");
  uint8_t sample[512];
  uint32_t whole = make_sample(sample);
  for (int round = 0; round < 200000; round++) {
    uint32_t n = random_below(&state, whole + 1);
    uint8_t *body = malloc(n + 1);
    memcpy(body, sample, n);
    if (round % 2) {
      for (uint32_t i = 0; i < n; i++) body[i] = (uint8_t)random_next(&state);
      if (n) body[0] = (uint8_t)(0x90 | random_below(&state, 8));
    }
    for (uint32_t i = random_below(&state, 4); i && n; i--) body[random_below(&state, n)] = (uint8_t)random_next(&state);
    check_consistent(body, n);
    free(body);
  }
}
END_TEST

/* Whether a body is what the walk is to take: all of its values can be read, one after the other. */
static bool can_be_read(const uint8_t *body, uint32_t n) {
  uint32_t left[BODY_DEPTH_MAX + 1] = {1};
  unsigned depth = 0;
  struct reader r = {body, body + n};
  struct value v;
  for (;;) {
    while (left[depth] == 0)
      if (depth-- == 0) return r.at == r.end;
    left[depth]--;
    if (!reader_next(&r, &v) || (depth == 0 && v.type != VALUE_ARRAY)) return false;
    if (v.type != VALUE_ARRAY) continue;
    if (depth == BODY_DEPTH_MAX) return false;
    left[++depth] = v.count;
  }
}

/* Which steps over values that the reader reads, and finds the same in them. */
START_TEST(the_walk_takes_what_can_be_read) {
  static const uint8_t marks[] = {0x00, 0x7f, 0x80, 0x90, 0x91, 0x92, 0x9f, 0xa0, 0xa1, 0xbf, 0xe0};
  uint64_t state = random_seed("walk");
  unsigned taken = 0;
  for (int round = 0; round < 300000; round++) {
    uint32_t n = 1 + random_below(&state, 12);
    uint8_t *body = malloc(n); /* no byte more, for the sanitizer */
    for (uint32_t i = 0; i < n; i++)
      switch (random_below(&state, 3)) {
        case 0: body[i] = marks[random_below(&state, sizeof marks)]; break;
        case 1: body[i] = (uint8_t)(0xc0 + random_below(&state, 32)); break;
        default: body[i] = (uint8_t)random_below(&state, 8); break;
      }
    if (round % 8) body[0] = (uint8_t)(0x90 + random_below(&state, 4));
    bool is_good = can_be_read(body, n);
    if (!body_walk(body, n, NULL, NULL) != is_good) ck_abort_msg("round %d", round);
    taken += is_good;
    free(body);
  }
  ck_assert_uint_gt(taken, 1000);
}
END_TEST

/* Every mark, that far from the end, with more values before it than are looked at for their end and with none. */
START_TEST(every_mark_is_stepped_over_wherever_the_end_is) {
  enum { BEHIND = 36 };
  unsigned taken = 0;
  for (unsigned mark = 0; mark <= 0xff; mark++)
    for (uint32_t before = 0; before <= 40; before += 40)
      for (uint32_t behind = 0; behind <= BEHIND; behind++) {
        uint32_t n = 3 + before + 1 + behind;
        uint8_t *body = calloc(1, n); /* zeros are values, too */
        body[0] = 0xdc;
        body[3 + before] = (uint8_t)mark;
        for (uint32_t values = before; values <= before + 1 + behind; values++) {
          body[2] = (uint8_t)values;
          bool is_good = can_be_read(body, n);
          if (!body_walk(body, n, NULL, NULL) != is_good)
            ck_abort_msg("0x%02x, %u before and %u behind, %u values", mark, before, behind, values);
          taken += is_good;
        }
        free(body);
      }
  ck_assert_uint_gt(taken, 15000);
}
END_TEST

/* In pieces of any size, at a new place each time, a walk comes to the same end as at once. */
START_TEST(a_walk_in_pieces_is_the_same_walk) {
  uint8_t body[512];
  uint32_t n = make_sample(body);
  for (uint32_t cut = 0; cut <= n; cut++) { /* whole, and cut short everywhere */
    const char *whole = body_walk(body, n - cut, NULL, NULL);
    for (uint32_t most = 1; most < 40; most += 1 + most / 8) {
      struct body_walker k;
      struct value seen[4], *at = seen;
      const char *fault;
      enum body_walked o;
      uint32_t pieces = 0;
      body_walker_start(&k);
      do {
        uint8_t *copy = malloc(n - cut + 1);
        memcpy(copy, body, n - cut);
        uint32_t before = k.values;
        o = body_walker_go_on(&k, copy, n - cut, most, note, &at, &fault);
        ck_assert_uint_le(k.values - before, most);
        free(copy);
        pieces++;
      } while (o == BODY_MORE);
      ck_assert_int_eq(o, whole ? BODY_FAULTY : BODY_WALKED);
      ck_assert(fault == whole);
      if (whole) continue;
      ck_assert_uint_eq(pieces, k.values / most + 1);
      ck_assert_ptr_eq(at, seen + 2); /* the null pointer and the PT */
      ck_assert_uint_eq(seen[1].pt.id, 6);
    }
  }
}
END_TEST

int main(void) {
  Suite *s = suite_create("proto_body");
  TCase *c = tcase_create("body");
  tcase_add_test(c, every_form_passes_and_is_read);
  tcase_add_test(c, every_truncation_is_refused);
  tcase_add_test(c, what_is_not_allowed_is_refused);
  tcase_add_test(c, absurd_lengths_are_refused);
  tcase_add_test(c, nesting_is_bounded);
  tcase_add_test(c, typed_readers_refuse_other_types);
  tcase_add_test(c, random_bytes_do_no_harm);
  tcase_add_test(c, the_walk_takes_what_can_be_read);
  tcase_add_test(c, every_mark_is_stepped_over_wherever_the_end_is);
  tcase_add_test(c, a_walk_in_pieces_is_the_same_walk);
  suite_add_tcase(s, c);
  return run_suite(s);
}
