/* SPDX-License-Identifier: MIT
 *
 * gaijinctl help: as --help, also of one command.
 */
#include <stdio.h>

#include "tools/base/manual.h"
#include "tools/base/text.h"

int cmd_help(const struct invocation *in) {
  struct help h = {0};
  char error[512];
  enum command_id id = in->count ? command_find(in->words[0]) : COMMANDS;
  if (in->count && id == COMMANDS) {
    manual_refuse_command(in->words[0], error, sizeof error);
    tool_error("%s", error);
    return EXIT_USAGE;
  }
  if (id == COMMANDS)
    manual_of_all(&h);
  else
    manual_of_command(&h, id);
  fputs(h.text, stdout);
  return EXIT_GOOD;
}
