/* SPDX-License-Identifier: MIT
 *
 * The search for leaks at the end of each process of a sanitised build (tests/leaks/roots.c): it finds what nobody refers to,
 * and nothing that a variable of the program or of a library leads to. In other builds nothing is searched for.
 */
#define _GNU_SOURCE
#include <sys/wait.h>

#include "tests/unit/run.h"

#ifdef __SANITIZE_ADDRESS__
enum { LEAKS_ARE_FOUND = 1 };
#else
enum { LEAKS_ARE_FOUND = 0 };
#endif
enum { FOUND = 1 }; /* the status that AddressSanitizer ends a process with */

static void **kept;
static void *volatile passing; /* for optimisers: somebody could see it */

/* Not inlined, so that the stack that it leaves is overwritten by the next. */
__attribute__((noinline)) static void lose(void) {
  void **whole = malloc(sizeof *whole);
  *whole = malloc(1000);
  passing = whole;
  passing = NULL;
}
__attribute__((noinline)) static void keep(void) {
  kept = malloc(sizeof *kept);
  *kept = malloc(1000);
}
/* The stream is the C library's own variable. */
__attribute__((noinline)) static void lend_to_library(void) {
  /* cppcheck-suppress leakNoVarFunctionCall ; the stream keeps it */
  setvbuf(stdin, malloc(BUFSIZ), _IOFBF, BUFSIZ);
}
__attribute__((noinline)) static void overwrite_stack(void) {
  volatile char bytes[4096];
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = 0;
}

/* The status of a process that does this and ends. */
static int status_after(void (*act)(void)) {
  pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) {
    int nowhere = open("/dev/null", O_WRONLY);
    dup2(nowhere, STDERR_FILENO);
    act();
    overwrite_stack();
    exit(EXIT_SUCCESS);
  }
  int status;
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert_msg(WIFEXITED(status), "wait status %d", status);
  return WEXITSTATUS(status);
}

START_TEST(what_is_lost_is_found) {
  ck_assert_int_eq(status_after(lose), LEAKS_ARE_FOUND ? FOUND : EXIT_SUCCESS);
}
END_TEST

START_TEST(what_a_variable_leads_to_is_none) {
  ck_assert_int_eq(status_after(keep), EXIT_SUCCESS);
}
END_TEST

START_TEST(nor_what_a_library_has) {
  ck_assert_int_eq(status_after(lend_to_library), EXIT_SUCCESS);
}
END_TEST

int main(void) {
  Suite *s = suite_create("leaks");
  TCase *c = tcase_create("leaks");
  tcase_add_test(c, what_is_lost_is_found);
  tcase_add_test(c, what_a_variable_leads_to_is_none);
  tcase_add_test(c, nor_what_a_library_has);
  suite_add_tcase(s, c);
  return run_suite(s);
}
