/* SPDX-License-Identifier: MIT
 *
 * Lists of words, which they own.
 */
#ifndef GAIJIN_TOOLS_RUN_WORDS_H
#define GAIJIN_TOOLS_RUN_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* A zeroed one is empty. */
struct words {
  char **at;
  size_t count, room;
};

void words_deinit(struct words *w);
void words_add(struct words *w, const char *word);
/* All of another list. */
void words_add_all(struct words *w, const struct words *more);
/* Adds "KEY=VALUE"; one of the same key before it goes. */
void words_set(struct words *w, const char *key, const char *value);
bool words_have(const struct words *w, const char *word);
bool words_equal(const struct words *a, const struct words *b);
/* Adds what a line has: words between blanks, with quotes and backslashes as in a shell. NULL, or
 * what is wrong: static text. */
const char *words_split(struct words *w, const char *line);

#endif
