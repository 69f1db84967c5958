/* SPDX-License-Identifier: MIT
 *
 * The bounded buffer (proto/buffer.c).
 */
#include <string.h>

#include "proto/buffer.h"
#include "tests/unit/run.h"

START_TEST(it_grows_up_to_its_bound) {
  struct buffer b;
  buffer_init(&b, 1000);
  for (int i = 0; i < 1000; i++) {
    uint8_t byte = (uint8_t)i;
    ck_assert_int_eq(buffer_append(&b, &byte, 1), BUFFER_OK);
  }
  ck_assert_int_eq(buffer_append(&b, "x", 1), BUFFER_OVER_MAX);
  ck_assert_uint_eq(b.size, 1000);
  for (int i = 0; i < 1000; i++) ck_assert_uint_eq(b.bytes[i], (uint8_t)i);
  ck_assert_int_eq(buffer_append(&b, NULL, 0), BUFFER_OK);
  buffer_deinit(&b);
  buffer_deinit(&b);
}
END_TEST

START_TEST(a_refusal_changes_nothing) {
  struct buffer b;
  buffer_init(&b, 600);
  ck_assert_int_eq(buffer_append(&b, "abc", 3), BUFFER_OK);
  struct buffer before = b;
  ck_assert_int_eq(buffer_reserve(&b, 598), BUFFER_OVER_MAX);
  ck_assert_int_eq(buffer_reserve(&b, UINT32_MAX), BUFFER_OVER_MAX);
  ck_assert_mem_eq(&b, &before, sizeof b);
  ck_assert_int_eq(buffer_reserve(&b, 597), BUFFER_OK);
  ck_assert_uint_eq(b.capacity, 600);
  ck_assert_mem_eq(b.bytes, "abc", 3);
  buffer_deinit(&b);
}
END_TEST

int main(void) {
  Suite *s = suite_create("proto_buffer");
  TCase *c = tcase_create("buffer");
  tcase_add_test(c, it_grows_up_to_its_bound);
  tcase_add_test(c, a_refusal_changes_nothing);
  suite_add_tcase(s, c);
  return run_suite(s);
}
