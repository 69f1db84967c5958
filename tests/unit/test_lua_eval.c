/* SPDX-License-Identifier: MIT
 *
 * Code that others have a worker run (lua/serve/eval.h): who may, and what comes of it.
 */
#define _GNU_SOURCE
#include "tests/unit/captured.h"
#include "tests/unit/vm.h"

static struct vm v;

/* Another client with this name has asked for the code to be run; its answer is v.f.m. */
static struct reader ask(const char *name, const char *code, size_t size) {
  struct message m = {.kind = MESSAGE_REQUEST, .op = OP_eval, .id = 42, .peer = OTHER_HOST, .depth = 1,
                      .target = OP_NAME, .name = "shop", .name_size = 4};
  struct reader r;
  uint32_t count;
  vm_connect(&v);
  v.w.allows_eval = true;
  fake_begin(&v.f, MESSAGE_NOTICE, GAIJIN_OP_PEER, 0, 2);
  pack_uint(&v.f.p, OTHER_HOST);
  pack_text(&v.f.p, name);
  vm_deliver(&v);
  vm_do(&v, "shown = 7 function gaijin.access(client, op, object, key) note(client, ' ', op, ' ', object, ' ', key, ' ') "
            "return key ~= 'secret' end");
  v.w.allows_eval = strcmp(name, "@nobody") != 0;
  pack_begin(&v.f.p, &v.f.out, v.f.max_message, &m, 1);
  pack_string(&v.f.p, code, (uint32_t)size);
  vm_deliver(&v);
  vm_run(&v);
  ck_assert_uint_eq(fake_next(&v.f)->id, 42);
  reader_open(&r, v.f.m.body, v.f.m.body_size, &count);
  return r;
}

static void refused(const char *name, const char *code, size_t size, const char *text) {
  struct reader r = ask(name, code, size);
  uint64_t status;
  const char *raised;
  uint32_t n;
  ck_assert_int_eq(v.f.m.kind, MESSAGE_ERROR);
  ck_assert(reader_uint(&r, &status) && reader_string(&r, &raised, &n));
  ck_assert_uint_eq(status, STATUS_raised);
  ck_assert_msg(n == strlen(text) && memcmp(raised, text, n) == 0, "%.*s", (int)n, raised);
  vm_close(&v);
}

START_TEST(an_observer_gets_the_results) {
  struct reader r = ask("@looker", "shown, nil, 'x'", 15);
  struct value value;
  ck_assert_int_eq(v.f.m.kind, MESSAGE_REPLY);
  ck_assert_uint_eq(v.f.m.body_count, 3);
  ck_assert(reader_next(&r, &value) && value.number == 7);
  ck_assert_str_eq(v.log, "@looker eval nil shown, nil, 'x' ");
  vm_close(&v);
}
END_TEST

START_TEST(statements_give_what_they_return) {
  ask("@looker", "made = 1 return made + 1", 24);
  ck_assert_int_eq(v.f.m.kind, MESSAGE_REPLY);
  ck_assert_uint_eq(v.f.m.body_count, 1);
  vm_do(&v, "assert(made == 1)");
  vm_close(&v);
}
END_TEST

START_TEST(who_may_not) {
  refused("till", "1", 1, "gaijin: denied: shop runs code for observers only");
  refused("@nobody", "1", 1, "gaijin: denied: shop runs no code for others; that takes --allow-eval at its start");
  refused("@looker", "secret", 6, "gaijin: denied: shop refuses eval to @looker");
}
END_TEST

START_TEST(what_is_no_code) {
  refused("@looker", "f(", 2, "eval:1: unexpected symbol near '<eof>'");
  refused("@looker", "\33Lua\0\1", 6, "gaijin: unsupported: bytecode is not run, only source text");
  refused("@looker", "error('boo')", 12, "eval:1: boo");
}
END_TEST

/* Whoever has code run stands in the log, with the begin of it; who may not has none. */
START_TEST(the_log_says_who_ran_what) {
  struct captured c;
  char code[400], line[300];
  captured_begin(&c, STDERR_FILENO);
  memset(code, '-', sizeof code); /* a comment */
  ask("@looker", code, sizeof code);
  vm_close(&v);
  snprintf(line, sizeof line, "info: shop: @looker has this code run: %.200s\n", code);
  captured_one_line(captured_end(&c), line);
  captured_begin(&c, STDERR_FILENO);
  refused("till", "1", 1, "gaijin: denied: shop runs code for observers only");
  ck_assert_str_eq(captured_end(&c), "");
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua eval");
  TCase *t = tcase_create("eval");
  suite_add_tcase(s, t);
  tcase_add_test(t, an_observer_gets_the_results);
  tcase_add_test(t, statements_give_what_they_return);
  tcase_add_test(t, who_may_not);
  tcase_add_test(t, what_is_no_code);
  tcase_add_test(t, the_log_says_who_ran_what);
  return run_suite(s);
}
