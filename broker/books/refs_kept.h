/* SPDX-License-Identifier: MIT
 *
 * How tokens and holds go over to the next program without being written: they stay where they are,
 * in the pool (base/pool.h), and the sheet says what else there is to know. A million of them take
 * no longer than a few, where entering each of them again (books/carried.h) takes a second.
 *
 * For a program whose records are laid out alike: two that have the same refs_layout.
 */
#ifndef GAIJIN_BROKER_BOOKS_REFS_KEPT_H
#define GAIJIN_BROKER_BOOKS_REFS_KEPT_H

#include "broker/base/sheet.h"
#include "broker/books/refs.h"

/* A number that tells how records, chunks and tables lie in the pool. */
uint64_t refs_layout(void);

/* Refs whose pool has a file. When they are read, `pool` and `r` are as in a new broker, and become
 * those of the program before; accounts have been read, and are charged. A fault is in the sheet,
 * and then the book is good for nothing but its end. */
void refs_keep(struct refs *r, struct pool *pool, struct sheet *s);

#endif
