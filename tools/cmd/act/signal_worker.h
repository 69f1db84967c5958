/* SPDX-License-Identifier: MIT
 *
 * Signals for a worker's process, which the broker knows from the kernel: never for another process
 * that has its number by now. The process is held by a descriptor first; if the broker still has
 * that worker's connection then, it was the right one. The broker is asked whether its policy lets
 * us act; the kernel decides whether we may.
 */
#ifndef GAIJIN_TOOLS_CMD_SIGNAL_WORKER_H
#define GAIJIN_TOOLS_CMD_SIGNAL_WORKER_H

#include "tools/ask/observe.h"

/* The whole command `what` ("stop" or "kill"): sends the signal to the worker that the first word
 * names, and waits until it has ended. An exit status. */
int signal_worker(const struct invocation *in, const char *what, int signal);

#endif
