/* SPDX-License-Identifier: MIT
 *
 * A worker's output in the loop: read when there is some, and passed on line by line (output.h).
 */
#ifndef GAIJIN_TOOLS_RUN_STREAM_H
#define GAIJIN_TOOLS_RUN_STREAM_H

#include "tools/run/state.h"

/* Opens stream k of a worker, 0: stdout, 1: stderr. *write_end is the worker's. 0 or an errno. */
int stream_open(struct worker *w, int k, int *write_end);
/* Reads what is there, up to `most` bytes. Output that cannot be written any more ends the run. */
void stream_read(struct stream *s, size_t most);
/* Nothing for one that is closed. */
void stream_close(struct stream *s);

#endif
