/* SPDX-License-Identifier: MIT
 *
 * A way through the heap as a text: `_G.cache.players[3]`,
 * `_G.on_tick > upvalue x of shop.lua:12 > [1]`, `fiber serving call of till > local t of
 * till.lua:3`.
 * Fields follow directly what they are in; other steps stand behind ` > `.
 */
#ifndef GAIJIN_LUA_PATH_H
#define GAIJIN_LUA_PATH_H

#include <stddef.h>

#include "lua/walk/ways.h"

enum { PATH_TEXT = 1000 };

/* Writes the text of a found way (from 0) and its 0; its length. What is too long is left out in
 * the middle, of the whole and of a step, and `...` stands for it. */
size_t path_text(const struct ways *h, unsigned way, char text[PATH_TEXT]);

#endif
