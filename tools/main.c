/* SPDX-License-Identifier: MIT
 *
 * gaijinctl: looks at a running system and acts on it. Here command lines are read, and the
 * command's code is called; what commands there are is in commands.def.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proto/settings/arguments.h"
#include "proto/settings/help.h"
#include "proto/settings/manager.h"
#include "proto/settings/streams.h"
#include "tools/ask/list.h"
#include "tools/base/manual.h"
#include "tools/base/text.h"

/* One of these. */
static const struct action {
  int (*run)(const struct invocation *in);
  int (*own)(const struct invocation *in);
  list_fn list;
} actions[COMMANDS] = {
#define COMMAND(name, kind, ...) [COMMAND_##name] = {.kind = cmd_##name},
#define COLUMN(...)
#include "tools/base/commands.def"
#undef COMMAND
#undef COLUMN
};

/* A flag that was given and is not the command's, or SETTINGS. */
static enum setting strange_flag(enum command_id command, const struct settings *s) {
  for (enum setting id = 0; id < SETTINGS; id++)
    if (s->values[id].given && !setting_belongs(id, SETTINGS_CTL, command_groups(command)))
      return id;
  return SETTINGS;
}

/* Whether the command's flags and words fit; ARGUMENTS_RUN if they do. */
static enum arguments_outcome choose(struct invocation *in, const struct arguments *a, char *error,
                                     size_t n) {
  const struct settings *s = &in->settings;
  char fault[400];
  if (a->count == 0) return arguments_wrong(s, error, n, "no command given");
  in->command = command_find(a->words[0]);
  if (in->command == COMMANDS) {
    manual_refuse_command(a->words[0], fault, sizeof fault);
    return arguments_wrong(s, error, n, "%s", fault);
  }
  const struct command *c = command_info(in->command);
  enum setting strange = strange_flag(in->command, s);
  if (strange != SETTINGS)
    return arguments_wrong(s, error, n, "%s has no --%s", c->name, setting_info(strange)->key);
  in->words = a->words + 1;
  in->count = a->count - 1;
  if (in->count < c->least) return arguments_wrong(s, error, n, "%s needs %s", c->name, c->usage);
  if (in->count > c->most)
    return arguments_wrong(s, error, n, "%s does not take '%.80s'", c->name, in->words[c->most]);
  return ARGUMENTS_RUN;
}

/* Whether the first word is a command that reads what follows itself; then only what stands before
 * it is read into `a`. */
static bool reads_itself(struct invocation *in, int argc, char **argv, struct arguments *a) {
  char error[512];
  settings_init(&in->settings, SETTINGS_CTL);
  enum arguments_outcome outcome =
      arguments_read(&in->settings, ARGUMENTS_SCRIPT, argc, argv, a, error, sizeof error);
  enum command_id id = outcome == ARGUMENTS_RUN && a->count ? command_find(a->words[0]) : COMMANDS;
  return id != COMMANDS && command_info(id)->reads;
}

static enum arguments_outcome run_command(const struct invocation *in, int *status) {
  const struct action *a = &actions[in->command];
  *status = a->list ? list_run(in, a->list) : a->own ? a->own(in) : a->run(in);
  return *status == -1 ? ARGUMENTS_HELP : *status == -2 ? ARGUMENTS_VERSION : ARGUMENTS_RUN;
}

/* Reads the command line and does what it says; the exit status. */
static int obey(int argc, char **argv) {
  struct invocation in = {.command = COMMANDS};
  struct arguments a;
  struct help help = {0};
  char error[512];
  int status = EXIT_GOOD;
  enum arguments_outcome outcome = ARGUMENTS_RUN;
  if (!reads_itself(&in, argc, argv, &a)) {
    settings_init(&in.settings, SETTINGS_CTL);
    outcome = arguments_read(&in.settings, ARGUMENTS_ANYWHERE, argc, argv, &a, error, sizeof error);
  }
  if (outcome == ARGUMENTS_RUN) outcome = choose(&in, &a, error, sizeof error);
  if (outcome == ARGUMENTS_RUN) outcome = run_command(&in, &status);
  switch (outcome) {
    case ARGUMENTS_RUN: return status;
    case ARGUMENTS_BAD: tool_error("%s", error); return EXIT_USAGE;
    case ARGUMENTS_VERSION: help_version(&help, SETTINGS_CTL); break;
    case ARGUMENTS_HELP:
      in.command = a.count ? command_find(a.words[0]) : COMMANDS;
      if (in.command != COMMANDS)
        manual_of_command(&help, in.command);
      else
        manual_of_all(&help);
  }
  fputs(help.text, stdout);
  return EXIT_GOOD;
}

int main(int argc, char **argv) {
  streams_open();
  text_begin();
  if (manager_is_journal(STDERR_FILENO)) tool_error_form(LOG_JOURNAL);
  int status = obey(argc, argv);
  /* Help into a full disk has failed too. */
  if ((fflush(stdout) != 0 || ferror(stdout)) && status == EXIT_GOOD) {
    tool_error("cannot write to standard output");
    status = EXIT_FAILED;
  }
  return status;
}
