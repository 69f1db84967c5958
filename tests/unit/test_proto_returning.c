/* SPDX-License-Identifier: MIT
 *
 * Secrets of those who come back, and what a body may have in place of one.
 */
#include <string.h>

#include "proto/pack.h"
#include "proto/returning.h"
#include "tests/unit/run.h"

static struct secret counted(void) {
  struct secret s;
  for (int i = 0; i < SECRET_BYTES; i++) s.bytes[i] = (uint8_t)(250 + i); /* no UTF-8 */
  return s;
}

START_TEST(secrets_are_equal_in_all_bits) {
  struct secret a = counted(), b = counted();
  ck_assert(secret_equal(&a, &b));
  for (int bit = 0; bit < SECRET_BYTES * 8; bit++) {
    b = counted();
    b.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    ck_assert(!secret_equal(&a, &b));
  }
}
END_TEST

START_TEST(a_wiped_one_is_zero) {
  struct secret a = counted(), none = {{0}};
  secret_wipe(&a);
  ck_assert(secret_equal(&a, &none));
}
END_TEST

/* Whether a body with this one value has a secret in it. */
static bool is_read(const void *bytes, uint32_t size, struct secret *s) {
  struct message m = {.kind = MESSAGE_NOTICE, .op = OP_bye, .target = OP_NONE}, got;
  struct buffer out;
  struct pack p;
  struct reader r;
  uint32_t count;
  buffer_init(&out, 4096);
  pack_begin(&p, &out, 4096, &m, 1);
  if (bytes)
    pack_string(&p, bytes, size);
  else
    pack_uint(&p, size);
  ck_assert_int_eq(pack_end(&p), BUFFER_OK);
  ck_assert_ptr_null(message_parse(out.bytes, out.size, &got));
  ck_assert(reader_open(&r, got.body, got.body_size, &count));
  bool is = secret_read(&r, s);
  buffer_deinit(&out);
  return is;
}

START_TEST(one_is_a_string_of_its_length) {
  struct secret a = counted(), b = {{0}};
  uint8_t longer[SECRET_BYTES + 1] = {0};
  ck_assert(is_read(a.bytes, SECRET_BYTES, &b));
  ck_assert(secret_equal(&a, &b));
  ck_assert(is_read("0123456789abcdef", SECRET_BYTES, &b)); /* a str as well as a bin */
  ck_assert(!is_read(longer, SECRET_BYTES + 1, &b));
  ck_assert(!is_read(longer, SECRET_BYTES - 1, &b));
  ck_assert(!is_read(longer, 0, &b));
  ck_assert(!is_read(NULL, SECRET_BYTES, &b));
}
END_TEST

int main(void) {
  Suite *s = suite_create("proto returning");
  TCase *c = tcase_create("secrets");
  suite_add_tcase(s, c);
  tcase_add_test(c, secrets_are_equal_in_all_bits);
  tcase_add_test(c, a_wiped_one_is_zero);
  tcase_add_test(c, one_is_a_string_of_its_length);
  return run_suite(s);
}
