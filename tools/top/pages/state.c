/* SPDX-License-Identifier: MIT
 */
#include "tools/top/pages/state.h"

#include <stdarg.h>
#include <stdio.h>

void top_say(struct top *t, bool is_bad, const char *format, ...) {
  va_list list;
  va_start(list, format);
  vsnprintf(t->message, sizeof t->message, format, list);
  va_end(list);
  t->message_is_bad = is_bad;
}
