/* SPDX-License-Identifier: MIT
 *
 * The list is sorted while it grows: the library reports one kind of fault at the end only.
 */
#include "policy/errors.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

void policy_error_add(struct policy_errors *e, unsigned line, const char *format, ...) {
  va_list args;
  assert(e->kept <= POLICY_ERRORS_MOST && e->kept <= e->count);
  e->count++;
  unsigned at = e->kept;
  while (at > 0 && e->list[at - 1].line > line) at--;
  if (at == POLICY_ERRORS_MOST) return;
  if (e->kept < POLICY_ERRORS_MOST) e->kept++;
  for (unsigned i = e->kept - 1; i > at; i--) e->list[i] = e->list[i - 1];
  e->list[at].line = line;
  va_start(args, format);
  vsnprintf(e->list[at].text, sizeof e->list[at].text, format, args);
  va_end(args);
}
