/* SPDX-License-Identifier: MIT
 *
 * Memory for a library that aborts the program when there is none.
 */
#ifndef GAIJIN_PROTO_MEMORY_H
#define GAIJIN_PROTO_MEMORY_H

#include <stddef.h>

/* As realloc; but without memory it says so on stderr and ends the program with status 1. For
 * uv_replace_allocator: where libuv grows its table of descriptors it aborts otherwise, without a
 * word. */
void *memory_grow_or_end(void *p, size_t n);

#endif
