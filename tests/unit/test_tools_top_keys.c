/* SPDX-License-Identifier: MIT
 *
 * What keys do in gaijinctl top, and what is drawn then (tools/top/pages): all but what asks a broker. The screen is this program's
 * own, lines of bytes. A command that is begun is this program itself, which is then no test: it says what words it was given,
 * and fails.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "proto/base.h"
#include "tests/unit/run.h"
#include "tools/top/model/width.h"
#include "tools/top/pages/acts.h"
#include "tools/top/pages/draw.h"
#include "tools/top/pages/keys.h"
#include "tools/top/pages/pages.h"
#include "tools/top/screen/screen.h"

/* ---- The screen: one byte a column ---- */

enum { MOST_WIDE = 200, MOST_HIGH = 60 };
static size_t width, height;
static char picture[MOST_HIGH][MOST_WIDE + 1];
static enum screen_look looks[MOST_HIGH]; /* of what was put last */

size_t screen_width(void) { return width; }
size_t screen_height(void) { return height; }
void screen_clear(void) {
  for (size_t i = 0; i < height; i++) snprintf(picture[i], sizeof picture[i], "%*s", (int)width, "");
}
void screen_show(void) {}
size_t screen_text(size_t line, size_t column, size_t room, const char *bytes, size_t size, enum screen_look look) {
  if (line >= height || column >= width) return 0;
  if (room > width - column) room = width - column;
  memset(picture[line] + column, ' ', room);
  if (size > room) size = room;
  memcpy(picture[line] + column, bytes, size);
  looks[line] = look;
  return size;
}
/* A line without blanks at its end. */
static const char *line(size_t i) {
  size_t n = width;
  while (n && picture[i][n - 1] == ' ') n--;
  picture[i][n] = 0;
  return picture[i];
}

static struct invocation in;
static struct top t;

static void add_worker(const char *name, uint64_t host) {
  struct sample *s = t.feed.now;
  s->workers = realloc(s->workers, (s->n_workers + 1) * sizeof *s->workers);
  s->workers[s->n_workers++] = (struct worker){
      .name = tool_copy(name, strlen(name)), .host = host, .ready = true, .answering = true, .uptime = (double)host};
}

static void start(void) {
  width = 80;
  height = 24;
  width_begin();
  settings_init(&in.settings, SETTINGS_CTL);
  t = (struct top){.in = &in, .interval = 2, .actor.fd = -1, .asker.fd = -1};
  feed_init(&t.feed, &t.observer);
  t.feed.now = tool_alloc(1, sizeof *t.feed.now);
  add_worker("other", 3);
  add_worker("shop", 1);
  add_worker("till 日本", 2);
  sample_sort(t.feed.now);
  pages_init(&t);
  pages_build(&t);
}
static void finish(void) {
  acts_deinit(&t);
  feed_deinit(&t.feed);
  grid_deinit(&t.grid);
  text_deinit(&t.lines);
}

static void press(enum screen_key_type type) { keys_take(&t, (struct screen_key){.type = type}); }
static void type(const char *keys) {
  for (; *keys; keys++) keys_take(&t, (struct screen_key){.type = KEY_IS_CHARACTER, .code = (unsigned char)*keys});
}
static void type_code(uint32_t code) { keys_take(&t, (struct screen_key){.type = KEY_IS_CHARACTER, .code = code}); }
static const char *chosen(void) {
  const struct worker *w = pages_worker(&t);
  return w ? w->name : "none";
}
static const char *sorts(void) { return t.grid.columns[t.pages[t.page].by].name; }
/* Waits for the command to have ended, and gives what is said of it. */
static const char *said(void) {
  while (t.actor.pid) {
    struct pollfd p = {.fd = t.actor.fd, .events = POLLIN};
    poll(&p, 1, 10);
    acts_read(&t);
  }
  return t.message;
}

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
  type("h");
  t.n_lines = 10; /* all have room */
  press(KEY_IS_END);
  ck_assert_uint_eq(t.lines_scroll.at, 0);
  type("q");
  ck_assert(t.mode == TOP_TABLE && !t.is_over);
}
END_TEST

/* ---- The picture ---- */

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

/* What is run for an act. */
static int be_command(int argc, char **argv) {
  fprintf(stderr, "gaijinctl: ");
  for (int i = 1; i < argc; i++) fprintf(stderr, "%s%s", argv[i], i + 1 < argc ? " " : "\nand more\n");
  return EXIT_FAILURE;
}

int main(int argc, char **argv) {
  if (strcmp(argv[0], "gaijinctl") == 0) return be_command(argc, argv);
  Suite *s = suite_create("top's keys");
  TCase *c = tcase_create("keys");
  tcase_add_checked_fixture(c, start, finish);
  suite_add_tcase(s, c);
  tcase_add_test(c, a_line_is_chosen);
  tcase_add_test(c, a_key_behind_home_is_for_the_first_then);
  tcase_add_test(c, a_filter_is_typed);
  tcase_add_test(c, characters_are_typed_whole);
  tcase_add_test(c, an_interval_is_typed);
  tcase_add_test(c, columns_sort);
  tcase_add_test(c, to_stop_is_asked);
  tcase_add_test(c, pages_follow_one_another);
  tcase_add_test(c, a_pause_and_the_end);
  tcase_add_test(c, help_is_lines);
  tcase_add_test(c, a_table_is_drawn);
  tcase_add_test(c, long_lines_go_on_in_the_next);
  tcase_add_test(c, no_screen_is_too_small);
  return run_suite(s);
}
