/* SPDX-License-Identifier: MIT
 *
 * How much is kept here of what each asker has sent and is not begun: its records, and what its
 * fibers have not read of what began them (asker.bytes, backlog.bytes). Askers that have records,
 * which can be refused, are in lists by size, so that one of those with the most is found at once
 * however many there are; to count a message costs the same for all.
 */
#ifndef GAIJIN_LUA_KEPT_H
#define GAIJIN_LUA_KEPT_H

#include "lua/vm/worker.h"

/* So many bytes of the asker are kept here; they are no more. */
void kept_add(struct worker *w, struct asker *a, size_t bytes);
void kept_remove(struct worker *w, struct asker *a, size_t bytes);

/* The asker has its first record; it has none any more. */
void kept_list(struct worker *w, struct asker *a);
void kept_unlist(struct worker *w, struct asker *a);

/* An asker in the lists that has at least eight ninths of what any of them has; NULL: none is
 * there. */
struct asker *kept_most(const struct worker *w);

/* NULL, or a static text that says which invariant is broken. */
const char *kept_check(const struct worker *w);

#endif
