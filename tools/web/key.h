/* SPDX-License-Identifier: MIT
 *
 * A word that nobody can guess: whoever has it may look. It stands in the address of the page.
 */
#ifndef GAIJIN_TOOLS_KEY_H
#define GAIJIN_TOOLS_KEY_H

#include <stdbool.h>

enum { KEY_BYTES = 32 };

struct key {
  char text[KEY_BYTES + 1];
};

/* A new one; false after an error line: the system gives no random numbers. */
bool key_make(struct key *k);
/* What stands behind "/KEY/" in a path; NULL: it does not begin so. How long that takes tells
 * nothing of the key. */
const char *key_strip(const struct key *k, const char *path);

#endif
