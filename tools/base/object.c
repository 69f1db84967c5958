/* SPDX-License-Identifier: MIT
 *
 * Not strtoull, which takes blanks and signs.
 */
#include "tools/base/object.h"

#include <string.h>

size_t object_read_id(const char *text, size_t size, uint64_t *id) {
  size_t n = 0;
  bool fits = true;
  for (*id = 0; n < size && text[n] >= '0' && text[n] <= '9'; n++) {
    uint64_t digit = (uint64_t)(text[n] - '0');
    fits = fits && *id <= (OBJECT_IDS_MOST - digit) / 10;
    if (fits) *id = *id * 10 + digit;
  }
  if (!fits) *id = 0;
  return n;
}

bool object_read(const char *text, struct object_name *out) {
  const char *colon = strrchr(text, ':');
  *out = (struct object_name){.worker = text, .size = colon ? (size_t)(colon - text) : 0};
  if (!out->size) return false;
  size_t digits = strlen(colon + 1);
  return object_read_id(colon + 1, digits, &out->id) == digits && out->id;
}
