/* SPDX-License-Identifier: MIT
 *
 * Hello and its reply (proto/hello.c): both forms, versions in common, options, and bytes that are
 * none of them.
 */
#include <string.h>

#include "proto/hello.h"
#include "proto/limits.h"
#include "tests/unit/random.h"
#include "tests/unit/run.h"

static struct buffer out;
static struct pack p;

static void setup(void) { buffer_init(&out, UINT32_MAX); }
static void teardown(void) { buffer_deinit(&out); }

static struct pack *begin(enum message_kind kind, uint32_t values) {
  struct message m = {.kind = kind, .op = OP_hello, .id = 1};
  out.size = 0;
  pack_begin(&p, &out, MAX_MESSAGE_LEAST, &m, values);
  return &p;
}

/* Ends the message; it must be well-formed as a message, whatever is in it. */
static struct message end(void) {
  struct message m;
  ck_assert_int_eq(pack_end(&p), BUFFER_OK);
  const char *fault = message_parse(out.bytes, out.size, &m);
  ck_assert_msg(!fault, "%s", fault);
  fault = body_walk(m.body, m.body_size, NULL, NULL);
  ck_assert_msg(!fault, "%s", fault);
  return m;
}

static void begin_request(uint64_t lowest, uint64_t highest, uint32_t options) {
  struct hello_request h = {.lowest = lowest, .highest = highest, .name = "shop", .name_size = 4,
                            .observer = true};
  hello_put_request(begin(MESSAGE_REQUEST, hello_request_values(options)), &h, options);
}
static void begin_reply(uint64_t version, uint32_t options) {
  struct hello_reply r = {.version = version, .host = 77, .name = "shop", .name_size = 4,
                          .max_message = MAX_MESSAGE_DEFAULT, .broker_version = "9.9",
                          .broker_version_size = 3};
  hello_put_reply(begin(MESSAGE_REPLY, hello_reply_values(version, options)), &r, options);
}

/* Ends a hello that must be refused with this text. */
static void expect_fault(const char *text) {
  struct message m = end();
  struct hello_request h;
  const char *fault = hello_read_request(&m, &h);
  ck_assert_msg(fault && strstr(fault, text), "expected \"%s\", got \"%s\"", text,
                fault ? fault : "no fault");
}

START_TEST(versions_in_common) {
  ck_assert_uint_eq(hello_agree(1, 1), 1);
  ck_assert_uint_eq(hello_agree(1, 2), 2);
  ck_assert_uint_eq(hello_agree(0, 1), 1);
  ck_assert_uint_eq(hello_agree(2, 99), WIRE_VERSION_MOST);
  ck_assert_uint_eq(hello_agree(1, UINT64_MAX), WIRE_VERSION_MOST);
  ck_assert_uint_eq(hello_agree(WIRE_VERSION_MOST + 1, 99), 0);
  ck_assert_uint_eq(hello_agree(0, 0), 0);
  ck_assert_uint_eq(hello_agree(UINT64_MAX, UINT64_MAX), 0);
}
END_TEST

START_TEST(ranges_are_named) {
  char text[HELLO_RANGE_BYTES];
  ck_assert_str_eq(hello_range(text, 3, 3), "version 3");
  ck_assert_str_eq(hello_range(text, 1, 2), "versions 1 to 2");
  ck_assert_str_eq(hello_range(text, UINT64_MAX - 1, UINT64_MAX),
                   "versions 18446744073709551614 to 18446744073709551615");
}
END_TEST

START_TEST(a_request_comes_back_as_it_was) {
  struct hello_request h;
  begin_request(1, 2, 0);
  struct message m = end();
  ck_assert_uint_eq(m.body_count, 4);
  ck_assert_ptr_null(hello_read_request(&m, &h));
  ck_assert_uint_eq(h.lowest, 1);
  ck_assert_uint_eq(h.highest, 2);
  ck_assert_uint_eq(h.version, 2);
  ck_assert(h.name_size == 4 && memcmp(h.name, "shop", 4) == 0);
  ck_assert(h.observer);
  ck_assert_uint_eq(h.options.count, 0);
  struct hello_request unnamed = {.lowest = 1, .highest = 1};
  hello_put_request(begin(MESSAGE_REQUEST, hello_request_values(0)), &unnamed, 0);
  m = end();
  ck_assert_ptr_null(hello_read_request(&m, &h));
  ck_assert_uint_eq(h.version, 1);
  ck_assert_ptr_null(h.name);
  ck_assert(!h.observer);
}
END_TEST

START_TEST(the_form_of_version_1_is_understood) {
  struct hello_request h;
  for (uint64_t version = 1; version <= WIRE_VERSION_MOST + 1; version++) {
    begin(MESSAGE_REQUEST, 3);
    pack_uint(&p, version);
    pack_text(&p, "shop");
    pack_bool(&p, true);
    struct message m = end();
    ck_assert_ptr_null(hello_read_request(&m, &h));
    ck_assert_uint_eq(h.lowest, version);
    ck_assert_uint_eq(h.highest, version);
    ck_assert_uint_eq(h.version, version > WIRE_VERSION_MOST ? 0 : version);
    if (h.version) ck_assert(h.name_size == 4 && h.observer);
  }
}
END_TEST

/* What a later version makes of the rest is not looked at when there is no version in common. */
START_TEST(the_rest_of_a_stranger_is_not_read) {
  struct hello_request h;
  begin(MESSAGE_REQUEST, 7);
  pack_uint(&p, WIRE_VERSION_MOST + 1);
  pack_uint(&p, WIRE_VERSION_MOST + 7);
  for (int i = 0; i < 5; i++) pack_nil(&p);
  struct message m = end();
  ck_assert_ptr_null(hello_read_request(&m, &h));
  ck_assert_uint_eq(h.version, 0);
  ck_assert_uint_eq(h.highest, WIRE_VERSION_MOST + 7);
}
END_TEST

START_TEST(malformed_requests_are_faults) {
  begin(MESSAGE_REQUEST, 3);
  pack_text(&p, "1");
  pack_text(&p, "shop");
  pack_bool(&p, false);
  expect_fault("does not start with a version");
  begin(MESSAGE_REQUEST, 4);
  pack_uint(&p, 1);
  pack_text(&p, "shop");
  pack_bool(&p, false);
  pack_nil(&p);
  expect_fault("the lowest and the highest");
  begin(MESSAGE_REQUEST, 4);
  pack_uint(&p, 2);
  pack_uint(&p, 1);
  pack_nil(&p);
  pack_bool(&p, false);
  expect_fault("above its highest");
  begin(MESSAGE_REQUEST, 4);
  pack_uint(&p, 1);
  pack_uint(&p, 2);
  pack_bool(&p, false);
  pack_bool(&p, false);
  expect_fault("a name or nil");
  begin(MESSAGE_REQUEST, 4);
  pack_uint(&p, 1);
  pack_uint(&p, 2);
  pack_nil(&p);
  pack_uint(&p, 0);
  expect_fault("observer");
  hello_put_request(begin(MESSAGE_REQUEST, 6),
                    &(struct hello_request){.lowest = 1, .highest = 2}, 1);
  pack_text(&p, "key");
  pack_nil(&p);
  pack_nil(&p);
  expect_fault("too many values");
}
END_TEST

/* ---- Options ---- */

START_TEST(known_options_are_found_among_others) {
  struct hello_request h;
  struct reader value;
  struct value v;
  uint64_t n;
  bool yes;
  begin_request(1, 2, 4);
  pack_text(&p, "nested");
  pack_array(&p, 2);
  pack_array(&p, 1);
  pack_text(&p, "count"); /* no key: inside a value */
  pack_nil(&p);
  pack_text(&p, "flag");
  pack_bool(&p, true);
  pack_text(&p, "count");
  pack_uint(&p, 5000);
  pack_text(&p, "last");
  pack_array(&p, 0);
  struct message m = end();
  ck_assert_ptr_null(hello_read_request(&m, &h));
  ck_assert_uint_eq(h.options.count, 4);
  ck_assert(hello_option(&h.options, "count", &value) && reader_uint(&value, &n) && n == 5000);
  ck_assert(hello_option(&h.options, "flag", &value) && reader_bool(&value, &yes) && yes);
  ck_assert(hello_option(&h.options, "flag", &value) && !reader_uint(&value, &n));
  ck_assert(hello_option(&h.options, "last", &value) && reader_next(&value, &v));
  ck_assert(v.type == VALUE_ARRAY && v.count == 0);
  ck_assert(hello_option(&h.options, "nested", &value) && reader_next(&value, &v) && v.count == 2);
  ck_assert(!hello_option(&h.options, "coun", &value));
  ck_assert(!hello_option(&h.options, "counts", &value));
  ck_assert(!hello_option(&h.options, "", &value));
  ck_assert(!hello_option(&(struct hello_options){0}, "count", &value));
}
END_TEST

START_TEST(options_are_bounded) {
  char key[HELLO_KEY_MOST + 2] = "";
  static char large[HELLO_OPTIONS_BYTES];
  struct hello_request h;
  begin_request(1, 2, HELLO_OPTIONS_MOST);
  for (unsigned i = 0; i < HELLO_OPTIONS_MOST; i++) {
    snprintf(key, sizeof key, "key %u", i);
    pack_text(&p, key);
    pack_uint(&p, i);
  }
  struct message m = end();
  ck_assert_ptr_null(hello_read_request(&m, &h));
  ck_assert_uint_eq(h.options.count, HELLO_OPTIONS_MOST);

  hello_put_request(begin(MESSAGE_REQUEST, 5),
                    &(struct hello_request){.lowest = 1, .highest = 2}, 0);
  pack_array(&p, (HELLO_OPTIONS_MOST + 1) * 2);
  for (unsigned i = 0; i <= HELLO_OPTIONS_MOST; i++) {
    snprintf(key, sizeof key, "key %u", i);
    pack_text(&p, key);
    pack_uint(&p, i);
  }
  expect_fault("too many options");

  memset(key, 'k', sizeof key - 1);
  begin_request(1, 2, 1);
  pack_string(&p, key, HELLO_KEY_MOST);
  pack_nil(&p);
  m = end();
  ck_assert_ptr_null(hello_read_request(&m, &h));
  begin_request(1, 2, 1);
  pack_string(&p, key, HELLO_KEY_MOST + 1);
  pack_nil(&p);
  expect_fault("fitting length");

  for (uint32_t over = 0; over < 2; over++) { /* array 1, key 2, string header 3 */
    begin_request(1, 2, 1);
    pack_text(&p, "k");
    pack_string(&p, large, HELLO_OPTIONS_BYTES - 6 + over);
    if (over) {
      expect_fault("too large");
      continue;
    }
    m = end();
    ck_assert_ptr_null(hello_read_request(&m, &h));
  }
}
END_TEST

START_TEST(malformed_options_are_faults) {
  struct pt pt = {.host = 1, .id = 2, .stamp = 3, .kind = PT_TABLE};
  struct hello_request h = {.lowest = 1, .highest = 2};
  hello_put_request(begin(MESSAGE_REQUEST, 5), &h, 0);
  pack_text(&p, "no array");
  expect_fault("no array of key");
  hello_put_request(begin(MESSAGE_REQUEST, 5), &h, 0);
  pack_array(&p, 1);
  pack_text(&p, "key");
  expect_fault("no array of key");
  begin_request(1, 2, 1);
  pack_uint(&p, 1);
  pack_nil(&p);
  expect_fault("fitting length");
  begin_request(1, 2, 1);
  pack_text(&p, "");
  pack_nil(&p);
  expect_fault("fitting length");
  begin_request(1, 2, 3);
  for (int i = 0; i < 3; i++) {
    pack_text(&p, i == 1 ? "other" : "key");
    pack_array(&p, 0);
  }
  expect_fault("twice");
  begin_request(1, 2, 1);
  pack_text(&p, "key");
  pack_pt(&p, &pt);
  expect_fault("an object in it");
  begin_request(1, 2, 1);
  pack_text(&p, "key");
  pack_array(&p, 1);
  pack_array(&p, 1);
  pack_pt(&p, &pt);
  expect_fault("an object in it");
}
END_TEST

/* ---- The reply ---- */

START_TEST(a_reply_comes_back_as_it_was) {
  struct hello_reply r;
  struct reader value;
  uint64_t n;
  for (uint64_t version = WIRE_VERSION_LEAST; version <= WIRE_VERSION_MOST; version++) {
    uint32_t options = version > 1;
    begin_reply(version, options);
    if (options) {
      pack_text(&p, "answer");
      pack_uint(&p, 42);
    }
    struct message m = end();
    ck_assert_uint_eq(m.body_count, 5 + options);
    ck_assert_ptr_null(hello_read_reply(&m, &r));
    ck_assert_uint_eq(r.version, version);
    ck_assert_uint_eq(r.host, 77);
    ck_assert(r.name_size == 4 && memcmp(r.name, "shop", 4) == 0);
    ck_assert_uint_eq(r.max_message, MAX_MESSAGE_DEFAULT);
    ck_assert(r.broker_version_size == 3 && memcmp(r.broker_version, "9.9", 3) == 0);
    ck_assert_uint_eq(r.options.count, options);
    ck_assert(hello_option(&r.options, "answer", &value) == (options == 1));
    if (options) ck_assert(reader_uint(&value, &n) && n == 42);
  }
}
END_TEST

/* A reply with these values, the rest well-formed; `more` values follow. */
static const char *reply_fault(uint64_t version, uint64_t host, uint64_t max, uint32_t more) {
  struct hello_reply r;
  begin(MESSAGE_REPLY, 5 + more);
  pack_uint(&p, version);
  pack_uint(&p, host);
  pack_text(&p, "shop");
  pack_uint(&p, max);
  pack_text(&p, "9.9");
  for (uint32_t i = 0; i < more; i++) pack_array(&p, 0);
  struct message m = end();
  return hello_read_reply(&m, &r);
}

START_TEST(malformed_replies_are_faults) {
  struct hello_reply r;
  ck_assert_ptr_null(reply_fault(1, 7, MAX_MESSAGE_LEAST, 0));
  ck_assert_ptr_null(reply_fault(2, 7, MAX_MESSAGE_MOST, 1));
  ck_assert_ptr_nonnull(reply_fault(1, 0, MAX_MESSAGE_LEAST, 0));
  ck_assert_ptr_nonnull(reply_fault(1, 7, MAX_MESSAGE_LEAST - 1, 0));
  ck_assert_ptr_nonnull(reply_fault(1, 7, MAX_MESSAGE_MOST + 1, 0));
  ck_assert_ptr_nonnull(reply_fault(1, 7, MAX_MESSAGE_LEAST, 1)); /* version 1 has no options */
  ck_assert_ptr_nonnull(reply_fault(2, 7, MAX_MESSAGE_LEAST, 2));
  ck_assert_ptr_null(reply_fault(WIRE_VERSION_MOST + 1, 0, 0, 9)); /* told by its version */
  begin(MESSAGE_REPLY, 2);
  pack_uint(&p, 2);
  pack_uint(&p, 7);
  struct message m = end();
  ck_assert_ptr_nonnull(hello_read_reply(&m, &r));
  begin(MESSAGE_REPLY, 0);
  m = end();
  ck_assert_ptr_nonnull(hello_read_reply(&m, &r));
}
END_TEST

/* ---- Any bytes ---- */

/* Reads a body that may be anything; whatever was accepted must be usable. */
static void read_any(const uint8_t *body, uint32_t size) {
  struct message m = {.body = body, .body_size = size};
  struct hello_request h;
  struct hello_reply r;
  struct reader value;
  struct value v;
  if (!hello_read_request(&m, &h) && h.version) {
    ck_assert(h.lowest <= h.version && h.version <= h.highest);
    ck_assert_uint_le(h.options.count, HELLO_OPTIONS_MOST);
    if (hello_option(&h.options, "a", &value)) ck_assert(reader_next(&value, &v));
    ck_assert(!hello_option(&h.options, "not there", &value));
  }
  if (!hello_read_reply(&m, &r)) ck_assert(!hello_option(&r.options, "not there", &value));
}

START_TEST(any_bytes_are_read_safely) {
  enum { ROUNDS = 200000 };
  static const uint8_t marks[] = {0x90, 0x91, 0x92, 0x94, 0x95, 0xc0, 0xc2, 0xc3, 0xa1, 'a',
                                  0xdd, 0xdc, 0xc7, 0x18, 1, 2, 0xcf, 0xd9, 0xdb, 0xff};
  uint64_t state = random_seed("proto_hello");
  for (int i = 0; i < ROUNDS; i++) {
    uint32_t size = random_below(&state, 48), start = random_below(&state, 2);
    uint8_t *body = malloc(size + 1); /* exact, so that AddressSanitizer sees every step too far */
    ck_assert_ptr_nonnull(body);
    for (uint32_t k = 0; k < size; k++)
      body[k] = random_below(&state, 4) ? marks[random_below(&state, sizeof marks)]
                                        : (uint8_t)random_next(&state);
    static const uint8_t head[] = {0x95, 1, 2, 0xc0, 0xc2};
    if (start && size >= sizeof head) memcpy(body, head, sizeof head);
    uint8_t *exact = size ? realloc(body, size) : body;
    ck_assert_ptr_nonnull(exact);
    read_any(exact, size);
    free(exact);
  }
}
END_TEST

/* One byte of a good hello is another one, or the end is missing. */
START_TEST(damaged_bytes_are_read_safely) {
  uint64_t state = random_seed("proto_hello");
  begin_request(1, 2, 2);
  pack_text(&p, "a");
  pack_array(&p, 2);
  pack_text(&p, "text");
  pack_nil(&p);
  pack_text(&p, "b");
  pack_uint(&p, 70000);
  struct message m = end();
  for (uint32_t i = 0; i < m.body_size; i++) {
    uint8_t *body = malloc(m.body_size);
    ck_assert_ptr_nonnull(body);
    for (int k = 0; k < 300; k++) {
      memcpy(body, m.body, m.body_size);
      body[i] = (uint8_t)random_next(&state);
      read_any(body, m.body_size);
    }
    free(body);
    uint8_t *cut = malloc(i + 1);
    ck_assert_ptr_nonnull(cut);
    memcpy(cut, m.body, i + 1);
    read_any(cut, i + 1);
    free(cut);
  }
}
END_TEST

int main(void) {
  Suite *s = suite_create("proto_hello");
  TCase *t = tcase_create("hello");
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, versions_in_common);
  tcase_add_test(t, ranges_are_named);
  tcase_add_test(t, a_request_comes_back_as_it_was);
  tcase_add_test(t, the_form_of_version_1_is_understood);
  tcase_add_test(t, the_rest_of_a_stranger_is_not_read);
  tcase_add_test(t, malformed_requests_are_faults);
  tcase_add_test(t, known_options_are_found_among_others);
  tcase_add_test(t, options_are_bounded);
  tcase_add_test(t, malformed_options_are_faults);
  tcase_add_test(t, a_reply_comes_back_as_it_was);
  tcase_add_test(t, malformed_replies_are_faults);
  tcase_add_test(t, any_bytes_are_read_safely);
  tcase_add_test(t, damaged_bytes_are_read_safely);
  suite_add_tcase(s, t);
  return run_suite(s);
}
