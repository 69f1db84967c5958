/* SPDX-License-Identifier: MIT
 *
 * How many fibers there may be: as the worker was told, as the kernel has room for, as memory lasts.
 */
#define _GNU_SOURCE
#include "lua/fiber/fiber.h"

#include "tests/unit/address_limit.h"
#include "tests/unit/captured.h"
#include "tests/unit/vm.h"

static struct vm v;

START_TEST(there_are_at_most_max_fibers) {
  vm_open(&v);
  v.w.sched.max_fibers = 3;
  vm_start(&v, "park()");
  vm_start(&v, "park()");
  vm_start(&v, "note(pcall(gaijin.spawn, note, 'x'))");
  ck_assert_ptr_null(fiber_new(&v.w, vm_job));
  vm_run(&v);
  ck_assert_ptr_nonnull(strstr(v.log, "falsegaijin: busy: as many fibers as can be (3, --max-fibers)"));
  ck_assert_uint_eq(v.w.sched.n_fibers, 2);
  v.log[0] = '\0';
  vm_do(&v, "note 'y'");
  ck_assert_str_eq(v.log, "y");
  vm_close(&v);
}
END_TEST

START_TEST(the_kernel_bounds_them_too) {
  struct captured err;
  unsigned most = stacks_most();
  vm_open(&v);
  captured_begin(&err, STDERR_FILENO);
  fiber_set_most(&v.w, most);
  captured_end(&err);
  ck_assert_str_eq(err.text, "");
  ck_assert_uint_eq(v.w.sched.max_fibers, most);
  if (most < UINT_MAX) {
    captured_begin(&err, STDERR_FILENO);
    fiber_set_most(&v.w, most + 1);
    captured_end(&err);
    ck_assert_ptr_nonnull(strstr(err.text, "are more than the kernel has room for"));
    ck_assert_uint_eq(v.w.sched.max_fibers, most);
  }
  vm_close(&v);
}
END_TEST

START_TEST(without_memory_for_a_stack_it_runs_later) {
  struct rlimit limit;
  if (!address_limit_holds()) return;
  vm_open(&v);
  vm_start(&v, "note 'a'");
  vm_start(&v, "note 'b'");
  address_limit_begin(&limit);
  ck_assert(!fiber_run_ready(&v.w)); /* the loop need not turn on */
  ck_assert_str_eq(v.log, "");
  address_limit_end(&limit);
  vm_start(&v, "note 'c'"); /* started later, it does not overtake */
  uv_run(&v.w.loop.uv, UV_RUN_ONCE);
  while (v.running) {
    fiber_run_ready(&v.w);
    if (v.running) uv_run(&v.w.loop.uv, UV_RUN_ONCE);
  }
  ck_assert_str_eq(v.log, "abc");
  vm_close(&v);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_fiber_limits");
  TCase *c = tcase_create("limits");
  tcase_add_test(c, there_are_at_most_max_fibers);
  tcase_add_test(c, the_kernel_bounds_them_too);
  tcase_add_test(c, without_memory_for_a_stack_it_runs_later);
  suite_add_tcase(s, c);
  return run_suite(s);
}
