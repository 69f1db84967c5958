/* SPDX-License-Identifier: MIT
 *
 * The environment is read at each call.
 */
#include "proto/settings/socket_path.h"

#include <stdio.h>
#include <stdlib.h>

/* The value of a variable; NULL: none, or an empty one. */
static const char *value(const char *name) {
  const char *text = getenv(name);
  return text && *text ? text : NULL;
}

const char *socket_path_from(void) {
  return value("GAIJIN_SOCKET") ? "$GAIJIN_SOCKET"
                                : value("XDG_RUNTIME_DIR") ? "$XDG_RUNTIME_DIR" : NULL;
}

char *socket_path_default(char *out, size_t n) {
  const char *own = value("GAIJIN_SOCKET"), *runtime = value("XDG_RUNTIME_DIR");
  if (own)
    snprintf(out, n, "%s", own);
  else if (runtime)
    snprintf(out, n, "%s/gaijin.sock", runtime);
  else
    snprintf(out, n, "%s", SOCKET_PATH_LAST);
  return out;
}
