/* SPDX-License-Identifier: MIT
 *
 * The broker's process, if it is ours: started again when it dies (backoff.h). Workers wait for it
 * and come back, each for as long as its --reconnect says. Of scripts on a command line, one that
 * has ended in good order has told them so, and they end; a system starts it again. A broker that
 * was there before us is somebody else's to start.
 */
#ifndef GAIJIN_TOOLS_RUN_BROKER_H
#define GAIJIN_TOOLS_RUN_BROKER_H

#include "tools/run/core/state.h"

/* 0, or an errno after an error line. */
int run_broker_start(struct run *r);
/* After SIGCHLD: whether it has ended, and what follows from that. */
void run_broker_reap(struct run *r);
/* It has ended or its connection has, whichever is seen first, and will not come again if it is
 * ours. Said once; ends the run if so. */
void run_broker_lost(struct run *r);
/* The last act: has it stop, and kills it when it takes too long. */
void run_broker_end(struct run *r);
#endif
