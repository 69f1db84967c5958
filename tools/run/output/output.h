/* SPDX-License-Identifier: MIT
 *
 * One output stream of a worker, read from a pipe and printed line by line
 * behind the worker's name. Lines of different workers never mix; a line of
 * more than OUTPUT_LINE_MOST bytes is cut into several.
 */
#ifndef GAIJIN_TOOLS_RUN_OUTPUT_H
#define GAIJIN_TOOLS_RUN_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "tools/base/text.h"

#define OUTPUT_LINE_MOST (1u << 20)

struct output {
  int fd;           /* our end of the pipe, non-blocking; -1 when closed */
  FILE *to;         /* where the lines go; not owned; NULL: nowhere but to `seen` */
  const char *level; /* what each line begins with: the journal's level; not owned */
  const char *head;  /* what stands before each line; not owned */
  const char *mark; /* what stands before a line of our own; not owned */
  bool stamped;     /* and before the head the time when its end came */
  bool is_plain;    /* what would steer a terminal is spelled out */
  /* Lines that were lost there and not told, of all who write there; not owned. NULL: none may be.
   * What cannot be written is counted, and the rest goes on; it is told before the next line. */
  unsigned long *lost;
  void (*seen)(void *user, const char *line, size_t size); /* each line, without its end, too */
  void *user;
  struct text line; /* the beginning of a line whose end has not come yet */
};

/* The head for `name`, padded to `width` columns, in the colour number `index` when `colour`. The
 * caller frees it. */
char *output_head(const char *name, size_t width, size_t index, bool colour);

/* Makes the pipe of one whose other members are set; *write_end is the child's. 0 or an errno. */
int output_open(struct output *o, int *write_end);

enum output_end { OUTPUT_MORE, OUTPUT_CLOSED, OUTPUT_BROKEN };
/* Reads what is there (up to `most` bytes) and prints the whole lines. CLOSED: every writer has
 * closed its end; BROKEN: the lines cannot be written any more, and may not be lost. */
enum output_end output_read(struct output *o, size_t most);
/* Prints an unfinished last line and closes the pipe. False if what was printed could not be
 * written, and may not be lost. */
bool output_close(struct output *o);

/* Says there how many lines were lost, if any were and there is room for that: then it is none. */
void output_tell_lost(FILE *to, const char *mark, unsigned long *lost);

#endif
