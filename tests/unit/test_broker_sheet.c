/* SPDX-License-Identifier: MIT
 *
 * broker/base/sheet.h: what was written is read, and what is no sheet is a fault, wherever it ends.
 */
#define _GNU_SOURCE /* memfd_create */
#include "broker/base/sheet.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/run.h"

static int fd;
static struct sheet s;

static void setup(void) {
  fd = memfd_create("sheet", MFD_CLOEXEC);
  ck_assert_int_ge(fd, 0);
}
static void teardown(void) { close(fd); }

struct all {
  uint64_t big;
  int64_t negative;
  uint8_t small;
  bool yes, no;
  double half;
  char text[8];
  char *long_text, *none;
  size_t long_size, none_size;
};

static void carry(struct all *a) {
  sheet_mark(&s, 77);
  SHEET(&s, a->big);
  SHEET(&s, a->negative);
  SHEET(&s, a->small);
  SHEET(&s, a->yes);
  SHEET(&s, a->no);
  sheet_double(&s, &a->half);
  sheet_text(&s, a->text, sizeof a->text);
  sheet_long_text(&s, &a->long_text, &a->long_size, 1 << 20);
  sheet_long_text(&s, &a->none, &a->none_size, 1 << 20);
}

START_TEST(what_was_written_is_read) {
  static char text[700000]; /* longer than any buffer */
  memset(text, 'x', sizeof text - 1);
  struct all a = {UINT64_MAX, -5, 200, true, false, 0.5, "seven..", text, NULL, sizeof text - 1, 0};
  sheet_open_to_write(&s, fd);
  for (int i = 0; i < 3; i++) carry(&a);
  sheet_close(&s);
  ck_assert_ptr_null(s.fault);
  sheet_open_to_read(&s, fd);
  for (int i = 0; i < 3; i++) {
    struct all b = {0};
    b.none = text;
    carry(&b);
    ck_assert_ptr_null(s.fault);
    ck_assert(b.big == a.big && b.negative == -5 && b.small == 200 && b.yes && !b.no && b.half == 0.5);
    ck_assert_str_eq(b.text, a.text);
    ck_assert_uint_eq(b.long_size, a.long_size);
    ck_assert_str_eq(b.long_text, text);
    ck_assert_ptr_null(b.none);
    free(b.long_text);
  }
  ck_assert_uint_eq(sheet_left(&s), 0);
  sheet_close(&s);
}
END_TEST

START_TEST(one_that_ends_early_is_a_fault) {
  struct all a = {1 << 20, -5, 200, true, false, 0.5, "seven..", "long text", NULL, 9, 0};
  sheet_open_to_write(&s, fd);
  carry(&a);
  sheet_close(&s);
  off_t whole = lseek(fd, 0, SEEK_END);
  for (off_t size = whole - 1; size >= 0; size--) {
    struct all b = {0};
    ck_assert_int_eq(ftruncate(fd, size), 0);
    sheet_open_to_read(&s, fd);
    carry(&b);
    ck_assert_ptr_nonnull(s.fault);
    free(b.long_text);
    sheet_close(&s);
  }
}
END_TEST

START_TEST(a_number_fits_its_field) {
  uint32_t large = 300;
  uint8_t small = 0;
  sheet_open_to_write(&s, fd);
  SHEET(&s, large);
  sheet_close(&s);
  sheet_open_to_read(&s, fd);
  SHEET(&s, small);
  ck_assert_str_eq(s.fault, "a number is too large");
  sheet_close(&s);
}
END_TEST

START_TEST(a_number_has_an_end) {
  static const uint8_t bad[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0};
  uint64_t v = 0;
  ck_assert_int_eq(write(fd, bad, sizeof bad), sizeof bad);
  sheet_open_to_read(&s, fd);
  SHEET(&s, v);
  ck_assert_str_eq(s.fault, "a number has no end");
  sheet_close(&s);
}
END_TEST

START_TEST(items_keep_their_indices) {
  static const uint32_t kept[] = {0, 5, 6, 3 * SLAB_CHUNK};
  struct slab from, to;
  slab_init(&from, 8);
  slab_init(&to, 8);
  for (unsigned i = 0; i < 4; i++) {
    ck_assert(slab_add_at(&from, kept[i]));
    *(uint64_t *)slab_at(&from, kept[i]) = kept[i] * 7;
  }
  sheet_open_to_write(&s, fd);
  for (uint32_t i = SLAB_NONE; sheet_item(&s, &from, &i);) SHEET(&s, *(uint64_t *)slab_at(&from, i));
  uint32_t last = 3 * SLAB_CHUNK, none = SLAB_NONE, gone = 4;
  sheet_index(&s, &from, &last, false);
  sheet_index(&s, &from, &none, true);
  s.fault = NULL;
  sheet_index(&s, &from, &gone, false); /* says that it is not there, and writes it */
  s.fault = NULL;
  sheet_close(&s);
  sheet_open_to_read(&s, fd);
  unsigned n = 0;
  for (uint32_t i = SLAB_NONE; sheet_item(&s, &to, &i); n++) {
    SHEET(&s, *(uint64_t *)slab_at(&to, i));
    ck_assert_uint_eq(i, kept[n]);
    ck_assert_uint_eq(*(uint64_t *)slab_at(&to, i), kept[n] * 7);
  }
  ck_assert_uint_eq(n, 4);
  uint32_t i = 9;
  ck_assert(sheet_index(&s, &to, &i, false));
  ck_assert_uint_eq(i, 3 * SLAB_CHUNK);
  ck_assert(!sheet_index(&s, &to, &i, true));
  ck_assert_uint_eq(i, SLAB_NONE);
  ck_assert_ptr_null(s.fault);
  ck_assert(!sheet_index(&s, &to, &i, false));
  ck_assert_ptr_nonnull(s.fault);
  sheet_close(&s);
  slab_deinit(&from);
  slab_deinit(&to);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("broker sheet");
  TCase *t = tcase_create("sheet");
  suite_add_tcase(suite, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, what_was_written_is_read);
  tcase_add_test(t, one_that_ends_early_is_a_fault);
  tcase_add_test(t, a_number_fits_its_field);
  tcase_add_test(t, a_number_has_an_end);
  tcase_add_test(t, items_keep_their_indices);
  return run_suite(suite);
}
