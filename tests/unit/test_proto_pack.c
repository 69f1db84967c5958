/* SPDX-License-Identifier: MIT
 *
 * Writing values and reading them back (proto/pack.c, proto/body.c), and the limit of a message.
 */
#include <math.h>
#include <string.h>

#include "proto/base.h"
#include "proto/body.h"
#include "proto/limits.h"
#include "proto/pack.h"
#include "tests/unit/random.h"
#include "tests/unit/run.h"

enum { ENVELOPE = 41 }; /* prefix, envelope, target nil, body of less than 16 values */

struct one {
  struct buffer b;
  struct pack p;
};

static void begin(struct one *o, uint32_t max, uint32_t count) {
  struct message m = {.kind = MESSAGE_REPLY, .op = OP_get, .id = 1};
  buffer_init(&o->b, MAX_MESSAGE_MOST);
  pack_begin(&o->p, &o->b, max, &m, count);
}

/* Ends the message, checks it, and reads its one value; *bytes gets the bytes it took. The buffer stays for the value. */
static struct value end(struct one *o, uint32_t *bytes) {
  struct message m;
  struct reader r;
  struct value v;
  uint32_t count;
  ck_assert_int_eq(pack_end(&o->p), BUFFER_OK);
  ck_assert_ptr_null(message_parse(o->b.bytes, o->b.size, &m));
  ck_assert_ptr_null(body_walk(m.body, m.body_size, NULL, NULL));
  ck_assert(reader_open(&r, m.body, m.body_size, &count));
  ck_assert(reader_next(&r, &v));
  ck_assert_ptr_eq(r.at, r.end);
  *bytes = o->b.size - ENVELOPE;
  return v;
}

static void check_number(double number, uint32_t expected_bytes) {
  struct one o;
  uint32_t bytes;
  begin(&o, MAX_MESSAGE_DEFAULT, 1);
  pack_number(&o.p, number);
  struct value v = end(&o, &bytes);
  ck_assert_int_eq(v.type, VALUE_NUMBER);
  if (isnan(number))
    ck_assert(isnan(v.number));
  else
    ck_assert_mem_eq(&v.number, &number, sizeof number); /* the sign of zero too */
  ck_assert_msg(bytes == expected_bytes, "%.17g took %u bytes", number, bytes);
  buffer_deinit(&o.b);
}

START_TEST(numbers_survive_in_their_shortest_form) {
  static const struct { double number; uint32_t bytes; } cases[] = {
      {0, 1}, {1, 1}, {127, 1}, {128, 2}, {255, 2}, {256, 3}, {65535, 3}, {65536, 5}, {4294967295.0, 5}, {4294967296.0, 9},
      {-1, 1}, {-32, 1}, {-33, 2}, {-128, 2}, {-129, 3}, {-32768, 3}, {-32769, 5}, {-2147483648.0, 5}, {-2147483649.0, 9},
      {9007199254740991.0, 9}, {9007199254740992.0, 9}, {9007199254740994.0, 9}, {-9007199254740992.0, 9}, {-9007199254740994.0, 9},
      {18446744073709551616.0, 9}, {-18446744073709551616.0, 9}, {0.5, 9}, {-0.0, 9}, {1e308, 9}, {5e-324, 9}, {0.1, 9}};
  for (size_t i = 0; i < ARRAY_SIZE(cases); i++) check_number(cases[i].number, cases[i].bytes);
  check_number((double)INFINITY, 9);
  check_number(-(double)INFINITY, 9);
  check_number((double)NAN, 9);
}
END_TEST

static void check_uint(uint64_t n) {
  struct one o;
  uint32_t bytes;
  begin(&o, MAX_MESSAGE_DEFAULT, 1);
  pack_uint(&o.p, n);
  struct value v = end(&o, &bytes);
  ck_assert(v.is_uint);
  ck_assert_uint_eq(v.integer, n);
  buffer_deinit(&o.b);
}

START_TEST(integers_are_exact_at_all_boundaries) {
  for (unsigned bit = 0; bit < 64; bit++) {
    uint64_t n = (uint64_t)1 << bit;
    check_uint(n - 1);
    check_uint(n);
    check_uint(n + 1);
  }
  check_uint(UINT64_MAX);
}
END_TEST

/* `header`: bytes before those of the string. */
static void check_string(const char *s, uint32_t size, uint8_t mark, uint32_t header) {
  struct one o;
  uint32_t bytes;
  begin(&o, MAX_MESSAGE_DEFAULT, 1);
  pack_string(&o.p, s, size);
  struct value v = end(&o, &bytes);
  ck_assert_int_eq(v.type, VALUE_STRING);
  ck_assert_uint_eq(v.size, size);
  ck_assert_int_eq(memcmp(v.bytes, s, size), 0);
  ck_assert_uint_eq(o.b.bytes[ENVELOPE], mark);
  ck_assert_uint_eq(bytes, size + header);
  buffer_deinit(&o.b);
}

START_TEST(strings_of_all_sizes) {
  static char text[65537], raw[65537];
  memset(text, 'a', sizeof text);
  memset(raw, 0xff, sizeof raw);
  static const struct { uint32_t size; uint8_t str; uint32_t header; uint8_t bin; uint32_t bin_header; } cases[] = {
      {0, 0xa0, 1, 0xa0, 1},      {1, 0xa1, 1, 0xc4, 2},     {31, 0xbf, 1, 0xc4, 2},    {32, 0xd9, 2, 0xc4, 2},     {255, 0xd9, 2, 0xc4, 2},
      {256, 0xda, 3, 0xc5, 3},    {65535, 0xda, 3, 0xc5, 3}, {65536, 0xdb, 5, 0xc6, 5}, {65537, 0xdb, 5, 0xc6, 5}};
  for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
    check_string(text, cases[i].size, cases[i].str, cases[i].header);
    check_string(raw, cases[i].size, cases[i].bin, cases[i].bin_header);
  }
}
END_TEST

/* str only for what is UTF-8 by RFC 3629. */
START_TEST(only_utf8_is_str) {
  static const char *const good[] = {"a", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf",
                                     "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "na\xc3\xafve"};
  static const char *const bad[] = {"\x80", "\xbf", "\xc0\xaf", "\xc1\xbf", "\xc2", "\xc2z", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xe0\xa0",
                                    "\xe0\xa0z", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xf0\x90\x80",
                                    "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xfe", "\xff", "abc\xc3"};
  for (size_t i = 0; i < ARRAY_SIZE(good); i++) check_string(good[i], (uint32_t)strlen(good[i]), (uint8_t)(0xa0 + strlen(good[i])), 1);
  for (size_t i = 0; i < ARRAY_SIZE(bad); i++) check_string(bad[i], (uint32_t)strlen(bad[i]), 0xc4, 2);
  check_string("\0", 1, 0xa1, 1);
}
END_TEST

START_TEST(the_limit_is_exact) {
  static char text[2000];
  memset(text, 'a', sizeof text);
  for (uint32_t max = 1000; max <= 1003; max++) {
    uint32_t fits = max + MESSAGE_PREFIX_BYTES - ENVELOPE - 3;
    struct one o;
    uint32_t bytes;
    begin(&o, max, 1);
    pack_string(&o.p, text, fits);
    end(&o, &bytes);
    ck_assert_uint_eq(o.b.size, max + MESSAGE_PREFIX_BYTES);
    buffer_deinit(&o.b);
    begin(&o, max, 1);
    pack_string(&o.p, text, fits + 1);
    ck_assert_int_eq(pack_end(&o.p), BUFFER_OVER_MAX);
    ck_assert_uint_eq(o.p.wanted - MESSAGE_PREFIX_BYTES, max + 1);
    buffer_deinit(&o.b);
  }
}
END_TEST

/* Whatever its form: the longest is not what must fit. */
START_TEST(a_number_goes_up_to_the_limit_and_no_further) {
  static const struct { double number; uint32_t bytes; } cases[] = {
      {1, 1}, {200, 2}, {60000, 3}, {70000, 5}, {1e10, 9}, {0.5, 9}, {-1, 1}, {-100, 2}, {-1000, 3}, {-70000, 5}, {-1e10, 9}};
  for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
    for (uint32_t left = 0; left <= 10; left++) {
      struct one o;
      begin(&o, ENVELOPE - MESSAGE_PREFIX_BYTES + left, 1);
      pack_number(&o.p, cases[i].number);
      ck_assert_uint_eq(o.p.wanted, ENVELOPE + cases[i].bytes);
      ck_assert_int_eq(pack_end(&o.p), cases[i].bytes <= left ? BUFFER_OK : BUFFER_OVER_MAX);
      buffer_deinit(&o.b);
    }
  }
}
END_TEST

/* Also where the message is too large for some of them, of whatever form. */
START_TEST(many_numbers_are_as_one_after_the_other) {
  static const double kinds[] = {0, -0.0, 1, 127, 128, 255, 256, 65535, 65536, UINT32_MAX, 4294967296.0, 0.5, -1, -1000, 1e300};
  enum { ROUNDS = 2000, MOST = 200 };
  uint64_t seed = random_seed("numbers");
  for (unsigned round = 0; round < ROUNDS; round++) {
    double numbers[MOST];
    uint32_t n = random_below(&seed, MOST + 1), of = round % 2 ? ARRAY_SIZE(kinds) : 4;
    for (uint32_t i = 0; i < n; i++) numbers[i] = kinds[random_below(&seed, of)];
    struct one a, b;
    uint32_t max = ENVELOPE + random_below(&seed, 9 * MOST);
    begin(&a, max, n);
    begin(&b, max, n);
    for (uint32_t i = 0; i < n; i++) pack_number(&a.p, numbers[i]);
    pack_numbers(&b.p, numbers, n);
    ck_assert_uint_eq(a.p.wanted, b.p.wanted);
    ck_assert_int_eq(pack_end(&a.p), pack_end(&b.p));
    ck_assert_uint_eq(a.b.size, b.b.size);
    if (a.b.size) ck_assert_mem_eq(a.b.bytes, b.b.bytes, a.b.size);
    buffer_deinit(&a.b);
    buffer_deinit(&b.b);
  }
}
END_TEST

START_TEST(a_refused_message_leaves_the_buffer_as_it_was) {
  struct buffer b;
  struct pack p;
  struct message m = {.kind = MESSAGE_REPLY, .op = OP_get, .id = 1};
  static char text[5000];
  buffer_init(&b, 100000);
  ck_assert_int_eq(buffer_append(&b, "before", 6), BUFFER_OK);
  pack_begin(&p, &b, 4096, &m, 3);
  for (int i = 0; i < 3; i++) pack_string(&p, text, sizeof text);
  ck_assert_int_eq(pack_end(&p), BUFFER_OVER_MAX);
  ck_assert_uint_eq(p.wanted, ENVELOPE + 3 * (sizeof text + 3)); /* all of it, not only up to the fault */
  ck_assert_uint_eq(b.size, 6);
  ck_assert_mem_eq(b.bytes, "before", 6);
  pack_begin(&p, &b, 4096, &m, 1);
  pack_nil(&p);
  pack_abort(&p);
  ck_assert_uint_eq(b.size, 6);
  buffer_deinit(&b);
  buffer_init(&b, 50); /* the buffer's own bound, below the message's */
  pack_begin(&p, &b, 4096, &m, 1);
  pack_string(&p, text, 100);
  ck_assert_int_eq(pack_end(&p), BUFFER_OVER_MAX);
  ck_assert_uint_le(p.wanted - MESSAGE_PREFIX_BYTES, 4096);
  ck_assert_uint_eq(b.size, 0);
  buffer_deinit(&b);
}
END_TEST

START_TEST(arrays_bools_and_pts_survive) {
  struct one o;
  struct message m;
  struct reader r;
  struct value v;
  uint32_t count;
  struct pt pt = {1, 2, 3, PT_FUNCTION};
  begin(&o, MAX_MESSAGE_DEFAULT, 3);
  pack_bool(&o.p, true);
  pack_array(&o.p, 20);
  for (int i = 0; i < 20; i++) pack_pt(&o.p, &pt);
  pack_nil(&o.p);
  ck_assert_int_eq(pack_end(&o.p), BUFFER_OK);
  ck_assert_ptr_null(message_parse(o.b.bytes, o.b.size, &m));
  ck_assert_ptr_null(body_walk(m.body, m.body_size, NULL, NULL));
  ck_assert(reader_open(&r, m.body, m.body_size, &count) && count == 3);
  ck_assert(reader_next(&r, &v) && v.type == VALUE_BOOL && v.boolean);
  ck_assert(reader_next(&r, &v) && v.type == VALUE_ARRAY && v.count == 20);
  for (int i = 0; i < 20; i++) ck_assert(reader_next(&r, &v) && v.type == VALUE_PT && pt_equal(&v.pt, &pt));
  ck_assert(reader_next(&r, &v) && v.type == VALUE_NIL);
  buffer_deinit(&o.b);
}
END_TEST

int main(void) {
  Suite *s = suite_create("proto_pack");
  TCase *c = tcase_create("pack");
  tcase_add_test(c, numbers_survive_in_their_shortest_form);
  tcase_add_test(c, integers_are_exact_at_all_boundaries);
  tcase_add_test(c, strings_of_all_sizes);
  tcase_add_test(c, only_utf8_is_str);
  tcase_add_test(c, the_limit_is_exact);
  tcase_add_test(c, a_number_goes_up_to_the_limit_and_no_further);
  tcase_add_test(c, many_numbers_are_as_one_after_the_other);
  tcase_add_test(c, a_refused_message_leaves_the_buffer_as_it_was);
  tcase_add_test(c, arrays_bools_and_pts_survive);
  suite_add_tcase(s, c);
  return run_suite(s);
}
