/* SPDX-License-Identifier: MIT
 *
 * What keys do in gaijinctl top (tools/top/pages): all but what asks a broker.
 */
#include "tests/unit/top_screen.h"

START_TEST(a_line_is_chosen) {
  ck_assert_str_eq(chosen(), "other");
  press(KEY_IS_DOWN);
  ck_assert_str_eq(chosen(), "shop");
  press(KEY_IS_UP);
  press(KEY_IS_UP);
  ck_assert_str_eq(chosen(), "other");
  press(KEY_IS_END);
  ck_assert_str_eq(chosen(), "till 日本");
  press(KEY_IS_HOME);
  ck_assert_str_eq(chosen(), "other");
  press(KEY_IS_PAGE_DOWN);
  ck_assert_str_eq(chosen(), "till 日本");
  press(KEY_IS_PAGE_UP);
  ck_assert_str_eq(chosen(), "other");
  for (uint64_t i = 10; i < 60; i++) add_worker("w", i);
  pages_build(&t);
  press(KEY_IS_PAGE_DOWN); /* of 20 lines one stays */
  ck_assert_uint_eq(t.pages[t.page].scroll.at, draw_height(&t) - 1);
}
END_TEST

START_TEST(a_key_behind_home_is_for_the_first_then) {
  press(KEY_IS_END);
  press(KEY_IS_HOME);
  type("f");
  ck_assert_str_eq(t.act_on, "other");
  ck_assert_str_eq(said(), "gc -- other");
  ck_assert(t.message_is_bad && t.act == ACT_NONE);
  type("<rf"); /* which is another by then: Home chose the place */
  ck_assert_str_eq(said(), "gc -- till 日本");
  type("r");
  press(KEY_IS_DOWN);
  type("r"); /* and these a worker */
  type("f");
  ck_assert_str_eq(said(), "gc -- shop");
}
END_TEST

START_TEST(a_filter_is_typed) {
  type("/SHx");
  ck_assert_str_eq(chosen(), "none");
  press(KEY_IS_BACKSPACE);
  ck_assert_str_eq(chosen(), "shop");
  ck_assert_int_eq(t.mode, TOP_FILTER);
  press(KEY_IS_ENTER);
  ck_assert_int_eq(t.mode, TOP_TABLE);
  ck_assert_str_eq(chosen(), "shop");
  type("/"); /* it is there to be changed */
  ck_assert_str_eq(t.input, "SH");
  press(KEY_IS_ESCAPE);
  ck_assert_str_eq(t.pages[t.page].filter, "");
  ck_assert_int_eq(t.mode, TOP_TABLE);
  ck_assert_uint_eq(t.grid.shown, 3);
  type("/shop");
  press(KEY_IS_ENTER);
  press(KEY_IS_ESCAPE); /* in the table, too */
  ck_assert_uint_eq(t.grid.shown, 3);
}
END_TEST

START_TEST(characters_are_typed_whole) {
  static const struct {
    uint32_t code;
    const char *bytes;
  } cases[] = {{0x7f, "\x7f"}, {0x80, "\xc2\x80"}, {0x7ff, "\xdf\xbf"}, {0x800, "\xe0\xa0\x80"},
               {0x65e5, "日"}, {0xffff, "\xef\xbf\xbf"}, {0x10000, "\xf0\x90\x80\x80"}, {0x10ffff, "\xf4\x8f\xbf\xbf"}};
  type("/");
  for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
    type_code('a');
    type_code(cases[i].code);
    ck_assert_str_eq(t.input + 1, cases[i].bytes);
    press(KEY_IS_BACKSPACE);
    ck_assert_str_eq(t.input, "a");
    press(KEY_IS_BACKSPACE);
    press(KEY_IS_BACKSPACE); /* of nothing */
    ck_assert_str_eq(t.input, "");
  }
  for (int i = 0; i < TOP_INPUT_MOST - 1; i++) type("x");
  type_code(0x65e5); /* has no room any more */
  ck_assert_uint_eq(strlen(t.input), TOP_INPUT_MOST - 1);
  type("xx");
  ck_assert_uint_eq(strlen(t.input), TOP_INPUT_MOST);
}
END_TEST

START_TEST(an_interval_is_typed) {
  static const struct {
    const char *text;
    double seconds; /* 0: it is none */
  } cases[] = {{"x", 0}, {"", 0}, {"3x", 0}, {"0.09", 0}, {"3601", 0}, {"0.1", 0.1}, {"3600", 3600}, {"7", 7}};
  for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
    t.interval = 2;
    t.due = 1e9;
    type("d");
    ck_assert_str_eq(t.input, "");
    type(cases[i].text);
    press(KEY_IS_ENTER);
    ck_assert_int_eq(t.mode, TOP_TABLE);
    ck_assert_double_eq(t.interval, cases[i].seconds > 0 ? cases[i].seconds : 2);
    ck_assert_double_eq(t.due, cases[i].seconds > 0 ? 0 : 1e9);
    ck_assert(t.message_is_bad == !(cases[i].seconds > 0) && *t.message);
  }
  type("d5");
  press(KEY_IS_ESCAPE);
  ck_assert_double_eq(t.interval, 7);
  ck_assert_str_eq(t.message, "");
}
END_TEST

START_TEST(columns_sort) {
  width = MOST_WIDE;
  ck_assert_str_eq(sorts(), "req_s");
  ck_assert(t.pages[t.page].downwards);
  type("<");
  ck_assert_str_eq(sorts(), "worker");
  ck_assert(!t.pages[t.page].downwards); /* texts from a on */
  type("r");
  ck_assert_str_eq(chosen(), "till 日本");
  type("<"); /* round the corner */
  ck_assert_str_eq(sorts(), "refused");
  ck_assert(t.pages[t.page].downwards);
  type("<<<");
  ck_assert_str_ne(sorts(), "refused");
  type(">>>s");
  ck_assert_str_eq(sorts(), "worker");
  type("s");
  ck_assert_str_eq(sorts(), "req_s");
  type(">>>>>>>>>>>>>");
  width = 20; /* the column that sorts has no room now */
  type(">");
  ck_assert_ptr_nonnull(t.grid.columns);
  ck_assert_str_eq(sorts(), "worker");
}
END_TEST

START_TEST(to_stop_is_asked) {
  press(KEY_IS_DOWN);
  type("x");
  ck_assert_int_eq(t.mode, TOP_CONFIRM);
  ck_assert_str_eq(t.act_on, "shop");
  type("n");
  ck_assert_str_eq(t.message, "shop was not stopped");
  ck_assert(t.act == ACT_NONE && t.mode == TOP_TABLE && !t.actor.pid);
  type("x");
  press(KEY_IS_ENTER); /* is no yes either */
  ck_assert(t.act == ACT_NONE && !t.actor.pid);
  type("xY");
  ck_assert(t.act == ACT_STOP && t.actor.pid);
  type("f"); /* one at a time */
  ck_assert_str_eq(t.message, "stopping shop is not over yet");
  ck_assert_str_eq(said(), "stop --timeout 30 -- shop");
  type("xy");
  ck_assert_str_eq(said(), "stop --timeout 30 -- shop");
}
END_TEST

START_TEST(pages_follow_one_another) {
  press(KEY_IS_BACK_TAB);
  ck_assert_int_eq(t.page, SAMPLE_OPERATIONS);
  ck_assert_str_eq(sorts(), "p99");
  press(KEY_IS_TAB);
  ck_assert_int_eq(t.page, SAMPLE_WORKERS);
  type("3");
  ck_assert_int_eq(t.page, SAMPLE_OPERATIONS);
  type("f");
  ck_assert(t.message_is_bad && !t.actor.pid);
  type("x");
  ck_assert_str_eq(t.message, "x stops the chosen worker: page 1");
  press(KEY_IS_ENTER); /* nothing is behind it */
  press(KEY_IS_ESCAPE);
  ck_assert_int_eq(t.page, SAMPLE_OPERATIONS);
  type("t");
  ck_assert(t.all_times);
  type("1t");
  ck_assert(!t.all_times && t.page == SAMPLE_WORKERS);
}
END_TEST

/* Of a worker's objects, as if they had been read. */
static void descend(void) {
  press(KEY_IS_HOME);
  press(KEY_IS_ENTER);
  ck_assert_int_eq(t.page, SAMPLE_TOKENS);
  ck_assert_str_eq(t.host, "other");
  ck_assert(!t.feed.has_tokens);
  t.feed.has_tokens = true;
}

START_TEST(from_a_worker_to_its_objects) {
  descend();
  draw(&t);
  ck_assert_str_eq(line(1), "1 workers  2 tokens of other  3 operations");
  ck_assert_str_eq(line(3), "none");
  press(KEY_IS_ESCAPE);
  ck_assert(t.page == SAMPLE_WORKERS && !*t.host && !t.feed.has_tokens);
  descend();
  type("2"); /* of all */
  ck_assert(t.page == SAMPLE_TOKENS && !*t.host && !t.feed.has_tokens);
  press(KEY_IS_ESCAPE); /* from nowhere */
  ck_assert_int_eq(t.page, SAMPLE_TOKENS);
  type("f1");
  descend();
  type("/x");
  ck_assert(!t.feed.has_tokens); /* the filter decides what is kept */
  press(KEY_IS_ENTER);
  press(KEY_IS_ESCAPE);
  ck_assert_str_eq(t.host, "other");
  type("3"); /* and back: it is of all again */
  press(KEY_IS_BACK_TAB);
  ck_assert_int_eq(t.page, SAMPLE_TOKENS);
  ck_assert_str_eq(t.host, "");
}
END_TEST

START_TEST(a_pause_and_the_end) {
  t.due = 1e9;
  type(" ");
  ck_assert(t.is_paused && t.due == 0);
  type(" ");
  ck_assert(!t.is_paused && !t.is_over);
  type("Q\x1");
  ck_assert(!t.is_over);
  type("q");
  ck_assert(t.is_over);
}
END_TEST

START_TEST(help_is_lines) {
  type("?");
  ck_assert_int_eq(t.mode, TOP_TEXT);
  ck_assert_ptr_nonnull(strstr(t.lines.bytes, "\nq                           quit\n"));
  ck_assert_ptr_nonnull(strstr(t.lines.bytes, "\nuptime "));
  t.n_lines = 50; /* as a picture would have them; 22 have room */
  press(KEY_IS_END);
  ck_assert_uint_eq(t.lines_scroll.at, 28);
  press(KEY_IS_PAGE_UP);
  ck_assert_uint_eq(t.lines_scroll.at, 7);
  press(KEY_IS_HOME);
  ck_assert_uint_eq(t.lines_scroll.at, 0);
  type("x1");
  ck_assert_int_eq(t.mode, TOP_TEXT);
  press(KEY_IS_ESCAPE);
  ck_assert(t.mode == TOP_TABLE && !t.is_over);
  t.lines_scroll.at = 7; /* of what was shown before */
  type("h");
  ck_assert_uint_eq(t.lines_scroll.at, 0);
  t.n_lines = 10; /* all have room */
  press(KEY_IS_END);
  ck_assert_uint_eq(t.lines_scroll.at, 0);
  type("q");
  ck_assert(t.mode == TOP_TABLE && !t.is_over);
}
END_TEST

static void put_token(uint64_t id, const char *holders, uint64_t n_holders) {
  struct token one = {.host = tool_copy("shop", 4), .id = id, .kind = "table", .age = (double)id, .n_holders = n_holders};
  one.holders = tool_copy(holders, strlen(holders));
  tokens_put(&t.feed.tokens, &one);
}

START_TEST(an_object_is_chosen) {
  t.feed.tokens = (struct tokens){.by = TOKENS_AGE, .downwards = true};
  put_token(7, "till\n@gaijinctl", 2);
  put_token(9, "@gaijinctl", 1);
  put_token(8, "till\nother", 3);
  tokens_end(&t.feed.tokens);
  type("2");
  t.feed.has_tokens = true;
  pages_build(&t);
  ck_assert_uint_eq(pages_token(&t)->id, 9); /* the oldest */
  type("f"); /* an observer has nothing to collect */
  ck_assert_str_eq(t.message, "no worker holds it");
  press(KEY_IS_DOWN);
  type("f");
  ck_assert_str_eq(t.act_on, "2 of the 3 that hold it");
  ck_assert_str_eq(said(), "gc -- till other");
  press(KEY_IS_DOWN);
  type("f");
  ck_assert_str_eq(said(), "gc -- till");
  press(KEY_IS_ENTER);
  ck_assert_int_eq(t.mode, TOP_TEXT);
  ck_assert_str_eq(t.title, "why shop:7");
  while (t.asker.pid) acts_read(&t);
  draw(&t);
  ck_assert_str_eq(line(0), "why shop:7");
  ck_assert_str_eq(line(1), "gaijinctl: why -- shop:7");
  press(KEY_IS_ESCAPE);
  ck_assert_uint_eq(pages_token(&t)->id, 7);
  draw(&t);
  ck_assert_str_eq(line(1), "1 workers  2 tokens  3 operations  3/3");
  ck_assert_int_eq(strncmp(line(5), "shop ", 5), 0);
  type("1");
  ck_assert_ptr_null(pages_token(&t));
}
END_TEST

int main(int argc, char **argv) {
  const TTest *const tests[] = {a_line_is_chosen,
                                a_key_behind_home_is_for_the_first_then,
                                a_filter_is_typed,
                                characters_are_typed_whole,
                                an_interval_is_typed,
                                columns_sort,
                                to_stop_is_asked,
                                pages_follow_one_another,
                                from_a_worker_to_its_objects,
                                a_pause_and_the_end,
                                help_is_lines,
                                an_object_is_chosen};
  return top_main(argc, argv, "top's keys", tests, ARRAY_SIZE(tests));
}
