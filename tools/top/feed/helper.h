/* SPDX-License-Identifier: MIT
 *
 * Another command of this program, run beside it: what it prints is gathered, its status told. So
 * acts and questions that take a while are those of the command line, word for word, and hold
 * nobody up.
 */
#ifndef GAIJIN_TOOLS_HELPER_H
#define GAIJIN_TOOLS_HELPER_H

#include <stdbool.h>
#include <sys/types.h>

#include "tools/base/text.h"

enum { HELPER_BYTES = 1 << 20 }; /* of output that are kept */

struct helper {
  pid_t pid; /* 0: none runs */
  int fd;    /* its output of both kinds, to be polled for reading; -1: it has ended */
  struct text said;
  int status; /* when it has ended: of the command; 128 and more: a signal */
};

/* Starts `gaijinctl WORDS...` (NULL ends them); false: it cannot be, errno says why. */
bool helper_begin(struct helper *h, const char *const *words);
/* Takes what is there. Whether the command has ended. */
bool helper_read(struct helper *h);
/* Ends it, if it runs, and forgets what it said. */
void helper_end(struct helper *h);
/* Lets it go on alone: it does what it was begun for, and nobody hears of it. */
void helper_leave(struct helper *h);

#endif
