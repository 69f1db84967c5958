/* SPDX-License-Identifier: MIT
 *
 * The words of a command that touches something, read: the first is a PATH. What is wrong with one
 * is told with its column.
 */
#ifndef GAIJIN_TOOLS_WORDS_H
#define GAIJIN_TOOLS_WORDS_H

#include "tools/base/command.h"
#include "tools/touch/act.h"

/* Reads the path of a command; false after an error line. End it with path_deinit either way. */
bool words_path(const char *word, struct path *p);
/* Reads a value, the `number`-th behind the path; false after an error line. */
bool words_value(const char *word, int number, struct data *d, struct datum *out);

/* What is done with a path and `count` values, if the words are right and there is a broker; the
 * exit status. */
typedef bool (*words_act)(struct act *a, const struct path *p, const char *text,
                          const struct data *d, const struct datum *values, uint32_t count);
int words_run(const struct invocation *in, enum act_needs needs, words_act act);
/* Connects as the flags say; false after an error line, with the status in a->ask. */
bool words_open(struct act *a, const struct invocation *in);
/* Ends it, and what was printed: the exit status. */
int words_close(struct act *a);

#endif
