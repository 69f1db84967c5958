/* SPDX-License-Identifier: MIT
 *
 * Keys listed for others. What does not fit into the first page of a traversal is remembered as a
 * list of keys; the cursor, a C function that gives the next page, has the list and is a home
 * object like any other. The list ends when it has been read to its end, or with the cursor, which
 * only a script of this worker can keep that nobody else holds.
 *
 * Others cause these lists, so each is charged to who asked for it: LISTED_LIST bytes, and for each
 * key LISTED_KEY and the bytes of a string, until the collector has freed it, which may be long
 * after its end. All lists together may have --max-decoded bytes, and each asker as much as all
 * leave free: one alone half of it. Lists that have ended are collected before another is refused
 * for them. What this worker lists for itself is not counted.
 *
 * A list is made in one stretch and not in slices: after a change to the table in between nobody
 * could say which keys have been seen. Meanwhile it looks at the clock, whether its asker waits
 * still; nothing is read meanwhile, so that its asker has cancelled is not seen.
 */
#ifndef GAIJIN_LUA_LISTED_H
#define GAIJIN_LUA_LISTED_H

#include "lua/vm/worker.h"

enum { LISTED_PAGE = 1000, LISTED_PAGE_BYTES = 64 << 10 }; /* entries, bytes of strings in a page */
/* Bytes: of the cursor, with its token here and at the broker; of a key, where Lua's array is half
 * empty. */
enum { LISTED_LIST = 4096, LISTED_KEY = 32 };
/* Bytes of an entry of a table that was made to be traversed and goes with the list: Lua's, of one
 * that is half empty. */
enum { LISTED_COPY = 80 };

/* Bytes of the value at index i as far as the size of a page or list is concerned. */
size_t listed_weight(lua_State *L, int i);

/* Makes the metatables of lists. Raises when memory is short. */
void listed_open(lua_State *L, struct worker *w);
/* Pushes an empty list, charged to the asker whose request the fiber serves. `final`: it is made
 * anew after listed_collect. May collect. Raises when memory is short, or `busy`. */
void listed_push(lua_State *L, struct worker *w, bool final);
/* Lists the keys of the table at index `table` that come after the key on top, which is popped, in
 * the empty list at index `list`, a positive one as well. `is_copy`: the table was made for it, and
 * is charged with its first page. Runs no script. False: it does not fit
 * before lists that have ended are collected; the caller takes all of it from the stack, which has
 * more on it than before, calls listed_collect, and begins again, with a final list, for which that
 * is not answered. Raises `too_large` if the list never fits, `busy` if it does not now, `timeout`
 * if its asker waits no more. */
bool listed_fill(lua_State *L, struct worker *w, int list, int table, bool is_copy);
/* Frees lists that have ended. Runs finalisers. */
void listed_collect(lua_State *L, struct worker *w);
/* Puts a cursor in the place of the list at this index; nil if no key is listed. */
void listed_to_cursor(lua_State *L, int list);
/* Whether the value at index i is a cursor. Allocates nothing. */
bool listed_is_cursor(lua_State *L, int i);
/* Nobody else holds the value at index i any more: if it is a cursor, its list has ended. Allocates
 * nothing, raises nothing. */
void listed_forget(lua_State *L, int i);

/* Bytes charged to a host, for lists that have ended as well. For tests. */
size_t listed_charged(const struct worker *w, uint64_t host);
/* NULL, or a static text that says which invariant is broken. */
const char *listed_check(const struct worker *w);
/* The worker forgets the book; lists that are left, of a VM that goes on, charge nobody. */
void listed_deinit(struct worker *w);

#endif
