/* SPDX-License-Identifier: MIT
 *
 * gaijinctl top without a terminal and a broker, for tests of what keys do and what is drawn (tools/top/pages): three workers, `t`.
 * The screen is the test's own, lines of bytes. A command that is begun is the test's program itself, which is then no test: it
 * says what words it was given, and fails; top_main sees to that.
 */
#ifndef GAIJIN_TESTS_TOP_SCREEN_H
#define GAIJIN_TESTS_TOP_SCREEN_H

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
static inline const char *line(size_t i) {
  size_t n = width;
  while (n && picture[i][n - 1] == ' ') n--;
  picture[i][n] = 0;
  return picture[i];
}

static struct invocation in;
static struct top t;

static inline void add_worker(const char *name, uint64_t host) {
  struct sample *s = t.feed.now;
  s->workers = realloc(s->workers, (s->n_workers + 1) * sizeof *s->workers);
  s->workers[s->n_workers++] = (struct worker){
      .name = tool_copy(name, strlen(name)), .host = host, .ready = true, .answering = true, .uptime = (double)host};
}

static inline void start(void) {
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
static inline void finish(void) {
  acts_deinit(&t);
  feed_deinit(&t.feed);
  grid_deinit(&t.grid);
  text_deinit(&t.lines);
}

static inline void press(enum screen_key_type type) { keys_take(&t, (struct screen_key){.type = type}); }
static inline void type(const char *keys) {
  for (; *keys; keys++) keys_take(&t, (struct screen_key){.type = KEY_IS_CHARACTER, .code = (unsigned char)*keys});
}
static inline void type_code(uint32_t code) { keys_take(&t, (struct screen_key){.type = KEY_IS_CHARACTER, .code = code}); }
static inline const char *chosen(void) {
  const struct worker *w = pages_worker(&t);
  return w ? w->name : "none";
}
static inline const char *sorts(void) { return t.grid.columns[t.pages[t.page].by].name; }
/* Waits for the command to have ended, and gives what is said of it. */
static inline const char *said(void) {
  while (t.actor.pid) {
    struct pollfd p = {.fd = t.actor.fd, .events = POLLIN};
    poll(&p, 1, 10);
    acts_read(&t);
  }
  return t.message;
}

/* What is run for an act. */
static inline int be_command(int argc, char **argv) {
  fprintf(stderr, "gaijinctl: ");
  for (int i = 1; i < argc; i++) fprintf(stderr, "%s%s", argv[i], i + 1 < argc ? " " : "\nand more\n");
  return EXIT_FAILURE;
}

/* Runs the tests of main's program, or the command it was begun as. Whatever it is called then: a fault of what begins it
 * must not have the tests run one another without end. */
static inline int top_main(int argc, char **argv, const char *name, const TTest *const *tests, size_t n) {
  static const char within[] = "GAIJIN_TEST_WITHIN";
  if (getenv(within)) return be_command(argc, argv);
  setenv(within, "1", 1);
  Suite *s = suite_create(name);
  TCase *c = tcase_create(name);
  tcase_add_checked_fixture(c, start, finish);
  suite_add_tcase(s, c);
  for (size_t i = 0; i < n; i++) tcase_add_test(c, tests[i]);
  return run_suite(s);
}

#endif
