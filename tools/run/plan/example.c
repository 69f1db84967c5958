/* SPDX-License-Identifier: MIT
 *
 * An example of a file, with each key that there is, as a comment that shows its default.
 */
#include <stdio.h>
#include <string.h>

#include "tools/base/text.h"
#include "tools/run/plan/plan.h"
#include "tools/run/plan/values.h"

enum { COLUMNS = 100 };

/* A comment of several lines, broken at blanks. */
static void print_comment(const char *text) {
  size_t at = 0, size = strlen(text);
  while (at < size) {
    size_t n = size - at, room = COLUMNS - strlen("  # ");
    if (n > room) {
      n = room;
      while (n > 0 && text[at + n] != ' ') n--;
      if (n == 0) n = room;
    }
    printf("  # %.*s\n", (int)n, text + at);
    at += n + (text[at + n] == ' ');
  }
}

static void print_key(enum setting id) {
  const struct setting_info *i = setting_info(id);
  struct text help = {0};
  char standard[256];
  setting_standard(id, standard, sizeof standard);
  text_print(&help, "%s", i->help);
  if (i->type == SETTING_TEXT || i->standard_words)
    text_print(&help, " (default: %s)", standard);
  print_comment(help.bytes);
  text_deinit(&help);
  if (i->type == SETTING_TEXT)
    printf("  # %s = \"%s\"\n", i->key, i->argument);
  else if (i->type == SETTING_FLAG)
    printf("  # %s = false\n", i->key);
  else
    printf("  # %s = %s\n", i->key, standard);
}

/* Keys of a program's. */
static void print_keys(enum plan_section section, enum settings_program program) {
  for (enum setting id = 0; id < SETTINGS; id++)
    if (plan_has_key(section, id) && setting_belongs(id, program, NULL)) print_key(id);
}

void plan_print_example(void) {
  printf("# A broker and workers, which `gaijinctl run FILE.ucl` starts and looks after; see\n"
         "# docs/supervisor.md. A key that is a comment shows its default, or what it takes.\n"
         "# Paths are relative to this file's folder, in which the workers work.\n"
         "\n"
         "# What the broker is started with.\n"
         "broker {\n");
  print_keys(PLAN_BROKER, SETTINGS_BROKER);
  printf("}\n"
         "\n"
         "# Variables of all workers.\n"
         "env {\n"
         "  # KEY = \"VALUE\"\n"
         "}\n"
         "\n"
         "# What holds for each worker that does not say otherwise.\n"
         "workers {\n");
  print_keys(PLAN_WORKER, SETTINGS_RUN);
  printf("\n"
         "  # Flags of gaijin-worker.\n");
  print_keys(PLAN_WORKER, SETTINGS_WORKER);
  printf("}\n"
         "\n"
         "# The workers. This one runs example.lua.\n"
         "worker example {\n"
         "  script = \"example.lua\"\n"
         "}\n"
         "# worker another {\n"
         "#   after = \"example\"\n"
         "#   env { KEY = \"VALUE\" }\n"
         "# }\n");
}
