/* SPDX-License-Identifier: MIT
 *
 * gaijinctl: looks at a running system and acts on it. Here are the table of
 * commands and what may follow each.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "proto/base.h"
#include "proto/settings/arguments.h"
#include "proto/settings/help.h"
#include "proto/settings/streams.h"
#include "tools/command.h"
#include "tools/text.h"

static const struct command commands[] = {
    {.name = "run",
     .usage = "[WORKER-FLAG...] [NAME=]SCRIPT [WORKER-FLAG...]... [-- ARGUMENT...]",
     .what = "start a private broker and a worker for each script, until all have ended",
     .details = "All workers start at once; scripts wait for one another with gaijin.wait_for. A "
                "worker is called NAME, or like its script without .lua. WORKER-FLAGs are those of "
                "gaijin-worker (see its --help): before the first script they are for all workers, "
                "behind a script for it alone. ARGUMENTs are given to every script. Output is "
                "printed line by line behind the worker's name. Ctrl-C stops all, twice kills all. "
                "The broker is a private one unless -s names a socket where one is running; the "
                "socket is said on stderr, for other commands.",
     .most = INT_MAX,
     .reads = true,
     .run = cmd_run},
    {.name = "clients",
     .usage = "",
     .what = "the workers connected to the broker",
     .run = cmd_clients},
    {.name = "tokens",
     .usage = "",
     .what = "every shared object, who holds it, and its labels",
     .run = cmd_tokens},
    {.name = "labels",
     .usage = "[NAME]",
     .what = "what the workers expose",
     .most = 1,
     .run = cmd_labels},
    {.name = "loads",
     .usage = "",
     .what = "how many objects of each worker each other worker holds",
     .run = cmd_loads},
    {.name = "accounts",
     .usage = "",
     .what = "what each user and process has of what the broker limits",
     .run = cmd_accounts},
    {.name = "status",
     .usage = "",
     .what = "the broker itself, and which workers have not come back after it was killed",
     .run = cmd_status},
    {.name = "gc",
     .usage = "[NAME...]",
     .what = "have workers collect their garbage and let go (all when no name is given)",
     .most = INT_MAX,
     .run = cmd_gc},
    {.name = "ping",
     .usage = "",
     .what = "the time of a round trip to the broker",
     .run = cmd_ping},
    {.name = "upgrade",
     .usage = "[BINARY]",
     .what = "have the broker go on as another program, or as its own file is now; no call fails",
     .details = "The program is asked first whether it can. Until it is executed the broker serves "
                "on; if it cannot be, it says why and serves on. BINARY is for the broker's own "
                "user and root only. docs/restart.md says what goes over.",
     .most = 1,
     .run = cmd_upgrade},
    {.name = "policy",
     .usage = "check FILE | why WHO OP [WHAT [LABEL]] | show",
     .what = "check a policy file, say what a policy allows, or show the broker's",
     .details = "check tells each fault as FILE:LINE: what. why says whether WHO may do OP, and "
                "the line of the rule that decides; the status is 0 if so, 1 if not. WHO is "
                "WORKER, USER:WORKER, or USER: for one that is no worker. OP is take (the name "
                "WHAT), inspect, act, or what a worker WHAT is asked for: s2t (with the LABEL), "
                "get, set, call ... It is the policy of --policy FILE, else of the running "
                "broker, which show prints. docs/policy.md has the format.",
     .least = 1,
     .most = 5,
     .run = cmd_policy},
};

static void make_help(struct help *h) {
  help_usage(h, SETTINGS_CTL);
  help_paragraph(h, "\ncommands:");
  for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
    char typed[64];
    snprintf(typed, sizeof typed, "  %s%s%s", commands[i].name, *commands[i].usage ? " " : "",
             commands[i].usage);
    help_item(h, typed, commands[i].what);
  }
  help_flags(h, SETTINGS_CTL, NULL);
  help_statuses(h, SETTINGS_CTL);
}

static void make_command_help(struct help *h, const struct command *c) {
  char text[256];
  snprintf(text, sizeof text, "usage: gaijinctl %s [FLAG...]%s%s\n%s", c->name,
           *c->usage ? " " : "", c->usage, c->what);
  help_paragraph(h, text);
  if (c->details) help_paragraph(h, "\n");
  if (c->details) help_paragraph(h, c->details);
  help_flags(h, SETTINGS_CTL, c->name);
  help_statuses(h, SETTINGS_CTL);
}

static const struct command *find(const char *name) {
  for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
    if (strcmp(commands[i].name, name) == 0) return &commands[i];
  return NULL;
}

/* A flag that was given and is not the command's, or SETTINGS. */
static enum setting strange_flag(const struct command *c, const struct settings *s) {
  for (enum setting id = 0; id < SETTINGS; id++)
    if (s->values[id].given && !setting_belongs(id, SETTINGS_CTL, c->name)) return id;
  return SETTINGS;
}

/* The command and whether its flags and words fit; ARGUMENTS_RUN if they do. */
static enum arguments_outcome choose(const struct command **c, struct invocation *in,
                                     const struct arguments *a, char *error, size_t n) {
  const struct settings *s = &in->settings;
  if (a->count == 0) return arguments_wrong(s, error, n, "no command given");
  *c = find(a->words[0]);
  if (!*c) return arguments_wrong(s, error, n, "unknown command '%.80s'", a->words[0]);
  const char *name = (*c)->name;
  enum setting strange = strange_flag(*c, s);
  if (strange != SETTINGS)
    return arguments_wrong(s, error, n, "%s has no --%s", name, setting_info(strange)->key);
  in->words = a->words + 1;
  in->count = a->count - 1;
  if (in->count < (*c)->least)
    return arguments_wrong(s, error, n, "%s needs %s", name, (*c)->usage);
  if (in->count > (*c)->most)
    return arguments_wrong(s, error, n, "%s does not take '%.80s'", name, in->words[(*c)->most]);
  return ARGUMENTS_RUN;
}

/* Whether the first word is a command that reads what follows itself; then only what stands before
 * it is read into `a`. */
static bool reads_itself(struct invocation *in, int argc, char **argv, struct arguments *a) {
  char error[512];
  settings_init(&in->settings, SETTINGS_CTL);
  enum arguments_outcome outcome =
      arguments_read(&in->settings, ARGUMENTS_SCRIPT, argc, argv, a, error, sizeof error);
  const struct command *c = outcome == ARGUMENTS_RUN && a->count ? find(a->words[0]) : NULL;
  return c && c->reads;
}

static enum arguments_outcome run_command(const struct command *c, const struct invocation *in,
                                          int *status) {
  *status = c->run(in);
  return *status == -1 ? ARGUMENTS_HELP : *status == -2 ? ARGUMENTS_VERSION : ARGUMENTS_RUN;
}

/* Reads the command line and does what it says; the exit status. */
static int obey(int argc, char **argv) {
  struct invocation in;
  struct arguments a;
  struct help help = {0};
  const struct command *c = NULL;
  char error[512];
  int status = 0;
  enum arguments_outcome outcome = ARGUMENTS_RUN;
  if (!reads_itself(&in, argc, argv, &a)) {
    settings_init(&in.settings, SETTINGS_CTL);
    outcome = arguments_read(&in.settings, ARGUMENTS_ANYWHERE, argc, argv, &a, error, sizeof error);
  }
  if (outcome == ARGUMENTS_RUN) outcome = choose(&c, &in, &a, error, sizeof error);
  if (outcome == ARGUMENTS_RUN) outcome = run_command(c, &in, &status);
  switch (outcome) {
    case ARGUMENTS_RUN: return status;
    case ARGUMENTS_BAD: tool_error("%s", error); return 2;
    case ARGUMENTS_VERSION: help_version(&help, SETTINGS_CTL); break;
    case ARGUMENTS_HELP:
      c = a.count ? find(a.words[0]) : NULL;
      if (c)
        make_command_help(&help, c);
      else
        make_help(&help);
  }
  fputs(help.text, stdout);
  return 0;
}

int main(int argc, char **argv) {
  streams_open();
  int status = obey(argc, argv);
  /* Help into a full disk has failed too. */
  if ((fflush(stdout) != 0 || ferror(stdout)) && status == 0) {
    tool_error("cannot write to standard output");
    status = 1;
  }
  return status;
}
