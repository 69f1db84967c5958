/* SPDX-License-Identifier: MIT
 */
#include "tools/base/said.h"

#include <string.h>

bool said_next(const char **at, const char **line, size_t *size) {
  static const char prefix[] = "gaijinctl: ";
  if (!*at || !**at) return false;
  const char *begin = *at;
  size_t n = strcspn(begin, "\n");
  *at = begin + n + (begin[n] == '\n');
  if (strncmp(begin, prefix, sizeof prefix - 1) == 0) {
    begin += sizeof prefix - 1;
    n -= sizeof prefix - 1;
  }
  *line = begin;
  *size = n;
  return true;
}
