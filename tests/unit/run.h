/* SPDX-License-Identifier: MIT
 *
 * What every Check program's main needs. Each test runs in a process of its own unless CK_FORK=no.
 */
#ifndef GAIJIN_TESTS_RUN_H
#define GAIJIN_TESTS_RUN_H

#include <check.h>
#include <stdlib.h>

/* Check's own limit of 4 s is short for a busy machine; it is read when a TCase is made, so it is set before main. */
__attribute__((constructor)) static void run_default_timeout(void) {
  setenv("CK_DEFAULT_TIMEOUT", "60", 0);
}

/* Runs a suite and frees it; returns main's status. */
static inline int run_suite(Suite *s) {
  SRunner *runner = srunner_create(s);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
