/* SPDX-License-Identifier: MIT
 *
 * The broker's books as the stress test sees them: one row per token, without
 * counts, sorted, so that two states can be compared.
 */
#ifndef GAIJIN_TESTS_STRESS_BOOKS_H
#define GAIJIN_TESTS_STRESS_BOOKS_H

#include "tests/stress/system.h"

#define BOOKS_DRIVER (1u << 15) /* the driver's bit among holders; worker i has bit i */

struct books_row {
  uint64_t id;
  uint32_t serial; /* of the object, in rows made from the model; not compared */
  uint16_t holders;
  uint8_t host; /* worker */
  uint8_t kind; /* enum gaijin_kind; 0 for one that does not exist */
  bool dead;
};

struct books {
  struct books_row *rows;
  size_t count, capacity;
};

/* What a worker says of itself (getBaka). */
struct books_counts {
  uint32_t exported, used;
};

/* Adds a row; rows are sorted by books_compare. */
void books_add(struct system *s, struct books *b, const struct books_row *row);
/* Reads the broker's books, sorted, into empty ones. Ends the run if they are malformed, or if the loads do not add up to the tokens. */
void books_read(struct system *s, struct books *b);
bool books_equal(const struct books *a, const struct books *b);
/* Ends the run with the first difference. Sorts `wanted`. */
void books_compare(struct system *s, const struct books *found, struct books *wanted);
/* Ends the run unless a worker counts as many exported and used tokens as the rows say. */
void books_check_counts(struct system *s, const struct books *wanted, unsigned worker, const struct books_counts *counts);
void books_deinit(struct books *b);

#endif
