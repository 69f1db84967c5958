/* SPDX-License-Identifier: MIT
 *
 * A broker's path that ends in ".sock" always has room for ours.
 */
#include "tools/run/control/address.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

bool address_of(struct sockaddr_un *a, const char *socket) {
  static const char end[] = ".sock";
  size_t n = strlen(socket), e = sizeof end - 1;
  if (n > e && strcmp(socket + n - e, end) == 0) n -= e;
  *a = (struct sockaddr_un){.sun_family = AF_UNIX};
  int size = snprintf(a->sun_path, sizeof a->sun_path, "%.*s.run", (int)n, socket);
  return size > 0 && (size_t)size < sizeof a->sun_path;
}
