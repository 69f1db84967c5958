/* SPDX-License-Identifier: MIT
 *
 * What this worker exposes, for others: ops s2t and labels.
 */
#ifndef GAIJIN_LUA_LABELS_H
#define GAIJIN_LUA_LABELS_H

#include "lua/vm/worker.h"

/* What an operation returns that has begun the answer itself and put all its values; and one whose
 * request is kept elsewhere, and will be answered there or served anew. */
enum { ANSWER_WRITTEN = -1, ANSWER_LATER = -2 };

/* The value of the label at index 1, or nil; with true at index 2 and no value yet ANSWER_LATER. */
int labels_s2t(lua_State *L, struct worker *w);
/* The requests that wait for the label at index i are due (begin_waiting). */
void labels_set(lua_State *L, struct worker *w, int i);

/* Without a value at index 1: ANSWER_WRITTEN; label, kind, id of its token if it is an object of
 * ours that others hold; and again. With true: the first page of a traversal of labels and values,
 * as traverse_pairs has it, of those labels that the caller may read. May wait. */
int labels_serve(lua_State *L, struct worker *w);

#endif
