/* SPDX-License-Identifier: MIT
 *
 * What every Check program's main needs. Each test runs in a process of its own unless CK_FORK=no.
 * The program has a temporary directory of its own, which $TMPDIR names; it goes with whatever is in it when the
 * program ends, so that a test that fails half-way leaves nothing behind either.
 */
#ifndef GAIJIN_TESTS_RUN_H
#define GAIJIN_TESTS_RUN_H

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RUN_PATH = 64 };

/* Check's own limit of 4 s is short for a busy machine; it is read when a TCase is made, so it is set before main. */
__attribute__((constructor)) static void run_default_timeout(void) {
  setenv("CK_DEFAULT_TIMEOUT", "60", 0);
}

/* For cases whose tests take many seconds of a processor: on a busy machine they need more than the others' limit, which
 * GAIJIN_TEST_SLOWER has stretched. */
static inline void run_long(TCase *c) {
  tcase_set_timeout(c, 4 * atof(getenv("CK_DEFAULT_TIMEOUT")));
}

/* Check writes to a file where each assertion that holds stands, to say after which a test crashed. In loops that costs more than
 * what they test: after the first thousand it is one in 64. */
static inline void run_mark(const char *file, int line) {
  static unsigned marks;
  if (++marks <= 1000 || marks % 64 == 0) _mark_point(file, line);
}
#define _mark_point(file, line) run_mark(file, line)

/* Makes a fresh directory for sockets; NULL if it cannot. `out` has RUN_PATH bytes. A socket's path has 107, so a long TMPDIR is
 * not used. */
static inline char *run_directory(char *out) {
  const char *base = getenv("TMPDIR");
  snprintf(out, RUN_PATH, "%s/gaijin-XXXXXX", base && *base && strlen(base) < RUN_PATH - 20 ? base : "/tmp");
  return mkdtemp(out);
}

/* Removes what is in a directory; closes its descriptor. */
static inline void run_empty(int directory) {
  DIR *d = directory < 0 ? NULL : fdopendir(directory);
  if (!d) return;
  for (struct dirent *e; (e = readdir(d));) {
    if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 || unlinkat(dirfd(d), e->d_name, 0) == 0) continue;
    run_empty(openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
  }
  closedir(d);
}

/* Runs a suite and frees it; returns main's status. */
static inline int run_suite(Suite *s) {
  char own[RUN_PATH];
  if (!run_directory(own)) {
    perror(own);
    return EXIT_FAILURE;
  }
  setenv("TMPDIR", own, 1);
  SRunner *runner = srunner_create(s);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  run_empty(open(own, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  rmdir(own);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
