/* SPDX-License-Identifier: MIT
 *
 * Random numbers, for stamps and for the seed of the hash tables. They come from the kernel only:
 * whoever guesses a stamp has the token, so there is no second source to fall back on.
 */
#include <errno.h>
#include <sys/random.h>

#include "client-lib/internal.h"

bool gj_random(void *bytes, size_t n) {
  char *p = bytes;
  size_t have = 0;
  while (have < n) {
    ssize_t got = getrandom(p + have, n - have, 0);
    if (got < 0 && errno != EINTR) return false;
    if (got > 0) have += (size_t)got;
  }
  return true;
}
