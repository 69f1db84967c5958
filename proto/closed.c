/* SPDX-License-Identifier: MIT
 *
 * A title is what op apply names a function by: `name` of a global, or `library.name`.
 */
#include "proto/closed.h"

#include <string.h>

bool closed_title(const char *title, size_t n) {
  static const char *const closed[] = {"getfenv", "setfenv", "getmetatable", "setmetatable"};
  static const char library[] = "debug.";
  if (n >= sizeof library - 1 && memcmp(title, library, sizeof library - 1) == 0) return true;
  for (size_t i = 0; i < sizeof closed / sizeof closed[0]; i++)
    if (n == strlen(closed[i]) && memcmp(title, closed[i], n) == 0) return true;
  return false;
}
