/* SPDX-License-Identifier: MIT
 *
 * Secrets: compared without a hint at where they differ, and wiped.
 */
#define _GNU_SOURCE /* explicit_bzero */
#include "proto/returning.h"

#include <string.h>

bool secret_equal(const struct secret *left, const struct secret *right) {
  unsigned differs = 0;
  for (int i = 0; i < SECRET_BYTES; i++) differs |= left->bytes[i] ^ right->bytes[i];
  return differs == 0;
}

bool secret_read(struct reader *r, struct secret *secret) {
  const char *bytes;
  uint32_t size;
  if (!reader_string(r, &bytes, &size) || size != SECRET_BYTES) return false;
  memcpy(secret->bytes, bytes, SECRET_BYTES);
  return true;
}

void secret_wipe(struct secret *secret) { explicit_bzero(secret, sizeof *secret); }
