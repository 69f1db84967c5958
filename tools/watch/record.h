/* SPDX-License-Identifier: MIT
 *
 * What a monitor has seen, in a file that only its owner may read: a line for each message, each
 * worker's name and each label as it became known, and how many were lost. It has no stamp of any
 * token, because the broker tells none.
 *
 *   gaijin-record 1            the first line
 *   H HOST TEXT                a worker's name; numbers are hex, texts are the hex of their bytes,
 *   N HOST ID TEXT             a label of an object,                    or - if they are empty
 *   M TIME KIND OP REQUEST FROM TO SIZE TOOK TARGET-KIND TARGET COUNT TEXT
 *   L LOST                     so many messages are missing here
 */
#ifndef GAIJIN_TOOLS_RECORD_H
#define GAIJIN_TOOLS_RECORD_H

#include <stdio.h>

#include "tools/watch/sight.h"

/* A new file; NULL after an error line, also if there is one already. */
FILE *record_create(const char *path);
void record_name(FILE *f, uint64_t host, const char *name);
void record_label(FILE *f, uint64_t host, uint64_t id, const char *label);
void record_message(FILE *f, const struct sight *m);
void record_lost(FILE *f, uint64_t lost);
/* Ends it; false after an error line if not all of it was written. */
bool record_close(FILE *f, const char *path);

/* Reads a record: `message` is called for each, in its order, with what is known by then; false
 * from it ends the reading early. False after an error line: the file cannot be read, is none of
 * ours, or is damaged. What was read before has been shown. */
bool record_read(const char *path, struct sights *s,
                 bool (*message)(void *user, const struct sight *m), void *user);

#endif
