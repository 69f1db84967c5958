/* SPDX-License-Identifier: MIT
 *
 * WORKER:ID, by which people name an object, as `gaijinctl tokens` shows it. Everything that reads
 * such an id reads it here.
 */
#ifndef GAIJIN_TOOLS_OBJECT_H
#define GAIJIN_TOOLS_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ids count up from 1, and a number on the wire is a double. */
#define OBJECT_IDS_MOST (UINT64_C(1) << 53)

/* Reads the digits at the begin of a text of `size` bytes; how many there are. *id: the number; 0
 * if it is none that an object may have. */
size_t object_read_id(const char *text, size_t size, uint64_t *id);

struct object_name {
  const char *worker; /* `size` bytes of the text */
  size_t size;
  uint64_t id;
};
/* Reads a whole text; a name may have colons. False: it is none. */
bool object_read(const char *text, struct object_name *out);

#endif
