/* SPDX-License-Identifier: MIT
 *
 * How the books go into a sheet and come out of it (base/sheet.h), each at its own indices. Hash
 * tables, lists and wheels are not written: the reader builds them anew, as every way that makes a
 * record does. What a record costs is charged to its account when it is read, so that sums need not
 * be carried, and accounts are read before all books, bound to their hosts.
 *
 * A book that is read must be empty and charged (refs_charge and the like) as in a new broker. A
 * fault is in the sheet, and then the book is good for nothing but its end (x_deinit).
 *
 * Order, since a record may only refer to what is there: hosts, names, refs, loads, calls, waits.
 */
#ifndef GAIJIN_BROKER_BOOKS_CARRIED_H
#define GAIJIN_BROKER_BOOKS_CARRIED_H

#include "broker/base/sheet.h"
#include "broker/books/calls.h"
#include "broker/books/hosts.h"
#include "broker/books/loads.h"
#include "broker/books/names.h"
#include "broker/books/refs.h"

/* Without their clients, who are entered when connections are read, and without their jobs; binds
 * each to its account. */
void hosts_carry(struct hosts *h, struct accounts *a, struct sheet *s);
void names_carry(struct names *n, const struct hosts *hosts, struct sheet *s);
void refs_carry(struct refs *r, const struct hosts *hosts, struct sheet *s);
void loads_carry(struct loads *l, const struct hosts *hosts, struct sheet *s);
/* The deadlines too, on the clock of the loop. */
void calls_carry(struct calls *c, const struct hosts *hosts, struct sheet *s);
/* Waits whose subjects are items of `subjects`, of which each has `each` (hosts: 1). */
void waits_carry(struct waits *w, const struct hosts *hosts, const struct slab *subjects,
                 uint32_t each, struct sheet *s);

#endif
