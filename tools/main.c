/* SPDX-License-Identifier: MIT
 *
 * gaijinctl: looks at a running system and acts on it. Here are the table of
 * commands and the reading of the command line: flags may stand anywhere, `--`
 * ends them.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base.h"
#include "proto/limits.h"
#include "tools/command.h"
#include "tools/text.h"

static const struct command commands[] = {
  {.name = "run", .usage = "[NAME=]SCRIPT...", .what = "start a private broker and a worker for each script, until all have ended",
   .least = 1, .most = INT_MAX, .run = cmd_run},
  {.name = "clients", .usage = "", .what = "the workers connected to the broker", .json = true, .run = cmd_clients},
  {.name = "tokens", .usage = "[--host NAME] [--holder NAME]", .what = "every shared object, who holds it, and its labels",
   .flags = {"--host", "--holder"}, .json = true, .run = cmd_tokens},
  {.name = "labels", .usage = "[NAME]", .what = "what the workers expose", .json = true, .most = 1, .run = cmd_labels},
  {.name = "loads", .usage = "", .what = "how many objects of each worker each other worker holds", .json = true, .run = cmd_loads},
  {.name = "gc", .usage = "[NAME...]", .what = "have workers collect their garbage and let go (all when no name is given)",
   .json = true, .most = INT_MAX, .run = cmd_gc},
  {.name = "ping", .usage = "", .what = "the time of a round trip to the broker", .json = true, .run = cmd_ping},
};

static const char usage[] = "usage: gaijinctl [-s SOCKET] [--json] COMMAND [ARGUMENT...]\n";

static void help(void) {
  printf("%s\nLooks at a running gaijin system and acts on it.\n\ncommands:\n", usage);
  for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
    int width = printf("  %s %s", commands[i].name, commands[i].usage);
    printf("%*s%s\n", width < 40 ? 40 - width : 1, "", commands[i].what);
  }
  puts("\nflags:\n"
       "  -s, --socket SOCKET                   the broker's socket; else $GAIJIN_SOCKET, else\n"
       "                                        $XDG_RUNTIME_DIR/gaijin.sock, else /run/gaijin/gaijin.sock\n"
       "      --json                            print one JSON array of objects\n"
       "      --help, --version\n"
       "\nexit status: 0 done, 1 failed, 2 bad usage");
}

static void help_command(const struct command *c) {
  printf("usage: gaijinctl [-s SOCKET]%s %s %s\n%s\n", c->json ? " [--json]" : "", c->name, c->usage, c->what);
  if (c->run != cmd_run) return;
  puts("\nEach worker starts when the one before has returned from its script, called gaijin.ready() or ended, and is\n"
       "called NAME, or like its script without .lua. Output is printed line by line behind the worker's name. Ctrl-C\n"
       "stops all, twice kills all. The broker is a private one unless -s names a socket where one is running.");
}

static const struct command *find(const char *name) {
  for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
    if (strcmp(commands[i].name, name) == 0) return &commands[i];
  return NULL;
}

/* If argv[*i] is `flag` (or `flag=value`): takes the value, moving *i over it, and gives 1; 0 if it is another, 2 if the value is missing. */
static int flag_value(const char *flag, int argc, char **argv, int *i, const char **value) {
  size_t n = strlen(flag);
  if (strncmp(argv[*i], flag, n) != 0) return 0;
  if (flag[1] == '-' && argv[*i][n] == '=') {
    *value = argv[*i] + n + 1;
    return 1;
  }
  if (argv[*i][n]) return 0;
  if (*i + 1 < argc) {
    *value = argv[++*i];
    return 1;
  }
  tool_error("%s needs a value; see gaijinctl --help", flag);
  return 2;
}

/* One flag at argv[*i]: 0, or the exit status + 1 to end with. */
static int read_flag(const struct command *c, struct invocation *in, int argc, char **argv, int *i) {
  if (strcmp(argv[*i], "--help") == 0 || strcmp(argv[*i], "-h") == 0) {
    if (c)
      help_command(c);
    else
      help();
    return 1;
  }
  if (strcmp(argv[*i], "--version") == 0) {
    puts("gaijinctl " GAIJIN_VERSION);
    return 1;
  }
  if (strcmp(argv[*i], "--json") == 0) {
    in->json = true;
    return 0;
  }
  int r = flag_value("-s", argc, argv, i, &in->socket);
  if (r == 0) r = flag_value("--socket", argc, argv, i, &in->socket);
  for (int k = 0; r == 0 && c && k < COMMAND_FLAGS_MOST && c->flags[k]; k++) r = flag_value(c->flags[k], argc, argv, i, &in->values[k]);
  if (r == 1) return 0;
  if (r == 0 && c)
    tool_error("unknown flag '%s' of %s; see gaijinctl %s --help", argv[*i], c->name, c->name);
  else if (r == 0)
    tool_error("unknown flag '%s'; see gaijinctl --help", argv[*i]);
  return 3;
}

static int check_words(const struct command *c, const struct invocation *in) {
  if (in->count < c->least)
    tool_error("%s needs %s; see gaijinctl %s --help", c->name, c->usage, c->name);
  else if (in->count > c->most)
    tool_error("%s does not take '%s'; see gaijinctl %s --help", c->name, in->words[c->most], c->name);
  else if (in->json && !c->json)
    tool_error("%s has no --json", c->name);
  else if (in->socket && !*in->socket)
    tool_error("-s needs the path of a socket, not an empty one");
  else
    return 0;
  return 2;
}

/* Reads the command line. -1 when *c is to be run, else the exit status. */
static int read_line(const struct command **c, struct invocation *in, int argc, char **argv) {
  bool flags = true;
  for (int i = 1; i < argc; i++) {
    if (flags && strcmp(argv[i], "--") == 0) {
      flags = false;
    } else if (flags && argv[i][0] == '-' && argv[i][1]) {
      int r = read_flag(*c, in, argc, argv, &i);
      if (r) return r - 1;
    } else if (*c) {
      in->words[in->count++] = argv[i];
    } else if (!(*c = find(argv[i]))) {
      tool_error("unknown command '%s'; see gaijinctl --help", argv[i]);
      return 2;
    }
  }
  if (*c) return check_words(*c, in) ? 2 : -1;
  tool_error("no command given; see gaijinctl --help");
  return 2;
}

int main(int argc, char **argv) {
  struct invocation in = {.words = tool_alloc((size_t)argc, sizeof *in.words)};
  const struct command *c = NULL;
  int status = read_line(&c, &in, argc, argv);
  if (status < 0) status = c->run(&in);
  /* Help into a full disk has failed too. */
  if ((fflush(stdout) != 0 || ferror(stdout)) && status == 0) {
    tool_error("cannot write to standard output");
    status = 1;
  }
  free(in.words);
  return status;
}
