/* SPDX-License-Identifier: MIT
 *
 * The books of a connection of the client library, read only: what tests compare
 * with the broker's. A file of its own because the library and the broker have
 * structs of the same names.
 */
#ifndef GAIJIN_TESTS_BOOKS_H
#define GAIJIN_TESTS_BOOKS_H

#include <gaijin/gaijin.h>

/* Called for each record: its PT, and the number that the reference protocol keeps of it. */
typedef void (*books_fn)(void *user, const struct gaijin_pt *pt, uint64_t number);

/* Every holding with its count; every home token with its sent. */
void books_each_holding(const gaijin *g, books_fn fn, void *user);
void books_each_token(const gaijin *g, books_fn fn, void *user);

/* The bytes queued and not yet sent; valid until the next call on the connection. */
const uint8_t *books_unsent(const gaijin *g, size_t *size);

#endif
