/* SPDX-License-Identifier: MIT
 *
 * Who may: the script's function gaijin.access is asked before anything is done with
 * an object of this worker in the name of another one. Without one all is allowed.
 */
#ifndef GAIJIN_LUA_ACCESS_H
#define GAIJIN_LUA_ACCESS_H

#include "lua/vm/worker.h"

/* Makes what this file needs of the VM. Raises. */
void access_open(lua_State *L, struct worker *w);

/* Whether the script has set the function. Allocates nothing. */
bool access_is_asked(lua_State *L, struct worker *w);

/* Asks whether the worker whose request the current fiber serves may do `op` with the object at
 * stack index `object`; `key` is the index of the label, key, operator or name that the function
 * gets. 0: there is none. Raises `denied`, or what the function raised; may wait, so anything
 * may have changed when it returns. The cursor of a traversal may always be called: the traversal
 * was allowed. Leaves the stack as it was. */
void access_check(lua_State *L, struct worker *w, enum gaijin_op op, int object, int key);
/* The same for a worker that has this one do it in another way than by a request. */
void access_check_for(lua_State *L, struct worker *w, uint64_t host, enum gaijin_op op, int object,
                      int key);

#endif
