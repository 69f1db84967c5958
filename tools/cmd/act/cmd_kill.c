/* SPDX-License-Identifier: MIT
 *
 * gaijinctl kill: kills a worker's process, and waits until it has ended.
 */
#include <signal.h>

#include "tools/cmd/act/signal_worker.h"

int cmd_kill(const struct invocation *in) { return signal_worker(in, "kill", SIGKILL); }
