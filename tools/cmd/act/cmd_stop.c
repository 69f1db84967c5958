/* SPDX-License-Identifier: MIT
 *
 * gaijinctl stop: ends a worker in good order, as a supervisor does, and waits until it has ended.
 */
#include <signal.h>

#include "tools/cmd/act/signal_worker.h"

int cmd_stop(const struct invocation *in) { return signal_worker(in, "stop", SIGTERM); }
