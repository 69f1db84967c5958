/* SPDX-License-Identifier: MIT
 *
 * 128 bits of the system's, in hex.
 */
#include "tools/web/key.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "tools/base/text.h"

bool key_make(struct key *k) {
  unsigned char bytes[KEY_BYTES / 2];
  if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
    tool_error("the system gives no random numbers: %s", strerror(errno));
    return false;
  }
  for (size_t i = 0; i < sizeof bytes; i++) snprintf(k->text + 2 * i, 3, "%02x", bytes[i]);
  return true;
}

const char *key_strip(const struct key *k, const char *path) {
  volatile unsigned char differs = 0;
  if (path[0] != '/' || strnlen(path, KEY_BYTES + 2) < KEY_BYTES + 2) return NULL;
  for (size_t i = 0; i < KEY_BYTES; i++)
    differs |= (unsigned char)(path[1 + i] ^ k->text[i]);
  return !differs && path[1 + KEY_BYTES] == '/' ? path + KEY_BYTES + 2 : NULL;
}
