/* SPDX-License-Identifier: MIT
 *
 * Columns of texts and lines of errors (tools/base/text.h), and names of objects (tools/base/object.h).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* captured.h */
#endif
#include "tools/base/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "tests/unit/captured.h"
#include "tests/unit/run.h"
#include "tools/base/object.h"

static void is_wide(const char *text, size_t width) { ck_assert_uint_eq(text_width(text, strlen(text)), width); }

START_TEST(columns_of_a_text) {
  text_begin();
  is_wide("", 0);
  is_wide("till-1", 6);
  is_wide("caf\xc3\xa9", 4);
  is_wide("cafe\xcc\x81", 4);                          /* a combining accent */
  is_wide("\xe6\xa8\x99\xe7\xad\xbe", 4);              /* two wide characters */
  is_wide("\xf0\x9f\x98\x80", 2);                      /* one beyond the first plane */
  is_wide("\xff\xfe", 2);                              /* no characters: a column each */
  ck_assert_uint_eq(text_fit("\xe6\xa8\x99\xe7\xad\xbe", 6, 3), 3); /* half of one does not fit */
  ck_assert_uint_eq(text_fit("cafe\xcc\x81x", 7, 4), 6);            /* the accent goes with its letter */
  ck_assert_uint_eq(text_fit("ab", 2, 5), 2);
}
END_TEST

START_TEST(json_of_any_bytes) {
  struct text t = {0};
  text_add_json(&t, "a\"\\\n\xff\xf0\x9d\x85\xb3\xe2\x80\xae\xc3\xa9", 14);
  ck_assert_str_eq(t.bytes, "\"a\\\"\\\\\\u000a\\u00ff\\ud834\\udd73\\u202e\xc3\xa9\"");
  text_deinit(&t);
}
END_TEST

START_TEST(names_of_objects) {
  static const char *const wrong[] = {"",        "shop",     "shop:",   ":1",  "shop:x", "shop:+1", "shop:-1", "shop: 1", "shop:1 ",
                                      "shop:0",  "shop:0x1", "shop:1e3", "shop:9007199254740993", "shop:18446744073709551617"};
  struct object_name o;
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) ck_assert_msg(!object_read(wrong[i], &o), "%s", wrong[i]);
  ck_assert(object_read("a:b:9007199254740992", &o));
  ck_assert_uint_eq(o.size, 3);
  ck_assert_uint_eq(o.id, OBJECT_IDS_MOST);
  ck_assert(object_read("shop:007", &o));
  ck_assert_uint_eq(o.id, 7);
}
END_TEST

START_TEST(errors_that_are_kept) {
  struct captured c;
  struct text t = {0};
  captured_begin(&c, STDERR_FILENO);
  tool_error_to(&t);
  tool_error("%s", "one\ntwo");
  tool_error_to(NULL);
  tool_error("three");
  ck_assert_str_eq(captured_end(&c), "gaijinctl: three\n");
  ck_assert_str_eq(t.bytes, "gaijinctl: one\\x0atwo\n");
  text_deinit(&t);
}
END_TEST

START_TEST(errors_that_are_kept_are_said_at_the_end) {
  struct captured c;
  int status;
  captured_begin(&c, STDERR_FILENO);
  pid_t child = fork();
  if (child == 0) {
    struct text t = {0};
    tool_error_to(&t);
    tool_error("out of memory");
    exit(7);
  }
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert_str_eq(captured_end(&c), "gaijinctl: out of memory\n");
  ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}
END_TEST

START_TEST(arrays_that_grow) {
  enum { ITEMS = 1000 };
  size_t room = 0, rooms = 0;
  uint32_t *array = NULL;
  for (uint32_t i = 0; i < ITEMS; i++) {
    size_t before = room;
    array = tool_grow(array, i, &room, sizeof *array);
    ck_assert_uint_gt(room, i);
    rooms += room != before;
    array[i] = i;
  }
  for (uint32_t i = 0; i < ITEMS; i++) ck_assert_uint_eq(array[i], i);
  ck_assert_uint_lt(rooms, 10); /* it is not moved for each */
  free(array);
  array = tool_resize(NULL, 0, sizeof *array);
  ck_assert_ptr_nonnull(array);
  free(array);
}
END_TEST

/* What has no number of bytes is not taken for little. */
START_TEST(an_array_that_cannot_be) {
  struct captured c;
  int status;
  fflush(NULL);
  captured_begin(&c, STDERR_FILENO);
  pid_t child = fork();
  if (child == 0) {
    tool_resize(NULL, SIZE_MAX / 8 + 2, 8); /* of 8 bytes, if it went round */
    _exit(7);
  }
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert_str_eq(captured_end(&c), "gaijinctl: out of memory\n");
  ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}
END_TEST

int main(void) {
  Suite *s = suite_create("tools text");
  TCase *t = tcase_create("text");
  tcase_add_test(t, columns_of_a_text);
  tcase_add_test(t, json_of_any_bytes);
  tcase_add_test(t, names_of_objects);
  tcase_add_test(t, errors_that_are_kept);
  tcase_add_test(t, errors_that_are_kept_are_said_at_the_end);
  tcase_add_test(t, arrays_that_grow);
  tcase_add_test(t, an_array_that_cannot_be);
  suite_add_tcase(s, t);
  return run_suite(s);
}
