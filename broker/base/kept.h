/* SPDX-License-Identifier: MIT
 *
 * How slabs and hash tables that live in a pool (pool.h) go over to the program that executes next,
 * as they are: a sheet (sheet.h) gets what is not in the pool, some numbers for each thousand
 * items. Nothing in the pool is touched, by neither program, but for the few places that the one
 * that reads looks at to see that it is what it was told. That one must have records of the same
 * layout; who calls sees to that.
 */
#ifndef GAIJIN_BROKER_KEPT_H
#define GAIJIN_BROKER_KEPT_H

#include "broker/base/chain.h"
#include "broker/base/lists.h"
#include "broker/base/sheet.h"
#include "broker/base/slab.h"

/* What is read must be empty, and its pool that of the program before. A fault is in the sheet, and
 * then it is good for nothing but its end. */
void slab_keep(struct slab *k, struct sheet *s);
/* Prepared and not open (chain_prepare) when it is read. `region` is that of its heads. Its seed
 * goes over, for all depends on it. */
void chain_keep(struct chain *t, const struct pool *pool, unsigned region, struct sheet *s);
/* Lists of items of a kept slab: their heads and counts, owner by owner. */
void owners_keep(struct owners *o, struct sheet *s);

#endif
