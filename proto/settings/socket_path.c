/* SPDX-License-Identifier: MIT
 *
 * The environment is read at each call.
 */
#include "proto/settings/socket_path.h"

#include <stdio.h>
#include <stdlib.h>

char *socket_path_default(char *out, size_t n) {
  const char *own = getenv("GAIJIN_SOCKET"), *runtime = getenv("XDG_RUNTIME_DIR");
  if (own && *own)
    snprintf(out, n, "%s", own);
  else if (runtime && *runtime)
    snprintf(out, n, "%s/gaijin.sock", runtime);
  else
    snprintf(out, n, "%s", SOCKET_PATH_LAST);
  return out;
}
