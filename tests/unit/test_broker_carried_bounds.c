/* SPDX-License-Identifier: MIT
 *
 * A state that says large numbers is refused before memory is taken for them: what a state takes
 * follows what is in it.
 */
#define _GNU_SOURCE /* memfd_create */
#include <sys/mman.h>

#include "broker/base/accounts_carried.h"
#include "broker/books/carried.h"
#include "tests/unit/run.h"

static struct sheet s;
static struct accounts accounts;
static struct hosts hosts;
static struct names names;
static struct loads loads;
static int fd;

static void setup(void) {
  fd = memfd_create("state", MFD_CLOEXEC);
  ck_assert_int_ge(fd, 0);
  ck_assert(accounts_init(&accounts, 1) && hosts_init(&hosts, 2) && names_init(&names, 3) &&
            loads_init(&loads, 1, 1, 1, 4));
  sheet_open_to_write(&s, fd);
}

static void teardown(void) {
  sheet_close(&s);
  close(fd);
  loads_deinit(&loads);
  names_deinit(&names);
  hosts_deinit(&hosts);
  accounts_deinit(&accounts);
}

static void read_again(void) {
  sheet_close(&s);
  ck_assert_ptr_null(s.fault);
  sheet_open_to_read(&s, fd);
}

/* Of a book that begins with this mark: its first record has this index, and `n` small numbers. */
static void write_item(uint64_t mark, uint64_t index, unsigned n) {
  uint64_t step = index + 1, one = 1;
  sheet_mark(&s, mark);
  SHEET(&s, step);
  for (unsigned i = 0; i < n; i++) SHEET(&s, one);
  read_again();
}

static const uint64_t too_large[] = {1 << 22, SLAB_NONE, UINT64_MAX - 1};

START_TEST(a_host_has_no_number_that_is_too_large) {
  write_item('H', too_large[_i], 20);
  hosts_carry(&hosts, &accounts, &s);
  ck_assert_ptr_nonnull(s.fault);
  ck_assert_ptr_nonnull(strstr(s.fault, "number that is too large"));
}
END_TEST

START_TEST(a_name_has_no_number_that_is_too_large) {
  write_item('N', too_large[_i], 20);
  names_carry(&names, &hosts, &s);
  ck_assert_ptr_nonnull(s.fault);
  ck_assert_ptr_nonnull(strstr(s.fault, "number that is too large"));
}
END_TEST

START_TEST(nothing_is_counted_of_more_than_there_are) {
  uint32_t capacity = UINT32_MAX;
  sheet_mark(&s, 'L');
  SHEET(&s, capacity);
  read_again();
  loads_carry(&loads, &hosts, &s);
  ck_assert_str_eq(s.fault, "collections are counted of more than there can be");
  ck_assert_uint_eq(loads.collections.capacity, 0);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("broker carried bounds");
  TCase *t = tcase_create("bounds");
  suite_add_tcase(suite, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_loop_test(t, a_host_has_no_number_that_is_too_large, 0, 3);
  tcase_add_loop_test(t, a_name_has_no_number_that_is_too_large, 0, 3);
  tcase_add_test(t, nothing_is_counted_of_more_than_there_are);
  return run_suite(suite);
}
