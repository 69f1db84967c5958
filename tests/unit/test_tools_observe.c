/* SPDX-License-Identifier: MIT
 *
 * How gaijinctl asks: books page by page, several workers at once, and who there is when a name is wrong
 * (tools/ask/observe.h).
 */
#define _GNU_SOURCE /* captured.h */
#include "tools/ask/observe.h"

#include "proto/base.h"
#include "tests/unit/asked_broker.h"
#include "tests/unit/captured.h"

enum { PAGES = 3, PER_PAGE = 2 };

static struct asked a;
static struct captured err;
static unsigned asked_pages, workers, wrong; /* wrong: the form of the second page */
static char bodies[256]; /* of the requests for pages, in hexadecimal */
static uint64_t rows[16];
static unsigned n_rows;

static void put_row(struct pack *p, uint64_t n) {
  pack_array(p, 4);
  pack_uint(p, n);
  pack_bool(p, true);
  pack_array(p, 2); /* of a later version, and what is in it */
  pack_array(p, 1);
  pack_nil(p);
  pack_uint(p, 1);
  pack_uint(p, 2);
}

/* Rows 10, 11; 20, 21; 30, 31; a page's cursor is its number. */
static void answer_page(const struct message *m) {
  unsigned page = ++asked_pages;
  for (uint32_t i = 0; i < m->body_size; i++) snprintf(bodies + strlen(bodies), 3, "%02x", m->body[i]);
  strcat(bodies, " ");
  unsigned form = page == 2 ? wrong : 0;
  fake_begin(&a.f, MESSAGE_REPLY, (enum gaijin_op)m->op, m->id, form == 1 ? 0 : 1 + PER_PAGE);
  if (form == 1) return;
  if (page < PAGES)
    pack_uint(&a.f.p, page);
  else
    pack_nil(&a.f.p);
  put_row(&a.f.p, 10 * page);
  if (form == 2) {
    pack_uint(&a.f.p, 1);
  } else if (form == 3) {
    pack_array(&a.f.p, 1);
    pack_uint(&a.f.p, 1);
  } else {
    put_row(&a.f.p, 10 * page + 1);
  }
}

/* Workers w0, w1 and so on, the last first. */
static void answer_clients(const struct message *m) {
  struct pack *p = asked_page(&a, m, workers);
  for (unsigned i = workers; i-- > 0;) {
    char name[16];
    snprintf(name, sizeof name, "w%u", i);
    pack_array(p, 1);
    pack_text(p, name);
  }
}

/* w1 refuses, w2 has raised an error, and w3 is not there. */
static void answer_worker(const struct message *m) {
  char who = m->name[1];
  bool fails = who >= '1' && who <= '3';
  fake_begin(&a.f, fails ? MESSAGE_ERROR : MESSAGE_REPLY, (enum gaijin_op)m->op, m->id, fails ? 2 : 3);
  if (fails)
    pack_uint(&a.f.p, who == '1' ? STATUS_denied : who == '2' ? STATUS_raised : STATUS_dead);
  else
    pack_text(&a.f.p, "label");
  pack_text(&a.f.p, who == '2' ? "boo\n" : "no");
  if (!fails) pack_nil(&a.f.p);
}

static void answer(struct asked *of, const struct message *m) {
  char what[32], host[64];
  (void)of;
  if (m->op == OP_labels) {
    answer_worker(m);
    return;
  }
  asked_book(m, what, host);
  if (strcmp(what, "clients") == 0)
    answer_clients(m);
  else
    answer_page(m);
}

static void setup(void) {
  asked_pages = n_rows = wrong = 0;
  workers = 3;
  bodies[0] = '\0';
  asked_begin(&a, COMMAND_tokens, answer);
}
static void teardown(void) { asked_end(&a); }

/* ---- Books ---- */

static bool on_row(struct observer *o, gaijin_body *b, void *user) {
  struct gaijin_value v, flag;
  ck_assert_ptr_eq(user, rows);
  ck_assert(observe_value(o, b, "loads", &v) && observe_value(o, b, "loads", &flag));
  ck_assert(flag.type == GAIJIN_BOOL);
  rows[n_rows++] = v.integer;
  return true;
}
static struct observe_book book(void) { return (struct observe_book){.what = "loads", .columns = 2, .row = on_row, .user = rows}; }

START_TEST(a_book_is_read_to_its_end) {
  struct observe_book b = book();
  ck_assert(observe_read(&a.o, &b));
  ck_assert_uint_eq(n_rows, PAGES * PER_PAGE);
  for (unsigned i = 0; i < n_rows; i++) ck_assert_uint_eq(rows[i], 10 * (i / 2 + 1) + i % 2);
  ck_assert_str_eq(bodies, "94a56c6f616473c0c0c0 94a56c6f61647301c0c0 94a56c6f61647302c0c0 ");
}
END_TEST

START_TEST(some_rows_are_enough) {
  struct observe_book b = book();
  for (b.enough = 1; b.enough <= 5; b.enough++) {
    asked_pages = n_rows = 0;
    ck_assert(observe_read(&a.o, &b));
    ck_assert_uint_eq(n_rows, b.enough);
    ck_assert_uint_eq(asked_pages, (b.enough + 1) / 2);
  }
}
END_TEST

/* Which an older broker does not know, so it is not told of them without need. */
START_TEST(filters) {
  struct observe_book b = book();
  b.host = "a";
  b.holder = "b";
  b.enough = 1;
  ck_assert(observe_read(&a.o, &b));
  b.kind = "c";
  ck_assert(observe_read(&a.o, &b));
  b.kind = NULL;
  b.least_age = 1;
  ck_assert(observe_read(&a.o, &b));
  ck_assert_str_eq(bodies, "94a56c6f616473c0a161a162 96a56c6f616473c0a161a162a16300 96a56c6f616473c0a161a162c001 ");
}
END_TEST

/* No cursor; a row that is no list, or too short. */
START_TEST(books_of_another_form) {
  struct observe_book b = book();
  wrong = (unsigned)_i;
  captured_begin(&err, STDERR_FILENO);
  bool good = observe_read(&a.o, &b);
  captured_one_line(captured_end(&err), "gaijinctl: loads: the broker's answer has another form than this version of gaijinctl knows");
  ck_assert(!good && a.o.no_broker);
  ck_assert_uint_eq(n_rows, wrong == 1 ? 2 : 3);
  ck_assert_uint_eq(asked_pages, 2);
}
END_TEST

/* ---- Names ---- */

static void refused(const char *name, const char *line) {
  captured_begin(&err, STDERR_FILENO);
  bool known = observe_must_know(&a.o, name);
  ck_assert_str_eq(captured_end(&err), line);
  ck_assert(!known && !a.o.no_broker);
}

START_TEST(names_that_there_are) {
  ck_assert(observe_must_know(&a.o, NULL) && observe_must_know(&a.o, "w0") && observe_must_know(&a.o, "w2"));
  refused("shop", "gaijinctl: there is no worker 'shop'; there are w0, w1, w2\n");
  workers = 0;
  refused("shop", "gaijinctl: there is no worker 'shop'; there are none\n");
  workers = 8;
  refused("shop", "gaijinctl: there is no worker 'shop'; there are w0, w1, w2, w3, w4, w5, w6, w7\n");
  workers = 10;
  refused("shop", "gaijinctl: there is no worker 'shop'; there are w0, w1, w2, w3, w4, w5, w6, w7 and 2 more\n");
}
END_TEST

/* ---- Several workers ---- */

START_TEST(several_are_asked) {
  static char w0[] = "w0", w1[] = "w1", w2[] = "w2", w3[] = "w3", w4[] = "w4";
  char *const names[] = {w0, w1, w2, w3, w4};
  struct observe_heard heard[ARRAY_SIZE(names)];
  struct observe_each each = {.op = GAIJIN_OP_LABELS, .about = "labels of ", .names = names, .count = ARRAY_SIZE(names), .seconds = 60};
  for (int told = 1; told >= 0; told--) {
    if (!told) each.about = NULL;
    captured_begin(&err, STDERR_FILENO);
    observe_ask_each(&a.o, &each, heard);
    ck_assert_str_eq(captured_end(&err), !told ? "" :
                     "gaijinctl: labels of w1: no\ngaijinctl: labels of w2: boo\\x0a\n"
                     "gaijinctl: there is no worker 'w3'; there are w0, w1, w2\n");
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
      ck_assert(!heard[i].late);
      ck_assert((heard[i].body != NULL) == (i == 0 || i == 4));
      gaijin_body_free(heard[i].body);
    }
    ck_assert(!a.o.no_broker);
  }
}
END_TEST

int main(void) {
  Suite *suite = suite_create("tools observe");
  TCase *c = tcase_create("observe");
  suite_add_tcase(suite, c);
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_test(c, a_book_is_read_to_its_end);
  tcase_add_test(c, some_rows_are_enough);
  tcase_add_test(c, filters);
  tcase_add_loop_test(c, books_of_another_form, 1, 4);
  tcase_add_test(c, names_that_there_are);
  tcase_add_test(c, several_are_asked);
  return run_suite(suite);
}
