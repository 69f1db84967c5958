/* SPDX-License-Identifier: MIT
 *
 * The two lists (proto/ops.c, proto/status.c): complete, consistent, bounded.
 */
#include <string.h>

#include "proto/limits.h"
#include "proto/ops.h"
#include "proto/status.h"
#include "tests/unit/run.h"

START_TEST(every_op_is_whole) {
  for (uint64_t op = 1; op < OP_COUNT; op++) {
    const struct op_info *i = op_info(op);
    if (!i) continue; /* a number that was left out */
    ck_assert_str_eq(op_name(op), i->name);
    ck_assert_uint_le(i->least, i->most);
    ck_assert_int_gt((int)strlen(i->sentence), 0);
    ck_assert_int_eq(*i->body == '\0', i->most == 0);
    /* Only what the broker routes can have an object as its target. */
    if (i->target == OP_PT) ck_assert_int_eq(i->way, OP_ROUTED);
    if (i->way == OP_ROUTED) ck_assert_int_eq(i->kind, OP_REQUEST);
    for (uint64_t k = 1; k < op; k++) ck_assert_str_ne(op_name(k), i->name);
  }
}
END_TEST

START_TEST(every_op_has_its_version) {
  for (uint64_t op = 1; op < OP_COUNT; op++) {
    const struct op_info *i = op_info(op);
    if (!i) continue;
    ck_assert_uint_ge(i->since, WIRE_VERSION_LEAST);
    ck_assert_uint_le(i->since, WIRE_VERSION_MOST);
    ck_assert(op_in_version(i, i->least, i->since));
    ck_assert(op_in_version(i, i->most, WIRE_VERSION_MOST));
    ck_assert(!op_in_version(i, i->least, i->since - 1));
    ck_assert(i->grew == 0 || (i->grew > i->since && i->before < i->most));
  }
}
END_TEST

START_TEST(ops_and_their_values_come_with_versions) {
  static const struct op_info young = {.least = 1, .most = 4, .since = 3};
  static const struct op_info grown = {.least = 1, .most = 4, .since = 3, .grew = 5, .before = 2};
  ck_assert(!op_in_version(&young, 1, 2));
  ck_assert(op_in_version(&young, 4, 3));
  ck_assert(op_in_version(&young, 4, 4));
  ck_assert(!op_in_version(&grown, 1, 2));
  ck_assert(op_in_version(&grown, 2, 3));
  ck_assert(!op_in_version(&grown, 3, 4));
  ck_assert(op_in_version(&grown, 3, 5));
  ck_assert(op_in_version(&grown, 4, 6));
}
END_TEST

START_TEST(numbers_outside_are_unknown) {
  static const uint64_t outside[] = {0, OP_COUNT, 255, UINT64_MAX};
  for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
    ck_assert_ptr_null(op_info(outside[i]));
    ck_assert_str_eq(op_name(outside[i]), "unknown");
  }
  ck_assert_str_eq(status_name(STATUS_COUNT), "unknown");
  ck_assert_str_eq(status_name(UINT64_MAX), "unknown");
}
END_TEST

START_TEST(every_status_has_its_name) {
  ck_assert_int_eq(STATUS_raised, 0);
  ck_assert_str_eq(status_name(STATUS_dead), "dead");
  ck_assert_str_eq(status_name(STATUS_too_large), "too_large");
  ck_assert_str_eq(status_name(STATUS_COUNT - 1), "away");
  for (uint64_t s = 0; s < STATUS_COUNT; s++) ck_assert_str_ne(status_name(s), "unknown");
}
END_TEST

int main(void) {
  Suite *s = suite_create("proto_ops");
  TCase *c = tcase_create("ops");
  tcase_add_test(c, every_op_is_whole);
  tcase_add_test(c, every_op_has_its_version);
  tcase_add_test(c, ops_and_their_values_come_with_versions);
  tcase_add_test(c, numbers_outside_are_unknown);
  tcase_add_test(c, every_status_has_its_name);
  suite_add_tcase(s, c);
  return run_suite(s);
}
