/* SPDX-License-Identifier: MIT
 *
 * What is shown as it is, and what is not.
 */
#include "proto/printable.h"

#include <string.h>

#include "proto/name.h"
#include "tests/unit/run.h"

static void shows_kept(const char *text, size_t size, const char *expected, const char *kept) {
  char out[256], again[256];
  ck_assert_uint_eq(printable_escape(out, sizeof out, text, size, kept), size);
  ck_assert_str_eq(out, expected);
  printable_escape(again, sizeof again, out, strlen(out), kept);
  ck_assert_str_eq(again, out);
}
static void shows(const char *text, const char *expected) { shows_kept(text, strlen(text), expected, ""); }

START_TEST(ordinary_text_stays) {
  shows("", "");
  shows("two words, \\ \"~", "two words, \\ \"~");
  shows("sk\xc3\xa5p \xe5\x95\x86 \xf0\x9f\x8f\xaa \xc2\xa0\xe2\x80\x8d", "sk\xc3\xa5p \xe5\x95\x86 \xf0\x9f\x8f\xaa \xc2\xa0\xe2\x80\x8d");
}
END_TEST

START_TEST(what_steers_is_spelled_out) {
  shows("a\nb\r\t\x1b[31m\x7f", "a\\x0ab\\x0d\\x09\\x1b[31m\\x7f");
  shows_kept("a\0b", 3, "a\\x00b", "\n\t");
  shows("\xc2\x80\xc2\x9b", "\\u{80}\\u{9b}");
  shows("\xd8\x9c\xe2\x80\x8e\xe2\x80\x8f", "\\u{61c}\\u{200e}\\u{200f}");
  shows("\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa\xe2\x80\xae", "\\u{2028}\\u{2029}\\u{202a}\\u{202e}");
  shows("\xe2\x81\xa6\xe2\x81\xa9\xe2\x81\xb0", "\\u{2066}\\u{2069}\xe2\x81\xb0");
}
END_TEST

START_TEST(what_cannot_be_seen_is_spelled_out) {
  shows("shop\xe2\x80\x8b", "shop\\u{200b}");
  shows("\xe2\x81\xa0\xe2\x81\xa4\xe2\x81\xaf\xef\xbb\xbf", "\\u{2060}\\u{2064}\\u{206f}\\u{feff}");
  shows("\xc2\xad\xcd\x8f\xe1\xa0\x8e\xef\xb8\x8f\xe3\x85\xa4", "\\u{ad}\\u{34f}\\u{180e}\\u{fe0f}\\u{3164}");
  shows("\xf3\xa0\x81\xa1\xf3\xa0\xbf\xbf\xf3\xa1\x80\x80", "\\u{e0061}\\u{e0fff}\xf3\xa1\x80\x80");
  shows("\xe2\x80\x8c\xe2\x80\x8d\xe2\x80\x8a", "\xe2\x80\x8c\xe2\x80\x8d\xe2\x80\x8a"); /* joiners; a thin space */
}
END_TEST

START_TEST(what_is_no_utf8_is_spelled_out) {
  shows("\x80\xff", "\\x80\\xff");
  shows("\xc3", "\\xc3");                           /* cut */
  shows("\xc3(", "\\xc3(");
  shows("\xc0\x8a", "\\xc0\\x8a");                  /* a newline in two bytes */
  shows("\xe0\x82\x9b", "\\xe0\\x82\\x9b");         /* U+009B in three */
  shows("\xf0\x80\x80\x8a", "\\xf0\\x80\\x80\\x8a");
  shows("\xed\xa0\x80", "\\xed\\xa0\\x80");         /* a surrogate */
  shows("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); /* over U+10FFFF */
}
END_TEST

START_TEST(some_may_be_kept) {
  shows_kept("a\n\tb\r\x1b", 6, "a\n\tb\\x0d\\x1b", "\n\t");
}
END_TEST

/* Whole characters, and the rest with the next call. */
START_TEST(it_goes_on_where_it_ended) {
  const char text[] = "12345\xe2\x80\xae\n\xe5\x95\x86";
  char out[PRINTABLE_MOST + 2], all[64] = "";
  for (size_t at = 0, size = sizeof text - 1; at < size;) {
    size_t n = printable_escape(out, sizeof out, text + at, size - at, "");
    ck_assert_uint_gt(n, 0);
    at += n;
    strcat(all, out);
  }
  ck_assert_str_eq(all, "12345\\u{202e}\\x0a\xe5\x95\x86");
}
END_TEST

/* One list for both. */
START_TEST(names_have_nothing_that_steers) {
  for (uint32_t c = 1; c < 0x800; c++) {
    char name[8];
    uint32_t code = 0;
    size_t n = c < 0x80 ? 1 : 2;
    name[0] = (char)(n == 1 ? c : 0xc0 | c >> 6);
    name[1] = (char)(0x80 | (c & 0x3f));
    ck_assert_uint_eq(printable_decode(name, n, &code), n);
    ck_assert_uint_eq(code, c);
    bool good = !name_fault(name, n);
    ck_assert_msg(good == (!printable_steers(c) && c != '@' && c != '/'), "U+%04X", c);
  }
  ck_assert_ptr_nonnull(name_fault("\xe2\x80\xa8", 3));
}
END_TEST

int main(void) {
  Suite *s = suite_create("printable");
  TCase *t = tcase_create("printable");
  tcase_add_test(t, ordinary_text_stays);
  tcase_add_test(t, what_steers_is_spelled_out);
  tcase_add_test(t, what_cannot_be_seen_is_spelled_out);
  tcase_add_test(t, what_is_no_utf8_is_spelled_out);
  tcase_add_test(t, some_may_be_kept);
  tcase_add_test(t, it_goes_on_where_it_ended);
  tcase_add_test(t, names_have_nothing_that_steers);
  suite_add_tcase(s, t);
  return run_suite(s);
}
