/* SPDX-License-Identifier: MIT
 *
 * PTs (proto/pt.c): their bytes, and what is no PT.
 */
#include <string.h>

#include "proto/pt.h"
#include "tests/unit/run.h"

static const struct pt sample = {.host = 0x0102030405060708u, .id = 0x1112131415161718u, .stamp = 0x2122232425262728u, .kind = PT_THREAD};

START_TEST(bytes_are_as_documented) {
  static const uint8_t expected[PT_WIRE_BYTES] = {0xc7, 24, 3, 1, 2, 3, 4, 5, 6, 7, 8, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18,
                                                  0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28};
  uint8_t bytes[PT_WIRE_BYTES];
  struct pt back;
  pt_write(bytes, &sample);
  ck_assert_mem_eq(bytes, expected, sizeof bytes);
  ck_assert(pt_read(bytes, sizeof bytes, &back));
  ck_assert(pt_equal(&back, &sample));
}
END_TEST

START_TEST(malformed_ones_are_refused) {
  uint8_t bytes[PT_WIRE_BYTES], good[PT_WIRE_BYTES];
  struct pt back;
  pt_write(good, &sample);
  for (uint32_t size = 0; size < PT_WIRE_BYTES; size++) ck_assert(!pt_read(good, size, &back));
  static const struct { size_t at; uint8_t value; } wrong[] = {{0, 0xc8}, {0, 0xd8}, {1, 23}, {1, 25}, {2, 0}, {2, 5}, {2, 0xff}};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    memcpy(bytes, good, sizeof bytes);
    bytes[wrong[i].at] = wrong[i].value;
    ck_assert(!pt_read(bytes, sizeof bytes, &back));
  }
  struct pt zero = sample;
  zero.host = 0;
  pt_write(bytes, &zero);
  ck_assert(!pt_read(bytes, sizeof bytes, &back));
  zero = sample;
  zero.id = 0;
  pt_write(bytes, &zero);
  ck_assert(!pt_read(bytes, sizeof bytes, &back));
}
END_TEST

START_TEST(kinds_have_names) {
  ck_assert_str_eq(pt_kind_name(PT_TABLE), "table");
  ck_assert_str_eq(pt_kind_name(PT_FUNCTION), "function");
  ck_assert_str_eq(pt_kind_name(PT_THREAD), "thread");
  ck_assert_str_eq(pt_kind_name(PT_USERDATA), "userdata");
  ck_assert_str_eq(pt_kind_name(0), "unknown");
  ck_assert_str_eq(pt_kind_name(UINT64_MAX), "unknown");
}
END_TEST

int main(void) {
  Suite *s = suite_create("proto_pt");
  TCase *c = tcase_create("pt");
  tcase_add_test(c, bytes_are_as_documented);
  tcase_add_test(c, malformed_ones_are_refused);
  tcase_add_test(c, kinds_have_names);
  suite_add_tcase(s, c);
  return run_suite(s);
}
