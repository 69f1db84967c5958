/* SPDX-License-Identifier: MIT
 *
 * Names of objects on command lines: WORKER:ID, as `gaijinctl tokens` shows both.
 */
#ifndef GAIJIN_TOOLS_OBJECT_H
#define GAIJIN_TOOLS_OBJECT_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The bytes of `word` that are the worker's name, and *id; 0: it names no object. */
static inline size_t object_read(const char *word, uint64_t *id) {
  const char *colon = strrchr(word, ':');
  char *end = NULL;
  *id = colon && colon[1] >= '0' && colon[1] <= '9' ? strtoull(colon + 1, &end, 10) : 0;
  return !*id || *end ? 0 : (size_t)(colon - word);
}

#endif
