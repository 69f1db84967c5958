/* SPDX-License-Identifier: MIT
 *
 * gaijinctl eval: has a worker that allows it run a text as Lua code.
 */
#include <string.h>

#include "proto/name.h"
#include "tools/base/text.h"
#include "tools/touch/words.h"

int cmd_eval(const struct invocation *in) {
  struct act a = {0};
  const char *worker = in->words[0], *code = in->words[1];
  const char *fault = name_fault(worker, strlen(worker));
  if (fault) {
    tool_error("no worker is called '%s': a worker's name %s", worker, fault);
    return EXIT_USAGE;
  }
  if (words_open(&a, in)) act_eval(&a, worker, code, strlen(code));
  return words_close(&a);
}
