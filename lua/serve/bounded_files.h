/* SPDX-License-Identifier: MIT
 *
 * How much a file's read method would read for another worker: of what is behind a file's handle
 * the asker may know more than its host, a hole of terabytes that it has made itself, say.
 */
#ifndef GAIJIN_LUA_BOUNDED_FILES_H
#define GAIJIN_LUA_BOUNDED_FILES_H

#include "lua/vm/worker.h"

/* Bytes, at most, that read would read of the file at index i with the formats above it; 0 where
 * that cannot be told before: of what is no open file, of a pipe or a device, which give all that
 * comes, of a number as text. What is over `most` need not be exact. The file stays where it
 * was. */
double bounded_files_size(lua_State *L, int i, double most);

#endif
