/* SPDX-License-Identifier: MIT
 *
 * What gaijinctl top draws (tools/top/pages/draw.h), on screens of many sizes.
 */
#include "tests/unit/top_screen.h"

static void put_lines(const char *text) {
  t.mode = TOP_TEXT;
  t.lines.size = 0;
  text_add(&t.lines, text, strlen(text));
  text_add(&t.lines, "", 1);
  t.lines.size--;
}

START_TEST(a_table_is_drawn) {
  height = 6; /* for two rows */
  press(KEY_IS_DOWN);
  draw(&t);
  ck_assert_str_eq(line(0), "the broker is gone, trying again");
  ck_assert_str_eq(line(1), "1 workers  2 tokens  3 operations  2/3");
  ck_assert_int_eq(strncmp(line(2), "worker ", 7), 0);
  ck_assert_ptr_nonnull(strstr(line(2), " req_s- "));
  ck_assert_int_eq(strncmp(line(3), "other ", 6), 0);
  ck_assert_int_eq(strncmp(line(4), "shop ", 5), 0);
  ck_assert(looks[3] == SCREEN_PLAIN && looks[4] == SCREEN_CHOSEN);
  ck_assert_int_eq(strncmp(line(5), "h help ", 7), 0);
  t.feed.now->workers[2].is_late = true;
  pages_build(&t);
  type("<r"); /* by name, from the last on */
  press(KEY_IS_HOME);
  draw(&t);
  ck_assert_str_eq(line(1), "1 workers  2 tokens  3 operations  1/3");
  ck_assert_int_eq(strncmp(line(2), "worker- ", 8), 0);
  ck_assert_int_eq(strncmp(line(3), "till ", 5), 0);
  ck_assert(looks[3] == SCREEN_CHOSEN_BAD);
  type("/nobody");
  draw(&t);
  ck_assert_str_eq(line(1), "1 workers  2 tokens  3 operations    filter: nobody");
  ck_assert_str_eq(line(3), "nothing fits the filter");
  ck_assert_str_eq(line(4), "");
  ck_assert_str_eq(line(5), "filter: nobody_");
  press(KEY_IS_ESCAPE);
  type("x");
  draw(&t);
  ck_assert_str_eq(line(5), "stop worker till 日本? y/n");
  ck_assert(looks[5] == SCREEN_BAD);
}
END_TEST

START_TEST(long_lines_go_on_in_the_next) {
  width = 10;
  height = 5; /* for three */
  put_lines("one two three\n\nabcdefghijklmno\nx abcdefghij\n");
  draw(&t);
  ck_assert_str_eq(line(4), "Esc back");
  ck_assert_str_eq(line(1), "one two");
  ck_assert_str_eq(line(2), "three");
  ck_assert_str_eq(line(3), "");
  ck_assert_uint_eq(t.n_lines, 7);
  press(KEY_IS_END);
  draw(&t);
  ck_assert_str_eq(line(1), "klmno");
  ck_assert_str_eq(line(2), "x abcdefgh"); /* a blank far in front does not break it */
  ck_assert_str_eq(line(3), "ij");
  height = 24;
  draw(&t); /* all have room */
  ck_assert_uint_eq(t.lines_scroll.at, 0);
  ck_assert_str_eq(line(4), "abcdefghij");
}
END_TEST

START_TEST(no_screen_is_too_small) {
  for (width = 1; width < 30; width += 7)
    for (height = 1; height < 8; height++)
      for (size_t key = 0; key < 5; key++) {
        draw(&t);
        type(&"h1/3d"[key]);
        draw(&t);
        press(KEY_IS_ESCAPE);
        press(KEY_IS_ESCAPE);
        t.is_over = false;
      }
}
END_TEST

int main(int argc, char **argv) {
  const TTest *const tests[] = {a_table_is_drawn,
                                long_lines_go_on_in_the_next,
                                no_screen_is_too_small};
  return top_main(argc, argv, "top's pictures", tests, ARRAY_SIZE(tests));
}
