/* SPDX-License-Identifier: MIT
 *
 * gaijinctl stop: ends a worker in good order, and waits until it has ended. A supervisor that has
 * it does that, and leaves it ended; else it is signalled, as a supervisor does.
 */
#include <signal.h>

#include "tools/cmd/act/signal_worker.h"
#include "tools/run/control/ask.h"

int cmd_stop(const struct invocation *in) {
  struct ask_request q = {.words = {"stop", in->words[0]},
                          .seconds = settings_seconds(&in->settings, SETTING_timeout)};
  enum ask_outcome outcome = ask_supervisor(in, &q);
  if (outcome == ASK_NOBODY || outcome == ASK_UNKNOWN) return signal_worker(in, "stop", SIGTERM);
  return ask_status(in, outcome, in->words[0]);
}
