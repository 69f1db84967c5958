/* SPDX-License-Identifier: MIT
 *
 * "Did you mean": which of several names is most like one that was typed.
 */
#ifndef GAIJIN_PROTO_NEAREST_H
#define GAIJIN_PROTO_NEAREST_H

#include <stdbool.h>
#include <stddef.h>

/* Begun with what was typed, which must outlive it; then each name is tried. */
struct nearest {
  const char *typed;
  size_t size;
  size_t best; /* so many changes are too many */
  bool found;
  size_t which; /* the number of the name that is most like it, if one was found */
};

void nearest_begin(struct nearest *n, const char *typed, size_t size);
/* A name that begins with what was typed is very like it. Of equals the first counts; long names
 * are like nothing. */
void nearest_try(struct nearest *n, const char *name, size_t which);

#endif
