/* SPDX-License-Identifier: MIT
 *
 * gaijinctl reload.
 */
#include "tools/run/control/ask.h"

int cmd_reload(const struct invocation *in) {
  struct ask_request q = {.words = {"reload"}, .seconds = 10};
  return ask_status(in, ask_supervisor(in, &q), NULL);
}
