/* SPDX-License-Identifier: MIT
 *
 * NO_COLOR, if it is not empty, says that nobody wants colours (no-color.org).
 */
#include "tools/base/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool wants_colours(void) {
  const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
  return !(no && *no) && term && *term && strcmp(term, "dumb") != 0;
}

struct terminal terminal_look(FILE *out) {
  struct winsize size = {0};
  struct terminal t = {.is_one = isatty(fileno(out)) == 1};
  if (!t.is_one) return t;
  bool known = ioctl(fileno(out), TIOCGWINSZ, &size) == 0;
  t.width = known && size.ws_col ? size.ws_col : 80;
  t.height = known && size.ws_row ? size.ws_row : 24;
  t.colours = wants_colours();
  return t;
}
