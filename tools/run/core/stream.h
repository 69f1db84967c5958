/* SPDX-License-Identifier: MIT
 *
 * A worker's output in the loop: read when there is some, and passed on line by line (output.h).
 */
#ifndef GAIJIN_TOOLS_RUN_STREAM_H
#define GAIJIN_TOOLS_RUN_STREAM_H

#include "tools/run/core/state.h"

/* Opens stream k of a process of the worker's, 0: stdout, 1: stderr. *write_end is the process's.
 * 0 or an errno. */
int stream_open(struct worker *w, struct process *p, int k, int *write_end);
/* The worker's lines go elsewhere from now on. */
void stream_turn(struct worker *w, struct process *p);
/* Reads what is there, up to `most` bytes. Output that cannot be written any more ends the run. */
void stream_read(struct stream *s, size_t most);
/* Nothing for one that is closed. */
void stream_close(struct stream *s);

#endif
