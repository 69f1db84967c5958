/* SPDX-License-Identifier: MIT
 *
 * Rows of nested calls on a fiber's C stack: they end in an error, however long.
 */
#include "tests/unit/vm.h"

static struct vm v;

static void wake(unsigned i) { fiber_wake(v.parked[i]); }

START_TEST(nested_c_calls_end_in_an_error_of_lua_not_of_the_stack) {
  vm_open(&v);
  stacks_guard_overflow(&v.w.sched.stacks, false);
  vm_do(&v, "local function f(n) if n > 0 then return (('x'):gsub('x', function() return f(n - 1) end)) end return 'deep' end "
            "note(f(180)) local ok, e = pcall(f, 250) note(ok, e:match 'C stack overflow')");
  ck_assert_str_eq(v.log, "deepfalseC stack overflow");
  v.log[0] = '\0';
  vm_do(&v, "local function f() return 1 + f() end local ok, e = pcall(f) note(e:match 'stack overflow')");
  ck_assert_str_eq(v.log, "stack overflow");
  v.log[0] = '\0';
  vm_do(&v, "local function f(n) if n > 0 then return coroutine.wrap(f)(n - 1) end return 'ok' end note(f(150)) note((pcall(f, 250)))");
  ck_assert_str_eq(v.log, "okfalse");
  vm_close(&v);
}
END_TEST

START_TEST(a_pattern_of_any_length_is_no_overflow) {
  vm_open(&v);
  stacks_guard_overflow(&v.w.sched.stacks, false);
  vm_do(&v, "local function match(n) return pcall(string.gsub, ('a'):rep(n), ('a*'):rep(n), '') end "
            "note(match(10000), ' ', select(2, match(200000)))");
  ck_assert_str_eq(v.log, "true C stack overflow");
  vm_close(&v);
}
END_TEST

START_TEST(deep_ones_wait_side_by_side) {
  vm_open(&v);
  for (int i = 0; i < 20; i++)
    vm_start(&v, "local function f(n) if n > 0 then return (('x'):gsub('x', function() return f(n - 1) end)) end park() return 'y' end "
                 "assert(f(150) == 'y') note 'y'");
  vm_run(&v);
  for (unsigned i = 20; i > 0; i--) wake(i - 1);
  vm_run(&v);
  ck_assert_str_eq(v.log, "yyyyyyyyyyyyyyyyyyyy");
  vm_close(&v);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_depth");
  TCase *c = tcase_create("depth");
  tcase_add_test(c, nested_c_calls_end_in_an_error_of_lua_not_of_the_stack);
  tcase_add_test(c, a_pattern_of_any_length_is_no_overflow);
  tcase_add_test(c, deep_ones_wait_side_by_side);
  suite_add_tcase(s, c);
  return run_suite(s);
}
