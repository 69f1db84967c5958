/* SPDX-License-Identifier: MIT
 *
 * A file that a worker's lines are written into. It is opened again when somebody has moved it away
 * (SIGHUP, as logrotate does). A line that cannot be written is lost; that is said once, and their
 * number when lines can be written again, or at the end.
 */
#ifndef GAIJIN_TOOLS_RUN_LOG_FILE_H
#define GAIJIN_TOOLS_RUN_LOG_FILE_H

#include <stdbool.h>
#include <stddef.h>

struct log_file {
  char *path; /* NULL: there is none */
  int fd;     /* -1: it is not open */
  bool is_torn;       /* its last line is a begin only: the disk was full */
  unsigned long lost; /* lines since one could be written */
};

/* Opens DIRECTORY/NAME.log; the directory is made if there is none. False after an error line. */
bool log_file_open(struct log_file *f, const char *directory, const char *name);
void log_file_close(struct log_file *f);
/* Nothing for one that there is not. */
void log_file_reopen(struct log_file *f);
void log_file_write(struct log_file *f, const char *line, size_t size);

#endif
