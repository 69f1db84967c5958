/* SPDX-License-Identifier: MIT
 *
 * Texts by two numbers: names by host, labels by object. A bounded number of them: when there are
 * more, those that have not been asked for lately are forgotten, first the names of observers: each
 * run of a command is one, and workers are told of once only.
 */
#ifndef GAIJIN_TOOLS_KNOWN_H
#define GAIJIN_TOOLS_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct known_text {
  uint64_t a, b;
  char *text; /* terminated; NULL: a free place */
  uint64_t used; /* how many had been put when it was put or got last */
};

/* A zeroed one is empty. */
struct known {
  struct known_text *places;
  size_t room, count;
  uint64_t put; /* so many ever */
};

enum { KNOWN_MOST = 1 << 16 };

void known_deinit(struct known *k);
/* The text is copied; one of the same numbers is replaced. Whether it is new. */
bool known_put(struct known *k, uint64_t a, uint64_t b, const char *text, size_t size);
/* NULL: there is none. Valid until the next known_put. */
const char *known_get(const struct known *k, uint64_t a, uint64_t b);

#endif
