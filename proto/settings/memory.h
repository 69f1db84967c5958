/* SPDX-License-Identifier: MIT
 *
 * Memory for libuv, which aborts the program when there is none for its table of descriptors.
 */
#ifndef GAIJIN_PROTO_MEMORY_H
#define GAIJIN_PROTO_MEMORY_H

#include <stddef.h>

/* As realloc; but without memory it says so on stderr, if there is room for that, and ends the
 * program with status 1. For uv_replace_allocator. */
void *memory_grow_or_end(void *p, size_t n);

#endif
