/* SPDX-License-Identifier: MIT
 *
 * Runs every tests/lua/NAME.lua as one test (tests/bed/script.h has their format). SCRIPT=part of a name
 * picks some of them.
 */
#define _GNU_SOURCE
#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "tests/bed/script.h"
#include "tests/unit/run.h"

#define SCRIPTS "tests/lua/*.lua"

/* In their order; Check's loop tests have only an index. */
static glob_t scripts;

START_TEST(script) {
  script_run(scripts.gl_pathv[_i], NULL, NULL);
}
END_TEST

/* Keeps the paths whose name contains `part`. */
static void choose(const char *part) {
  size_t kept = 0;
  for (size_t i = 0; i < scripts.gl_pathc; i++) {
    char *path = scripts.gl_pathv[i];
    scripts.gl_pathv[i] = scripts.gl_pathv[kept];
    scripts.gl_pathv[kept] = path;
    if (strstr(strrchr(path, '/') + 1, part)) kept++;
  }
  scripts.gl_pathc = kept;
}

int main(void) {
  if (glob(SCRIPTS, 0, NULL, &scripts) != 0) {
    fprintf(stderr, "no file %s: run this from the top of the source tree\n", SCRIPTS);
    return EXIT_FAILURE;
  }
  const char *part = getenv("SCRIPT");
  size_t all = scripts.gl_pathc;
  if (part) choose(part);
  Suite *s = suite_create("scripts");
  TCase *c = tcase_create("scripts");
  tcase_set_timeout(c, 600); /* each file has its own limit */
  tcase_add_loop_test(c, script, 0, (int)scripts.gl_pathc);
  suite_add_tcase(s, c);
  int status = run_suite(s);
  scripts.gl_pathc = all;
  globfree(&scripts);
  return status;
}
