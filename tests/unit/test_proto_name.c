/* SPDX-License-Identifier: MIT
 *
 * What a worker may be called, and what it is called when nobody says.
 */
#include "proto/name.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/run.h"

static bool good(const char *text) { return name_fault(text, strlen(text)) == NULL; }

START_TEST(ordinary_names_are_good) {
  ck_assert(good("shop"));
  ck_assert(good("a"));
  ck_assert(good("two words, #3 (new) = \\ .~"));
  ck_assert(good("sk\xc3\xa5p \xe5\x95\x86\xe5\xba\x97 \xf0\x9f\x8f\xaa"));
  ck_assert(good("\xc2\xa0 \xc2")); /* U+00A0, and half of a character */
  ck_assert(good("\xe2\x80\x8d\xe2\x80")); /* U+200D joins */
  ck_assert(good("\xff\x80"));
}
END_TEST

START_TEST(the_size_is_bounded) {
  char name[NAME_MAX_BYTES + 2];
  memset(name, 'n', sizeof name);
  ck_assert_ptr_null(name_fault(name, NAME_MAX_BYTES));
  ck_assert_str_eq(name_fault(name, NAME_MAX_BYTES + 1), "has 1 to 64 bytes");
  ck_assert_str_eq(name_fault(name, 0), "has 1 to 64 bytes");
  ck_assert_ptr_nonnull(name_fault("a\0b", 3));
}
END_TEST

START_TEST(nothing_in_a_name_steers_a_terminal) {
  char name[16];
  for (unsigned c = 1; c < 0x80; c++) {
    snprintf(name, sizeof name, "a%cb", (int)c);
    ck_assert_msg(good(name) == (c >= 0x20 && c != 0x7f && c != '@' && c != '/'), "%02x", c);
  }
  for (unsigned c = 0x80; c < 0xc0; c++) {
    snprintf(name, sizeof name, "\xc2%c", (int)c);
    ck_assert_msg(good(name) == (c >= 0xa0 && c != 0xad), "U+%04X", c);
    snprintf(name, sizeof name, "\xe2\x80%c", (int)c);
    bool mark = c == 0x8b || c == 0x8e || c == 0x8f || (c >= 0xa8 && c <= 0xae);
    ck_assert_msg(good(name) == !mark, "U+%04X", 0x2000 + c - 0x80);
    snprintf(name, sizeof name, "\xe2\x81%c", (int)c);
    ck_assert_msg(good(name) == !(c >= 0xa0 && c <= 0xaf), "U+%04X", 0x2040 + c - 0x80);
    snprintf(name, sizeof name, "\xd8%c", (int)c);
    ck_assert_msg(good(name) == (c != 0x9c), "U+%04X", 0x600 + c - 0x80);
  }
}
END_TEST

START_TEST(at_and_slash_are_reserved) {
  ck_assert_str_eq(name_fault("shop@home", 9), "has no '@' and no '/': they are reserved for naming machines");
  ck_assert_str_eq(name_fault("a/b", 3), "has no '@' and no '/': they are reserved for naming machines");
}
END_TEST

static void check_script(const char *script, const char *name, bool expected) {
  char out[NAME_MAX_BYTES + 1];
  bool changed;
  ck_assert(name_of_script(out, script, &changed));
  ck_assert_str_eq(out, name);
  ck_assert_int_eq(changed, expected);
  ck_assert(good(out));
}

START_TEST(a_script_gives_a_good_name) {
  char out[NAME_MAX_BYTES + 1], path[NAME_MAX_BYTES + 16] = "d/";
  bool changed;
  check_script("a/b/shop.lua", "shop", false);
  check_script("shop", "shop", false);
  check_script(".lua", ".lua", false);
  check_script("shop.lua.lua", "shop.lua", false);
  check_script("home@2/shop@2.lua", "shop_2", true);
  check_script("a\xe2\x80\xae" "b\x1b.lua", "a___b_", true);
  ck_assert(!name_of_script(out, "a/", &changed));
  memset(path + 2, 'n', NAME_MAX_BYTES + 1);
  ck_assert(!name_of_script(out, path, &changed));
  path[2 + NAME_MAX_BYTES] = '\0';
  ck_assert(name_of_script(out, path, &changed));
}
END_TEST

int main(void) {
  Suite *s = suite_create("names");
  TCase *t = tcase_create("names");
  tcase_add_test(t, ordinary_names_are_good);
  tcase_add_test(t, the_size_is_bounded);
  tcase_add_test(t, nothing_in_a_name_steers_a_terminal);
  tcase_add_test(t, at_and_slash_are_reserved);
  tcase_add_test(t, a_script_gives_a_good_name);
  suite_add_tcase(s, t);
  return run_suite(s);
}
