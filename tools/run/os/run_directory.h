/* SPDX-License-Identifier: MIT
 *
 * A directory of this run's own, that only we can enter. Those of runs that were killed are removed
 * first.
 */
#ifndef GAIJIN_TOOLS_RUN_RUN_DIRECTORY_H
#define GAIJIN_TOOLS_RUN_RUN_DIRECTORY_H

#include <stdbool.h>

struct run_directory {
  char *path;
  int lock; /* a descriptor that keeps it ours */
};

/* Makes it below $TMPDIR, or /tmp. False after an error line. */
bool run_directory_make(struct run_directory *d);
/* With all that is in it; an error line if that cannot be. */
void run_directory_remove(struct run_directory *d);

#endif
