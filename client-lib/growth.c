/* SPDX-License-Identifier: MIT
 *
 * Structs of the public header that are the program's. They grow at their end only, so the
 * program's and the library's version of one are alike as far as the shorter of them goes.
 */
#include <string.h>

#include "client-lib/internal.h"

bool gj_take_struct(void *own, size_t own_size, const void *given, size_t size) {
  const unsigned char *bytes = given;
  for (size_t i = own_size; i < size; i++)
    if (bytes[i]) return false;
  memset(own, 0, own_size);
  memcpy(own, given, size < own_size ? size : own_size);
  return true;
}

void gj_give_struct(void *given, size_t size, const void *own, size_t own_size) {
  memset(given, 0, size);
  memcpy(given, own, size < own_size ? size : own_size);
}

const char *gaijin_version(void) { return GAIJIN_VERSION; }
