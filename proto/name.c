/* SPDX-License-Identifier: MIT
 *
 * Bytes that are no UTF-8 are allowed: no terminal takes them for a control character of Unicode.
 */
#include "proto/name.h"

#include <stdint.h>
#include <string.h>

#define TEXT_OF_(number) #number
#define TEXT_OF(number) TEXT_OF_(number)

static const char wrong_size[] = "has 1 to " TEXT_OF(NAME_MAX_BYTES) " bytes";
static const char control[] =
    "has no control characters, and none that change the direction of text";
static const char reserved[] = "has no '@' and no '/': they are reserved for naming machines";

/* How many bytes at `p` are a character that no name has; 0: the byte may stand there. U+0080 to
 * U+009F; U+061C; U+200E, U+200F, U+202A to U+202E; U+2066 to U+2069. */
static size_t bad_character(const uint8_t *p, size_t left) {
  if (*p < 0x20 || *p == 0x7f || *p == '@' || *p == '/') return 1;
  if (left < 2) return 0;
  if (p[0] == 0xc2) return p[1] >= 0x80 && p[1] <= 0x9f ? 2 : 0;
  if (p[0] == 0xd8) return p[1] == 0x9c ? 2 : 0;
  if (left < 3 || p[0] != 0xe2) return 0;
  bool marks = p[1] == 0x80 && (p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xaa && p[2] <= 0xae));
  bool isolates = p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9;
  return marks || isolates ? 3 : 0;
}

const char *name_fault(const char *text, size_t size) {
  if (size < 1 || size > NAME_MAX_BYTES) return wrong_size;
  for (size_t i = 0; i < size; i++)
    if (bad_character((const uint8_t *)text + i, size - i))
      return text[i] == '@' || text[i] == '/' ? reserved : control;
  return NULL;
}

bool name_of_script(char out[NAME_MAX_BYTES + 1], const char *script, bool *changed) {
  const char *slash = strrchr(script, '/'), *base = slash ? slash + 1 : script;
  size_t size = strlen(base);
  if (size > 4 && strcmp(base + size - 4, ".lua") == 0) size -= 4;
  *changed = false;
  if (size < 1 || size > NAME_MAX_BYTES) return false;
  memcpy(out, base, size);
  out[size] = '\0';
  for (size_t i = 0, bad; i < size; i += bad ? bad : 1)
    if ((bad = bad_character((const uint8_t *)base + i, size - i))) {
      memset(out + i, '_', bad);
      *changed = true;
    }
  return true;
}
