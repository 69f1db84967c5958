/* SPDX-License-Identifier: MIT
 *
 * Bytes that are no UTF-8 are allowed: no terminal takes them for a control character of Unicode.
 */
#include "proto/name.h"

#include <stdint.h>
#include <string.h>

#include "proto/printable.h"

#define TEXT_OF_(number) #number
#define TEXT_OF(number) TEXT_OF_(number)

static const char wrong_size[] = "has 1 to " TEXT_OF(NAME_MAX_BYTES) " bytes";
static const char control[] =
    "has no control characters, and none that end a line, change the direction of text or cannot "
    "be seen";
static const char reserved[] = "has no '@' and no '/': they are reserved for naming machines";

/* How many bytes at `text` are a character that no name has; 0: what is there may stand. */
static size_t bad_character(const char *text, size_t left) {
  uint32_t code;
  if (*text == '@' || *text == '/') return 1;
  size_t n = printable_decode(text, left, &code);
  return n && printable_steers(code) ? n : 0;
}

const char *name_fault(const char *text, size_t size) {
  if (size < 1 || size > NAME_MAX_BYTES) return wrong_size;
  for (size_t i = 0; i < size; i++)
    if (bad_character(text + i, size - i))
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
    if ((bad = bad_character(base + i, size - i))) {
      memset(out + i, '_', bad);
      *changed = true;
    }
  return true;
}
